using System.Globalization;
using System.Text;
using Keelson.Linux;
using Keelson.Supervision;

namespace Keelson.Commands.Control;

/// <summary>keelson events: what has happened since the boot.</summary>
public static class EventsCommand
{
    private const int Failed = 1;
    private const int WrongUsage = 2;

    public const string Help =
        """
        Usage: keelson events [--follow] [--json] [NAME...]

        Shows what has happened since process 1 began, with the seconds since then: startup scripts and services that
        started, became ready, ended or failed, the main command, and the stop. With NAMEs, only what is about these
        services or scripts. Of a long life the first 512 entries and the latest 512 are kept.

        Options:
          --follow   go on with what happens from now on, until it is interrupted
          --json     one JSON object a line
          --help     print this and exit

        Exit status: 0; 1 when process 1 does not answer; 2 for wrong usage.

        """;

    public static int Run(ProcessImage image, int first)
    {
        // Ctrl-C, and the end of who reads us, end us.
        image.RestoreSignals();
        var options = new LongOptions(image.Arguments, first, "json follow");
        bool json = false, follow = false;
        while (options.Next() is { } option)
        {
            if (option == "help")
            {
                Say.Out(Help);
                return 0;
            }
            json |= option == "json";
            follow |= option == "follow";
        }
        if (options.Problem is { } wrong)
            return Say.Fail(WrongUsage, $"keelson events: {wrong}\nTry `keelson events --help`.");

        long begin = 0;
        Answer answer = ControlClient.Ask(follow ? ControlRequest.Follow : ControlRequest.Events, fields =>
        {
            if (fields is ["boot", var seconds, _, var dropped])
            {
                _ = long.TryParse(seconds, CultureInfo.InvariantCulture, out begin);
                if (dropped != "0" && !json)
                    Say.Error($"keelson events: {dropped} entries between the first 512 and the latest 512 are gone\n");
            }
            else if (ControlMessage.ParseEvent(fields) is { } entry && IsWanted(entry, options.Operands))
            {
                Say.Out(json ? Json(entry, begin) : Line(entry));
            }
            return true;
        }, out string problem);
        // Who follows is left alone when process 1 ends.
        return answer == Answer.Complete || follow && problem.Length > 0 && begin != 0 ? 0 : Say.Fail(Failed, ControlClient.Complaint("keelson events", answer, problem));
    }

    private static bool IsWanted(in JournalEntry entry, IReadOnlyList<ByteString> names)
    {
        foreach (ByteString name in names)
        {
            if (name.ToString() == entry.Name)
                return true;
        }
        return names.Count == 0;
    }

    public static string Line(in JournalEntry entry)
    {
        string time = Seconds(entry.Milliseconds);
        string what = entry.Kind switch
        {
            JournalKind.Started or JournalKind.ScriptStarted or JournalKind.MainStarted => $"pid {Number(entry.Value)}",
            JournalKind.Ended or JournalKind.ScriptEnded or JournalKind.MainEnded => $"status {Number(entry.Value)}",
            _ => "",
        };
        string text = Printable.Of(entry.Text);
        string line = $"{time,10}  {entry.Kind.ToWord(),-16}  {Printable.Of(entry.Name)}";
        string more = what.Length > 0 && text.Length > 0 ? $"{what}: {text}" : what + text;
        return (more.Length > 0 ? $"{line}  {more}" : line).TrimEnd() + "\n";
    }

    public static string Json(in JournalEntry entry, long beginSeconds)
    {
        var text = new StringBuilder("{\"ms\": ").Append(Number(entry.Milliseconds));
        text.Append(", \"time\": ").Append(Number(beginSeconds + entry.Milliseconds / 1000));
        text.Append(", \"event\": ").Append(JsonText.Quoted(entry.Kind.ToWord()));
        if (entry.Name.Length > 0)
            text.Append(", \"name\": ").Append(JsonText.Quoted(entry.Name));
        if (entry.Kind is JournalKind.Started or JournalKind.ScriptStarted or JournalKind.MainStarted)
            text.Append(", \"pid\": ").Append(Number(entry.Value));
        if (entry.Kind is JournalKind.Ended or JournalKind.ScriptEnded or JournalKind.MainEnded or JournalKind.Failed)
            text.Append(", \"status\": ").Append(Number(entry.Value));
        if (entry.Text.Length > 0)
            text.Append(", \"text\": ").Append(JsonText.Quoted(entry.Text));
        return text.Append("}\n").ToString();
    }

    /// <summary>12.345</summary>
    internal static string Seconds(long milliseconds) =>
        string.Create(CultureInfo.InvariantCulture, $"{milliseconds / 1000}.{milliseconds % 1000:000}");

    private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);
}
