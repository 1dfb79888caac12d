using System.Globalization;

namespace Keelson.Supervision;

/// <summary>A Limit...= of systemd.exec(5).</summary>
/// <param name="Resource">The number that setrlimit(2) has for it.</param>
/// <param name="Soft">The limit that holds, in the resource's unit; <see cref="ResourceLimits.Infinity"/> for none.</param>
/// <param name="Hard">What the process may raise it to.</param>
public readonly record struct ResourceLimit(int Resource, ulong Soft, ulong Hard);

public static class ResourceLimits
{
    /// <summary>RLIM_INFINITY of setrlimit(2).</summary>
    public const ulong Infinity = ulong.MaxValue;

    // In the order of their numbers on x86-64 and arm64, each with its unit.
    private static readonly (string Key, Unit Unit)[] s_resources =
    [
        ("LimitCPU", Unit.Seconds), ("LimitFSIZE", Unit.Bytes), ("LimitDATA", Unit.Bytes), ("LimitSTACK", Unit.Bytes),
        ("LimitCORE", Unit.Bytes), ("LimitRSS", Unit.Bytes), ("LimitNPROC", Unit.Count), ("LimitNOFILE", Unit.Count),
        ("LimitMEMLOCK", Unit.Bytes), ("LimitAS", Unit.Bytes), ("LimitLOCKS", Unit.Count), ("LimitSIGPENDING", Unit.Count),
        ("LimitMSGQUEUE", Unit.Bytes), ("LimitNICE", Unit.Nice), ("LimitRTPRIO", Unit.Count), ("LimitRTTIME", Unit.Microseconds),
    ];

    private enum Unit
    {
        Count,
        Bytes,
        Seconds,
        Microseconds,
        Nice,
    }

    /// <summary>The key of a resource's number: 7 is LimitNOFILE.</summary>
    public static string KeyOf(int resource) => s_resources[resource].Key;

    /// <summary>The resource of a key; negative when it is none of these.</summary>
    internal static int Find(string key) => Array.FindIndex(s_resources, r => r.Key == key);

    /// <summary>Reads N, SOFT:HARD or infinity.</summary>
    /// <returns>What is wrong, and the cure; null when nothing is.</returns>
    internal static string? Parse(int resource, string value, out ResourceLimit limit)
    {
        Unit unit = s_resources[resource].Unit;
        int colon = value.IndexOf(':', StringComparison.Ordinal);
        ulong? soft = One(unit, colon < 0 ? value : value[..colon]);
        ulong? hard = colon < 0 ? soft : One(unit, value[(colon + 1)..]);
        limit = new(resource, soft ?? 0, hard ?? 0);
        if (soft is null || hard is null)
            return $"is no limit; write {Cure(unit)}, infinity, or SOFT:HARD";
        return soft > hard ? "has a soft limit above the hard one; write the smaller one first" : null;
    }

    private static string Cure(Unit unit) => unit switch
    {
        Unit.Bytes => "bytes, for example 512M",
        Unit.Seconds => "seconds, or for example 5min",
        Unit.Microseconds => "microseconds, or for example 500ms",
        Unit.Nice => "0 to 40, or a nice level from -20 to +19 with its sign",
        _ => "a number",
    };

    private static ulong? One(Unit unit, string text) => unit switch
    {
        Unit.Nice => Nice(text),
        _ when text == "infinity" => Infinity,
        Unit.Bytes => Bytes(text),
        Unit.Seconds => TimeSpans.Milliseconds(text) is { } span ? ((ulong)span + 999) / 1000 : null,
        Unit.Microseconds => Microseconds(text),
        _ => Number(text),
    };

    private static ulong? Number(string text) =>
        ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong number) && number != Infinity ? number : null;

    /// <summary>A number, perhaps with a fraction, with K, M, G, T, P or E to the base 1024, B or nothing: 1.5G.</summary>
    private static ulong? Bytes(string text)
    {
        int power = text.Length == 0 ? -1 : "BKMGTPE".IndexOf(text[^1], StringComparison.Ordinal);
        string digits = power < 0 ? text : text[..^1].TrimEnd();
        ulong unit = 1UL << 10 * Math.Max(power, 0);
        int dot = digits.IndexOf('.', StringComparison.Ordinal);
        string fraction = dot < 0 ? "" : digits[(dot + 1)..];
        if (Number(dot < 0 ? digits : digits[..dot]) is not { } whole || whole > Infinity / unit || Number("0" + fraction) is null)
            return null;
        // Nine places are exact enough for bytes, and do not overflow.
        var part = (ulong)((UInt128)ulong.Parse((fraction + "000000000")[..9], CultureInfo.InvariantCulture) * unit / 1_000_000_000);
        return Infinity - whole * unit > part ? whole * unit + part : null;
    }

    private static ulong? Microseconds(string text)
    {
        string digits = text.EndsWith("usec", StringComparison.Ordinal) ? text[..^4] : text.EndsWith("us", StringComparison.Ordinal) ? text[..^2] : text;
        return Number(digits.TrimEnd()) ?? (TimeSpans.Milliseconds(text) is { } span ? (ulong)span * 1000 : null);
    }

    /// <summary>With a sign a nice level, without one the kernel's own number, 20 less the level.</summary>
    private static ulong? Nice(string text)
    {
        if (text is ['+' or '-', ..])
        {
            return int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int level) && level is >= -20 and <= 19
                ? (ulong)(20 - level)
                : null;
        }
        return Number(text) is { } raw and <= 40 ? raw : null;
    }
}
