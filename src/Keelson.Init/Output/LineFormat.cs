// A line of a service as the container's log has it. A piece is never longer than PIPE_BUF, so that one write(2) of it is
// neither torn nor mixed with what others write to the same pipe.
using System.Globalization;
using System.Text;
using Keelson.Init.Env;
using Keelson.Linux;
using Keelson.Supervision;

namespace Keelson.Init.Output;

/// <summary>KEELSON_LOG: what becomes of the output of services that have no log of their own.</summary>
public enum OutputMode
{
    /// <summary>They write to the container's standard output and standard error themselves.</summary>
    Direct,

    /// <summary>`[web] ` before each line.</summary>
    Prefix,

    /// <summary>One JSON object a line: time, service, stream, message, and partial where a long line goes on in the next.</summary>
    Json,
}

public sealed class LineFormat
{
    private readonly OutputMode _mode;
    private readonly byte[] _head;

    /// <param name="name">The service, or who else speaks.</param>
    /// <param name="stream">Its "stdout" or "stderr".</param>
    public LineFormat(OutputMode mode, ByteString name, string stream)
    {
        _mode = mode;
        var head = new ByteBuilder();
        if (mode == OutputMode.Prefix)
        {
            head.Append((byte)'[');
            head.Append(Printable(name).Span);
            head.Append("] "u8);
        }
        else
        {
            head.Append("Z\",\"service\":"u8);
            Json.WriteString(head, name.Span);
            head.Append(Encoding.ASCII.GetBytes($",\"stream\":\"{stream}\",\"message\":\""));
        }
        _head = head.ToArray();
    }

    /// <summary>
    /// Formats as much of <paramref name="line"/> as one piece takes and cuts it off the front; <paramref name="piece"/> has
    /// <see cref="Pipes.AtomicBytes"/> bytes. Returns the piece's length, its newline included.
    /// </summary>
    public int Next(ref ReadOnlySpan<byte> line, scoped Span<byte> piece) =>
        _mode == OutputMode.Json ? NextJson(ref line, piece) : NextPlain(ref line, piece);

    private int NextPlain(ref ReadOnlySpan<byte> line, scoped Span<byte> piece)
    {
        _head.CopyTo(piece);
        int taken = Math.Min(line.Length, piece.Length - _head.Length - 1);
        if (taken < line.Length)
            taken = WholeCharacters(line[..taken]);
        line[..taken].CopyTo(piece[_head.Length..]);
        line = line[taken..];
        piece[_head.Length + taken] = (byte)'\n';
        return _head.Length + taken + 1;
    }

    private int NextJson(ref ReadOnlySpan<byte> line, scoped Span<byte> piece)
    {
        ReadOnlySpan<byte> end = "\"}\n"u8;
        ReadOnlySpan<byte> partialEnd = "\",\"partial\":true}\n"u8;
        int length = 0;
        Append(piece, ref length, "{\"time\":\""u8);
        (long seconds, uint nanoseconds) = Clock.TimeOfDay;
        // RFC 3339, with microseconds: 2026-11-23T17:03:05.123456Z
        UtcDate.Write(piece[length..], seconds, (byte)'T');
        length += UtcDate.Length;
        UtcDate.Digits(piece.Slice(length, 6), nanoseconds / 1000);
        length += 6;
        Append(piece, ref length, _head);
        int limit = piece.Length - partialEnd.Length - Json.MostPerRune;
        while (line.Length > 0 && length <= limit)
        {
            _ = Rune.DecodeFromUtf8(line, out Rune rune, out int used);
            length += Json.WriteRune(rune, piece[length..]);
            line = line[used..];
        }
        Append(piece, ref length, line.Length > 0 ? partialEnd : end);
        return length;
    }

    private static void Append(Span<byte> piece, ref int length, ReadOnlySpan<byte> text)
    {
        text.CopyTo(piece[length..]);
        length += text.Length;
    }

    /// <summary>The length without a UTF-8 character that is cut off at the end; all of it where that is no UTF-8.</summary>
    private static int WholeCharacters(ReadOnlySpan<byte> text)
    {
        for (int back = 1; back <= 3 && back < text.Length; back++)
        {
            byte b = text[^back];
            if ((b & 0xc0) == 0x80)
                continue;
            int needed = b >= 0xf0 ? 4 : b >= 0xe0 ? 3 : b >= 0xc0 ? 2 : 1;
            return needed > back ? text.Length - back : text.Length;
        }
        return text.Length;
    }

    /// <summary>A name in front of every line must not be able to end it, or to speak to a terminal.</summary>
    private static ByteString Printable(ByteString name)
    {
        byte[] bytes = name.Span.ToArray();
        foreach (ref byte b in bytes.AsSpan())
        {
            if (b is < 0x20 or 0x7f)
                b = (byte)'?';
        }
        return new ByteString(bytes.AsSpan(0, Math.Min(bytes.Length, 256)).ToArray());
    }
}
