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
}
