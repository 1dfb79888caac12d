namespace Keelson.Linux;

/// <summary>Time that only goes forward.</summary>
public static unsafe class Clock
{
    /// <summary>CLOCK_MONOTONIC in milliseconds.</summary>
    public static long Milliseconds
    {
        get
        {
            const int monotonic = 1;
            long* time = stackalloc long[2];
            _ = Libc.clock_gettime(monotonic, time);
            return time[0] * 1000 + time[1] / 1_000_000;
        }
    }
}
