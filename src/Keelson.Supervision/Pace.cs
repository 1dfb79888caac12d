namespace Keelson.Supervision;

/// <summary>When ./run may be started again (runsv(8)). All times are milliseconds of one clock.</summary>
public static class Pace
{
    /// <summary>The pause after a ./run that ended within this time of its start.</summary>
    public const long Milliseconds = 1000;

    private const long MaxRetryMilliseconds = 60_000;

    /// <summary>The earliest time of the next start: at once when the last one is a second ago, else a whole second after the end.</summary>
    public static long NextStart(long started, long ended, long pace = Milliseconds) =>
        ended - started < pace ? ended + pace : ended;

    /// <summary>Milliseconds until a start that failed so many times in a row is tried again: 1, 2, 4 ... 60 s.</summary>
    public static long RetryDelay(int failures) =>
        Math.Min(Milliseconds << Math.Clamp(failures - 1, 0, 16), MaxRetryMilliseconds);
}
