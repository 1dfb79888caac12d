using System.Text;
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
            Json.WriteString(text, name.Span);
            text.Append(": "u8);
            Json.WriteString(text, value.Span);
        }
        text.Append(separator == "{" ? "{}"u8 : "}"u8);
        return text.ToArray();
    }
}
