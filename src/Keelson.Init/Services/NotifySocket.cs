// NOTIFY_SOCKET (sd_notify(3)): one for all services, opened with the first that has use for it. Whose a message is, is
// found by who sent it, for which the kernel vouches: the process itself, its session, its ancestors, or the mark in its
// environment. A process can write any mark there, that of another service too: only a sender that runs as the user of the
// service's ./run, or as root, is believed that. A sender that has ended before we look at it is nobody's; systemd-notify(1) and `keelson notify` wait.
using Keelson.Linux;
using Keelson.Supervision;

namespace Keelson.Init.Services;

internal sealed class NotifySocket : ISource
{
    private const int MessagesAtOnce = 32;
    private const int MostAncestors = 32;
    private const uint EverybodyWrites = 0x1b6; // 0666: services run as many users; who sent a message is checked

    private readonly ServiceSet _set;
    private readonly Datagram _socket;

    private NotifySocket(ServiceSet set, Datagram socket, ByteString address)
    {
        _set = set;
        _socket = socket;
        Variable = ByteString.Join("NOTIFY_SOCKET="u8, address.Span);
    }

    private static ReadOnlySpan<byte> Path => "/run/keelson/notify"u8;

    /// <summary>For the environment of services.</summary>
    internal ByteString Variable { get; }

    /// <summary>A path, which every network namespace sees; an abstract address where nothing can be written.</summary>
    internal static Result<NotifySocket?> Open(ServiceSet set)
    {
        var address = new ByteString(Path);
        Result<Datagram?> socket = OpenPath();
        if (socket.Value is null)
        {
            Result<ByteString> abstractly = UnixAddress.OfInit("keelson/notify"u8);
            if (!abstractly.Ok)
                return new(null, abstractly.Error);
            address = abstractly.Value;
            socket = Datagram.Bind(address.Span);
        }
        if (socket.Value is null)
            return new(null, socket.Error);
        var notify = new NotifySocket(set, socket.Value, address);
        Errno error = set.Loop.KeepWatching(socket.Value.Fd, notify);
        if (error == Errno.None)
            return new(notify, Errno.None);
        socket.Value.Close();
        return new(null, error);
    }

    /// <summary>Only process number 1 has the path: others, nested, have addresses of their own.</summary>
    private static Result<Datagram?> OpenPath()
    {
        if (Processes.OwnId != 1)
            return new(null, Errno.NotPermitted);
        Errno error = RunDirectory.Make();
        if (error != Errno.None)
            return new(null, error);
        // What a container left that was killed.
        _ = Files.Remove(Path);
        Result<Datagram?> socket = Datagram.Bind(Path);
        if (socket.Ok)
            _ = Files.ChangeMode(Path, EverybodyWrites);
        return socket;
    }

    void ISource.Ready(int fd) => Read();

    internal void Read()
    {
        Span<byte> text = stackalloc byte[NotifyMessage.MaxBytes];
        for (int i = 0; i < MessagesAtOnce; i++)
        {
            Result<int> n = _socket.Receive(text, out Sender sender);
            if (!n.Ok)
                return;
            if (sender.Pid > 0 && OwnerOf(sender) is { } owner)
                owner.Life?.Notified(NotifyMessage.Parse(text[..n.Value]));
        }
    }

    private Service? OwnerOf(Sender sender)
    {
        int pid = sender.Pid;
        Service? owner = null;
        int session = Processes.SessionOf(pid);
        for (int ancestor = pid, depth = 0; owner is null && ancestor > 1 && depth < MostAncestors; depth++)
        {
            owner = _set.Find(s => s.Main.IsProcess(ancestor));
            ancestor = Processes.ParentOf(ancestor);
        }
        if (owner is null && session > 0)
            owner = _set.Find(s => s.Main.Session == session);
        if (owner is null && _set.Leftovers.MarkOf(pid) is > 0 and var mark)
            owner = _set.Find(s => s.Main.Number == mark && (s.Main.IsMain(pid) || sender.User == 0 || sender.User == s.Main.User));
        return owner?.Conf.NotifyAccess switch
        {
            NotifyAccess.All => owner,
            NotifyAccess.Main when owner.Main.IsMain(pid) => owner,
            _ => null,
        };
    }
}
