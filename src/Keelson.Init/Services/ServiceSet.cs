// All services: the directories in /etc/service, each with an inotify watch. New, vanished and changed ones are noticed
// at once. Where the kernel gives no watch (its limits are per user, not per container) we look every 5 s, as runit does.
using Keelson.Init.Boot;
using Keelson.Linux;
using Keelson.Supervision;

namespace Keelson.Init.Services;

public sealed class ServiceSet
{
    private const long RescanMilliseconds = 5000;

    // The kernel takes some 8 ms to close an inotify descriptor: a one-shot command is over before we open one.
    private const long WatchAfterMilliseconds = 250;

    private readonly Func<long> _processTimeout;
    private readonly List<Service> _services = [];
    private readonly List<WatchEvent> _changes = [];
    private readonly Timer _rescan;
    private Inotify? _inotify;
    private int _watch = -1;
    private int _parentWatch = -1;
    private bool _stopping;
    private bool _warned;
    private bool _watching;
    private bool _scanned;

    /// <param name="directory">/etc/service.</param>
    /// <param name="processTimeout">KILL_PROCESS_TIMEOUT in milliseconds.</param>
    public ServiceSet(EventLoop loop, ReadOnlySpan<byte> directory, Func<long> processTimeout)
    {
        Loop = loop;
        Directory = new ByteString(directory);
        _processTimeout = processTimeout;
        _rescan = new Timer(RescanElapsed);
    }

    public ByteString Directory { get; }

    public bool Started { get; private set; }

    /// <summary>The least time between two starts of one service in milliseconds; 0 for measurements only.</summary>
    public long PaceMilliseconds { get; init; } = Pace.Milliseconds;

    /// <summary>How often a ./run was started, all services together.</summary>
    public long Starts { get; internal set; }

    internal EventLoop Loop { get; }

    internal CStringArray Environment { get; private set; } = new([]);

    /// <summary>The descriptor of /dev/null, -1 where there is none.</summary>
    internal int Null { get; private set; } = -1;

    internal long ProcessTimeout => _processTimeout();

    /// <summary>Finds and starts all services.</summary>
    public void Start(CStringArray environment)
    {
        Started = true;
        Environment = environment;
        Null = Files.OpenReadWrite("/dev/null"u8).Value;
        Loop.ChildrenReaped = LookAgain;
        Loop.Timers.Arm(_rescan, Loop.Now + WatchAfterMilliseconds);
        Scan();
    }

    /// <summary>Begins to watch, and looks whether something has changed so far.</summary>
    private void RescanElapsed()
    {
        if (!_watching)
        {
            _watching = true;
            Result<Inotify?> inotify = Inotify.Open();
            _inotify = inotify.Value;
            if (_inotify is null)
                WarnUnwatched(inotify.Error);
            else if (Loop.Watch(_inotify.Fd, DirectoryChanged) is not Errno.None and var error)
                WarnUnwatched(error);
            else
                WatchServices();
        }
        Scan();
    }

    private void WatchServices()
    {
        foreach (Service service in _services.ToArray())
        {
            service.Watch = TryWatch(service.Directory);
            service.DirectoryChanged();
        }
    }

    /// <summary>
    /// TERM and CONT to all, KILL to those that are late, ./finish for each; what is late then is killed too. The set is
    /// empty afterwards, or holds what not even KILL could end.
    /// </summary>
    public void Stop(StopRequest stop)
    {
        _stopping = true;
        Loop.Timers.Cancel(_rescan);
        long slice = stop.Budget.Slice(StopPhase.Services, Loop.Now, ProcessTimeout);
        foreach (Service service in _services.ToArray())
            service.Handle(Event.Exit);
        if (Loop.Until(() => _services.Count == 0 || stop.Hastened, Loop.Now + slice) && _services.Count == 0)
            return;
        // A second round for the ./finish of those that had to be killed.
        for (int round = 0; round < 2 && _services.Count > 0; round++)
        {
            foreach (Service service in _services.ToArray())
                service.KillLate(stop.Hastened ? null : slice);
            slice = Math.Min(stop.Budget.Slice(StopPhase.Services, Loop.Now, ProcessTimeout), 500);
            Loop.Until(() => _services.Count == 0, Loop.Now + Math.Max(slice, 100));
        }
    }

