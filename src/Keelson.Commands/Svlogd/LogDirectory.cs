// One log directory. `current` is made durable and marked (0744) before it gets its old name, so a current without the
// mark tells the next start that this svlogd was killed.
using Keelson.Linux;

namespace Keelson.Commands.Svlogd;

internal sealed class LogDirectory(ByteString name, Config config, int directory, int lockFile, LogLoop loop)
{
    private const int PauseMilliseconds = 3000;
    private const int RestartMilliseconds = 1000;

    private Config _config = config;
    private int _current = -1;
    private ulong _size;
    private long _rotateAt = long.MaxValue;
    private ByteString _unprocessed;
    private int _processor;
    private bool _triedAfterStop;

    public Config Config => _config;
    public bool Writes => !_config.UdpOnly;
    public long RotateAt => _size > 0 ? _rotateAt : long.MaxValue;

    /// <summary>Whether the line being read goes to this directory, and to standard error.</summary>
    public bool Selected { get; set; } = true;
    public bool ToError { get; set; }

    private ulong LineLength => (ulong)loop.LineLength;

    /// <summary>Null, and said why, when it can't be used.</summary>
    public static LogDirectory? Open(ByteString name, LogLoop loop)
    {
        Result<int> directory = Files.OpenDirectory(name.Span);
        if (!directory.Ok)
            return Refuse("unable to open log directory", name, directory.Error, -1, -1);
        Result<int> held = LogFiles.Open(directory.Value, "lock"u8, LogFiles.Append, 0x180);
        Errno error = held.Ok ? LogFiles.Lock(held.Value) : held.Error;
        if (error != Errno.None)
            return Refuse("unable to lock directory", name, error, directory.Value, held.Value);
        var log = new LogDirectory(name, ReadConfig(name, loop), directory.Value, held.Value, loop);
        return log.OpenFirst() ? log : Refuse("unable to open current", ByteString.Join(name.Span, "/current"u8), Errno.IsDirectory, directory.Value, held.Value);
    }

    private static Config ReadConfig(ByteString name, LogLoop loop)
    {
        var file = ByteString.Join(name.Span, "/config"u8);
        Result<byte[]> text = Files.ReadAll(file.Span, 1 << 20);
        if (!text.Ok && text.Error != Errno.NoEntry)
            Warn("unable to read config", file, text.Error);
        else if (text.Ok && loop.Verbose)
            Say.Error($"svlogd: info: read: {file}\n");
        Config config = Config.Parse(text.Value);
        foreach (string problem in config.Problems)
            Say.Error($"svlogd: warning: {problem}\n");
        return config;
    }

    private static LogDirectory? Refuse(string what, ByteString name, Errno error, int directory, int held)
    {
        Warn(what, name, error);
        Files.Close(directory);
        Files.Close(held);
        return null;
    }

    private static void Warn(string what, ByteString name, Errno error) =>
        Say.Error($"svlogd: warning: {what}: {name}: {ErrorWords.Of(error)}\n");

    private void Pause(string what, Errno error)
    {
        Say.Error($"svlogd: warning: {what}, pausing: {name}: {ErrorWords.Of(error)}\n");
        loop.WaitForSignal(PauseMilliseconds);
    }

    private void Info(string what)
    {
        if (loop.Verbose)
            Say.Error($"svlogd: info: {what}\n");
    }

    private bool OpenFirst()
    {
        Result<FileStatus> old = Files.Status(ByteString.Join(name.Span, "/current"u8).Span);
        if (old.Ok && old.Value.Kind != FileKind.Regular)
            return false;
        bool append = old.Ok && (old.Value.Size == 0 || (old.Value.Mode & 0x40) != 0);
        if (old.Ok && !append)
        {
            _ = LogFiles.Rename(directory, "current"u8, FreeName('u').Span);
            RemoveOldest();
        }
        StartCurrent();
        _size = append ? (ulong)old.Value.Size : 0;
        Info($"{(append ? "append" : "new")}: {name}/current");
        FindUnprocessed();
        return true;
    }

