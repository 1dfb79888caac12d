using System.Buffers.Text;

namespace Keelson.Commands.Probe;

/// <summary>Internet addresses as text: four decimal numbers, or IPv6 as in RFC 4291, section 2.2. Pure.</summary>
public static class IpText
{
    private const int Ip4Bytes = 4;
    private const int Ip6Bytes = 16;

    /// <summary>4 or 16 bytes, the first one first; null when the text is no address.</summary>
    public static byte[]? Parse(ReadOnlySpan<byte> text)
    {
        byte[] address = new byte[text.Contains((byte)':') ? Ip6Bytes : Ip4Bytes];
        return (address.Length == Ip4Bytes ? Ip4(text, address) : Ip6(text, address)) ? address : null;
    }

    private static bool Ip4(ReadOnlySpan<byte> text, Span<byte> address)
    {
        for (int i = 0; i < Ip4Bytes; i++)
        {
            int end = i < Ip4Bytes - 1 ? text.IndexOf((byte)'.') : text.Length;
            // A zero in front could mean octal: what it means to others is unknown.
            if (end is < 1 or > 3 || end > 1 && text[0] == (byte)'0' || !Utf8Parser.TryParse(text[..end], out address[i], out int used) || used != end || text[0] == (byte)'+')
                return false;
            text = i < Ip4Bytes - 1 ? text[(end + 1)..] : default;
        }
        return true;
    }

    private static bool Ip6(ReadOnlySpan<byte> text, Span<byte> address)
    {
        int gap = -1, at = 0;
        if (text.StartsWith("::"u8))
        {
            gap = 0;
            text = text[2..];
        }
        while (!text.IsEmpty)
        {
            int end = text.IndexOf((byte)':');
            ReadOnlySpan<byte> group = end < 0 ? text : text[..end];
            if (end < 0 && group.Contains((byte)'.'))
            {
                if (at > Ip6Bytes - Ip4Bytes || !Ip4(group, address[at..]))
                    return false;
                at += Ip4Bytes;
                break;
            }
            if (at == Ip6Bytes || group.Length is < 1 or > 4 || !Utf8Parser.TryParse(group, out ushort number, out int used, 'x') || used != group.Length)
                return false;
            System.Buffers.Binary.BinaryPrimitives.WriteUInt16BigEndian(address[at..], number);
            at += 2;
            text = end < 0 ? default : text[(end + 1)..];
            if (end >= 0 && text.IsEmpty)
                return false;
            if (text.StartsWith(":"u8))
            {
                if (gap >= 0)
                    return false;
                gap = at;
                text = text[1..];
            }
        }
        if (gap < 0)
            return at == Ip6Bytes;
        if (at == Ip6Bytes)
            return false;
        // What stands behind the gap goes to the end.
        int behind = at - gap;
        address[gap..at].CopyTo(address[(Ip6Bytes - behind)..]);
        address[gap..(Ip6Bytes - behind)].Clear();
        return true;
    }
}
