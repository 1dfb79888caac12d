// All services: the directories in /etc/service, each with an inotify watch. New, vanished and changed ones are noticed
// at once. Where the kernel gives no watch (its limits are per user, not per container) we look every 5 s, as runit does.
// A service is its directory (device and inode), not its name: two names are one service, a renamed one goes on.
using Keelson.Init.Boot;
using Keelson.Init.Control;
using Keelson.Init.Output;
using Keelson.Linux;
using Keelson.Supervision;

namespace Keelson.Init.Services;

public sealed class ServiceSet
{
    private const long RescanMilliseconds = 5000;
    private const long LastWordsMilliseconds = 1000;
    private const int MostStopRounds = 8;

    // The kernel takes some 8 ms to close an inotify descriptor: a one-shot command is over before we open one.
    private const long WatchAfterMilliseconds = 250;

    private readonly Func<long> _processTimeout;
    private readonly List<Service> _services = [];
    private readonly Queue<Supervised> _changed = [];
    private readonly HashSet<Errno> _uncontrolled = [];
    private readonly HashSet<Errno> _unopened = [];
    private readonly List<Service> _found = [];
    private readonly Dictionary<(ulong, ulong), long> _awayUntil = [];
    private readonly Timer _rescan;
    private readonly Tidying _tidying;
    private NotifySocket? _notify;
    private bool _notifyFailed;
    private bool _startsNoMore;
    private Predicate<Service> _exiting = _ => false;
    private bool _leaving;
    private bool _watching;
    private bool _prepared;
    private bool _onlyEarly;
    private bool _scanned;

    /// <param name="directory">/etc/service.</param>
    /// <param name="processTimeout">KILL_PROCESS_TIMEOUT in milliseconds.</param>
    public ServiceSet(EventLoop loop, ReadOnlySpan<byte> directory, Func<long> processTimeout)
    {
        Loop = loop;
        Directory = new ByteString(directory);
        _processTimeout = processTimeout;
        _rescan = new Timer(RescanElapsed);
        _tidying = new Tidying(loop);
        Watches = new ServiceWatches(this);
        Leftovers = new Leftovers(loop);
        Output = new ServiceOutput(loop, OutputMode.Direct);
    }

    public ByteString Directory { get; }

    public bool Started { get; private set; }

    /// <summary>Whether there is an early service.</summary>
    public bool HasEarly => _services.Exists(s => s.Conf.IsEarly);

    /// <summary>The least time between two starts of one service in milliseconds; 0 for measurements only.</summary>
    public long PaceMilliseconds { get; init; } = Pace.Milliseconds;

    /// <summary>What becomes of what services without a log write.</summary>
    public OutputMode OutputMode { get; set; }

    /// <summary>How often a ./run was started, all services together.</summary>
    public long Starts { get; internal set; }

    /// <summary><see cref="Directory"/> is one service, not a directory of them.</summary>
    public bool IsSingle { get; init; }

    public bool IsEmpty => _services.Count == 0;

    /// <summary>Whether another supervisor has one of the services.</summary>
    public bool IsLockedElsewhere => _services.Exists(s => s.IsLockedElsewhere);

    internal EventLoop Loop { get; }

    internal Leftovers Leftovers { get; }

    internal ServiceWatches Watches { get; }

    /// <summary>For services that have no supervise/; null as long as all have.</summary>
    internal Switchboard? Switchboard { get; private set; }

    internal ServiceOutput Output { get; private set; }

    /// <summary>The number of the service that was found last.</summary>
    internal uint LastNumber { get; set; }

    internal bool IsStopping { get; private set; }

    internal CStringArray Environment { get; private set; } = new([]);

    /// <summary>The same, for conditions.</summary>
    internal IReadOnlyList<ByteString> Variables { get; private set; } = [];

    /// <summary>Which service is started after which.</summary>
    internal ServiceOrder Order { get; } = new();

