namespace Keelson.Linux;

/// <summary>What svlogd needs of files below a directory's descriptor: the directory may be renamed while it logs.</summary>
public static unsafe class LogFiles
{
    public const int Read = 0;
    public const int Append = 0x1 | 0x40 | 0x400;
    public const int Rewrite = 0x1 | 0x40 | 0x200;
    public const int CreateRead = 0x40;
    private const int CloseOnExec = 0x80000;
    private const int NonBlock = 0x800;

    /// <summary>openat(2) with one of the constants above. Numbered 10 or more, so that a child's 3 to 5 are free.</summary>
    public static Result<int> Open(int directory, ReadOnlySpan<byte> name, int how, uint mode)
    {
        const int duplicateCloseOnExec = 1030;
        Span<byte> buffer = stackalloc byte[CString.Size];
        Errno error = CString.Write(name, buffer);
        if (error != Errno.None)
            return new(-1, error);
        fixed (byte* p = buffer)
        {
            int fd = Libc.openat(directory, p, how | CloseOnExec | NonBlock, mode);
            if (fd < 0)
                return new(-1, Libc.LastError);
            int high = Libc.fcntl(fd, duplicateCloseOnExec, 10);
            Errno problem = Libc.Check(high);
            _ = Libc.close(fd);
            return new(high, problem);
        }
    }

    public static Errno Rename(int directory, ReadOnlySpan<byte> from, ReadOnlySpan<byte> to)
    {
        Span<byte> a = stackalloc byte[CString.Size];
        Span<byte> b = stackalloc byte[CString.Size];
        Errno error = CString.Write(from, a);
        if (error == Errno.None)
            error = CString.Write(to, b);
        if (error != Errno.None)
            return error;
        fixed (byte* p = a)
        fixed (byte* q = b)
            return Libc.Check(Libc.renameat(directory, p, directory, q));
    }

    public static Errno Remove(int directory, ReadOnlySpan<byte> name)
    {
        Span<byte> buffer = stackalloc byte[CString.Size];
        Errno error = CString.Write(name, buffer);
        if (error != Errno.None)
            return error;
        fixed (byte* p = buffer)
            return Libc.Check(Libc.unlinkat(directory, p, 0));
    }

    /// <summary>On disk, then marked so: svlogd's sign that a file is whole is the owner's execute bit.</summary>
    public static Errno Settle(int fd)
    {
        Errno error = Libc.Check(Libc.fsync(fd));
        return error == Errno.None ? SetMode(fd, 0x1e4) : error;
    }

    public static Errno SetMode(int fd, uint mode) => Libc.Check(Libc.fchmod(fd, mode));

    /// <summary>flock(2), exclusive, not waiting: <see cref="Errno.Again"/> when another holds it.</summary>
    public static Errno Lock(int fd) => Libc.Check(Libc.flock(fd, 2 | 4));

    /// <summary>Waits until one of two descriptors (-1: none) is readable or the time, -1 for ever, is over (poll(2)).</summary>
    public static (bool First, bool Second) Wait(int first, int second, int milliseconds)
    {
        ulong* entries = stackalloc ulong[2];
        entries[0] = (uint)first | 1UL << 32;
        entries[1] = (uint)second | 1UL << 32;
        if (Libc.poll(entries, 2, milliseconds) <= 0)
            return (false, false);
        return (entries[0] >> 48 != 0, entries[1] >> 48 != 0);
    }

    /// <summary>A datagram socket, -1 without.</summary>
    public static int OpenUdp() => Libc.socket(2, 2 | NonBlock | CloseOnExec, 0);

    public static Errno Send(int socket, uint address, ushort port, ReadOnlySpan<byte> bytes)
    {
        // struct sockaddr_in: family, then port and address with their first byte first
        byte* to = stackalloc byte[16];
        new Span<byte>(to, 16).Clear();
        *(ushort*)to = 2;
        System.Buffers.Binary.BinaryPrimitives.WriteUInt16BigEndian(new Span<byte>(to + 2, 2), port);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(new Span<byte>(to + 4, 4), address);
        fixed (byte* p = bytes)
            return Libc.Check(Libc.sendto(socket, p, (nuint)bytes.Length, 0, to, 16));
    }
}
