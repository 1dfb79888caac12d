using Keelson.Linux;
using Keelson.Supervision;

namespace Keelson.Commands.Sv;

/// <summary>How the attempt to read a status ended.</summary>
internal enum SvLook
{
    Seen,

    /// <summary>No supervisor holds supervise/ok open.</summary>
    NotRunning,

    /// <summary>The files can't be read; what to say of it begins with "warning".</summary>
    Unknown,
}

/// <summary>What became of `sv status`: for sv itself, and for an init script (LSB: 0 runs, 3 down, 4 unknown).</summary>
internal readonly record struct SvReport(bool Failed, int InitScriptStatus);

/// <summary>One service as sv's user named it.</summary>
internal sealed class SvService
{
    /// <summary>Where PID 1 of a container keeps the supervise directories of services that can't be written to.</summary>
    private static ReadOnlySpan<byte> Elsewhere => "/run/keelson/supervise"u8;

    private readonly ByteString _directory;
    private ServiceStatus _status;
    private bool _answered;

    /// <param name="name">As on the command line: a path when it begins with a dot or slash or ends with a slash.</param>
    /// <param name="services">The directory that all other names are in.</param>
    internal SvService(ByteString name, ByteString services)
    {
        Name = SvText.Of(name.Span);
        if (name.Span is [(byte)'/' or (byte)'.', ..] or [.., (byte)'/'])
            _directory = name;
        else if (name.Length > 0 && services.Length > 0)
            _directory = ByteString.Join(services.Span, "/"u8, name.Span);
    }

    private SvService(string name, ByteString directory, ServiceStatus status) => (Name, _directory, _status) = (name, directory, status);

    internal string Name { get; }

    /// <summary>The service directory; empty when its name or SVDIR is.</summary>
    internal ReadOnlySpan<byte> Directory => _directory.Span;

    /// <summary>What <see cref="Look"/> has seen last.</summary>
    internal ref readonly ServiceStatus Status => ref _status;

    /// <summary>Why the directory can't be changed to, as chdir(2) has it.</summary>
    internal Errno Enter()
    {
        Result<FileStatus> status = Files.Status(_directory.Span);
        if (!status.Ok)
            return status.Error;
        return status.Value.Kind == FileKind.Directory ? Files.CanExecute(_directory.Span) : Errno.NotDirectory;
    }

    /// <summary>Reads the status; when it can't, says in <paramref name="complaint"/> why.</summary>
    internal SvLook Look(out string complaint)
    {
        complaint = "";
        Result<int> ok = OpenForWriting("ok"u8, out ByteString supervise);
        if (!ok.Ok && HasAnswered(default))
            return SvLook.Seen;
        if (ok.Error == Errno.NoDeviceOrAddress || !ok.Ok && _answered)
        {
            complaint = $"fail: {Name}: runsv not running\n";
            return SvLook.NotRunning;
        }
        if (!ok.Ok)
            return Unknown("unable to open supervise/ok", ok.Error, out complaint);
        Files.Close(ok.Value);
        Result<int> file = Files.OpenRead(ByteString.Join(supervise.Span, "/status"u8).Span);
        if (!file.Ok)
            return Unknown("unable to open supervise/status", file.Error, out complaint);
        Span<byte> record = stackalloc byte[ServiceStatus.Size];
        Result<int> n = Files.Read(file.Value, record);
        Files.Close(file.Value);
        if (!n.Ok)
            return Unknown("unable to read supervise/status", n.Error, out complaint);
        if (n.Value < record.Length)
        {
            complaint = $"warning: {Name}: unable to read supervise/status: bad format\n";
            return SvLook.Unknown;
        }
        _status = ServiceStatus.Parse(record);
        return SvLook.Seen;
    }

    /// <summary>Writes to supervise/control; when it can't, says why. All letters are one write, that nothing comes between them.</summary>
    internal SvLook Send(ReadOnlySpan<byte> letters, out string complaint)
    {
        complaint = "";
        Result<int> control = OpenForWriting("control"u8, out _);
        if (!control.Ok && HasAnswered(letters))
            return SvLook.Seen;
        if (control.Error == Errno.NoDeviceOrAddress || !control.Ok && _answered)
        {
            complaint = $"fail: {Name}: runsv not running\n";
            return SvLook.NotRunning;
        }
        if (!control.Ok)
            return Unknown("unable to open supervise/control", control.Error, out complaint);
        Result<int> n = Stdio.WriteSome(control.Value, letters);
        Files.Close(control.Value);
        return n.Ok ? SvLook.Seen : Unknown("unable to write to supervise/control", n.Error, out complaint);
    }

    /// <summary>Over the socket. Who has answered once and does not any more has left the service.</summary>
    private bool HasAnswered(ReadOnlySpan<byte> letters)
    {
        if (!SvSocket.Ask(_directory.Span, letters, out ServiceStatus status))
            return false;
        _status = status;
        return _answered = true;
    }

