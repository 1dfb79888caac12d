using System.Buffers.Text;

namespace Keelson.Commands.Probe;

/// <summary>Which statuses of HTTP are good: 200-399, or 200,204,301-303. Pure.</summary>
public sealed class StatusRanges
{
    private const int Least = 100;
    private const int Most = 999;

    private readonly List<(int First, int Last)> _ranges = [];

    /// <summary>Null when the text is no list of ranges.</summary>
    public static StatusRanges? Parse(ReadOnlySpan<byte> text)
    {
        var ranges = new StatusRanges();
        foreach (Range range in text.Split((byte)','))
        {
            ReadOnlySpan<byte> part = text[range];
            int dash = part.IndexOf((byte)'-');
            if (!Number(dash < 0 ? part : part[..dash], out int first) || !Number(dash < 0 ? part : part[(dash + 1)..], out int last) || first > last)
                return null;
            ranges._ranges.Add((first, last));
        }
        return ranges;
    }

    public bool Contains(int status)
    {
        foreach ((int first, int last) in _ranges)
        {
            if (status >= first && status <= last)
                return true;
        }
        return false;
    }

    private static bool Number(ReadOnlySpan<byte> text, out int number) =>
        Utf8Parser.TryParse(text, out number, out int used) && used == text.Length && text.Length == 3 && number is >= Least and <= Most;
}
