using Keelson.SystemTests.Harness;

namespace Keelson.SystemTests;

/// <summary>What follows from the end of a service, how it is ended, and what hung means (service.conf(5)).</summary>
public sealed class ServiceEndTests
{
    private static Sandbox With(string conf, string run) => new Sandbox()
        .WithCommands()
        .Script("/etc/service/web/run", run)
        .Write("/etc/service/web/service.conf", conf);

    [Fact]
    public async Task FailureAction_exit_ends_the_container_with_the_status_of_the_service()
    {
        await using Sandbox s = With("[Unit]\nFailureAction=exit\n[Service]\nRestart=no\n", "#!/bin/sh\nexit 42").Service("other", "exec sleep 54321");
        Assert.Equal(42, await s.Run());
        Assert.Contains("*** web has ended with status 42, and the container ends with it (FailureAction=exit).", s.Err.Text, StringComparison.Ordinal);
        Assert.Null(s.Find("sleep 54321"));
    }

    [Fact]
    public async Task SuccessAction_exit_ends_it_with_0_and_the_main_command_too()
    {
        await using Sandbox s = With("[Unit]\nSuccessAction=exit\n[Service]\nRestart=on-failure\n", "#!/bin/sh\nuntil [ -e /tmp/main ]; do sleep 0.02; done");
        Assert.Equal(0, await s.Run("--", "sh", "-c", "touch /tmp/main; exec sleep 54321"));
        Assert.Contains("(SuccessAction=exit)", s.Err.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Restart_on_failure_starts_again_what_failed_and_only_that()
    {
        await using Sandbox s = With("[Service]\nRestart=on-failure\nRestartSec=10ms\n", "#!/bin/sh\necho run >>/tmp/runs\n[ $(wc -l </tmp/runs) -ge 3 ] && exit 0\nexit 1");
        await s.Start();
        await s.Until(() => s.ReadLines("/tmp/runs").Length == 3, "it ran three times");
        await s.Until(() => s.Exec("grep -q '^down' /etc/service/web/supervise/stat").Result.Status == 0, "it is down");
        Assert.Equal(3, s.ReadLines("/tmp/runs").Length);
        Assert.Equal(0, (await s.Stop()).Status);
    }

    [Fact]
    public async Task StartLimitBurst_ends_a_crash_loop_and_sv_up_begins_anew()
    {
        await using Sandbox s = With("[Unit]\nStartLimitBurst=3\nStartLimitIntervalSec=1h\n[Service]\nRestartSec=10ms\n", "#!/bin/sh\necho run >>/tmp/runs\n[ -e /tmp/mended ] && exec sleep 54321\nexit 1");
        await s.Start();
        await s.WaitForLog("*** web has failed: was started 3 times within 3600 s (StartLimitBurst); it is not started again (`sv up web` starts it)");
        Assert.Equal(3, s.ReadLines("/tmp/runs").Length);
        Assert.Equal(0, (await s.Exec("touch /tmp/mended")).Status);
        await s.Until(() => s.Exec("grep -q '^down' /etc/service/web/supervise/stat").Result.Status == 0, "it is down");
        Assert.Equal(0, (await s.OurSv("up web")).Status);
        await s.WaitForProcess("sleep 54321");
        Assert.Equal(0, (await s.Stop()).Status);
    }

    [Fact]
    public async Task KillSignal_is_what_it_gets_instead_of_TERM()
    {
        await using Sandbox s = With("[Service]\nKillSignal=SIGQUIT\n", "#!/bin/sh\ntrap 'echo quit >/tmp/got; exit 0' QUIT\ntrap 'echo term >/tmp/got; exit 0' TERM\ntouch /tmp/up\nwhile :; do sleep 0.02; done");
        await s.Start();
        await s.WaitForFile("/tmp/up");
        Assert.Equal(0, (await s.Stop()).Status);
        Assert.Equal("quit\n", s.Read("/tmp/got"));
    }

    [Fact]
    public async Task TimeoutStopSec_is_when_sv_down_kills()
    {
        await using Sandbox s = With("[Service]\nTimeoutStopSec=300ms\n", "#!/bin/sh\ntrap '' TERM\ntouch /tmp/up\nwhile :; do sleep 0.02; done");
        await s.Start();
        await s.WaitForFile("/tmp/up");
        Assert.Equal(0, (await s.OurSv("down web")).Status);
        await s.WaitForLog("*** web did not stop within 0.3 s; killed.");
        Assert.Equal(0, (await s.Stop()).Status);
    }

    [Theory]
    [InlineData("control-group", "child-term")]
    [InlineData("process", "child-stays")]
    public async Task KillMode_says_who_gets_the_signal(string mode, string expected)
    {
        await using Sandbox s = With($"[Service]\nKillMode={mode}\n", """
            #!/bin/bash
            (trap 'echo child-term >/tmp/got; exit' TERM; touch /tmp/child; while :; do sleep 0.02; done) &
            until [ -e /tmp/child ]; do sleep 0.02; done
            exec sleep 54321
            """);
        await s.Start();
        await s.WaitForProcess("sleep 54321");
        Assert.Equal(0, (await s.OurSv("down web")).Status);
        await s.Until(() => s.Find("sleep 54321") is null, "./run has ended");
        if (expected == "child-term")
            await s.WaitForFile("/tmp/got", expected);
        else
            Assert.NotNull(s.Find("/bin/bash ./run"));
        Assert.Equal(0, (await s.Stop()).Status);
    }

    [Fact]
    public async Task What_a_dead_run_left_is_ended_before_the_next_start()
    {
        await using Sandbox s = With("[Service]\nRestartSec=10ms\n", """
            #!/bin/sh
            [ -e /tmp/first ] && exec sleep 54322
            touch /tmp/first
            setsid sh -c 'touch /tmp/left; exec sleep 54321' &
            until [ -e /tmp/left ]; do sleep 0.02; done
            exit 1
            """);
        await s.Start();
        await s.WaitForProcess("sleep 54322");
        Assert.Null(s.Find("sleep 54321"));
        Assert.Equal(0, (await s.Stop()).Status);
    }

    [Fact]
    public async Task A_service_without_WATCHDOG_1_for_too_long_is_aborted_and_started_again()
    {
        await using Sandbox s = With("[Service]\nType=notify\nWatchdogSec=400ms\nRestartSec=10ms\n", """
            #!/usr/bin/perl
            use Socket;
            my $path = $ENV{NOTIFY_SOCKET}; $path =~ s/^@/\0/;
            socket(my $s, PF_UNIX, SOCK_DGRAM, 0) or die;
            sub notify { defined send($s, $_[0], 0, sockaddr_un($path)) or die }
            $SIG{ABRT} = sub { open my $f, ">>", "/tmp/aborted"; print $f "abort\n"; close $f; exit 1 };
            die unless $ENV{WATCHDOG_USEC} == 400000;
            notify("READY=1");
            if (-e "/tmp/aborted") { while (1) { notify("WATCHDOG=1"); open my $f, ">>", "/tmp/alive"; print $f "x\n"; close $f; select(undef, undef, undef, 0.05) } }
            sleep 1000;
            """);
        await s.Start();
        await s.WaitForLog("*** web is hung: no WATCHDOG=1 for 0.4 s; it is ended by SIGABRT");
        await s.WaitForFile("/tmp/aborted", "abort");
        // The second one lives for more than twice the time.
        await s.Until(() => s.ReadLines("/tmp/alive").Length > 20, "it is alive");
        Assert.Equal(0, (await s.Stop()).Status);
    }

    // docker pause, or a snapshot of the whole machine: here by SIGSTOP, which waits out a sleep just the same.
    [Fact]
    public async Task What_was_frozen_along_with_process_1_has_its_time_again_afterwards()
    {
        await using Sandbox s = With("[Service]\nType=notify\nWatchdogSec=3\n", """
            #!/bin/sh
            /opt/keelson/keelson notify READY=1
            while /opt/keelson/keelson notify WATCHDOG=1; do echo x >>/tmp/alive; sleep 0.1; done
            """)
            .Script("/etc/service/slow/run", "#!/bin/sh\ntouch /tmp/slow\nuntil [ -e /tmp/go ]; do sleep 0.05; done\n/opt/keelson/keelson notify READY=1\nexec sleep 54321")
            .Write("/etc/service/slow/service.conf", "[Service]\nType=notify\nTimeoutStartSec=3\n");
        await s.Start();
        await s.WaitForFile("/tmp/slow");
        await s.WaitForFile("/tmp/alive");
        // Process 1 and the services; what these run for a moment ends by itself.
        ProcessEntry[] frozen = [.. s.Processes.Where(p => p.Pid == 1 || p.Command == "/bin/sh ./run").OrderBy(p => p.Pid)];
        Assert.Equal(3, frozen.Length);
        foreach (ProcessEntry process in frozen)
            Sandbox.Signal(process.HostPid, Sig.Stop);
        int alive = s.ReadLines("/tmp/alive").Length;
        await Task.Delay(4000, TestContext.Current.CancellationToken);
        // Process 1 first, and it has had a look at its timers before anybody can speak.
        Sandbox.Signal(frozen[0].HostPid, Sig.Cont);
        await s.Until(() => s.Exec("timeout 5 /opt/keelson/keelson events").Result.Status == 0, "process 1 answers");
        foreach (ProcessEntry process in frozen)
            Sandbox.Signal(process.HostPid, Sig.Cont);
        s.Write("/tmp/go", "");
        await s.WaitForProcess("sleep 54321");
        await s.Until(() => s.ReadLines("/tmp/alive").Length > alive + 5, "web goes on");
        Assert.DoesNotContain("***", string.Join('\n', s.Said("web is hung").Concat(s.Said("slow is not ready"))), StringComparison.Ordinal);
        string events = (await s.Exec("/opt/keelson/keelson events")).Out;
        Assert.True(events.Contains("ready             slow", StringComparison.Ordinal) && !events.Contains("ended ", StringComparison.Ordinal), events);
        Assert.Equal(0, (await s.Stop()).Status);
    }

    [Fact]
    public async Task A_value_that_can_not_be_is_an_error_the_service_is_not_run_and_the_rest_boots()
    {
        await using Sandbox s = With("[Service]\nRestart=sometimes\n", "#!/bin/sh\ntouch /tmp/web").Service("other", "exec sleep 54321");
        await s.Start();
        await s.WaitForProcess("sleep 54321");
        await s.WaitForLog("*** /etc/service/web/service.conf: line 2: Restart=sometimes can't be; write always, on-failure, no; the service is not started (mend it, then `sv up web`)");
        Assert.False(s.Exists("/tmp/web"));
        Assert.Equal(0, (await s.Stop()).Status);
    }

    private const string Send = """defined send($s, "READY=1\nMAINPID=$pid", 0, sockaddr_un($path)) or die;""";
    private const string Wait = """until (-e "/tmp/leave") { select(undef, undef, undef, 0.02) }""";

    /// <summary>./run starts what goes on without it, `sleep 54321`, does the one, then the other, and ends.</summary>
    private static Sandbox WithDaemon(string first, string last) => With("[Service]\nType=notify\n", $$"""
        #!/usr/bin/perl
        use Socket;
        socket(my $s, PF_UNIX, SOCK_DGRAM, 0) or die;
        my $path = $ENV{NOTIFY_SOCKET}; $path =~ s/^@/\0/;
        my $pid = fork;
        if ($pid == 0) { exec "sleep", "54321" }
        {{first}}
        {{last}}
        exit 0;
        """);

    [Fact]
    public async Task A_process_that_goes_into_the_background_goes_on_as_the_main_one_that_it_named()
    {
        await using Sandbox s = WithDaemon(Send, Wait);
        await s.Start();
        ProcessEntry main = await s.WaitForProcess("sleep 54321");
        Assert.Equal(0, (await s.Exec("touch /tmp/leave")).Status);
        await s.Until(() => s.OurSv("status web").Result.Out.StartsWith($"run: web: (pid {main.Pid})", StringComparison.Ordinal), "sv names the process that goes on");
        Assert.Equal(0, (await s.OurSv("down web")).Status);
        Assert.Null(s.Find("sleep 54321"));
        Assert.Equal(0, (await s.Stop()).Status);
    }

    // Process 1 looks at 64 descriptors in a round, and at the ends of all: one of them can come before what was sent.
    [Fact]
    public async Task What_a_process_sends_just_before_its_end_is_heard_however_much_else_there_is()
    {
        await using Sandbox s = WithDaemon(Wait, Send).Service("other", "until [ -e /tmp/end ]; do sleep 0.02; done");
        string[] many = [.. Enumerable.Range(0, 70).Select(i => $"many{i}")];
        foreach (string name in many)
            s.Service(name, "exec sleep 54322").Write($"/etc/service/{name}/down", "");
        await s.Start();
        ProcessEntry main = await s.WaitForProcess("sleep 54321");
        await s.WaitUntilWatching();
        async Task Ends(string file, int count)
        {
            s.Write(file, "");
            await s.Until(() => s.Processes.Count(p => p.Command == "[run]") == count, $"{count} ./run have ended");
        }
        s.Signal(Sig.Stop);
        try
        {
            await Ends("/tmp/end", 1);
            Assert.All(many, name => Assert.True(Native.WriteFifo(s.Supervise(name, "control"), [.. "c"u8])));
            await Ends("/tmp/leave", 2);
        }
        finally
        {
            s.Signal(Sig.Cont);
        }
        await s.Until(() => s.OurSv("status web").Result.Out.StartsWith($"run: web: (pid {main.Pid})", StringComparison.Ordinal), "sv names the process that goes on");
        Assert.Equal(0, (await s.OurSv("down web")).Status);
        Assert.Equal(0, (await s.Stop()).Status);
    }
}
