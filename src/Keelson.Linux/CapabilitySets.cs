using System.Runtime.InteropServices;

namespace Keelson.Linux;

/// <summary>
/// The sets of capabilities(7) of the calling thread, bit n for capability n. The kernel keeps them for each thread, so
/// this is for commands that execute another program from their first thread.
/// </summary>
public static unsafe class CapabilitySets
{
    private const int KeepCapabilities = 8, ReadBounding = 23, DropBounding = 24, SetNoNewPrivileges = 38, Ambient = 47;

    /// <summary>What the kernel knows and the bounding set still has.</summary>
    public static ulong Bounding
    {
        get
        {
            ulong set = 0;
            for (int i = 0; i < 64 && Libc.prctl(ReadBounding, (nuint)i, 0, 0, 0) is >= 0 and var has; i++)
                set |= (ulong)has << i;
            return set;
        }
    }

    /// <summary>The permitted set; 0 when the kernel does not tell.</summary>
    public static ulong Permitted => Read(out Sets sets) == Errno.None ? Join(sets.PermittedLow, sets.PermittedHigh) : 0;

    /// <summary>Takes a capability out of the bounding set, for good.</summary>
    public static Errno Drop(int capability) => Libc.Check(Libc.prctl(DropBounding, (nuint)capability, 0, 0, 0));

    /// <summary>Takes capabilities out of the inheritable set, then puts others in.</summary>
    public static Errno ChangeInheritable(ulong removed, ulong added)
    {
        Errno error = Read(out Sets sets);
        if (error != Errno.None)
            return error;
        ulong now = Join(sets.InheritableLow, sets.InheritableHigh);
        ulong wanted = now & ~removed | added;
        if (wanted == now)
            return Errno.None;
        (sets.InheritableLow, sets.InheritableHigh) = ((uint)wanted, (uint)(wanted >> 32));
        Header header = Header.OfUs;
        return Libc.Check(Libc.capset(&header, &sets));
    }

    /// <summary>The permitted set outlives the next change of the user (PR_SET_KEEPCAPS); exec ends that.</summary>
    public static Errno KeepThroughUserChange() => Libc.Check(Libc.prctl(KeepCapabilities, 1, 0, 0, 0));

    /// <summary>Puts a capability that is permitted and inheritable in the ambient set, which outlives exec.</summary>
    public static Errno RaiseAmbient(int capability)
    {
        const nuint raise = 2;
        return Libc.Check(Libc.prctl(Ambient, raise, (nuint)capability, 0, 0));
    }

    /// <summary>No exec gives more rights than there are (PR_SET_NO_NEW_PRIVS), for good.</summary>
    public static Errno ForbidNewPrivileges() => Libc.Check(Libc.prctl(SetNoNewPrivileges, 1, 0, 0, 0));

    private static Errno Read(out Sets sets)
    {
        Header header = Header.OfUs;
        fixed (Sets* p = &sets)
            return Libc.Check(Libc.capget(&header, p));
    }

    private static ulong Join(uint low, uint high) => low | (ulong)high << 32;

    /// <summary>struct __user_cap_header_struct, of version 3.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Header
    {
        public uint Version;
        public int Thread;

        public static Header OfUs => new() { Version = 0x20080522 };
    }

    /// <summary>Two of struct __user_cap_data_struct.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Sets
    {
        public uint EffectiveLow;
        public uint PermittedLow;
        public uint InheritableLow;
        public uint EffectiveHigh;
        public uint PermittedHigh;
        public uint InheritableHigh;
    }
}