    /// <summary>What a service demands the container to end with (SuccessAction=, FailureAction=); null as long as none does.</summary>
    public int? ExitStatus { get; private set; }

    /// <summary>All of them, in the order of their names as they were found.</summary>
    internal IReadOnlyList<Service> All => _services;

    /// <summary>The descriptor of /dev/null, -1 where there is none.</summary>
    internal int Null { get; private set; } = -1;

    internal long ProcessTimeout => _processTimeout();

    /// <summary>
    /// Starts the services that run before the first startup script (<see cref="ServiceConf.IsEarly"/>), and returns when
    /// they are ready, a stop was asked for, or the longest of their time-outs is over.
    /// </summary>
    public void StartEarly(IReadOnlyList<ByteString> environment, StopRequest stop)
    {
        Prepare(environment);
        _onlyEarly = true;
        Scan();
        _onlyEarly = false;
        if (HasEarly)
            AwaitReady(stop);
    }

    /// <summary>Finds and starts all services.</summary>
    /// <param name="environment">NAME=VALUE, for all of them.</param>
    public void Start(IReadOnlyList<ByteString> environment)
    {
        Started = true;
        Prepare(environment);
        Loop.Timers.Arm(_rescan, Loop.Now + WatchAfterMilliseconds);
        Scan();
        // They run, and sv can ask about them, before anything else is started.
        Loop.Turn();
        Journal.Add(JournalKind.ServicesStarted);
    }

    /// <summary>Early services are all there are (--skip-runit).</summary>
    public void StartNoMore() => _startsNoMore = true;

    private void Prepare(IReadOnlyList<ByteString> environment)
    {
        Variables = environment;
        Environment.Dispose();
        Environment = Leftovers.Environment(environment);
        if (_prepared)
            return;
        _prepared = true;
        DescriptorLimit.Raise();
        Null = Files.OpenReadWrite("/dev/null"u8).Value;
        // What a process said last may have come after this round began, and who said it can't be told when it is forgotten.
        Loop.ChildEnded = () => _notify?.Read();
        Loop.ChildrenReaped = Leftovers.ChildrenReaped;
        Output = new ServiceOutput(Loop, OutputMode);
        Loop.RoundEnded = RoundEnded;
    }

    /// <summary>Until each has settled; that it does is up to its own time-out.</summary>
    private void AwaitReady(StopRequest stop) => Loop.Until(() => stop.Requested || ExitStatus is not null || !_services.Exists(s => s.IsActivating));

    /// <summary>
    /// Until all that are to run are ready. False when one has failed for good, a stop was asked for, or the time is over;
    /// which ones are not ready then, and why, is said.
    /// </summary>
    /// <param name="milliseconds">How long; <see cref="TimeSpans.Infinite"/> without end.</param>
    public bool AwaitAllReady(StopRequest stop, long milliseconds)
    {
        foreach (Service service in _services)
            service.BeAlive();
        long start = Loop.Now;
        Loop.Until(
            () => stop.Requested || ExitStatus is not null || _services.TrueForAll(IsUp) || _services.Exists(s => s.ActiveState == ActiveState.Failed),
            milliseconds == TimeSpans.Infinite ? long.MaxValue : start + milliseconds);
        if (stop.Requested || ExitStatus is not null)
            return false;
        bool all = true;
        foreach (Service service in _services)
        {
            if (IsUp(service))
                continue;
            all = false;
            string reason = service.Life?.Reason is { Length: > 0 } text ? ": " + text : "";
            Log.Warn($"{service.Name} is not ready after {Seconds.Of(Loop.Now - start)}, but {service.ActiveState.Word()}{reason}");
        }
        return all;

        static bool IsUp(Service service) => service.ActiveState is ActiveState.Active or ActiveState.Inactive;
    }

    /// <summary>The container is to end with a service.</summary>
    internal void RequestExit(string service, int status, string why)
    {
        if (ExitStatus is not null || IsStopping)
            return;
        ExitStatus = status;
        Journal.Add(JournalKind.Stop, service, status, why);
        Log.Info($"{service} has ended with status {status}, and the container ends with it ({why}).");
    }

