using System.Text;
using CsCheck;

namespace Keelson.Supervision.Tests;

public sealed class RestartRulesTests
{
    private static RestartRules Rules(string service, string unit = "") =>
        new(ServiceConf.Parse(Encoding.UTF8.GetBytes($"[Unit]\n{unit}\n[Service]\n{service}\n")));

    [Theory]
    [InlineData("", true, true)]
    [InlineData("", false, true)]
    [InlineData("Restart=always", true, true)]
    [InlineData("Restart=on-failure", true, false)]
    [InlineData("Restart=on-failure", false, true)]
    [InlineData("Restart=no", false, false)]
    [InlineData("Type=oneshot", true, false)]
    [InlineData("Type=oneshot", false, false)]
    [InlineData("Type=oneshot\nRestart=on-failure", false, true)]
    [InlineData("Type=oneshot\nRestart=always", true, false)]
    public void Whether_it_runs_again_is_up_to_Restart(string conf, bool succeeded, bool again) => Assert.Equal(again, Rules(conf).RunsAgain(succeeded));

    [Fact]
    public void Without_RestartSec_the_pace_is_that_of_runit() =>
        Assert.Equal(Pace.NextStart(1000, 1500), Rules("").NextStart(1000, 1500, Pace.Milliseconds));

    [Fact]
    public void RestartSec_is_the_pause_whatever_it_ran() =>
        Assert.Equal([5100, 105_000], new[] { Rules("RestartSec=100ms").NextStart(0, 5000, 1000), Rules("RestartSec=5").NextStart(0, 100_000, 1000) });

    [Fact]
    public void The_pause_grows_in_steps_to_the_longest_and_shrinks_after_a_long_run()
    {
        RestartRules rules = Rules("RestartSec=1\nRestartSteps=3\nRestartMaxDelaySec=8");
        Assert.Equal([1000, 2000, 4000, 8000, 8000], Enumerable.Range(0, 5).Select(_ => rules.NextStart(0, 10, 1000) - 10));
        Assert.Equal(1000, rules.NextStart(0, 9000, 1000) - 9000);
    }

    [Fact]
    public void More_starts_than_the_limit_are_none_until_the_interval_is_over_or_somebody_asks()
    {
        RestartRules rules = Rules("", "StartLimitBurst=3\nStartLimitIntervalSec=10");
        Assert.Equal([true, true, true, false], new long[] { 0, 1000, 2000, 9999 }.Select(rules.MayStart));
        Assert.True(rules.MayStart(10_000));
        Assert.False(rules.MayStart(10_001));
        rules.Reset();
        Assert.True(rules.MayStart(10_002));
    }

    [Fact]
    public void Whatever_the_values_a_pause_is_neither_negative_nor_longer_than_the_longest() =>
        Gen.Select(Gen.Int[0, 100_000], Gen.Int[0, 20], Gen.Int[0, 100_000], Gen.Int[1, 30]).Sample((first, steps, most, restarts) =>
        {
            RestartRules rules = Rules($"RestartSec={first}ms\nRestartSteps={steps}\nRestartMaxDelaySec={most}ms");
            long last = 0;
            for (int i = 0; i < restarts; i++)
            {
                long pause = rules.NextStart(0, 1, 1000) - 1;
                Assert.InRange(pause, last, Math.Max(first, most));
                last = pause;
            }
        });
}
