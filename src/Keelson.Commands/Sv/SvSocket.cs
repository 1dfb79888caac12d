// sv and a supervisor that has no file system to write to: see SuperviseMessage.
using Keelson.Linux;
using Keelson.Supervision;

namespace Keelson.Commands.Sv;

internal static class SvSocket
{
    private const int PatienceMilliseconds = 5000;

    /// <summary>
    /// Gives the letters, if any, to the service whose directory it is, and asks for its status. False when nobody listens,
    /// or nobody knows the service.
    /// </summary>
    internal static bool Ask(ReadOnlySpan<byte> directory, ReadOnlySpan<byte> letters, out ServiceStatus status)
    {
        status = default;
        Result<FileStatus> identity = Files.Status(directory);
        Result<Datagram?> socket = Datagram.Connect(UnixAddress.OfInit(SuperviseMessage.Address).Value.Span);
        if (!identity.Ok || socket.Value is null)
        {
            socket.Value?.Close();
            return false;
        }
        Span<byte> message = stackalloc byte[SuperviseMessage.MaxRequest];
        int length = SuperviseMessage.WriteRequest(message, identity.Value.Device, identity.Value.Inode, letters);
        bool answered = socket.Value.Send(message[..length]) == Errno.None && Pipes.HasData(socket.Value.Fd, PatienceMilliseconds);
        Result<int> n = answered ? socket.Value.Receive(message, out _) : new(0, Errno.Again);
        socket.Value.Close();
        if (n.Value < ServiceStatus.Size)
            return false;
        status = ServiceStatus.Parse(message);
        return true;
    }
}
