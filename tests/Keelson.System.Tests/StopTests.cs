using System.Diagnostics;
using Keelson.SystemTests.Harness;

namespace Keelson.SystemTests;

public sealed class StopTests
{
    [Theory]
    [InlineData(Sig.Term)]
    [InlineData(Sig.Int)]
    [InlineData(Sig.Quit)]
    [InlineData(Sig.Pwr)]
    [InlineData(Sig.RtMin + 3)]
    [NotEmulated(NotEmulatedAttribute.NoRealTimeSignals)]
    public async Task Without_a_main_command_a_stop_signal_ends_it_with_0(int signal)
    {
        await using Sandbox s = new Sandbox().Service("web", "touch /tmp/up; exec sleep 10000");
        await s.Start();
        await s.WaitForFile("/tmp/up");
        (int status, _) = await s.Stop(signal);
        Assert.Equal(0, status);
    }

    [Fact]
    public async Task Services_that_are_all_down_delay_no_stop()
    {
        // Nothing happens while such a container stops: it must not wait for something.
        await using Sandbox s = new Sandbox().Timeouts(60, 60).Service("web", "exec sleep 10000").Write("/etc/service/web/down", "");
        await s.Start();
        await s.WaitForLog("Runit started as PID 1");
        (int status, TimeSpan took) = await s.Stop();
        Assert.True(status == 0 && took < TimeSpan.FromSeconds(30), $"status {status} after {took}");
    }

    [Fact]
    public async Task Without_a_main_command_the_other_signals_are_ignored()
    {
        await using Sandbox s = new Sandbox().Service("web", "touch /tmp/up; exec sleep 10000");
        await s.Start();
        await s.WaitForFile("/tmp/up");
        foreach (int signal in new[] { Sig.Hup, Sig.Usr1, Sig.Usr2, Sig.Alrm, Sig.Winch, Sig.Cont, Sig.RtMin + 1, Sig.RtMax })
            s.Signal(signal);
        Assert.Equal("alive\n", (await s.Exec("echo alive")).Out);
        (int status, _) = await s.Stop();
        Assert.Equal(0, status);
    }

    [Theory]
    [InlineData(Stdio.Pipe, "exec sleep 10000", 143)]
    [InlineData(Stdio.Terminal, "exec sleep 10000", 143)]
    [InlineData(Stdio.Pipe, "trap 'exit 5' TERM; touch /tmp/up; while :; do sleep 0.05; done", 5)]
    [InlineData(Stdio.Terminal, "trap 'exit 5' TERM; touch /tmp/up; while :; do sleep 0.05; done", 5)]
    [InlineData(Stdio.Pipe, "trap 'exit 0' TERM; touch /tmp/up; while :; do sleep 0.05; done", 0)]
    public async Task TERM_goes_to_the_main_command_whose_status_is_the_exit_status(Stdio stdio, string script, int expected)
    {
        await using Sandbox s = Sandbox.On(stdio).WithHooks();
        await s.Start("--", "sh", "-c", script);
        if (expected == 143)
            await s.WaitForProcess("sleep 10000");
        else
            await s.WaitForFile("/tmp/up"); // the trap is set
        (int status, _) = await s.Stop();
        Assert.Equal(expected, status);
        Assert.Equal(["pre", "post"], s.ReadLines("/tmp/order"));
    }

    [Fact]
    public async Task INT_stops_as_TERM_does()
    {
        await using Sandbox s = new();
        await s.Start("--", "sleep", "10000");
        await s.WaitForProcess("sleep 10000");
        (int status, _) = await s.Stop(Sig.Int);
        Assert.Equal(143, status);
    }

