using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Keelson.Host.Shells;

/// <summary>A program that gets our terminal, or our standard streams, and whose exit status becomes ours.</summary>
internal static partial class Child
{
    // What a shell says of a program that can't be started.
    private const int NotFound = 127;

    /// <exception cref="Refusal">It isn't installed.</exception>
    internal static async Task<int> RunAsync(string program, IEnumerable<string> arguments, string package, IEnumerable<KeyValuePair<string, string>>? environment = null)
    {
        var start = new ProcessStartInfo(program, arguments) { UseShellExecute = false };
        if (environment is not null)
        {
            start.Environment.Clear();
            foreach ((string name, string value) in environment)
                start.Environment[name] = value;
        }
        // Keys reach the child by themselves: it is in the terminal's foreground group as we are.
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, c => c.Cancel = true);
        using PosixSignalRegistration quit = PosixSignalRegistration.Create(PosixSignal.SIGQUIT, c => c.Cancel = true);
        using var child = new Process { StartInfo = start };
        try
        {
            child.Start();
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new Engine.Refusal($"{program} can't be started: {e.Message}", $"apt-get install {package}");
        }
        using PosixSignalRegistration term = PosixSignalRegistration.Create(PosixSignal.SIGTERM, c => End(child, c));
        using PosixSignalRegistration hangup = PosixSignalRegistration.Create(PosixSignal.SIGHUP, c => End(child, c));
        await child.WaitForExitAsync().ConfigureAwait(false);
        return child.ExitCode is < 0 or > 255 ? NotFound : child.ExitCode;
    }

    // With TERM it may clear up; Process.Kill would be KILL.
    private static void End(Process child, PosixSignalContext signal)
    {
        signal.Cancel = true;
        if (OperatingSystem.IsWindows())
            child.Kill();
        else
            _ = Kill(child.Id, 15);
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int pid, int signal);
}
