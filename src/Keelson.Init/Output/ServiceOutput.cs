// Where the output of services without a log goes: to the container's own, or line by line through us (KEELSON_LOG).
using Keelson.Linux;

namespace Keelson.Init.Output;

internal sealed class ServiceOutput
{
    private readonly EventLoop _loop;
    private readonly OutputMode _mode;
    private readonly OutputStream? _out;
    private readonly OutputStream? _error;
    private readonly byte[] _piece = [];
    private readonly HashSet<LinePipe> _pipes = [];
    private bool _warned;

    internal ServiceOutput(EventLoop loop, OutputMode mode)
    {
        _loop = loop;
        _mode = mode;
        if (mode == OutputMode.Direct)
            return;
        _piece = new byte[Pipes.AtomicBytes];
        _out = new OutputStream(loop, Stdio.Out);
        // Two streams would tear each other's lines apart on a terminal, which takes parts of lines.
        _error = AreOne(Files.Status(Stdio.Out), Files.Status(Stdio.Error)) ? _out : new OutputStream(loop, Stdio.Error);
        Log.Stream = _error;
        if (mode == OutputMode.Json)
            Log.Format = new LineFormat(mode, new ByteString("my_init"u8), "stderr");
    }

    private static bool AreOne(Result<FileStatus> a, Result<FileStatus> b) =>
        a.Ok && b.Ok && a.Value.Device == b.Value.Device && a.Value.Inode == b.Value.Inode;

    /// <summary>Whether all that was written has been passed on.</summary>
    internal bool IsEmpty => _pipes.Count == 0 && _out?.IsEmpty != false && _error?.IsEmpty != false;

    /// <summary>The mode that KEELSON_LOG names; what it can't name is reported.</summary>
    internal static OutputMode ModeOf(ByteString? setting)
    {
        if (setting is not { Length: > 0 } value || value.Is("plain"u8))
            return OutputMode.Direct;
        if (value.Is("prefix"u8))
            return OutputMode.Prefix;
        if (value.Is("json"u8))
            return OutputMode.Json;
        Log.Warn($"KEELSON_LOG must be plain, prefix or json, not \"{value}\"; using plain");
        return OutputMode.Direct;
    }

    /// <summary>The pipe for a service's standard output or standard error; null when it has the container's.</summary>
    internal LinePipe? Open(ByteString name, bool isError)
    {
        if (_mode == OutputMode.Direct)
            return null;
        var format = new LineFormat(_mode, name, isError ? "stderr" : "stdout");
        Result<LinePipe?> pipe = LinePipe.Create(_loop, isError ? _error! : _out!, format, _piece, p => _pipes.Remove(p));
        if (pipe.Value is not null)
            _pipes.Add(pipe.Value);
        else if (!_warned)
            Log.Warn($"{name} writes to the container's output itself: cannot make a pipe: {pipe.Error.Words()}");
        _warned |= pipe.Value is null;
        return pipe.Value;
    }

    internal void RoundEnded()
    {
        _out?.Flush();
        _error?.Flush();
    }
}
