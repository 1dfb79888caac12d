using Keelson.Linux;

namespace Keelson.Init.Output;

/// <summary>
/// The container's standard output or standard error, shared with others. Whole lines are collected and written when the
/// round of the loop ends. It never waits for a reader: while nobody reads, those that have lines wait instead.
/// A terminal takes a part of a line when it is nearly full: the rest comes before anything else, our own messages too.
/// </summary>
internal sealed class OutputStream : ISource
{
    private readonly EventLoop _loop;
    private readonly int _standard;
    private readonly int _fd;
    private readonly byte[] _buffer = new byte[Pipes.AtomicBytes];
    private readonly List<LinePipe> _waiting = [];
    private int _from;
    private int _to;
    private bool _watched;

    // Why lines were lost since it could be written the last time.
    private Errno? _lost;

    internal OutputStream(EventLoop loop, int fd)
    {
        _loop = loop;
        _standard = fd;
        // An open file of our own, so that not to wait is not what all others on it get. Sockets can't be opened so.
        Result<int> own = Files.OpenAgainNonBlocking(fd);
        _fd = own.Ok ? own.Value : fd;
    }

    internal bool IsEmpty => _from == _to && _waiting.Count == 0;

    /// <summary>Takes a piece of whole lines, at most PIPE_BUF bytes. False: not now, and <paramref name="pipe"/> will be told when.</summary>
    internal bool Take(ReadOnlySpan<byte> piece, LinePipe pipe)
    {
        if (!HasRoom(piece.Length))
        {
            _waiting.Add(pipe);
            return false;
        }
        Append(piece);
        return true;
    }

    /// <summary>Takes a line of our own and writes it at once as far as it can be. False: no room within so many milliseconds.</summary>
    internal bool TakeOwn(ReadOnlySpan<byte> line, int milliseconds)
    {
        if (!HasRoom(line.Length) && !(Stdio.WaitWritable(_fd, milliseconds) && HasRoom(line.Length)))
            return false;
        Append(line);
        Flush();
        return true;
    }

    private bool HasRoom(int length)
    {
        if (_to + length <= _buffer.Length)
            return true;
        Flush();
        _buffer.AsSpan(_from, _to - _from).CopyTo(_buffer);
        _to -= _from;
        _from = 0;
        return _to + length <= _buffer.Length;
    }

    private void Append(ReadOnlySpan<byte> line)
    {
        line.CopyTo(_buffer.AsSpan(_to));
        _to += line.Length;
    }

    /// <summary>Writes what there is, as far as it is taken.</summary>
    internal void Flush()
    {
        bool isWritten = false;
        while (_from < _to)
        {
            // On a descriptor that others share and that waits, what is writable takes PIPE_BUF without waiting.
            Result<int> n = Stdio.WaitWritable(_fd, 0) ? Stdio.WriteSome(_fd, _buffer.AsSpan(_from, _to - _from)) : new(0, Errno.Again);
            if (n.Error == Errno.Again)
            {
                if (!_watched)
                    // What can't be watched, a regular file, is always writable.
                    _watched = _loop.KeepWatching(_fd, this, writable: true) == Errno.None;
                return;
            }
            // A full disk or a vanished reader: nothing more can be done about these lines.
            if (!n.Ok)
                _lost = n.Error;
            _from = n.Ok ? _from + n.Value : _to;
            isWritten |= n.Ok;
        }
        _from = _to = 0;
        if (!isWritten || _lost is not { } why)
            return;
        _lost = null;
        Log.Warn($"lines were lost: standard {(_standard == Stdio.Out ? "output" : "error")} could not be written: {why.Words()}");
    }

    void ISource.Ready(int fd)
    {
        _loop.Unwatch(fd);
        _watched = false;
        Flush();
        if (_from < _to)
            return;
        LinePipe[] waiting = [.. _waiting];
        _waiting.Clear();
        foreach (LinePipe pipe in waiting)
            pipe.GoOn();
    }
}
