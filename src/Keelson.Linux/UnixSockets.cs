using System.Buffers.Binary;

namespace Keelson.Linux;

/// <summary>Sockets of unix(7) that other programs listen on.</summary>
public static unsafe class UnixSockets
{
    private const int Unix = 1;
    private const int Stream = 1;
    private const int Datagram = 2;
    private const int AddressSize = 110;

    /// <summary>
    /// None when a program listens on the socket of this path. <see cref="Errno.NoEntry"/>: there is none;
    /// <see cref="Errno.ConnectionRefused"/>: it is left over, nobody listens. Does not wait.
    /// </summary>
    public static Errno Listens(ReadOnlySpan<byte> path)
    {
        if (path.Length > AddressSize - 3)
            return Errno.NameTooLong;
        Errno error = Connect(path, Datagram);
        if (error == Errno.WrongSocketType)
            error = Connect(path, Stream);
        // Its queue is full: who fills it has a reader.
        return error == Errno.Again ? Errno.None : error;
    }

    private static Errno Connect(ReadOnlySpan<byte> path, int type)
    {
        const int nonBlock = 0x800, closeOnExec = 0x80000;
        int fd = Libc.socket(Unix, type | nonBlock | closeOnExec, 0);
        if (fd < 0)
            return Libc.LastError;
        Span<byte> address = stackalloc byte[AddressSize];
        address.Clear();
        BinaryPrimitives.WriteUInt16LittleEndian(address, Unix);
        path.CopyTo(address[2..]);
        Errno error;
        fixed (byte* a = address)
            error = Libc.Check(Libc.connect(fd, a, (uint)(2 + path.Length + 1)));
        Files.Close(fd);
        return error;
    }
}
