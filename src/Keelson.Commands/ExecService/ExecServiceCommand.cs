// What process 1 starts where service.conf changes the process, or has a command: `keelson exec-service run` instead of
// ./run, `keelson exec-service reload` and so on for the commands, in the service's directory and with its environment. It
// reads ./service.conf itself, becomes what the file asks for, and executes: process 1 need keep none of it. Descriptors,
// signals and all that the file says nothing of are handed on as they are.
using System.Buffers.Text;
using Keelson.Linux;
using Keelson.Supervision;

namespace Keelson.Commands.ExecService;

public static class ExecServiceCommand
{
    private const string Help =
        """
        Usage: keelson exec-service run|start-pre|start-post|stop|reload|health

        Runs, in a service's directory, its ./run or ExecStart=, or its commands ExecStartPre=, ExecStartPost=, ExecStop=,
        ExecReload= or HealthCheck=, with the process settings of its service.conf. my_init(8) and runsv(8) use it.

        Exit status: that of what was run, 0 where there is nothing to run; 78 when service.conf has errors, and from 200 on
        when a setting could not be applied, as systemd.exec(5) has them.

        """;

    /// <param name="image">What the kernel gave this process.</param>
    /// <param name="first">Where the arguments begin, behind the command's own name.</param>
    public static int Run(ProcessImage image, int first)
    {
        ByteString[] arguments = image.Arguments[first..];
        if (arguments is [var help, ..] && help.Is("--help"u8))
        {
            Say.Out(Help);
            return 0;
        }
        if (arguments.Length is not (1 or 2) || ExecKinds.OfWord(arguments[0].ToString()) is not { } kind)
            return Say.Fail((int)ExitStatus.WrongUsage, "usage: keelson exec-service run|start-pre|start-post|stop|reload|health");
        if (ServiceFile.Load() is not { } service)
            return (int)ExitStatus.Configuration;
        var execution = new Execution(image, service);
        IReadOnlyList<ExecCommand> commands = service.Settings.Commands(kind);
        // Our own second argument: which of the commands this child is to become.
        if (arguments.Length == 2)
        {
            return Utf8Parser.TryParse(arguments[1].Span, out int index, out int used) && used == arguments[1].Length && index >= 0 && index < commands.Count
                ? execution.Run(commands[index])
                : service.Fail(new(ExitStatus.Configuration, $"command {arguments[1]}", "is not there; has the file been changed meanwhile?"));
        }
        if (kind == ExecKind.Start && Files.Status("./run"u8).Ok)
            return execution.Run(null);
        if (kind == ExecKind.Start && commands.Count == 0)
            return service.Fail(new(ExitStatus.Exec, "ExecStart=", "there is neither this line nor a file run beside service.conf; add one of them"));
        return kind == ExecKind.Start && commands is [{ } only] ? execution.Run(only) : execution.RunAll(arguments[0].Span, commands);
    }
}
