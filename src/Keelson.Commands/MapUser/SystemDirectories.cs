namespace Keelson.Commands.MapUser;

/// <summary>What is the home of some users of a distribution and must stay root's. Pure.</summary>
public static class SystemDirectories
{
    /// <summary>Whether the path is such a directory, or nothing that could be a home.</summary>
    public static bool Contains(ReadOnlySpan<byte> path)
    {
        if (!path.StartsWith("/"u8))
            return true;
        int depth = 0;
        ReadOnlySpan<byte> first = default;
        foreach (Range range in path.Split((byte)'/'))
        {
            ReadOnlySpan<byte> part = path[range];
            if (part.IsEmpty || part.SequenceEqual("."u8))
                continue;
            if (part.SequenceEqual(".."u8))
                return true;
            if (depth++ == 0)
                first = part;
        }
        return depth == 0 || IsWhole(first) || depth == 1 && IsTop(first);
    }

    /// <summary>With all that is in them.</summary>
    private static bool IsWhole(ReadOnlySpan<byte> name) =>
        name.SequenceEqual("bin"u8) || name.SequenceEqual("sbin"u8) || name.StartsWith("lib"u8) || name.SequenceEqual("usr"u8) || name.SequenceEqual("etc"u8) ||
        name.SequenceEqual("dev"u8) || name.SequenceEqual("proc"u8) || name.SequenceEqual("sys"u8) || name.SequenceEqual("boot"u8) || name.SequenceEqual("root"u8);

    private static bool IsTop(ReadOnlySpan<byte> name) =>
        name.SequenceEqual("home"u8) || name.SequenceEqual("run"u8) || name.SequenceEqual("tmp"u8) || name.SequenceEqual("var"u8) || name.SequenceEqual("opt"u8) ||
        name.SequenceEqual("srv"u8) || name.SequenceEqual("mnt"u8) || name.SequenceEqual("media"u8);
}
