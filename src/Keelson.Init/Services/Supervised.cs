// One supervised ./run, of a service or of its log: the pure machine (Keelson.Supervision) decides, this carries out and
// reports back what happened. ServiceProcess.cs has the processes, this file what leads to them and what is seen of them.
//
// While a script control/LETTER runs, nothing else happens to the service, as under runsv: bytes stay in the FIFO, and
// the end of ./run waits. Only the time-outs of a stop go on, and other services don't notice.
using Keelson.Init.Boot;
using Keelson.Init.Control;
using Keelson.Linux;
using Keelson.Supervision;

namespace Keelson.Init.Services;

internal sealed partial class Supervised : IParent, ISource, ILeaver
{
    // As runsv a command a pass; a writer at full speed must not keep the other services waiting.
    private const int CommandsAtOnce = 16;
    private const long LatePublishMilliseconds = 100;
    private const long LockRetryMilliseconds = 1000;
    private const long ControlRetryMilliseconds = 5000;

    private readonly Service _service;
    private readonly ServiceSet _set;
    private readonly DirectoryFd _directory;
    private readonly bool _isLog;
    private readonly Timer _start;
    private readonly Timer _patience;
    private readonly Timer _publish;
    private Timer? _control;
    private Supervise? _supervise;
    private State _state;
    private (long Seconds, uint Nanoseconds) _since;
    private bool _changed;
    private bool _begun;
    private bool _isHeld;
    private bool _warnedOfLock;
    private bool _warnedOfPublishing;
    private bool _isCrashing;
    private bool _wasAsked;
    private long? _endsWithin;
    private List<Event>? _deferred;
    private (ulong, ulong) _identity;

    internal Supervised(Service service, DirectoryFd directory, ByteString path, bool isLog)
    {
        _service = service;
        _set = service.Set;
        _directory = directory;
        Path = path;
        _isLog = isLog;
        Number = ++_set.LastNumber;
        _start = new Timer(StartDue);
        _patience = new Timer(() => KillLate(_patienceMilliseconds));
        _publish = new Timer(MarkChanged);
    }

    /// <summary>For messages: /etc/service/web, or /etc/service/web/log.</summary>
    internal ByteString Path { get; set; }

    internal Phase Phase => _state.Phase;

    internal bool HasBegun => _begun;

    internal bool CouldNotStart => _couldNotStart;

    /// <summary>./run ran at least once.</summary>
    internal bool WasStarted => _starts > 0;

    /// <summary>How often ./run was started.</summary>
    internal uint Starts => _starts;

    /// <summary>It was told to end.</summary>
    internal bool IsEnding => _state.Want is Want.Down or Want.Exit;

    internal State State => _state;

    /// <summary>It ended soon after its start the last time, and has not run for longer since.</summary>
    internal bool IsCrashing => _isCrashing && Loop.Now - _started < Pace.Milliseconds;

    /// <summary>How the last ./run ended; null when none has.</summary>
    internal WaitStatus? LastEnd { get; private set; }

    /// <summary>When what holds now began, in seconds since 1970.</summary>
    internal long SinceSeconds => _since.Seconds;

    /// <summary>service.conf's say, which is not about the log.</summary>
    private ServiceLife? Life => _isLog ? null : _service.Life;

    private ServiceConf Conf => _isLog ? ServiceConf.Default : _service.Conf;

    internal void AddProcess(List<int> pids)
    {
        if (_pid > 0)
            pids.Add(_pid);
        if (_scriptPid > 0)
            pids.Add(_scriptPid);
    }

    private EventLoop Loop => _set.Loop;

    /// <summary>Begins to supervise. False when another supervisor does: this one tries again later.</summary>
    internal bool Begin()
    {
        Result<Supervise?> supervise = Supervise.Open(_directory, out string reason);
        if (supervise.Error == Errno.Again)
        {
            if (!_warnedOfLock)
                Log.Warn($"{Path} is not started: unable to lock {reason}");
            _warnedOfLock = true;
            Loop.Timers.Arm(_start, Loop.Now + LockRetryMilliseconds);
            return false;
        }
        _supervise = supervise.Value;
        if (_supervise is not null && reason.Length > 0)
            Log.Warn($"{Path}/{reason}; remove it. Until then the service is controlled through /run/keelson/supervise");
        if (_supervise is null)
            ControlBySocket(reason, supervise.Error);
        else if (Loop.KeepWatching(_supervise.Control, this) is not Errno.None and var error)
            Log.Warn($"{Path} can't be controlled: cannot watch supervise/control: {error.Words()}");
        _since = Clock.TimeOfDay;
        _state = State.Found(_service.IsUnwanted || _directory.Has("down"u8));
        // What is to run once is not wanted up for ever: sv calls it done afterwards, not crashed.
        if (Conf.Type == ServiceType.OneShot && _state.Want == Want.Up && Conf.Restart == RestartMode.No)
            _state = _state with { Want = Want.Once };
        _begun = true;
        if (_state.Phase == Phase.Waiting)
            ArmStart();
        MarkChanged();
        return true;
    }

