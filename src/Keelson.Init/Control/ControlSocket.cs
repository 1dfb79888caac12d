// The control socket: `keelson status`, `events` and `health` ask here. Only root, our own user and the group keelson are
// heard. A request is one short line, an answer is made at once and sent as the client takes it; nobody waits for a client,
// and one that does not read, or says nothing, is dropped.
using System.Text;
using Keelson.Init.Services;
using Keelson.Linux;
using Keelson.Supervision;

namespace Keelson.Init.Control;

public sealed class ControlSocket : ISource
{
    private const int MostClients = 16;
    private const int AcceptedAtOnce = 8;
    private const long PatienceMilliseconds = 5000;
    private const long RestMilliseconds = 500;

    /// <summary>More than 1,000 services and a whole journal need.</summary>
    private const int MostBuffered = 1024 * 1024;

    private const uint GroupMayConnect = 0x1b0; // 0660

    private readonly EventLoop _loop;
    private readonly ServiceSet _services;
    private readonly Listener _listener;
    private readonly List<Client> _clients = [];
    private readonly uint? _group;
    private readonly Timer _goOn;

    private ControlSocket(EventLoop loop, ServiceSet services, Listener listener, uint? group)
    {
        _loop = loop;
        _services = services;
        _listener = listener;
        _group = group;
        _goOn = new Timer(() => _loop.KeepWatching(_listener.Fd, this));
    }

    /// <summary>Opens it at its path, or where nothing can be written at an abstract address. An error is reported and changes nothing else.</summary>
    public static void Open(EventLoop loop, ServiceSet services)
    {
        uint? group = Users.GroupId(ControlMessage.Group);
        Result<Listener?> listener = OpenPath(group);
        if (listener.Value is null)
        {
            Result<ByteString> address = UnixAddress.OfInit(ControlMessage.Purpose);
            listener = address.Ok ? Listener.Open(address.Value.Span) : new(null, address.Error);
        }
        Errno error = listener.Error;
        if (listener.Value is not null)
        {
            error = loop.KeepWatching(listener.Value.Fd, new ControlSocket(loop, services, listener.Value, group));
            if (error != Errno.None)
                listener.Value.Close();
        }
        if (error != Errno.None)
            Log.Warn($"cannot open the control socket: {error.Words()}; keelson status, events and health do not work, everything else does");
    }

    private static Result<Listener?> OpenPath(uint? group)
    {
        if (Processes.OwnId != 1)
            return new(null, Errno.NotPermitted);
        ReadOnlySpan<byte> path = ControlMessage.Path;
        Errno error = RunDirectory.Make();
        if (error != Errno.None)
        {
            if (error == Errno.NotPermitted)
                Log.Warn("/run/keelson can be written by others than root; the sockets of process 1 have abstract addresses instead. Remove it, or chown root and chmod 755 it, before the container starts");
            return new(null, error);
        }
        _ = Files.Remove(path);
        Result<Listener?> listener = Listener.Open(path);
        if (listener.Ok)
            _ = Files.SetAccess(path, GroupMayConnect, Processes.UserId, group ?? Processes.GroupId);
        return listener;
    }

    /// <summary>Somebody connects.</summary>
    void ISource.Ready(int fd)
    {
        for (int i = 0; i < AcceptedAtOnce; i++)
        {
            Result<int> client = _listener.Accept(out Peer peer);
            if (!client.Ok)
            {
                // Out of descriptors or memory: who connected stays in the queue, and keeps the loop awake for nothing.
                if (client.Error is not (Errno.Again or Errno.Interrupted))
                    Rest();
                return;
            }
            if (!IsHeard(client.Value, peer))
            {
                Refuse(client.Value, "only root and members of the group keelson may ask");
                continue;
            }
            if (_clients.Count >= MostClients)
            {
                Refuse(client.Value, "too many ask at once; try again");
                continue;
            }
            var served = new Client(this, client.Value);
            _clients.Add(served);
            served.Begin();
        }
    }

    private void Rest()
    {
        _loop.Unwatch(_listener.Fd);
        _loop.Timers.Arm(_goOn, _loop.Now + RestMilliseconds);
    }

    private bool IsHeard(int fd, Peer peer) =>
        peer.Pid != 0 && (peer.User == 0 || peer.User == Processes.UserId || _group is { } group && (peer.Group == group || Listener.PeerHasGroup(fd, group)));

    private static void Refuse(int fd, string why)
    {
        _ = Listener.Send(fd, Encoding.UTF8.GetBytes(ControlMessage.Line(ControlMessage.ErrorWord, why)));
        Files.Close(fd);
    }

