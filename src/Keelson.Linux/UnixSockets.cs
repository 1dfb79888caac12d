namespace Keelson.Linux;

/// <summary>Sockets of unix(7) that other programs listen on.</summary>
public static unsafe class UnixSockets
{
    private const int Stream = 1;
    private const int Datagram = 2;

    /// <summary>
    /// None when a program listens on the socket of this path. <see cref="Errno.NoEntry"/>: there is none;
    /// <see cref="Errno.ConnectionRefused"/>: it is left over, nobody listens. Does not wait.
    /// </summary>
    public static Errno Listens(ReadOnlySpan<byte> path)
    {
        Errno error = Connect(path, Datagram);
        if (error == Errno.WrongSocketType)
            error = Connect(path, Stream);
        // Its queue is full: who fills it has a reader.
        return error == Errno.Again ? Errno.None : error;
    }

    private static Errno Connect(ReadOnlySpan<byte> path, int type)
    {
        const int nonBlock = 0x800, closeOnExec = 0x80000;
        Span<byte> address = stackalloc byte[UnixAddress.Size];
        Errno error = UnixAddress.Write(path, address, out uint length);
        if (error != Errno.None)
            return error;
        int fd = Libc.socket(UnixAddress.Family, type | nonBlock | closeOnExec, 0);
        if (fd < 0)
            return Libc.LastError;
        fixed (byte* a = address)
            error = Libc.Check(Libc.connect(fd, a, length));
        Files.Close(fd);
        return error;
    }
}
