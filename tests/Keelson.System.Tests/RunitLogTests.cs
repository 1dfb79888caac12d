using Keelson.SystemTests.Harness;

namespace Keelson.SystemTests;

/// <summary>The log service and its pipe (runsv(8)), under Debian's runit and under Keelson.</summary>
public sealed class RunitLogTests
{
    private const string Writer = "n=$(cat /tmp/n 2>/dev/null || echo 0); for i in 1 2 3 4 5; do n=$((n+1)); echo \"line $n\"; done; echo $n >/tmp/n; sleep 0.1";

    [Theory, BothSupervisors]
    public async Task Output_of_run_and_finish_goes_to_the_log_and_errors_do_not(Supervisor which)
    {
        await using Sandbox s = new Sandbox()
            .Service("web", "echo out; echo err >&2; exit 0", "echo finish; echo finish-err >&2")
            .Script("/etc/service/web/log/run", "exec cat >>/tmp/log");
        await s.StartSupervisor(which);
        await s.Until(() => s.ReadLines("/tmp/log").Length >= 4, "two rounds are in the log");
        Assert.Equal("out finish out finish", string.Join(' ', s.ReadLines("/tmp/log").Take(4)));
        await s.Until(() => s.Err.Text.Contains("finish-err", StringComparison.Ordinal), "errors are outside");
    }

    [Theory, BothSupervisors]
    public async Task The_pipe_survives_restarts_of_the_service(Supervisor which)
    {
        await using Sandbox s = new Sandbox().Service("web", Writer).Script("/etc/service/web/log/run", "exec cat >>/tmp/log");
        await s.StartSupervisor(which);
        ProcessEntry log = await s.RunOf("web/log");
        await s.Until(() => s.ReadLines("/tmp/log").Length >= 15, "three rounds are in the log");
        string[] lines = s.ReadLines("/tmp/log");
        Assert.Equal(Enumerable.Range(1, lines.Length).Select(n => $"line {n}"), lines);
        Assert.Equal(log.Pid, s.Status("web/log")!.Pid);
    }

    [Theory, BothSupervisors]
    public async Task What_is_written_while_no_log_runs_waits_for_it(Supervisor which)
    {
        await using Sandbox s = new Sandbox()
            .Service("web", "for i in $(seq 1 500); do echo \"line $i\"; done; touch /tmp/written; exec sleep 54321")
            .Script("/etc/service/web/log/run", "exec cat >>/tmp/log").Write("/etc/service/web/log/down", "");
        await s.StartSupervisor(which);
        await s.WaitForFile("/tmp/written");
        Assert.False(s.Exists("/tmp/log"));
        await s.Control("web/log", "u");
        await s.Until(() => s.ReadLines("/tmp/log").Length == 500, "all lines have come");
        Assert.Equal(Enumerable.Range(1, 500).Select(n => $"line {n}"), s.ReadLines("/tmp/log"));
    }

    [Theory, BothSupervisors]
    public async Task A_log_that_is_killed_comes_back_and_nothing_is_missing(Supervisor which)
    {
        // A log that reads a line only when it has written the one before it: what it has not read stays in the pipe.
        await using Sandbox s = new Sandbox()
            .Service("web", "for i in $(seq 1 300); do echo \"line $i\"; sleep 0.01; done; exec sleep 54321")
            .Script("/etc/service/web/log/run", "trap 'exit 0' TERM; while IFS= read -r l; do echo \"$l\" >>/tmp/log; done");
        await s.StartSupervisor(which);
        for (int i = 0; i < 3; i++)
        {
            ProcessEntry log = await s.RunOf("web/log");
            int before = s.ReadLines("/tmp/log").Length;
            await s.Until(() => s.ReadLines("/tmp/log").Length > before, "it writes");
            await s.Control("web/log", "t");
            await s.RunOf("web/log", notPid: log.Pid);
        }
        await s.Until(() => s.Read("/tmp/log").EndsWith("line 300\n", StringComparison.Ordinal), "the last line is there");
        // TERM may fall between reading a line and writing it: once for each restart at most.
        Assert.InRange(s.ReadLines("/tmp/log").Length, 297, 300);
        int[] numbers = [.. s.ReadLines("/tmp/log").Select(l => int.Parse(l.AsSpan(5), System.Globalization.CultureInfo.InvariantCulture))];
        Assert.Equal(numbers.Order(), numbers);
        Assert.Equal(numbers.Length, numbers.Distinct().Count());
    }

    [Theory, BothSupervisors]
    public async Task On_exit_the_log_reads_to_the_end_and_ends_last(Supervisor which)
    {
        await using Sandbox s = new Sandbox()
            .Service("web", "trap 'seq 1 5000; exit 0' TERM; touch /tmp/ready; while :; do sleep 0.02; done", "echo finish")
            .Script("/etc/service/web/log/run", "cat >>/tmp/log; echo ended >/tmp/ended");
        await s.StartSupervisor(which);
        await s.WaitForFile("/tmp/ready");
        await s.Control("web", "x");
        await s.WaitForFile("/tmp/ended", "ended");
        Assert.Equal(string.Concat(Enumerable.Range(1, 5000).Select(n => $"{n}\n")) + "finish\n", s.Read("/tmp/log"));
    }

