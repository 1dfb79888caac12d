namespace Keelson.Linux;

/// <summary>Who is at the other end of a stream (SO_PEERCRED, unix(7)); the process is 0 when it is in no PID namespace of ours.</summary>
public readonly record struct Peer(int Pid, uint User, uint Group);

/// <summary>A stream socket of unix(7) that others connect to. Nothing here waits.</summary>
public sealed unsafe class Listener
{
    private const int Stream = 1;
    private const int SocketLevel = 1;
    private const int NonBlock = 0x800;
    private const int CloseOnExec = 0x80000;

    private Listener(int fd) => Fd = fd;

    public int Fd { get; }

    /// <summary>Listens at a path, or at an abstract address, which has @ in front.</summary>
    public static Result<Listener?> Open(ReadOnlySpan<byte> name)
    {
        const int backlog = 16;
        Span<byte> address = stackalloc byte[UnixAddress.Size];
        Errno error = UnixAddress.Write(name, address, out uint length);
        if (error != Errno.None)
            return new(null, error);
        int fd = Libc.socket(UnixAddress.Family, Stream | NonBlock | CloseOnExec, 0);
        if (fd < 0)
            return new(null, Libc.LastError);
        fixed (byte* a = address)
            error = Libc.Check(Libc.bind(fd, a, length));
        if (error == Errno.None)
            error = Libc.Check(Libc.listen(fd, backlog));
        if (error == Errno.None)
            return new(new Listener(fd), Errno.None);
        Files.Close(fd);
        return new(null, error);
    }

    /// <summary>The next that connected; <see cref="Errno.Again"/> when there is none.</summary>
    public Result<int> Accept(out Peer peer)
    {
        const int peerCredentials = 17;
        peer = new Peer(0, uint.MaxValue, uint.MaxValue);
        int fd = Libc.accept4(Fd, null, null, NonBlock | CloseOnExec);
        if (fd < 0)
            return new(-1, Libc.LastError);
        // struct ucred: pid, uid, gid
        int* credentials = stackalloc int[3];
        uint size = 12;
        if (Libc.getsockopt(fd, SocketLevel, peerCredentials, credentials, &size) == 0 && size == 12)
            peer = new Peer(credentials[0], (uint)credentials[1], (uint)credentials[2]);
        return new(fd, Errno.None);
    }

    /// <summary>Whether a peer is in a group besides its own (SO_PEERGROUPS).</summary>
    public static bool PeerHasGroup(int fd, uint group)
    {
        const int peerGroups = 59, most = 1024;
        uint* groups = stackalloc uint[most];
        uint size = most * sizeof(uint);
        if (Libc.getsockopt(fd, SocketLevel, peerGroups, groups, &size) != 0)
            return false;
        return new ReadOnlySpan<uint>(groups, (int)(size / sizeof(uint))).Contains(group);
    }

    /// <summary>Sends as much as the peer takes now; one that has gone is an error, not a signal.</summary>
    public static Result<int> Send(int fd, ReadOnlySpan<byte> bytes)
    {
        const int dontWait = 0x40, noSignal = 0x4000;
        fixed (byte* p = bytes)
        {
            nint n = Libc.sendto(fd, p, (nuint)bytes.Length, dontWait | noSignal, null, 0);
            return n < 0 ? new(0, Libc.LastError) : new((int)n, Errno.None);
        }
    }

    public void Close() => Files.Close(Fd);
}
