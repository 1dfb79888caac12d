// Files by byte paths. Nothing here blocks on what is not a regular file: everything is opened with O_NONBLOCK and
// looked at before it is read.
namespace Keelson.Linux;

public enum FileKind
{
    Other,
    Regular,
    Directory,
    Fifo,
    CharacterDevice,
}

/// <summary>
/// What statx(2) says of a file. <see cref="Mode"/> holds the twelve permission bits; <see cref="Changed"/> is the time
/// of the last change to contents or status in nanoseconds since 1970.
/// </summary>
public readonly record struct FileStatus(FileKind Kind, uint Mode, uint User, uint Group, ulong Inode, ulong Device, long Size, long Changed);

public static unsafe class Files
{
    /// <summary>The three execute bits of a mode.</summary>
    public const uint AnyExecute = 0x49;

    internal const int AtCwd = -100;
    private const int AtEmptyPath = 0x1000;
    private const int AtEAccess = 0x200;
    internal const int RemoveDirectoryFlag = 0x200;
    internal const int ReadOnlyFlag = 0;
    internal const int WriteOnly = 1;
    internal const int Create = 0x40;
    internal const int Exclusive = 0x80;
    private const int Truncate = 0x200;
    internal const int NonBlock = 0x800;
    internal const int CloseOnExec = 0x80000;

    // O_DIRECTORY and O_NOFOLLOW are swapped round between architectures.
    internal static readonly int DirectoryFlag =
        System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture == System.Runtime.InteropServices.Architecture.Arm64 ? 0x4000 : 0x10000;

    /// <summary>The file that the path leads to, symbolic links followed.</summary>
    public static Result<FileStatus> Status(ReadOnlySpan<byte> path) => StatusAt(AtCwd, path);

    internal static Result<FileStatus> StatusAt(int directory, ReadOnlySpan<byte> path)
    {
        Span<byte> buffer = stackalloc byte[CString.Size];
        Errno error = CString.Write(path, buffer);
        if (error != Errno.None)
            return new(default, error);
        fixed (byte* p = buffer)
            return Statx(directory, p, 0);
    }

    public static Result<FileStatus> Status(int fd)
    {
        byte empty = 0;
        return Statx(fd, &empty, AtEmptyPath);
    }

    private static Result<FileStatus> Statx(int dir, byte* path, int flags)
    {
        const uint basicStats = 0x7ff;
        byte* s = stackalloc byte[256];
        Errno error = Libc.Check(Libc.statx(dir, path, flags, basicStats, s));
        if (error != Errno.None)
            return new(default, error);
        uint mode = *(ushort*)(s + 28);
        FileKind kind = (mode & 0xf000) switch { 0x8000 => FileKind.Regular, 0x4000 => FileKind.Directory, 0x1000 => FileKind.Fifo, 0x2000 => FileKind.CharacterDevice, _ => FileKind.Other };
        ulong device = (ulong)*(uint*)(s + 136) << 32 | *(uint*)(s + 140);
        return new(new FileStatus(kind, mode & 0xfff, *(uint*)(s + 20), *(uint*)(s + 24), *(ulong*)(s + 32), device, *(long*)(s + 40), *(long*)(s + 96) * 1_000_000_000 + *(uint*)(s + 104)), Errno.None);
    }

    /// <summary>None when we may execute the file (effective ids count), else why not.</summary>
    public static Errno CanExecute(ReadOnlySpan<byte> path) => Access(path, 1);

    /// <summary>None when we may write it, file or directory, else why not.</summary>
    public static Errno CanWrite(ReadOnlySpan<byte> path) => Access(path, 2);

    private static Errno Access(ReadOnlySpan<byte> path, int mode)
    {
        Span<byte> buffer = stackalloc byte[CString.Size];
        Errno error = CString.Write(path, buffer);
        if (error != Errno.None)
            return error;
        fixed (byte* p = buffer)
            return Libc.Check(Libc.faccessat(AtCwd, p, mode, AtEAccess));
    }

    /// <summary>Opens what is there to read, never blocking on a FIFO.</summary>
    public static Result<int> OpenRead(ReadOnlySpan<byte> path) => Open(path, ReadOnlyFlag | NonBlock | CloseOnExec, 0);

    public static Result<int> OpenDirectory(ReadOnlySpan<byte> path) => Open(path, ReadOnlyFlag | DirectoryFlag | CloseOnExec, 0);

    /// <summary>Opens what is there to write, never blocking: a FIFO that nobody reads is <see cref="Errno.NoDeviceOrAddress"/>.</summary>
    public static Result<int> OpenWrite(ReadOnlySpan<byte> path) => Open(path, WriteOnly | NonBlock | CloseOnExec, 0);

