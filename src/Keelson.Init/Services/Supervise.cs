// The directory supervise/ of a service, as runit's sv and everything else that knows runit expects it (runsv(8)): lock,
// control, ok, status, pid, stat. Where the service directory can't be written, it is below /run/keelson/supervise under
// the service directory's real path; where nothing can, there is none and the service runs all the same.
using System.Globalization;
using System.Text;
using Keelson.Linux;
using Keelson.Supervision;

namespace Keelson.Init.Services;

internal sealed class Supervise
{
    private const uint DirectoryMode = 0x1c0; // 0700
    private const uint PrivateMode = 0x180; // 0600
    private const uint PublicMode = 0x1a4; // 0644

    private readonly DirectoryFd _directory;
    private readonly byte[] _published = new byte[ServiceStatus.Size];
    private readonly int _lock;
    // Until the first status is written it only keeps the place, so that there is a descriptor for it.
    private int _ok;
    private bool _isServed;
    private int _pid = -1;
    private string? _words;

    private Supervise(DirectoryFd directory, int lockFile, int control, int ok)
    {
        _directory = directory;
        _lock = lockFile;
        Control = control;
        _ok = ok;
    }

    private static ReadOnlySpan<byte> Elsewhere => "/run/keelson/supervise"u8;

    /// <summary>The FIFO that commands are read from; never at its end.</summary>
    internal int Control { get; }

    /// <summary>
    /// Opens or makes it. <see cref="Errno.Again"/>: another supervisor holds the lock, and the service is not ours. Any
    /// other error: there is none, neither in the service directory nor elsewhere; why, in <paramref name="reason"/>.
    /// </summary>
    internal static Result<Supervise?> Open(DirectoryFd service, out string reason)
    {
        Result<Supervise?> here = OpenIn(service, "supervise"u8, out reason);
        if (here.Ok || here.Error == Errno.Again)
            return here;
        if (MakeElsewhere(service) is not { } place)
            return here;
        Result<DirectoryFd?> parent = DirectoryFd.Open(place.Span[..place.Span.LastIndexOf((byte)'/')]);
        if (parent.Value is null)
            return here;
        Result<Supervise?> there = OpenIn(parent.Value, place.Span[(place.Span.LastIndexOf((byte)'/') + 1)..], out _);
        parent.Value.Close();
        if (!there.Ok)
            return there.Error == Errno.Again ? there : here;
        // What is meant not to be written needs no word, nor where a link leads everybody to the place.
        bool isShown = ShowTheWay(service, place);
        if (isShown || here.Error is Errno.ReadOnly or Errno.Access or Errno.NotPermitted)
            reason = "";
        return there;
    }

    /// <summary>
    /// Puts a link to the place where supervise/ could not be made, or can't be used and holds nothing but our lock: runit's
    /// own sv finds it so. Where the service directory can't be written there is none.
    /// </summary>
    private static bool ShowTheWay(DirectoryFd service, ByteString place)
    {
        Result<FileStatus> status = service.Status("supervise"u8);
        if (status.Ok)
        {
            if (status.Value.Kind != FileKind.Directory || service.ReadLink("supervise"u8).Ok)
                return false;
            Result<DirectoryFd?> unused = service.Open(new ByteString("supervise"u8));
            if (unused.Value?.Status("lock"u8).Value.Kind == FileKind.Regular)
                _ = unused.Value.Remove("lock"u8);
            unused.Value?.Close();
            if (service.Remove("supervise"u8) != Errno.None)
                return false;
        }
        return service.Link("supervise"u8, place.Span) == Errno.None;
    }

