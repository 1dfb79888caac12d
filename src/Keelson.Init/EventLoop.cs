// One thread, one epoll: signals, children, timers and changed directories come through here, one after the other.
// Nothing here waits for anything else, and an idle loop sleeps without a time-out.
//
// What reads as "wait for" elsewhere (a startup script, the main command, a stopping service) is Until(): it goes on
// with everybody's events until the one fact is there. Handlers never call Until, so it does not nest.
//
// A mistake of ours in a handler, an exception that nobody expected, is that handler's: it is logged with where it was,
// and everybody else's events go on (Mishaps). Only one after the other without an end leave the loop.
//
// The loop's time stands still while this process was frozen (docker pause, a snapshot of the machine) or did not get a
// turn for long: the others had no chance to do what they have a time for, so it does not run out.
using Keelson.Linux;

namespace Keelson.Init;

/// <summary>Who is told what becomes of a child.</summary>
public interface IParent
{
    /// <summary>The child was reaped.</summary>
    void Ended(int pid, WaitStatus status);

    /// <summary>The child was stopped by a signal (job control).</summary>
    void Stopped(int pid, Signal signal)
    {
    }
}

/// <summary>Who is told that a descriptor is ready.</summary>
public interface ISource
{
    /// <summary>There is something to read, or to write where that was asked for. It may be less than expected, or nothing.</summary>
    void Ready(int fd);
}

/// <summary>Who is told of signals other than SIGCHLD.</summary>
public interface ISignalHandler
{
    /// <summary>False: it could not be passed on now, keep it and the later ones and come back.</summary>
    bool Received(in ReceivedSignal signal);
}

public sealed class EventLoop
{
    private const int ReapAtOnce = 1024;
    private const int HeldRetryMilliseconds = 1;
    private const long WatchAgainMilliseconds = 1000;

    // Later than this is no busy machine's usual delay.
    private const long AwayMilliseconds = 1000;

    private readonly Epoll _epoll;
    private readonly SignalFd _signals;
    private readonly SignalFd _realTime;
    private readonly Dictionary<int, IParent> _children = [];
    private readonly ReceivedSignal[] _received = new ReceivedSignal[32];

    // Of its own, because what could not be passed on stays in it.
    private readonly ReceivedSignal[] _receivedRealTime = new ReceivedSignal[32];
    private readonly int[] _ready = new int[64];
    private readonly Timer _heldRetry;
    private readonly Mishaps _mishaps = new();
    private readonly List<(int Fd, ISource Source, bool Writable)> _unwatched = [];
    private readonly Timer _watchAgain;

    // By descriptor.
    private ISource?[] _sources = new ISource?[64];
    private int _heldFrom;
    private int _heldTo;
    private long _away;
    private bool _moreToReap = true;
    private bool _warned;

    private EventLoop(Epoll epoll, SignalFd signals, SignalFd realTime)
    {
        _epoll = epoll;
        _signals = signals;
        _realTime = realTime;
        _heldRetry = new Timer(HeldRetryElapsed);
        _watchAgain = new Timer(WatchAgain);
    }

    public Timers Timers { get; } = new();

    /// <summary>Gets all signals but SIGCHLD, which is the loop's own.</summary>
    public ISignalHandler? SignalHandler { get; set; }

    /// <summary>Called before somebody is told that one of our children has ended.</summary>
    public Action? ChildEnded { get; set; }

    /// <summary>Called after children, known or inherited, were reaped.</summary>
    public Action? ChildrenReaped { get; set; }

    /// <summary>Called at the end of each round, when everything that came with it was handled.</summary>
    public Action? RoundEnded { get; set; }

    /// <summary>Counts the rounds: what was looked up in this one need not be looked up again.</summary>
    public long Rounds { get; private set; }

    /// <summary>Whether the last look found that there is no child at all, ours or inherited.</summary>
    public bool NoChildren { get; private set; }

    /// <summary>The time of the current round in milliseconds: CLOCK_MONOTONIC without what we were away for.</summary>
    public long Now { get; private set; } = Clock.Milliseconds;

    /// <summary>From now on all time counts: somebody else's clock runs, as Docker's does while it waits for the container to stop.</summary>
    public bool CountsAll { get; set; }

