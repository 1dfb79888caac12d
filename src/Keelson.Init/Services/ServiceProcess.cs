// The processes of a supervised ./run: how they are started, signalled, waited for, and ended when they are late.
using System.Globalization;
using System.Text;
using Keelson.Init.Boot;
using Keelson.Init.Control;
using Keelson.Init.Output;
using Keelson.Linux;
using Keelson.Supervision;

namespace Keelson.Init.Services;

internal sealed partial class Supervised
{
    private static readonly CStringArray s_runArguments = new([new ByteString("./run"u8)]);

    private int _pid;
    private int _group;
    private WaitStatus _ended;
    private ulong _endedTicks = ulong.MaxValue;
    private bool _couldNotStart;
    private WaitStatus? _failedPre;
    private bool _isSweeping;
    private long _patienceMilliseconds;
    private FileStatus _failedRun;
    private long _started = long.MinValue / 2;
    private long _nextStart;
    private int _failures;
    private string? _lastFailure;
    private uint _starts;
    private LinePipe? _out;
    private LinePipe? _error;
    private bool _outputOpened;

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
                if (IsEnding)
                    Life?.Stopping();
                BePatientWithStop();
                RunScript(Script.Term, (byte)'t', (Signal)Conf.KillSignal);
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

    // ---- signals, and patience ----

    private void Send(Signal signal)
    {
        if (_pid > 0 && Phase is Phase.Run or Phase.Killed)
            _ = Signals.Send(Life is { MainPid: > 0 and var main } && IsProcessOfOurs(main) ? main : _pid, signal);
    }

    /// <summary>KillSignal= to who KillMode= says.</summary>
    private void SendStopSignal()
    {
        if (Conf.KillMode == KillMode.ControlGroup && _pid > 0)
            _ = Signals.Send(-_group, (Signal)Conf.KillSignal);
        else
            Send((Signal)Conf.KillSignal);
    }

    /// <summary>A start that has failed, or a service that is hung, is ended; what follows is up to service.conf.</summary>
    internal void Abort(Signal signal)
    {
        if (_scriptPid > 0)
            _ = Signals.Send(-_scriptPid, Signal.Kill);
        if (_pid == 0)
            return;
        Send(signal);
        Send(Signal.Cont);
        _patienceMilliseconds = Conf.StopTimeoutMilliseconds ?? _set.ProcessTimeout;
        if (!_patience.Armed && _patienceMilliseconds != TimeSpans.Infinite)
            Loop.Timers.Arm(_patience, Loop.Now + _patienceMilliseconds);
    }

    /// <summary>TimeoutStopSec=, from the moment that it is told to end.</summary>
    private void BePatientWithStop()
    {
        if (Conf.StopTimeoutMilliseconds is not { } milliseconds || milliseconds == TimeSpans.Infinite)
            return;
        if (_patience.Armed && _patience.Due <= Loop.Now + milliseconds)
            return;
        _patienceMilliseconds = milliseconds;
        Loop.Timers.Arm(_patience, Loop.Now + milliseconds);
    }

    /// <summary>EXTEND_TIMEOUT_USEC= while it ends; the container's own time is not extended.</summary>
    internal void ExtendPatience(long milliseconds)
    {
        if (_patience.Armed && _endsWithin is null)
            Loop.Timers.Arm(_patience, Math.Max(_patience.Due, Loop.Now + milliseconds));
    }

    /// <summary>MAINPID= names a process of the service that goes on when ./run ends.</summary>
    internal void AdoptMain(int pid)
    {
        if (pid != _pid && IsProcessOfOurs(pid))
            Life!.MainPid = pid;
    }

    /// <summary>A process that is there, and of this service.</summary>
    private bool IsProcessOfOurs(int pid) =>
        Processes.SessionOf(pid) is > 0 and var session && (session == Session || _set.Leftovers.MarkOf(pid) == Number);

    internal bool IsProcess(int pid) => pid == _pid || pid == _scriptPid;

    /// <summary>The user of ./run; null when it does not run.</summary>
    internal uint? User => _pid > 0 ? Processes.UserOf(_pid) : null;

    internal bool IsMain(int pid) => pid == _pid || Life?.MainPid == pid;

    internal bool HasExecutable(ReadOnlySpan<byte> name) => _directory.HasExecutable(name);

