using Keelson.Linux;
using Keelson.Supervision;

namespace Keelson.Init.Services;

/// <summary>
/// A service directory: its ./run and, where it has a directory log, the ./run of that, with a pipe between the two that
/// survives restarts of either (runsv(8)).
/// </summary>
internal sealed class Service
{
    private readonly Supervised? _log;
    private bool _mainGone;
    private bool _logGone = true;
    private long? _patience;
    private string? _nameText;
    private (ulong Inode, long Changed) _confSeen;

    private Service(ServiceSet set, ByteString name, ByteString path, FileStatus directory, DirectoryFd fd, ServiceConf conf, bool foundLater)
    {
        Set = set;
        Conf = conf;
        Name = name;
        Path = path;
        FoundLater = foundLater;
        Identity = (directory.Device, directory.Inode);
        _confSeen = ConfNow(fd) ?? default;
        Main = new Supervised(this, fd, path, isLog: false);
        _log = OpenLog(fd);
        Directory = fd;
    }

    internal ServiceSet Set { get; }

    /// <summary>./run of the service itself.</summary>
    internal Supervised Main { get; }

    /// <summary>What service.conf adds; null where runit's life is all.</summary>
    internal ServiceLife? Life { get; private set; }

    /// <summary>Its place in <see cref="ServiceOrder"/>.</summary>
    internal int Place { get; set; } = int.MaxValue;

    /// <summary>No longer supervised.</summary>
    internal bool IsGone { get; private set; }

    /// <summary>It was told to end with the container, or because its directory has gone.</summary>
    internal bool IsLeaving { get; private set; }

    internal bool IsRemoved => _patience is not null || IsGone;

    /// <summary>What is not as it should be; null when it is ready, or is not to run.</summary>
    internal string? Complaint
    {
        get
        {
            ActiveState state = ActiveState == ActiveState.Active && Main.IsCrashing ? ActiveState.Restarting : ActiveState;
            string reason = Life?.Reason ?? "";
            if (state == ActiveState.Inactive || state == ActiveState.Active && Life?.IsUnhealthy != true)
                return null;
            if (reason.Length == 0 && state == ActiveState.Restarting && Main.LastEnd is { } end)
                reason = $"./run {(end.Exited ? $"ended with {end.ExitCode}" : end.Failure)}";
            return (state == ActiveState.Active ? "unhealthy" : state.Word()) + (reason.Length > 0 ? ": " + reason : "");
        }
    }

    internal ServiceReport Report => new()
    {
        Name = NameText,
        Run = StatusWords.RunStateOf(Main.State) switch { RunState.Run => "run", RunState.Finish => "finish", _ => "down" },
        Want = Main.State.Want switch { Want.Up => "up", Want.Once => "once", Want.Down => "down", _ => "exit" },
        Active = ActiveState.Word(),
        Pid = Main.Status.Pid,
        Session = Main.Session,
        Since = Main.SinceSeconds,
        Starts = Main.Starts,
        LastStatus = Main.LastEnd?.ShellCode,
        Text = Life?.StatusText ?? "",
        Reason = Life?.Reason ?? "",
    };

    internal ActiveState ActiveState => Life?.State ?? Main.Phase switch
    {
        Phase.Down => ActiveState.Inactive,
        Phase.Run or Phase.Killed => Main.IsEnding ? ActiveState.Deactivating : Main.IsCrashing ? ActiveState.Restarting : ActiveState.Active,
        Phase.Waiting or Phase.Starting or Phase.Finish => Main.WasStarted || Main.CouldNotStart ? ActiveState.Restarting : ActiveState.Activating,
        _ => ActiveState.Deactivating,
    };

    /// <summary>What its service.conf says.</summary>
    internal ServiceConf Conf { get; private set; }

    /// <summary>A condition of its service.conf does not hold: it stays down until sv is told otherwise.</summary>
    internal bool IsUnwanted { get; private set; }

    internal ByteString Name { get; private set; }

    /// <summary>The same for messages.</summary>
    internal string NameText => _nameText ??= Name.ToString();

    /// <summary>The service directory's path.</summary>
    internal ByteString Path { get; private set; }

    internal DirectoryFd Directory { get; }

    /// <summary>It was not there at the start: it may still be being written.</summary>
    internal bool FoundLater { get; }

    /// <summary>Device and inode: a directory of the same name with others is another service, one with another name the same.</summary>
    internal (ulong, ulong) Identity { get; }

    /// <summary>Only its log is left, if that.</summary>
    internal bool IsMainGone => _mainGone;

    /// <summary>It ends because its directory has gone.</summary>
    internal bool WasRemoved => _patience is not null;

    /// <summary>The inotify watch of the directory, -1 without one.</summary>
    internal int Watch { get; set; } = -1;

    /// <summary>The pipe to the log; without a log the write end is the container's standard output (-1).</summary>
    internal int LogReadEnd { get; private set; } = -1;
    internal int LogWriteEnd { get; private set; } = -1;

    internal bool HasLog => _log is not null;

    /// <summary>Opens the directory; what is wrong with it is the error.</summary>
    internal static Result<Service?> Open(ServiceSet set, ByteString name, ByteString path, FileStatus directory, ServiceConf conf, bool foundLater)
    {
        Result<DirectoryFd?> fd = DirectoryFd.Open(path.Span);
        if (fd.Value is not null && DescriptorLimit.IsSpare(fd.Value.Fd))
        {
            fd.Value.Close();
            fd = new(DirectoryFd.ByName(path.Span), Errno.None);
        }
        return fd.Value is null ? new(null, fd.Error) : new(new Service(set, name, path, directory, fd.Value, conf, foundLater), Errno.None);
    }

