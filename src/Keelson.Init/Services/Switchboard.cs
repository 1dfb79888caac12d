// Services without a supervise/ directory are controlled over a socket instead. It is opened with the first of them. Only
// root and our own user are heard, and only from our own PID namespace. An answer is the status, 20 bytes, or nothing.
using Keelson.Linux;
using Keelson.Supervision;

namespace Keelson.Init.Services;

internal sealed class Switchboard : ISource
{
    private const int MessagesAtOnce = 16;

    private readonly Dictionary<(ulong, ulong), Supervised> _services = [];
    private readonly Datagram _socket;

    private Switchboard(Datagram socket) => _socket = socket;

    internal static Result<Switchboard?> Open(EventLoop loop)
    {
        Result<ByteString> address = UnixAddress.OfInit(SuperviseMessage.Address);
        if (!address.Ok)
            return new(null, address.Error);
        Result<Datagram?> socket = Datagram.Bind(address.Value.Span);
        if (socket.Value is null)
            return new(null, socket.Error);
        var board = new Switchboard(socket.Value);
        Errno error = loop.KeepWatching(socket.Value.Fd, board);
        if (error == Errno.None)
            return new(board, Errno.None);
        socket.Value.Close();
        return new(null, error);
    }

    internal void Add((ulong, ulong) directory, Supervised supervised) => _services[directory] = supervised;

    internal void Remove((ulong, ulong) directory) => _services.Remove(directory);

    void ISource.Ready(int fd)
    {
        Span<byte> message = stackalloc byte[SuperviseMessage.MaxRequest];
        Span<byte> record = stackalloc byte[ServiceStatus.Size];
        for (int i = 0; i < MessagesAtOnce; i++)
        {
            Result<int> n = _socket.Receive(message, out Sender sender);
            if (!n.Ok)
                return;
            if (sender.Pid == 0 || sender.User != 0 && sender.User != Processes.UserId ||
                !SuperviseMessage.ReadRequest(message[..n.Value], out (ulong, ulong) directory, out ReadOnlySpan<byte> letters))
                continue;
            if (!_services.TryGetValue(directory, out Supervised? supervised))
            {
                _ = _socket.Send([], back: true);
                continue;
            }
            foreach (byte letter in letters)
                supervised.Receive(letter);
            supervised.Status.Format(record);
            // Who does not read its answers misses them.
            _ = _socket.Send(record, back: true);
        }
    }
}
