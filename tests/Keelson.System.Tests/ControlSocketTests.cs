using System.Diagnostics;
using System.Text.Json;
using Keelson.SystemTests.Harness;

namespace Keelson.SystemTests;

/// <summary>keelson status, events and health, and the control socket that they ask.</summary>
public sealed class ControlSocketTests
{
    private static Sandbox WithWeb(string conf = "") => new Sandbox()
        .WithCommands()
        .Service("web", "exec sleep 54321")
        .Write("/etc/service/web/service.conf", conf)
        .Service("off", "exec sleep 54322")
        .Write("/etc/service/off/down", "");

    private static Task<(int Status, string Out)> Keelson(Sandbox s, string arguments) => s.Exec($"/opt/keelson/keelson {arguments} 2>&1");

    private static JsonElement Status(Sandbox s, string service)
    {
        (int status, string answer) = Keelson(s, $"status --json {service}").Result;
        Assert.True(status == 0, answer);
        return JsonDocument.Parse(answer).RootElement[0].Clone();
    }

    [Fact]
    public async Task Status_shows_every_service_on_a_line_and_as_json()
    {
        await using Sandbox s = WithWeb();
        await s.Start();
        ProcessEntry web = await s.WaitForProcess("sleep 54321");
        (int status, string table) = await Keelson(s, "status");
        Assert.True(status == 0, table);
        string[] lines = table.Split('\n');
        Assert.StartsWith("SERVICE  STATE     RUN ", lines[0], StringComparison.Ordinal);
        Assert.Matches(@"^off      inactive  down\s+-", lines[1]);
        Assert.Matches($@"^web      active    run\s+{web.Pid}\s+\d+s\s+0\s+\d+ kB$", lines[2]);
        JsonElement json = Status(s, "web");
        Assert.Equal("active", json.GetProperty("state").GetString());
        Assert.True(json.GetProperty("ready").GetBoolean());
        Assert.Equal(web.Pid, json.GetProperty("pid").GetInt32());
        Assert.True(json.GetProperty("memory").GetInt64() > 100_000);
        Assert.Equal(JsonValueKind.Null, Status(s, "off").GetProperty("pid").ValueKind);
        (status, string answer) = await Keelson(s, "status ghost");
        Assert.Equal((1, "keelson status: there is no service ghost; `keelson status` lists those that there are\n"), (status, answer));
        Assert.Equal(0, (await s.Stop()).Status);
    }

    [Fact]
    public async Task Status_counts_restarts_and_tells_how_the_last_run_ended()
    {
        await using Sandbox s = WithWeb("[Service]\nRestartSec=10ms\n");
        await s.Start();
        ProcessEntry first = await s.WaitForProcess("sleep 54321");
        Sandbox.Signal(first.HostPid, Sig.Kill);
        await s.WaitForProcess("sleep 54321", notHostPid: first.HostPid);
        await s.Until(() => Status(s, "web") is var web && web.GetProperty("restarts").GetInt32() == 1 && web.GetProperty("lastStatus").GetInt32() == 137, "it was started again after KILL");
        Assert.Equal(0, (await s.Stop()).Status);
    }

