using System.Globalization;

namespace Keelson.Supervision;

/// <summary>The names of capabilities(7), and sets of them: bit n for capability n.</summary>
public static class Capabilities
{
    private static readonly string[] s_names =
    [
        "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP", "LINUX_IMMUTABLE",
        "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO",
        "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME",
        "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG",
        "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF", "CHECKPOINT_RESTORE",
    ];

    // One less than there is room for: the last bit of all tells a list of what is left out from a list of names.
    private const int LastNumber = 61;

    /// <summary>Every capability, those that no kernel has yet too.</summary>
    public const ulong All = ulong.MaxValue >> 1;

    /// <summary>The set is that of a list behind ~.</summary>
    public static bool IsOpenEnded(ulong set) => set >> LastNumber + 1 != 0;

    /// <summary>CAP_NET_ADMIN for 12; cap_41 for what has no name here.</summary>
    public static string Name(int capability) =>
        capability < s_names.Length ? "CAP_" + s_names[capability] : "cap_" + capability.ToString(CultureInfo.InvariantCulture);

    /// <summary>The names of a set with blanks between them.</summary>
    public static string Names(ulong set)
    {
        var names = new List<string>();
        for (int i = 0; i <= LastNumber; i++)
        {
            if ((set >> i & 1) != 0)
                names.Add(Name(i));
        }
        return string.Join(' ', names);
    }

    /// <summary>
    /// One more line of CapabilityBoundingSet= or AmbientCapabilities=: a list adds to what was before, a list behind ~
    /// takes away from it, and the first line of a list stands for itself.
    /// </summary>
    /// <param name="value">Names, any case, or numbers.</param>
    /// <param name="initial">What the key stands for without a line.</param>
    /// <param name="set">The set so far, and the new one.</param>
    /// <returns>What is wrong, and the cure; null when nothing is.</returns>
    internal static string? Merge(string value, ulong initial, ref ulong set)
    {
        bool inverted = value.StartsWith('~');
        ulong sum = 0;
        foreach (string word in ConfSyntax.Words(inverted ? value[1..] : value))
        {
            if (Number(word) is not { } number)
                return $"has {word}, which is no capability; write names of capabilities(7), for example CAP_NET_BIND_SERVICE";
            sum |= 1UL << number;
        }
        set = sum == 0 || set == initial ? (inverted ? All & ~sum : sum) : inverted ? set & ~sum : set | sum;
        return null;
    }

    /// <summary>The number of CAP_NET_ADMIN, in any case, or of 12; null for what is none.</summary>
    public static int? Number(string word)
    {
        if (int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out int number))
            return number <= LastNumber ? number : null;
        string name = word.ToUpperInvariant();
        int at = name.StartsWith("CAP_", StringComparison.Ordinal) ? Array.IndexOf(s_names, name[4..]) : -1;
        return at < 0 ? null : at;
    }
}
