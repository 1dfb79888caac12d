using CsCheck;

namespace Keelson.Supervision.Tests;

public sealed class StopBudgetTests
{
    private const long Timeout = 5000;

    [Fact]
    public void With_the_default_timeouts_everything_together_has_eight_seconds() =>
        Assert.Equal(108_000, new StopBudget(100_000, Timeout, Timeout).End);

    [Fact]
    public void One_late_phase_alone_gets_the_whole_of_its_timeout() =>
        Gen.Select(Gen.Long[0, 1_000_000], Gen.Long[0, 1_000_000], Gen.Enum<StopPhase>()).Sample((process, all, phase) =>
        {
            var budget = new StopBudget(0, process, all);
            if (phase is not (StopPhase.Rest or StopPhase.EarlyServices))
                Assert.Equal(process, budget.Slice(phase, 0, process));
        });

    [Fact]
    public void However_late_every_phase_is_the_whole_ends_in_time_and_nobody_gets_nothing() =>
        Gen.Select(Gen.Long[1000, 1_000_000], Gen.Long[1000, 1_000_000], Gen.Int[0, 20], Gen.Int[0, 20]).Sample((process, all, before, after) =>
        {
            var budget = new StopBudget(0, process, all);
            long now = 0;
            void Use(long slice)
            {
                Assert.True(slice > 0, $"nothing left at {now} of {budget.End}");
                now += slice;
            }
            Use(budget.Slice(StopPhase.MainCommand, now, process));
            for (int i = before; i > 0; i--)
                Use(budget.HookSlice(StopPhase.PreShutdownHooks, now, process, i - 1));
            Use(budget.Slice(StopPhase.Services, now, process));
            for (int i = after; i > 0; i--)
                Use(budget.HookSlice(StopPhase.PostShutdownHooks, now, process, i - 1));
            Use(budget.Slice(StopPhase.Rest, now, all));
            Use(budget.Slice(StopPhase.EarlyServices, now, process));
            Assert.True(now <= budget.End, $"{now} > {budget.End}");
        });

    [Fact]
    public void Asked_again_the_rest_takes_a_second_at_most()
    {
        var budget = new StopBudget(0, Timeout, Timeout);
        budget.Hasten(3000);
        Assert.True(budget.Hastened);
        Assert.Equal(4000, budget.End);
        budget.Hasten(3900);
        Assert.Equal(4000, budget.End);
        Assert.InRange(budget.Slice(StopPhase.Services, 3000, Timeout), 1, 1000);
    }

    [Theory]
    [InlineData(0, 10_000)]
    [InlineData(9_000, 10_000)]
    [InlineData(9_001, 11_000)]
    [InlineData(10_000, 11_000)]
    public void A_start_waits_a_second_after_the_end_unless_the_last_one_is_a_second_ago(long started, long next) =>
        Assert.Equal(next, Pace.NextStart(started, ended: 10_000));

    [Fact]
    public void Failed_starts_are_tried_again_ever_slower() =>
        Assert.Equal([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000], Enumerable.Range(1, 8).Select(Pace.RetryDelay));
}
