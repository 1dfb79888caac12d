using Keelson.Linux;

namespace Keelson.Init.Boot;

/// <summary>A startup script, a hook or the main command: one process that is waited for.</summary>
public sealed class Child : IParent
{
    private const long FirstPauseMilliseconds = 100;
    private const long LongestPauseMilliseconds = 1600;

    private readonly EventLoop _loop;
    private readonly Terminal? _terminal;

    private Child(EventLoop loop, Terminal? terminal)
    {
        _loop = loop;
        _terminal = terminal;
    }

    /// <summary>The process, which is its process group's number as well.</summary>
    public int Pid { get; private set; }

    public bool HasEnded { get; private set; }

    public WaitStatus Status { get; private set; }

    /// <summary>Starts it in its own process group; with a <paramref name="terminal"/> in the foreground of that.</summary>
    public static Result<Child?> Start(EventLoop loop, ReadOnlySpan<byte> path, IReadOnlyList<ByteString> arguments, CStringArray environment, Terminal? terminal)
    {
        var child = new Child(loop, terminal);
        using var argv = new CStringArray(arguments);
        Result<int> pid = loop.Start(
            new SpawnRequest
            {
                Path = path,
                Arguments = argv,
                Environment = environment,
                Placement = terminal is null ? Placement.OwnGroup : Placement.Foreground,
            },
            child);
        child.Pid = pid.Value;
        if (!pid.Ok)
            terminal?.TakeBack();
        return pid.Ok ? new(child, Errno.None) : new(null, pid.Error);
    }

    /// <summary>
    /// The same, again for some seconds where the machine is short of something at this moment: an end of the container
    /// would be a poor answer to that. Meanwhile the loop goes on; <paramref name="isOver"/> ends the waiting.
    /// </summary>
    public static Result<Child?> StartPatiently(
        EventLoop loop, ByteString path, IReadOnlyList<ByteString> arguments, CStringArray environment, Terminal? terminal, Func<bool> isOver)
    {
        for (long pause = FirstPauseMilliseconds; ; pause *= 2)
        {
            Result<Child?> child = Start(loop, path.Span, arguments, environment, terminal);
            if (!child.Error.IsPassing() || pause > LongestPauseMilliseconds || isOver())
                return child;
            if (pause == FirstPauseMilliseconds)
                Log.Warn($"Cannot run {path} yet: {child.Error.Words()}; trying again");
            _ = loop.Until(isOver, loop.Now + pause);
        }
    }

    /// <summary>A signal for the process alone.</summary>
    public Errno Signal(Signal signal) => HasEnded ? Errno.NoProcess : Signals.Send(Pid, signal);

    /// <summary>A signal for the process group.</summary>
    public void SignalGroup(Signal signal) => _ = Signals.Send(-Pid, signal);

    void IParent.Ended(int pid, WaitStatus status)
    {
        Status = status;
        HasEnded = true;
        // Whatever it made of the terminal: the next one finds it as we did.
        if (_terminal is not null)
        {
            _ = _terminal.TakeBack();
            _terminal.RestoreSettings();
        }
    }

    /// <summary>Ctrl-Z at a command that is no shell: nobody is there who could continue it, so we do.</summary>
    void IParent.Stopped(int pid, Signal signal)
    {
        if (_terminal is null || signal is not (Linux.Signal.Tstp or Linux.Signal.Ttin or Linux.Signal.Ttou))
            return;
        _ = Terminal.GiveTo(Pid);
        SignalGroup(Linux.Signal.Cont);
    }
}
