using Keelson.SystemTests.Harness;

namespace Keelson.SystemTests;

/// <summary>When a service counts as ready, and --wait-ready (service.conf(5), my_init(8)).</summary>
public sealed class ReadinessTests
{
    // sd_notify(3) by hand: a datagram to NOTIFY_SOCKET, and the sender lives on.
    private const string Notify = """
        #!/usr/bin/perl
        use Socket;
        my $path = $ENV{NOTIFY_SOCKET}; $path =~ s/^@/\0/;
        socket(my $s, PF_UNIX, SOCK_DGRAM, 0) or die;
        sub notify { defined send($s, $_[0], 0, sockaddr_un($path)) or die "send: $!" }
        """;

    private static Sandbox With(string conf, string run) => new Sandbox()
        .WithCommands()
        .Script("/etc/service/web/run", run)
        .Write("/etc/service/web/service.conf", conf)
        .Service("next", "touch /tmp/next; exec sleep 54322")
        .Write("/etc/service/next/service.conf", "[Unit]\nRequires=web\n");

    [Fact]
    public async Task With_Type_notify_it_is_ready_at_READY_1_and_not_before()
    {
        await using Sandbox s = With("[Service]\nType=notify\n", Notify + """

            notify("STATUS=warming up");
            open(my $f, ">", "/tmp/begun");
            until (-e "/tmp/go") { select(undef, undef, undef, 0.02) }
            notify("READY=1\nSTATUS=serving");
            sleep 1000;
            """);
        await s.Start();
        await s.WaitForFile("/tmp/begun");
        Assert.False(s.Exists("/tmp/next"));
        Assert.Equal(0, (await s.Exec("touch /tmp/go")).Status);
        await s.WaitForFile("/tmp/next");
        Assert.Equal(0, (await s.Stop()).Status);
    }

    [Fact]
    public async Task A_message_of_a_process_that_is_not_the_services_means_nothing()
    {
        await using Sandbox s = With("[Service]\nType=notify\nTimeoutStartSec=infinity\n", """
            #!/bin/sh
            echo "$NOTIFY_SOCKET" >/tmp/address
            exec sleep 54321
            """).Script("/tmp/tell", Notify + "\nnotify(\"READY=1\"); sleep 1000;");
        await s.Start();
        await s.WaitForFile("/tmp/address", "n");
        // From outside of the service: a child of ours in the container. A second message after it tells that it was read.
        (int status, string answer) = await s.Exec("NOTIFY_SOCKET=$(cat /tmp/address) setsid /tmp/tell >/dev/null 2>&1 & sleep 0.3; kill $! 2>/dev/null; echo done");
        Assert.Equal((0, "done\n"), (status, answer));
        Assert.False(s.Exists("/tmp/next"));
        Assert.Equal(0, (await s.Stop()).Status);
    }

    [Fact]
    public async Task With_a_file_notification_fd_it_is_ready_at_a_newline_there()
    {
        await using Sandbox s = With("", """
            #!/bin/bash
            touch /tmp/begun
            until [ -e /tmp/go ]; do sleep 0.02; done
            echo >&5
            exec sleep 54321
            """).Write("/etc/service/web/notification-fd", "5\n");
        await s.Start();
        await s.WaitForFile("/tmp/begun");
        Assert.False(s.Exists("/tmp/next"));
        Assert.Equal(0, (await s.Exec("touch /tmp/go")).Status);
        await s.WaitForFile("/tmp/next");
        Assert.Equal(0, (await s.Stop()).Status);
    }

    [Fact]
    public async Task A_oneshot_is_ready_when_it_has_ended_well_and_is_not_started_again()
    {
        await using Sandbox s = With("[Service]\nType=oneshot\n", """
            #!/bin/sh
            echo run >>/tmp/runs
            until [ -e /tmp/go ]; do sleep 0.02; done
            """);
        await s.Start();
        await s.WaitForFile("/tmp/runs", "run");
        Assert.False(s.Exists("/tmp/next"));
        Assert.Equal(0, (await s.Exec("touch /tmp/go")).Status);
        await s.WaitForFile("/tmp/next");
        await s.Until(() => s.Exec("grep -q down /etc/service/web/supervise/stat").Result.Status == 0, "it is down");
        Assert.Equal(["run"], s.ReadLines("/tmp/runs"));
        // Asked for, it runs once more.
        Assert.Equal(0, (await s.OurSv("once web")).Status);
        await s.Until(() => s.ReadLines("/tmp/runs").Length == 2, "it ran once more");
        Assert.Equal(0, (await s.Stop()).Status);
    }

    [Fact]
    public async Task A_oneshot_that_fails_has_failed_and_who_requires_it_is_not_started()
    {
        await using Sandbox s = With("[Service]\nType=oneshot\n", "#!/bin/sh\nexit 4");
        await s.Start();
        await s.WaitForLog("*** web has failed: ./run ended with 4; it is not started again (`sv up web` starts it)");
        await s.WaitForLog("*** next is not started: it requires web, which is failed");
        Assert.False(s.Exists("/tmp/next"));
        Assert.Equal(0, (await s.Stop()).Status);
    }

    [Fact]
    public async Task A_start_that_takes_too_long_is_ended_with_a_word_on_what_was_missing()
    {
        await using Sandbox s = With("[Service]\nType=notify\nTimeoutStartSec=300ms\nRestart=no\n", "#!/bin/sh\nexec sleep 54321");
        await s.Start();
        await s.WaitForLog("it has not sent READY=1 to NOTIFY_SOCKET (TimeoutStartSec in its service.conf is the time it gets); it is ended");
        await s.WaitForLog("*** web has failed: not ready after");
        await s.Until(() => s.Find("sleep 54321") is null, "it was ended");
        Assert.False(s.Exists("/tmp/next"));
        Assert.Equal(0, (await s.Stop()).Status);
    }

    [Fact]
    public async Task The_main_command_waits_for_all_services_with_wait_ready()
    {
        await using Sandbox s = With("", "#!/bin/sh\nuntil [ -e /tmp/go ]; do sleep 0.02; done; touch /tmp/ready; exec sleep 54321")
            .Script("/etc/service/web/check", "[ -e /tmp/ready ]")
            .Startup("1", "(sleep 0.3; touch /tmp/go) &");
        Assert.Equal(7, await s.Run("--wait-ready", "--", "sh", "-c", "[ -e /tmp/ready ] && exit 7"));
    }

    [Fact]
    public async Task When_that_takes_too_long_it_says_which_service_and_what_it_waits_for_and_gives_up_with_1()
    {
        await using Sandbox s = With("", "#!/bin/sh\nexec sleep 54321").Script("/etc/service/web/check", "exit 1");
        Assert.Equal(1, await s.Run("--wait-ready=500ms", "--", "touch", "/tmp/main"));
        Assert.Matches(@"\*\*\* web is not ready after 0\.[5-9] s, but activating: waits for \./check to end with 0", s.Err.Text);
        Assert.Matches(@"\*\*\* next is not ready after 0\.[5-9] s, but waiting: it requires web, which is activating", s.Err.Text);
        Assert.Contains("*** Not all services are ready; giving up (--wait-ready, 0.5 s).", s.Err.Text, StringComparison.Ordinal);
        Assert.False(s.Exists("/tmp/main"));
    }

    [Fact]
    public async Task A_wait_that_is_no_time_is_named() =>
        Assert.Equal(2, await new Sandbox().Run("--wait-ready=soon"));
}
