namespace Keelson.Linux;

/// <summary>pipe(7).</summary>
public static unsafe class Pipes
{
    /// <summary>Writes of so many bytes at most are never torn apart (PIPE_BUF).</summary>
    public const int AtomicBytes = 4096;

    /// <summary>Both ends, closed on exec; they block.</summary>
    public static Errno Create(out int readEnd, out int writeEnd)
    {
        const int closeOnExec = 0x80000;
        int* ends = stackalloc int[2];
        Errno error = Libc.Check(Libc.pipe2(ends, closeOnExec));
        readEnd = error == Errno.None ? ends[0] : -1;
        writeEnd = error == Errno.None ? ends[1] : -1;
        return error;
    }

    /// <summary>Makes our descriptor of an open file return <see cref="Errno.Again"/> instead of waiting. Who shares the open file is affected too.</summary>
    public static Errno SetNonBlocking(int fd)
    {
        const int getFlags = 3, setFlags = 4, nonBlock = 0x800;
        int flags = Libc.fcntl(fd, getFlags, 0);
        return flags < 0 ? Libc.LastError : Libc.Check(Libc.fcntl(fd, setFlags, flags | nonBlock));
    }

    /// <summary>
    /// Lets other users open it by its name in /proc, as `echo >/dev/stdout` does after a change of user: 0622. What is
    /// neither a pipe nor a terminal is left as it is.
    /// </summary>
    public static Errno LetEverybodyWrite(int fd)
    {
        const uint everybodyWrites = 0x192;
        Result<FileStatus> status = Files.Status(fd);
        if (!status.Ok)
            return status.Error;
        if (status.Value.Kind is not (FileKind.Fifo or FileKind.CharacterDevice) || (status.Value.Mode & everybodyWrites) == everybodyWrites)
            return Errno.None;
        return Libc.Check(Libc.fchmod(fd, status.Value.Mode | everybodyWrites));
    }

    /// <summary>Whether there is something to read, within so many milliseconds.</summary>
    public static bool HasData(int fd, int milliseconds = 0)
    {
        const short readable = 1;
        // struct pollfd: fd 4, events 2, revents 2
        ulong entry = (uint)fd | (ulong)readable << 32;
        return Libc.poll(&entry, 1, milliseconds) > 0 && (entry >> 48 & (ulong)readable) != 0;
    }
}