    [Theory, BothSupervisors]
    public async Task A_log_has_no_finish(Supervisor which)
    {
        await using Sandbox s = new Sandbox().Service("web", "exec sleep 54321")
            .Script("/etc/service/web/log/run", "echo run >>/tmp/runs; exit 0").Script("/etc/service/web/log/finish", "touch /tmp/finish");
        await s.StartSupervisor(which);
        await s.Until(() => s.ReadLines("/tmp/runs").Length >= 3, "the log was started again");
        Assert.False(s.Exists("/tmp/finish"));
    }

    [Theory, BothSupervisors]
    public async Task Service_and_log_have_one_end_each_of_one_pipe_for_ever(Supervisor which)
    {
        await using Sandbox s = new Sandbox().Service("web", "exec sleep 54321").Script("/etc/service/web/log/run", "exec sleep 54322");
        await s.StartSupervisor(which);
        await s.RunOf("web");
        await s.RunOf("web/log");
        ProcessEntry web = await s.WaitForProcess("sleep 54321");
        ProcessEntry log = await s.WaitForProcess("sleep 54322");
        string pipe = Descriptor(web, 1);
        Assert.StartsWith("pipe:[", pipe, StringComparison.Ordinal);
        Assert.Equal(pipe, Descriptor(log, 0));
        // A second copy would keep the log from seeing its end. Other descriptors may be what runsvdir was started with.
        foreach (ProcessEntry process in new[] { web, log })
            Assert.Single(Directory.GetFileSystemEntries($"/proc/{process.HostPid}/fd"), f => new FileInfo(f).LinkTarget == pipe);
        Sandbox.Signal(web.HostPid, Sig.Kill);
        Sandbox.Signal(log.HostPid, Sig.Kill);
        Assert.Equal(pipe, Descriptor(await s.WaitForProcess("sleep 54321", notHostPid: web.HostPid), 1));
        Assert.Equal(pipe, Descriptor(await s.WaitForProcess("sleep 54322", notHostPid: log.HostPid), 0));
    }

    private static string Descriptor(ProcessEntry process, int number) => new FileInfo($"/proc/{process.HostPid}/fd/{Shell.Format(number)}").LinkTarget!;

    [Theory, BothSupervisors]
    public async Task What_the_log_itself_writes_is_in_the_containers_output(Supervisor which)
    {
        await using Sandbox s = new Sandbox().Service("web", "echo line; exec sleep 54321").Script("/etc/service/web/log/run", "while read -r l; do echo \"log: $l\"; done");
        await s.StartSupervisor(which);
        await s.Until(() => s.Out.Text.Contains("log: line\n", StringComparison.Ordinal), "the line is there");
    }

    [Theory, BothSupervisors]
    public async Task Down_and_up_of_the_log_lose_nothing(Supervisor which)
    {
        await using Sandbox s = new Sandbox()
            .Service("web", "seq 1 100; until [ -e /tmp/go ]; do sleep 0.02; done; seq 101 200; touch /tmp/written; exec sleep 54321")
            .Script("/etc/service/web/log/run", "exec cat >>/tmp/log");
        await s.StartSupervisor(which);
        await s.Until(() => s.ReadLines("/tmp/log").Length == 100, "the first part has come");
        await s.Control("web/log", "d");
        await s.WaitForStat(which, "web/log", "down");
        s.Write("/tmp/go", "");
        await s.WaitForFile("/tmp/written");
        Assert.Equal(100, s.ReadLines("/tmp/log").Length);
        Assert.Equal("run", s.Stat("web"));
        await s.Control("web/log", "u");
        await s.Until(() => s.ReadLines("/tmp/log").Length == 200, "the second part has come");
        Assert.Equal(Enumerable.Range(1, 200).Select(n => Shell.Format(n)), s.ReadLines("/tmp/log"));
    }

    [Theory, BothSupervisors]
    public async Task A_log_without_a_run_gets_the_lines_when_it_has_one(Supervisor which)
    {
        await using Sandbox s = new Sandbox().Service("web", "seq 1 50; touch /tmp/written; exec sleep 54321").MakeDirectory("/etc/service/web/log");
        await s.StartSupervisor(which);
        await s.WaitForFile("/tmp/written");
        await s.RunOf("web");
        s.Script("/root/run", "exec cat >>/tmp/log");
        File.Move(s.HostPath("/root/run"), s.HostPath("/etc/service/web/log/run"));
        await s.Until(() => s.ReadLines("/tmp/log").Length == 50, "all lines have come");
        Assert.Equal(Enumerable.Range(1, 50).Select(n => Shell.Format(n)), s.ReadLines("/tmp/log"));
    }

