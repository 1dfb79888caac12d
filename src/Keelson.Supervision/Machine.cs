// The life of one service, as runit's runsv lives it (runsv(8)): a named, total table from (state, event) to (state,
// actions). It reads no clock, makes no system call and logs nothing; the shell round it (Keelson.Init, Supervised.cs)
// turns what happened into events and carries the actions out. The whole table is a golden file of the tests.
namespace Keelson.Supervision;

/// <summary>Where a service is.</summary>
public enum Phase
{
    /// <summary>Nothing runs and nothing is to be started.</summary>
    Down,

    /// <summary>./run is to be started as soon as its pace allows.</summary>
    Waiting,

    /// <summary>control/u runs, which precedes every start of ./run.</summary>
    Starting,

    /// <summary>./run runs.</summary>
    Run,

    /// <summary>./run was sent KILL by command and has not been reaped yet; runit says "down" of it at once.</summary>
    Killed,

    /// <summary>./run has ended after we asked it to, and what it left behind is being ended.</summary>
    Sweep,

    /// <summary>./finish runs.</summary>
    Finish,

    /// <summary>The service is not wanted any more, and what is left of it is being ended.</summary>
    Clean,

    /// <summary>No longer supervised.</summary>
    Gone,
}

/// <summary>What is wanted of a service, once what runs now has ended.</summary>
public enum Want
{
    Up,

    /// <summary>To run once, then down. What it leaves behind may stay: a program that puts itself into the background.</summary>
    Once,

    /// <summary>Down, with all that it started.</summary>
    Down,

    /// <summary>Down, and then no longer supervised.</summary>
    Exit,
}

/// <summary>What happens to a service: facts first, then the commands of supervise/control.</summary>
public enum Event
{
    /// <summary>The pause between two starts is over, or what hindered the start has changed.</summary>
    PaceElapsed,

    /// <summary>control/u has ended, or there is none.</summary>
    Prepared,

    /// <summary>./run was reaped, or could not be started.</summary>
    RunEnded,

    /// <summary>Nothing is left of what ./run started.</summary>
    Swept,

    /// <summary>./finish was started.</summary>
    FinishStarted,

    /// <summary>./finish was reaped, could not be started, or does not exist.</summary>
    FinishEnded,

    /// <summary>Nothing is left of the whole service.</summary>
    Cleaned,

    /// <summary>TERM was sent to ./run: control/t did not do it instead.</summary>
    TermSent,

    /// <summary>STOP was sent to ./run, or control/p did what it does instead.</summary>
    StopSent,

    /// <summary>For a log service: nobody will write to it any more.</summary>
    InputEnded,

    /// <summary>The time that was given to end is over.</summary>
    TimeUp,

    /// <summary>u</summary>
    Up,

    /// <summary>d</summary>
    Down,

    /// <summary>o</summary>
    Once,

    /// <summary>x</summary>
    Exit,

    /// <summary>t</summary>
    Term,

    /// <summary>k</summary>
    Kill,

    /// <summary>p</summary>
    Pause,

    /// <summary>c</summary>
    Cont,

    /// <summary>h</summary>
    Hup,

    /// <summary>a</summary>
    Alarm,

    /// <summary>i</summary>
    Interrupt,

    /// <summary>q</summary>
    Quit,

    /// <summary>1</summary>
    Usr1,

    /// <summary>2</summary>
    Usr2,
}

/// <summary>What the shell is to do: at most one thing a step. Where there is a script control/LETTER for it, that comes first.</summary>
public enum Effect
{
    None,

    /// <summary>Send <see cref="Event.PaceElapsed"/> when the pace allows, which may be now.</summary>
    ArmStart,

    /// <summary>Run control/u; send <see cref="Event.Prepared"/> afterwards, or now where there is none.</summary>
    Prepare,

    /// <summary>Start ./run.</summary>
    StartRun,

    /// <summary>
    /// control/t or TERM (then send <see cref="Event.TermSent"/>); CONT unless it is wanted up; and control/d when it is
    /// wanted down, control/x when it is to exit.
    /// </summary>
    Stop,

    /// <summary>TERM and CONT to what ./run left behind; <see cref="Event.Swept"/> when there is nothing more, which may be now.</summary>
    Sweep,

    /// <summary>Start ./finish and send <see cref="Event.FinishStarted"/>, or <see cref="Event.FinishEnded"/> where there is none.</summary>
    StartFinish,

    /// <summary>TERM and CONT to what the service left behind; <see cref="Event.Cleaned"/> when there is nothing more, which may be now.</summary>
    Clean,

    /// <summary>SIGCONT to the process.</summary>
    SendCont,

    /// <summary>SIGSTOP to the process; then <see cref="Event.StopSent"/>.</summary>
    SendStop,
    SendHup,
    SendAlarm,
    SendInterrupt,
    SendQuit,
    SendUsr1,
    SendUsr2,

    /// <summary>SIGKILL to the process, as the command k has it.</summary>
    SendKill,

    /// <summary>SIGKILL to all that is late.</summary>
    KillLate,

    /// <summary>Forget the service.</summary>
    Leave,
}

/// <summary>All that a service's future depends on.</summary>
/// <param name="GotTerm">We sent TERM to the ./run that runs now.</param>
/// <param name="Paused">We sent STOP and not CONT, and nothing was started since; runit says so of a service that is down, too.</param>
public readonly record struct State(Phase Phase, Want Want, bool GotTerm = false, bool Paused = false)
{
    /// <summary>A newly found service; <paramref name="down"/> when it has a file of that name.</summary>
    public static State Found(bool down) => down ? new(Phase.Down, Want.Down) : new(Phase.Waiting, Want.Up);
}