    /// <summary>What `keelson status` shows.</summary>
    internal IEnumerable<ServiceReport> Reports()
    {
        foreach (Service service in _services)
            yield return service.Report;
    }

    /// <summary>What is not as it should be, for `keelson health`; nothing when all that is to run is ready.</summary>
    internal IEnumerable<string> Complaints()
    {
        if (IsStopping)
            yield return "the container is stopping";
        else if (!Started && !_startsNoMore)
            yield return "the container is still starting";
        foreach (Service service in _services)
        {
            if (service.Complaint is { } complaint)
                yield return $"{service.Name}: {complaint}";
        }
    }

    internal Service? Find(Predicate<Service> which) => _services.Find(which);

    /// <summary>Those that are there now, for who may change that.</summary>
    internal Service[] Snapshot() => _services.ToArray();

    /// <summary>The variable NOTIFY_SOCKET; null when there can be no socket now, which is said once.</summary>
    internal ByteString? NotifyVariable()
    {
        if (_notify is null)
        {
            Result<NotifySocket?> socket = NotifySocket.Open(this);
            _notify = socket.Value;
            if (_notify is null && !_notifyFailed)
                Log.Warn($"cannot open a socket for NOTIFY_SOCKET: {socket.Error.Words()}; a service that uses it is not ready before it is started again");
            _notifyFailed = _notify is null;
        }
        return _notify?.Variable;
    }

    /// <summary>Begins to watch, where that was not possible so far as well, and looks whether something has changed.</summary>
    private void RescanElapsed()
    {
        bool isFirst = !_watching;
        if ((isFirst || !Watches.AreOpen) && Watches.Open())
            Watches.AddServices();
        _watching = true;
        Scan();
        // Last: this look needed memory as well.
        if (isFirst)
            _tidying.Now();
    }

    /// <summary>A service has become ready, later than those that are so at once: what its start needed goes too, in a while.</summary>
    internal void TidyLater() => _tidying.Later();

    /// <summary>
    /// TERM and CONT to all but the early ones, KILL to those that are late, ./finish for each; what is late then is
    /// killed too. None is left afterwards, or what not even KILL could end.
    /// </summary>
    public void Stop(StopRequest stop)
    {
        StopThose(service => !service.Conf.IsEarly, stop, StopPhase.Services);
        WriteLastWords(stop, StopPhase.Services, isEarlyLeft: HasEarly);
    }

    /// <summary>The same with the early ones, when nothing else runs any more.</summary>
    public void StopEarly(StopRequest stop)
    {
        StopThose(service => service.Conf.IsEarly, stop, StopPhase.EarlyServices);
        WriteLastWords(stop, StopPhase.EarlyServices, isEarlyLeft: false);
    }

    /// <summary>The processes that PID 1 started for early services; what is below them is theirs too.</summary>
    public List<int> EarlyProcesses()
    {
        var pids = new List<int>();
        foreach (Service service in _services)
        {
            if (service.Conf.IsEarly)
                service.AddProcesses(pids);
        }
        return pids;
    }

    /// <summary>The command x to all; none comes back.</summary>
    public void ExitAll() => Exit(_ => true);

    private void Exit(Predicate<Service> which)
    {
        _leaving = true;
        Loop.Timers.Cancel(_rescan);
        // All at once and first: the kernel needs some 15 ms for watches that go, and ours end while services do.
        Watches.RemoveAll();
        _exiting = which;
        ExitThoseThatMay();
    }

    /// <summary>The order of the end is that of the start, reversed: who others came after waits until they have gone.</summary>
    private void ExitThoseThatMay()
    {
        foreach (Service service in _services.FindAll(s => !s.IsLeaving && _exiting(s) && Order.MayEnd(s)))
            service.Exit();
    }

