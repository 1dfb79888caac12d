namespace Keelson.Linux;

/// <summary>
/// The number of descriptors that a process may have open (RLIMIT_NOFILE). A supervisor of a thousand services needs more
/// than the usual 1,024; its children are to have the limit that it was started with.
/// </summary>
public static unsafe class DescriptorLimit
{
    private const int NoFile = 7;
    private const ulong Enough = 65536;
    private static ulong s_theirs;
    private static ulong s_ours;
    private static ulong s_hard;

    // Left for children, sockets and files when thousands of services used up all others.
    private const ulong Spare = 32;

    /// <summary>Whether a descriptor is one of the last ones, which are not to be kept open for good.</summary>
    public static bool IsSpare(int fd) => s_ours != 0 && (ulong)fd + Spare >= s_ours;

    /// <summary>Raises our own soft limit as far as the hard one and sense allow.</summary>
    public static void Raise()
    {
        ulong* limit = stackalloc ulong[2];
        if (Libc.prlimit(0, NoFile, null, limit) < 0)
            return;
        s_theirs = s_ours = limit[0];
        s_hard = limit[1];
        ulong wanted = Math.Max(s_theirs, Math.Min(s_hard, Enough));
        if (wanted > s_theirs && Set(wanted) == Errno.None)
            s_ours = wanted;
    }

    /// <summary>Before a child is started: what it inherits.</summary>
    internal static void SetTheirs()
    {
        Limits.PutBack();
        if (s_theirs != s_ours)
            _ = Set(s_theirs);
    }

    internal static void SetOurs()
    {
        Limits.RaiseAgain();
        if (s_theirs != s_ours)
            _ = Set(s_ours);
    }

    private static Errno Set(ulong soft)
    {
        ulong* limit = stackalloc ulong[2];
        limit[0] = soft;
        limit[1] = s_hard;
        return Libc.Check(Libc.prlimit(0, NoFile, limit, null));
    }
}
