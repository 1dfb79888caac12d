using System.Buffers.Binary;

namespace Keelson.Linux;

/// <summary>
/// A stream to a server, for commands that ask one thing and end. Each call waits until the deadline at most, a time of
/// <see cref="Clock.Milliseconds"/>, and returns <see cref="Errno.TimedOut"/> then.
/// </summary>
public sealed unsafe class Connection
{
    private const int Stream = 1;
    private const int CloseOnExec = 0x80000;
    private const int NoSignal = 0x4000;
    private const int SmallestIp6 = 28;

    private readonly int _fd;

    private Connection(int fd) => _fd = fd;

    /// <summary>Connects by TCP.</summary>
    /// <param name="address">4 bytes of IPv4 or 16 of IPv6, the first one first.</param>
    /// <param name="port">The port.</param>
    /// <param name="deadline">See above.</param>
    public static Result<Connection?> ToInternet(ReadOnlySpan<byte> address, ushort port, long deadline)
    {
        const ushort ip4 = 2, ip6 = 10;
        bool isIp6 = address.Length == 16;
        // struct sockaddr_in: family 2, port 2, address 4; sockaddr_in6: family 2, port 2, flow 4, address 16, scope 4
        Span<byte> to = stackalloc byte[SmallestIp6];
        to.Clear();
        BinaryPrimitives.WriteUInt16LittleEndian(to, isIp6 ? ip6 : ip4);
        BinaryPrimitives.WriteUInt16BigEndian(to[2..], port);
        address.CopyTo(to[(isIp6 ? 8 : 4)..]);
        return Open(isIp6 ? ip6 : ip4, isIp6 ? to : to[..16], deadline);
    }

    /// <summary>Connects to a stream socket of unix(7): a path, or an abstract name with @ in front.</summary>
    public static Result<Connection?> ToUnix(ReadOnlySpan<byte> name, long deadline)
    {
        Span<byte> to = stackalloc byte[UnixAddress.Size];
        Errno error = UnixAddress.Write(name, to, out uint length);
        return error == Errno.None ? Open(UnixAddress.Family, to[..(int)length], deadline) : new(null, error);
    }

    private static Result<Connection?> Open(int family, ReadOnlySpan<byte> to, long deadline)
    {
        int fd = Libc.socket(family, Stream | CloseOnExec, 0);
        if (fd < 0)
            return new(null, Libc.LastError);
        Errno error = SocketTimeout.ToSend(fd, deadline - Clock.Milliseconds);
        fixed (byte* address = to)
        {
            if (error == Errno.None)
                error = SocketTimeout.Meant(Libc.Check(Libc.connect(fd, address, (uint)to.Length)));
        }
        if (error == Errno.None)
            return new(new Connection(fd), Errno.None);
        Files.Close(fd);
        return new(null, error);
    }

    /// <summary>Sends all of it.</summary>
    public Errno Send(ReadOnlySpan<byte> bytes, long deadline)
    {
        while (!bytes.IsEmpty)
        {
            Errno error = SocketTimeout.ToSend(_fd, deadline - Clock.Milliseconds);
            if (error != Errno.None)
                return error;
            nint n;
            fixed (byte* p = bytes)
                n = Libc.sendto(_fd, p, (nuint)bytes.Length, NoSignal, null, 0);
            error = Libc.Check(n);
            if (error is not (Errno.None or Errno.Interrupted))
                return SocketTimeout.Meant(error);
            bytes = bytes[(int)Math.Max(n, 0)..];
        }
        return Errno.None;
    }

    /// <summary>Receives something; 0 when the other side is done.</summary>
    public Result<int> Receive(Span<byte> buffer, long deadline)
    {
        while (true)
        {
            Errno error = SocketTimeout.ToReceive(_fd, deadline - Clock.Milliseconds);
            if (error != Errno.None)
                return new(0, error);
            nint n;
            fixed (byte* p = buffer)
                n = Libc.recv(_fd, p, (nuint)buffer.Length, 0);
            error = Libc.Check(n);
            if (error != Errno.Interrupted)
                return new((int)Math.Max(n, 0), SocketTimeout.Meant(error));
        }
    }

    public void Close() => Files.Close(_fd);
}
