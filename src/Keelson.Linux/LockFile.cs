namespace Keelson.Linux;

/// <summary>A file that is locked for as long as somebody has it open (flock(2)). Unlike other descriptors of ours it is inherited.</summary>
public static unsafe class LockFile
{
    /// <summary>Makes the file if need be (0600) and locks it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="wait">Wait until it is free; else <see cref="Errno.Again"/> when it is not.</param>
    /// <param name="opened">Whether it could be opened, so that the error is of the lock.</param>
    public static Result<int> Take(ReadOnlySpan<byte> path, bool wait, out bool opened)
    {
        const int writeOnly = 1, create = 0x40, append = 0x400, nonBlock = 0x800;
        const int exclusive = 2, withoutWaiting = 4;
        opened = false;
        Span<byte> buffer = stackalloc byte[CString.Size];
        Errno error = CString.Write(path, buffer);
        if (error != Errno.None)
            return new(-1, error);
        fixed (byte* p = buffer)
        {
            int fd = Libc.open(p, writeOnly | create | append | nonBlock, 0x180);
            if (fd < 0)
                return new(-1, Libc.LastError);
            opened = true;
            do
                error = Libc.Check(Libc.flock(fd, exclusive | (wait ? 0 : withoutWaiting)));
            while (error == Errno.Interrupted);
            return new(fd, error);
        }
    }
}
