using Keelson.SystemTests.Harness;

namespace Keelson.SystemTests;

/// <summary>An exception in process 1 that nobody expected: the others' events go on, or the container ends in order.</summary>
public sealed class MistakeTests
{
    private const string Said = "internal error while handling";

    [Theory]
    [InlineData("timer 5", "a timer", 5)]
    [InlineData("round 3", "the end of a round", 3)]
    [InlineData("child 4", "the end of process", 4)]
    [InlineData("source 1", "Broken", 3)] // a descriptor that fails three times in a row is left alone
    public async Task It_is_logged_with_its_place_and_everything_goes_on(string mistake, string during, int times)
    {
        await using Sandbox s = new Sandbox().WithMistake(mistake).Service("web", "exec sleep 54321").WithHooks();
        await s.Start("--", "sleep", "12345");
        await s.WaitForProcess("sleep 12345");
        await s.Until(() => s.Said(Said).Length >= times, $"{times} lines");
        Assert.All(s.Said(Said), line =>
        {
            Assert.Contains($"{Said} {during}", line, StringComparison.Ordinal);
            Assert.Matches(@"NullReferenceException: .* at( 0x[0-9a-f]+)+; .*report this line", line);
        });
        ProcessEntry first = await s.WaitForProcess("sleep 54321");
        Sandbox.Signal(first.HostPid, Sig.Kill);
        await s.WaitForProcess("sleep 54321", notHostPid: first.HostPid);
        await s.Until(() => !s.Processes.Any(p => p.IsZombie), "all are reaped");
        Assert.Equal(143, (await s.Stop()).Status);
        Assert.Equal(["pre", "post"], s.ReadLines("/tmp/order"));
        Assert.Equal(times, s.Said(Said).Length);
    }

    [Fact]
    public async Task One_in_the_handling_of_a_signal_does_not_lose_the_next_signals()
    {
        await using Sandbox s = new Sandbox().WithMistake("signal 1");
        await s.Start("--", "sh", "-c", "trap 'echo two' USR2; echo begun; while :; do sleep 0.1; done");
        await s.Until(() => s.Out.Text.Contains("begun", StringComparison.Ordinal), "the main command runs");
        s.Signal(Sig.Usr1);
        s.Signal(Sig.Usr2);
        await s.Until(() => s.Out.Text.Contains("two", StringComparison.Ordinal), "USR2 has arrived");
        Assert.Single(s.Said(Said));
        Assert.Equal(143, (await s.Stop()).Status);
    }

    [Fact]
    public async Task When_they_do_not_end_all_processes_get_TERM_and_time_and_KILL_and_the_status_is_70()
    {
        await using Sandbox s = new Sandbox().WithMistake("signal 1")
            .Service("polite", "trap 'echo ended >/tmp/polite; exit' TERM; echo >/tmp/polite-begun; while :; do sleep 0.1; done")
            .Service("stubborn", "trap '' TERM; echo >/tmp/stubborn-begun; while :; do sleep 0.1; done");
        await s.Start();
        await s.Until(() => s.Exists("/tmp/polite-begun") && s.Exists("/tmp/stubborn-begun"), "both services run");
        for (int i = 1; i <= 20; i++)
        {
            s.Signal(Sig.Usr1);
            await s.Until(() => s.Said(Said).Length == i, $"{i} lines");
        }
        s.Signal(Sig.Usr1);
        Assert.Equal(70, await s.Exit());
        string last = Assert.Single(s.Said("internal error, can't go on: NullReferenceException"));
        Assert.Contains("all processes get TERM, and KILL after 5 s", last, StringComparison.Ordinal);
        Assert.Equal(["ended"], s.ReadLines("/tmp/polite"));
    }

    [Fact]
    public async Task A_mistake_without_end_in_a_timer_ends_the_container_rather_than_spin()
    {
        await using Sandbox s = new Sandbox().WithMistake("timer 1000000");
        await s.Start();
        Assert.Equal(70, await s.Exit());
        Assert.InRange(s.Said(Said).Length, 20, 21);
    }
}
