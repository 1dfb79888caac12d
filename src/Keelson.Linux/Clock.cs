namespace Keelson.Linux;

/// <summary>clock_gettime(2).</summary>
public static unsafe class Clock
{
    /// <summary>The time of day in seconds since 1970 and nanoseconds (CLOCK_REALTIME). It can jump: for showing only.</summary>
    public static (long Seconds, uint Nanoseconds) TimeOfDay => Read(0);

    /// <summary>Since the kernel started, sleep included (CLOCK_BOOTTIME).</summary>
    public static (long Seconds, uint Nanoseconds) SinceBoot => Read(7);

    /// <summary>CLOCK_MONOTONIC in milliseconds.</summary>
    public static long Milliseconds
    {
        get
        {
            (long seconds, uint nanoseconds) = Read(1);
            return seconds * 1000 + nanoseconds / 1_000_000;
        }
    }

    /// <summary>CLOCK_MONOTONIC in microseconds.</summary>
    public static long Microseconds
    {
        get
        {
            (long seconds, uint nanoseconds) = Read(1);
            return seconds * 1_000_000 + nanoseconds / 1000;
        }
    }

    private static (long Seconds, uint Nanoseconds) Read(int clock)
    {
        long* time = stackalloc long[2];
        _ = Libc.clock_gettime(clock, time);
        return (time[0], (uint)time[1]);
    }

    /// <summary>Does nothing for so long, or until a signal is handled. For commands, never for PID 1.</summary>
    public static void Sleep(int milliseconds) => _ = Libc.poll(null, 0, milliseconds);
}