    /// <summary>Blocks the signals (they should be blocked already) and makes the loop; an error is the start's failure.</summary>
    public static Result<EventLoop?> Create()
    {
        Signals.Mask = SignalSet.Blockable;
        Result<Epoll?> epoll = Epoll.Create();
        // Real-time signals have a descriptor of their own: when they can't be passed on as fast as they come, they
        // stay in the kernel's queue while the others go on.
        Result<SignalFd?> signals = SignalFd.Open(SignalSet.Blockable.Without(SignalSet.RealTime));
        Result<SignalFd?> realTime = SignalFd.Open(SignalSet.RealTime);
        foreach (Errno error in (ReadOnlySpan<Errno>)[epoll.Error, signals.Error, realTime.Error])
        {
            if (error != Errno.None)
                return new(null, error);
        }
        var loop = new EventLoop(epoll.Value!, signals.Value!, realTime.Value!);
        foreach (Errno error in (ReadOnlySpan<Errno>)[epoll.Value!.Add(signals.Value!.Fd), epoll.Value!.Add(realTime.Value!.Fd)])
        {
            if (error != Errno.None)
                return new(null, error);
        }
        return new(loop, Errno.None);
    }

    /// <summary>Starts a child whose end <paramref name="parent"/> will be told of.</summary>
    public Result<int> Start(in SpawnRequest request, IParent parent)
    {
        Result<int> child = Spawner.Start(request);
        if (child.Ok)
        {
            _children[child.Value] = parent;
            NoChildren = false;
        }
        return child;
    }

    /// <summary>The end of a child that we did not start, an orphan of one that we did, is told too.</summary>
    public void Adopt(int pid, IParent parent) => _children[pid] = parent;

    /// <summary>Whether a process was started by us and not reaped yet.</summary>
    public bool IsChild(int pid) => _children.ContainsKey(pid);

    /// <summary>Tells <paramref name="source"/> whenever the descriptor has something to read, or takes something where <paramref name="writable"/>.</summary>
    public Errno Watch(int fd, ISource source, bool writable = false)
    {
        Errno error = _epoll.Add(fd, writable);
        if (error != Errno.None)
            return error;
        if (fd >= _sources.Length)
            Array.Resize(ref _sources, Math.Max(fd + 1, _sources.Length * 2));
        _sources[fd] = source;
        return Errno.None;
    }

    /// <summary>
    /// As <see cref="Watch"/> for what there is no doing without: while the kernel has no memory for it, or its user's
    /// fs.epoll.max_user_watches are used up, it is tried again every second, which is said once, and is no error.
    /// </summary>
    public Errno KeepWatching(int fd, ISource source, bool writable = false)
    {
        Errno error = Watch(fd, source, writable);
        if (error is not (Errno.NoMemory or Errno.NoSpace))
            return error;
        if (!_warned)
            Log.Warn($"cannot wait for a descriptor: {error.Words()}; tried again every second (raise fs.epoll.max_user_watches on the host)");
        _warned = true;
        _unwatched.Add((fd, source, writable));
        if (!_watchAgain.Armed)
            Timers.Arm(_watchAgain, Now + WatchAgainMilliseconds);
        return Errno.None;
    }

    private void WatchAgain()
    {
        (int Fd, ISource Source, bool Writable)[] all = [.. _unwatched];
        _unwatched.Clear();
        foreach ((int fd, ISource source, bool writable) in all)
            _ = KeepWatching(fd, source, writable);
    }

    /// <summary>Ends <see cref="Watch"/>; before the descriptor is closed.</summary>
    public void Unwatch(int fd)
    {
        if (_unwatched.Count > 0)
            _unwatched.RemoveAll(u => u.Fd == fd);
        if (fd < 0 || fd >= _sources.Length || _sources[fd] is null)
            return;
        _sources[fd] = null;
        _ = _epoll.Remove(fd);
    }

    /// <summary>Handles what comes until <paramref name="fact"/> is true, or until the time <paramref name="deadline"/>. Returns the fact.</summary>
    public bool Until(Func<bool> fact, long deadline = long.MaxValue)
    {
        // What the caller began is not left lying until something else happens.
        EndRound();
        while (!fact())
        {
            if (deadline <= Now)
                return false;
            Round(deadline);
        }
        return true;
    }

    /// <summary>Handles what has come so far and what is due, without waiting.</summary>
    public void Turn() => Round(Now);

