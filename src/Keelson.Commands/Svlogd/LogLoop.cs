using Keelson.Linux;

namespace Keelson.Commands.Svlogd;

/// <summary>What the command line says of lines. Replacement 0: nothing is replaced.</summary>
internal readonly record struct LineOptions(int Length, int Stamps, byte Replacement, ByteString Others);

internal sealed class LogLoop(ByteString[] names, LineOptions options, bool verbose, List<ByteString> environment)
{
    private const int ReadSize = 64 * 1024;
    private readonly List<LogDirectory> _logs = [];
    private readonly byte[] _in = new byte[ReadSize + options.Length];
    private readonly byte[] _out = new byte[ReadSize];
    private readonly byte[] _stamp = new byte[TimeStamp.TaiLength + 1];
    private readonly bool[] _replace = new bool[256];
    private int _held;
    private int _filled;
    private bool _inLongLine;
    private bool _ended;
    private bool _alarm;
    private SignalFd? _signals;
    private int _udp = -1;

    public bool Verbose => verbose;
    public int LineLength => options.Length;
    public List<ByteString> Environment => environment;

    /// <summary>TERM has come.</summary>
    public bool Stops { get; private set; }

    /// <summary>HUP has come, and the directories are still to be opened anew.</summary>
    public bool HungUp { get; private set; }

    public int Run()
    {
        var wanted = new SignalSet(1UL << (int)Signal.Hup - 1 | 1UL << (int)Signal.Term - 1 | 1UL << (int)Signal.Alrm - 1 | 1UL << (int)Signal.Child - 1);
        _signals = SignalFd.Open(wanted).Value;
        // The others end a svlogd as they would any program.
        Signals.Mask = wanted;
        for (int i = 0; i < 256; i++)
            _replace[i] = options.Replacement != 0 && (i < 32 || i > 126 || options.Others.Span.Contains((byte)i));
        if (_signals is null || !OpenAll())
            return Say.Fail(111, "svlogd: fatal: no functional log directories.");
        while (!Stops && !_ended)
            Step();
        Finish();
        return 0;
    }

    private bool OpenAll()
    {
        HungUp = false;
        foreach (LogDirectory log in _logs)
            log.Close();
        _logs.Clear();
        foreach (ByteString name in names)
        {
            if (LogDirectory.Open(name, this) is { } log)
                _logs.Add(log);
        }
        return _logs.Count > 0;
    }

    private void Step()
    {
        long next = long.MaxValue;
        foreach (LogDirectory log in _logs)
            next = Math.Min(next, log.RotateAt);
        int patience = next == long.MaxValue ? -1 : (int)Math.Clamp(next - Clock.Milliseconds, 0, 1_000_000);
        (bool input, bool signal) = LogFiles.Wait(Stdio.In, _signals!.Fd, patience);
        foreach (LogDirectory log in _logs)
        {
            if (log.RotateAt <= Clock.Milliseconds)
                log.Rotate();
        }
        if (signal)
            ReadSignals();
        Obey();
        if (!input || Stops)
            return;
        Result<int> n = Files.Read(Stdio.In, _in.AsSpan(_held, ReadSize));
        if (n.Ok && n.Value > 0)
            Take(_held + n.Value);
        else if (n.Ok || n.Error != Errno.Again)
            _ended = true;
    }

    /// <summary>Waits for a signal, or so many milliseconds (-1: for ever), and notes what has come. HUP and ALRM are obeyed later.</summary>
    public void WaitForSignal(int milliseconds)
    {
        if (LogFiles.Wait(-1, _signals!.Fd, milliseconds).Second)
            ReadSignals();
    }

    /// <summary>Does nothing for so long, whatever comes.</summary>
    public static void Sleep(int milliseconds) => _ = LogFiles.Wait(-1, -1, milliseconds);

    private void ReadSignals()
    {
        Span<ReceivedSignal> received = stackalloc ReceivedSignal[8];
        int count = _signals!.Read(received);
        foreach (ReceivedSignal signal in received[..count])
        {
            if (verbose)
                Say.Error($"svlogd: info: {(signal.Signal switch { Signal.Term => "sigterm", Signal.Hup => "sighangup", Signal.Alrm => "sigalarm", _ => "sigchild" })} received.\n");
            Stops |= signal.Signal == Signal.Term;
            HungUp |= signal.Signal == Signal.Hup;
            _alarm |= signal.Signal == Signal.Alrm;
            if (signal.Signal == Signal.Child)
                Reap();
        }
    }

    private void Obey()
    {
        if (HungUp && !OpenAll())
            Processes.Exit(Say.Fail(111, "svlogd: fatal: no functional log directories."));
        if (!_alarm)
            return;
        _alarm = false;
        foreach (LogDirectory log in _logs)
            log.Rotate();
    }

    private void Reap()
    {
        for (Result<int> pid = Reaper.Next(out WaitStatus status); pid.Value > 0; pid = Reaper.Next(out status))
        {
            foreach (LogDirectory log in _logs)
                log.ChildEnded(pid.Value, status);
        }
    }

