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
}
