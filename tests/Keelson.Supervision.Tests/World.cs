namespace Keelson.Supervision.Tests;

/// <summary>A service's surroundings, as small as can be: what is started runs until it is told to end.</summary>
internal sealed class World
{
    private bool _preparing;
    private bool _run;
    private bool _finish;
    private bool _sweeping;
    private bool _termPending;

    internal World(bool down) => State = State.Found(down);

    internal State State { get; private set; }

    internal int Processes => (_run ? 1 : 0) + (_finish ? 1 : 0) + (_preparing ? 1 : 0);

    /// <summary>An event that may happen now; one that can't (the end of what does not run) is dropped.</summary>
    internal void Offer(Event e)
    {
        bool possible = e switch
        {
            Event.PaceElapsed => State.Phase == Phase.Waiting,
            Event.Prepared => _preparing,
            Event.RunEnded => _run,
            Event.FinishEnded => _finish,
            Event.Swept => _sweeping && State.Phase == Phase.Sweep,
            Event.Cleaned => _sweeping && State.Phase == Phase.Clean,
            Event.TermSent or Event.StopSent => _run,
            Event.FinishStarted => _finish,
            _ => true,
        };
        if (!possible)
            return;
        _preparing &= e != Event.Prepared;
        _run &= e != Event.RunEnded;
        _finish &= e != Event.FinishEnded;
        _sweeping &= e is not (Event.Swept or Event.Cleaned);
        Command(e);
    }

    internal void Command(Event e)
    {
        Step step = Machine.On(State, e);
        State = step.State;
        switch (step.Effect)
        {
            case Effect.Prepare:
                Assert.Equal(0, Processes);
                _preparing = true;
                break;
            case Effect.StartRun:
                Assert.Equal(0, Processes);
                _run = true;
                _termPending = false;
                break;
            case Effect.StartFinish:
                Assert.Equal(0, Processes);
                _finish = true;
                break;
            case Effect.Sweep or Effect.Clean:
                Assert.False(_sweeping, "swept twice at once");
                _sweeping = true;
                break;
            case Effect.Stop or Effect.SendKill:
                Assert.True(_run, $"{e} signalled what does not run");
                _termPending = true;
                break;
            case Effect.SendCont or Effect.SendStop or Effect.SendHup or Effect.SendAlarm or Effect.SendInterrupt or Effect.SendQuit or Effect.SendUsr1 or Effect.SendUsr2:
                Assert.True(_run, $"{e} signalled what does not run");
                break;
            case Effect.KillLate:
                _termPending = true;
                break;
            default:
                break;
        }
    }

    /// <summary>Lets everything end that was told to, and everything start that may.</summary>
    internal void Settle()
    {
        for (int i = 0; i < 20; i++)
        {
            Offer(Event.PaceElapsed);
            Offer(Event.Prepared);
            Offer(Event.Swept);
            Offer(Event.Cleaned);
            Offer(Event.FinishEnded);
            if (_termPending)
                Offer(Event.RunEnded);
        }
    }
}
