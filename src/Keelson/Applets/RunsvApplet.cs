using System.Text;
using Keelson.Init;
using Keelson.Init.Services;
using Keelson.Linux;

namespace Keelson.Applets;

/// <summary>runsv and runsvdir: supervision without an init.</summary>
internal static class RunsvApplet
{
    private const int WrongUsage = 1;
    private const int Fatal = 111;

    // "log: " stays where it is; runit's readproctitle wants two characters more.
    private const int TitlePrefix = 5;
    private const int ShortestTitle = 7;

    private const string RunsvHelp =
        """
        Usage: runsv DIR

        Supervises the service in DIR: starts its ./run, and its log/run with a pipe between them, again and again, until
        it gets TERM or the command x. sv(8) controls it.

        Exit status: 0; 1 for wrong usage, 111 when DIR can't be supervised.

        """;

    private const string RunsvdirHelp =
        """
        Usage: runsvdir [-P] DIR [LOG]

        Supervises all service directories in DIR, which may come and go. TERM and HUP end them all. Each service has a
        session of its own; -P changes nothing and is there for runit's sake. With LOG, a text of at least seven characters
        such as "log: ........", ps(1) shows in its place what was last written to standard error.

        Exit status: 0 after TERM, 111 after HUP, 1 for wrong usage.

        """;

    internal static int Run(bool isDirectory, ProcessImage image, int first)
    {
        string name = isDirectory ? "runsvdir" : "runsv";
        ByteString[] arguments = image.Arguments[first..];
        if (arguments is [var help, ..] && help.Is("--help"u8))
            return KeelsonApplet.Print(isDirectory ? RunsvdirHelp : RunsvHelp);
        if (isDirectory && arguments is [var option, ..] && option.Is("-P"u8))
            arguments = arguments[1..];
        if (isDirectory ? arguments.Length is not (1 or 2) : arguments.Length != 1)
        {
            Stdio.Write(Stdio.Error, Encoding.UTF8.GetBytes($"usage: {name} {(isDirectory ? "[-P] " : "")}dir{(isDirectory ? " [log]" : "")}\n"));
            return WrongUsage;
        }
        Log.Prefix = $"{name} {arguments[0]}: ";
        Stdio.OpenMissing();
        Result<EventLoop?> loop = EventLoop.Create();
        if (loop.Value is null)
        {
            Log.Warn($"fatal: cannot start: {loop.Error.Words()}");
            return Fatal;
        }
        ArgumentText? title = null;
        if (arguments.Length == 2 && arguments[1].Length < ShortestTitle)
            Log.Warn($"the log in the title is disabled: its argument must have at least {ShortestTitle} characters");
        else if (arguments.Length == 2)
            title = image.TextOf(image.Arguments.Length - 1, TitlePrefix);
        return isDirectory
            ? Standalone.Runsvdir(loop.Value, arguments[0], image.Environment, title)
            : Standalone.Runsv(loop.Value, arguments[0], image.Environment);
    }
}
