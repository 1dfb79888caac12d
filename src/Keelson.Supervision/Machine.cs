// The life of one service, as runit's runsv lives it (runsv(8)): a named, total table from (state, event) to (state,
// actions). It reads no clock, makes no system call and logs nothing; the shell round it (Keelson.Init, Service.cs)
// turns what happened into events and carries the actions out. The whole table is a golden file of the tests.
namespace Keelson.Supervision;

/// <summary>Where a service is.</summary>
public enum Phase
{
    /// <summary>Nothing runs and nothing is to be started.</summary>
    Down,

    /// <summary>./run is to be started as soon as its pace allows.</summary>
    Waiting,

    /// <summary>./run runs.</summary>
    Run,

    /// <summary>./run was sent KILL by command and has not been reaped yet; runit says "down" of it at once.</summary>
    Killed,

    /// <summary>./run has ended after we asked it to, and what is left of its process group is being ended.</summary>
    Sweep,

    /// <summary>./finish runs.</summary>
    Finish,

    /// <summary>No longer supervised.</summary>
    Gone,
}

/// <summary>What is wanted of a service, once what runs now has ended.</summary>
public enum Want
{
    Up,
    Down,

    /// <summary>Down, and then no longer supervised.</summary>
    Exit,
}

/// <summary>What happens to a service: facts first, then the commands of supervise/control.</summary>
public enum Event
{
    /// <summary>A second has passed since ./run was last started, or what hindered its start has changed.</summary>
    PaceElapsed,

    /// <summary>./run was reaped, or could not be started.</summary>
    RunEnded,

    /// <summary>Nothing is left of the process group of ./run.</summary>
    Swept,

    /// <summary>./finish was reaped, could not be started, or does not exist.</summary>
    FinishEnded,

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

/// <summary>What the shell is to do, in the order of the bits.</summary>
[Flags]
public enum Actions
{
    None = 0,

    /// <summary>Send <see cref="Event.PaceElapsed"/> when the pace allows, which may be now.</summary>
    ArmStart = 1 << 0,

    /// <summary>Start ./run.</summary>
    StartRun = 1 << 1,

    /// <summary>TERM and CONT to what is left of the process group; <see cref="Event.Swept"/> when it is empty, which may be now.</summary>
    SweepGroup = 1 << 2,

    /// <summary>Start ./finish, or send <see cref="Event.FinishEnded"/> where there is none.</summary>
    StartFinish = 1 << 3,

    /// <summary>SIGTERM to the process.</summary>
    SendTerm = 1 << 4,

    /// <summary>SIGCONT to the process.</summary>
    SendCont = 1 << 5,

    /// <summary>SIGSTOP to the process.</summary>
    SendStop = 1 << 6,
    SendHup = 1 << 7,
    SendAlarm = 1 << 8,
    SendInterrupt = 1 << 9,
    SendQuit = 1 << 10,
    SendUsr1 = 1 << 11,
    SendUsr2 = 1 << 12,

    /// <summary>SIGKILL to the process, as the command k has it.</summary>
    SendKill = 1 << 13,

    /// <summary>SIGKILL to the whole process group.</summary>
    KillGroup = 1 << 14,

    /// <summary>Forget the service.</summary>
    Leave = 1 << 15,
}

/// <summary>All that a service's future depends on.</summary>
/// <param name="GotTerm">We sent TERM to the ./run that runs now.</param>
/// <param name="Paused">We sent STOP to the ./run that runs now.</param>
public readonly record struct State(Phase Phase, Want Want, bool GotTerm = false, bool Paused = false)
{
    /// <summary>A newly found service; <paramref name="down"/> when it has a file of that name.</summary>
    public static State Found(bool down) => down ? new(Phase.Down, Want.Down) : new(Phase.Waiting, Want.Up);
}

/// <summary>What an event leads to.</summary>
public readonly record struct Step(State State, Actions Actions);

public static class Machine
{
    /// <summary>What follows from <paramref name="e"/> in state <paramref name="s"/>. Total: what does not fit changes nothing.</summary>
    public static Step On(State s, Event e) => (s.Phase, e) switch
    {
        (Phase.Gone, _) => new(s, Actions.None),

        // Facts
        (Phase.Waiting, Event.PaceElapsed) => new(new(Phase.Run, s.Want), Actions.StartRun),
        (Phase.Run or Phase.Killed, Event.RunEnded) when AskedToEnd(s) => new(new(Phase.Sweep, s.Want), Actions.SweepGroup),
        (Phase.Run or Phase.Killed, Event.RunEnded) => new(new(Phase.Finish, s.Want), Actions.StartFinish),
        (Phase.Sweep, Event.Swept) => new(new(Phase.Finish, s.Want), Actions.StartFinish),
        (Phase.Finish, Event.FinishEnded) => s.Want switch
        {
            Want.Up => new(new(Phase.Waiting, Want.Up), Actions.ArmStart),
            Want.Down => new(new(Phase.Down, Want.Down), Actions.None),
            _ => new(new(Phase.Gone, Want.Exit), Actions.Leave),
        },
        (Phase.Run or Phase.Killed or Phase.Sweep or Phase.Finish, Event.TimeUp) => new(s, Actions.KillGroup),

        // What is wanted
        (Phase.Down, Event.Up) => new(new(Phase.Waiting, Want.Up), Actions.ArmStart),
        (_, Event.Up) => new(s with { Want = Want.Up }, Actions.None),
        (Phase.Down, Event.Once) => new(new(Phase.Waiting, Want.Down), Actions.ArmStart),
        (_, Event.Once) => new(s with { Want = Want.Down }, Actions.None),
        (Phase.Run or Phase.Killed, Event.Down) => new(s with { Want = Want.Down, GotTerm = true }, Actions.SendTerm | Actions.SendCont),
        (Phase.Waiting, Event.Down) => new(new(Phase.Down, Want.Down), Actions.None),
        (_, Event.Down) => new(s with { Want = Want.Down }, Actions.None),
        (Phase.Run or Phase.Killed, Event.Exit) => new(s with { Want = Want.Exit, GotTerm = true }, Actions.SendTerm | Actions.SendCont),
        (Phase.Waiting or Phase.Down, Event.Exit) => new(new(Phase.Gone, Want.Exit), Actions.Leave),
        (_, Event.Exit) => new(s with { Want = Want.Exit }, Actions.None),

        // Signals: only to a ./run that runs
        (Phase.Run, Event.Term) => new(s with { GotTerm = true }, Actions.SendTerm),
        (Phase.Run, Event.Kill) => new(s with { Phase = Phase.Killed }, Actions.SendKill),
        (Phase.Run, Event.Pause) => new(s with { Paused = true }, Actions.SendStop),
        (Phase.Run, Event.Cont) => new(s with { Paused = false }, Actions.SendCont),
        (Phase.Run, Event.Hup) => new(s, Actions.SendHup),
        (Phase.Run, Event.Alarm) => new(s, Actions.SendAlarm),
        (Phase.Run, Event.Interrupt) => new(s, Actions.SendInterrupt),
        (Phase.Run, Event.Quit) => new(s, Actions.SendQuit),
        (Phase.Run, Event.Usr1) => new(s, Actions.SendUsr1),
        (Phase.Run, Event.Usr2) => new(s, Actions.SendUsr2),

        _ => new(s, Actions.None),
    };

    /// <summary>
    /// Whether ./run ends because it is not wanted any more. Then nothing of it may stay behind. A ./run that ended by
    /// itself, or once, may leave processes, as under runit.
    /// </summary>
    private static bool AskedToEnd(State s) => s.Want == Want.Exit || s.Want == Want.Down && s.GotTerm;
}
