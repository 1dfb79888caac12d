using System.Numerics;
using System.Text.RegularExpressions;
using Keelson.Commands.Svlogd;

namespace Keelson.Fuzz;

/// <summary>
/// svlogd's config, whose numbers are read once more here, and its patterns, which match as runit's own loop (pmatch.c) does:
/// each pattern is tried on the line behind it.
/// </summary>
internal sealed partial class SvlogdConfigTarget : Target
{
    internal override string Name => "svlogd-config";
    internal override int MaxLength => 200;
    internal override IEnumerable<string> Words => ["s", "n", "N", "t", "!", "p", "U", "u", "-*", "+*", "e*: *", "E", "\nu127.0.0.1:514", "\ns1000k", "\nt2h", "\ns2m", "256", "65535", "99999999999999999999", "+a", "*a+b"];

    [GeneratedRegex(@"^([0-9]*)([kmh]?)", RegexOptions.Singleline)]
    private static partial Regex Scaled();

    internal override void Check(ReadOnlySpan<byte> input)
    {
        Config config = Config.Parse(input);
        string[] lines = Text(input).Split('\n');
        Assert.Equal(Number(lines, 's', letter => letter switch { "k" => 1024, "m" => 1024 * 1024, _ => 1 }, 1_000_000), config.Size);
        Assert.Equal(Number(lines, 't', letter => letter switch { "m" => 60, "h" => 3600, _ => 1 }, 0), config.Age);
        Assert.Equal(Number(lines, 'n', _ => 1, 10), config.Keep);
        Assert.Equal(Number(lines, 'N', _ => 1, 0), config.KeepWhenFull);
        Assert.True(!config.Udp || config.Port > 0);
        Assert.Equal(lines.Where(l => l is ['+' or '-' or 'e' or 'E', ..]), config.Patterns.Select(p => Text(p.Span)));
        for (int i = 0; i + 1 < lines.Length; i++)
        {
            byte[] pattern = [.. lines[i].Select(c => (byte)c)], line = [.. lines[i + 1].Select(c => (byte)c)];
            // A C string ends where a NUL is.
            if (!pattern.Contains((byte)0))
                Assert.Equal(MatchesInRunit([.. pattern, 0], line), Pattern.Matches(pattern, line));
        }
    }

    /// <summary>The last line of the letter counts; what is too large for a number is the largest.</summary>
    private static ulong Number(string[] lines, char letter, Func<string, int> unit, ulong otherwise)
    {
        if (lines.LastOrDefault(l => l.StartsWith(letter)) is not { } line)
            return otherwise;
        Match match = Scaled().Match(line[1..]);
        BigInteger number = match.Groups[1].Length == 0 ? 0 : BigInteger.Parse(match.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture);
        number *= unit(match.Groups[2].Value);
        return (ulong)BigInteger.Min(number, 1UL << 52);
    }

    private static bool MatchesInRunit(byte[] pattern, byte[] text)
    {
        int p = 0, s = 0, left = text.Length;
        while (true)
        {
            byte c = pattern[p++];
            if (c == 0)
                return left == 0;
            if (c == '*')
            {
                if ((c = pattern[p]) == 0)
                    return true;
                for (; left > 0 && text[s] != c; s++)
                    left--;
                if (left == 0)
                    return false;
            }
            else if (c == '+')
            {
                // Behind the text runit looks at what happens to be there; nothing is, here.
                if ((c = pattern[p++]) == 0 || left == 0 || c != text[s])
                    return false;
                for (; left > 0 && text[s] == c; s++)
                    left--;
                if (left == 0)
                    return true;
            }
            else
            {
                if (left == 0 || text[s] != c)
                    return false;
                s++;
                left--;
            }
        }
    }
}
