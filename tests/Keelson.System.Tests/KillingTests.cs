using Keelson.SystemTests.Harness;

namespace Keelson.SystemTests;

/// <summary>After a service was stopped no descendant of it is left, wherever it went.</summary>
public sealed class KillingTests
{
    private const string Ready = "touch /tmp/ready; exec sleep 54321";

    // What a service may do so that its process group does not reach a child: each starts `sleep 777`.
    public static TheoryData<string> Escapes => new(
        "sleep 777 & ",
        "setsid sleep 777 & ",
        "(setsid sleep 777 &) ; ",
        "(setsid setsid sh -c 'sleep 777 & sleep 777' &) ; ",
        "env -i PATH=$PATH setsid sleep 777 & ",
        "(env -i sleep 777 &) ; ",
        "setuser app setsid sleep 777 & ",
        "(setuser app sh -c 'setsid sleep 777 &') ; ",
        "setsid sh -c 'trap \"\" TERM HUP; sleep 777; sleep 777' & ");

    private static bool IsGone(Sandbox s) => s.Find("sleep 777") is null && s.Find("sleep 54321") is null;

    private static async Task<Sandbox> Started(Sandbox s, string escape)
    {
        s.WithCommands().Timeouts(1, 1).Service("web", escape + Ready).Service("other", "exec sleep 54322");
        await s.Start();
        await s.WaitForFile("/tmp/ready");
        await s.WaitForProcess("sleep 777");
        await s.WaitForProcess("sleep 54321");
        await s.WaitForProcess("sleep 54322");
        await s.WaitForSv("web");
        await s.WaitForSv("other");
        return s;
    }

