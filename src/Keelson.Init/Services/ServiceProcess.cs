// The processes of a supervised ./run: how they are started, signalled, waited for, and ended when they are late.
using System.Globalization;
using System.Text;
using Keelson.Init.Boot;
using Keelson.Init.Output;
using Keelson.Linux;
using Keelson.Supervision;

namespace Keelson.Init.Services;

internal sealed partial class Supervised
{
    private static readonly CStringArray s_runArguments = new([new ByteString("./run"u8)]);

    /// <summary>What the end of a script control/LETTER is waited for with.</summary>
    private enum Script
    {
        None,

        /// <summary>control/u: then ./run starts.</summary>
        Prepare,

        /// <summary>control/t: then TERM, if it did not do it.</summary>
        Term,

        /// <summary>control/d or control/x, which come last and have no say.</summary>
        AfterTerm,

        /// <summary>control/p, h, a, i, q, 1, 2, c, k: then the signal, if it did not do it.</summary>
        Signal,
    }

    private int _pid;
    private int _group;
    private WaitStatus _ended;
    private ulong _endedTicks = ulong.MaxValue;
    private bool _couldNotStart;
    private FileStatus _failedRun;
    private long _started = long.MinValue / 2;
    private long _nextStart;
    private int _failures;
    private string? _lastFailure;
    private uint _starts;
    private LinePipe? _out;
    private LinePipe? _error;
    private bool _outputOpened;
    private Script _script;
    private Signal _scriptSignal;
    private int _scriptPid;

    private void Act(Effect effect)
    {
        switch (effect)
        {
            case Effect.None:
                break;
            case Effect.ArmStart:
                ArmStart();
                break;
            case Effect.Prepare:
                RunScript(Script.Prepare, (byte)'u', Signal.None);
                break;
            case Effect.StartRun:
                StartRun();
                break;
            case Effect.Stop:
                _supervise?.NoteLeft("");
                _set.Leftovers.Remember(this);
                RunScript(Script.Term, (byte)'t', Signal.Term);
                break;
            case Effect.StartFinish:
                StartFinish();
                break;
            case Effect.Sweep:
            case Effect.Clean:
                EndLeftovers();
                break;
            case Effect.KillLate:
                KillAll();
                break;
            case Effect.Leave:
                Leave();
                break;
            default:
                (byte letter, Signal signal) = SignalOf(effect);
                RunScript(Script.Signal, letter, signal);
                break;
        }
    }

    private static (byte Letter, Signal Signal) SignalOf(Effect effect) => effect switch
    {
        Effect.SendCont => ((byte)'c', Signal.Cont),
        Effect.SendStop => ((byte)'p', Signal.Stop),
        Effect.SendHup => ((byte)'h', Signal.Hup),
        Effect.SendAlarm => ((byte)'a', Signal.Alrm),
        Effect.SendInterrupt => ((byte)'i', Signal.Interrupt),
        Effect.SendQuit => ((byte)'q', Signal.Quit),
        Effect.SendUsr1 => ((byte)'1', Signal.Usr1),
        Effect.SendUsr2 => ((byte)'2', Signal.Usr2),
        Effect.SendKill => ((byte)'k', Signal.Kill),
        _ => throw new ArgumentOutOfRangeException(nameof(effect)),
    };

    // ---- control/LETTER ----

    /// <summary>Runs the script for a command if there is one, and goes on with the command afterwards, or now.</summary>
    private void RunScript(Script script, byte letter, Signal signal)
    {
        ReadOnlySpan<byte> name = [.. "control/"u8, letter];
        _scriptSignal = signal;
        if (_isLog || !_directory.HasExecutable(name))
        {
            ScriptEnded(script, suppressed: false);
            return;
        }
        using var arguments = new CStringArray([new ByteString(name)]);
        Result<int> child = Start(name, arguments);
        if (!child.Ok)
        {
            Log.Warn($"cannot start {PathOf(name)}: {ExecFailure.Explain(PathOf(name).Span, child.Error).Reason}");
            ScriptEnded(script, suppressed: false);
            return;
        }
        _script = script;
        _scriptPid = child.Value;
        // Its bytes wait where they are; a FIFO that stays readable must not keep the loop awake.
        if (_supervise is not null)
            Loop.Unwatch(_supervise.Control);
    }