    /// <summary>A small file of the directory; null when there is none.</summary>
    internal byte[]? ReadSmall(ReadOnlySpan<byte> name) => Files.ReadAll(PathOf(name).Span, 256) is { Ok: true } file ? file.Value : null;

    // ---- run and finish ----

    private void ArmStart()
    {
        if (!_isLog)
            _service.Refresh();
        if (Life is { } life && !life.MayBegin())
        {
            _isHeld = true;
            MarkChanged();
            return;
        }
        // What was mended while ./finish ran has changed nothing since.
        if (!_couldNotStart || _directory.Status("run"u8).Value != _failedRun)
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
        _wasAsked = false;
        _since = Clock.TimeOfDay;
        _starts++;
        if (_failedPre is { } failed)
        {
            Log.Warn($"{_service.Name} is not started: ExecStartPre of {Path}/service.conf {failed.Failure}");
            RunHasEnded(failed);
            return;
        }
        Life?.Readiness.Prepare();
        Result<int> child = Conf.ChangesProcess ? StartCommandsFor(ExecKind.Start, this) : Start("./run"u8, s_runArguments, ExecKind.Start, this);
        _couldNotStart = !child.Ok;
        if (child.Ok)
        {
            _set.Starts++;
            _pid = _group = Session = child.Value;
            _endedTicks = ulong.MaxValue;
            _failures = 0;
            _lastFailure = null;
            _set.Leftovers.Forget(this);
            Note(JournalKind.Started, child.Value);
            Life?.Started();
            // Under runit alone a service that was started is ready. Said once: it is about the boot.
            if (_service.Life is null && _starts == 1)
                Note(JournalKind.Ready);
            return;
        }
        _failedRun = _directory.Status("run"u8).Value;
        ReportFailure(ExecFailure.Explain(PathOf("run"u8).Span, child.Error));
        Life?.CouldNotStart(_lastFailure ?? child.Error.Words());
        if (Conf.Restart == RestartMode.No)
            RunHasEnded(new WaitStatus(ExecFailure.Explain(PathOf("run"u8).Span, child.Error).Status << 8));
        else
            Handle(Event.RunEnded);
    }

    /// <summary>./run was reaped, or ended before it began: whether it is started again is service.conf's to say.</summary>
    private void RunHasEnded(WaitStatus status)
    {
        _ended = status;
        _wasAsked = _state.GotTerm || IsEnding;
        _endedTicks = ProcessTree.Now;
        LastEnd = status;
        Note(JournalKind.Ended, status.ShellCode);
        if (Life is { } life)
        {
            bool again = life.Ended(status, isWanted: !IsEnding, mayRunAgain: _state.Want == Want.Up);
            if (_state.Want == Want.Up && !again)
                Handle(Event.Once);
            if (again && IsRidOfWhatItLeaves)
            {
                // A new ./run would find the port taken, or two of everything.
                _isSweeping = true;
                // Not the number of a process that is no more, for as long as it takes.
                MarkChanged();
                EndLeftovers();
                return;
            }
        }
        Handle(Event.RunEnded);
    }

    private void Note(JournalKind kind, int value = 0)
    {
        if (!_isLog)
            Journal.Add(kind, _service.NameText, value);
    }