    /// <summary>Opens for reading and writing: /dev/null as it serves for standard input.</summary>
    public static Result<int> OpenReadWrite(ReadOnlySpan<byte> path) => Open(path, 2 | NonBlock | CloseOnExec, 0);

    /// <summary>What a descriptor is open on, once more, to write without waiting; not possible for a socket, or without /proc.</summary>
    public static Result<int> OpenAgainNonBlocking(int fd)
    {
        const int append = 0x400, noTerminal = 0x100;
        var path = ByteString.Of(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"/proc/self/fd/{fd}"));
        return Open(path.Span, WriteOnly | append | noTerminal | NonBlock | CloseOnExec, 0);
    }

    /// <summary>As <see cref="OpenReadWrite"/>, inherited by children.</summary>
    internal static Result<int> OpenForChildren(ReadOnlySpan<byte> path) => Open(path, 2, 0);

    private static Result<int> Open(ReadOnlySpan<byte> path, int flags, uint mode) => OpenAt(AtCwd, path, flags, mode);

    /// <summary>openat(2), repeated when a signal interrupted it.</summary>
    internal static Result<int> OpenAt(int directory, ReadOnlySpan<byte> path, int flags, uint mode)
    {
        Span<byte> buffer = stackalloc byte[CString.Size];
        Errno error = CString.Write(path, buffer);
        if (error != Errno.None)
            return new(-1, error);
        fixed (byte* p = buffer)
        {
            while (true)
            {
                int fd = Libc.openat(directory, p, flags, mode);
                if (fd >= 0)
                    return new(fd, Errno.None);
                if (Libc.LastError != Errno.Interrupted)
                    return new(-1, Libc.LastError);
            }
        }
    }

    public static void Close(int fd)
    {
        if (fd >= 0)
            _ = Libc.close(fd);
    }

    /// <summary>Reads once; 0 is the end of the file.</summary>
    public static Result<int> Read(int fd, Span<byte> buffer)
    {
        fixed (byte* p = buffer)
        {
            nint n;
            do
                n = Libc.read(fd, p, (nuint)buffer.Length);
            while (n < 0 && Libc.LastError == Errno.Interrupted);
            return n < 0 ? new(0, Libc.LastError) : new((int)n, Errno.None);
        }
    }

    /// <summary>
    /// The whole of a regular file, at most <paramref name="limit"/> bytes: a longer one is <see cref="Errno.ArgumentsTooLong"/>,
    /// a directory <see cref="Errno.IsDirectory"/>, anything else that is not a regular file <see cref="Errno.Invalid"/>.
    /// </summary>
    public static Result<byte[]> ReadAll(ReadOnlySpan<byte> path, int limit)
    {
        Result<int> file = OpenRead(path);
        if (!file.Ok)
            return new([], file.Error);
        try
        {
            Result<FileStatus> status = Status(file.Value);
            if (!status.Ok)
                return new([], status.Error);
            if (status.Value.Kind != FileKind.Regular)
                return new([], status.Value.Kind == FileKind.Directory ? Errno.IsDirectory : Errno.Invalid);
            if (status.Value.Size > limit)
                return new([], Errno.ArgumentsTooLong);
            // Files in /proc say size 0; one byte more than expected shows whether the file grew.
            var buffer = new byte[(int)Math.Max(status.Value.Size, 255) + 1];
            int length = 0;
            while (true)
            {
                Result<int> n = Read(file.Value, buffer.AsSpan(length));
                if (!n.Ok)
                    return new([], n.Error);
                if (n.Value == 0)
                    return new(buffer.AsSpan(0, length).ToArray(), Errno.None);
                length += n.Value;
                if (length == status.Value.Size && length < buffer.Length)
                    return new(buffer.AsSpan(0, length).ToArray(), Errno.None);
                if (length > limit)
                    return new([], Errno.ArgumentsTooLong);
                if (length == buffer.Length)
                    Array.Resize(ref buffer, buffer.Length * 2);
            }
        }
        finally
        {
            Close(file.Value);
        }
    }

    /// <summary>
    /// Whether an executable that the kernel does not know may be given to /bin/sh: a NUL byte near its start says that
    /// it is a program for something else, as shells have it.
    /// </summary>
    public static bool MayBeShellScript(ReadOnlySpan<byte> path)
    {
        Span<byte> buffer = stackalloc byte[256];
        ReadOnlySpan<byte> start = ReadStart(path, buffer);
        return !start.IsEmpty && !start.Contains((byte)0);
    }

    /// <summary>The first bytes of a file, as many as the buffer takes; none when it can't be read.</summary>
    public static ReadOnlySpan<byte> ReadStart(ReadOnlySpan<byte> path, Span<byte> buffer)
    {
        Result<int> file = OpenRead(path);
        if (!file.Ok)
            return default;
        Result<int> n = Read(file.Value, buffer);
        Close(file.Value);
        return buffer[..n.Value];
    }

    /// <summary>The names in a directory without . and .., in no order.</summary>
    public static Result<List<ByteString>> List(ReadOnlySpan<byte> path)
    {
        var names = new List<ByteString>();
        Result<int> directory = OpenDirectory(path);
        if (!directory.Ok)
            return new(names, directory.Error);
        var buffer = new byte[8192];
        try
        {
            fixed (byte* p = buffer)
            {
                while (true)
                {
                    nint n = Libc.getdents64(directory.Value, p, (nuint)buffer.Length);
                    if (n < 0)
                        return new(names, Libc.LastError);
                    if (n == 0)
                        return new(names, Errno.None);
                    // struct linux_dirent64: inode 8, offset 8, length of record 2, type 1, name ended by NUL
                    for (int at = 0; at < n;)
                    {
                        int record = *(ushort*)(p + at + 16);
                        var name = buffer.AsSpan(at + 19, record - 19);
                        name = name[..name.IndexOf((byte)0)];
                        if (!name.SequenceEqual("."u8) && !name.SequenceEqual(".."u8))
                            names.Add(new ByteString((ReadOnlySpan<byte>)name));
                        at += record;
                    }
                }
            }
        }
        finally
        {
            Close(directory.Value);
        }
    }

    public static Errno MakeDirectory(ReadOnlySpan<byte> path, uint mode)
    {
        Span<byte> buffer = stackalloc byte[CString.Size];
        Errno error = CString.Write(path, buffer);
        if (error != Errno.None)
            return error;
        fixed (byte* p = buffer)
            return Libc.Check(Libc.mkdir(p, mode));
    }

    /// <summary>
    /// Makes a directory, or takes the one that is there if it is ours (or root's) and nobody else may write into it: who may
    /// could put a link where we are about to make a file. Anything else, a link too, is <see cref="Errno.NotPermitted"/>.
    /// </summary>
    public static Errno MakeOwnDirectory(ReadOnlySpan<byte> path, uint mode)
    {
        const uint othersWrite = 0x12; // 022
        Errno error = MakeDirectory(path, mode);
        if (error != Errno.Exists)
            return error;
        Result<int> directory = OpenAt(AtCwd, path, ReadOnlyFlag | DirectoryFlag | DirectoryFd.NoFollow | CloseOnExec, 0);
        if (!directory.Ok)
            return directory.Error == Errno.NotDirectory ? Errno.NotPermitted : directory.Error;
        FileStatus status = Status(directory.Value).Value;
        Close(directory.Value);
        return status.Kind == FileKind.Directory && (status.User == 0 || status.User == Processes.UserId) && (status.Mode & othersWrite) == 0 ? Errno.None : Errno.NotPermitted;
    }

    /// <summary>Writes to what is there, in one write(2): a file of the kernel's that takes a command.</summary>
    public static Errno WriteOnce(ReadOnlySpan<byte> path, ReadOnlySpan<byte> content)
    {
        Result<int> file = Open(path, WriteOnly | CloseOnExec, 0);
        if (!file.Ok)
            return file.Error;
        Errno error = Stdio.WriteSome(file.Value, content).Error;
        Close(file.Value);
        return error;
    }

    /// <summary>Removes a name that is no directory.</summary>
    public static Errno Remove(ReadOnlySpan<byte> path)
    {
        Span<byte> buffer = stackalloc byte[CString.Size];
        Errno error = CString.Write(path, buffer);
        if (error != Errno.None)
            return error;
        fixed (byte* p = buffer)
            return Libc.Check(Libc.unlink(p));
    }

    public static Errno ChangeMode(ReadOnlySpan<byte> path, uint mode)
    {
        Span<byte> buffer = stackalloc byte[CString.Size];
        Errno error = CString.Write(path, buffer);
        if (error != Errno.None)
            return error;
        fixed (byte* p = buffer)
            return Libc.Check(Libc.chmod(p, mode));
    }

    public static Errno RemoveDirectory(ReadOnlySpan<byte> path)
    {
        Span<byte> buffer = stackalloc byte[CString.Size];
        Errno error = CString.Write(path, buffer);
        if (error != Errno.None)
            return error;
        fixed (byte* p = buffer)
            return Libc.Check(Libc.unlinkat(AtCwd, p, RemoveDirectoryFlag));
    }

    /// <summary>Mode and owner, whatever the umask is. Only root may give a file away: that error is returned.</summary>
    public static Errno SetAccess(ReadOnlySpan<byte> path, uint mode, uint user, uint group)
    {
        Span<byte> buffer = stackalloc byte[CString.Size];
        Errno error = CString.Write(path, buffer);
        if (error != Errno.None)
            return error;
        fixed (byte* p = buffer)
        {
            Errno owner = Libc.Check(Libc.chown(p, user, group));
            error = Libc.Check(Libc.chmod(p, mode));
            return owner != Errno.None ? owner : error;
        }
    }

    /// <summary>Another owner for the directory that the path leads to, and for nothing in it; what is no directory is <see cref="Errno.NotDirectory"/>.</summary>
    public static Errno GiveDirectory(ReadOnlySpan<byte> path, uint user, uint group)
    {
        Result<int> directory = OpenDirectory(path);
        if (!directory.Ok)
            return directory.Error;
        Errno error = Libc.Check(Libc.fchown(directory.Value, user, group));
        Close(directory.Value);
        return error;
    }

    /// <summary>
    /// Replaces the contents of <paramref name="path"/> so that a reader sees the old or the new, never a half: written
    /// to <paramref name="temporary"/> in the same file system and renamed. Where the file is a mount of its own, which
    /// can't be renamed over, it is written in place. Owner that can't be given is left: the file is still the writer's.
    /// </summary>
    public static Errno Replace(ReadOnlySpan<byte> path, ReadOnlySpan<byte> temporary, ReadOnlySpan<byte> content, uint mode, uint user, uint group)
    {
        Span<byte> to = stackalloc byte[CString.Size];
        Span<byte> from = stackalloc byte[CString.Size];
        Errno error = CString.Write(path, to);
        if (error == Errno.None)
            error = CString.Write(temporary, from);
        if (error != Errno.None)
            return error;

        fixed (byte* target = to)
        fixed (byte* scratch = from)
        {
            error = WriteFile(temporary, content, mode, user, group);
            if (error == Errno.Exists)
            {
                // What an interrupted run left, perhaps with an owner or a mode that hinders us.
                _ = Libc.unlink(scratch);
                error = WriteFile(temporary, content, mode, user, group);
            }
            if (error == Errno.None)
            {
                error = Libc.Check(Libc.rename(scratch, target));
                if (error == Errno.None)
                    return Errno.None;
            }
            _ = Libc.unlink(scratch);
            return error is Errno.Busy or Errno.CrossDevice || error is Errno.Access or Errno.ReadOnly or Errno.NotPermitted && Status(path).Ok
                ? WriteInPlace(path, content)
                : error;
        }
    }

    private static Errno WriteFile(ReadOnlySpan<byte> path, ReadOnlySpan<byte> content, uint mode, uint user, uint group)
    {
        // Private until owner and mode are right: the content may be a secret.
        Result<int> file = Open(path, WriteOnly | Create | Exclusive | NonBlock | CloseOnExec, 0x180);
        if (!file.Ok)
            return file.Error;
        Errno error = WriteAll(file.Value, content);
        if (error == Errno.None)
        {
            _ = Libc.fchown(file.Value, user, group);
            error = Libc.Check(Libc.fchmod(file.Value, mode));
        }
        Close(file.Value);
        return error;
    }

    private static Errno WriteInPlace(ReadOnlySpan<byte> path, ReadOnlySpan<byte> content)
    {
        Result<int> file = Open(path, WriteOnly | Truncate | NonBlock | CloseOnExec, 0);
        if (!file.Ok)
            return file.Error;
        Errno error = WriteAll(file.Value, content);
        Close(file.Value);
        return error;
    }

    internal static Errno WriteAll(int fd, ReadOnlySpan<byte> content)
    {
        while (content.Length > 0)
        {
            Result<int> n = Stdio.WriteSome(fd, content);
            if (!n.Ok)
                return n.Error;
            content = content[n.Value..];
        }
        return Errno.None;
    }

    /// <summary>Where a symbolic link leads, as it is written in it.</summary>
    public static Result<ByteString> ReadLink(ReadOnlySpan<byte> path)
    {
        Span<byte> buffer = stackalloc byte[CString.Size];
        Span<byte> target = stackalloc byte[CString.Size];
        Errno error = CString.Write(path, buffer);
        if (error != Errno.None)
            return new(default, error);
        fixed (byte* p = buffer)
        fixed (byte* t = target)
        {
            nint n = Libc.readlink(p, t, CString.Size);
            return n < 0 ? new(default, Libc.LastError) : new(new ByteString(target[..(int)n]), Errno.None);
        }
    }
}
