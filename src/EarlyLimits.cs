// Compiled into every executable of ours, as EarlyMask.cs is. The constraint: the runtime reserves address space before
// Main, and `chpst -m 10000000 chpst -u app ...` starts us with hardly any. The scheme: before the runtime starts, the soft
// limits of address space and data are raised to the hard ones; what was found is put back before anything is executed.
using System.Runtime.InteropServices;

namespace Keelson;

internal static unsafe class EarlyLimits
{
    private const int DataResource = 2;
    private const int AddressSpaceResource = 9;

    // Blittable statics without a constructor: this runs before the runtime does. 0: the limit was not touched.
    internal static ulong Data;
    internal static ulong AddressSpace;
    private static Limit s_limit;

    private struct Limit
    {
        public ulong Soft;
        public ulong Hard;
    }

    [DllImport("libc"), SuppressGCTransition]
    private static extern int prlimit(int pid, int resource, Limit* set, Limit* old);

    internal static void Raise()
    {
        Data = Raise(DataResource);
        AddressSpace = Raise(AddressSpaceResource);
    }

    private static ulong Raise(int resource)
    {
        fixed (Limit* limit = &s_limit)
        {
            if (prlimit(0, resource, null, limit) != 0 || limit->Soft == limit->Hard)
                return 0;
            ulong found = limit->Soft;
            limit->Soft = limit->Hard;
            return prlimit(0, resource, limit, null) == 0 ? found : 0;
        }
    }
}
