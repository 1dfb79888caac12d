using System.Buffers.Text;
using Keelson.Linux;

namespace Keelson.Commands.Probe;

/// <summary>Where to connect to, and for HTTP what to ask for. Pure.</summary>
/// <param name="Host">An address without brackets, or a name.</param>
/// <param name="Port">The port.</param>
/// <param name="Given">Host and port as they were given: what the header Host says.</param>
/// <param name="Path">The path and the query; empty for plain TCP.</param>
public readonly record struct Endpoint(ByteString Host, ushort Port, ByteString Given, ByteString Path)
{
    private const ushort HttpPort = 80;

    /// <summary>HOST:PORT, an IPv6 address in brackets.</summary>
    public static string? Parse(ByteString text, out Endpoint endpoint) => Authority(text.Span, null, default, out endpoint);

    /// <summary>http://HOST[:PORT][/PATH][?QUERY]; what is wrong with it, null when nothing is.</summary>
    public static string? ParseUrl(ByteString text, out Endpoint endpoint)
    {
        endpoint = default;
        ReadOnlySpan<byte> url = text.Span;
        if (StartsWith(url, "https://"u8))
            return "TLS is not built in; probe tcp HOST:PORT, or have a program of the image ask";
        if (!StartsWith(url, "http://"u8))
            return "not of the form http://HOST[:PORT]/PATH";
        url = url[7..];
        // What stands behind # is not sent.
        if (url.IndexOf((byte)'#') is >= 0 and var fragment)
            url = url[..fragment];
        int end = url.IndexOfAny((byte)'/', (byte)'?');
        ReadOnlySpan<byte> authority = end < 0 ? url : url[..end];
        ReadOnlySpan<byte> path = end < 0 ? default : url[end..];
        if (authority.Contains((byte)'@'))
            return "a user in the URL is not sent; leave it out";
        if (url.ContainsAnyExceptInRange((byte)'!', (byte)'~'))
            return "a blank, a control character or a letter that is not ASCII; write it as %XX";
        return Authority(authority, HttpPort, path.StartsWith("/"u8) ? new ByteString(path) : ByteString.Join("/"u8, path), out endpoint);
    }

    private static string? Authority(ReadOnlySpan<byte> text, ushort? defaultPort, ByteString path, out Endpoint endpoint)
    {
        endpoint = default;
        ReadOnlySpan<byte> host = text, port = default;
        bool hasPort = false;
        if (text.StartsWith("["u8))
        {
            int end = text.IndexOf((byte)']');
            if (end < 0 || IpText.Parse(text[1..end]) is not { Length: 16 })
                return "what stands in brackets is no IPv6 address";
            host = text[1..end];
            hasPort = end + 1 < text.Length;
            if (hasPort && text[end + 1] != (byte)':')
                return "behind the bracket comes :PORT";
            port = hasPort ? text[(end + 2)..] : default;
        }
        else if (text.LastIndexOf((byte)':') is >= 0 and var colon)
        {
            if (text[..colon].Contains((byte)':'))
                return "write an IPv6 address in brackets: [::1]:80";
            hasPort = true;
            host = text[..colon];
            port = text[(colon + 1)..];
        }
        if (host.IsEmpty)
            return "no host";
        if (!hasPort && defaultPort is null)
            return "no port; write HOST:PORT";
        if (!hasPort)
            endpoint = new(new ByteString(host), defaultPort!.Value, new ByteString(text), path);
        else if (Utf8Parser.TryParse(port, out ushort number, out int used) && used == port.Length && number > 0 && port[0] is >= (byte)'0' and <= (byte)'9')
            endpoint = new(new ByteString(host), number, new ByteString(text), path);
        else
            return $"\"{new ByteString(port)}\" is no port (1 to 65535)";
        return null;
    }

    private static bool StartsWith(ReadOnlySpan<byte> text, ReadOnlySpan<byte> scheme) =>
        text.Length >= scheme.Length && System.Text.Ascii.EqualsIgnoreCase(text[..scheme.Length], scheme);
}
