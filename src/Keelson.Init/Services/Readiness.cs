// The sign by which one start of ./run is ready: READY=1 (Type=notify), a newline on the descriptor that the file
// notification-fd names (s6), somebody listening on X-ReadySocket=, or ./check ending with 0 (runit's sv). Without any of
// them a service is ready as soon as it runs.
//
// ./check has to be asked again and again, and so has a socket that exists already and does not listen yet; both only
// until the service is ready.
using System.Buffers.Text;
using System.Globalization;
using Keelson.Linux;
using Keelson.Supervision;

namespace Keelson.Init.Services;

internal sealed class Readiness : ISource, IParent
{
    private const long FirstPauseMilliseconds = 20;
    private const long LongestPauseMilliseconds = 1000;
    private const int HighestDescriptor = 1023;

    private readonly Supervised _main;
    private readonly ServiceSet _set;
    private readonly ServiceConf _conf;
    private readonly Action _ready;
    private readonly Timer _again;
    private long _pause;
    private int _pipe = -1;
    private int _watch = -1;
    private int _checkPid;
    private bool _begun;

    /// <param name="ready">Called once for each <see cref="Begin"/>, unless <see cref="Cancel"/> came first.</param>
    internal Readiness(Supervised main, ServiceSet set, ServiceConf conf, Action ready)
    {
        _main = main;
        _set = set;
        _conf = conf;
        _ready = ready;
        _again = new Timer(Look);
    }

    /// <summary>The descriptor that ./run gets for it (the file notification-fd), 0 for none.</summary>
    internal int Descriptor { get; private set; }

    /// <summary>Our write end of it, to be given to ./run.</summary>
    internal int WriteEnd { get; private set; } = -1;

    /// <summary>What is waited for, for messages.</summary>
    internal string WaitsFor =>
        _conf.Type == ServiceType.OneShot ? "./run to end"
        : _conf.Type == ServiceType.Notify ? "READY=1 at NOTIFY_SOCKET"
        : Descriptor > 0 ? string.Create(CultureInfo.InvariantCulture, $"a newline on descriptor {Descriptor} (notification-fd)")
        : _conf.ReadySocket.Length > 0 ? $"somebody to listen on {_conf.ReadySocket}"
        : "./check to end with 0";

    /// <summary>Before ./run is started: looks what sign there will be.</summary>
    internal void Prepare()
    {
        Cancel();
        Descriptor = 0;
        if (_conf.Type == ServiceType.Simple && _main.ReadSmall("notification-fd"u8) is { } text)
            OpenPipe(text);
    }

    /// <summary>./run runs.</summary>
    internal void Begin()
    {
        CloseWriteEnd();
        _begun = true;
        _pause = FirstPauseMilliseconds;
        if (_conf.Type != ServiceType.Simple || Descriptor > 0)
            return;
        if (_conf.ReadySocket.Length > 0)
        {
            _watch = _set.Watches.Add(this, ByteString.Of(_conf.ReadySocket));
            Look();
        }
        else if (_main.HasExecutable("check"u8))
        {
            Look();
        }
        else
        {
            BeReady();
        }
    }

    /// <summary>READY=1 came, or a oneshot has done its work.</summary>
    internal void BeReady()
    {
        if (!_begun)
            return;
        Cancel();
        _ready();
    }

    internal void Cancel()
    {
        _begun = false;
        _set.Loop.Timers.Cancel(_again);
        CloseWriteEnd();
        if (_pipe >= 0)
        {
            _set.Loop.Unwatch(_pipe);
            Files.Close(_pipe);
            _pipe = -1;
        }
        if (_watch >= 0)
            _set.Watches.Remove(this, _watch);
        _watch = -1;
        if (_checkPid > 0)
            _ = Signals.Send(-_checkPid, Signal.Kill);
    }

    /// <summary>Something came or went beside the socket.</summary>
    internal void DirectoryChanged() => Look();

    private void OpenPipe(byte[] text)
    {
        ReadOnlySpan<byte> number = text.AsSpan().TrimEnd("\r\n \t"u8);
        if (!Utf8Parser.TryParse(number, out int descriptor, out int used) || used != number.Length || descriptor is 0 or 2 or < 0 or > HighestDescriptor)
        {
            Log.Warn($"{_main.Path}/notification-fd holds no number of a descriptor; write one from 3 to {HighestDescriptor}. The service counts as ready as soon as it runs");
            return;
        }
        Errno error = Pipes.Create(out int readEnd, out int writeEnd);
        if (error == Errno.None)
            error = Pipes.SetNonBlocking(readEnd);
        if (error == Errno.None)
            error = _set.Loop.Watch(readEnd, this);
        if (error != Errno.None)
        {
            Log.Warn($"{_main.Path}/notification-fd: cannot make a pipe: {error.Words()}; the service counts as ready as soon as it runs");
            Files.Close(readEnd);
            Files.Close(writeEnd);
            return;
        }
        Descriptor = descriptor;
        _pipe = readEnd;
        WriteEnd = writeEnd;
    }

    private void CloseWriteEnd()
    {
        Files.Close(WriteEnd);
        WriteEnd = -1;
    }

    /// <summary>The pipe of notification-fd has something.</summary>
    void ISource.Ready(int fd)
    {
        Span<byte> buffer = stackalloc byte[256];
        while (_pipe >= 0)
        {
            Result<int> n = Files.Read(fd, buffer);
            if (!n.Ok)
                return;
            if (n.Value > 0 && buffer[..n.Value].Contains((byte)'\n'))
            {
                BeReady();
                return;
            }
            if (n.Value > 0)
                continue;
            // Closed without a word: never ready, and the time-out says so.
            _set.Loop.Unwatch(_pipe);
            Files.Close(_pipe);
            _pipe = -1;
        }
    }

    private void Look()
    {
        if (!_begun || _checkPid > 0)
            return;
        if (_conf.ReadySocket.Length == 0)
        {
            Result<int> check = _main.StartHelper("./check"u8, this);
            _checkPid = check.Value;
            if (!check.Ok)
                LookAgain();
            return;
        }
        Errno error = UnixSockets.Listens(ByteString.Of(_conf.ReadySocket).Span);
        if (error == Errno.None)
            BeReady();
        else if (error != Errno.NoEntry || _watch < 0)
            LookAgain();
    }

    private void LookAgain()
    {
        _set.Loop.Timers.Arm(_again, _set.Loop.Now + _pause);
        _pause = Math.Min(_pause * 2, LongestPauseMilliseconds);
    }

    /// <summary>./check has ended.</summary>
    void IParent.Ended(int pid, WaitStatus status)
    {
        _checkPid = 0;
        if (!_begun)
            return;
        if (status is { Exited: true, ExitCode: 0 })
            BeReady();
        else
            LookAgain();
    }
}
