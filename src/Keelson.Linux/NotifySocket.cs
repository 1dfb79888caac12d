namespace Keelson.Linux;

/// <summary>The sending side of sd_notify(3): datagrams to the address in $NOTIFY_SOCKET.</summary>
public static unsafe class NotifySocket
{
    private const int SocketLevel = 1;
    private const int RightsSize = 24; // CMSG_SPACE(sizeof(int))

    /// <summary>
    /// Sends one message, assignments with newlines between them. Waits for room in the receiver's queue for so many
    /// milliseconds at most, then <see cref="Errno.TimedOut"/>.
    /// </summary>
    /// <param name="address">A path, or an abstract name with @ in front.</param>
    /// <param name="message">The assignments.</param>
    /// <param name="milliseconds">How long to wait.</param>
    /// <param name="descriptor">What the receiver gets along with it (SCM_RIGHTS); negative: nothing.</param>
    public static Errno Send(ReadOnlySpan<byte> address, ReadOnlySpan<byte> message, int milliseconds, int descriptor = -1)
    {
        const int datagram = 2, closeOnExec = 0x80000, noSignal = 0x4000, rights = 1, rightsLength = 20;
        byte* to = stackalloc byte[UnixAddress.Size];
        Errno error = UnixAddress.Write(address, new Span<byte>(to, UnixAddress.Size), out uint length);
        if (error != Errno.None)
            return error;
        int fd = Libc.socket(UnixAddress.Family, datagram | closeOnExec, 0);
        if (fd < 0)
            return Libc.LastError;
        error = SocketTimeout.ToSend(fd, milliseconds);
        byte* control = stackalloc byte[RightsSize];
        new Span<byte>(control, RightsSize).Clear();
        fixed (byte* text = message)
        {
            var part = new MessagePart { Start = text, Length = (nuint)message.Length };
            var header = new MessageHeader { Name = to, NameLength = length, Parts = &part, PartCount = 1 };
            if (descriptor >= 0)
            {
                // struct cmsghdr: length 8, level 4, type 4; then the descriptor
                *(ulong*)control = rightsLength;
                *(int*)(control + 8) = SocketLevel;
                *(int*)(control + 12) = rights;
                *(int*)(control + 16) = descriptor;
                header.Control = control;
                header.ControlLength = RightsSize;
            }
            if (error == Errno.None)
                error = Libc.Check(Libc.sendmsg(fd, &header, noSignal));
        }
        Files.Close(fd);
        return SocketTimeout.Meant(error);
    }

    /// <summary>
    /// Waits until the receiver has read all that was sent before: sends BARRIER=1 with a pipe's end, and waits until
    /// nobody holds that any more (sd_notify_barrier(3)). <see cref="Errno.TimedOut"/> after so many milliseconds.
    /// </summary>
    public static Errno Barrier(ReadOnlySpan<byte> address, int milliseconds)
    {
        Errno error = Pipes.Create(out int readEnd, out int writeEnd);
        if (error != Errno.None)
            return error;
        long end = Clock.Milliseconds + milliseconds;
        error = Send(address, "BARRIER=1"u8, milliseconds, writeEnd);
        Files.Close(writeEnd);
        if (error == Errno.None && !LogFiles.Wait(readEnd, -1, (int)Math.Max(end - Clock.Milliseconds, 0)).First)
            error = Errno.TimedOut;
        Files.Close(readEnd);
        return error;
    }
}