    [Theory]
    [MemberData(nameof(Escapes))]
    public async Task Nothing_is_left_when_sv_stop_has_said_ok(string escape)
    {
        await using Sandbox s = new();
        await Started(s, escape);
        ProcessEntry other = s.Find("sleep 54322")!;
        (int status, string text) = await s.OurSv("stop web");
        Assert.True(IsGone(s), text);
        Assert.Equal(0, status);
        Assert.Contains("left processes behind, ended: ", text, StringComparison.Ordinal);
        Assert.Equal(other.HostPid, s.Find("sleep 54322")?.HostPid);
        Assert.Equal(0, (await s.OurSv("start web")).Status);
        Assert.DoesNotContain("left", (await s.OurSv("stop other")).Out, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Escapes))]
    public async Task Nothing_is_left_before_the_hooks_after_the_services(string escape)
    {
        await using Sandbox s = new Sandbox().PostShutdown("look", "ps -e -o args >/tmp/ps");
        await Started(s, escape);
        Assert.Equal(0, (await s.Stop()).Status);
        Assert.Contains("post_shutdown", s.Read("/tmp/ps"), StringComparison.Ordinal);
        Assert.DoesNotContain("sleep", s.Read("/tmp/ps"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_a_service_left_by_itself_lives_on_until_it_is_told_to_be_down()
    {
        // A daemon that puts itself into the background, started with `sv once`, as under runit.
        await using Sandbox s = new Sandbox().WithCommands().Service("daemon", "setsid sleep 777 & exit 0").Write("/etc/service/daemon/down", "");
        await s.Start();
        await s.Until(() => s.Exists("/etc/service/daemon/supervise/status"), "it is supervised");
        Assert.Equal(0, (await s.OurSv("once daemon")).Status);
        ProcessEntry daemon = await s.WaitForProcess("sleep 777");
        await s.Until(() => s.Read("/etc/service/daemon/supervise/stat") == "down\n" && s.Read("/etc/service/daemon/supervise/pid").Length == 0, "./run has ended");
        Assert.Equal(daemon.HostPid, s.Find("sleep 777")?.HostPid);
        Assert.Equal(0, (await s.OurSv("down daemon")).Status);
        await s.Until(() => s.Find("sleep 777") is null, "it has gone");
    }

    [Fact]
    public async Task A_crash_leaves_what_runit_leaves_and_the_next_stop_ends_all_of_it()
    {
        await using Sandbox s = new Sandbox().WithCommands().Service("web", "setsid sleep 777 & echo run >>/tmp/runs; exec sleep 54321");
        await s.Start();
        ProcessEntry first = await s.WaitForProcess("sleep 54321");
        Sandbox.Signal(first.HostPid, Sig.Kill);
        await s.Until(() => s.Processes.Count(p => p.Command == "sleep 777") == 2, "the second one has a child as well");
        await s.WaitForProcess("sleep 54321", notHostPid: first.HostPid);
        await s.WaitForSv("web");
        Assert.Equal(0, (await s.OurSv("stop web")).Status);
        Assert.True(IsGone(s));
    }

    [Fact]
    public async Task A_service_that_is_told_to_be_down_while_what_it_left_is_being_ended_takes_nobody_else_along()
    {
        await using Sandbox s = new Sandbox().WithCommands()
            // Restarted by service.conf, but only when the process that it left has gone: it does not go, for so long that a busy
            // machine sees the first time. Later ones find /tmp/left and end before TERM is ignored.
            .Service("web", "setsid sh -c 'trap \"\" TERM; touch /tmp/left; exec sleep 777' & until [ -e /tmp/left ]; do sleep 0.01; done; exit 1")
            .Write("/etc/service/web/service.conf", "[Service]\nRestartSec=0\nTimeoutStopSec=8\n")
            .Service("other", "exec sleep 54322");
        await s.Start("--quiet", "--", "sh", "-c", "sleep 888 & wait");
        ProcessEntry other = await s.RunOf("other"), ofMain = await s.WaitForProcess("sleep 888");
        await s.WaitForProcess("sleep 777");
        await s.Until(() => s.PidFile("web").Length == 0 && s.Stat("web").StartsWith("run", StringComparison.Ordinal), "its ./run has ended");
        (int status, string text) = await s.OurSv("stop web");
        Assert.True(status == 0, text);
        Assert.Null(s.Find("sleep 777"));
        Assert.Equal(other.HostPid, s.Find("sleep 54322")?.HostPid);
        Assert.Equal(ofMain.HostPid, s.Find("sleep 888")?.HostPid);
    }

    [Fact]
    public async Task Each_start_has_an_invocation_id_of_its_own_whatever_the_container_has()
    {
        await using Sandbox s = new Sandbox().Env("INVOCATION_ID", "mine").Service("web", "echo $INVOCATION_ID >>/tmp/ids; exit 0");
        await s.Start();
        await s.Until(() => s.ReadLines("/tmp/ids").Length >= 2, "two starts");
        Assert.All(s.ReadLines("/tmp/ids"), id => Assert.Matches("^[0-9a-f]{32}$", id));
        Assert.NotEqual(s.ReadLines("/tmp/ids")[0], s.ReadLines("/tmp/ids")[1]);
    }

    [Fact]
    public async Task In_a_control_group_not_even_an_orphan_of_before_without_environment_gets_away()
    {
        await using Sandbox s = new Sandbox().WithCommands().MakeDirectory("/sys/fs/cgroup")
            .Prepare("mkdir -p sys/fs/cgroup && mount -t cgroup2 cgroup2 sys/fs/cgroup")
            // Its parent has ended before the stop, its session is its own, its environment empty.
            .Service("web", "(env -i setsid sleep 777 &) ; " + Ready).Service("other", "exec sleep 54322");
        await s.Start();
        await s.WaitForFile("/tmp/ready");
        ProcessEntry orphan = await s.WaitForProcess("sleep 777");
        await s.WaitForProcess("sleep 54322");
        await s.Until(() => s.Find("sleep 777")?.Parent == s.HostPid, "it is an orphan");
        await s.WaitForSv("web");
        Assert.Contains("/keelson.", await File.ReadAllTextAsync($"/proc/{orphan.HostPid}/cgroup", TestContext.Current.CancellationToken), StringComparison.Ordinal);
        (int status, string text) = await s.OurSv("stop web");
        Assert.True(status == 0 && IsGone(s), text);
        Assert.NotNull(s.Find("sleep 54322"));
        // Process 1 has returned to where it was, and takes the groups along.
        Assert.DoesNotContain("/keelson.", await File.ReadAllTextAsync($"/proc/{s.HostPid}/cgroup", TestContext.Current.CancellationToken), StringComparison.Ordinal);
        Assert.Equal(0, (await s.Stop()).Status);
    }
}
