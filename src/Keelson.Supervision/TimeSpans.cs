using System.Globalization;

namespace Keelson.Supervision;

/// <summary>Time spans of systemd.time(7): numbers with units, seconds without; "infinity".</summary>
public static class TimeSpans
{
    /// <summary>What "infinity" is.</summary>
    public const long Infinite = long.MaxValue;

    /// <summary>A cure for complaints.</summary>
    public const string Cure = "write seconds, or for example 500ms or 1min 30s";

    // So that neither a unit nor thousands of microseconds lead beyond a long.
    private const long Most = 1_000_000_000;
    private const long MostMilliseconds = Most * 1_000_000;

    /// <summary>Milliseconds; <see cref="Infinite"/>; null when it is no time span.</summary>
    public static long? Milliseconds(string text)
    {
        ReadOnlySpan<char> rest = text.AsSpan().Trim();
        if (rest is "infinity")
            return Infinite;
        if (rest.IsEmpty)
            return null;
        long sum = 0;
        while (!rest.IsEmpty)
        {
            int digits = CountOf(rest, char.IsAsciiDigit);
            if (digits == 0 || !long.TryParse(rest[..digits], CultureInfo.InvariantCulture, out long number) || number > Most)
                return null;
            rest = rest[digits..];
            ReadOnlySpan<char> fraction = rest is ['.', ..] ? rest.Slice(1, CountOf(rest[1..], char.IsAsciiDigit)) : default;
            rest = rest[(fraction.IsEmpty ? 0 : fraction.Length + 1)..].TrimStart();
            int letters = CountOf(rest, char.IsAsciiLetterLower);
            if (Unit(rest[..letters]) is not { } unit)
                return null;
            rest = rest[letters..].TrimStart();
            // Thousandths are enough for a unit of days.
            sum += number * unit + (fraction.IsEmpty ? 0 : long.Parse((fraction.ToString() + "00")[..3], CultureInfo.InvariantCulture) * unit / 1000);
            if (sum > MostMilliseconds)
                return null;
        }
        return sum;
    }

    private static int CountOf(ReadOnlySpan<char> text, Func<char, bool> kind)
    {
        int count = 0;
        while (count < text.Length && kind(text[count]))
            count++;
        return count;
    }

    private static long? Unit(ReadOnlySpan<char> name) => name switch
    {
        "ms" or "msec" => 1,
        "" or "s" or "sec" or "second" or "seconds" => 1000,
        "m" or "min" or "minute" or "minutes" => 60_000,
        "h" or "hr" or "hour" or "hours" => 3_600_000,
        "d" or "day" or "days" => 86_400_000,
        _ => null,
    };
}
