namespace Keelson.Linux;

/// <summary>Files that can't be renamed over, because they are mounts of their own: /etc/hosts in a container.</summary>
public static unsafe class InPlace
{
    /// <summary>
    /// Turns the contents of a file from <paramref name="before"/>, which it has now, into <paramref name="after"/>. What
    /// needs new room is written first: on a full disk the file is as it was, and the error is returned. What both have in
    /// common at their beginning is not touched.
    /// </summary>
    public static Errno Change(ReadOnlySpan<byte> path, ReadOnlySpan<byte> before, ReadOnlySpan<byte> after)
    {
        int same = before.CommonPrefixLength(after);
        if (same == before.Length && same == after.Length)
            return Errno.None;
        Result<int> file = Files.OpenWrite(path);
        if (!file.Ok)
            return file.Error;
        Errno error = Errno.None;
        if (after.Length > before.Length)
        {
            error = Write(file.Value, after[before.Length..], before.Length);
            if (error != Errno.None)
                _ = Libc.ftruncate(file.Value, before.Length);
        }
        int shared = Math.Min(before.Length, after.Length);
        if (error == Errno.None && same < shared)
            error = Write(file.Value, after[same..shared], same);
        if (error == Errno.None && after.Length < before.Length)
            error = Libc.Check(Libc.ftruncate(file.Value, after.Length));
        Files.Close(file.Value);
        return error;
    }

    private static Errno Write(int fd, ReadOnlySpan<byte> bytes, long at)
    {
        while (!bytes.IsEmpty)
        {
            nint n;
            fixed (byte* p = bytes)
                n = Libc.pwrite(fd, p, (nuint)bytes.Length, at);
            if (n < 0 && Libc.LastError == Errno.Interrupted)
                continue;
            if (n <= 0)
                return n < 0 ? Libc.LastError : Errno.NoSpace;
            bytes = bytes[(int)n..];
            at += n;
        }
        return Errno.None;
    }
}