    [Fact]
    public async Task Events_tell_in_order_what_has_happened_and_follow_what_happens()
    {
        await using Sandbox s = WithWeb("[Service]\nRestartSec=10ms\n").Startup("1", "exit 0");
        await s.Start();
        ProcessEntry web = await s.WaitForProcess("sleep 54321");
        await s.Until(() => Keelson(s, "events").Result.Out.Contains("services-started", StringComparison.Ordinal), "the boot is over");
        (int status, string events) = await Keelson(s, "events");
        string[] kinds = [.. events.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => string.Join(' ', l.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1..]))];
        Assert.True(status == 0, events);
        Assert.Equal(["boot", .. kinds.Where(k => k.StartsWith("script", StringComparison.Ordinal))], kinds[..3]);
        Assert.Matches("^script-started /etc/my_init.d/1 pid ", kinds[1]);
        Assert.Equal("script-ended /etc/my_init.d/1 status 0", kinds[2]);
        Assert.Contains($"started web pid {web.Pid}", kinds);
        Assert.Contains("ready web", kinds);
        Task<(int Status, string Out)> following = s.Exec($"timeout 20 /opt/keelson/keelson events --follow --json web | while read -r line; do echo \"$line\"; case $line in *'\"event\": \"ended\"'*) exit 0;; esac; done");
        await s.Until(() => s.Find($"/opt/keelson/keelson events --follow --json web") is not null, "somebody follows");
        Sandbox.Signal(web.HostPid, Sig.Kill);
        (status, string followed) = await following;
        Assert.Equal(0, status);
        JsonElement last = JsonDocument.Parse(followed.Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1]).RootElement;
        Assert.Equal(("web", 137), (last.GetProperty("name").GetString(), last.GetProperty("status").GetInt32()));
        Assert.Equal(0, (await s.Stop()).Status);
    }

    [Fact]
    public async Task Health_is_0_when_all_that_is_to_run_is_ready_and_else_1_with_the_reason()
    {
        await using Sandbox s = WithWeb("[Service]\nTimeoutStartSec=1h\n").Script("/etc/service/web/check", "[ -e /tmp/ready ]");
        await s.Start();
        await s.WaitForProcess("sleep 54321");
        await s.Until(() => Keelson(s, "health").Result is (1, "unhealthy: web: activating: waits for ./check to end with 0\n"), "it is not healthy yet");
        Assert.Equal(0, (await s.Exec("touch /tmp/ready")).Status);
        await s.Until(() => Keelson(s, "health").Result is (0, "healthy\n"), "it is healthy");
        Assert.Equal(0, (await s.Stop()).Status);
    }

    [Fact]
    public async Task A_crash_loop_is_not_healthy_though_something_runs_now_and_then()
    {
        await using Sandbox s = new Sandbox().WithCommands().Service("web", "exit 3");
        await s.Start();
        await s.Until(() => Keelson(s, "health").Result is (1, "unhealthy: web: restarting: ./run ended with 3\n"), "it says so");
        Assert.Equal(0, (await s.Stop()).Status);
    }

    [Fact]
    public async Task Other_users_are_refused_and_members_of_the_group_keelson_are_not()
    {
        await using Sandbox s = WithWeb().Write("/etc/group", "root:x:0:\nkeelson:x:4242:\n");
        await s.Start();
        await s.WaitForProcess("sleep 54321");
        Assert.Equal(0, (await Keelson(s, "status")).Status);
        (int status, string answer) = await s.Exec($"{Sandbox.Commands}/chpst -u :1234:1234 /opt/keelson/keelson status 2>&1");
        Assert.Equal((1, "keelson status: only root and members of the group keelson may ask\n"), (status, answer));
        Assert.Equal(0, (await s.Exec($"{Sandbox.Commands}/chpst -u :1234:4242 /opt/keelson/keelson status 2>&1")).Status);
        Assert.Equal(0, (await s.Exec($"{Sandbox.Commands}/chpst -u :1234:1234:4242 /opt/keelson/keelson status 2>&1")).Status);
        Assert.Equal(0, (await s.Stop()).Status);
    }

    [Fact]
    public async Task Clients_that_say_nothing_or_nonsense_or_never_read_hinder_nobody()
    {
        // Of twelve, four say nothing, four follow and never read, four talk nonsense.
        await using Sandbox s = WithWeb().Script("/tmp/stuck", """
            #!/usr/bin/perl
            use Socket;
            $SIG{PIPE} = "IGNORE";
            my @clients;
            for my $i (0 .. 11) {
                socket(my $c, PF_UNIX, SOCK_STREAM, 0) or die;
                connect($c, sockaddr_un("/run/keelson/control")) or die "connect: $!";
                syswrite $c, "follow\n" if $i % 3 == 1;
                syswrite $c, "x" x 5000 if $i % 3 == 2;
                push @clients, $c;
            }
            open(my $f, ">", "/tmp/connected") or die;
            sleep 1000;
            """);
        await s.Start();
        await s.WaitForProcess("sleep 54321");
        await s.WaitUntilWatching();
        int before = s.Descriptors;
        Assert.Equal(0, (await s.Exec("setsid /tmp/stuck >/tmp/stuck.log 2>&1 &")).Status);
        await s.WaitForFile("/tmp/connected");
        await s.Until(() => s.Descriptors >= before + 4, "those that follow are connected");
        var clock = Stopwatch.StartNew();
        while (clock.Elapsed < TimeSpan.FromSeconds(2))
            Assert.Equal((0, "healthy\n"), await Keelson(s, "health"));
        // Those that said nothing are dropped, in time; the four that follow may stay.
        await s.Until(() => s.Descriptors == before + 4, "the silent ones are dropped");
        Assert.Equal(0, (await s.Exec("pkill -f '/tmp/[s]tuck'")).Status);
        await s.Until(() => s.Descriptors == before, "those that went are forgotten");
        Assert.Equal((0, "healthy\n"), await Keelson(s, "health"));
        Assert.Equal(0, (await s.Stop()).Status);
    }

    [Fact]
    public async Task Where_process_1_is_another_program_that_is_said()
    {
        await using Sandbox s = new Sandbox().WithCommands();
        await s.StartCommand("/usr/bin/sleep", "1000");
        await s.WaitForProcess("/usr/bin/sleep 1000");
        Assert.Equal((0, "healthy: process 1 is sleep, not my_init: there are no services to be unwell\n"), await Keelson(s, "health"));
        Assert.Equal((1, "keelson status: nobody answers at /run/keelson/control: process 1 is sleep; only my_init of this version can be asked\n"), await Keelson(s, "status"));
    }
}