    private static Result<Supervise?> OpenIn(DirectoryFd parent, ReadOnlySpan<byte> name, out string reason)
    {
        string where = Encoding.UTF8.GetString(name);
        Errno made = parent.MakeDirectory(name, DirectoryMode);
        if (made == Errno.Exists && parent.ReadLink(name) is { Ok: true } link)
            // A link to where it shall be: the place is made, as runsv does it.
            MakeDirectories(parent, link.Value);
        Result<DirectoryFd?> directory = parent.Open(new ByteString(name));
        if (directory.Value is null)
        {
            Errno error = made is Errno.None or Errno.Exists ? directory.Error : made;
            reason = $"{where}: {error.Words()}";
            return new(null, error);
        }
        if (DescriptorLimit.IsSpare(directory.Value.Fd))
        {
            reason = $"{where}: {Errno.TooManyFiles.Words()}";
            directory.Value.Close();
            return new(null, Errno.TooManyFiles);
        }
        Result<int> lockFile = Spared(directory.Value.OpenLocked("lock"u8, PrivateMode));
        if (!lockFile.Ok)
        {
            reason = $"{where}/lock: {(lockFile.Error == Errno.Again ? "another supervisor holds it" : lockFile.Error.Words())}";
            directory.Value.Close();
            return new(null, lockFile.Error);
        }
        Result<int> control = Spared(directory.Value.OpenFifo("control"u8, PrivateMode));
        Result<int> ok = control.Ok ? Spared(Files.OpenDirectory("/"u8)) : new(-1, Errno.None);
        if (!control.Ok || ok.Error == Errno.TooManyFiles)
        {
            Errno error = control.Ok ? ok.Error : control.Error;
            reason = $"{where}/control: {error.Words()}";
            Files.Close(control.Value);
            Files.Close(lockFile.Value);
            directory.Value.Close();
            return new(null, error);
        }
        reason = "";
        return new(new Supervise(directory.Value, lockFile.Value, control.Value, ok.Value), Errno.None);
    }

    private static Result<int> Spared(Result<int> fd)
    {
        if (!fd.Ok || !DescriptorLimit.IsSpare(fd.Value))
            return fd;
        Files.Close(fd.Value);
        return new(-1, Errno.TooManyFiles);
    }

    private static void MakeDirectories(DirectoryFd parent, ByteString path)
    {
        for (int slash = 1; slash < path.Length; slash++)
        {
            if (path.Span[slash] == '/')
                _ = parent.MakeDirectory(path.Span[..slash], DirectoryMode);
        }
        _ = parent.MakeDirectory(path.Span, DirectoryMode);
    }

    /// <summary>The place elsewhere, whose parents are made.</summary>
    private static ByteString? MakeElsewhere(DirectoryFd service)
    {
        Result<ByteString> real = Files.ReadLink(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{service.Fd}")));
        if (!real.Ok || real.Value.Span is not [(byte)'/', _, ..])
            return null;
        if (RunDirectory.Make() != Errno.None)
            return null;
        var place = ByteString.Join(Elsewhere, real.Value.Span);
        for (int slash = 1; slash < place.Length; slash++)
        {
            if (place.Span[slash] == '/')
                _ = Files.MakeDirectory(place.Span[..slash], RunDirectory.Mode);
        }
        return place;
    }

    /// <summary>
    /// Writes what changed: pid, status, then stat. The first time it opens ok as well, which says that a supervisor lives:
    /// who finds it finds a status of ours.
    /// </summary>
    internal Errno Publish(in ServiceStatus status, string words)
    {
        Span<byte> record = stackalloc byte[ServiceStatus.Size];
        status.Format(record);
        Errno error = Errno.None;
        if (status.Pid != _pid)
        {
            Span<byte> number = stackalloc byte[16];
            int length = 0;
            if (status.Pid != 0)
            {
                System.Buffers.Text.Utf8Formatter.TryFormat(status.Pid, number, out length);
                number[length++] = (byte)'\n';
            }
            error = _directory.Publish("pid"u8, "pid.new"u8, number[..length], PublicMode);
            if (error == Errno.None)
                _pid = status.Pid;
        }
        if (error == Errno.None && !record.SequenceEqual(_published))
        {
            error = _directory.Publish("status"u8, "status.new"u8, record, PublicMode);
            if (error == Errno.None)
                record.CopyTo(_published);
        }
        if (error == Errno.None && !ReferenceEquals(words, _words))
        {
            error = _directory.Publish("stat"u8, "stat.new"u8, Encoding.ASCII.GetBytes(words + "\n"), PublicMode);
            if (error == Errno.None)
                _words = words;
        }
        if (!_isServed)
        {
            Files.Close(_ok);
            Result<int> ok = _directory.OpenFifo("ok"u8, PrivateMode);
            _ok = ok.Value;
            _isServed = ok.Ok;
            if (error == Errno.None)
                error = ok.Error;
        }
        return error;
    }

    /// <summary>Names what had to be ended because the service did not take it along, for sv to say; nothing removes the note.</summary>
    internal void NoteLeft(string names)
    {
        if (names.Length > 0)
            _ = _directory.Publish("left"u8, "left.new"u8, Encoding.UTF8.GetBytes(names + "\n"), PublicMode);
        else
            _ = _directory.Remove("left"u8);
    }

    internal void Close()
    {
        Files.Close(_ok);
        Files.Close(Control);
        Files.Close(_lock);
        _directory.Close();
    }
}