    private void Finish()
    {
        if (_ended && (_held > 0 || _inLongLine))
        {
            // Nobody will finish the last line. (runit drops it.)
            _in[_held] = (byte)'\n';
            Take(_held + 1);
        }
        else if (_held > 0)
        {
            // After TERM the next svlogd gets the rest of it.
            LogAll(_in.AsSpan(0, _held));
        }
        foreach (LogDirectory log in _logs)
            log.Close();
    }

    /// <summary>Logs what has come; keeps a line that is shorter than the line length and has no end yet.</summary>
    private void Take(int length)
    {
        ReadOnlySpan<byte> all = _in.AsSpan(0, length);
        if (options.Replacement != 0)
            Replace(_in.AsSpan(_held, length - _held));
        int whole = all.LastIndexOf((byte)'\n') + 1;
        if (_inLongLine && whole == 0 || length - whole >= options.Length)
            whole = length;
        LogAll(all[..whole]);
        if (whole > 0)
            _inLongLine = all[whole - 1] != '\n';
        all[whole..].CopyTo(_in);
        _held = length - whole;
    }

    private void LogAll(ReadOnlySpan<byte> text)
    {
        foreach (LogDirectory log in _logs)
            Log(log, text);
    }

    private void Replace(Span<byte> bytes)
    {
        foreach (ref byte b in bytes)
        {
            if (b != '\n' && _replace[b])
                b = options.Replacement;
        }
    }

    private void Log(LogDirectory log, ReadOnlySpan<byte> text)
    {
        Config config = log.Config;
        if (options.Stamps == 0 && config.Prefix.Length == 0 && config.Patterns.Count == 0 && !config.Udp && !config.UdpOnly)
        {
            log.Write(text);
            return;
        }
        bool inside = _inLongLine;
        while (!text.IsEmpty)
        {
            int end = text.IndexOf((byte)'\n');
            ReadOnlySpan<byte> line = end < 0 ? text : text[..(end + 1)];
            text = text[line.Length..];
            if (!inside)
                Begin(log, line);
            if (log.Selected && log.Writes)
                Put(log, line);
            inside = end < 0;
        }
        Flush(log);
    }

    private void Begin(LogDirectory log, ReadOnlySpan<byte> line)
    {
        bool cut = line.Length > options.Length;
        ReadOnlySpan<byte> head = cut ? line[..options.Length] : line.TrimEnd((byte)'\n');
        Select(log, head);
        ReadOnlySpan<byte> stamp = Stamp();
        if (log.Selected && log.Writes)
        {
            Put(log, stamp);
            Put(log, log.Config.Prefix.Span);
        }
        bool send = log.Selected && log.Config.Udp;
        if (!log.ToError && !send)
            return;
        var whole = new ByteBuilder();
        whole.Append(stamp);
        whole.Append(log.Config.Prefix.Span);
        whole.Append(head);
        whole.Append(cut ? "...\n"u8 : "\n"u8);
        byte[] bytes = whole.ToArray();
        if (log.ToError)
            Stdio.Write(Stdio.Error, bytes);
        if (send)
            Send(log, bytes);
    }

    private void Send(LogDirectory log, byte[] bytes)
    {
        if (_udp < 0)
            _udp = LogFiles.OpenUdp();
        if (LogFiles.Send(_udp, log.Config.Address, log.Config.Port, bytes) == Errno.None)
            return;
        Put(log, "warning: failure sending through udp: "u8);
        Put(log, bytes);
    }

    private static void Select(LogDirectory log, ReadOnlySpan<byte> head)
    {
        (log.Selected, log.ToError) = (true, false);
        foreach (ByteString rule in log.Config.Patterns)
        {
            byte kind = rule.Span[0];
            if (!Pattern.Matches(rule.Span[1..], head))
                continue;
            if (kind is (byte)'+' or (byte)'-')
                log.Selected = kind == '+';
            else
                log.ToError = kind == 'e';
        }
    }

    private ReadOnlySpan<byte> Stamp()
    {
        if (options.Stamps == 0)
            return default;
        (long seconds, uint nanoseconds) = Clock.TimeOfDay;
        if (options.Stamps == 1)
            TimeStamp.Tai(_stamp, seconds, nanoseconds);
        else
            TimeStamp.Date(_stamp, seconds, nanoseconds, options.Stamps == 2 ? (byte)'_' : (byte)'T');
        _stamp[^1] = (byte)' ';
        return _stamp;
    }

    private void Put(LogDirectory log, ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            if (_filled == _out.Length)
                Flush(log);
            int n = Math.Min(bytes.Length, _out.Length - _filled);
            bytes[..n].CopyTo(_out.AsSpan(_filled));
            _filled += n;
            bytes = bytes[n..];
        }
    }

    private void Flush(LogDirectory log)
    {
        log.Write(_out.AsSpan(0, _filled));
        _filled = 0;
    }
}