    [Theory, BothSupervisors]
    public async Task A_log_that_ends_at_once_is_started_once_a_second(Supervisor which)
    {
        await using Sandbox s = new Sandbox().Service("web", "exec sleep 54321").Script("/etc/service/web/log/run", Supervisors.NoteStart("/tmp/starts"));
        await s.StartSupervisor(which);
        Assert.InRange(await s.SecondsOfStarts("/tmp/starts", 3), 1.8, double.MaxValue);
        Assert.Equal("run", s.Stat("web"));
    }

    [Theory, BothSupervisors]
    public async Task The_log_goes_on_while_the_service_is_down(Supervisor which)
    {
        await using Sandbox s = new Sandbox().Service("web", "echo run; exec sleep 54321", "echo finish").Script("/etc/service/web/log/run", "exec cat >>/tmp/log");
        await s.StartSupervisor(which);
        ProcessEntry log = await s.RunOf("web/log");
        await s.WaitForFile("/tmp/log", "run\n");
        await s.Control("web", "d");
        await s.WaitForStat(which, "web", "down");
        await s.WaitForFile("/tmp/log", "finish\n");
        Assert.Equal("run", s.Stat("web/log"));
        await s.Control("web", "u");
        await s.Until(() => s.Read("/tmp/log") == "run\nfinish\nrun\n", "the next start is in the log");
        Assert.Equal(log.Pid, s.Status("web/log")!.Pid);
    }

    [Theory, BothSupervisors]
    public async Task A_log_whose_service_has_left_leaves_too_whatever_it_is_told(Supervisor which)
    {
        await using Sandbox s = new Sandbox().Service("web", "exec sleep 54321")
            .Script("/etc/service/web/log/run", "trap 'echo TERM >>/tmp/got' TERM; trap 'echo HUP >>/tmp/got' HUP; echo >>/tmp/logs; while read -r line; do :; done; touch /tmp/at-end; until [ -e /tmp/go ]; do sleep 0.02; done");
        await s.StartSupervisor(which);
        ProcessEntry web = await s.RunOf("web");
        ProcessEntry log = await s.RunOf("web/log");
        await s.Until(() => s.Exists("/tmp/logs"), "the log has set its traps");
        await s.Control("web", "x");
        await s.WaitForFile("/tmp/at-end");
        await s.Control("web/log", "oudxuh");
        // d still sends its TERM, and h comes last.
        await s.WaitForFile("/tmp/got", "HUP");
        await s.WaitForFile("/tmp/got", "TERM");
        Assert.Equal(log.Pid, s.Status("web/log")!.Pid);
        Assert.Equal('d', s.Status("web/log")!.Want);
        s.Write("/tmp/go", "");
        // Both are away, and so both come back.
        await s.RunOf("web", notPid: web.Pid);
        await s.RunOf("web/log", notPid: log.Pid);
        await s.Until(() => s.Read("/tmp/logs").Length == 2, "the log was started twice");
    }

    [Theory, BothSupervisors]
    public async Task A_log_whose_directory_has_gone_leaves_too_whatever_it_is_told(Supervisor which)
    {
        await using Sandbox s = new Sandbox().Service("web", "exec sleep 54321").Service("other", "exec sleep 54322")
            .Script("/etc/service/web/log/run", "echo >>/tmp/logs; cat; touch /tmp/at-end; until [ -e /tmp/go ]; do sleep 0.02; done");
        await s.StartSupervisor(which);
        await s.RunOf("web");
        await s.RunOf("web/log");
        await s.RunOf("other");
        Directory.Move(s.HostPath("/etc/service/web"), s.HostPath("/root/web"));
        await s.WaitForFile("/tmp/at-end");
        string control = s.HostPath("/root/web/log/supervise/control");
        await s.Until(() => Native.WriteFifo(control, "uou"u8.ToArray()), "the log can still be told");
        s.Write("/tmp/go", "");
        await s.Until(() => !Native.WriteFifo(control, []), "nobody supervises the log any more");
        Assert.Equal("\n", s.Read("/tmp/logs"));
        Assert.NotNull(s.Find("sleep 54322"));
    }

    [Theory, BothSupervisors]
    public async Task Exit_waits_for_no_log_that_is_down(Supervisor which)
    {
        await using Sandbox s = new Sandbox().Service("web", "exec sleep 54321").Script("/etc/service/web/log/run", "touch /tmp/log; exec cat").Write("/etc/service/web/log/down", "");
        await s.StartSupervisor(which);
        ProcessEntry first = await s.RunOf("web");
        await s.WaitForStat(which, "web/log", "down");
        await s.Control("web", "x");
        await s.RunOf("web", notPid: first.Pid);
        Assert.False(s.Exists("/tmp/log"));
    }
}
