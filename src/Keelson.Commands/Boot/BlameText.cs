using System.Globalization;
using System.Text;

namespace Keelson.Commands.Boot;

/// <summary>keelson blame: what took how long, the slowest first. Pure.</summary>
public static class BlameText
{
    public static string Write(BootTimeline timeline)
    {
        var items = new List<BootItem>();
        foreach (BootItem item in timeline.Items)
        {
            if (item.Kind != BootItemKind.Main)
                items.Add(item);
        }
        items.Sort((a, b) =>
        {
            long difference = Took(b, timeline.End) - Took(a, timeline.End);
            return difference != 0 ? Math.Sign(difference) : string.CompareOrdinal(a.Name, b.Name);
        });
        var text = new StringBuilder();
        foreach (BootItem item in items)
            text.Append(Seconds(Took(item, timeline.End)).PadLeft(10)).Append("  ").Append(Printable.Of(item.Name)).Append(Remark(item)).Append('\n');
        return text.ToString();
    }

    /// <summary>From its start to its end or readiness; without the time in which it waited for others.</summary>
    internal static long Took(BootItem item, long end) => item.Started is { } started ? Math.Max((item.Done ?? end) - started, 0) : 0;

    /// <summary>12.345 s</summary>
    internal static string Seconds(long milliseconds) =>
        string.Create(CultureInfo.InvariantCulture, $"{milliseconds / 1000}.{milliseconds % 1000:000} s");

    private static string Remark(BootItem item)
    {
        string text = item.Text.Length > 0 ? $": {Printable.Of(item.Text)}" : "";
        if (item.HasFailed)
            return $" (failed{text})";
        if (item.Started is null)
            return $" (waits{text})";
        if (item.Done is null)
            return item.Kind == BootItemKind.Script ? " (runs)" : " (not ready yet)";
        if (item.Broke is not null)
            return " (then failed)";
        return item.Held is { } held && item.Started > held ? $" (after waiting {Seconds(item.Started.Value - held)})" : "";
    }
}
