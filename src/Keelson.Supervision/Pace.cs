namespace Keelson.Supervision;

/// <summary>When ./run may be started again (runsv(8)): at most once a second.</summary>
public static class Pace
{
    /// <summary>The least time between two starts, in milliseconds.</summary>
    public const long Milliseconds = 1000;

    private const long MaxRetryMilliseconds = 60_000;

    /// <summary>Milliseconds until the next start. As runit has it, a whole second when the last start is not a second ago.</summary>
    public static long Delay(long now, long? lastStart, long pace = Milliseconds) =>
        lastStart is { } started && now - started < pace ? pace : 0;

    /// <summary>Milliseconds until a start that failed so many times in a row is tried again: 1, 2, 4 ... 60 s.</summary>
    public static long RetryDelay(int failures) =>
        Math.Min(Milliseconds << Math.Clamp(failures - 1, 0, 16), MaxRetryMilliseconds);
}
