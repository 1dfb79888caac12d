using Keelson.Linux;
using Keelson.Supervision;

namespace Keelson.Commands.Control;

/// <summary>keelson health: whether all that is to run is ready, for HEALTHCHECK and probes.</summary>
public static class HealthCommand
{
    private const int Unhealthy = 1;
    private const int WrongUsage = 2;

    public const string Help =
        """
        Usage: keelson health

        Tells whether the container is well: process 1 has started, and every service that is to run is ready and passes
        its HealthCheck. It only reads what process 1 knows, so the answer comes at once. Where process 1 is another
        program than my_init there is nothing to be unwell.

        Exit status: 0 when it is well, 1 when it is not, with a line for each reason; 2 for wrong usage.

        """;

    public static int Run(ProcessImage image, int first)
    {
        // Ctrl-C, and the end of who reads us, end us.
        image.RestoreSignals();
        if (image.Arguments.Length > first)
        {
            if (image.Arguments[first].Is("--help"u8) || image.Arguments[first].Is("-h"u8))
            {
                Say.Out(Help);
                return 0;
            }
            return Say.Fail(WrongUsage, "keelson health: it takes no arguments\nTry `keelson health --help`.");
        }
        var complaints = new List<string>();
        Answer answer = ControlClient.Ask(ControlRequest.Health, fields =>
        {
            if (fields is ["unwell", var complaint])
                complaints.Add(complaint);
            return true;
        }, out string problem);
        if (answer == Answer.Nobody && IsOfOthers())
        {
            Say.Out($"healthy: process 1 is {Processes.NameOf(1)}, not my_init: there are no services to be unwell\n");
            return 0;
        }
        if (answer != Answer.Complete)
        {
            Say.Out("unhealthy: " + ControlClient.Complaint("keelson health", answer, problem) + "\n");
            return Unhealthy;
        }
        foreach (string complaint in complaints)
            Say.Out($"unhealthy: {complaint}\n");
        if (complaints.Count == 0)
            Say.Out("healthy\n");
        return complaints.Count == 0 ? 0 : Unhealthy;
    }

    /// <summary>Process 1 is somebody else's program; my_init below an init of the engine answers all the same.</summary>
    private static bool IsOfOthers() => Processes.NameOf(1) is not ("my_init" or "keelson" or "?");
}
