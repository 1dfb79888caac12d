using Keelson.Linux;

namespace Keelson.Init.Output;

/// <summary>The standard output or standard error of a service: a pipe that is read by lines.</summary>
internal sealed class LinePipe : ISource
{
    private readonly EventLoop _loop;
    private readonly OutputStream _stream;
    private readonly LineFormat _format;
    private readonly byte[] _piece;
    private readonly Action<LinePipe> _ended;
    private readonly int _readEnd;

    // Holds an unfinished line, or lines that wait for the stream; none while idle.
    private byte[]? _held;
    private int _length;
    private bool _flush;
    private bool _waits;

    private LinePipe(EventLoop loop, OutputStream stream, LineFormat format, byte[] piece, Action<LinePipe> ended, int readEnd, int writeEnd)
    {
        _loop = loop;
        _stream = stream;
        _format = format;
        _piece = piece;
        _ended = ended;
        _readEnd = readEnd;
        WriteEnd = writeEnd;
    }

    /// <summary>What the service gets as its descriptor.</summary>
    internal int WriteEnd { get; private set; }

    /// <param name="piece">A buffer of PIPE_BUF bytes that all pipes share.</param>
    /// <param name="ended">Told when all was read and the pipe is closed.</param>
    internal static Result<LinePipe?> Create(EventLoop loop, OutputStream stream, LineFormat format, byte[] piece, Action<LinePipe> ended)
    {
        Errno error = Pipes.Create(out int readEnd, out int writeEnd);
        if (error != Errno.None)
            return new(null, error);
        var pipe = new LinePipe(loop, stream, format, piece, ended, readEnd, writeEnd);
        _ = Pipes.LetEverybodyWrite(writeEnd);
        error = Pipes.SetNonBlocking(readEnd);
        if (error == Errno.None)
            error = loop.Watch(readEnd, pipe);
        if (error == Errno.None)
            return new(pipe, Errno.None);
        Files.Close(readEnd);
        Files.Close(writeEnd);
        return new(null, error);
    }

    void ISource.Ready(int fd)
    {
        while (ReadOnce() && _flush)
        {
        }
    }

    /// <summary>Reads once. False when there is nothing more now, or the stream takes nothing.</summary>
    private bool ReadOnce()
    {
        _held ??= new byte[Pipes.AtomicBytes];
        Result<int> n = Files.Read(_readEnd, _held.AsSpan(_length));
        if (n.Value == 0)
        {
            bool last = n.Ok || _flush;
            _flush = false;
            if (PassOn(last) && n.Ok)
                End();
            return false;
        }
        _length += n.Value;
        return PassOn(last: false);
    }

    /// <summary>The service has ended: what it wrote is read, and a last line without its end is a line.</summary>
    internal void Finish()
    {
        _flush = true;
        // Bounded: what it left behind may write for ever.
        for (int i = 0; i < 64 && !_waits && ReadOnce(); i++)
        {
        }
    }

    /// <summary>Nobody of ours will write any more: the pipe goes when all was read.</summary>
    internal void CloseWriteEnd()
    {
        Files.Close(WriteEnd);
        WriteEnd = -1;
    }

    /// <summary>The stream takes lines again.</summary>
    internal void GoOn()
    {
        _waits = false;
        if (!PassOn(last: false))
            return;
        _ = _loop.KeepWatching(_readEnd, this);
        while (_flush && ReadOnce())
        {
        }
    }

    /// <summary>
    /// Gives whole lines to the stream, and the <paramref name="last"/> one as it is. False when it takes no more: then
    /// nothing is read until it does.
    /// </summary>
    private bool PassOn(bool last)
    {
        ReadOnlySpan<byte> rest = _held.AsSpan(0, _length);
        while (rest.Length > 0)
        {
            int end = rest.IndexOf((byte)'\n');
            bool whole = end >= 0;
            if (!whole && !last && rest.Length < Pipes.AtomicBytes)
                break;
            ReadOnlySpan<byte> line = whole ? rest[..end] : rest;
            int before = line.Length;
            int length = _format.Next(ref line, _piece);
            if (!_stream.Take(_piece.AsSpan(0, length), this))
            {
                Keep(rest);
                _flush |= last;
                _waits = true;
                _loop.Unwatch(_readEnd);
                return false;
            }
            int taken = before - line.Length;
            rest = rest[(line.Length == 0 && whole ? end + 1 : taken)..];
            // Of a line that is too long for one piece and has not ended, the rest waits for more.
        }
        Keep(rest);
        if (_length == 0)
            _held = null;
        return true;
    }

    private void Keep(ReadOnlySpan<byte> rest)
    {
        rest.CopyTo(_held);
        _length = rest.Length;
    }

    private void End()
    {
        _loop.Unwatch(_readEnd);
        Files.Close(_readEnd);
        CloseWriteEnd();
        _ended(this);
    }
}