    /// <summary>A script of the service was reaped.</summary>
    private void ScriptReaped(WaitStatus status)
    {
        Script script = _script;
        _script = Script.None;
        _scriptPid = 0;
        ScriptEnded(script, status is { Exited: true, ExitCode: 0 });
        // Bytes of control come behind what happened meanwhile.
        while (_script == Script.None && _deferred is { Count: > 0 })
        {
            Event e = _deferred[0];
            _deferred.RemoveAt(0);
            Handle(e);
        }
        if (_script == Script.None && _supervise is not null)
            _ = Loop.Watch(_supervise.Control, this);
    }

    private void ScriptEnded(Script script, bool suppressed)
    {
        switch (script)
        {
            case Script.Prepare:
                Handle(Event.Prepared);
                break;
            case Script.Term:
                if (!suppressed)
                {
                    Send(Signal.Term);
                    Handle(Event.TermSent);
                }
                if (_state.Want == Want.Up)
                    break;
                Send(Signal.Cont);
                RunScript(Script.AfterTerm, _state.Want == Want.Exit ? (byte)'x' : (byte)'d', Signal.None);
                break;
            case Script.Signal:
                if (!suppressed)
                    Send(_scriptSignal);
                // As runsv: paused it is called, whoever paused it.
                if (_scriptSignal == Signal.Stop)
                    Handle(Event.StopSent);
                break;
            default:
                break;
        }
    }

    private void Send(Signal signal)
    {
        if (_pid > 0 && Phase is Phase.Run or Phase.Killed)
            _ = Signals.Send(_pid, signal);
    }

    // ---- run and finish ----

    private void ArmStart()
    {
        if (!_couldNotStart)
        {
            Loop.Timers.Arm(_start, Math.Max(_nextStart, Loop.Now));
            return;
        }
        // Causes that the directory's watch does not see (a missing interpreter, no memory) are tried again, ever slower.
        if (!WatchWillTell())
            Loop.Timers.Arm(_start, Loop.Now + Pace.RetryDelay(_failures));
    }

    /// <summary>
    /// Whether ./run itself is what is wrong, missing or not executable, and has been reported. (The first failure of a
    /// directory that may still be being written is tried again instead.) A link's target is outside of the watch.
    /// </summary>
    private bool WatchWillTell() =>
        !_isLog && _service.Watch >= 0 && _lastFailure is not null && !_directory.ReadLink("run"u8).Ok &&
        (_failedRun.Kind != FileKind.Regular || (_failedRun.Mode & Files.AnyExecute) == 0);

    private void StartRun()
    {
        _started = Loop.Now;
        _since = Clock.TimeOfDay;
        _starts++;
        Result<int> child = Start("./run"u8, s_runArguments);
        _couldNotStart = !child.Ok;
        if (child.Ok)
        {
            _set.Starts++;
            _pid = _group = Session = child.Value;
            _endedTicks = ulong.MaxValue;
            _failures = 0;
            _lastFailure = null;
            _set.Leftovers.Forget(this);
            return;
        }
        _failedRun = _directory.Status("run"u8).Value;
        ReportFailure(ExecFailure.Explain(PathOf("run"u8).Span, child.Error));
        Handle(Event.RunEnded);
    }

    private void ReportFailure(ExecFailure failure)
    {
        _failures++;
        // A directory that appears while we run may still be being written: its first failure is given a second.
        if ((_failures > 1 || !_service.FoundLater) && failure.Reason != _lastFailure)
        {
            _lastFailure = failure.Reason;
            Log.Warn($"cannot start {PathOf("run"u8)}: {failure.Reason}");
        }
    }

    void IParent.Ended(int pid, WaitStatus status)
    {
        if (pid == _scriptPid)
        {
            ScriptReaped(status);
            return;
        }
        if (pid != _pid)
            return;
        _pid = 0;
        if (Phase == Phase.Finish)
        {
            Handle(Event.FinishEnded);
            return;
        }
        _out?.Finish();
        _error?.Finish();
        _ended = status;
        _endedTicks = ProcessTree.Now;
        Handle(Event.RunEnded);
    }

    private void StartFinish()
    {
        if (_isLog || !_directory.Has("finish"u8))
        {
            Handle(Event.FinishEnded);
            return;
        }
        // runit: exit code and low byte of the wait status; -1 for a signal; 111 when ./run could not be started.
        int code = _couldNotStart ? 111 : _ended.Exited ? _ended.ExitCode : -1;
        int low = _couldNotStart ? 0 : _ended.Raw & 0xff;
        using var arguments = new CStringArray([new ByteString("./finish"u8), Number10(code), Number10(low)]);
        Result<int> child = Start("./finish"u8, arguments);
        if (!child.Ok)
        {
            Log.Warn($"cannot start {PathOf("finish"u8)}: {ExecFailure.Explain(PathOf("finish"u8).Span, child.Error).Reason}");
            Handle(Event.FinishEnded);
            return;
        }
        _pid = _group = child.Value;
        Handle(Event.FinishStarted);
        MarkChanged();
        BePatient();
    }

