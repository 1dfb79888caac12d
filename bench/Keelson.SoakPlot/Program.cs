// soak-plot CSV SVG TITLE: one panel a column of the CSV over the minutes, all beginning at 0, with the limits of the thirds
// that are compared.
using System.Globalization;
using System.Text;
using System.Xml.Linq;
using OxyPlot;
using OxyPlot.Annotations;
using OxyPlot.Axes;
using OxyPlot.Series;

if (args is not [var csv, var svg, var title])
{
    Console.Error.WriteLine("usage: soak-plot CSV SVG TITLE");
    return 2;
}
(string Name, string Label)[] columns =
[
    ("pss_kb", "PSS of process 1, kB"), ("descriptors", "descriptors"), ("zombies", "zombies"),
    ("sv_ms", "sv status, ms"), ("control_ms", "keelson status, ms"), ("restart_ms", "killed to running, ms"),
];
string[] lines = File.ReadAllLines(csv);
string[] header = lines[0].Split(',');
double[][] rows = [.. lines.Skip(1).Where(l => !l.StartsWith('#')).Select(l => l.Split(',').Select(f => double.Parse(f, CultureInfo.InvariantCulture)).ToArray())];
double End(int row) => rows[row][0] / 60;

string[] titles = title.Split('\n');
var model = new PlotModel
{
    Title = titles[0],
    TitleFontSize = 17,
    TitleFontWeight = 400,
    Subtitle = string.Concat(titles[1..].Select(t => "\n" + t + "\n")),
    SubtitleFontSize = 12,
    DefaultFontSize = 12,
    DefaultFont = "Helvetica, Arial, sans-serif",
    Background = OxyColors.White,
    PlotAreaBorderThickness = new OxyThickness(0),
    PlotMargins = new OxyThickness(60, double.NaN, 20, double.NaN),
};
model.Axes.Add(new LinearAxis { Position = AxisPosition.Bottom, Minimum = 0, Maximum = End(rows.Length - 1), Title = "minutes", AxislineStyle = LineStyle.Solid });
// One axis a panel, each in its part of the height, the first on top.
double part = 1.0 / columns.Length;
for (int i = 0; i < columns.Length; i++)
{
    (string name, string label) = columns[i];
    int column = Array.IndexOf(header, name);
    double most = rows.Max(r => r[column]);
    double bottom = 1 - (i + 1) * part;
    model.Axes.Add(new LinearAxis
    {
        Key = name,
        Position = AxisPosition.Left,
        StartPosition = bottom,
        EndPosition = bottom + part * 0.8,
        Minimum = 0,
        Maximum = Math.Max(most * 1.05, 1),
        AxislineStyle = LineStyle.Solid,
        MajorGridlineStyle = LineStyle.Solid,
        MajorGridlineColor = OxyColor.FromRgb(0xe4, 0xe4, 0xe4),
        IntervalLength = 40,
        MinorTickSize = 0,
        StringFormat = "#,0",
    });
    var series = new LineSeries { YAxisKey = name, Color = OxyColor.FromRgb(0x09, 0x69, 0xda), StrokeThickness = 1.2 };
    series.Points.AddRange(rows.Select(r => new DataPoint(r[0] / 60, r[column])));
    model.Series.Add(series);
    foreach (int third in (int[])[1, 2])
        model.Annotations.Add(new LineAnnotation { Type = LineAnnotationType.Vertical, X = End(rows.Length * third / 3), YAxisKey = name, Color = OxyColors.Gray, LineStyle = LineStyle.Dash });
    model.Annotations.Add(new TextAnnotation
    {
        Text = label,
        YAxisKey = name,
        TextPosition = new DataPoint(0, Math.Max(most * 1.05, 1)),
        TextHorizontalAlignment = HorizontalAlignment.Left,
        TextVerticalAlignment = VerticalAlignment.Bottom,
        Stroke = OxyColors.Transparent,
        FontWeight = 700,
        ClipByXAxis = false,
        ClipByYAxis = false,
    });
}
using var drawn = new MemoryStream();
new SvgExporter { Width = 1000, Height = 1150 }.Export(model, drawn);
XElement picture = XElement.Parse(Encoding.UTF8.GetString(drawn.ToArray()).TrimStart('\uFEFF'));
// Not every program that draws SVG knows where the middle and the top of a line of text are.
foreach (XElement text in picture.Descendants())
{
    if (text.Attribute("dominant-baseline") is not { } baseline)
        continue;
    text.SetAttributeValue("dy", baseline.Value == "hanging" ? "0.8em" : baseline.Value == "middle" ? "0.35em" : null);
    baseline.Remove();
}
File.WriteAllText(svg, picture + "\n");
return 0;
