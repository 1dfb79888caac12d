using System.Text;
using System.Text.Json;
using CsCheck;
using Keelson.Init.Output;
using Keelson.Linux;

namespace Keelson.Init.Tests;

public sealed class LineFormatTests
{
    private static List<byte[]> Pieces(LineFormat format, byte[] line)
    {
        var pieces = new List<byte[]>();
        ReadOnlySpan<byte> rest = line;
        var piece = new byte[Pipes.AtomicBytes];
        do
            pieces.Add(piece.AsSpan(0, format.Next(ref rest, piece)).ToArray());
        while (rest.Length > 0);
        return pieces;
    }

    [Fact]
    public void A_line_in_pieces_is_the_line_whatever_its_bytes_are() =>
        Gen.Byte.Where(b => b != '\n').Array[0, 20_000].Sample(line =>
        {
            List<byte[]> pieces = Pieces(new LineFormat(OutputMode.Prefix, new ByteString("web"u8), "stdout"), line);
            Assert.All(pieces, p => Assert.True(p.AsSpan().StartsWith("[web] "u8) && p[^1] == '\n' && p.Length <= Pipes.AtomicBytes));
            Assert.Equal(line, pieces.SelectMany(p => p[6..^1]));
        });

    [Fact]
    public void Every_json_piece_is_an_object_and_all_but_the_last_are_partial() =>
        Gen.Char.Array[0, 10_000].Sample(chars =>
        {
            string line = new string(chars).Replace("\n", "", StringComparison.Ordinal);
            byte[] bytes = Encoding.UTF8.GetBytes(line);
            List<byte[]> pieces = Pieces(new LineFormat(OutputMode.Json, new ByteString("a \"b\""u8), "stderr"), bytes);
            JsonElement[] objects = [.. pieces.Select(p => JsonDocument.Parse(p).RootElement)];
            Assert.All(objects, o => Assert.Equal(("a \"b\"", "stderr"), (o.GetProperty("service").GetString(), o.GetProperty("stream").GetString())));
            Assert.All(pieces, p => Assert.InRange(p.Length, 1, Pipes.AtomicBytes));
            Assert.All(objects.SkipLast(1), o => Assert.True(o.GetProperty("partial").GetBoolean()));
            Assert.False(objects[^1].TryGetProperty("partial", out _));
            Assert.Equal(Encoding.UTF8.GetString(bytes), string.Concat(objects.Select(o => o.GetProperty("message").GetString())));
        });

    [Theory]
    [InlineData("äöü€𝄞", 4)]
    [InlineData("x€", 3)]
    public void No_character_is_cut_apart(string characters, int most)
    {
        string line = string.Concat(Enumerable.Repeat(characters, 3000));
        List<byte[]> pieces = Pieces(new LineFormat(OutputMode.Prefix, new ByteString("web"u8), "stdout"), Encoding.UTF8.GetBytes(line));
        Assert.Equal(line, string.Concat(pieces.Select(p => new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(p[6..^1]))));
        Assert.All(pieces.SkipLast(1), p => Assert.InRange(p.Length, Pipes.AtomicBytes - most, Pipes.AtomicBytes));
    }

    [Fact]
    public void A_name_can_neither_end_the_line_nor_speak_to_a_terminal() =>
        Assert.Equal("[a?b?c] x\n", Encoding.UTF8.GetString(Pieces(new LineFormat(OutputMode.Prefix, new ByteString("a\nb\u001bc"u8), "stdout"), "x"u8.ToArray()).Single()));
}
