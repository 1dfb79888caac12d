namespace Keelson.Linux;

/// <summary>Standard descriptors, written to directly: System.Console would take over the terminal and the children.</summary>
public static unsafe class Stdio
{
    public const int In = 0;
    public const int Out = 1;
    public const int Error = 2;

    /// <summary>One write(2), repeated when a signal interrupted it.</summary>
    public static Result<int> WriteSome(int fd, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* p = bytes)
        {
            nint n;
            do
                n = Libc.write(fd, p, (nuint)bytes.Length);
            while (n < 0 && Libc.LastError == Errno.Interrupted);
            return n < 0 ? new(0, Libc.LastError) : new((int)n, Errno.None);
        }
    }

    /// <summary>Writes all, waiting for the reader as long as it takes. For applets that end afterwards, never for PID 1.</summary>
    public static void Write(int fd, ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            Result<int> n = WriteSome(fd, bytes);
            if (n.Ok)
                bytes = bytes[n.Value..];
            else if (n.Error != Errno.Again || !WaitWritable(fd, -1))
                return;
        }
    }

    /// <summary>Whether the descriptor takes at least a page (PIPE_BUF) without blocking, within <paramref name="milliseconds"/>.</summary>
    public static bool WaitWritable(int fd, int milliseconds)
    {
        const short pollOut = 4;
        // struct pollfd: fd 4, events 2, revents 2
        ulong entry = (uint)fd | (ulong)pollOut << 32;
        int n;
        do
            n = Libc.poll(&entry, 1, milliseconds);
        while (n < 0 && Libc.LastError == Errno.Interrupted);
        return n > 0;
    }

    /// <summary>Makes the descriptor another name of <paramref name="with"/>'s open file; children inherit it.</summary>
    public static Errno Replace(int fd, int with) => Libc.Check(Libc.dup2(with, fd));

    /// <summary>Points the descriptors 0, 1 and 2 that are closed at /dev/null, so that no later open gets one of them by accident.</summary>
    public static void OpenMissing()
    {
        for (int fd = In; fd <= Error; fd++)
        {
            if (Files.Status(fd).Error != Errno.BadDescriptor)
                continue;
            // Without O_CLOEXEC, for children too; open takes the lowest free number, which is fd.
            _ = Files.OpenForChildren("/dev/null"u8);
        }
    }
}
