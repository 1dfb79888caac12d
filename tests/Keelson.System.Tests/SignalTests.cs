using System.Diagnostics;
using Keelson.SystemTests.Harness;

namespace Keelson.SystemTests;

/// <summary>Signals and orphans; KEELSON_STORM=N makes the storms N times as large.</summary>
public sealed class SignalTests
{
    private static readonly int s_scale = int.Parse(Environment.GetEnvironmentVariable("KEELSON_STORM") ?? "1", System.Globalization.CultureInfo.InvariantCulture);

    [Theory]
    [InlineData(Stdio.Pipe)]
    [InlineData(Stdio.Terminal)]
    [NotEmulated(NotEmulatedAttribute.NoRealTimeSignals)]
    public async Task Signals_that_mean_something_to_the_main_command_reach_it(Stdio stdio)
    {
        int[] signals = [Sig.Hup, Sig.Quit, Sig.Usr1, Sig.Usr2, Sig.Alrm, Sig.Cont, Sig.Winch, Sig.RtMin + 1, Sig.RtMin + 3, Sig.RtMin + 15, Sig.RtMax];
        string numbers = string.Join(' ', signals.Select(n => Shell.Format(n)));
        await using Sandbox s = Sandbox.On(stdio);
        await s.Start("--quiet", "--", "bash", "-c", $"for n in {numbers}; do trap \"echo got-$n.\" $n; done; trap 'exit 6' TERM; echo ready; while :; do sleep 0.02; done");
        Capture output = stdio == Stdio.Pipe ? s.Out : s.Log;
        await s.Until(() => output.Text.Contains("ready", StringComparison.Ordinal), "main is ready");
        foreach (int signal in signals)
        {
            s.Signal(signal);
            await s.Until(() => output.Text.Contains($"got-{signal}.", StringComparison.Ordinal), $"signal {signal} arrives at main");
        }
        (int status, _) = await s.Stop();
        Assert.Equal(6, status);
    }

    [Fact]
    public async Task CONT_wakes_a_stopped_main_command()
    {
        await using Sandbox s = new();
        await s.Start("--", "sleep", "12345");
        ProcessEntry main = await s.WaitForProcess("sleep 12345");
        Sandbox.Signal(main.HostPid, 19);
        await s.Until(() => s.Find("sleep 12345")?.State == 'T', "main is stopped");
        s.Signal(Sig.Cont);
        await s.Until(() => s.Find("sleep 12345")?.State == 'S', "main is awake");
    }

    [Fact]
    public async Task TERM_reaches_a_stopped_main_command()
    {
        await using Sandbox s = new Sandbox().Timeouts(60, 60);
        await s.Start("--", "sleep", "12345");
        ProcessEntry main = await s.WaitForProcess("sleep 12345");
        Sandbox.Signal(main.HostPid, 19);
        await s.Until(() => s.Find("sleep 12345")?.State == 'T', "main is stopped");
        (int status, _) = await s.Stop();
        Assert.Equal(143, status);
    }

    [Fact(DisableParallelization = true)]
    [NotEmulated(NotEmulatedAttribute.NoRealTimeSignals)]
    public async Task A_storm_of_25000_queued_real_time_signals_loses_none_and_keeps_their_values()
    {
        int count = 25_000 * s_scale;
        await using Sandbox s = await StartSink(count);
        await Task.Run(() =>
        {
            for (int i = 0; i < count; i++)
            {
                // From 35 on: 34 is the runtime's own. A full queue is the kernel's limit (ulimit -i), not a loss.
                while (!s.TryQueue(Sig.RtMin + 1 + i % 30, i))
                {
                    Assert.False(s.HasEnded);
                    Thread.Yield();
                }
            }
        }, TestContext.Current.CancellationToken);
        await s.Until(() => s.Out.Text.Contains("rt ", StringComparison.Ordinal), "all signals have arrived at main");
        Assert.Equal(0, (await s.Stop()).Status);
        Assert.Contains($"rt {count} distinct {count}", s.Out.Lines);
        Assert.Contains($"end rt {count} distinct {count} others 0", s.Out.Lines);
    }

    [Fact(DisableParallelization = true)]
    public async Task Each_of_20000_standard_signals_one_at_a_time_is_acknowledged()
    {
        const int count = 20_000;
        int[] signals = [Sig.Hup, Sig.Usr1, Sig.Usr2, Sig.Alrm, Sig.Winch, Sig.Quit, Sig.Cont];
        await using Sandbox s = await StartSink(1);
        int before = s.Out.Length;
        await Task.Run(() =>
        {
            var watch = Stopwatch.StartNew();
            for (int i = 0; i < count; i++)
            {
                s.Signal(signals[i % signals.Length]);
                watch.Restart();
                while (s.Out.Length < before + i + 1)
                {
                    Assert.False(s.HasEnded);
                    Assert.True(watch.Elapsed < Sandbox.Patience, $"signal {signals[i % signals.Length]}, number {i}, was not acknowledged");
                    if (watch.ElapsedMilliseconds > 1)
                        Thread.Sleep(0);
                    else
                        Thread.SpinWait(50);
                }
            }
        }, TestContext.Current.CancellationToken);
        Assert.Equal(0, (await s.Stop()).Status);
        Assert.Contains("end rt 0 distinct 0 others 20000", s.Out.Text, StringComparison.Ordinal);
    }

    [Fact(DisableParallelization = true)]
    [NotEmulated(NotEmulatedAttribute.Slow)]
    public async Task Orphans_are_reaped_50000_of_50000_and_no_descriptor_is_leaked()
    {
        int count = 50_000 * s_scale;
        await using Sandbox s = new Sandbox().WithProbe().Service("web", "exec sleep 54321");
        await s.Start("--quiet", "--", "sh", "-c", $"until [ -e /tmp/go ]; do sleep 0.05; done; exec /opt/keelson/probe orphans {count}");
        await s.WaitForProcess("sleep 54321");
        await s.WaitUntilWatching();
        int descriptors = s.Descriptors;
        s.Write("/tmp/go", "");
        await s.Until(() => s.Out.Text.Contains($"made {count}", StringComparison.Ordinal), "all orphans have been made", TimeSpan.FromMinutes(6 * s_scale));
        await s.Until(() => s.Processes.Count == 3, "only PID 1, main and the service are left");
        Assert.DoesNotContain(s.Processes, p => p.IsZombie);
        // One that was open for a moment when they were counted is not among them any more.
        await s.Until(() => s.Descriptors <= descriptors, "no descriptor more than before is open");
        Assert.Equal(0, (await s.Stop()).Status);
    }

    private static async Task<Sandbox> StartSink(int count)
    {
        Sandbox s = new Sandbox().WithProbe();
        await s.Start("--quiet", "--", "/opt/keelson/probe", "sink", Shell.Format(count));
        await s.Until(() => s.Out.Text.Contains("ready\n", StringComparison.Ordinal), "the probe is ready");
        return s;
    }
}