    private void StartCurrent()
    {
        Result<int> file;
        while (!(file = LogFiles.Open(directory, "current"u8, LogFiles.Append, 0x1a4)).Ok)
            Pause("unable to create new current", file.Error);
        _current = file.Value;
        _ = LogFiles.SetMode(_current, 0x1a4);
        _size = 0;
        _rotateAt = _config.Age > 0 ? Clock.Milliseconds + (long)_config.Age * 1000 : long.MaxValue;
    }

    /// <summary>Writes all of it, in one write(2) as far as no rotation falls between; waits for room on the disk.</summary>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            int length = UpToRotation(bytes);
            Result<int> n = Stdio.WriteSome(_current, bytes[..length]);
            if (!n.Ok)
            {
                if (loop.Stops && Settled(n.Error, bytes.Length))
                    return;
                if (n.Error != Errno.NoSpace || _config.KeepWhenFull == 0 || !RemoveOld(_config.KeepWhenFull, "out of disk space, delete: "))
                    Pause("unable to write to current", n.Error);
                continue;
            }
            _size += (ulong)n.Value;
            bool full = n.Value == length && _config.Size > 0 && IsFull(bytes[length - 1]);
            bytes = bytes[n.Value..];
            if (full)
                Rotate();
        }
    }

    /// <summary>TERM while nothing can be written: one more try after it, then what is lost is said.</summary>
    private bool Settled(Errno error, int bytes)
    {
        if (!_triedAfterStop)
        {
            _triedAfterStop = true;
            return false;
        }
        Say.Error($"svlogd: warning: {bytes} bytes lost, unable to write to current: {name}: {ErrorWords.Of(error)}\n");
        return true;
    }

    private bool IsFull(byte last) => _size >= _config.Size || last == '\n' && _config.Size >= LineLength && _size >= _config.Size - LineLength;

    private int UpToRotation(ReadOnlySpan<byte> bytes)
    {
        if (_config.Size == 0)
            return bytes.Length;
        ulong left = _config.Size > _size ? _config.Size - _size : 1;
        if (_config.Size >= LineLength)
        {
            ulong early = left > LineLength ? left - LineLength - 1 : 0;
            if (early < (ulong)bytes.Length)
            {
                int line = bytes[(int)early..].IndexOf((byte)'\n');
                if (line >= 0 && early + (ulong)line < left)
                    return (int)early + line + 1;
            }
        }
        return (int)Math.Min(left, (ulong)bytes.Length);
    }

    public void Rotate()
    {
        if (_size == 0)
            return;
        if (_config.Processor.Length > 0)
            AwaitProcessor();
        Settle();
        ByteString old = FreeName(_config.Processor.Length > 0 ? 'u' : 's');
        Errno error;
        while ((error = LogFiles.Rename(directory, "current"u8, old.Span)) != Errno.None)
            Pause("unable to rename current", error);
        Info($"rename: {name}/current {old} {_size}");
        StartCurrent();
        RemoveOldest();
        if (_config.Processor.Length > 0)
        {
            _unprocessed = old;
            StartProcessor();
        }
    }

    private void Settle()
    {
        Errno error;
        while ((error = LogFiles.Settle(_current)) != Errno.None)
            Pause("unable to fsync current logfile", error);
        Files.Close(_current);
    }

    private ByteString FreeName(char kind)
    {
        Span<byte> text = stackalloc byte[TimeStamp.TaiLength + 2];
        text[TimeStamp.TaiLength] = (byte)'.';
        text[TimeStamp.TaiLength + 1] = (byte)kind;
        while (true)
        {
            (long seconds, uint nanoseconds) = Clock.TimeOfDay;
            TimeStamp.Tai(text, seconds, nanoseconds);
            if (Files.Status(ByteString.Join(name.Span, "/"u8, text).Span).Error == Errno.NoEntry)
                return new ByteString((ReadOnlySpan<byte>)text);
        }
    }

    private void RemoveOldest()
    {
        if (_config.Keep > 0)
            _ = RemoveOld(_config.Keep, "delete: ");
    }

    private bool RemoveOld(ulong keep, string saying)
    {
        ulong count = 0;
        ByteString oldest = default;
        foreach (ByteString file in Files.List(name.Span).Value)
        {
            if (!IsOld(file, 's'))
                continue;
            count++;
            if (oldest.Length == 0 || file < oldest)
                oldest = file;
        }
        if (count <= keep)
            return false;
        Info($"{saying}{name}/{oldest}");
        return LogFiles.Remove(directory, oldest.Span) == Errno.None;
    }

    private static bool IsOld(ByteString file, char kind) =>
        file.Length == TimeStamp.TaiLength + 2 && file.Span[0] == '@' && file.Span[^1] == kind && file.Span[^2] == '.';

    private void FindUnprocessed()
    {
        if (_config.Processor.Length == 0)
            return;
        foreach (ByteString file in Files.List(name.Span).Value)
        {
            if (IsOld(file, 't') && _processor == 0)
                _ = LogFiles.Remove(directory, file.Span);
            else if (IsOld(file, 'u') && (_unprocessed.Length == 0 || file < _unprocessed))
                _unprocessed = file;
        }
        if (_unprocessed.Length > 0)
            StartProcessor();
    }

    private ByteString Sibling(char kind) => ByteString.Join(_unprocessed.Span[..^1], [(byte)kind]);

    private void StartProcessor()
    {
        Info($"processing: {name}/{_unprocessed}");
        Result<int> input = LogFiles.Open(directory, _unprocessed.Span, LogFiles.Read, 0);
        Result<int> output = LogFiles.Open(directory, Sibling('t').Span, LogFiles.Rewrite, 0x1a4);
        Result<int> state = LogFiles.Open(directory, "state"u8, LogFiles.CreateRead, 0x1a4);
        Result<int> next = LogFiles.Open(directory, "newstate"u8, LogFiles.Rewrite, 0x1a4);
        using var arguments = new CStringArray([ByteString.Of("sh"), ByteString.Of("-c"), _config.Processor]);
        using var variables = new CStringArray(loop.Environment);
        Result<int> child = new(0, Errno.NoEntry);
        if (input.Ok && output.Ok && state.Ok && next.Ok)
        {
            child = Spawner.Start(new SpawnRequest
            {
                Path = "/bin/sh"u8,
                Arguments = arguments,
                Environment = variables,
                Placement = Placement.OwnGroup,
                Directory = name.Span,
                StandardInput = input.Value,
                StandardOutput = output.Value,
                Fourth = state.Value,
                Fifth = next.Value,
            });
        }
        Files.Close(input.Value);
        Files.Close(output.Value);
        Files.Close(state.Value);
        Files.Close(next.Value);
        _processor = child.Value;
        if (!child.Ok)
            Warn("unable to run processor", name, child.Error);
    }

    public void ChildEnded(int pid, WaitStatus status)
    {
        if (pid != _processor || status.Stopped)
            return;
        _processor = 0;
        if (!status.Exited || status.ExitCode != 0)
        {
            Say.Error($"svlogd: warning: processor failed, restart: {name}\n");
            _ = LogFiles.Remove(directory, Sibling('t').Span);
            LogLoop.Sleep(RestartMilliseconds);
            StartProcessor();
            return;
        }
        Result<int> done = LogFiles.Open(directory, Sibling('t').Span, LogFiles.Read, 0);
        _ = LogFiles.Settle(done.Value);
        Files.Close(done.Value);
        Errno error;
        while ((error = LogFiles.Rename(directory, Sibling('t').Span, Sibling('s').Span)) != Errno.None)
            Pause("unable to rename processed", error);
        _ = LogFiles.Remove(directory, _unprocessed.Span);
        _ = LogFiles.Rename(directory, "newstate"u8, "state"u8);
        Info($"processed: {name}/{Sibling('s')}");
        _unprocessed = default;
        // What earlier ones did not come to, one after the other.
        FindUnprocessed();
    }

    private void AwaitProcessor()
    {
        while (_processor != 0)
        {
            loop.WaitForSignal(-1);
            // A processor that fails for ever can be replaced, as under runit.
            if (loop.HungUp)
                _config = ReadConfig(name, loop);
        }
    }

    public void Close()
    {
        AwaitProcessor();
        Info($"close: {name}");
        Settle();
        Files.Close(directory);
        Files.Close(lockFile);
    }
}
