using System.Text;
using Keelson.Init;
using Keelson.Init.Boot;
using Keelson.Linux;

namespace Keelson.Applets;

/// <summary>my_init: process number 1.</summary>
internal static class MyInitApplet
{
    private const int WrongUsage = 2;

    internal static int Run(ProcessImage image, int firstArgument, ReadOnlySpan<byte> mark)
    {
        Options options = Options.Parse(image.Arguments, firstArgument, IsMyInit);
        if (options.Error is not null)
        {
            Stdio.Write(Stdio.Error, Encoding.UTF8.GetBytes($"my_init: {options.Error}\nTry `my_init --help`.\n"));
            return WrongUsage;
        }
        if (options.ShowHelp)
            return KeelsonApplet.Print(Options.Help);
        if (options.ShowVersion)
            return KeelsonApplet.Print($"my_init (keelson) {ProductVersion.Text}\n");

        Log.Quiet = options.Quiet;
        Stdio.OpenMissing();
        Result<EventLoop?> loop = EventLoop.Create();
        if (loop.Value is null)
        {
            Log.Warn($"cannot start: {loop.Error.Words()}");
            return LastResort.InternalError;
        }
        List<ByteString> environment = image.Environment;
        environment.Remove(new ByteString(mark));
        return MyInit.Run(loop.Value, options, environment);
    }

    /// <summary>Whether a command is this file under the name my_init.</summary>
    private static bool IsMyInit(ByteString command)
    {
        if (!Program.BaseName(command.Span).SequenceEqual("my_init"u8))
            return false;
        Result<ByteString> path = CommandPath.Find(command, null);
        Result<FileStatus> named = Files.Status(path.Value.Span);
        Result<FileStatus> self = Files.Status("/proc/self/exe"u8);
        // Without /proc the name has to do.
        return path.Ok && named.Ok && (!self.Ok || (named.Value.Device, named.Value.Inode) == (self.Value.Device, self.Value.Inode));
    }
}
