using System.Globalization;
using Keelson.Commands.Control;
using Keelson.Linux;
using Keelson.Supervision;

namespace Keelson.Commands.Boot;

/// <summary>keelson-blame(8) and keelson-plot(8): the same journal, as a list and as a picture.</summary>
public static class BootCommand
{
    private const int Failed = 1;
    private const int WrongUsage = 2;

    private const string BlameHelp =
        """
        Usage: keelson blame

        Lists what the boot did and how long each took, the slowest first: startup scripts up to their end, services from
        their start until they were ready, without the time in which they waited for others.

          --help  print this and exit

        Exit status: 0; 1 when process 1 does not answer; 2 for wrong usage.

        """;

    private const string PlotHelp =
        """
        Usage: keelson plot >FILE.svg

        Draws the boot as a picture for a browser: startup scripts and services on an axis of time, when each waited,
        started and was ready, what failed, and the critical path: what the end of the boot waited for.

          --help  print this and exit

        Exit status: 0; 1 when process 1 does not answer; 2 for wrong usage.

        """;

    public static int Blame(ProcessImage image, int first) => Run(image, first, "blame", BlameHelp, BlameText.Write);

    public static int Plot(ProcessImage image, int first) => Run(image, first, "plot", PlotHelp, BootPlot.Write);

    private static int Run(ProcessImage image, int first, string name, string help, Func<BootTimeline, string> write)
    {
        image.RestoreSignals();
        var options = new LongOptions(image.Arguments, first, "help");
        if (options.Next() is not null)
        {
            Say.Out(help);
            return 0;
        }
        string? wrong = options.Problem ?? (options.Operands.Count > 0 ? $"unexpected {options.Operands[0]}" : null);
        if (wrong is not null)
            return Say.Fail(WrongUsage, $"keelson {name}: {wrong}\nTry `keelson {name} --help`.");
        var journal = new List<JournalEntry>();
        long now = 0;
        Answer answer = ControlClient.Ask(ControlRequest.Events, fields =>
        {
            if (fields is ["boot", _, var age, ..])
                _ = long.TryParse(age, CultureInfo.InvariantCulture, out now);
            else if (ControlMessage.ParseEvent(fields) is { } entry)
                journal.Add(entry);
            return true;
        }, out string problem);
        if (answer != Answer.Complete)
            return Say.Fail(Failed, ControlClient.Complaint($"keelson {name}", answer, problem));
        Say.Out(write(BootTimeline.Read(journal, now)));
        return 0;
    }
}
