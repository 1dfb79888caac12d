using System.Text;
using System.Text.Json;
using Keelson.Init.Output;
using Keelson.Linux;

namespace Keelson.Fuzz;

/// <summary>
/// KEELSON_LOG: a line of any bytes becomes pieces that one write takes, which together hold it. The first byte says how often
/// the rest is repeated, so that lines longer than a piece come up; then comes the service's name, up to a newline.
/// </summary>
internal sealed class LineFormatTarget : Target
{
    internal override string Name => "line-format";
    internal override int MaxLength => 300;
    internal override IEnumerable<string> Words => ["\n", "\U0001F600", "\u00e9", "\x7f", "\x1b[31m", "\"", "\\", "\xff\xff"];

    internal override void Check(ReadOnlySpan<byte> input)
    {
        if (input.IsEmpty)
            return;
        int times = 1 + input[0] % 64;
        int newline = input[1..].IndexOf((byte)'\n');
        var name = new ByteString(newline < 0 ? "web"u8 : input.Slice(1, newline));
        ReadOnlySpan<byte> text = newline < 0 ? input[1..] : input[(newline + 2)..];
        var line = new byte[text.Length * times];
        for (int i = 0; i < times; i++)
            text.CopyTo(line.AsSpan(i * text.Length));
        line.AsSpan().Replace((byte)'\n', (byte)' ');

        var plain = new List<byte>();
        foreach (byte[] piece in Pieces(new LineFormat(OutputMode.Prefix, name, "stdout"), line))
        {
            Assert.Equal((byte)'[', piece[0]);
            Assert.DoesNotContain(piece[..^1], b => b == '\n');
            int head = Math.Min(name.Length, 256) + 3;
            plain.AddRange(piece[head..^1]);
        }
        Assert.Equal(line, plain);

        var message = new StringBuilder();
        List<byte[]> pieces = Pieces(new LineFormat(OutputMode.Json, name, "stderr"), line);
        for (int i = 0; i < pieces.Count; i++)
        {
            using var json = JsonDocument.Parse(pieces[i]);
            message.Append(json.RootElement.GetProperty("message").GetString());
            Assert.Equal(i < pieces.Count - 1, json.RootElement.TryGetProperty("partial", out _));
            Assert.Equal(Encoding.UTF8.GetString(name.Span), json.RootElement.GetProperty("service").GetString());
        }
        Assert.Equal(Encoding.UTF8.GetString(line), message.ToString());
    }

    private static List<byte[]> Pieces(LineFormat format, ReadOnlySpan<byte> line)
    {
        var pieces = new List<byte[]>();
        var buffer = new byte[Pipes.AtomicBytes];
        do
        {
            int length = format.Next(ref line, buffer);
            pieces.Add(buffer[..length]);
            Assert.Equal((byte)'\n', buffer[length - 1]);
        }
        while (line.Length > 0);
        return pieces;
    }
}