/// <summary>What an event leads to.</summary>
public readonly record struct Step(State State, Effect Effect);

public static class Machine
{
    /// <summary>What follows from <paramref name="e"/> in state <paramref name="s"/>. Total: what does not fit changes nothing.</summary>
    public static Step On(State s, Event e) => (s.Phase, e) switch
    {
        (Phase.Gone, _) => new(s, Effect.None),

        // Facts
        (Phase.Waiting, Event.PaceElapsed) => new(s with { Phase = Phase.Starting }, Effect.Prepare),
        (Phase.Starting, Event.Prepared) => s.Want switch
        {
            Want.Up or Want.Once => new(new(Phase.Run, s.Want), Effect.StartRun),
            _ => new(s with { Phase = Phase.Clean }, Effect.Clean),
        },
        (Phase.Run or Phase.Killed, Event.RunEnded) => IsUnwanted(s)
            ? new(s with { Phase = Phase.Sweep, GotTerm = false }, Effect.Sweep)
            : new(s with { Phase = Phase.Finish, GotTerm = false }, Effect.StartFinish),
        (Phase.Sweep, Event.Swept) => new(s with { Phase = Phase.Finish }, Effect.StartFinish),
        (Phase.Finish, Event.FinishStarted) => new(s with { Paused = false }, Effect.None),
        (Phase.Finish, Event.FinishEnded) => s.Want switch
        {
            Want.Up => new(s with { Phase = Phase.Waiting }, Effect.ArmStart),
            Want.Once => new(s with { Phase = Phase.Down }, Effect.None),
            _ => new(s with { Phase = Phase.Clean }, Effect.Clean),
        },
        (Phase.Clean, Event.Cleaned) => s.Want switch
        {
            Want.Up or Want.Once => new(s with { Phase = Phase.Waiting }, Effect.ArmStart),
            Want.Down => new(s with { Phase = Phase.Down }, Effect.None),
            _ => new(new(Phase.Gone, Want.Exit), Effect.Leave),
        },
        (Phase.Run or Phase.Killed, Event.TermSent) => new(s with { GotTerm = true }, Effect.None),
        (Phase.Run, Event.StopSent) => new(s with { Paused = true }, Effect.None),
        (Phase.Starting or Phase.Run or Phase.Killed or Phase.Sweep or Phase.Finish or Phase.Clean, Event.TimeUp) => new(s, Effect.KillLate),

        // What is wanted
        (Phase.Down, Event.Up) => new(s with { Phase = Phase.Waiting, Want = Want.Up }, Effect.ArmStart),
        (_, Event.Up) => new(s with { Want = Want.Up }, Effect.None),
        (Phase.Down, Event.Once) => new(s with { Phase = Phase.Waiting, Want = Want.Once }, Effect.ArmStart),
        (_, Event.Once) => new(s with { Want = Want.Once }, Effect.None),
        (Phase.Run or Phase.Killed, Event.Down) => new(s with { Want = Want.Down }, Effect.Stop),
        (Phase.Waiting or Phase.Down, Event.Down) => new(s with { Phase = Phase.Clean, Want = Want.Down }, Effect.Clean),
        (_, Event.Down) => new(s with { Want = Want.Down }, Effect.None),
        (Phase.Run or Phase.Killed, Event.Exit) => new(s with { Want = Want.Exit }, Effect.Stop),
        (Phase.Waiting or Phase.Down, Event.Exit or Event.InputEnded) => new(s with { Phase = Phase.Clean, Want = Want.Exit }, Effect.Clean),
        (_, Event.Exit or Event.InputEnded) => new(s with { Want = Want.Exit }, Effect.None),

        // Signals: only to a ./run that runs
        (Phase.Run, Event.Term) => new(s, Effect.Stop),
        (Phase.Run, Event.Kill) => new(s with { Phase = Phase.Killed }, Effect.SendKill),
        (Phase.Run, Event.Pause) => new(s, Effect.SendStop),
        (Phase.Run, Event.Cont) => new(s with { Paused = false }, Effect.SendCont),
        (_, Event.Cont) => new(s with { Paused = false }, Effect.None),
        (Phase.Run, Event.Hup) => new(s, Effect.SendHup),
        (Phase.Run, Event.Alarm) => new(s, Effect.SendAlarm),
        (Phase.Run, Event.Interrupt) => new(s, Effect.SendInterrupt),
        (Phase.Run, Event.Quit) => new(s, Effect.SendQuit),
        (Phase.Run, Event.Usr1) => new(s, Effect.SendUsr1),
        (Phase.Run, Event.Usr2) => new(s, Effect.SendUsr2),

        _ => new(s, Effect.None),
    };

    /// <summary>The event that a byte written to supervise/control is; null for one that means nothing (runsv(8)).</summary>
    public static Event? Command(byte letter) => letter switch
    {
        (byte)'u' => Event.Up,
        (byte)'d' => Event.Down,
        (byte)'o' => Event.Once,
        (byte)'x' => Event.Exit,
        (byte)'t' => Event.Term,
        (byte)'k' => Event.Kill,
        (byte)'p' => Event.Pause,
        (byte)'c' => Event.Cont,
        (byte)'h' => Event.Hup,
        (byte)'a' => Event.Alarm,
        (byte)'i' => Event.Interrupt,
        (byte)'q' => Event.Quit,
        (byte)'1' => Event.Usr1,
        (byte)'2' => Event.Usr2,
        _ => null,
    };

    /// <summary>
    /// Whether nothing of a service may stay behind when it ends. A ./run that ended by itself, or once, may leave
    /// processes, as under runit.
    /// </summary>
    private static bool IsUnwanted(State s) => s.Want is Want.Down or Want.Exit;
}
