namespace Keelson.Supervision;

/// <summary>What a state looks like from the outside: supervise/stat and the last byte of supervise/status (runsv(8)).</summary>
public static class StatusWords
{
    private static readonly string?[] s_known = new string?[48];

    /// <summary>
    /// What sv is to see. While what was left behind is being ended a service is not down yet; runit has no word for that,
    /// and finish without a process is the one that all of sv's commands wait for.
    /// </summary>
    public static RunState RunStateOf(State state) => state.Phase switch
    {
        Phase.Run => RunState.Run,
        Phase.Finish or Phase.Sweep or Phase.Clean => RunState.Finish,
        _ => RunState.Down,
    };

    /// <summary>The line of supervise/stat without its newline. The same string object for the same words.</summary>
    public static string Of(State state)
    {
        RunState run = RunStateOf(state);
        int want = run == RunState.Down ? 0 : state.Want switch { Want.Up => 0, Want.Exit => 2, _ => 1 };
        int key = (((int)run * 2 + (state.Paused ? 1 : 0)) * 2 + (state.GotTerm ? 1 : 0)) * 3 + want;
        return s_known[key] ??= Words(run, state, want);
    }

    private static string Words(RunState run, State state, int want) =>
        (run switch { RunState.Run => "run", RunState.Finish => "finish", _ => "down" }) +
        (state.Paused ? ", paused" : "") +
        (state.GotTerm ? ", got TERM" : "") +
        (want switch { 1 => ", want down", 2 => ", want exit", _ => "" });
}