    private void StopThose(Predicate<Service> which, StopRequest stop, StopPhase phase)
    {
        IsStopping = true;
        long slice = stop.Budget.Slice(phase, Loop.Now, ProcessTimeout);
        Exit(which);
        if (Loop.Until(() => stop.Hastened || !_services.Exists(which), Loop.Now + slice) && !_services.Exists(which))
            return;
        // More rounds for what they left, their ./finish and their logs; and for those whose turn had not come.
        for (int round = 0; round < MostStopRounds && _services.Exists(which); round++)
        {
            if (round == 4)
            {
                // Somebody does not even go by KILL: no order any more.
                foreach (Service service in _services.FindAll(s => which(s) && !s.IsLeaving))
                    service.Exit();
            }
            foreach (Service service in _services.FindAll(s => which(s) && s.IsLeaving))
                service.KillLate(stop.Hastened ? null : slice);
            slice = Math.Min(stop.Budget.Slice(phase, Loop.Now, ProcessTimeout), 500);
            Loop.Until(() => !_services.Exists(which), Loop.Now + Math.Max(slice, 100));
        }
    }

    /// <summary>What they wrote last is still to be read, and somebody is to take it.</summary>
    private void WriteLastWords(StopRequest stop, StopPhase phase, bool isEarlyLeft)
    {
        // The pipes of early services stay open: what was written is read as it comes.
        if (!Output.IsEmpty && !isEarlyLeft)
            Loop.Until(() => Output.IsEmpty, Loop.Now + Math.Clamp(stop.Budget.Slice(phase, Loop.Now, LastWordsMilliseconds), 100, LastWordsMilliseconds));
    }

    internal void Left(Service service)
    {
        _services.Remove(service);
        Watches.Remove(service);
        // Its directory is still there after the command x: it comes back, as under runsvdir, after a second. Another
        // directory that has its name by now was waiting for this moment.
        if (_leaving)
        {
            if (!Order.IsEmpty)
                ExitThoseThatMay();
            return;
        }
        if (service.WasRemoved)
        {
            // Somebody's doing, not a service that is started again and again: what it took is given back each time.
            _tidying.Later(isAnew: true);
        }
        long pause = service.WasRemoved ? 0 : Pace.Milliseconds;
        if (pause > 0)
            _awayUntil[service.Identity] = Loop.Now + pause;
        RescanIn(pause);
    }

    /// <summary>The service is to be published at the end of the round.</summary>
    internal void Changed(Supervised supervised) => _changed.Enqueue(supervised);

    private void RoundEnded()
    {
        Leftovers.RoundEnded();
        PublishChanged();
        Output.RoundEnded();
    }

    private void PublishChanged()
    {
        // Publishing changes nothing that is published.
        // Each leaves the list first: should one fail, the others follow in the next round without it.
        while (_changed.TryDequeue(out Supervised? supervised))
            supervised.Publish();
    }

    internal Errno OpenSwitchboard()
    {
        if (Switchboard is not null)
            return Errno.None;
        Result<Switchboard?> board = Switchboard.Open(Loop);
        Switchboard = board.Value;
        return board.Error;
    }

    /// <summary>A service runs, and nobody can control it: said once for each reason, with the first that it happened to.</summary>
    /// <param name="path">The service.</param>
    /// <param name="reason">What there is instead of supervise/.</param>
    /// <param name="error">Why.</param>
    /// <param name="unheard">Why there is no socket either.</param>
    internal void WarnUncontrolled(ByteString path, string reason, Errno error, Errno unheard)
    {
        if (!_uncontrolled.Add(error))
            return;
        if (unheard != Errno.None)
            reason += $", and no socket instead: {unheard.Words()}";
        string cure = error switch
        {
            Errno.TooManyFiles => "raise the container's limit (docker run --ulimit nofile=65536)",
            Errno.NoSpace or Errno.QuotaExceeded => "make room and restart the container",
            Errno.ReadOnly or Errno.Access or Errno.NotPermitted => "make it, or /run/keelson, writable (docker run --tmpfs /run)",
            _ => "remove what is there",
        };
        Log.Warn($"{path} runs, but sv can't control it: {reason}; {cure}. Others with the same trouble are not named.");
    }

