namespace Keelson.Linux;

/// <summary>How a process ended or stopped: the status of wait(2).</summary>
public readonly record struct WaitStatus(int Raw)
{
    public bool Exited => (Raw & 0x7f) == 0;
    public int ExitCode => Raw >> 8 & 0xff;
    public bool Stopped => (Raw & 0xff) == 0x7f;
    public bool Signaled => !Exited && !Stopped;
    public Signal Signal => Signaled ? (Signal)(Raw & 0x7f) : Signal.None;
    public Signal StopSignal => Stopped ? (Signal)(Raw >> 8 & 0xff) : Signal.None;

    /// <summary>As a shell has it in $?: the exit code, or 128 plus the signal's number.</summary>
    public int ShellCode => Exited ? ExitCode : 128 + (int)Signal;

    /// <summary>"failed with status 3", "was terminated by signal 9 (SIGKILL)".</summary>
    public string Failure => Exited
        ? $"failed with status {ExitCode}"
        : $"was terminated by signal {Signals.Describe(Signal)}";
}

public static unsafe class Reaper
{
    private const int NoHang = 1;
    private const int Untraced = 2;

    /// <summary>
    /// The next child that ended, or was stopped by a signal, without waiting. Value 0: there are children, none of them
    /// has changed. <see cref="Errno.NoChild"/>: there are none.
    /// </summary>
    public static Result<int> Next(out WaitStatus status)
    {
        int raw = 0;
        int pid = Libc.waitpid(-1, &raw, NoHang | Untraced);
        status = new WaitStatus(raw);
        return pid < 0 ? new(0, Libc.LastError) : new(pid, Errno.None);
    }
}
