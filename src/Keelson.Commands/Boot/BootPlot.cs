// keelson plot: a boot as a picture. One row an item, its name in a column of its own, its bar and behind it its time: no
// two texts share a row's place, whatever the times are. The font has one width, so widths are known. Pure.
using System.Globalization;
using System.Text;

namespace Keelson.Commands.Boot;

public static class BootPlot
{
    private const int Margin = 20;
    private const int RowHeight = 24;
    private const int BarHeight = 14;
    private const int ChartWidth = 800;
    private const int TimeWidth = 190;
    private const int Top = 96;
    private const int LongestName = 48;
    private const int ShortestTick = 90;
    // 0.6 em of a font of 13 px, and a little more where the font is another.
    private const double LetterWidth = 8;

    private const string Style =
        "text{font:13px ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace;fill:#1f2328}.t{font-size:18px;font-weight:bold}.s{fill:#57606a}.b{font-weight:bold}" +
        ".g{stroke:#d8dee4}.r{fill:#f6f8fa}.w{fill:#d0d7de}.script{fill:#bf8700}.service{fill:#0969da}.ready{fill:#9ad6ab}.main{fill:#8250df}.bad{fill:#cf222e}.c{fill:none;stroke:#bc4c00;stroke-width:2}";

    /// <summary>The picture as SVG 1.1.</summary>
    public static string Write(BootTimeline timeline)
    {
        IReadOnlyList<BootItem> items = timeline.Items;
        int longest = 0;
        foreach (BootItem item in items)
            longest = Math.Max(longest, Width(Label(item)));
        double left = Margin + longest * LetterWidth + 12;
        double scale = ChartWidth / (double)Math.Max(timeline.End, 1);
        double width = left + ChartWidth + TimeWidth + Margin;
        int bottom = Top + items.Count * RowHeight;
        int height = bottom + 64 + Margin;

        var svg = new StringBuilder();
        svg.Append("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"").Append(Number(width)).Append("\" height=\"").Append(height)
            .Append("\" viewBox=\"0 0 ").Append(Number(width)).Append(' ').Append(height).Append("\" role=\"img\">\n<style>").Append(Style).Append("</style>\n");
        svg.Append("<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n");
        Text(svg, "t", Margin, 34, timeline.IsUnfinished ? "The boot goes on" : $"Booted in {BlameText.Seconds(timeline.End)}");
        Text(svg, "s", Margin, 56, Summary(timeline));
        for (int i = 0; i < items.Count; i += 2)
            Rectangle(svg, "r", Margin, Top + i * RowHeight, width - 2 * Margin, RowHeight, "");
        Axis(svg, left, scale, timeline.End, bottom);
        for (int i = 0; i < items.Count; i++)
            Row(svg, items[i], Top + i * RowHeight, left, scale, timeline.End);
        Path(svg, items, left, scale);
        Legend(svg, bottom + 40);
        return svg.Append("</svg>\n").ToString();
    }

    private static string Summary(BootTimeline timeline)
    {
        int scripts = 0, services = 0, failed = 0;
        foreach (BootItem item in timeline.Items)
        {
            scripts += item.Kind == BootItemKind.Script ? 1 : 0;
            services += item.Kind == BootItemKind.Service ? 1 : 0;
            failed += item.HasFailed || item.Broke is not null ? 1 : 0;
        }
        string text = $"{scripts} startup script{(scripts == 1 ? "" : "s")}, {services} service{(services == 1 ? "" : "s")}";
        return failed > 0 ? $"{text}, {failed} failed" : text;
    }

    /// <summary>A line each 1, 2 or 5 times a power of ten, so far apart that their times have room.</summary>
    private static void Axis(StringBuilder svg, double left, double scale, long end, int bottom)
    {
        long step = 1;
        for (int i = 0; step * scale < ShortestTick; i++)
            step = i % 3 == 1 ? step / 2 * 5 : step * 2;
        for (long time = 0; time <= Math.Max(end, 1); time += step)
        {
            double x = left + time * scale;
            svg.Append("<line class=\"g\" x1=\"").Append(Number(x)).Append("\" x2=\"").Append(Number(x)).Append("\" y1=\"").Append(Top - 6).Append("\" y2=\"").Append(bottom).Append("\"/>\n");
            Text(svg, "s", x, Top - 12, BlameText.Seconds(time), "middle");
        }
    }

    private static void Row(StringBuilder svg, BootItem item, int y, double left, double scale, long end)
    {
        double X(long time) => left + Math.Min(time, end) * scale;
        int bar = y + (RowHeight - BarHeight) / 2;
        string what = Printable.Of(item.Text.Length > 0 ? $"{item.Name}: {item.Text}" : item.Name);
        Text(svg, item.IsCritical ? "b" : "", left - 10, y + 17, Label(item), "end", what);
        if (item.Held is { } held)
            Rectangle(svg, "w", X(held), bar + 4, X(item.Started ?? item.Done ?? end) - X(held), BarHeight - 8, "waits");
        long begin = item.Started ?? item.Done ?? end;
        string kind = item.HasFailed ? "bad" : item.Kind switch { BootItemKind.Script => "script", BootItemKind.Main => "main", _ => "service" };
        if (item.Started is not null || item.HasFailed)
            Rectangle(svg, kind, X(begin), bar, Math.Max(X(item.Done ?? end) - X(begin), 2), BarHeight, what);
        if (item.Kind == BootItemKind.Service && !item.HasFailed && item.Done is { } ready)
            Rectangle(svg, "ready", X(ready), bar, Math.Max(X(end) - X(ready), 2), BarHeight, "ready");
        if (item.Broke is { } broke)
            Rectangle(svg, "bad", X(broke), bar, Math.Max(X(end) - X(broke), 2), BarHeight, "ended");
        Text(svg, item.IsCritical ? "b" : "s", left + ChartWidth + 10, y + 17, Time(item, end));
    }

