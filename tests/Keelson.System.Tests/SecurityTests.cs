using Keelson.SystemTests.Harness;

namespace Keelson.SystemTests;

/// <summary>What docs/security.md says a plain user in the container can not do to process 1, tried.</summary>
public sealed class SecurityTests
{
    private const string AsApp = $"{Sandbox.Commands}/chpst -u app ";

    // A service that says READY=1 when it is allowed to, and one that waits for it.
    private static Sandbox WithNotifying(string run = "until [ -e /tmp/go ]; do sleep 0.02; done; /opt/keelson/keelson notify --ready; exec sleep 54321") => new Sandbox()
        .WithCommands()
        .Service("web", run)
        .Write("/etc/service/web/service.conf", "[Service]\nType=notify\nTimeoutStartSec=infinity\n")
        .Service("next", "touch /tmp/next; exec sleep 54322")
        .Write("/etc/service/next/service.conf", "[Unit]\nRequires=web\n");

    private static async Task<string> Answer(Sandbox s, string command)
    {
        (int status, string answer) = await s.Exec($"{{ {command}; }} 2>&1");
        return $"{status} {answer}";
    }

    [Fact]
    public async Task Another_user_reaches_neither_the_commands_nor_the_status_of_a_service()
    {
        await using Sandbox s = new Sandbox().WithCommands().Service("web", "exec sleep 54321");
        await s.Start();
        ProcessEntry web = await s.RunOf("web");
        foreach (string attempt in new[]
        {
            "ls /etc/service/web/supervise", "sh -c 'echo d >/etc/service/web/supervise/control'", "cat /etc/service/web/supervise/status",
            "mv /etc/service/web/supervise /etc/service/web/old", "rm -f /etc/service/web/supervise/control", "mkfifo /etc/service/web/supervise/ok",
            "ln -s /etc/passwd /etc/service/web/supervise/pid", $"{Sandbox.Commands}/sv stop web", $"kill {web.Pid}",
        })
        {
            (int status, string answer) = await s.Exec(AsApp + attempt + " 2>&1");
            Assert.True(status != 0, $"{attempt}: {answer}");
        }
        Assert.Equal(web.HostPid, (await s.RunOf("web")).HostPid);
        Assert.Equal(0, (await s.Stop()).Status);
    }

    [Fact]
    public async Task The_control_socket_answers_questions_and_takes_no_command()
    {
        await using Sandbox s = new Sandbox().WithCommands().Service("web", "exec sleep 54321").Script("/tmp/ask", """
            #!/usr/bin/perl
            use Socket;
            for my $word ("stop", "down web", "d", "exit", "up web", "status\0down", "reload", "x" x 4000) {
                socket(my $c, PF_UNIX, SOCK_STREAM, 0) or die;
                connect($c, sockaddr_un("/run/keelson/control")) or die "connect: $!";
                syswrite $c, "$word\n";
                sysread $c, my $answer, 1000;
                print substr($answer, 0, 5), "\n";
            }
            """);
        await s.Start();
        ProcessEntry web = await s.RunOf("web");
        Assert.Equal("0 " + string.Concat(Enumerable.Repeat("error\n", 8)), await Answer(s, "/tmp/ask"));
        Assert.Equal(web.HostPid, (await s.RunOf("web")).HostPid);
        Assert.Equal(0, (await s.Stop()).Status);
    }

    [Fact]
    public async Task Neither_a_signal_of_another_user_nor_KILL_of_root_reaches_process_1()
    {
        await using Sandbox s = new Sandbox().WithCommands().Service("web", "exec sleep 54321");
        await s.Start();
        await s.RunOf("web");
        foreach (string signal in new[] { "TERM", "INT", "HUP", "KILL", "USR1", "CONT" })
            Assert.Contains("not permitted", await Answer(s, AsApp + $"sh -c 'kill -{signal} 1'"), StringComparison.Ordinal);
        Assert.Equal("0 ", await Answer(s, "kill -KILL 1; kill -STOP 1"));
        Assert.StartsWith("0 ok: down: web", await Answer(s, $"SVWAIT=30 {Sandbox.Commands}/sv stop web"), StringComparison.Ordinal);
        Assert.Equal(0, (await s.Stop()).Status);
    }

    [Fact]
    public async Task Another_user_can_not_read_the_environment_from_process_1_or_the_dumps_and_has_it_as_a_service()
    {
        await using Sandbox s = new Sandbox().WithCommands().Env("SECRET", "open-sesame").Service("web", $"exec {AsApp} sh -c 'echo $SECRET >/tmp/own; exec sleep 54321'");
        await s.Start();
        await s.WaitForFile("/tmp/own", "open-sesame");
        foreach (string file in new[] { "/proc/1/environ", "/proc/1/mem", "/etc/container_environment/SECRET", "/etc/container_environment.sh", "/etc/container_environment.json" })
        {
            string answer = await Answer(s, AsApp + $"cat {file}");
            Assert.Contains("Permission denied", answer, StringComparison.Ordinal);
            Assert.DoesNotContain("open-sesame", answer, StringComparison.Ordinal);
        }
        Assert.Contains("Permission denied", await Answer(s, AsApp + "ls /proc/1/fd"), StringComparison.Ordinal);
        Assert.Equal(0, (await s.Stop()).Status);
    }

