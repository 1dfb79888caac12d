// What service.conf adds to runit's life of a service: whether it may start yet, when it is ready, whether it is started
// again, and what follows from its end. The machine (Keelson.Supervision) stays runit's; this says when its events come.
// A service whose directory has no service.conf, and that no other is ordered after, has none of this.
using Keelson.Init.Boot;
using Keelson.Init.Control;
using Keelson.Linux;
using Keelson.Supervision;

namespace Keelson.Init.Services;

internal sealed class ServiceLife
{
    private readonly Service _service;
    private readonly ServiceSet _set;
    private readonly RestartRules _rules;
    private readonly Timer _startTimeout;
    private readonly Timer _watchdog;
    private readonly HealthWatch? _health;
    private long _began;
    private long _alive;
    private string? _failure;
    private string? _saidObstacle;
    private bool _isOverridden;
    private bool _isStuck;

    internal ServiceLife(Service service)
    {
        _service = service;
        _set = service.Set;
        _rules = new RestartRules(Conf);
        _startTimeout = new Timer(StartTimeElapsed);
        _watchdog = new Timer(WatchdogElapsed);
        Readiness = new Readiness(service.Main, _set, Conf, IsReady);
        if (Conf.HasHealthCheck)
            _health = new HealthWatch(service, _set.Loop);
    }

    internal ActiveState State { get; private set; }

    internal Readiness Readiness { get; }

    /// <summary>STATUS= of the service itself.</summary>
    internal string StatusText { get; private set; } = "";

    /// <summary>Why it waits, what it waits for or how it failed; empty when there is nothing to say.</summary>
    internal string Reason => State switch
    {
        ActiveState.Waiting => Obstacle() ?? "",
        ActiveState.Activating => $"waits for {Readiness.WaitsFor}",
        ActiveState.Failed or ActiveState.Restarting => _failure ?? "",
        _ => _health?.Complaint ?? "",
    };

    /// <summary>A health check has failed as often as it may.</summary>
    internal bool IsUnhealthy => _health?.Complaint is not null;

    /// <summary>MAINPID= of the service: who is meant by signals instead of ./run.</summary>
    internal int MainPid { get; set; }

    private ServiceConf Conf => _service.Conf;

    private EventLoop Loop => _set.Loop;

    private string Name => _service.NameText;

    /// <summary>It is there now; <paramref name="isDown"/> when it is not to be started by itself.</summary>
    internal void Found(bool isDown)
    {
        if (!HasBadConf())
            Enter(isDown ? ActiveState.Inactive : ActiveState.Waiting);
    }

    /// <summary>The life by a service.conf that was changed while nothing of the service runs.</summary>
    internal ServiceLife Renewed()
    {
        Cancel();
        return new ServiceLife(_service) { State = State, _isOverridden = _isOverridden, _failure = _failure };
    }

    /// <summary>It has failed when its service.conf is wrong.</summary>
    internal bool HasBadConf()
    {
        if (Conf.Errors.Count == 0)
            return false;
        _failure = $"service.conf: {Conf.Errors[0]}";
        Journal.Add(JournalKind.Failed, Name, text: _failure);
        Enter(ActiveState.Failed);
        return true;
    }

    // ---- before ./run ----

    /// <summary>Whether ./run may be started now; when not, <see cref="Service.Reconsider"/> follows once that may have changed.</summary>
    internal bool MayBegin()
    {
        if (_isOverridden && Conf.Errors.Count == 0 || Obstacle() is not { } obstacle)
        {
            if (State is not ActiveState.Restarting)
                Enter(ActiveState.Activating);
            return true;
        }
        if (State != ActiveState.Restarting && Conf.Errors.Count == 0)
            Enter(ActiveState.Waiting);
        Hold(obstacle);
        return false;
    }

    /// <summary>What it waits for may have changed: whether it may start now.</summary>
    internal bool MayGoOn()
    {
        if (Obstacle() is not { } obstacle)
            return true;
        Hold(obstacle);
        return false;
    }

