using System.Text;

namespace Keelson.SystemTests.Harness;

/// <summary>An environment block (/proc/PID/environ) as names and values. Latin-1, so that one character is one byte.</summary>
internal static class EnvironmentBlock
{
    internal static IReadOnlyDictionary<string, string> Parse(ReadOnlySpan<byte> block)
    {
        var all = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (string entry in Encoding.Latin1.GetString(block).Split('\0', StringSplitOptions.RemoveEmptyEntries))
        {
            int equals = entry.IndexOf('=', StringComparison.Ordinal);
            all[entry[..equals]] = entry[(equals + 1)..];
        }
        return all;
    }

    internal static string Bytes(string text) => Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(text));
}
