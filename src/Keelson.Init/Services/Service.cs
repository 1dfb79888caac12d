// One service: the pure machine (Keelson.Supervision) decides, this carries out and reports back what happened.
using Keelson.Init.Boot;
using Keelson.Linux;
using Keelson.Supervision;

namespace Keelson.Init.Services;

public sealed class Service : IParent
{
    private static readonly CStringArray s_runArguments = new([new ByteString("./run"u8)]);

    private readonly ServiceSet _set;
    private readonly Timer _start;
    private readonly Timer _patience;
    private State _state;
    private int _pid;
    private int _group;
    private WaitStatus _ended;
    private bool _couldNotStart;
    private FileStatus _failedRun;
    private long? _lastStart;
    private int _failures;
    private string? _lastFailure;
    private bool _failureIsOld;

    internal Service(ServiceSet set, ByteString name, FileStatus directory, bool foundLater)
    {
        _set = set;
        Name = name;
        Directory = ByteString.Join(set.Directory.Span, "/"u8, name.Span);
        Identity = (directory.Device, directory.Inode);
        // A directory that appears while we run may still be being written: its first failure is given a second.
        _failureIsOld = !foundLater;
        _start = new Timer(() => Handle(Event.PaceElapsed));
        _patience = new Timer(() => KillLate(_set.ProcessTimeout));
    }

    public ByteString Name { get; }

    /// <summary>The service directory's path.</summary>
    public ByteString Directory { get; }

    /// <summary>Device and inode: a directory of the same name with others is another service.</summary>
    internal (ulong, ulong) Identity { get; }

    /// <summary>The inotify watch of the directory, -1 without one.</summary>
    internal int Watch { get; set; } = -1;

    public Phase Phase => _state.Phase;

    internal void Begin()
    {
        bool down = Files.Status(PathOf("down"u8).Span).Ok;
        _state = State.Found(down);
        if (!down)
            ArmStart();
    }

    /// <summary>Something in the directory changed: what hindered the start may have been mended.</summary>
    internal void DirectoryChanged()
    {
        // Only when ./run itself is another one now: a ./finish that writes here must not make us spin.
        if (Phase == Phase.Waiting && _couldNotStart && Files.Status(PathOf("run"u8).Span).Value != _failedRun)
            Handle(Event.PaceElapsed);
    }

    /// <summary>Its directory has gone: stopped as at the container's stop, with KILL after <paramref name="milliseconds"/>.</summary>
    internal void EndWithin(long milliseconds)
    {
        if (_state.Want == Want.Exit)
            return;
        Handle(Event.Exit);
        if (Phase is Phase.Run or Phase.Killed)
            _set.Loop.Timers.Arm(_patience, _set.Loop.Now + milliseconds);
    }

    public void Handle(Event e)
    {
        Step step = Machine.On(_state, e);
        bool moved = step.State.Phase != _state.Phase;
        _state = step.State;
        if (moved)
        {
            _set.Loop.Timers.Cancel(_start);
            _set.Loop.Timers.Cancel(_patience);
        }
        if (step.Actions != Actions.None)
            Act(step.Actions);
    }

    private void Act(Actions actions)
    {
        if (actions.HasFlag(Actions.SendTerm))
            Send(Signal.Term);
        if (actions.HasFlag(Actions.SendCont))
            Send(Signal.Cont);
        if (actions.HasFlag(Actions.SendStop))
            Send(Signal.Stop);
        if (actions.HasFlag(Actions.SendHup))
            Send(Signal.Hup);
        if (actions.HasFlag(Actions.SendAlarm))
            Send(Signal.Alrm);
        if (actions.HasFlag(Actions.SendInterrupt))
            Send(Signal.Interrupt);
        if (actions.HasFlag(Actions.SendQuit))
            Send(Signal.Quit);
        if (actions.HasFlag(Actions.SendUsr1))
            Send(Signal.Usr1);
        if (actions.HasFlag(Actions.SendUsr2))
            Send(Signal.Usr2);
        if (actions.HasFlag(Actions.SendKill))
            Send(Signal.Kill);
        if (actions.HasFlag(Actions.KillGroup) && _group > 0)
            _ = Signals.Send(-_group, Signal.Kill);
        if (actions.HasFlag(Actions.ArmStart))
            ArmStart();
        if (actions.HasFlag(Actions.StartRun))
            StartRun();
        if (actions.HasFlag(Actions.SweepGroup))
            SweepGroup();
        if (actions.HasFlag(Actions.StartFinish))
            StartFinish();
        if (actions.HasFlag(Actions.Leave))
            _set.Left(this);
    }

    private void Send(Signal signal)
    {
        if (_pid > 0)
            _ = Signals.Send(_pid, signal);
    }