    /// <summary>For ./finish and for what is left, which nobody waits for endlessly; a stop of all has its own times.</summary>
    private void BePatient()
    {
        if (!_patience.Armed && !_set.IsStopping)
            Loop.Timers.Arm(_patience, Loop.Now + _set.ProcessTimeout);
    }

    /// <summary>All scripts run in the service's directory, in a session of their own, with the mark in their environment.</summary>
    private Result<int> Start(ReadOnlySpan<byte> script, CStringArray arguments)
    {
        _set.Leftovers.Mark(_set.Environment, Number, _starts);
        OpenOutput();
        return _set.Leftovers.Start(
            this,
            new SpawnRequest
            {
                Path = script,
                Directory = Path.Span,
                DirectoryFd = _directory.Fd,
                Arguments = arguments,
                Environment = _set.Environment,
                Placement = Placement.OwnSession,
                StandardInput = _isLog ? _service.LogReadEnd : _set.Null,
                StandardOutput = !_isLog && _service.HasLog ? _service.LogWriteEnd : _out?.WriteEnd ?? -1,
                StandardError = _error?.WriteEnd ?? -1,
            },
            this);
    }

    /// <summary>What goes neither to the container's output nor to the log of the service comes to us, line by line.</summary>
    private void OpenOutput()
    {
        if (_outputOpened)
            return;
        _outputOpened = true;
        ByteString name = _isLog ? ByteString.Join(_service.Name.Span, "/log"u8) : _service.Name;
        if (_isLog || !_service.HasLog)
            _out = _set.Output.Open(name, isError: false);
        _error = _set.Output.Open(name, isError: true);
    }

    private void CloseOutput()
    {
        _out?.CloseWriteEnd();
        _error?.CloseWriteEnd();
    }

    // ---- what is late, and what is left ----

    /// <summary>KILL to what did not end within so many milliseconds; null when somebody was in a hurry and nobody late.</summary>
    internal void KillLate(long? milliseconds)
    {
        if (milliseconds is { } late)
        {
            string what =
                _script != Script.None ? $"a script in {PathOf("control"u8)} did not finish"
                : Phase == Phase.Finish ? $"{PathOf("finish"u8)} did not finish"
                : Phase is Phase.Sweep or Phase.Clean ? $"{_service.DisplayName(_isLog)} left processes that did not stop ({_set.Leftovers.NamesOf(this)})"
                : $"{_service.DisplayName(_isLog)} did not stop";
            Log.Warn($"{what} within {Seconds.Of(late)}; killed.");
        }
        Handle(Event.TimeUp);
    }

    private void KillAll()
    {
        if (_scriptPid > 0)
            _ = Signals.Send(-_scriptPid, Signal.Kill);
        if (Phase is Phase.Sweep or Phase.Clean)
            _set.Leftovers.Kill(this);
        else if (_pid > 0)
            _ = Signals.Send(-_group, Signal.Kill);
        // ./finish and what is left come next, and get a little.
        if (_endsWithin is { } milliseconds && !_patience.Armed)
            Loop.Timers.Arm(_patience, Loop.Now + Math.Min(milliseconds, 1000));
    }

    private void EndLeftovers()
    {
        _set.Leftovers.End(this);
        BePatient();
    }

    /// <summary>The service's number in its mark.</summary>
    public uint Number { get; }

    /// <summary>The session of ./run, the last one's when none runs; 0 before the first.</summary>
    public int Session { get; private set; }

    int ILeaver.RunningPid => Phase is Phase.Run or Phase.Killed ? _pid : 0;

    ulong ILeaver.EndedTicks => _endedTicks;

    void ILeaver.NothingLeft(string ended)
    {
        if (ended.Length > 0)
        {
            // A script that the stop of the container met in its first moments is no careless one.
            if (!_set.IsStopping || Loop.Now - _started >= Pace.Milliseconds)
                Log.Info($"{_service.DisplayName(_isLog)} left processes behind: ended {ended}.");
            _supervise?.NoteLeft(ended);
        }
        Handle(Phase == Phase.Sweep ? Event.Swept : Event.Cleaned);
    }

    private ByteString PathOf(ReadOnlySpan<byte> file) => ByteString.Join(Path.Span, "/"u8, file);

    private static ByteString Number10(int number) => ByteString.Of(number.ToString(CultureInfo.InvariantCulture));
}
