using System.Text;
using System.Text.Unicode;
using Keelson.Linux;

namespace Keelson.Init.Env;

/// <summary>
/// /etc/container_environment.json: one object, `{"NAME": "value", ...}`, always valid UTF-8 and valid JSON (RFC 8259).
/// Bytes that are no UTF-8 become U+FFFD: only the directory and the shell dump are exact for those.
/// </summary>
public static class JsonDump
{
    public static byte[] Write(IEnumerable<KeyValuePair<ByteString, ByteString>> variables)
    {
        var text = new ByteBuilder();
        string separator = "{";
        foreach ((ByteString name, ByteString value) in variables)
        {
            text.Append(Encoding.ASCII.GetBytes(separator));
            separator = ", ";
            WriteString(text, name.Span);
            text.Append(": "u8);
            WriteString(text, value.Span);
        }
        text.Append(separator == "{" ? "{}"u8 : "}"u8);
        return text.ToArray();
    }

    private static void WriteString(ByteBuilder text, ReadOnlySpan<byte> bytes)
    {
        if (!Utf8.IsValid(bytes))
            bytes = Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(bytes));
        text.Append((byte)'"');
        foreach (byte b in bytes)
        {
            switch (b)
            {
                case (byte)'"' or (byte)'\\':
                    text.Append((byte)'\\');
                    text.Append(b);
                    break;
                case (byte)'\n':
                    text.Append("\\n"u8);
                    break;
                case < 0x20 or 0x7f:
                    text.Append(Encoding.ASCII.GetBytes("\\u00" + b.ToString("x2", System.Globalization.CultureInfo.InvariantCulture)));
                    break;
                default:
                    text.Append(b);
                    break;
            }
        }
        text.Append((byte)'"');
    }
}
