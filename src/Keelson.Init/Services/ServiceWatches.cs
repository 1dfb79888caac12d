// The inotify watches: of the directory that the services are in, or of the one above it until it exists; of each service;
// and of what shows that one is ready. One directory has one watch, whoever watches it.
using Keelson.Linux;

namespace Keelson.Init.Services;

internal sealed class ServiceWatches(ServiceSet set) : ISource
{
    private readonly List<WatchEvent> _changes = [];
    private readonly List<(int Watch, Readiness Who)> _ready = [];
    private Inotify? _inotify;
    private int _directory = -1;
    private int _parent = -1;
    private bool _warned;

    internal bool AreOpen => _inotify is not null;

    /// <summary>Whether the directory of the services is watched.</summary>
    internal bool HaveDirectory => _directory >= 0;

    /// <summary>Whether the directory above it is.</summary>
    internal bool HaveParent => _parent >= 0;

    /// <summary>False where the kernel gives none, which is said once.</summary>
    internal bool Open()
    {
        if (_inotify is not null)
            return true;
        Result<Inotify?> inotify = Inotify.Open();
        Errno error = inotify.Value is null ? inotify.Error : set.Loop.KeepWatching(inotify.Value.Fd, this);
        if (error == Errno.None)
            _inotify = inotify.Value;
        else
            Warn(error);
        return error == Errno.None;
    }

    /// <summary>A directory that does not exist is watched for in the one above it.</summary>
    internal void AddDirectory()
    {
        if (_inotify is null)
            return;
        // Again when the one above is being watched: it may have been made in between.
        for (int attempt = 0; _directory < 0 && attempt < 2; attempt++)
        {
            _directory = Watch(set.Directory);
            if (_directory < 0 && _parent < 0)
                _parent = Watch(Above(set.Directory));
        }
        if (_directory >= 0 && _parent >= 0)
        {
            _inotify.Unwatch(_parent);
            _parent = -1;
        }
    }

    internal void Add(Service service) => service.Watch = Watch(service.Path);

    /// <summary>All that are there; what has changed in them so far is looked at.</summary>
    internal void AddServices()
    {
        foreach (Service service in set.Snapshot())
        {
            Add(service);
            service.DirectoryChanged();
        }
    }

    /// <summary>Watches the directory of a file that is a sign of readiness; -1 when that is not possible.</summary>
    internal int Add(Readiness who, ByteString file)
    {
        int watch = Open() ? Watch(Above(file)) : -1;
        if (watch >= 0)
            _ready.Add((watch, who));
        return watch;
    }

    internal void Remove(Readiness who, int watch)
    {
        _ready.Remove((watch, who));
        UnwatchUnused(watch);
    }

    /// <summary>The service has gone, and is not in the set any more.</summary>
    internal void Remove(Service service) => UnwatchUnused(service.Watch);

    /// <summary>Nothing is to be noticed any more, but that a service is ready.</summary>
    internal void RemoveAll()
    {
        if (_inotify is null)
            return;
        foreach (Service service in set.All)
        {
            if (service.Watch >= 0)
                _inotify.Unwatch(service.Watch);
            service.Watch = -1;
        }
        foreach (int watch in (ReadOnlySpan<int>)[_directory, _parent])
        {
            if (watch >= 0)
                _inotify.Unwatch(watch);
        }
        _directory = _parent = -1;
    }

    void ISource.Ready(int fd)
    {
        _changes.Clear();
        _inotify!.Read(_changes);
        bool isDirectory = false;
        foreach (WatchEvent change in _changes)
        {
            isDirectory |= change.Watch == _directory || change.Watch == _parent || change.Overflowed || change.Gone;
            if (change.Watch == _directory && change.Gone)
                _directory = -1;
            if (change.Watch == _parent && change.Gone)
                _parent = -1;
            foreach ((int watch, Readiness who) in _ready.ToArray())
            {
                if (watch == change.Watch || change.Overflowed)
                    who.DirectoryChanged();
            }
            foreach (Service service in set.Snapshot())
            {
                if (service.Watch != change.Watch && !change.Overflowed)
                    continue;
                if (change.Gone)
                    service.Watch = -1;
                service.DirectoryChanged();
            }
        }
        if (isDirectory)
            set.DirectoryChanged();
    }

    private static ByteString Above(ByteString path) => new(path.Span[..Math.Max(path.Span.LastIndexOf((byte)'/'), 1)]);

    private int Watch(ByteString directory)
    {
        if (_inotify is null)
            return -1;
        Result<int> watch = _inotify.Watch(directory.Span);
        if (!watch.Ok && watch.Error != Errno.NoEntry)
            Warn(watch.Error);
        return watch.Ok ? watch.Value : -1;
    }

    private void UnwatchUnused(int watch)
    {
        bool isUsed = watch < 0 || watch == _directory || watch == _parent || set.Find(s => s.Watch == watch) is not null || _ready.Exists(r => r.Watch == watch);
        if (!isUsed)
            _inotify?.Unwatch(watch);
    }

    private void Warn(Errno error)
    {
        if (_warned)
            return;
        _warned = true;
        Log.Warn($"cannot watch {set.Directory}: {error.Words()}; changes are noticed within 5 s (raise fs.inotify.max_user_instances or max_user_watches on the host)");
    }
}
