// What is said at the control socket of process number 1: one line of request, then lines of tab-separated fields until the
// server closes. Text in fields has its tabs, newlines and backslashes escaped, so that a line is a record whatever names hold.
using System.Globalization;
using System.Text;

namespace Keelson.Supervision;

/// <summary>What can be asked for.</summary>
public enum ControlRequest
{
    /// <summary>A record of each service.</summary>
    Status,

    /// <summary>The journal.</summary>
    Events,

    /// <summary>The journal, and then what happens, until the client goes.</summary>
    Follow,

    /// <summary>What is not well, if anything.</summary>
    Health,
}

/// <summary>A service as `keelson status` shows it.</summary>
public readonly record struct ServiceReport
{
    public required string Name { get; init; }

    /// <summary>run, down or finish, as sv has it.</summary>
    public required string Run { get; init; }

    /// <summary>up, once, down or exit.</summary>
    public required string Want { get; init; }

    /// <summary>active, activating, waiting, restarting, deactivating, inactive or failed.</summary>
    public required string Active { get; init; }

    /// <summary>0 when nothing runs.</summary>
    public required int Pid { get; init; }

    /// <summary>The session of its processes; 0 before the first.</summary>
    public required int Session { get; init; }

    /// <summary>Since when it is as it is, in seconds since 1970.</summary>
    public required long Since { get; init; }

    /// <summary>How often ./run was started.</summary>
    public required long Starts { get; init; }

    /// <summary>How the last ./run ended, as a shell has it; null when none has.</summary>
    public required int? LastStatus { get; init; }

    /// <summary>What the service says of itself (STATUS=).</summary>
    public required string Text { get; init; }

    /// <summary>What it waits for, or why it failed.</summary>
    public required string Reason { get; init; }
}

public static class ControlMessage
{
    /// <summary>Where process number 1 listens, if it can write there.</summary>
    public static ReadOnlySpan<byte> Path => "/run/keelson/control"u8;

    /// <summary>Its abstract address otherwise, with the PID namespace behind it.</summary>
    public static ReadOnlySpan<byte> Purpose => "keelson/control"u8;

    /// <summary>Members of this group may ask, besides root.</summary>
    public static ReadOnlySpan<byte> Group => "keelson"u8;

    /// <summary>The longest request in bytes, its newline included.</summary>
    public const int MaxRequest = 32;

    /// <summary>The first field of an answer that is none: the text says why.</summary>
    public const string ErrorWord = "error";

    public static ReadOnlySpan<byte> Word(ControlRequest request) => request switch
    {
        ControlRequest.Status => "status"u8,
        ControlRequest.Events => "events"u8,
        ControlRequest.Follow => "follow"u8,
        _ => "health"u8,
    };

    /// <summary>Null for a line that is no request.</summary>
    public static ControlRequest? Request(ReadOnlySpan<byte> line)
    {
        foreach (ControlRequest request in (ReadOnlySpan<ControlRequest>)[ControlRequest.Status, ControlRequest.Events, ControlRequest.Follow, ControlRequest.Health])
        {
            if (line.SequenceEqual(Word(request)))
                return request;
        }
        return null;
    }

    // ---- records ----

    /// <summary>boot: when the journal began in seconds since 1970, how old it is in milliseconds, how many entries it has lost.</summary>
    public static string FormatBoot(long beginSeconds, long now, long dropped) =>
        Line("boot", Number(beginSeconds), Number(now), Number(dropped));

    public static string Format(in JournalEntry entry) =>
        Line("event", Number(entry.Milliseconds), entry.Kind.ToWord(), entry.Name, Number(entry.Value), entry.Text);

    public static string Format(in ServiceReport report) => Line(
        "service", report.Name, report.Run, report.Want, report.Active, Number(report.Pid), Number(report.Session), Number(report.Since),
        Number(report.Starts), report.LastStatus is { } status ? Number(status) : "", report.Text, report.Reason);

    /// <summary>The fields of a line, unescaped.</summary>
    public static string[] Fields(string line)
    {
        string[] fields = line.Split('\t');
        for (int i = 0; i < fields.Length; i++)
            fields[i] = Unescape(fields[i]);
        return fields;
    }

    /// <summary>Null when the fields are no event.</summary>
    public static JournalEntry? ParseEvent(string[] fields) =>
        fields.Length == 6 && fields[0] == "event" && TryNumber(fields[1], out long time) && JournalKinds.OfWord(fields[2]) is { } kind && TryInt(fields[4], out int value)
            ? new JournalEntry(time, kind, fields[3], value, fields[5])
            : null;

    /// <summary>Null when the fields are no service.</summary>
    public static ServiceReport? ParseService(string[] fields) =>
        fields.Length == 12 && fields[0] == "service" && TryInt(fields[5], out int pid) && TryInt(fields[6], out int session) &&
        TryNumber(fields[7], out long since) && TryNumber(fields[8], out long starts)
            ? new ServiceReport
            {
                Name = fields[1],
                Run = fields[2],
                Want = fields[3],
                Active = fields[4],
                Pid = pid,
                Session = session,
                Since = since,
                Starts = starts,
                LastStatus = TryInt(fields[9], out int status) ? status : null,
                Text = fields[10],
                Reason = fields[11],
            }
            : null;

    public static string Line(params ReadOnlySpan<string> fields)
    {
        var line = new StringBuilder();
        foreach (string field in fields)
        {
            if (line.Length > 0)
                line.Append('\t');
            foreach (char c in field)
            {
                _ = c switch
                {
                    '\t' => line.Append("\\t"),
                    '\n' => line.Append("\\n"),
                    '\\' => line.Append("\\\\"),
                    _ => line.Append(c),
                };
            }
        }
        return line.Append('\n').ToString();
    }

    private static string Unescape(string field)
    {
        if (!field.Contains('\\', StringComparison.Ordinal))
            return field;
        var text = new StringBuilder(field.Length);
        for (int i = 0; i < field.Length; i++)
        {
            if (field[i] != '\\' || i + 1 == field.Length)
                text.Append(field[i]);
            else
                text.Append(field[++i] switch { 't' => '\t', 'n' => '\n', var other => other });
        }
        return text.ToString();
    }

    private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static bool TryInt(string text, out int number) => int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out number);

    private static bool TryNumber(string text, out long number) => long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out number);
}
