using System.Globalization;

namespace Keelson.Supervision;

/// <summary>The names of signal(7) as numbers, for KillSignal= and the like.</summary>
public static class SignalNames
{
    private const int RealTimeFirst = 34;
    private const int RealTimeLast = 64;

    private static readonly string[] s_names =
    [
        "", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM",
        "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
    ];

    /// <summary>SIGTERM, TERM, 15, SIGRTMIN+3; null for what is no signal.</summary>
    public static int? Number(string text)
    {
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number))
            return number is > 0 and <= RealTimeLast ? number : null;
        string name = text.StartsWith("SIG", StringComparison.Ordinal) ? text[3..] : text;
        if (name.StartsWith("RTMIN+", StringComparison.Ordinal) && int.TryParse(name[6..], NumberStyles.None, CultureInfo.InvariantCulture, out int above))
            return RealTimeFirst + above <= RealTimeLast ? RealTimeFirst + above : null;
        int at = name.Length == 0 ? -1 : Array.IndexOf(s_names, name);
        return at > 0 ? at : name == "RTMIN" ? RealTimeFirst : null;
    }
}