    private void StartDue()
    {
        if (_begun)
            Handle(Life?.MayStart() == false ? Event.Down : Event.PaceElapsed);
        else
            _ = Begin();
    }

    /// <summary>Something in the directory changed: what hindered the start may have been mended.</summary>
    internal void DirectoryChanged()
    {
        // Only when ./run itself is another one now, and at its pace: who writes here all the time must not make us spin.
        if (Phase == Phase.Waiting && _couldNotStart && !_isHeld && _directory.Status("run"u8).Value != _failedRun)
            Loop.Timers.Arm(_start, Math.Max(_nextStart, Loop.Now));
    }

    /// <summary>supervise/control has bytes.</summary>
    void ISource.Ready(int fd)
    {
        Span<byte> letter = stackalloc byte[1];
        for (int i = 0; i < CommandsAtOnce && _script == Script.None && _supervise is not null; i++)
        {
            Result<int> n = Files.Read(fd, letter);
            if (!n.Ok || n.Value == 0)
                return;
            Receive(letter[0]);
        }
    }

    /// <summary>A byte of supervise/control.</summary>
    internal void Receive(byte letter)
    {
        Event? command = Machine.Command(letter);
        if (_isLog)
            command = OfLog(command);
        if (command is { } e)
            Command(e);
    }

    /// <summary>A log does not leave by command; nor does it stay by one when the service has gone that it is the log of.</summary>
    private Event? OfLog(Event? command) => command switch
    {
        Event.Exit => null,
        Event.Up or Event.Once when _service.IsMainGone => null,
        Event.Down when _service.IsMainGone => Event.Exit,
        _ => command,
    };

    /// <summary>No file system takes supervise/. Said only when sv has no other way either.</summary>
    private void ControlBySocket(string reason, Errno error)
    {
        Result<FileStatus> status = _directory.Status("."u8);
        Errno unheard = _set.OpenSwitchboard();
        if (unheard == Errno.None)
            unheard = status.Error;
        if (unheard != Errno.None)
        {
            _set.WarnUncontrolled(Path, reason, error, unheard);
            if (unheard.IsPassing())
            {
                _control = new Timer(() => ControlBySocket(reason, error));
                Loop.Timers.Arm(_control, Loop.Now + ControlRetryMilliseconds);
            }
            return;
        }
        _identity = (status.Value.Device, status.Value.Inode);
        _set.Switchboard!.Add(_identity, this);
    }

    /// <summary>What somebody wants of the service, by supervise/control or otherwise.</summary>
    internal void Command(Event e)
    {
        if (!_begun)
        {
            // Another supervisor has it: there is nothing to wait for.
            if (e is Event.Exit or Event.InputEnded)
                Leave();
            return;
        }
        if (Life is { } life)
        {
            if (e is Event.Up or Event.Once)
                life.Asked();
            else if (e is Event.Down or Event.Exit)
                life.Dismissed();
        }
        Handle(e);
        // Who is asked for waits for nobody any more.
        if (_isHeld && e is Event.Up or Event.Once)
            Release();
    }

    /// <summary>A life began after we had.</summary>
    internal void LifeBegun() => Life!.TakeOver(Phase, WasStarted);

    /// <summary>What it waits for may be there.</summary>
    internal void Reconsider()
    {
        if (_isHeld && Life?.MayGoOn() != false)
            Release();
    }

    private void Release()
    {
        _isHeld = false;
        MarkChanged();
        ArmStart();
    }