    [Fact]
    [NotEmulated(NotEmulatedAttribute.Slow)]
    public async Task A_main_command_that_ignores_TERM_is_killed_after_its_timeout_and_named()
    {
        await using Sandbox s = new Sandbox().Timeouts(1, 1).Script("/root/stubborn", TenBugsTests.IgnoresTerm).WithHooks();
        await s.Start("--", "/root/stubborn");
        await s.WaitForFile("/tmp/up");
        (int status, _) = await s.Stop();
        Assert.Equal(137, status);
        Assert.Contains(s.Said("stubborn"), l => l.Contains("did not stop within", StringComparison.Ordinal));
        Assert.Equal(["pre", "post"], s.ReadLines("/tmp/order"));
    }

    // Otherwise time stands still for process 1 while it is frozen (docker pause); but who waits for a stop has a clock that goes on.
    [Fact]
    [NotEmulated(NotEmulatedAttribute.Slow)]
    public async Task While_it_stops_the_time_counts_too_in_which_process_1_was_frozen()
    {
        await using Sandbox s = new Sandbox().Timeouts(8, 60).Script("/root/stubborn", "trap 'touch /tmp/term' TERM; touch /tmp/up; while :; do sleep 0.05; done");
        await s.Start("--", "/root/stubborn");
        await s.WaitForFile("/tmp/up");
        s.Signal(Sig.Term);
        await s.WaitForFile("/tmp/term");
        s.Signal(Sig.Stop);
        await Task.Delay(TimeSpan.FromSeconds(9), TestContext.Current.CancellationToken);
        var watch = Stopwatch.StartNew();
        s.Signal(Sig.Cont);
        Assert.Equal(137, await s.Exit());
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(5), $"it waited {watch.Elapsed} more, as if its 8 s had not passed");
    }

    [Theory]
    [InlineData(Stdio.Pipe)]
    [InlineData(Stdio.Terminal)]
    public async Task The_whole_stop_fits_into_dockers_10_seconds_when_everything_hangs_at_once(Stdio stdio)
    {
        const string hangs = "trap '' TERM INT HUP; echo up >>/tmp/up; while :; do sleep 1; done";
        await using Sandbox s = Sandbox.On(stdio)
            .Script("/root/hung-main", "setsid /root/orphan &\n" + hangs)
            .Script("/root/orphan", hangs)
            .Service("hung-one", hangs)
            .Service("hung-two", hangs)
            .Service("hung-three", hangs)
            .Service("hung-finish", "trap 'exit 1' TERM; echo up >>/tmp/up; while :; do sleep 0.05; done", finish: hangs);
        foreach (string name in new[] { "1-hung", "2-hung" })
            s.PreShutdown(name, hangs).PostShutdown(name, hangs);
        await s.Start("--", "/root/hung-main");
        await s.Until(() => s.ReadLines("/tmp/up").Length == 6, "main, its orphan and four services are up");
        (int status, TimeSpan took) = await s.Stop();
        Assert.True(took < TenBugsTests.DockerLimit, $"the stop took {took}");
        Assert.Equal(137, status);
        foreach (string late in new[] { "hung-main", "hung-one", "hung-two", "hung-three", "hung-finish" })
            Assert.Contains(s.Said(late), l => l.Contains("did not", StringComparison.Ordinal));
        foreach (string hook in new[] { "pre_shutdown.d/1-hung", "pre_shutdown.d/2-hung", "post_shutdown.d/1-hung", "post_shutdown.d/2-hung" })
            Assert.Contains(s.Said(hook), l => l.Contains("did not finish within", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("bad")]
    [InlineData("-1")]
    [InlineData("")]
    [InlineData("99999999999999999999")]
    public async Task A_bad_timeout_is_a_warning_and_the_default(string value)
    {
        await using Sandbox s = new Sandbox().Env("KILL_PROCESS_TIMEOUT", value);
        Assert.Equal(3, await s.Run("--quiet", "--skip-runit", "--", "sh", "-c", "exit 3"));
        Assert.Single(s.Said("KILL_PROCESS_TIMEOUT"));
    }

    [Fact]
    public async Task What_is_left_gets_TERM_before_it_is_killed()
    {
        await using Sandbox s = WithRest();
        Assert.Equal(0, await s.Run("--", "/root/main"));
        Assert.Equal("rest-got-term\n", s.Read("/tmp/rest"));
    }

    [Fact]
    public async Task What_is_left_gets_no_TERM_when_that_is_switched_off()
    {
        await using Sandbox s = WithRest();
        Assert.Equal(0, await s.Run("--no-kill-all-on-exit", "--", "/root/main"));
        Assert.False(s.Exists("/tmp/rest"));
        Assert.Empty(s.Said("Killing all processes"));
    }

    private static Sandbox WithRest() => new Sandbox()
        .Script("/root/rest", "trap 'echo rest-got-term >/tmp/rest; exit' TERM; touch /tmp/up; while :; do sleep 0.05; done")
        .Script("/root/main", "setsid /root/rest & until [ -e /tmp/up ]; do sleep 0.05; done");

    [Fact]
    public async Task Hooks_run_in_byte_order_and_only_executable_ones()
    {
        await using Sandbox s = new Sandbox().Write("/etc/my_init.pre_shutdown.d/README", "no script\n");
        foreach (string name in new[] { "b", "10", "Z", "9" })
        {
            s.PreShutdown(name, $"echo pre-{name} >>/tmp/order");
            s.PostShutdown(name, $"echo post-{name} >>/tmp/order");
        }
        Assert.Equal(0, await s.Run("--", "true"));
        Assert.Equal(["pre-10", "pre-9", "pre-Z", "pre-b", "post-10", "post-9", "post-Z", "post-b"], s.ReadLines("/tmp/order"));
    }

    [Fact]
    public async Task A_stop_waits_for_nothing_when_all_have_ended()
    {
        await using Sandbox s = new Sandbox().WithHooks();
        for (int i = 0; i < 5; i++)
            s.Service("service" + Shell.Format(i), "touch /tmp/up; exec sleep 10000");
        await s.Start();
        await s.WaitForFile("/tmp/up");
        (int status, TimeSpan took) = await s.Stop();
        Assert.Equal(0, status);
        Assert.True(took < TimeSpan.FromSeconds(2), $"it took {took}"); // no timeout of 5 s has been waited for, nor half of one
    }

    [Fact]
    public async Task A_log_whose_reader_has_gone_stops_nothing()
    {
        await using Sandbox s = new Sandbox().WithHooks();
        s.Script("/root/launch", """
            #!/bin/bash
            mkfifo /run/log
            exec 3<>/run/log 2>/run/log 3<&-
            exec /sbin/my_init -- sh -c 'touch /tmp/main; exit 3'
            """);
        await s.StartCommand("/root/launch");
        Assert.Equal(3, await s.Exit());
        Assert.True(s.Exists("/tmp/main"));
        Assert.Equal(["pre", "post"], s.ReadLines("/tmp/order"));
    }

    [Fact]
    public async Task A_log_that_nobody_reads_holds_up_neither_the_boot_nor_the_stop()
    {
        // The pipe is full from the start; the engine's reader hangs.
        await using Sandbox s = new Sandbox().WithHooks().Service("web", "touch /tmp/up; exec sleep 10000");
        s.Script("/root/launch", """
            #!/bin/bash
            mkfifo /run/log
            exec 3<>/run/log
            dd if=/dev/zero of=/run/log bs=4096 count=1000 oflag=nonblock 2>/dev/null
            exec /sbin/my_init 2>/run/log
            """);
        await s.StartCommand("/root/launch");
        await s.WaitForFile("/tmp/up");
        (int status, TimeSpan took) = await s.Stop();
        Assert.Equal(0, status);
        Assert.True(took < TenBugsTests.DockerLimit, $"the stop took {took}");
        Assert.Equal(["pre", "post"], s.ReadLines("/tmp/order"));
    }
}