    [Fact]
    public async Task A_mark_of_another_service_in_the_environment_makes_no_message_that_services()
    {
        // Its number is the second part of the mark. The sender is nobody's child any more, so that the mark alone says whose it is.
        await using Sandbox s = WithNotifying().Service("evil", $$"""
            exec {{AsApp}} sh -c '
            boot=$(echo "$INVOCATION_ID" | cut -c1-16)
            for n in 1 2 3 4 5 6; do
              INVOCATION_ID=${boot}0000000${n}00000001 setsid -f sh -c "until grep -q \"^PPid:.1\$\" /proc/self/status; do sleep 0.02; done; NOTIFY_SOCKET=/run/keelson/notify /opt/keelson/keelson notify --ready --status=forged; echo \$? >>/tmp/forged"
            done
            exec sleep 54323'
            """.Replace("/proc/self/status", "/proc/\\$\\$/status", StringComparison.Ordinal));
        await s.Start();
        // keelson notify returns when process 1 has read its message.
        await s.Until(() => s.ReadLines("/tmp/forged").Length == 6, "all six were read");
        Assert.All(s.ReadLines("/tmp/forged"), status => Assert.Equal("0", status));
        (int _, string shown) = await s.Exec("/opt/keelson/keelson status");
        Assert.DoesNotContain("forged", shown, StringComparison.Ordinal);
        Assert.False(s.Exists("/tmp/next"));
        // The service itself is heard.
        Assert.Equal(0, (await s.Exec("touch /tmp/go")).Status);
        await s.WaitForFile("/tmp/next");
        Assert.Equal(0, (await s.Stop()).Status);
    }

    [Fact]
    public async Task MAINPID_of_a_process_of_another_service_is_not_taken()
    {
        await using Sandbox s = WithNotifying("""
            trap 'echo told >>/tmp/told; exit 0' TERM
            until [ -e /tmp/victim ]; do sleep 0.02; done
            for pid in $(cat /tmp/victim) 1 $$; do /opt/keelson/keelson notify --pid=$pid; done
            /opt/keelson/keelson notify --ready
            while :; do sleep 0.05; done
            """).Service("victim", "echo $$ >/tmp/v; mv /tmp/v /tmp/victim; exec sleep 54324");
        await s.Start();
        ProcessEntry victim = await s.WaitForProcess("sleep 54324");
        await s.WaitForFile("/tmp/next");
        Assert.Equal(0, (await s.OurSv("stop web")).Status);
        Assert.Equal(["told"], s.ReadLines("/tmp/told"));
        Assert.Equal(victim.HostPid, s.Find("sleep 54324")?.HostPid);
        Assert.Equal(0, (await s.Stop()).Status);
    }

    [Fact]
    public async Task A_service_that_pretends_to_be_left_over_from_another_is_ended_with_that_and_delays_nothing()
    {
        await using Sandbox s = new Sandbox().WithCommands().Service("web", "exec sleep 54321").Service("evil", $$"""
            exec {{AsApp}} sh -c '
            boot=$(echo "$INVOCATION_ID" | cut -c1-16)
            for n in 1 2 3 4; do INVOCATION_ID=${boot}0000000${n}00000001 setsid -f sleep 5433$n; done
            touch /tmp/forged; exec sleep 54323'
            """);
        await s.Start();
        await s.WaitForFile("/tmp/forged");
        ProcessEntry evil = await s.WaitForProcess("sleep 54323");
        ProcessEntry web = await s.RunOf("web");
        Assert.StartsWith("0 ok: down: web", await Answer(s, $"SVWAIT=30 {Sandbox.Commands}/sv stop web"), StringComparison.Ordinal);
        // Whichever of the four bore web's mark has gone with it; nothing else has.
        Assert.Equal(evil.HostPid, s.Find("sleep 54323")?.HostPid);
        Assert.DoesNotContain(s.Processes, p => p.HostPid == web.HostPid);
        Assert.Equal(0, (await s.Stop()).Status);
    }

    [Fact]
    public async Task Descriptors_that_come_with_a_message_stay_nobodys()
    {
        await using Sandbox s = WithNotifying();
        await s.Start();
        await s.Until(() => File.Exists(s.HostPath("/run/keelson/notify")), "the socket is there");
        await s.WaitUntilWatching();
        int before = s.Descriptors;
        using (var sender = new DescriptorSender(s.HostPath("/run/keelson/notify")))
        {
            for (int message = 0; message < 100; message++)
                sender.Send(250);
            // The last reader of the pipe's other end goes when process 1 has let go of every one.
            sender.UntilNobodyHasThem();
        }
        Assert.Equal(before, s.Descriptors);
        Assert.Equal(0, (await s.Exec("touch /tmp/go")).Status);
        await s.WaitForFile("/tmp/next");
        Assert.Equal(0, (await s.Stop()).Status);
    }