    /// <summary>Ended for good, with KILL after <paramref name="milliseconds"/>, if that is not null.</summary>
    internal void EndWithin(Event how, long? milliseconds)
    {
        if (_state.Want != Want.Exit)
            Command(how);
        if (Phase == Phase.Gone || _endsWithin is not null)
            return;
        _endsWithin = milliseconds;
        if (milliseconds is { } patience)
            Loop.Timers.Arm(_patience, Loop.Now + patience);
    }

    /// <summary>For a log that waits to be started again: what is in the pipe is read first.</summary>
    internal void ReadWhatIsLeft()
    {
        if (Phase == Phase.Waiting && !_couldNotStart && Pipes.HasData(_service.LogReadEnd))
            Handle(Event.PaceElapsed);
    }

    private void Handle(Event e)
    {
        if (_script != Script.None && e != Event.TimeUp)
        {
            (_deferred ??= []).Add(e);
            return;
        }
        Step step = Machine.On(_state, e);
        State before = _state;
        _state = step.State;
        if (before.Phase != _state.Phase)
            PhaseChanged(before);
        if (before != _state)
            MarkChanged();
        Act(step.Effect);
    }

    private void PhaseChanged(State before)
    {
        Loop.Timers.Cancel(_start);
        if (before.Phase == Phase.Waiting)
            _isHeld = false;
        // The patience of an exit is for all that is left of its life, that of a ./finish or of leftovers for these alone.
        if (_endsWithin is null)
            Loop.Timers.Cancel(_patience);
        if (before.Phase is Phase.Finish && _state.Phase is Phase.Waiting or Phase.Down or Phase.Clean)
        {
            // runit: the time of a service that is down begins when it went down, and the pause is counted from there.
            _since = Clock.TimeOfDay;
            _nextStart = Life?.NextStart(_started) ?? Pace.NextStart(_started, Loop.Now, _set.PaceMilliseconds);
            _isCrashing = !_wasAsked && _nextStart > Loop.Now;
        }
        if (_state.Phase == Phase.Down)
        {
            Note(JournalKind.Down);
            Life?.Down();
        }
    }

    /// <summary>What is seen from the outside is written at the end of the round, once for all that happened in it.</summary>
    private void MarkChanged()
    {
        if (_changed)
            return;
        _changed = true;
        _set.Changed(this);
    }

    internal ServiceStatus Status => new()
    {
        Seconds = _since.Seconds,
        Nanoseconds = _since.Nanoseconds,
        Pid = Phase is Phase.Run or Phase.Killed or Phase.Finish ? _pid : 0,
        Paused = _state.Paused,
        // Who waits for others is not asked for yet: Debian's sv sends nothing to what is wanted up already.
        Want = _isHeld ? Want.Down : _state.Want,
        GotTerm = _state.GotTerm,
        State = StatusWords.RunStateOf(_state),
    };

    internal void Publish()
    {
        _changed = false;
        if (_supervise is null || Phase == Phase.Gone)
            return;
        // Of one that ends as soon as it was started, again and again, only the end is written.
        if (Phase == Phase.Run && _isCrashing && Loop.Now - _started < LatePublishMilliseconds)
        {
            Loop.Timers.Arm(_publish, _started + LatePublishMilliseconds);
            return;
        }
        Errno error = _supervise.Publish(Status, StatusWords.Of(_state));
        if (error == Errno.None)
        {
            _warnedOfPublishing = false;
            return;
        }
        if (!_warnedOfPublishing)
            Log.Warn($"cannot write the status of {Path}: supervise: {error.Words()}; sv shows an old one until it can be written");
        _warnedOfPublishing = true;
        // A full disk may be emptied.
        Loop.Timers.Arm(_publish, Loop.Now + LockRetryMilliseconds);
    }

    private void Leave()
    {
        _state = new State(Phase.Gone, Want.Exit);
        Loop.Timers.Cancel(_start);
        Loop.Timers.Cancel(_patience);
        Loop.Timers.Cancel(_publish);
        if (_control is not null)
            Loop.Timers.Cancel(_control);
        _set.Leftovers.Remove(this);
        if (_supervise is not null)
        {
            _state = _state with { Phase = Phase.Down };
            Publish();
            _state = _state with { Phase = Phase.Gone };
            Loop.Unwatch(_supervise.Control);
            _supervise.Close();
            _supervise = null;
        }
        else
        {
            _set.Switchboard?.Remove(_identity);
        }
        if (_isLog)
            _directory.Close();
        CloseOutput();
        _service.Left(this);
    }
}
