// A directory that stays the same one whatever becomes of its name, and the files in it by their own names. Symbolic
// links at the last place are not followed where something is opened to be written: the directory may belong to a user
// who is not to choose what we write to.
namespace Keelson.Linux;

public sealed unsafe class DirectoryFd
{
    private const int ReadWrite = 2;
    private const int Append = 0x400;
    private const int PathOnly = 0x200000;
    private const int WriteFlags = Files.WriteOnly | Files.Create | Files.NonBlock | Files.CloseOnExec;

    // O_DIRECTORY and O_NOFOLLOW are swapped round between architectures.
    internal static readonly int NoFollow = Files.DirectoryFlag == 0x10000 ? 0x20000 : 0x8000;

    // Instead of a descriptor, where there are too few: what the names are appended to.
    private readonly ByteString _path;

    private DirectoryFd(int fd, ByteString path = default)
    {
        Fd = fd;
        _path = path;
    }

    /// <summary>The descriptor, opened with O_PATH; negative where there is none, and once closed.</summary>
    public int Fd { get; private set; }

    /// <summary>A directory by its name only, which costs no descriptor and does not notice that it is renamed or replaced.</summary>
    public static DirectoryFd ByName(ReadOnlySpan<byte> path) => new(Files.AtCwd, ByteString.Join(path, "/"u8));

    /// <summary>The directory that the path leads to, symbolic links followed.</summary>
    public static Result<DirectoryFd?> Open(ReadOnlySpan<byte> path) => Open(Files.AtCwd, path);

    /// <summary>The directory of this name in this one, or where a link of that name leads.</summary>
    public Result<DirectoryFd?> Open(ByteString name) => Open(Fd, Of(name.Span));

    private ReadOnlySpan<byte> Of(ReadOnlySpan<byte> name) => _path.Length == 0 ? name : ByteString.Join(_path.Span, name).Span;

    private static Result<DirectoryFd?> Open(int at, ReadOnlySpan<byte> path)
    {
        Result<int> fd = Files.OpenAt(at, path, PathOnly | Files.DirectoryFlag | Files.CloseOnExec, 0);
        return fd.Ok ? new(new DirectoryFd(fd.Value), Errno.None) : new(null, fd.Error);
    }

    /// <summary>The file of this name, symbolic links followed.</summary>
    public Result<FileStatus> Status(ReadOnlySpan<byte> name) => Files.StatusAt(Fd, Of(name));

    public bool Has(ReadOnlySpan<byte> name) => Status(name).Ok;

    /// <summary>As runit asks whether to run a control script: a file that its owner may execute.</summary>
    public bool HasExecutable(ReadOnlySpan<byte> name)
    {
        const uint ownerExecute = 0x40;
        Result<FileStatus> status = Status(name);
        return status.Ok && status.Value.Kind == FileKind.Regular && (status.Value.Mode & ownerExecute) != 0;
    }

    public Errno MakeDirectory(ReadOnlySpan<byte> name, uint mode)
    {
        Span<byte> buffer = stackalloc byte[CString.Size];
        Errno error = CString.Write(Of(name), buffer);
        if (error != Errno.None)
            return error;
        fixed (byte* p = buffer)
            return Libc.Check(Libc.mkdirat(Fd, p, mode));
    }

    public Result<ByteString> ReadLink(ReadOnlySpan<byte> name)
    {
        Span<byte> buffer = stackalloc byte[CString.Size];
        Span<byte> target = stackalloc byte[CString.Size];
        Errno error = CString.Write(Of(name), buffer);
        if (error != Errno.None)
            return new(default, error);
        fixed (byte* p = buffer)
        fixed (byte* t = target)
        {
            nint n = Libc.readlinkat(Fd, p, t, CString.Size);
            return n < 0 ? new(default, Libc.LastError) : new(new ByteString(target[..(int)n]), Errno.None);
        }
    }

    /// <summary>Removes a file, or an empty directory.</summary>
    public Errno Remove(ReadOnlySpan<byte> name)
    {
        Span<byte> buffer = stackalloc byte[CString.Size];
        Errno error = CString.Write(Of(name), buffer);
        if (error != Errno.None)
            return error;
        fixed (byte* p = buffer)
        {
            error = Libc.Check(Libc.unlinkat(Fd, p, 0));
            return error == Errno.IsDirectory ? Libc.Check(Libc.unlinkat(Fd, p, Files.RemoveDirectoryFlag)) : error;
        }
    }

