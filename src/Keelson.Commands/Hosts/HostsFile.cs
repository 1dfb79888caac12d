namespace Keelson.Commands.Hosts;

/// <summary>The file hosts(5) with a part that is ours, between two comments. Pure: bytes in, bytes out.</summary>
public static class HostsFile
{
    private static ReadOnlySpan<byte> Begin => "# begin of /etc/workaround-docker-2267/hosts\n"u8;
    private static ReadOnlySpan<byte> End => "# end of /etc/workaround-docker-2267/hosts\n"u8;

    /// <summary><paramref name="file"/> with <paramref name="names"/> as our part, at its end; all other lines are kept as they are.</summary>
    public static byte[] Merge(ReadOnlySpan<byte> file, ReadOnlySpan<byte> names)
    {
        var merged = new List<byte>(file.Length + names.Length + Begin.Length + End.Length + 2);
        AddWithout(merged, file);
        if (!HasNames(names))
            return [.. merged];
        AddNewline(merged);
        merged.AddRange(Begin);
        merged.AddRange(names);
        AddNewline(merged);
        merged.AddRange(End);
        return [.. merged];
    }

    /// <summary>Without the part that is ours. A beginning that has no end is somebody's edit: all behind it is kept.</summary>
    private static void AddWithout(List<byte> merged, ReadOnlySpan<byte> file)
    {
        while (LineAt(file, Begin) is >= 0 and var begin && LineAt(file[begin..], End) is >= 0 and var length)
        {
            merged.AddRange(file[..begin]);
            file = file[(begin + length + End.Length)..];
        }
        merged.AddRange(file);
    }

    private static int LineAt(ReadOnlySpan<byte> file, ReadOnlySpan<byte> line)
    {
        for (int from = 0; from < file.Length;)
        {
            int at = file[from..].IndexOf(line);
            if (at < 0)
                return -1;
            at += from;
            if (at == 0 || file[at - 1] == (byte)'\n')
                return at;
            from = at + 1;
        }
        return -1;
    }

    private static bool HasNames(ReadOnlySpan<byte> names)
    {
        foreach (Range range in names.Split((byte)'\n'))
        {
            ReadOnlySpan<byte> line = names[range].Trim(" \t\r"u8);
            if (!line.IsEmpty && line[0] != (byte)'#')
                return true;
        }
        return false;
    }

    private static void AddNewline(List<byte> text)
    {
        if (text.Count > 0 && text[^1] != (byte)'\n')
            text.Add((byte)'\n');
    }
}
