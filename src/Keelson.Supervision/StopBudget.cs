namespace Keelson.Supervision;

/// <summary>The phases of a stop, in their order.</summary>
public enum StopPhase
{
    MainCommand,
    PreShutdownHooks,
    Services,
    PostShutdownHooks,
    Rest,
    EarlyServices,
}

/// <summary>
/// The time that a whole stop may take, shared by its phases: `docker stop` kills everything 10 s after it asked, so with
/// the default time-outs all phases together get 8 s. A phase may use its own time-out in full when no other was late;
/// what late ones used up is missing for the rest, but every phase keeps a reserve. All times are milliseconds of one
/// clock, which the caller reads.
/// </summary>
public sealed class StopBudget
{
    /// <summary>What is left after a second TERM or INT, in milliseconds.</summary>
    public const long HastenedMilliseconds = 1000;

    private readonly long _reserve;
    private long _end;

    /// <param name="now">When the stop began.</param>
    /// <param name="processTimeout">KILL_PROCESS_TIMEOUT in milliseconds.</param>
    /// <param name="allProcessesTimeout">KILL_ALL_PROCESSES_TIMEOUT in milliseconds.</param>
    public StopBudget(long now, long processTimeout, long allProcessesTimeout)
    {
        // 5 s and 5 s make 8 s. The reserves of five later phases (5 * 12 %) are the 60 %, so that one late phase always
        // gets the whole of KILL_PROCESS_TIMEOUT.
        _reserve = allProcessesTimeout * 12 / 100;
        _end = now + processTimeout + allProcessesTimeout * 60 / 100;
    }

    public bool Hastened { get; private set; }

    /// <summary>When the last phase must be over.</summary>
    public long End => _end;

    /// <summary>A second TERM or INT: whatever is left is done within a second.</summary>
    public void Hasten(long now)
    {
        Hastened = true;
        _end = Math.Min(_end, now + HastenedMilliseconds);
    }

    /// <summary>How long a phase may take from <paramref name="now"/> on: its own time-out, or what the later ones leave of the rest.</summary>
    public long Slice(StopPhase phase, long now, long timeout)
    {
        int later = StopPhase.EarlyServices - phase;
        long left = Math.Max(_end - now, 0);
        long reserve = Math.Min(_reserve, left / (later + 1));
        return Math.Min(timeout, left - later * reserve);
    }

    /// <summary>As <see cref="Slice"/>, for one of several hooks: those behind it in the same phase keep a little as well.</summary>
    public long HookSlice(StopPhase phase, long now, long timeout, int hooksBehind)
    {
        long all = Slice(phase, now, long.MaxValue);
        long kept = Math.Min(200, all / (hooksBehind + 1));
        return Math.Min(timeout, all - hooksBehind * kept);
    }
}