    private static string Time(BootItem item, long end)
    {
        string took = BlameText.Seconds(BlameText.Took(item, end));
        return item.HasFailed ? $"{took} failed" : item.Kind == BootItemKind.Main ? $"at {BlameText.Seconds(item.Started ?? 0)}" : item.Started is null ? "waits" : item.Done is null ? $"{took} not yet" : item.Broke is not null ? $"{took}, then failed" : took;
    }

    /// <summary>The critical path: from where one was done down or up to where the next began.</summary>
    private static void Path(StringBuilder svg, IReadOnlyList<BootItem> items, double left, double scale)
    {
        for (int i = 0; i < items.Count; i++)
        {
            BootItem item = items[i];
            if (!item.IsCritical)
                continue;
            double y = Top + i * RowHeight + (RowHeight - BarHeight) / 2;
            double from = left + item.Started!.Value * scale, to = left + item.Done!.Value * scale;
            svg.Append("<rect class=\"c\" x=\"").Append(Number(from)).Append("\" y=\"").Append(Number(y)).Append("\" width=\"").Append(Number(Math.Max(to - from, 2))).Append("\" height=\"").Append(BarHeight).Append("\"/>\n");
            if (item.Cause is not { } cause)
                continue;
            double start = left + cause.Done!.Value * scale, row = Top + IndexOf(items, cause) * RowHeight + RowHeight / 2.0;
            svg.Append("<path class=\"c\" d=\"M").Append(Number(start)).Append(' ').Append(Number(row)).Append('V').Append(Number(y + BarHeight / 2.0)).Append('H').Append(Number(from)).Append("\"/>\n");
        }
    }

    private static int IndexOf(IReadOnlyList<BootItem> items, BootItem item)
    {
        for (int i = 0; i < items.Count; i++)
        {
            if (items[i] == item)
                return i;
        }
        return 0;
    }

    private static void Legend(StringBuilder svg, int y)
    {
        double x = Margin;
        foreach ((string style, string name) in ((string, string)[])[("script", "startup script"), ("w", "waits for others"), ("service", "starts"), ("ready", "ready"), ("bad", "failed"), ("main", "main command"), ("c", "critical path (bold)")])
        {
            Rectangle(svg, style, x, y - 11, 14, BarHeight, "");
            Text(svg, "s", x + 20, y, name);
            x += 20 + name.Length * LetterWidth + 18;
        }
    }

    /// <summary>The name, its beginning left out where it is long: what tells names apart is at their end.</summary>
    private static string Label(BootItem item)
    {
        string name = Printable.Of(item.Name);
        if (name.Length <= LongestName)
            return name;
        int start = name.Length - (LongestName - 1);
        return "…" + name[(char.IsLowSurrogate(name[start]) ? start + 1 : start)..];
    }

    /// <summary>In letters; those of East Asia are two wide.</summary>
    internal static int Width(string text)
    {
        int width = 0;
        foreach (Rune rune in text.EnumerateRunes())
            width += rune.Value >= 0x1100 ? 2 : 1;
        return width;
    }

    private static void Rectangle(StringBuilder svg, string style, double x, double y, double width, double height, string title)
    {
        svg.Append("<rect class=\"").Append(style).Append("\" x=\"").Append(Number(x)).Append("\" y=\"").Append(Number(y)).Append("\" width=\"").Append(Number(Math.Max(width, 0))).Append("\" height=\"").Append(Number(height)).Append('"');
        if (title.Length == 0)
        {
            svg.Append("/>\n");
            return;
        }
        svg.Append("><title>");
        Escape(svg, title);
        svg.Append("</title></rect>\n");
    }

    private static void Text(StringBuilder svg, string style, double x, double y, string text, string anchor = "", string title = "")
    {
        svg.Append("<text").Append(style.Length > 0 ? $" class=\"{style}\"" : "").Append(anchor.Length > 0 ? $" text-anchor=\"{anchor}\"" : "").Append(" x=\"").Append(Number(x)).Append("\" y=\"").Append(Number(y)).Append("\">");
        if (title.Length > 0)
        {
            svg.Append("<title>");
            Escape(svg, title);
            svg.Append("</title>");
        }
        Escape(svg, text);
        svg.Append("</text>\n");
    }

    private static void Escape(StringBuilder svg, string text)
    {
        foreach (char c in text)
            _ = c switch { '&' => svg.Append("&amp;"), '<' => svg.Append("&lt;"), '>' => svg.Append("&gt;"), '"' => svg.Append("&quot;"), _ => svg.Append(c) };
    }

    /// <summary>Tenths of a pixel. No format of doubles: that is a large piece of the runtime.</summary>
    private static string Number(double value)
    {
        long tenths = (long)Math.Round(value * 10);
        return string.Create(CultureInfo.InvariantCulture, $"{tenths / 10}.{tenths % 10}");
    }
}