    private void ArmStart()
    {
        if (!_couldNotStart)
        {
            _set.Loop.Timers.Arm(_start, _set.Loop.Now + Pace.Delay(_set.Loop.Now, _lastStart, _set.PaceMilliseconds));
            return;
        }
        // Causes that the directory's watch does not see (a missing interpreter, no memory) are tried again, ever slower.
        if (!WatchWillTell())
            _set.Loop.Timers.Arm(_start, _set.Loop.Now + Pace.RetryDelay(_failures));
    }

    /// <summary>
    /// Whether ./run itself is what is wrong, missing or not executable, and has been reported. (The first failure of a
    /// directory that may still be being written is tried again instead.) A link's target is outside of the watch.
    /// </summary>
    private bool WatchWillTell() =>
        Watch >= 0 && _lastFailure is not null && !Files.ReadLink(PathOf("run"u8).Span).Ok &&
        (_failedRun.Kind != FileKind.Regular || (_failedRun.Mode & Files.AnyExecute) == 0);

    private void StartRun()
    {
        _lastStart = _set.Loop.Now;
        Result<int> child = Start("./run"u8, s_runArguments);
        _couldNotStart = !child.Ok;
        if (child.Ok)
        {
            _set.Starts++;
            _pid = _group = child.Value;
            _failures = 0;
            _lastFailure = null;
            return;
        }
        _failedRun = Files.Status(PathOf("run"u8).Span).Value;
        ReportFailure(ExecFailure.Explain(PathOf("run"u8).Span, child.Error));
        Handle(Event.RunEnded);
    }

    private void ReportFailure(ExecFailure failure)
    {
        _failures++;
        if (_failureIsOld && failure.Reason != _lastFailure)
        {
            _lastFailure = failure.Reason;
            Log.Warn($"cannot start {PathOf("run"u8)}: {failure.Reason}");
        }
        _failureIsOld = true;
    }

    void IParent.Ended(int pid, WaitStatus status)
    {
        if (pid != _pid)
            return;
        _pid = 0;
        if (Phase == Phase.Finish)
        {
            Handle(Event.FinishEnded);
            return;
        }
        _ended = status;
        Handle(Event.RunEnded);
    }

    private void SweepGroup()
    {
        if (GroupIsEmpty())
        {
            Handle(Event.Swept);
            return;
        }
        _ = Signals.Send(-_group, Signal.Term);
        _ = Signals.Send(-_group, Signal.Cont);
        _set.Loop.Timers.Arm(_patience, _set.Loop.Now + _set.ProcessTimeout);
    }

    /// <summary>Called after children were reaped: the last of a group that is being swept may have been among them.</summary>
    internal void LookAgain()
    {
        if (Phase == Phase.Sweep && GroupIsEmpty())
            Handle(Event.Swept);
    }

    private bool GroupIsEmpty() => _group == 0 || Signals.Send(-_group, Signal.None) == Errno.NoProcess;

    private void StartFinish()
    {
        _group = 0;
        if (!Files.Status(PathOf("finish"u8).Span).Ok)
        {
            Handle(Event.FinishEnded);
            return;
        }
        // runit: exit code and low byte of the wait status; -1 for a signal; 111 when ./run could not be started.
        int code = _couldNotStart ? 111 : _ended.Exited ? _ended.ExitCode : -1;
        int low = _couldNotStart ? 0 : _ended.Raw & 0xff;
        using var arguments = new CStringArray([new ByteString("./finish"u8), Number(code), Number(low)]);
        Result<int> child = Start("./finish"u8, arguments);
        if (!child.Ok)
        {
            Log.Warn($"cannot start {PathOf("finish"u8)}: {ExecFailure.Explain(PathOf("finish"u8).Span, child.Error).Reason}");
            Handle(Event.FinishEnded);
            return;
        }
        _pid = _group = child.Value;
        _set.Loop.Timers.Arm(_patience, _set.Loop.Now + _set.ProcessTimeout);
    }

    /// <summary>Both scripts run in the service's directory, in a session of their own, with /dev/null to read.</summary>
    private Result<int> Start(ReadOnlySpan<byte> script, CStringArray arguments) => _set.Loop.Start(
        new SpawnRequest
        {
            Path = script,
            Directory = Directory.Span,
            Arguments = arguments,
            Environment = _set.Environment,
            Placement = Placement.OwnSession,
            StandardInput = _set.Null,
        },
        this);

    /// <summary>KILL to what did not end within so many milliseconds; null when somebody was in a hurry and nobody late.</summary>
    internal void KillLate(long? milliseconds)
    {
        if (milliseconds is { } late)
        {
            string what = Phase switch
            {
                Phase.Finish => $"{PathOf("finish"u8)} did not finish",
                Phase.Sweep => $"{Name} left processes that did not stop",
                _ => $"{Name} did not stop",
            };
            Log.Warn($"{what} within {Seconds.Of(late)}; killed.");
        }
        Handle(Event.TimeUp);
    }

    private ByteString PathOf(ReadOnlySpan<byte> file) => ByteString.Join(Directory.Span, "/"u8, file);

    private static ByteString Number(int number) => ByteString.Of(number.ToString(System.Globalization.CultureInfo.InvariantCulture));
}
