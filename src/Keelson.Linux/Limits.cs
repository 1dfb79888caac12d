namespace Keelson.Linux;

/// <summary>The limits of getrlimit(2) that chpst sets.</summary>
public enum Resource
{
    Cpu = 0,
    FileSize = 1,
    Data = 2,
    Stack = 3,
    Core = 4,
    ResidentSet = 5,
    Processes = 6,
    OpenFiles = 7,
    LockedMemory = 8,
    AddressSpace = 9,
}

public static unsafe class Limits
{
    private static ulong s_data;
    private static ulong s_addressSpace;

    /// <summary>Sets the soft limit, at most to the hard one.</summary>
    public static Errno SetSoft(Resource resource, ulong value)
    {
        ulong* limit = stackalloc ulong[2];
        Errno error = Libc.Check(Libc.prlimit(0, (int)resource, null, limit));
        if (error != Errno.None)
            return error;
        limit[0] = Math.Min(value, limit[1]);
        return Libc.Check(Libc.prlimit(0, (int)resource, limit, null));
    }

    /// <summary>
    /// Sets both limits of a resource, by its number of getrlimit(2). Without the right to raise the hard one it is the
    /// nearest that may be.
    /// </summary>
    /// <returns>The limits that hold now.</returns>
    public static Result<(ulong Soft, ulong Hard)> Set(int resource, ulong soft, ulong hard)
    {
        ulong* limit = stackalloc ulong[] { soft, hard };
        Errno error = Libc.Check(Libc.prlimit(0, resource, limit, null));
        if (error == Errno.NotPermitted)
        {
            error = Libc.Check(Libc.prlimit(0, resource, null, limit));
            if (error == Errno.None)
            {
                (limit[0], limit[1]) = (Math.Min(soft, limit[1]), Math.Min(hard, limit[1]));
                error = Libc.Check(Libc.prlimit(0, resource, limit, null));
            }
        }
        return error == Errno.None ? new((limit[0], limit[1]), error) : new(default, error);
    }

    /// <summary>The hard limit of a resource, by its number of getrlimit(2); the greatest number when the kernel does not tell.</summary>
    public static ulong Hard(int resource)
    {
        ulong* limit = stackalloc ulong[2];
        return Libc.prlimit(0, resource, null, limit) == 0 ? limit[1] : ulong.MaxValue;
    }

    /// <summary>The soft limits that were raised for our own runtime (EarlyLimits.cs), 0 where they were not.</summary>
    public static void Raised(ulong data, ulong addressSpace) => (s_data, s_addressSpace) = (data, addressSpace);

    /// <summary>Before another program takes our place: the limits that we were started with.</summary>
    internal static void PutBack()
    {
        if (s_data != 0)
            _ = SetSoft(Resource.Data, s_data);
        if (s_addressSpace != 0)
            _ = SetSoft(Resource.AddressSpace, s_addressSpace);
    }

    /// <summary>After <see cref="PutBack"/>, or <see cref="SetSoft"/>, when we go on ourselves.</summary>
    internal static void RaiseAgain()
    {
        if (s_data != 0)
            _ = SetSoft(Resource.Data, ulong.MaxValue);
        if (s_addressSpace != 0)
            _ = SetSoft(Resource.AddressSpace, ulong.MaxValue);
    }
}
