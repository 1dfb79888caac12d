// sv(8): says how services are and tells their supervisors what to do. All of it goes through the files of supervise/, so
// it works with runit's supervisor as with ours. Lines and exit statuses are those of runit's sv, byte for byte.
using System.Buffers.Text;
using Keelson.Linux;

namespace Keelson.Commands.Sv;

/// <summary>sv(8), and by any other name the LSB init script of the service of that name.</summary>
public static class SvCommand
{
    private const int MostFailures = 99;
    private const int DefaultWait = 7;
    private const long LongestWait = 1_000_000_000;

    private const string Help =
        """
        usage: sv [-v] [-w sec] command service ...
           or: SERVICE [-w sec] command, by a link of the service's name to sv

        Commands that are sent and not waited for:
          up down once exit                        what is wanted of the service from now on
          pause cont hup alarm interrupt quit 1 2 term kill    a signal
        Commands that are waited for, 7 seconds at most:
          start stop restart try-restart reload shutdown check
          force-stop force-reload force-restart force-shutdown    kill what is late
        And:
          status                                   say how it is, and its log

          -v         wait for up, down, once and the signals too
          -w sec     wait so long; implies -v

        A service is a directory below $SVDIR (/etc/service); with a dot or slash in front, or a slash behind, a path.

        """;

    /// <param name="image">What the kernel gave this process.</param>
    /// <param name="first">Where the arguments begin, behind the command's own name.</param>
    /// <param name="name">The name that it was called by.</param>
    public static int Run(ProcessImage image, int first, ReadOnlySpan<byte> name)
    {
        image.RestoreSignals();
        ByteString[] arguments = image.Arguments;
        bool initScript = !name.SequenceEqual("sv"u8);
        string program = SvText.Of(name);
        if (arguments.Length > first && arguments[first].Is("--help"u8))
        {
            Say.Out(Help);
            return 0;
        }
        bool verbose = false;
        long wait = Variable(image, "SVWAIT="u8) is { } given ? Seconds(given.Span) : DefaultWait;
        var options = new OptionReader(arguments, first, "vw:V");
        for (char letter = options.Next(); letter != OptionReader.End; letter = options.Next())
        {
            if (letter is OptionReader.Problem or 'V')
            {
                string problem = options.LacksValue ? "option requires an argument" : "illegal option";
                return Usage(program, initScript, letter == 'V' ? "" : $"{program}: {problem} -- {options.Culprit}\n");
            }
            verbose = true;
            if (letter == 'w')
                wait = Seconds(options.Value.Span);
        }
        ReadOnlySpan<ByteString> rest = arguments.AsSpan(options.Index);
        if (rest.IsEmpty || !initScript && rest.Length < 2 || SvAction.Find(rest[0].Span, initScript) is not { } action)
            return Usage(program, initScript, "");

        ByteString directory = ServiceDirectory(image);
        var services = new List<SvService>();
        if (initScript)
        {
            services.Add(new SvService(new ByteString(name), directory));
        }
        else
        {
            foreach (ByteString service in rest[1..])
                services.Add(new SvService(service, directory));
        }
        if (action.IsStatus)
            return Status(services, initScript);
        var order = new SvOrder(action with { Waits = action.Waits || verbose }, wait, image.Environment);
        int failures = order.GiveTo(services);
        return initScript ? Math.Min(failures, 1) : Math.Min(failures, MostFailures);
    }

    /// <summary>Whether a name that is no command's is that of a service, so that it is meant as its init script.</summary>
    public static bool IsService(ProcessImage image, ReadOnlySpan<byte> name) =>
        new SvService(new ByteString(name), ServiceDirectory(image)).Enter() == Errno.None;

    private static int Status(List<SvService> services, bool initScript)
    {
        int failures = 0;
        SvReport report = default;
        foreach (SvService service in services)
        {
            report = service.Report();
            if (report.Failed)
                failures++;
        }
        return initScript ? report.InitScriptStatus : Math.Min(failures, MostFailures);
    }

    private static int Usage(string program, bool initScript, string before)
    {
        const int wrongUsage = 100, wrongUsageOfInitScript = 2;
        string line = initScript ? $"usage: {program} [-w sec] command\n\n" : "usage: sv [-v] [-w sec] command service ...\n\n";
        SvText.Error(before + line);
        return initScript ? wrongUsageOfInitScript : wrongUsage;
    }

    /// <summary>The digits in front; 0 without any, as runit reads numbers.</summary>
    private static long Seconds(ReadOnlySpan<byte> text)
    {
        int digits = text.IndexOfAnyExceptInRange((byte)'0', (byte)'9');
        text = digits < 0 ? text : text[..digits];
        if (text.IsEmpty)
            return 0;
        return Utf8Parser.TryParse(text, out long seconds, out _) ? Math.Min(seconds, LongestWait) : LongestWait;
    }

    private static ByteString ServiceDirectory(ProcessImage image) => Variable(image, "SVDIR="u8) ?? new ByteString("/etc/service"u8);

    private static ByteString? Variable(ProcessImage image, ReadOnlySpan<byte> prefix)
    {
        foreach (ByteString entry in image.Environment)
        {
            if (entry.Span.StartsWith(prefix))
                return new ByteString(entry.Span[prefix.Length..]);
        }
        return null;
    }
}
