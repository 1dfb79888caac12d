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
    [NotEmulated(NotEmulatedAttribute.NoExecErrors)]
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
        await using Sandbox s = new Sandbox().Service("web", Supervisors.NoteStart("/tmp/starts"));
        await s.StartSupervisor(which);
        // A lower bound only: how much later is the machine's affair.
        Assert.InRange(await s.SecondsOfStarts("/tmp/starts", 4), 2.8, double.MaxValue);
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
        await s.WaitForStat(which, "web", "finish");
        StatusRecord finish = s.Status("web")!;
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

    [Theory, BothSupervisors]
    [NotEmulated(NotEmulatedAttribute.NoExecErrors)]
    public async Task A_run_that_is_missing_or_not_executable_is_111_for_finish_and_starts_when_it_is_mended(Supervisor which)
    {
        await using Sandbox s = new Sandbox()
            .Script("/etc/service/missing/finish", "echo \"$#:$1 $2\" >>/tmp/missing")
            .Script("/etc/service/plain/finish", "echo \"$#:$1 $2\" >>/tmp/plain").Write("/etc/service/plain/run", "#!/bin/sh\nexec sleep 54321\n");
        await s.StartSupervisor(which);
        foreach (string name in new[] { "missing", "plain" })
        {
            await s.Until(() => s.ReadLines($"/tmp/{name}").Length > 0, $"finish of {name} has run");
            Assert.Equal("2:111 0", s.ReadLines($"/tmp/{name}")[0]);
        }
        File.SetUnixFileMode(s.HostPath("/etc/service/plain/run"), (UnixFileMode)0b111_101_101);
        s.Script("/root/run", "exec sleep 54322");
        File.Move(s.HostPath("/root/run"), s.HostPath("/etc/service/missing/run"));
        await s.RunOf("plain");
        await s.RunOf("missing");
    }

    [Theory, BothSupervisors]
    public async Task Codes_and_signals_reach_finish_as_they_are(Supervisor which)
    {
        (string Name, string Run, string Expected)[] all =
            [("zero", "exit 0", "0 0"), ("most", "exit 255", "255 0"), ("hup", "kill -1 $$", "-1 1"), ("term", "kill -15 $$", "-1 15")];
        await using Sandbox s = new();
        foreach ((string name, string run, _) in all)
            s.Service(name, run, $"echo \"$1 $2\" >>/tmp/{name}");
        await s.StartSupervisor(which);
        foreach ((string name, _, string expected) in all)
        {
            await s.Until(() => s.ReadLines($"/tmp/{name}").Length > 0, $"finish of {name} has run");
            Assert.Equal(expected, s.ReadLines($"/tmp/{name}")[0]);
        }
    }

    [Theory, BothSupervisors]
    public async Task The_TERM_flag_is_gone_when_run_has_ended(Supervisor which)
    {
        await using Sandbox s = new Sandbox().Service("web", "trap 'until [ -e /tmp/go ]; do sleep 0.02; done; exit 0' TERM; touch /tmp/ready; while :; do sleep 0.02; done", "exec sleep 54321");
        await s.StartSupervisor(which);
        await s.WaitForFile("/tmp/ready");
        await s.Control("web", "t");
        await s.Until(() => s.Status("web") is { State: 1, GotTerm: 1 }, "it got TERM");
        s.Write("/tmp/go", "");
        await s.WaitForStat(which, "web", "finish");
        Assert.Equal(0, s.Status("web")!.GotTerm);
    }

    [Theory, BothSupervisors]
    public async Task Up_during_finish_takes_a_down_back(Supervisor which)
    {
        await using Sandbox s = new Sandbox().Service("web", "echo run >>/tmp/runs; [ -e /tmp/go ] && exec sleep 54321", "touch /tmp/finishing; until [ -e /tmp/go ]; do sleep 0.02; done");
        await s.StartSupervisor(which);
        await s.WaitForFile("/tmp/finishing");
        await s.Control("web", "d");
        await s.WaitForStat(which, "web", "finish, want down");
        await s.Control("web", "u");
        await s.WaitForStat(which, "web", "finish");
        s.Write("/tmp/go", "");
        await s.RunOf("web");
        await s.Until(() => s.ReadLines("/tmp/runs").Length == 2, "it was started twice");
    }

    [Theory, BothSupervisors]
    public async Task The_pace_is_kept_whatever_finish_takes(Supervisor which)
    {
        await using Sandbox s = new Sandbox().Service("web", Supervisors.NoteStart("/tmp/starts"), "sleep 0.3");
        await s.StartSupervisor(which);
        Assert.InRange(await s.SecondsOfStarts("/tmp/starts", 3), 1.8, double.MaxValue);
    }

    [Theory, BothSupervisors]
    public async Task A_run_that_can_not_be_started_is_tried_again_at_the_same_pace(Supervisor which)
    {
        await using Sandbox s = new Sandbox().Service("web", "#!/no/such/interpreter\n", Supervisors.NoteStart("/tmp/ends"));
        await s.StartSupervisor(which);
        Assert.InRange(await s.SecondsOfStarts("/tmp/ends", 3), 1.5, double.MaxValue);
    }

    [Theory, BothSupervisors]
    public async Task Exit_forgets_that_it_was_down(Supervisor which)
    {
        // The next supervisor of the directory knows the file down only.
        await using Sandbox s = new Sandbox().Service("web", "exec sleep 54321");
        await s.StartSupervisor(which);
        ProcessEntry first = await s.RunOf("web");
        await s.Control("web", "d");
        await s.WaitForStat(which, "web", "down");
        await s.Control("web", "x");
        await s.RunOf("web", notPid: first.Pid);
        Assert.Equal('u', s.Status("web")!.Want);
    }
}
