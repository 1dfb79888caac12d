// One executable, many commands (applets): by the name it is called with, or as `keelson APPLET`.
using Keelson.Applets;
using Keelson.Commands.Chpst;
using Keelson.Commands.ExecService;
using Keelson.Commands.Hosts;
using Keelson.Commands.Sv;
using Keelson.Commands.Svlogd;
using Keelson.Linux;

namespace Keelson;

internal static unsafe class Program
{
    private static ReadOnlySpan<byte> StartedAgain => "KEELSON_STARTED_AGAIN=1"u8;

    private static int Main()
    {
        Limits.Raised(EarlyLimits.Data, EarlyLimits.AddressSpace);
        ProcessImage image = ProcessImage.Take(EarlyMask.Argc, EarlyMask.Argv, EarlyMask.Envp, EarlyMask.InheritedMask, EarlyMask.InheritedSigPipe);
        ReadOnlySpan<byte> name = BaseName(image.Arguments[0].Span);
        int first = 1;
        if (name.SequenceEqual("keelson"u8) && image.Arguments.Length > 1)
        {
            name = image.Arguments[1].Span;
            first = 2;
        }
        int status = Run(name, image, first);
        Processes.Exit(status);
        return status;
    }

    private static int Run(ReadOnlySpan<byte> applet, ProcessImage image, int first)
    {
        if (applet.SequenceEqual("my_init"u8))
        {
            BlockSignalsOrStartAgain(image);
            return MyInitApplet.Run(image, first, StartedAgain);
        }
        if (applet.SequenceEqual("runsv"u8) || applet.SequenceEqual("runsvdir"u8))
        {
            BlockSignalsOrStartAgain(image);
            return RunsvApplet.Run(isDirectory: applet.Length > 5, image, first);
        }
        if (applet.SequenceEqual("setuser"u8))
            return SetUserApplet.Run(image, first);
        if (applet.SequenceEqual("sv"u8))
            return SvCommand.Run(image, first, applet);
        if (applet.SequenceEqual("svlogd"u8))
            return SvlogdCommand.Run(image, first, applet);
        if (first == 2 && applet.SequenceEqual("exec-service"u8))
            return ExecServiceCommand.Run(image, first);
        if (applet.SequenceEqual("workaround-docker-2267"u8))
            return HostsCommand.Run(image, first);
        if (IsChpst(applet))
            return ChpstCommand.Run(image, first, applet);
        if (first == 1 && !applet.SequenceEqual("keelson"u8) && SvCommand.IsService(image, applet))
            return SvCommand.Run(image, first, applet);
        return first == 2 && KeelsonApplet.Subcommand(applet) is { } command ? command(image, first) : KeelsonApplet.Run(applet);
    }

    /// <summary>chpst, and the older commands that it is by their names (chpst(8)), with or without their leading d.</summary>
    private static bool IsChpst(ReadOnlySpan<byte> name)
    {
        if (name.SequenceEqual("chpst"u8))
            return true;
        if (name.StartsWith("d"u8))
            name = name[1..];
        return name.SequenceEqual("setuidgid"u8) || name.SequenceEqual("envuidgid"u8) || name.SequenceEqual("envdir"u8) ||
            name.SequenceEqual("pgrphack"u8) || name.SequenceEqual("setlock"u8) || name.SequenceEqual("softlimit"u8);
    }

    /// <summary>The early mask uses a door of the linker that may close: then this program is started once more with it.</summary>
    private static void BlockSignalsOrStartAgain(ProcessImage image)
    {
        if (!ProcessImage.SignalsAreBlocked && !image.Environment.Contains(new ByteString(StartedAgain)))
            _ = image.StartAgainWithSignalsBlocked(StartedAgain);
    }

    internal static ReadOnlySpan<byte> BaseName(ReadOnlySpan<byte> path) => path[(path.LastIndexOf((byte)'/') + 1)..];
}