    /// <summary>
    /// A FIFO that we hold open for both ends, so that writers find a reader and we never see the end of it. Anything else
    /// of that name, as an unpacked backup leaves it, is replaced.
    /// </summary>
    public Result<int> OpenFifo(ReadOnlySpan<byte> name, uint mode)
    {
        Result<int> fd = new(-1, Errno.NoEntry);
        for (int attempt = 0; attempt < 2; attempt++)
        {
            Errno made = MakeFifo(name, mode);
            if (made is not (Errno.None or Errno.Exists))
                return new(-1, made);
            fd = Files.OpenAt(Fd, Of(name), ReadWrite | Files.NonBlock | Files.CloseOnExec | NoFollow, 0);
            if (fd.Ok && Files.Status(fd.Value).Value.Kind == FileKind.Fifo)
                return fd;
            Files.Close(fd.Value);
            Errno removed = Remove(name);
            if (removed != Errno.None)
                return new(-1, removed);
        }
        return fd.Ok ? new(-1, Errno.Exists) : fd;
    }

    private Errno MakeFifo(ReadOnlySpan<byte> name, uint mode)
    {
        Span<byte> buffer = stackalloc byte[CString.Size];
        Errno error = CString.Write(Of(name), buffer);
        if (error != Errno.None)
            return error;
        fixed (byte* p = buffer)
            return Libc.Check(Libc.mkfifoat(Fd, p, mode));
    }

    /// <summary>A lock file, held until the descriptor is closed (flock(2)); <see cref="Errno.Again"/> when somebody else holds it.</summary>
    public Result<int> OpenLocked(ReadOnlySpan<byte> name, uint mode)
    {
        const int exclusiveWithoutWaiting = 2 | 4;
        Result<int> fd = Files.OpenAt(Fd, Of(name), WriteFlags | Append | NoFollow, mode);
        if (!fd.Ok)
            return fd;
        Errno error = Libc.Check(Libc.flock(fd.Value, exclusiveWithoutWaiting));
        if (error == Errno.None)
            return fd;
        Files.Close(fd.Value);
        return new(-1, error);
    }

    /// <summary>
    /// Replaces the contents of a file so that a reader sees the old or the new, never a half: written to
    /// <paramref name="temporary"/> and renamed. What is in the way, if it isn't a directory with something in it, goes.
    /// </summary>
    public Errno Publish(ReadOnlySpan<byte> name, ReadOnlySpan<byte> temporary, ReadOnlySpan<byte> content, uint mode)
    {
        const int flags = WriteFlags | Files.Exclusive;
        Result<int> file = Files.OpenAt(Fd, Of(temporary), flags, mode);
        if (file.Error == Errno.Exists)
        {
            Errno removed = Remove(temporary);
            if (removed != Errno.None)
                return removed;
            file = Files.OpenAt(Fd, Of(temporary), flags, mode);
        }
        if (!file.Ok)
            return file.Error;
        Errno error = Files.WriteAll(file.Value, content);
        if (error == Errno.None)
            // The mode above went through the umask.
            error = Libc.Check(Libc.fchmod(file.Value, mode));
        Files.Close(file.Value);
        if (error == Errno.None)
            error = Rename(temporary, name);
        if (error == Errno.IsDirectory && Remove(name) == Errno.None)
            error = Rename(temporary, name);
        if (error != Errno.None)
            _ = Remove(temporary);
        return error;
    }

    public Errno Rename(ReadOnlySpan<byte> from, ReadOnlySpan<byte> to)
    {
        Span<byte> source = stackalloc byte[CString.Size];
        Span<byte> target = stackalloc byte[CString.Size];
        Errno error = CString.Write(Of(from), source);
        if (error == Errno.None)
            error = CString.Write(Of(to), target);
        if (error != Errno.None)
            return error;
        fixed (byte* s = source)
        fixed (byte* t = target)
            return Libc.Check(Libc.renameat(Fd, s, Fd, t));
    }

    /// <summary>A symbolic link of this name that leads to <paramref name="target"/>.</summary>
    public Errno Link(ReadOnlySpan<byte> name, ReadOnlySpan<byte> target)
    {
        Span<byte> from = stackalloc byte[CString.Size];
        Span<byte> to = stackalloc byte[CString.Size];
        Errno error = CString.Write(Of(name), from);
        if (error == Errno.None)
            error = CString.Write(target, to);
        if (error != Errno.None)
            return error;
        fixed (byte* p = from)
        fixed (byte* q = to)
            return Libc.Check(Libc.symlinkat(q, Fd, p));
    }

    public void Close()
    {
        Files.Close(Fd);
        Fd = -1;
    }
}
