namespace Keelson.Linux;

/// <summary>Who sent a datagram (SCM_CREDENTIALS, unix(7)); the process is 0 when it is in no PID namespace of ours.</summary>
public readonly record struct Sender(int Pid, uint User);

/// <summary>
/// A datagram socket of unix(7), at a path, or at an abstract address, which has @ in front and needs no file system at all.
/// </summary>
public sealed unsafe class Datagram
{
    private const int SocketLevel = 1;
    private const int DontWait = 0x40;
    private const int CloseOnExec = 0x40000000;

    private readonly byte[] _address = new byte[UnixAddress.Size];
    private uint _addressLength;

    private Datagram(int fd) => Fd = fd;

    public int Fd { get; }

    /// <summary>Receives at this address; <see cref="Errno.AddressInUse"/> when somebody does already.</summary>
    public static Result<Datagram?> Bind(ReadOnlySpan<byte> name) => Open(socket =>
    {
        const int passCredentials = 16;
        int on = 1;
        Errno error = Libc.Check(Libc.setsockopt(socket.Fd, SocketLevel, passCredentials, &on, sizeof(int)));
        fixed (byte* address = socket._address)
            return error != Errno.None ? error : Libc.Check(Libc.bind(socket.Fd, address, socket._addressLength));
    }, name);

    /// <summary>Speaks with the address; answers come back, because it has an address of its own that the kernel gave it.</summary>
    public static Result<Datagram?> Connect(ReadOnlySpan<byte> name) => Open(socket =>
    {
        ushort family = UnixAddress.Family;
        Errno error = Libc.Check(Libc.bind(socket.Fd, &family, sizeof(ushort)));
        fixed (byte* address = socket._address)
            return error != Errno.None ? error : Libc.Check(Libc.connect(socket.Fd, address, socket._addressLength));
    }, name);

    private static Result<Datagram?> Open(Func<Datagram, Errno> prepare, ReadOnlySpan<byte> name)
    {
        const int datagram = 2, nonBlock = 0x800, closeOnExec = 0x80000;
        int fd = Libc.socket(UnixAddress.Family, datagram | nonBlock | closeOnExec, 0);
        if (fd < 0)
            return new(null, Libc.LastError);
        var socket = new Datagram(fd);
        Errno error = UnixAddress.Write(name, socket._address, out socket._addressLength);
        if (error == Errno.None)
            error = prepare(socket);
        if (error == Errno.None)
            return new(socket, Errno.None);
        socket.Close();
        return new(null, error);
    }

    /// <summary>The next message, without waiting; the kernel vouches for the sender. What has no sender to answer to has user -1.</summary>
    public Result<int> Receive(Span<byte> message, out Sender sender)
    {
        // Room for the credentials, which come first, and for nothing else: descriptors that come along never become ours,
        // so there is none to leak, and none whose close(2) somebody else's file system could delay. The kernel lets go of
        // them, which tells the sender that the message has been read (sd_notify_barrier(3)).
        const int controlSize = 32;
        byte* control = stackalloc byte[controlSize];
        new Span<byte>(control, controlSize).Clear();
        var header = default(MessageHeader);
        var part = default(MessagePart);
        sender = new Sender(0, uint.MaxValue);
        fixed (byte* text = message)
        fixed (byte* from = _address)
        {
            part.Start = text;
            part.Length = (nuint)message.Length;
            header.Name = from;
            header.NameLength = UnixAddress.Size;
            header.Parts = &part;
            header.PartCount = 1;
            header.Control = control;
            header.ControlLength = controlSize;
            nint n = Libc.recvmsg(Fd, &header, DontWait | CloseOnExec);
            if (n < 0)
                return new(0, Libc.LastError);
            _addressLength = header.NameLength;
            // struct cmsghdr: length 8, level 4, type 4; then struct ucred: process, user, group
            const int credentials = 2, withCredentials = 28;
            if (header.ControlLength >= withCredentials && *(int*)(control + 8) == SocketLevel && *(int*)(control + 12) == credentials)
                sender = new Sender(*(int*)(control + 16), *(uint*)(control + 20));
            return new((int)n, Errno.None);
        }
    }

    /// <summary>Sends to who is connected or, after <see cref="Receive"/>, back to the sender, without waiting.</summary>
    public Errno Send(ReadOnlySpan<byte> message, bool back = false)
    {
        fixed (byte* text = message)
        fixed (byte* to = _address)
            return Libc.Check(Libc.sendto(Fd, text, (nuint)message.Length, DontWait, back ? to : null, back ? _addressLength : 0));
    }

    public void Close() => Files.Close(Fd);
}