    /// <summary>Something in <see cref="Directory"/> has changed.</summary>
    internal void DirectoryChanged()
    {
        if (_watching)
            Scan();
    }

    /// <summary>Compares the directory with the services that run: starts what is new, ends what has gone.</summary>
    private void Scan()
    {
        if (_leaving || IsSingle && _scanned)
            return;
        if (IsSingle)
        {
            _scanned = true;
            Add(Directory, Files.Status(Directory.Span).Value);
            BeginFound(isChanged: true);
            return;
        }
        if (_watching)
            Watches.AddDirectory();
        Result<List<ByteString>> names = Files.List(Directory.Span);
        if (!names.Ok && names.Error != Errno.NoEntry)
        {
            Log.Warn($"cannot read {Directory}: {names.Error.Words()}; the services that run go on");
            if (_watching)
                ArmRescan();
            return;
        }
        names.Value.Sort();
        Dictionary<(ulong, ulong), Found> found = Look(names.Value, out List<ByteString> unseen);
        bool isChanged = false;
        foreach (Service service in _services.ToArray())
        {
            if (!found.Remove(service.Identity, out Found where))
            {
                if (!unseen.Contains(service.Name))
                    service.EndWithin(ProcessTimeout);
            }
            else if (!where.Names.Contains(service.Name))
            {
                service.Rename(where.Names[0], PathOf(where.Names[0]));
                isChanged = true;
            }
        }
        foreach (((ulong, ulong) identity, Found where) in found)
        {
            if (IsAway(identity))
                continue;
            // A directory that replaced another under the same name waits for that to end.
            if (!_services.Exists(s => s.Name == where.Names[0]))
                Add(where.Names[0], where.Directory);
        }
        // Those that went for good do not ask.
        foreach (((ulong, ulong) identity, long until) in _awayUntil)
        {
            if (until <= Loop.Now)
                _awayUntil.Remove(identity);
        }
        BeginFound(isChanged);
        _scanned = !_onlyEarly;
        // A watch of the one above tells only that the directory comes, or is another one.
        if (_watching && !Watches.HaveDirectory && (names.Ok || !Watches.HaveParent))
            ArmRescan();
    }

    /// <summary>Whether it left by the command x less than its pause ago: whatever else changes, sv is to see that it left.</summary>
    private bool IsAway((ulong, ulong) identity)
    {
        if (!_awayUntil.TryGetValue(identity, out long until))
            return false;
        if (until > Loop.Now)
        {
            RescanIn(until - Loop.Now);
            return true;
        }
        _awayUntil.Remove(identity);
        return false;
    }

    /// <summary>A service directory, and the names that lead to it in the order of their bytes.</summary>
    private readonly record struct Found(FileStatus Directory, List<ByteString> Names);

    /// <param name="names">What is in the directory.</param>
    /// <param name="unseen">Those of which the kernel does not say what they are: they have not gone for that.</param>
    private Dictionary<(ulong, ulong), Found> Look(List<ByteString> names, out List<ByteString> unseen)
    {
        var found = new Dictionary<(ulong, ulong), Found>();
        unseen = [];
        foreach (ByteString name in names)
        {
            if (name.Span[0] == '.')
                continue;
            Result<FileStatus> status = Files.Status(PathOf(name).Span);
            if (!status.Ok && !status.Error.IsAbsence())
            {
                if (_unopened.Add(status.Error))
                    Log.Warn($"cannot look at {PathOf(name)}: {status.Error.Words()}; tried again every 5 s");
                unseen.Add(name);
                ArmRescan();
            }
            if (!status.Ok || status.Value.Kind != FileKind.Directory)
                continue;
            (ulong, ulong) identity = (status.Value.Device, status.Value.Inode);
            if (found.TryGetValue(identity, out Found known))
                known.Names.Add(name);
            else
                found[identity] = new Found(status.Value, [name]);
        }
        return found;
    }

