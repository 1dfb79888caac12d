namespace Keelson.Commands.Probe;

/// <summary>Names of hosts(5). A static binary has no resolver, and a health check is to depend on no name server. Pure.</summary>
public static class HostNames
{
    /// <summary>
    /// The addresses of a host: itself when it is one, else what the file says, in its order. localhost is known without
    /// the file (RFC 6761). Empty when there is none.
    /// </summary>
    public static List<byte[]> Find(ReadOnlySpan<byte> host, ReadOnlySpan<byte> hostsFile)
    {
        var found = new List<byte[]>();
        if (IpText.Parse(host) is { } itself)
        {
            found.Add(itself);
            return found;
        }
        foreach (Range range in hostsFile.Split((byte)'\n'))
            AddFrom(hostsFile[range], host, found);
        if (found.Count == 0 && Same(host, "localhost"u8))
            found.AddRange([[127, 0, 0, 1], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]]);
        return found;
    }

    private static void AddFrom(ReadOnlySpan<byte> line, ReadOnlySpan<byte> host, List<byte[]> found)
    {
        if (line.IndexOf((byte)'#') is >= 0 and var comment)
            line = line[..comment];
        byte[]? address = null;
        bool first = true;
        while (true)
        {
            line = line.TrimStart(" \t\r"u8);
            if (line.IsEmpty)
                return;
            int end = line.IndexOfAny(" \t\r"u8);
            ReadOnlySpan<byte> word = end < 0 ? line : line[..end];
            line = line[word.Length..];
            if (first)
                address = IpText.Parse(word);
            else if (address is not null && Same(word, host))
            {
                found.Add(address);
                return;
            }
            first = false;
        }
    }

    private static bool Same(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b) => System.Text.Ascii.EqualsIgnoreCase(a, b);
}
