using System.Globalization;
using System.Text;
using Keelson.Linux;

namespace Keelson.Init.Env;

/// <summary>Strings as RFC 8259 has them, always valid UTF-8: bytes that are none become U+FFFD.</summary>
public static class Json
{
    /// <summary>The most bytes that <see cref="WriteRune"/> writes.</summary>
    public const int MostPerRune = 6;

    /// <summary>The string in its quotes.</summary>
    public static void WriteString(ByteBuilder text, ReadOnlySpan<byte> bytes)
    {
        Span<byte> one = stackalloc byte[MostPerRune];
        text.Append((byte)'"');
        while (bytes.Length > 0)
        {
            _ = Rune.DecodeFromUtf8(bytes, out Rune rune, out int used);
            text.Append(one[..WriteRune(rune, one)]);
            bytes = bytes[used..];
        }
        text.Append((byte)'"');
    }

    /// <summary>One character as it stands between the quotes; returns the number of bytes.</summary>
    public static int WriteRune(Rune rune, Span<byte> text)
    {
        switch (rune.Value)
        {
            case '"' or '\\':
                text[0] = (byte)'\\';
                text[1] = (byte)rune.Value;
                return 2;
            case '\n':
                "\\n"u8.CopyTo(text);
                return 2;
            case < 0x20 or 0x7f:
                "\\u00"u8.CopyTo(text);
                _ = rune.Value.TryFormat(text[4..], out _, "x2", CultureInfo.InvariantCulture);
                return 6;
            default:
                return rune.EncodeToUtf8(text);
        }
    }
}