    /// <summary>Nothing of the last ./run is to be there beside the next.</summary>
    private bool IsRidOfWhatItLeaves => Conf.Exists && Conf.KillMode != KillMode.Process;

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
        if (Life is { MainPid: > 0 and var main } && Phase is Phase.Run && main != pid && IsProcessOfOurs(main) && status is { Exited: true, ExitCode: 0 })
        {
            // It went into the background, and has said who goes on.
            _pid = main;
            Loop.Adopt(main, this);
            MarkChanged();
            return;
        }
        if (Phase == Phase.Finish)
        {
            Handle(Event.FinishEnded);
            return;
        }
        _out?.Finish();
        _error?.Finish();
        RunHasEnded(status);
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
        Result<int> child = Start("./finish"u8, arguments, null, this);
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
        if (_patience.Armed || _set.IsStopping)
            return;
        _patienceMilliseconds = _set.ProcessTimeout;
        Loop.Timers.Arm(_patience, Loop.Now + _patienceMilliseconds);
    }

    /// <summary>All scripts run in the service's directory, in a session of their own, with the mark in their environment.</summary>
    private Result<int> Start(ReadOnlySpan<byte> script, CStringArray arguments, ExecKind? kind, IParent parent)
    {
        CStringArray environment = _set.Environment;
        List<ByteString>? more = MoreVariables(kind);
        if (more is not null)
            environment = _set.Leftovers.Environment([.. _set.Variables, .. more]);
        _set.Leftovers.Mark(environment, Number, _starts);
        OpenOutput();
        Readiness? readiness = kind == ExecKind.Start ? Life?.Readiness : null;
        Result<int> child = _set.Leftovers.Start(
            this,
            new SpawnRequest
            {
                Path = script,
                Directory = Path.Span,
                DirectoryFd = _directory.Fd,
                Arguments = arguments,
                Environment = environment,
                Placement = Placement.OwnSession,
                StandardInput = _isLog ? _service.LogReadEnd : _set.Null,
                StandardOutput = !_isLog && _service.HasLog ? _service.LogWriteEnd : _out?.WriteEnd ?? -1,
                StandardError = _error?.WriteEnd ?? -1,
                Extra = readiness?.WriteEnd ?? -1,
                ExtraNumber = readiness?.Descriptor ?? 0,
            },
            parent);
        if (more is not null)
            environment.Dispose();
        return child;
    }

    /// <summary>./check and the like, which are asked and have no say in the service's life.</summary>
    internal Result<int> StartHelper(ReadOnlySpan<byte> script, IParent parent)
    {
        using var arguments = new CStringArray([new ByteString(script)]);
        return Start(script, arguments, null, parent);
    }

    /// <summary>Commands of service.conf, which this very program runs with the settings of the file.</summary>
    internal Result<int> StartCommandsFor(ExecKind kind, IParent parent)
    {
        using var arguments = new CStringArray([new ByteString("keelson"u8), new ByteString("exec-service"u8), ByteString.Of(kind.Word())]);
        return Start("/proc/self/exe"u8, arguments, kind, parent);
    }

    /// <summary>What the service's own messages need; null when it has no use for them.</summary>
    private List<ByteString>? MoreVariables(ExecKind? kind)
    {
        ServiceConf conf = Conf;
        if (!conf.Exists || kind is null)
            return null;
        List<ByteString>? more = null;
        if (conf.NotifyAccess != NotifyAccess.None && _set.NotifyVariable() is { } socket)
        {
            (more ??= []).Add(socket);
            if (conf.WatchdogMilliseconds > 0)
                more.Add(ByteString.Of(string.Create(CultureInfo.InvariantCulture, $"WATCHDOG_USEC={conf.WatchdogMilliseconds * 1000}")));
        }
        if (_pid > 0 && kind != ExecKind.Start)
            (more ??= []).Add(ByteString.Of(string.Create(CultureInfo.InvariantCulture, $"MAINPID={(Life is { MainPid: > 0 and var main } ? main : _pid)}")));
        return more;
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
                : _isSweeping || Phase is Phase.Sweep or Phase.Clean ? $"{_service.DisplayName(_isLog)} left processes that did not stop ({_set.Leftovers.NamesOf(this)})"
                : $"{_service.DisplayName(_isLog)} did not stop";
            Log.Warn($"{what} within {Seconds.Of(late)}; killed.");
        }
        Handle(Event.TimeUp);
    }

    private void KillAll()
    {
        if (_scriptPid > 0)
            _ = Signals.Send(-_scriptPid, Signal.Kill);
        if (_isSweeping || Phase is Phase.Sweep or Phase.Clean)
            _set.Leftovers.Kill(this);
        else if (_pid > 0)
            _ = Signals.Send(-_group, Signal.Kill);
        // ./finish and what is left come next, and get a little.
        if (_endsWithin is { } milliseconds && !_patience.Armed)
            Loop.Timers.Arm(_patience, Loop.Now + Math.Min(milliseconds, 1000));
    }

    private void EndLeftovers()
    {
        if (Conf.KillMode == KillMode.Process)
        {
            Handle(Phase == Phase.Sweep ? Event.Swept : Event.Cleaned);
            return;
        }
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
        if (_isSweeping)
        {
            _isSweeping = false;
            Handle(Event.RunEnded);
            return;
        }
        Handle(Phase == Phase.Sweep ? Event.Swept : Event.Cleaned);
    }

    private ByteString PathOf(ReadOnlySpan<byte> file) => ByteString.Join(Path.Span, "/"u8, file);

    private static ByteString Number10(int number) => ByteString.Of(number.ToString(CultureInfo.InvariantCulture));
}