    private ByteString PathOf(ByteString name) => ByteString.Join(Directory.Span, "/"u8, name.Span);

    private void Add(ByteString name, FileStatus directory)
    {
        ByteString path = IsSingle ? name : PathOf(name);
        if (ReadConf(path, otherwise: "the service is not started before it can be read, tried again every 5 s") is not { } conf)
        {
            ArmRescan();
            return;
        }
        if (_onlyEarly && !conf.IsEarly)
            return;
        Complain(path, name, conf);
        Result<Service?> service = Service.Open(this, name, path, directory, conf, foundLater: _scanned);
        if (service.Value is null)
        {
            if (_unopened.Add(service.Error))
                Log.Warn($"cannot open {PathOf(name)}: {service.Error.Words()}; tried again every 5 s");
            ArmRescan();
            return;
        }
        _services.Add(service.Value);
        if (_watching)
            Watches.Add(service.Value);
        _found.Add(service.Value);
    }

    /// <summary>Those that were found begin together, when it is known who comes after whom.</summary>
    private void BeginFound(bool isChanged)
    {
        if (_found.Count == 0 && !isChanged)
            return;
        Order.Build(_services);
        // Each stands where it stands before the first one looks at another.
        foreach (Service service in _found)
            service.Find();
        foreach (Service service in _found)
            service.Begin();
        _found.Clear();
        if (isChanged)
        {
            foreach (Service service in _services.ToArray())
                service.Reconsider();
        }
    }

    /// <summary>The file as it is now, with its complaints on the log; null when it can't be read at this moment: what it said before still counts.</summary>
    internal ServiceConf? ReadConfAgain(Service service)
    {
        ServiceConf? conf = ReadConf(service.Path, otherwise: "what it said before counts");
        if (conf is not null)
            Complain(service.Path, service.Name, conf);
        return conf;
    }

    /// <summary>A service.conf says something else now: who comes after whom then.</summary>
    internal void OrderAgain() => Order.Build(_services);

    private static void Complain(ByteString path, ByteString name, ServiceConf conf)
    {
        foreach (string warning in conf.Warnings)
            Log.Warn($"{path}/service.conf: {warning}");
        foreach (string error in conf.Errors)
            Log.Warn($"{path}/service.conf: {error}; the service is not started (mend it, then `sv up {name}`)");
    }

    /// <summary>Null when it can't be read at this moment: a service must not run as another user, or too early, for that.</summary>
    private ServiceConf? ReadConf(ByteString service, string otherwise)
    {
        var path = ByteString.Join(service.Span, "/service.conf"u8);
        Result<byte[]> file = Files.ReadAll(path.Span, ServiceConf.MaxBytes);
        if (file.Ok)
            return ServiceConf.Parse(file.Value);
        if (file.Error.IsPassing())
        {
            if (_unopened.Add(file.Error))
                Log.Warn($"cannot read {path}: {file.Error.Words()}; {otherwise}");
            return null;
        }
        if (file.Error != Errno.NoEntry && !_onlyEarly)
        {
            string reason = file.Error == Errno.ArgumentsTooLong ? $"it is larger than {ServiceConf.MaxBytes / 1024} KiB" : file.Error.Words();
            Log.Warn($"cannot read {path}: {reason}; {service} runs as if there were none");
        }
        return ServiceConf.Default;
    }

    private void ArmRescan() => RescanIn(RescanMilliseconds);

    private void RescanIn(long milliseconds)
    {
        // Before the startup scripts have run there are early services only; then Start looks at all.
        if (!Started)
            return;
        long due = Loop.Now + milliseconds;
        if (!_rescan.Armed || _rescan.Due > due)
            Loop.Timers.Arm(_rescan, due);
    }
}
