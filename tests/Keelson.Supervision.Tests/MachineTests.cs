using CsCheck;

namespace Keelson.Supervision.Tests;

public sealed class MachineTests
{
    private static readonly Gen<Event> s_anyEvent = Gen.Enum<Event>();

    [Fact]
    public void The_whole_table_is_what_the_golden_file_says() => Golden.Matches("Machine.golden.txt", Table.Render());

    [Fact]
    public void Every_phase_and_want_can_be_reached()
    {
        var states = Table.ReachableStates();
        Assert.Equal(Enum.GetValues<Phase>(), states.Select(s => s.Phase).Distinct().Order());
        Assert.Equal(Enum.GetValues<Want>(), states.Select(s => s.Want).Distinct().Order());
    }

    [Fact]
    public void Whatever_happened_before_a_service_that_is_told_to_exit_goes_away() =>
        s_anyEvent.Array[0, 40].Sample(events =>
        {
            var world = new World(down: false);
            foreach (Event e in events)
                world.Offer(e);
            world.Command(Event.Exit);
            world.Settle();
            Assert.Equal(Phase.Gone, world.State.Phase);
            Assert.Equal(0, world.Processes);
        });

    [Fact]
    public void Whatever_happened_before_up_brings_a_service_up_unless_it_has_gone() =>
        s_anyEvent.Array[0, 40].Sample(events =>
        {
            var world = new World(down: true);
            foreach (Event e in events)
                world.Offer(e);
            if (world.State.Phase == Phase.Gone)
                return;
            world.Command(Event.Up);
            world.Settle();
            Assert.Equal(Phase.Run, world.State.Phase);
        });

    [Fact]
    public void Whatever_happened_before_down_takes_a_service_down() =>
        s_anyEvent.Array[0, 40].Sample(events =>
        {
            var world = new World(down: false);
            foreach (Event e in events)
                world.Offer(e);
            world.Command(Event.Down);
            world.Settle();
            Assert.Contains(world.State.Phase, (Phase[])[Phase.Down, Phase.Gone]);
            Assert.Equal(0, world.Processes);
        });

    [Fact]
    public void A_service_never_has_two_processes_and_signals_only_one_that_runs() =>
        s_anyEvent.Array[0, 200].Sample(events =>
        {
            var world = new World(down: false);
            foreach (Event e in events)
                world.Offer(e);
            Assert.InRange(world.Processes, 0, 1);
        });

    [Fact]
    public void Got_TERM_is_forgotten_with_the_process_it_was_said_of() =>
        s_anyEvent.Array[0, 200].Sample(events =>
        {
            var world = new World(down: false);
            foreach (Event e in events)
            {
                world.Offer(e);
                if (world.State.Phase is not (Phase.Run or Phase.Killed))
                    Assert.False(world.State.GotTerm);
            }
        });

    [Theory]
    [InlineData(false, Phase.Waiting, Want.Up)]
    [InlineData(true, Phase.Down, Want.Down)]
    public void A_found_service_is_up_unless_it_has_a_down_file(bool down, Phase phase, Want want) =>
        Assert.Equal(new State(phase, want), State.Found(down));

    /// <summary>A service's surroundings, as small as can be: what is started runs until it is told to end.</summary>
    private sealed class World
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
}
