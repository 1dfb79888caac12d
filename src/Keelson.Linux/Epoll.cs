using System.Runtime.InteropServices;

namespace Keelson.Linux;

/// <summary>epoll(7), level-triggered.</summary>
public sealed unsafe class Epoll
{
    private const int MaxEvents = 64;

    // struct epoll_event is packed on x86-64 and nowhere else.
    private static readonly int EventSize = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 12 : 16;

    private readonly int _fd;
    private readonly byte[] _events = new byte[MaxEvents * 16];

    private Epoll(int fd) => _fd = fd;

    public static Result<Epoll?> Create()
    {
        const int closeOnExec = 0x80000;
        int fd = Libc.epoll_create1(closeOnExec);
        return fd < 0 ? new(null, Libc.LastError) : new(new Epoll(fd), Errno.None);
    }

    /// <summary>Waits for the descriptor to be readable, or to be writable.</summary>
    public Errno Add(int fd, bool writable = false)
    {
        const int add = 1;
        const uint forReading = 1, forWriting = 4;
        byte* ev = stackalloc byte[16];
        *(uint*)ev = writable ? forWriting : forReading;
        *(long*)(ev + EventSize - 8) = fd;
        return Libc.Check(Libc.epoll_ctl(_fd, add, fd, ev));
    }

    public Errno Remove(int fd)
    {
        const int remove = 2;
        byte* unused = stackalloc byte[16];
        return Libc.Check(Libc.epoll_ctl(_fd, remove, fd, unused));
    }

    /// <summary>
    /// Sleeps until a descriptor is ready or <paramref name="milliseconds"/> are over (-1: for ever) and writes the
    /// descriptors that are. None and <paramref name="interrupted"/>: where all signals are blocked, this process was
    /// stopped or frozen (signal(7), "Interruption of system calls ... by stop signals").
    /// </summary>
    public int Wait(Span<int> ready, int milliseconds, out bool interrupted)
    {
        fixed (byte* p = _events)
        {
            int n = Libc.epoll_wait(_fd, p, Math.Min(MaxEvents, ready.Length), milliseconds);
            interrupted = n < 0 && Libc.LastError == Errno.Interrupted;
            for (int i = 0; i < n; i++)
                ready[i] = (int)*(long*)(p + i * EventSize + EventSize - 8);
            return Math.Max(n, 0);
        }
    }
}