    /// <summary>It waits, for what does not come by itself: who only comes after it need not wait any longer.</summary>
    internal bool IsStuck => State == ActiveState.Waiting && _isStuck;

    private void Hold(string obstacle)
    {
        Say(obstacle);
        bool isStuck = !IsOnItsWay();
        if (isStuck == _isStuck)
            return;
        _isStuck = isStuck;
        _set.Order.Settled(_service);
    }

    /// <summary>Once for each obstacle; on the log only when it does not go away by itself.</summary>
    private void Say(string obstacle)
    {
        if (obstacle == _saidObstacle)
            return;
        _saidObstacle = obstacle;
        Journal.Add(JournalKind.Held, Name, text: obstacle);
        if (!_set.IsStopping && Conf.Errors.Count == 0 && !IsOnItsWay())
            Log.Warn($"{Name} is not started: {obstacle}; `sv up {Name}` starts it all the same");
    }

    /// <summary>sv asks for it: what held it up, and what was counted, counts no more.</summary>
    internal void Asked()
    {
        _isOverridden = true;
        _failure = null;
        _rules.Reset();
    }

    /// <summary>What it has to wait for; null when it may start.</summary>
    internal string? Obstacle()
    {
        if (Conf.Errors.Count > 0)
            return $"its service.conf: {Conf.Errors[0]}";
        foreach (string missing in _set.Order.MissingOf(_service))
            return $"it requires {missing}, and there is no such service (make it, or take the name out of Requires in its service.conf)";
        foreach (Need need in _set.Order.NeedsOf(_service))
        {
            Service other = _set.Order[need.Service];
            ActiveState state = other.ActiveState;
            if (need.Kind == Dependency.Requires && state != ActiveState.Active)
                return $"it requires {other.Name}, which is {state.Word()}{(state == ActiveState.Inactive ? $" (`sv up {other.Name}` starts it)" : "")}";
            if (!other.IsRemoved && (state == ActiveState.Activating || state == ActiveState.Waiting && other.Life?.IsStuck != true))
                return $"it comes after {other.Name}, which is {state.Word()}";
        }
        return null;
    }

    /// <summary>Whether all that it requires is ready or being started.</summary>
    private bool IsOnItsWay()
    {
        if (_set.Order.MissingOf(_service).Count > 0 || Conf.Errors.Count > 0)
            return false;
        foreach (Need need in _set.Order.NeedsOf(_service))
        {
            if (need.Kind != Dependency.Requires)
                continue;
            Service other = _set.Order[need.Service];
            if (other.ActiveState is not (ActiveState.Active or ActiveState.Waiting or ActiveState.Activating) || other.Life?.IsStuck == true)
                return false;
        }
        return true;
    }

    /// <summary>Whether StartLimitBurst= lets it start once more; when not, it has failed.</summary>
    internal bool MayStart()
    {
        if (_rules.MayStart(Loop.Now))
            return true;
        Fail($"was started {Conf.StartLimitBurst} times within {Seconds.Of(Conf.StartLimitMilliseconds)} (StartLimitBurst)", status: 1);
        return false;
    }

    // ---- ./run ----

    /// <summary>The time for the start begins, with ExecStartPre= or ./run.</summary>
    internal void Beginning()
    {
        _began = Loop.Now;
        StatusText = "";
        MainPid = 0;
        if (Conf.StartTimeoutMilliseconds != TimeSpans.Infinite)
            Loop.Timers.Arm(_startTimeout, Loop.Now + Conf.StartTimeoutMilliseconds);
    }

    internal void Started()
    {
        _saidObstacle = null;
        Readiness.Begin();
    }

    /// <summary>The service has been there for a while, and now somebody wants to know when it is ready.</summary>
    internal void TakeOver(Phase phase, bool wasStarted)
    {
        if (phase is Phase.Run)
        {
            Enter(ActiveState.Activating);
            Beginning();
            Readiness.Begin();
        }
        else if (phase is not Phase.Down)
        {
            Enter(wasStarted ? ActiveState.Restarting : ActiveState.Activating);
        }
    }

