using System.Globalization;
using System.Text;
using Keelson.Linux;
using Keelson.Supervision;

namespace Keelson.Commands.Control;

/// <summary>keelson status: all services at a look.</summary>
public static class StatusCommand
{
    private const int Failed = 1;
    private const int WrongUsage = 2;
    private const int WatchMilliseconds = 1000;

    private static readonly string[] s_titles = ["SERVICE", "STATE", "RUN", "PID", "SINCE", "RESTARTS", "MEMORY", ""];

    public const string Help =
        """
        Usage: keelson status [--json] [--watch] [SERVICE...]

        Shows the services of the container as process 1 knows them: whether each runs and is ready, for how long, how
        often it was started again, what memory its processes take (resident, shared pages counted for each), and what
        it says of itself, waits for or has failed with.

        Options:
          --json     one JSON array of objects
          --watch    again every second, until it is interrupted
          --help     print this and exit

        Exit status: 0; 1 when process 1 does not answer or there is no such service; 2 for wrong usage.

        """;

    public static int Run(ProcessImage image, int first)
    {
        // Ctrl-C, and the end of who reads us, end us.
        image.RestoreSignals();
        var options = new LongOptions(image.Arguments, first, "json watch");
        bool json = false, watch = false;
        while (options.Next() is { } option)
        {
            if (option == "help")
            {
                Say.Out(Help);
                return 0;
            }
            json |= option == "json";
            watch |= option == "watch";
        }
        if (options.Problem is { } problem)
            return Say.Fail(WrongUsage, $"keelson status: {problem}\nTry `keelson status --help`.");
        while (true)
        {
            int status = Show(options.Operands, json, watch);
            if (!watch || status != 0)
                return status;
            Clock.Sleep(WatchMilliseconds);
        }
    }

    private static int Show(IReadOnlyList<ByteString> wanted, bool json, bool watch)
    {
        var services = new List<ServiceReport>();
        Answer answer = ControlClient.Ask(ControlRequest.Status, fields =>
        {
            if (ControlMessage.ParseService(fields) is { } service)
                services.Add(service);
            return true;
        }, out string problem);
        if (answer != Answer.Complete)
            return Say.Fail(Failed, ControlClient.Complaint("keelson status", answer, problem));
        foreach (ByteString name in wanted)
        {
            if (!services.Exists(s => s.Name == name.ToString()))
                return Say.Fail(Failed, $"keelson status: there is no service {name}; `keelson status` lists those that there are");
        }
        if (wanted.Count > 0)
            services.RemoveAll(s => !Contains(wanted, s.Name));
        Dictionary<int, long> memory = SessionMemory.Kibibytes();
        string text = json ? Json(services, memory) : Table(services, memory);
        // The screen is cleared and drawn with one write, so that it does not flicker.
        Say.Out(watch && !json ? "\x1b[H\x1b[2J" + text : text);
        return 0;
    }

    private static bool Contains(IReadOnlyList<ByteString> names, string name)
    {
        foreach (ByteString one in names)
        {
            if (one.ToString() == name)
                return true;
        }
        return false;
    }

    /// <summary>Columns as wide as what stands in them.</summary>
    public static string Table(IReadOnlyList<ServiceReport> services, IReadOnlyDictionary<int, long> memory)
    {
        if (services.Count == 0)
            return "no services\n";
        var rows = new List<string[]> { s_titles };
        long now = Clock.TimeOfDay.Seconds;
        foreach (ServiceReport s in services)
        {
            string info = s.Text.Length > 0 && s.Reason.Length > 0 ? $"{s.Text}; {s.Reason}" : s.Text + s.Reason;
            if (info.Length == 0 && s.LastStatus is > 0 and var status)
                info = $"last ended with {Number(status)}";
            rows.Add([Printable.Of(s.Name), s.Active, s.Run, s.Pid > 0 ? Number(s.Pid) : "-", Span(now - s.Since), Number(Math.Max(s.Starts - 1, 0)), Size(s, memory), Printable.Of(info)]);
        }
        var widths = new int[rows[0].Length];
        foreach (string[] row in rows)
        {
            for (int i = 0; i < row.Length; i++)
                widths[i] = Math.Max(widths[i], row[i].Length);
        }
        var text = new StringBuilder();
        foreach (string[] row in rows)
        {
            var line = new StringBuilder();
            for (int i = 0; i < row.Length; i++)
                line.Append(i == 0 ? "" : "  ").Append(i is >= 3 and <= 6 ? row[i].PadLeft(widths[i]) : row[i].PadRight(widths[i]));
            text.Append(line.ToString().TrimEnd()).Append('\n');
        }
        return text.ToString();
    }

    public static string Json(IReadOnlyList<ServiceReport> services, IReadOnlyDictionary<int, long> memory)
    {
        var text = new StringBuilder("[");
        long now = Clock.TimeOfDay.Seconds;
        for (int i = 0; i < services.Count; i++)
        {
            ServiceReport s = services[i];
            text.Append(i == 0 ? "\n  " : ",\n  ");
            text.Append("{\"name\": ").Append(JsonText.Quoted(s.Name));
            text.Append(", \"state\": ").Append(JsonText.Quoted(s.Active));
            text.Append(", \"ready\": ").Append(s.Active == "active" ? "true" : "false");
            text.Append(", \"run\": ").Append(JsonText.Quoted(s.Run));
            text.Append(", \"want\": ").Append(JsonText.Quoted(s.Want));
            text.Append(CultureInfo.InvariantCulture, $", \"pid\": {(s.Pid > 0 ? Number(s.Pid) : "null")}, \"since\": {s.Since}, \"uptime\": {Math.Max(now - s.Since, 0)}");
            text.Append(CultureInfo.InvariantCulture, $", \"restarts\": {Math.Max(s.Starts - 1, 0)}, \"lastStatus\": {(s.LastStatus is { } status ? Number(status) : "null")}");
            text.Append(CultureInfo.InvariantCulture, $", \"memory\": {(memory.TryGetValue(s.Session, out long kibibytes) && s.Pid > 0 ? Number(kibibytes * 1024) : "null")}");
            text.Append(", \"status\": ").Append(JsonText.Quoted(s.Text));
            text.Append(", \"reason\": ").Append(JsonText.Quoted(s.Reason)).Append('}');
        }
        return text.Append(services.Count > 0 ? "\n]\n" : "]\n").ToString();
    }

    private static string Size(in ServiceReport service, IReadOnlyDictionary<int, long> memory)
    {
        if (service.Pid == 0 || !memory.TryGetValue(service.Session, out long kibibytes))
            return "-";
        return kibibytes < 10_000
            ? string.Create(CultureInfo.InvariantCulture, $"{kibibytes} kB")
            : string.Create(CultureInfo.InvariantCulture, $"{kibibytes / 1024} MB");
    }

    /// <summary>5s, 3m 5s, 2h 3m, 4d 2h.</summary>
    public static string Span(long seconds) => Math.Max(seconds, 0) switch
    {
        < 60 and var s => $"{Number(s)}s",
        < 3600 and var s => $"{Number(s / 60)}m {Number(s % 60)}s",
        < 86_400 and var s => $"{Number(s / 3600)}h {Number(s % 3600 / 60)}m",
        var s => $"{Number(s / 86_400)}d {Number(s % 86_400 / 3600)}h",
    };

    private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);
}