    /// <summary>What the supervisor had to end because the service left it behind; empty when there was nothing.</summary>
    internal string Left()
    {
        Files.Close(OpenForWriting("ok"u8, out ByteString supervise).Value);
        Result<byte[]> left = Files.ReadAll(ByteString.Join(supervise.Span, "/left"u8).Span, 4096);
        return SvText.Of(left.Value.AsSpan().TrimEnd((byte)'\n'));
    }

    private SvLook Unknown(string what, Errno error, out string complaint)
    {
        complaint = $"warning: {Name}: {what}: {ErrorWords.Of(error)}\n";
        return SvLook.Unknown;
    }

    /// <summary>
    /// Opens a FIFO of supervise/. Where that fails and the directory lives elsewhere, that is what counts: an image may
    /// bring a supervise/ of its own that nobody serves.
    /// </summary>
    private Result<int> OpenForWriting(ReadOnlySpan<byte> fifo, out ByteString supervise)
    {
        supervise = ByteString.Join(_directory.Span, "/supervise"u8);
        Result<int> here = Files.OpenWrite(ByteString.Join(supervise.Span, "/"u8, fifo).Span);
        if (here.Ok || RealPath() is not { } real)
            return here;
        var other = ByteString.Join(Elsewhere, real.Span);
        Result<int> there = Files.OpenWrite(ByteString.Join(other.Span, "/"u8, fifo).Span);
        if (!there.Ok && there.Error != Errno.NoDeviceOrAddress)
            return here;
        supervise = other;
        return there;
    }

    /// <summary>The absolute path without symbolic links; null when there is none, or no /proc.</summary>
    private ByteString? RealPath()
    {
        Result<int> directory = Files.OpenDirectory(_directory.Span);
        if (!directory.Ok)
            return null;
        Result<ByteString> path = Files.ReadLink(System.Text.Encoding.ASCII.GetBytes($"/proc/self/fd/{directory.Value}"));
        Files.Close(directory.Value);
        return path.Ok ? path.Value : null;
    }

    /// <summary>The status in words, without an end of line; nothing when it can't be told whether there is a file named down.</summary>
    internal string Describe() => Describe("down"u8, Name) ?? "";

    private string? Describe(ReadOnlySpan<byte> downFile, string name)
    {
        Errno down = Files.Status(ByteString.Join(_directory.Span, "/"u8, downFile).Span).Error;
        if (down is not (Errno.None or Errno.NoEntry))
        {
            SvText.Error($"warning: unable to stat {Name}/down: {ErrorWords.Of(down)}\n");
            return null;
        }
        return _status.Describe(name, Clock.TimeOfDay.Seconds, normallyUp: down == Errno.NoEntry);
    }

    /// <summary>`sv status`: the line of the service and of its log.</summary>
    internal SvReport Report()
    {
        const int dead = 3, unknown = 4;
        if (!TryEnter())
            return new SvReport(true, 1);
        SvLook look = Look(out string complaint);
        if (look != SvLook.Seen)
        {
            SvText.Out(complaint);
            return new SvReport(true, look == SvLook.Unknown ? unknown : 1);
        }
        string? line = Describe("down"u8, Name);
        bool failed = !ReportLog(line ?? "");
        return new SvReport(failed, line is null ? unknown : _status.State == RunState.Down ? dead : 0);
    }

    /// <summary>Says the rest of the line; false when there is a log that can't be told of.</summary>
    private bool ReportLog(string line)
    {
        var log = new SvService(Name + "/log", ByteString.Join(_directory.Span, "/log"u8), _status);
        Errno entered = log.Enter();
        if (entered == Errno.NoEntry)
        {
            SvText.Out(line + "\n");
            return true;
        }
        if (entered != Errno.None)
        {
            SvText.Out($"{line}; warning: {log.Name}: unable to change directory: {ErrorWords.Of(entered)}\n");
            return false;
        }
        SvLook look = log.Look(out string complaint);
        // A log whose status can't be read gets a line with the service's own figures: that is how runit's sv says it.
        string rest = look == SvLook.NotRunning ? complaint : complaint + DescribeLog(log) + "\n";
        SvText.Out($"{line}; {rest}");
        return look == SvLook.Seen;
    }

    private string DescribeLog(SvService log)
    {
        _status = log._status;
        return Describe("log/down"u8, "log") ?? "";
    }

    /// <summary>False, and said, when the service directory can't be changed to.</summary>
    internal bool TryEnter()
    {
        Errno error = Enter();
        if (error != Errno.None)
            SvText.Out($"fail: {Name}: unable to change to service directory: {ErrorWords.Of(error)}\n");
        return error == Errno.None;
    }
}