    /// <summary>./run could not be started.</summary>
    internal void CouldNotStart(string reason)
    {
        Cancel();
        _failure = reason;
        Enter(ActiveState.Restarting);
    }

    private void IsReady()
    {
        if (!_service.Main.StartPostCommands())
            BecomeActive();
    }

    /// <summary>ExecStartPost= has ended.</summary>
    internal void PostEnded(WaitStatus status)
    {
        if (State is ActiveState.Active or ActiveState.Deactivating)
            return;
        if (status is { Exited: true, ExitCode: 0 })
            BecomeActive();
        else
            GiveUpStart($"ExecStartPost {status.Failure}");
    }

    private void BecomeActive()
    {
        Loop.Timers.Cancel(_startTimeout);
        _failure = null;
        Journal.Add(JournalKind.Ready, Name);
        Enter(ActiveState.Active);
        _set.TidyLater();
        if (Conf.Type == ServiceType.OneShot)
            return;
        _alive = Loop.Now;
        if (Conf.WatchdogMilliseconds > 0)
            Loop.Timers.Arm(_watchdog, Loop.Now + Conf.WatchdogMilliseconds);
        _health?.Begin();
    }

    private void StartTimeElapsed()
    {
        string after = Seconds.Of(Loop.Now - _began);
        if (Conf.Type == ServiceType.Simple)
        {
            // As under runit it runs on; and when the sign comes after all, it is ready.
            Log.Warn($"{Name} is not ready after {after}: {NotSeen()}; going on without (`sv status {Name}` tells how it is, TimeoutStartSec in its service.conf is the time it gets)");
            _failure = $"not ready after {after}: {NotSeen()}";
            Journal.Add(JournalKind.Failed, Name, text: _failure);
            Enter(ActiveState.Failed);
            return;
        }
        GiveUpStart($"not ready after {after}: {NotSeen()} (TimeoutStartSec in its service.conf is the time it gets)");
    }

    private string NotSeen() =>
        Conf.Type == ServiceType.OneShot ? "./run has not ended"
        : Conf.Type == ServiceType.Notify ? "it has not sent READY=1 to NOTIFY_SOCKET"
        : Readiness.Descriptor > 0 ? $"it has not written a newline to descriptor {Readiness.Descriptor} (notification-fd)"
        : Conf.ReadySocket.Length > 0 ? $"nothing listens on {Conf.ReadySocket}"
        : "./check has not ended with 0";

    /// <summary>The start has failed though ./run may run: it is ended, and what follows is that of a failure.</summary>
    private void GiveUpStart(string why)
    {
        Log.Warn($"{Name} is {why}; it is ended");
        _failure = why;
        _service.Main.Abort(Signal.Term);
    }

    private void WatchdogElapsed()
    {
        long due = _alive + Conf.WatchdogMilliseconds;
        if (due > Loop.Now)
            Loop.Timers.Arm(_watchdog, due);
        else
            Hung($"no WATCHDOG=1 for {Seconds.Of(Conf.WatchdogMilliseconds)}");
    }

    private void Hung(string why)
    {
        Log.Warn($"{Name} is hung: {why}; it is ended by {Signals.Name((Signal)Conf.WatchdogSignal)}");
        _failure = $"hung: {why}";
        _service.Main.Abort((Signal)Conf.WatchdogSignal);
    }

    /// <summary>What the service says of itself.</summary>
    internal void Notified(in NotifyMessage message)
    {
        if (message.Status is { } text)
            StatusText = text;
        if (message.ExtendMilliseconds > 0)
            Extend(message.ExtendMilliseconds);
        if (message.IsAlive)
            _alive = Loop.Now;
        if (message.IsHung && State == ActiveState.Active)
            Hung("it says so (WATCHDOG=trigger)");
        if (message.MainPid > 0)
            _service.Main.AdoptMain(message.MainPid);
        if (message.IsStopping && State is ActiveState.Active or ActiveState.Activating)
            Stopping();
        if (message.IsReady)
        {
            if (Conf.Type == ServiceType.Notify)
                Readiness.BeReady();
            _alive = Loop.Now;
        }
    }

