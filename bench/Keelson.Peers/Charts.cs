// bench/results/peers-light.svg and peers-dark.svg: a panel a metric, its bars sorted, the best on top, values at their
// ends. The background is transparent and the colours are GitHub's own of its light and dark pages.
using System.Globalization;
using System.Text;
using System.Xml.Linq;
using OxyPlot;
using OxyPlot.Axes;
using OxyPlot.Series;

namespace Keelson.Peers;

internal sealed record Theme(string Name, string Text, string Muted, string Ours, string Theirs)
{
    internal static readonly Theme[] All =
    [
        new("light", "#1f2328", "#59636e", "#0969da", "#afb8c1"),
        new("dark", "#f0f6fc", "#9198a1", "#4493f8", "#59636e"),
    ];
}

internal static class Charts
{
    private const int Width = 960, Gap = 24, Panel = (Width - Gap) / 2, Bar = 24, Head = 30, Names = 136;

    // The width of a bar says how many times another it is only on a linear axis; beyond this, the small ones would not be seen.
    private const double LinearUpTo = 20;

    internal static string Render(Figures figures, Theme theme)
    {
        XNamespace svg = "http://www.w3.org/2000/svg";
        var drawing = new XElement(svg + "svg", new XAttribute("font-family", "-apple-system, 'Segoe UI', 'Noto Sans', Helvetica, Arial, sans-serif"));
        int y = 0;
        foreach (MetricFigures[] row in figures.Metrics.Chunk(2))
        {
            int height = row.Max(m => Head + m.Series.Length * Bar);
            for (int i = 0; i < row.Length; i++)
            {
                int own = Head + row[i].Series.Length * Bar;
                XElement panel = Drawn(row[i], theme, own);
                panel.SetAttributeValue("x", i * (Panel + Gap));
                panel.SetAttributeValue("y", y);
                drawing.Add(panel);
            }
            y += height + 14;
        }
        drawing.Add(new XAttribute("width", Width), new XAttribute("height", y), new XAttribute("viewBox", $"0 0 {Width} {y}"));
        return drawing.ToString() + "\n";
    }

    private static XElement Drawn(MetricFigures metric, Theme theme, int height)
    {
        Series[] sorted = [.. metric.BestFirst];
        double most = sorted.Max(s => s.Median), least = sorted.Min(s => s.Median);
        bool logarithmic = most / least > LinearUpTo;
        // The shortest bar of a logarithmic panel is a tenth of the panel long.
        double from = logarithmic ? least / Math.Pow(most / least, 1.0 / 9) : 0;
        var model = new PlotModel
        {
            PlotAreaBorderThickness = new OxyThickness(0),
            PlotMargins = new OxyThickness(Names, Head, 0, 0),
            Padding = new OxyThickness(0),
            TextColor = OxyColor.Parse(theme.Text),
            DefaultFontSize = 13,
        };
        // Bottom to top.
        var names = new CategoryAxis { Position = AxisPosition.Left, TickStyle = TickStyle.None, GapWidth = 0.35, AxislineStyle = LineStyle.None, IsZoomEnabled = false };
        names.Labels.AddRange(sorted.Reverse().Select(s => s.Peer));
        model.Axes.Add(names);
        // Room for the number behind the longest bar.
        const double room = 0.66;
        Axis values = logarithmic
            ? new LogarithmicAxis { Position = AxisPosition.Bottom, Minimum = from, Maximum = from * Math.Pow(most / from, 1 / room) }
            : new LinearAxis { Position = AxisPosition.Bottom, Minimum = 0, Maximum = most / room };
        values.IsAxisVisible = false;
        model.Axes.Add(values);
        var bars = new BarSeries { BaseValue = from, StrokeThickness = 0 };
        foreach (Series series in sorted.Reverse())
            bars.Items.Add(new BarItem(series.Median) { Color = OxyColor.Parse(series.Peer == Peer.Keelson ? theme.Ours : theme.Theirs) });
        model.Series.Add(bars);
        for (int i = 0; i < sorted.Length; i++)
        {
            Series series = sorted[^(i + 1)];
            bool ours = series.Peer == Peer.Keelson;
            model.Annotations.Add(new OxyPlot.Annotations.TextAnnotation
            {
                Text = Figures.Number(series.Median) + (ours ? "" : $"  ({Figures.Number(series.Ratio)}×)"),
                TextPosition = new DataPoint(series.Median, i),
                TextHorizontalAlignment = HorizontalAlignment.Left,
                TextVerticalAlignment = VerticalAlignment.Middle,
                Offset = new ScreenVector(5, 0),
                StrokeThickness = 0,
                Padding = new OxyThickness(0),
                FontWeight = ours ? FontWeights.Bold : FontWeights.Normal,
                TextColor = OxyColor.Parse(ours ? theme.Ours : theme.Text),
            });
        }
        using var stream = new MemoryStream();
        new SvgExporter { Width = Panel, Height = height, IsDocument = false }.Export(model, stream);
        XElement panel = XElement.Parse(Encoding.UTF8.GetString(stream.ToArray()).TrimStart('\uFEFF'));
        // Of several drawings in one, all clips have the same names; and fonts are those of the page.
        panel.Descendants().Where(e => e.Name.LocalName == "defs").Remove();
        foreach (XElement element in panel.DescendantsAndSelf())
        {
            element.SetAttributeValue("clip-path", null);
            element.SetAttributeValue("font-family", null);
            // Not every program that draws SVG knows where the middle of a line of text is.
            if (element.Attribute("dominant-baseline") is { } baseline)
            {
                baseline.Remove();
                element.SetAttributeValue("dy", "0.35em");
            }
            if (element.Name.LocalName == "text" && element.Value == Peer.Keelson)
                element.SetAttributeValue("font-weight", "700");
        }
        XNamespace svg = panel.Name.Namespace;
        panel.Add(new XElement(svg + "text", new XAttribute("x", 4), new XAttribute("y", 18), new XAttribute("font-size", 15), new XAttribute("font-weight", 600), new XAttribute("fill", theme.Text),
            $"{metric.Title}, {metric.Unit} ",
            new XElement(svg + "tspan", new XAttribute("font-size", 12), new XAttribute("font-weight", 400), new XAttribute("fill", theme.Muted),
                $" {(metric.LessIsBetter ? "less" : "more")} is better{(logarithmic ? ", logarithmic" : "")}")));
        return panel;
    }
}