    private string Answer(ControlRequest request)
    {
        var text = new StringBuilder();
        switch (request)
        {
            case ControlRequest.Status:
                foreach (ServiceReport report in _services.Reports())
                    text.Append(ControlMessage.Format(report));
                break;
            case ControlRequest.Health:
                foreach (string complaint in _services.Complaints())
                    text.Append(ControlMessage.Line("unwell", complaint));
                break;
            default:
                text.Append(ControlMessage.FormatBoot(Journal.BeginSeconds, Journal.Now, Journal.Dropped));
                foreach (JournalEntry entry in Journal.All)
                    text.Append(ControlMessage.Format(entry));
                break;
        }
        if (request != ControlRequest.Follow)
            text.Append(ControlMessage.Line("end"));
        return text.ToString();
    }

    private void Left(Client client)
    {
        _clients.Remove(client);
        if (!_clients.Exists(c => c.Follows))
            Journal.Added = null;
    }

    private void Tell(JournalEntry entry)
    {
        byte[] line = Encoding.UTF8.GetBytes(ControlMessage.Format(entry));
        foreach (Client client in _clients.ToArray())
        {
            if (client.Follows)
                client.Write(line);
        }
    }

    /// <summary>One that asks: reads a line, then writes an answer, then is gone; who follows stays.</summary>
    private sealed class Client : ISource
    {
        private readonly ControlSocket _socket;
        private readonly int _fd;
        private readonly Timer _patience;
        private readonly byte[] _request = new byte[ControlMessage.MaxRequest];
        private readonly ByteBuilder _out = new();
        private int _length;
        private int _sent;
        private bool _isAnswering;
        private bool _isWaiting;

        internal Client(ControlSocket socket, int fd)
        {
            _socket = socket;
            _fd = fd;
            _patience = new Timer(Close);
        }

        internal void Begin()
        {
            BePatient();
            if (_socket._loop.Watch(_fd, this) != Errno.None)
                Close();
        }

        private void BePatient() => _socket._loop.Timers.Arm(_patience, _socket._loop.Now + PatienceMilliseconds);

        internal bool Follows { get; private set; }

        void ISource.Ready(int fd)
        {
            if (_isWaiting)
                Flush();
            else if (_isAnswering)
                ReadTheEnd();
            else
                ReadRequest();
        }

        private void ReadRequest()
        {
            Result<int> n = Files.Read(_fd, _request.AsSpan(_length));
            if (n.Error == Errno.Again)
                return;
            _length += n.Value;
            int newline = _request.AsSpan(0, _length).IndexOf((byte)'\n');
            if (newline < 0 && n.Value > 0 && _length < _request.Length)
                return;
            _isAnswering = true;
            if (newline >= 0 && ControlMessage.Request(_request.AsSpan(0, newline)) is { } request)
            {
                Follows = request == ControlRequest.Follow;
                if (Follows)
                    Journal.Added = _socket.Tell;
                Write(Encoding.UTF8.GetBytes(_socket.Answer(request)));
            }
            else if (n.Value > 0)
            {
                Write(Encoding.UTF8.GetBytes(ControlMessage.Line(ControlMessage.ErrorWord, "no such request")));
            }
            else
            {
                Close();
            }
        }

        /// <summary>Who follows has nothing more to say: only that it goes.</summary>
        private void ReadTheEnd()
        {
            Span<byte> rest = stackalloc byte[64];
            Result<int> n = Files.Read(_fd, rest);
            if (n.Error != Errno.Again)
                Close();
        }

        internal void Write(ReadOnlySpan<byte> bytes)
        {
            if (_out.Length - _sent + bytes.Length > MostBuffered)
            {
                Close();
                return;
            }
            _out.Append(bytes);
            if (!_isWaiting)
                Flush();
        }

        private void Flush()
        {
            while (_sent < _out.Length)
            {
                Result<int> n = Listener.Send(_fd, _out.Span[_sent..]);
                if (n.Error == Errno.Again)
                {
                    WaitFor(writable: true);
                    return;
                }
                if (!n.Ok)
                {
                    Close();
                    return;
                }
                _sent += n.Value;
                BePatient();
            }
            _out.Clear();
            _sent = 0;
            if (!Follows)
            {
                Close();
                return;
            }
            _socket._loop.Timers.Cancel(_patience);
            WaitFor(writable: false);
        }

        private void WaitFor(bool writable)
        {
            if (_isWaiting == writable)
                return;
            _isWaiting = writable;
            _socket._loop.Unwatch(_fd);
            if (_socket._loop.Watch(_fd, this, writable) != Errno.None)
                Close();
            else if (writable)
                BePatient();
        }

        private void Close()
        {
            _socket._loop.Timers.Cancel(_patience);
            _socket._loop.Unwatch(_fd);
            Files.Close(_fd);
            Follows = false;
            _socket.Left(this);
        }
    }
}