    [Fact]
    public async Task A_flood_of_messages_of_any_size_of_another_user_delays_neither_a_restart_nor_the_stop()
    {
        await using Sandbox s = WithNotifying().Script("/tmp/flood", """
            #!/usr/bin/perl
            use Socket;
            socket(my $s, PF_UNIX, SOCK_DGRAM, 0) or die;
            my $to = sockaddr_un("/run/keelson/notify");
            my @messages = ("READY=1\nMAINPID=1\nSTATUS=x", "\0" x 60000, "READY=1\n" x 12000, "MAINPID=99999999999999999999", "=", "\n" x 4096, "");
            my $sent = 0;
            while (1) {
                defined send($s, $messages[$sent % @messages], 0, $to) or die "send: $!";
                if (++$sent == 2000) { open(my $f, ">", "/tmp/flooding"); }
            }
            """).Service("other", "exec sleep 54325");
        await s.Start();
        await s.Until(() => File.Exists(s.HostPath("/run/keelson/notify")), "the socket is there");
        Assert.Equal(0, (await s.Exec($"setsid {AsApp} /tmp/flood >/tmp/flood.log 2>&1 &")).Status);
        await s.WaitForFile("/tmp/flooding");
        ProcessEntry other = await s.WaitForProcess("sleep 54325");
        Sandbox.Signal(other.HostPid, Sig.Kill);
        await s.WaitForProcess("sleep 54325", notHostPid: other.HostPid);
        Assert.False(s.Exists("/tmp/next"));
        Assert.Equal(0, (await s.Exec("touch /tmp/go")).Status);
        await s.WaitForFile("/tmp/next");
        Assert.StartsWith("0 ok: down: other", await Answer(s, $"SVWAIT=30 {Sandbox.Commands}/sv stop other"), StringComparison.Ordinal);
        Assert.NotNull(s.Find("/usr/bin/perl /tmp/flood"));
        Assert.Equal(0, (await s.Stop()).Status);
    }

    [Theory]
    [InlineData("mkdir -m 755 run/keelson; chown 1000 run/keelson")]
    [InlineData("mkdir -m 777 run/keelson; chmod 777 run/keelson")]
    [InlineData("mkdir -m 755 run/planted; chown 1000 run/planted; ln -s planted run/keelson")]
    public async Task Where_another_user_could_write_into_run_keelson_nothing_is_made_there(string prepare)
    {
        await using Sandbox s = WithNotifying().Prepare($"{prepare}; ln -s /etc/passwd run/keelson/notify; ln -s /etc/passwd run/keelson/control");
        await s.Start();
        await s.WaitForLog("/run/keelson can be written by others than root");
        Assert.Equal(0, (await s.Exec("touch /tmp/go")).Status);
        await s.WaitForFile("/tmp/next");
        Assert.StartsWith("0 ", await Answer(s, "/opt/keelson/keelson status"), StringComparison.Ordinal);
        Assert.Equal("0 /etc/passwd\n/etc/passwd\n644 0\n", await Answer(s, "readlink /run/keelson/notify /run/keelson/control; stat -c '%a %u' /etc/passwd"));
        Assert.Equal(0, (await s.Stop()).Status);
    }

    [Theory]
    [InlineData("ln /etc/secret supervise/status; ln /etc/secret supervise/pid; ln /etc/secret supervise/stat; ln /etc/secret supervise/lock; ln /etc/secret supervise/control; ln /etc/secret supervise/ok")]
    [InlineData("for f in status pid stat control ok status.new pid.new stat.new; do ln -s /etc/secret supervise/$f; done")]
    [InlineData("truncate -s 1T supervise/control supervise/ok supervise/status supervise/pid")]
    [InlineData("mkfifo supervise/status supervise/pid supervise/stat supervise/lock supervise/status.new")]
    public async Task What_the_owner_of_a_service_directory_plants_in_supervise_is_neither_followed_nor_waited_for(string plant)
    {
        await using Sandbox s = new Sandbox().WithCommands().Service("web", "exec sleep 54321")
            .Prepare($"echo secret >etc/secret; chmod 600 etc/secret; (cd etc/service/web && mkdir supervise && {plant.Replace("ln /etc/", "ln ../../", StringComparison.Ordinal)}; chown -R 1000 supervise; chown -h 0 ../../secret)");
        await s.Start();
        await s.WaitForProcess("sleep 54321");
        // Not by reading the files: one that is still the planted FIFO would keep us waiting.
        await s.WaitForSv("web");
        Assert.Equal(0, (await s.OurSv("restart web")).Status);
        Assert.Equal("0 secret\n600\n", await Answer(s, "cat /etc/secret; stat -c %a /etc/secret"));
        Assert.Equal(0, (await s.Stop()).Status);
    }
}