    /// <summary>service.conf or another service asks for more than runit's life.</summary>
    internal void BeAlive()
    {
        if (Life is not null)
            return;
        Life = new ServiceLife(this);
        if (Main.HasBegun)
            Main.LifeBegun();
    }

    /// <summary>Before a start: a service.conf that was changed counts from this start on.</summary>
    internal void Refresh()
    {
        if (ConfNow(Directory) is not { } now || now == _confSeen)
            return;
        // What can't be read now is read before the next start.
        if (Set.ReadConfAgain(this) is not { } conf)
            return;
        _confSeen = now;
        Conf = conf;
        Life = Life?.Renewed();
        Set.OrderAgain();
        _ = Life?.HasBadConf();
    }

    /// <summary>Which file service.conf is, zero without one; null when that can't be told.</summary>
    private static (ulong Inode, long Changed)? ConfNow(DirectoryFd directory)
    {
        Result<FileStatus> status = directory.Status("service.conf"u8);
        return status.Ok ? (status.Value.Inode, status.Value.Changed) : status.Error == Errno.NoEntry ? (0, 0) : null;
    }

    /// <summary>What it waits for may have changed.</summary>
    internal void Reconsider() => Main.Reconsider();

    /// <summary>Whether it is to run, before any of those that were found with it begins.</summary>
    internal void Find()
    {
        if (Conf.Errors.Count > 0)
        {
            IsUnwanted = true;
        }
        else if (Conditions.FirstUnmet(Conf, Set.Variables) is { } unmet)
        {
            IsUnwanted = true;
            Log.Info($"{Name} stays down: {unmet}");
        }
        Life?.Found(IsUnwanted || Directory.Has("down"u8));
    }

    /// <summary>Starts the log first, as runsv does, that it is there for the first line.</summary>
    internal void Begin()
    {
        _ = _log?.Begin();
        _ = Main.Begin();
    }

    /// <summary>Whether it is on its way to be ready. Who waits for what can't come is not.</summary>
    internal bool IsActivating => ActiveState == ActiveState.Activating && Main.Phase != Phase.Down;

    /// <summary>The processes that PID 1 started for it and that run now.</summary>
    internal void AddProcesses(List<int> pids)
    {
        Main.AddProcess(pids);
        _log?.AddProcess(pids);
    }

    /// <summary>Another supervisor has it.</summary>
    internal bool IsLockedElsewhere => !Main.HasBegun;

    internal void DirectoryChanged() => Main.DirectoryChanged();

    /// <summary>The service, then its log, is ended for good, as by the command x. Nobody is killed for being late.</summary>
    internal void Exit()
    {
        IsLeaving = true;
        Main.Command(Event.Exit);
    }

    /// <summary>Its directory has gone: stopped as at the container's stop, with KILL after so many milliseconds.</summary>
    internal void EndWithin(long milliseconds)
    {
        _patience = milliseconds;
        if (!_mainGone)
            Main.EndWithin(Event.Exit, milliseconds);
    }

    /// <summary>The directory has another name now; it is the same service.</summary>
    internal void Rename(ByteString name, ByteString path)
    {
        Name = name;
        _nameText = null;
        Path = path;
        Main.Path = path;
        if (_log is not null)
            _log.Path = ByteString.Join(path.Span, "/log"u8);
    }

    internal void KillLate(long? milliseconds)
    {
        if (!_mainGone)
            Main.KillLate(milliseconds);
        else if (!_logGone)
            _log!.KillLate(milliseconds);
    }

    /// <summary>For messages: "web", or "the log of web".</summary>
    internal string DisplayName(bool isLog) => isLog ? $"the log of {Name}" : Name.ToString();

    /// <summary>One of the two is no longer supervised. The log goes on until it has read all, and then ends by itself.</summary>
    internal void Left(Supervised who)
    {
        if (who == Main)
        {
            _mainGone = true;
            _log?.ReadWhatIsLeft();
            Files.Close(LogWriteEnd);
            LogWriteEnd = -1;
            Files.Close(LogReadEnd);
            LogReadEnd = -1;
            if (!_logGone)
                _log!.EndWithin(Event.InputEnded, _patience);
        }
        else
        {
            _logGone = true;
        }
        if (!_mainGone || !_logGone)
            return;
        Directory.Close();
        IsGone = true;
        Life?.Leave();
        Set.Left(this);
    }

    private Supervised? OpenLog(DirectoryFd directory)
    {
        Result<FileStatus> status = directory.Status("log"u8);
        if (!status.Ok)
        {
            if (status.Error is not (Errno.NoEntry or Errno.NotDirectory))
                Log.Warn($"{Path}/log: {status.Error.Words()}; the service runs without its log");
            return null;
        }
        if (status.Value.Kind != FileKind.Directory)
        {
            Log.Warn($"{Path}/log is not a directory: the service runs without its log (a log service is a directory with an executable run)");
            return null;
        }
        Result<DirectoryFd?> fd = directory.Open(new ByteString("log"u8));
        Errno error = fd.Error;
        if (fd.Value is not null)
            error = Pipes.Create(out int readEnd, out int writeEnd) is var made && made == Errno.None ? SetPipe(readEnd, writeEnd) : made;
        if (fd.Value is null || error != Errno.None)
        {
            Log.Warn($"{Path}/log: {error.Words()}; the service runs without its log");
            fd.Value?.Close();
            return null;
        }
        _logGone = false;
        return new Supervised(this, fd.Value, ByteString.Join(Path.Span, "/log"u8), isLog: true);
    }

    private Errno SetPipe(int readEnd, int writeEnd)
    {
        LogReadEnd = readEnd;
        LogWriteEnd = writeEnd;
        _ = Pipes.LetEverybodyWrite(writeEnd);
        return Errno.None;
    }
}
