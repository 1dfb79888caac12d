// What a command of sv(8) means, without doing any of it: the bytes for supervise/control, and how a status shows that
// they have taken effect.
using Keelson.Supervision;

namespace Keelson.Commands.Sv;

/// <summary>One command of sv.</summary>
/// <param name="Control">What is written to supervise/control (runsv(8)), one letter a command; empty for status and check.</param>
/// <param name="Waits">Whether its effect is waited for, and said.</param>
/// <param name="Kills">Whether a service that is late is killed.</param>
internal readonly record struct SvAction(string Control, bool Waits = false, bool Kills = false)
{
    internal bool IsStatus { get; private init; }

    internal bool IsExit => Control == "x";

    /// <summary>Whether nothing of the service may be left afterwards.</summary>
    internal bool Stops => Control is "d" or "x";

    /// <summary>
    /// The command of a word; null when there is none. A few words count as a whole, of all others the first letter.
    /// An init script knows no status but the whole word.
    /// </summary>
    internal static SvAction? Find(ReadOnlySpan<byte> word, bool initScript)
    {
        if (word.IsEmpty)
            return null;
        return WholeWord(SvText.Of(word)) ?? FirstLetter((char)word[0], initScript);
    }

    private static SvAction? WholeWord(string word) => word switch
    {
        "status" => new SvAction("") { IsStatus = true },
        "start" => new SvAction("u", Waits: true),
        "stop" => new SvAction("d", Waits: true),
        "restart" => new SvAction("tcu", Waits: true),
        "try-restart" => new SvAction("tc", Waits: true),
        "reload" => new SvAction("h", Waits: true),
        "shutdown" => new SvAction("x", Waits: true),
        "check" => new SvAction("", Waits: true),
        "force-stop" => new SvAction("d", Waits: true, Kills: true),
        "force-reload" => new SvAction("tc", Waits: true, Kills: true),
        "force-restart" => new SvAction("tcu", Waits: true, Kills: true),
        "force-shutdown" => new SvAction("x", Waits: true, Kills: true),
        _ => null,
    };

    private static SvAction? FirstLetter(char letter, bool initScript) => letter switch
    {
        's' when !initScript => new SvAction("") { IsStatus = true },
        'e' => new SvAction("x"),
        'u' or 'd' or 'o' or 'x' or 'p' or 'c' or 'h' or 'a' or 'i' or 'q' or '1' or '2' or 't' or 'k' => new SvAction(letter.ToString()),
        'D' => new SvAction("d", Waits: true, Kills: true),
        'T' => new SvAction("tc", Waits: true, Kills: true),
        'E' or 'X' => new SvAction("x", Waits: true, Kills: true),
        _ => null,
    };

    /// <summary>Whether the service is already told so: then nothing is sent.</summary>
    internal bool IsWantedAlready(in ServiceStatus status) => Control switch
    {
        "u" => status.Want == Want.Up,
        "d" => status.Want != Want.Up && status.GotTerm,
        _ => false,
    };

    /// <summary>
    /// Whether the status shows the effect of all letters. For exit it never does: that is seen by the supervisor's end.
    /// </summary>
    /// <param name="status">The service's status.</param>
    /// <param name="since">When sv was started, as the status is dated: what was started earlier was not restarted by it.</param>
    internal bool IsDone(in ServiceStatus status, (long Seconds, uint Nanoseconds) since)
    {
        bool isNew = (status.Seconds, status.Nanoseconds).CompareTo(since) >= 0;
        foreach (char letter in Control)
        {
            bool done = letter switch
            {
                'x' => false,
                'u' => status.Pid != 0 && status.State == RunState.Run,
                // runit's sv does not look at what is wanted: it says ok of a service that crashed and is about to be started.
                'd' => status.Pid == 0 && status.State == RunState.Down && status.Want != Want.Up,
                't' or 'k' => status.Pid != 0 ? isNew && !status.GotTerm : status.Want != Want.Up,
                'o' => status.Pid != 0 ? status.Want != Want.Up : isNew,
                'p' => status.Pid == 0 || status.Paused,
                'c' => status.Pid == 0 || !status.Paused,
                _ => true,
            };
            if (!done)
                return false;
        }
        return true;
    }

    /// <summary>Whether, with a status that <see cref="IsDone"/>, the service's ./check has the last word.</summary>
    internal bool AsksCheck(in ServiceStatus status) =>
        status.Pid != 0 && (Control.Length == 0 || Control.AsSpan().ContainsAny('u', 't', 'k'));
}
