using System.Runtime.InteropServices;

namespace Keelson.Linux;

/// <summary>What happened below a watched directory (inotify(7)).</summary>
/// <param name="Watch">The watch's number, -1 when the kernel's queue overflowed and events are missing.</param>
/// <param name="Gone">The watch has ended: the directory was removed, unmounted or the watch taken away.</param>
public readonly record struct WatchEvent(int Watch, bool Gone)
{
    public bool Overflowed => Watch < 0;
}

public sealed unsafe class Inotify
{
    private const uint Attributes = 0x4;
    private const uint CloseWrite = 0x8;
    private const uint MovedFrom = 0x40;
    private const uint MovedTo = 0x80;
    private const uint Create = 0x100;
    private const uint Delete = 0x200;
    private const uint DeleteSelf = 0x400;
    private const uint MoveSelf = 0x800;
    private const uint Unmounted = 0x2000;
    private const uint Overflow = 0x4000;
    private const uint Ignored = 0x8000;
    private const uint OnlyDirectory = 0x1000000;

    private readonly byte[] _buffer = new byte[16 * 1024];

    private Inotify(int fd) => Fd = fd;

    public int Fd { get; }

    /// <summary><see cref="Errno.TooManyFiles"/> when the user's fs.inotify.max_user_instances are used up.</summary>
    public static Result<Inotify?> Open()
    {
        const int nonBlock = 0x800, closeOnExec = 0x80000;
        int fd = Libc.inotify_init1(nonBlock | closeOnExec);
        return fd < 0 ? new(null, Libc.LastError) : new(new Inotify(fd), Errno.None);
    }

    /// <summary>Watches for entries that come, go, or change their mode or owner. The same directory again is the same watch.</summary>
    public Result<int> Watch(ReadOnlySpan<byte> directory)
    {
        const uint mask = Create | Delete | MovedFrom | MovedTo | Attributes | CloseWrite | DeleteSelf | MoveSelf | OnlyDirectory;
        Span<byte> buffer = stackalloc byte[CString.Size];
        Errno error = CString.Write(directory, buffer);
        if (error != Errno.None)
            return new(-1, error);
        fixed (byte* path = buffer)
        {
            int watch = Libc.inotify_add_watch(Fd, path, mask);
            return watch < 0 ? new(-1, Libc.LastError) : new(watch, Errno.None);
        }
    }

    public void Unwatch(int watch) => _ = Libc.inotify_rm_watch(Fd, watch);

    /// <summary>Appends the events that have arrived, those of the same watch folded into one.</summary>
    public void Read(List<WatchEvent> events)
    {
        while (true)
        {
            Result<int> n = Files.Read(Fd, _buffer);
            if (!n.Ok || n.Value == 0)
                return;
            for (int at = 0; at < n.Value;)
            {
                // struct inotify_event: watch 4, mask 4, cookie 4, length of the name 4, name
                var header = MemoryMarshal.Cast<byte, int>(_buffer.AsSpan(at, 16));
                uint mask = (uint)header[1];
                var e = new WatchEvent((mask & Overflow) != 0 ? -1 : header[0], (mask & (Ignored | Unmounted | DeleteSelf | MoveSelf)) != 0);
                if (!events.Contains(e))
                    events.Add(e);
                at += 16 + header[3];
            }
        }
    }
}
