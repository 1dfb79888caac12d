using System.Globalization;
using Keelson.SystemTests.Harness;

namespace Keelson.SystemTests;

/// <summary>How a service lives and dies (runsv(8)), under Debian's runit and under Keelson.</summary>
public sealed class RunitLifeTests
{
    private const string NoteFinish = "echo \"$#:$1 $2\" >>/tmp/finish";

    [Theory, BothSupervisors]
    public async Task The_log_starts_before_the_service(Supervisor which)
    {
        // A log that can't be started yet does not keep the service from starting; one that can comes first.
        await using Sandbox s = new Sandbox().Service("web", "ps -e -o args >/tmp/ps; exec sleep 54321").Script("/etc/service/web/log/run", "exec sleep 54322");
        await s.StartSupervisor(which);
        ProcessEntry web = await s.RunOf("web");
        ProcessEntry log = await s.RunOf("web/log");
        Assert.True(log.Pid < web.Pid, $"log {log.Pid}, service {web.Pid}");
    }

    [Theory, BothSupervisors]
    public async Task Finish_gets_exit_code_and_low_byte_of_the_status(Supervisor which)
    {
        await using Sandbox s = new Sandbox()
            .Service("exits", "exit 3", "echo \"$#:$1 $2\" >>/tmp/exits")
            .Service("killed", "kill -9 $$", "echo \"$#:$1 $2\" >>/tmp/killed")
            .Service("missing", "#!/no/such/interpreter\n", "echo \"$#:$1 $2\" >>/tmp/missing");
        await s.StartSupervisor(which);
        foreach ((string name, string expected) in new[] { ("exits", "2:3 0"), ("killed", "2:-1 9"), ("missing", "2:111 0") })
        {
            await s.Until(() => s.ReadLines($"/tmp/{name}").Length > 0, $"finish of {name} has run");
            Assert.Equal(expected, s.ReadLines($"/tmp/{name}")[0]);
        }
    }

    [Theory, BothSupervisors]
    public async Task A_service_that_ends_at_once_is_started_once_a_second(Supervisor which)
    {
        await using Sandbox s = new Sandbox().Service("web", "date +%s.%N >>/tmp/starts");
        await s.StartSupervisor(which);
        await s.Until(() => s.ReadLines("/tmp/starts").Length >= 4, "four starts");
        double[] starts = [.. s.ReadLines("/tmp/starts").Select(l => double.Parse(l, CultureInfo.InvariantCulture))];
        Assert.True(starts[3] - starts[0] > 2.9, "four starts at " + string.Join(", ", starts));
    }

    [Theory, BothSupervisors]
    public async Task While_it_waits_it_is_down_and_wanted_up(Supervisor which)
    {
        await using Sandbox s = new Sandbox().Service("web", "exit 0");
        await s.StartSupervisor(which);
        await s.Until(() => s.Status("web") is { State: 0, Pid: 0, Want: 'u' } && s.Stat("web") == "down", "it is down and wanted up");
    }

    [Theory, BothSupervisors]
    public async Task Finish_is_a_state_with_a_pid_and_the_time_of_run(Supervisor which)
    {
        await using Sandbox s = new Sandbox().Service("web", "sleep 1.2", "echo $$ >/tmp/finish; exec sleep 54321");
        await s.StartSupervisor(which);
        await s.WaitForStat(which, "web", "run");
        StatusRecord run = s.Status("web")!;
        // runsv says so before it has the process.
        await s.Until(() => s.Status("web") is { State: 2, Pid: not 0 }, "finish runs");
        StatusRecord finish = s.Status("web")!;
        Assert.Equal("finish", s.Stat("web"));
        Assert.Equal((run.Seconds, run.Nanoseconds), (finish.Seconds, finish.Nanoseconds));
        await s.WaitForFile("/tmp/finish", "\n");
        Assert.Equal(s.Read("/tmp/finish"), Shell.Format(finish.Pid) + "\n");
    }

    [Theory, BothSupervisors]
    public async Task A_service_that_is_killed_after_a_while_is_back_at_once(Supervisor which)
    {
        await using Sandbox s = new Sandbox().Service("web", "exec sleep 54321");
        await s.StartSupervisor(which);
        ProcessEntry first = await s.RunOf("web");
        await s.Pass(TimeSpan.FromSeconds(1.2));
        Sandbox.Signal(first.HostPid, Sig.Kill);
        ProcessEntry second = await s.RunOf("web", notPid: first.Pid);
        Assert.NotEqual(first.Pid, second.Pid);
    }

    [Theory, BothSupervisors]
    public async Task A_finish_runs_when_down_was_asked_for_too(Supervisor which)
    {
        await using Sandbox s = new Sandbox().Service("web", "exec sleep 54321", NoteFinish);
        await s.StartSupervisor(which);
        await s.RunOf("web");
        await s.Control("web", "d");
        await s.WaitForStat(which, "web", "down");
        Assert.Equal("2:-1 15\n", s.Read("/tmp/finish"));
    }

    [Theory, BothSupervisors]
    public async Task Up_after_down_starts_it_again(Supervisor which)
    {
        await using Sandbox s = new Sandbox().Service("web", "exec sleep 54321");
        await s.StartSupervisor(which);
        ProcessEntry first = await s.RunOf("web");
        await s.Control("web", "d");
        await s.WaitForStat(which, "web", "down");
        Assert.Equal('d', s.Status("web")!.Want);
        await s.Control("web", "u");
        await s.RunOf("web", notPid: first.Pid);
        Assert.Equal('u', s.Status("web")!.Want);
    }

    [Theory, BothSupervisors]
    public async Task Once_starts_it_and_lets_it_end(Supervisor which)
    {
        await using Sandbox s = new Sandbox().Service("web", "echo run >>/tmp/runs; until [ -e /tmp/go ]; do sleep 0.05; done").Write("/etc/service/web/down", "");
        await s.StartSupervisor(which);
        await s.WaitForStat(which, "web", "down");
        await s.Control("web", "o");
        await s.WaitForStat(which, "web", "run, want down");
        s.Write("/tmp/go", "");
        await s.WaitForStat(which, "web", "down");
        await s.Pass(TimeSpan.FromSeconds(1.5));
        Assert.Equal("run\n", s.Read("/tmp/runs"));
    }

    [Theory, BothSupervisors]
    public async Task Once_to_one_that_runs_lets_it_run_and_not_again(Supervisor which)
    {
        await using Sandbox s = new Sandbox().Service("web", "echo run >>/tmp/runs; exec sleep 54321");
        await s.StartSupervisor(which);
        ProcessEntry web = await s.RunOf("web");
        await s.Control("web", "o");
        await s.WaitForStat(which, "web", "run, want down");
        Sandbox.Signal(web.HostPid, Sig.Kill);
        await s.WaitForStat(which, "web", "down");
        await s.Pass(TimeSpan.FromSeconds(1.5));
        Assert.Equal("run\n", s.Read("/tmp/runs"));
    }

    [Theory, BothSupervisors]
    public async Task A_directory_that_is_removed_ends_its_service(Supervisor which)
    {
        await using Sandbox s = new Sandbox().Service("web", "exec sleep 54321").Service("other", "exec sleep 54322");
        await s.StartSupervisor(which);
        await s.RunOf("web");
        await s.RunOf("other");
        Directory.Move(s.HostPath("/etc/service/web"), s.HostPath("/root/web"));
        await s.Until(() => s.Find("sleep 54321") is null, "the service has ended");
        Assert.NotNull(s.Find("sleep 54322"));
    }
}