    internal void Left(Service service)
    {
        _services.Remove(service);
        // Two names for one directory share its watch.
        if (service.Watch >= 0 && !_services.Exists(other => other.Watch == service.Watch))
            _inotify?.Unwatch(service.Watch);
        // A directory that replaced this one under the same name was waiting for it to end.
        if (!_stopping)
            Loop.Timers.Arm(_rescan, Loop.Now);
    }

    private void LookAgain()
    {
        for (int i = _services.Count - 1; i >= 0; i--)
        {
            if (i < _services.Count)
                _services[i].LookAgain();
        }
    }

    private void DirectoryChanged()
    {
        _changes.Clear();
        _inotify!.Read(_changes);
        bool scan = false;
        foreach (WatchEvent change in _changes)
        {
            scan |= change.Watch == _watch || change.Watch == _parentWatch || change.Overflowed || change.Gone;
            if (change.Watch == _watch && change.Gone)
                _watch = -1;
            if (change.Watch == _parentWatch && change.Gone)
                _parentWatch = -1;
            foreach (Service service in _services.ToArray())
            {
                if (service.Watch != change.Watch && !change.Overflowed)
                    continue;
                if (change.Gone)
                    service.Watch = -1;
                service.DirectoryChanged();
            }
        }
        if (scan && !_stopping)
            Scan();
    }

    /// <summary>Compares the directory with the services that run: starts what is new, ends what has gone.</summary>
    private void Scan()
    {
        if (_stopping)
            return;
        WatchDirectory();
        Result<List<ByteString>> names = Files.List(Directory.Span);
        if (!names.Ok && names.Error != Errno.NoEntry)
        {
            Log.Warn($"cannot read {Directory}: {names.Error.Words()}; the services that run go on");
            if (_watching)
                ArmRescan();
            return;
        }
        var found = new Dictionary<ByteString, FileStatus>();
        foreach (ByteString name in names.Value)
        {
            if (name.Span[0] == '.')
                continue;
            Result<FileStatus> status = Files.Status(ByteString.Join(Directory.Span, "/"u8, name.Span).Span);
            if (status.Ok && status.Value.Kind == FileKind.Directory)
                found[name] = status.Value;
        }
        foreach (Service service in _services.ToArray())
        {
            if (found.TryGetValue(service.Name, out FileStatus status) && (status.Device, status.Inode) == service.Identity)
                found.Remove(service.Name);
            else
                End(service, found);
        }
        var fresh = new List<ByteString>(found.Keys);
        fresh.Sort();
        foreach (ByteString name in fresh)
            Add(name, found[name]);
        _scanned = true;
        if (_watching && _watch < 0 && _parentWatch < 0)
            ArmRescan();
    }

    /// <summary>The directory has gone, or another has its name: the new one starts when this one has ended.</summary>
    private void End(Service service, Dictionary<ByteString, FileStatus> found)
    {
        service.EndWithin(ProcessTimeout);
        if (_services.Contains(service))
            found.Remove(service.Name);
    }

    private void Add(ByteString name, FileStatus directory)
    {
        var service = new Service(this, name, directory, foundLater: _scanned);
        _services.Add(service);
        service.Watch = _inotify is null ? -1 : TryWatch(service.Directory);
        service.Begin();
    }

    /// <summary>A directory that does not exist is watched for in the one above it.</summary>
    private void WatchDirectory()
    {
        if (_inotify is null)
            return;
        // Again when the one above is being watched: it may have been made in between.
        for (int attempt = 0; _watch < 0 && attempt < 2; attempt++)
        {
            _watch = TryWatch(Directory);
            if (_watch < 0 && _parentWatch < 0)
                _parentWatch = TryWatch(new ByteString(Directory.Span[..Math.Max(Directory.Span.LastIndexOf((byte)'/'), 1)]));
        }
        if (_watch >= 0 && _parentWatch >= 0)
        {
            _inotify.Unwatch(_parentWatch);
            _parentWatch = -1;
        }
    }

    private int TryWatch(ByteString directory)
    {
        Result<int> watch = _inotify!.Watch(directory.Span);
        if (!watch.Ok && watch.Error != Errno.NoEntry)
            WarnUnwatched(watch.Error);
        return watch.Ok ? watch.Value : -1;
    }

    private void ArmRescan() => Loop.Timers.Arm(_rescan, Loop.Now + RescanMilliseconds);

    private void WarnUnwatched(Errno error)
    {
        if (_warned)
            return;
        _warned = true;
        Log.Warn($"cannot watch {Directory}: {error.Words()}; changes are noticed within 5 s (raise fs.inotify.max_user_instances or max_user_watches on the host)");
    }
}
