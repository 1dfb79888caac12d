using System.Runtime.InteropServices;

namespace Keelson.Linux;

/// <summary>Where this process stands: session, directory, root, nice level. For commands that execute another program afterwards.</summary>
public static unsafe class Sessions
{
    /// <summary>setsid(2).</summary>
    public static Errno Begin() => Libc.Check(Libc.setsid());

    public static Errno ChangeDirectory(ReadOnlySpan<byte> path)
    {
        Span<byte> buffer = stackalloc byte[CString.Size];
        Errno error = CString.Write(path, buffer);
        if (error != Errno.None)
            return error;
        fixed (byte* p = buffer)
            return Libc.Check(Libc.chdir(p));
    }

    /// <summary>chroot(2) to the working directory.</summary>
    public static Errno ChangeRootToHere()
    {
        fixed (byte* here = ".\0"u8)
            return Libc.Check(Libc.chroot(here));
    }

    /// <summary>umask(2).</summary>
    public static void SetFileModeMask(uint mask) => _ = Libc.umask(mask);

    /// <summary>
    /// Sets the nice level. Where we may not, it is the nearest that the limit of getrlimit(2) allows, and no worse than now.
    /// </summary>
    /// <returns>The level that holds now.</returns>
    public static Result<int> SetNice(int level)
    {
        const int ofProcess = 0, niceLimit = 13;
        Errno error = Libc.Check(Libc.setpriority(ofProcess, 0, level));
        if (error == Errno.None)
            return new(level, error);
        if (error is not (Errno.Access or Errno.NotPermitted))
            return new(0, error);
        Marshal.SetLastSystemError(0);
        int now = Libc.getpriority(ofProcess, 0);
        ulong* limit = stackalloc ulong[2];
        if (Libc.prlimit(0, niceLimit, null, limit) < 0)
            return new(now, Errno.None);
        int nearest = Math.Max(level, 20 - (int)Math.Min(limit[0], 40));
        return new(nearest < now && Libc.setpriority(ofProcess, 0, nearest) == 0 ? nearest : now, Errno.None);
    }

    /// <summary>nice(2): what is beyond the range ends at its border.</summary>
    public static Errno AddNice(int increment)
    {
        const int ofProcess = 0, least = -20, most = 19;
        Marshal.SetLastSystemError(0);
        int now = Libc.getpriority(ofProcess, 0);
        return Libc.Check(Libc.setpriority(ofProcess, 0, (int)Math.Clamp((long)now + increment, least, most)));
    }
}