    private void Extend(long milliseconds)
    {
        if (_startTimeout.Armed)
            Loop.Timers.Arm(_startTimeout, Math.Max(_startTimeout.Due, Loop.Now + milliseconds));
        else
            _service.Main.ExtendPatience(milliseconds);
    }

    /// <summary>It was told to end, or says that it does.</summary>
    internal void Stopping()
    {
        Cancel();
        if (State is ActiveState.Inactive or ActiveState.Deactivating)
            return;
        Journal.Add(JournalKind.Stopping, Name);
        Enter(ActiveState.Deactivating);
    }

    /// <summary>./run has ended. False when it is not to be started again by itself.</summary>
    /// <param name="isWanted">Nobody has asked for the end.</param>
    /// <param name="mayRunAgain">It was not started to run once.</param>
    internal bool Ended(WaitStatus status, bool isWanted, bool mayRunAgain)
    {
        bool isDone = isWanted && Conf.Type == ServiceType.OneShot && _failure is null && (Conf.IgnoresStartFailure || status is { Exited: true, ExitCode: 0 });
        if (isDone)
            IsReady();
        Cancel();
        if (!isWanted)
            return false;
        bool succeeded = _failure is null && (Conf.IgnoresStartFailure || status is { Exited: true, ExitCode: 0 } || status.Signal is Signal.Hup or Signal.Interrupt or Signal.Term or Signal.Pipe);
        if (!succeeded)
            _failure ??= $"./run {(status.Exited ? $"ended with {status.ExitCode}" : status.Failure)}";
        if (mayRunAgain && _rules.RunsAgain(succeeded))
        {
            Enter(ActiveState.Restarting);
            return true;
        }
        if (!succeeded)
            Fail(_failure!, status.ShellCode);
        else if (Conf.ExitsOnSuccess)
            _set.RequestExit(Name, status.ShellCode, "SuccessAction=exit");
        return false;
    }

    /// <summary>When ./run is started next, after an end.</summary>
    internal long NextStart(long started) => _rules.NextStart(started, Loop.Now, _set.PaceMilliseconds);

    /// <summary>Nothing of it runs any more, and it is not to be started.</summary>
    internal void Down()
    {
        _isOverridden = false;
        if (State == ActiveState.Failed || State == ActiveState.Active && Conf.Type == ServiceType.OneShot)
            return;
        Enter(ActiveState.Inactive);
    }

    /// <summary>sv says that it is to be down: also what has done its work, or failed, is only down then.</summary>
    internal void Dismissed()
    {
        _isOverridden = false;
        _failure = null;
        if (State is ActiveState.Failed or ActiveState.Waiting or ActiveState.Restarting || State == ActiveState.Active && Conf.Type == ServiceType.OneShot)
            Enter(ActiveState.Deactivating);
    }

    /// <summary>No longer supervised.</summary>
    internal void Leave()
    {
        Cancel();
        Enter(ActiveState.Inactive);
    }

    private void Fail(string why, int status)
    {
        _failure = why;
        Log.Warn($"{Name} has failed: {why}; it is not started again (`sv up {Name}` starts it)");
        Journal.Add(JournalKind.Failed, Name, status, why);
        Enter(ActiveState.Failed);
        if (Conf.ExitsOnFailure)
            _set.RequestExit(Name, status, "FailureAction=exit");
    }

    private void Cancel()
    {
        Readiness.Cancel();
        _health?.End();
        Loop.Timers.Cancel(_startTimeout);
        Loop.Timers.Cancel(_watchdog);
    }

    private void Enter(ActiveState state)
    {
        if (State == state)
            return;
        State = state;
        _set.Order.Settled(_service);
    }
}