    private void Round(long deadline)
    {
        long due = Math.Min(deadline, Timers.Next ?? long.MaxValue);
        int count = _epoll.Wait(_ready, Timeout(due), out bool interrupted);
        long now = Clock.Milliseconds - _away;
        // When it began nobody can tell: all that has passed since the last round is forgiven.
        if (!CountsAll && (interrupted || due < long.MaxValue && now - Math.Max(due, Now) >= AwayMilliseconds))
            _away += now - Now;
        else
            Now = now;
        bool children = _moreToReap;
        for (int i = 0; i < count; i++)
        {
            int fd = _ready[i];
            if (fd == _signals.Fd)
                children |= ReadSignals();
            else if (fd == _realTime.Fd)
                ReadRealTime();
            else
                ReadSource(fd);
        }
        if (children)
        {
            Reap();
            Call(ChildrenReaped, "what follows from the end of processes");
        }
        RunTimers();
        EndRound();
        Rounds++;
    }

    private void ReadSource(int fd)
    {
        if (fd >= _sources.Length || _sources[fd] is not { } source)
            return;
        try
        {
            source.Ready(fd);
        }
        catch (Exception e)
        {
            // What was not read is there again in the next round, and so is the mistake.
            if (_mishaps.Of(e, Now, source.GetType().Name, fd))
                Unwatch(fd);
        }
    }

    private void Call(Action? action, string what)
    {
        try
        {
            action?.Invoke();
        }
        catch (Exception e)
        {
            _ = _mishaps.Of(e, Now, what);
        }
    }

    private void RunTimers()
    {
        try
        {
            Timers.Run(Now);
        }
        catch (Exception e)
        {
            // The others that are due elapse in the next round, which is at once.
            _ = _mishaps.Of(e, Now, "a timer");
        }
    }

    private void EndRound() => Call(RoundEnded, "the end of a round");

    /// <summary>False: it is kept, with the later ones.</summary>
    private bool PassOn(in ReceivedSignal signal)
    {
        try
        {
            return SignalHandler?.Received(signal) != false;
        }
        catch (Exception e)
        {
            _ = _mishaps.Of(e, Now, Signals.Describe(signal.Signal));
            return true;
        }
    }

    /// <summary>Milliseconds for epoll_wait(2), rounded so that it never wakes too early; -1 when nothing is due ever.</summary>
    private int Timeout(long due)
    {
        if (_moreToReap)
            return 0;
        return due == long.MaxValue ? -1 : (int)Math.Clamp(due + _away - Clock.Milliseconds, 0, int.MaxValue);
    }

    private bool ReadSignals()
    {
        bool children = false;
        int count = _signals.Read(_received);
        for (int i = 0; i < count; i++)
        {
            if (_received[i].Signal == Signal.Child)
                children = true;
            else
                _ = PassOn(_received[i]);
        }
        return children;
    }

    private void ReadRealTime()
    {
        if (_heldFrom < _heldTo)
            return;
        _heldFrom = 0;
        _heldTo = _realTime.Read(_receivedRealTime);
        PassOnHeld();
    }

    private void PassOnHeld()
    {
        while (_heldFrom < _heldTo)
        {
            if (!PassOn(_receivedRealTime[_heldFrom]))
            {
                // The receiver's queue is full. Not a busy loop: the descriptor is left alone until the next try.
                if (!_heldRetry.Armed)
                    _ = _epoll.Remove(_realTime.Fd);
                Timers.Arm(_heldRetry, Now + HeldRetryMilliseconds);
                return;
            }
            _heldFrom++;
        }
    }

    private void HeldRetryElapsed()
    {
        PassOnHeld();
        if (_heldFrom == _heldTo && _epoll.Add(_realTime.Fd) != Errno.None)
            Timers.Arm(_heldRetry, Now + WatchAgainMilliseconds);
    }

    private void Reap()
    {
        for (int i = 0; i < ReapAtOnce; i++)
        {
            Result<int> child = Reaper.Next(out WaitStatus status);
            if (child.Error == Errno.Interrupted)
                continue;
            NoChildren = child.Error == Errno.NoChild;
            if (!child.Ok || child.Value == 0)
            {
                _moreToReap = false;
                return;
            }
            Tell(child.Value, status);
        }
        // Orphans by the thousand must not keep signals and timers waiting: the rest next round.
        _moreToReap = true;
    }

    private void Tell(int pid, WaitStatus status)
    {
        if (!_children.TryGetValue(pid, out IParent? parent))
            return;
        if (!status.Stopped)
        {
            _children.Remove(pid);
            Call(ChildEnded, "what comes before the end of a process");
        }
        try
        {
            if (status.Stopped)
                parent.Stopped(pid, status.StopSignal);
            else
                parent.Ended(pid, status);
        }
        catch (Exception e)
        {
            _ = _mishaps.Of(e, Now, $"the end of process {pid}");
        }
    }
}
