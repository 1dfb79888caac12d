using System.Diagnostics;
using System.Globalization;
using Keelson.SystemTests.Harness;

namespace Keelson.SystemTests;

public sealed class ServiceTests
{
    [Fact]
    public async Task A_service_directory_that_is_made_later_is_noticed_without_polling_for_it()
    {
        await using Sandbox s = new();
        Directory.Delete(s.HostPath("/etc/service"));
        await s.Start();
        await s.WaitForLog("Runit started");
        await s.WaitUntilWatching();
        // epoll_wait(2) with a time-out of -1: nothing will wake it but an event.
        await s.Until(() => File.ReadAllText($"/proc/{s.HostPid}/syscall").Split(' ') is [_, _, _, _, "0xffffffff", ..], "PID 1 sleeps without a time-out");
        s.Service("late", "exec sleep 12345");
        await s.WaitForProcess("sleep 12345");
    }

    private const string NoteFinish = "echo \"$1 $2\" >>/tmp/finish";

    [Theory]
    [InlineData(Stdio.Pipe)]
    [InlineData(Stdio.Terminal)]
    public async Task A_killed_service_is_running_again(Stdio stdio)
    {
        await using Sandbox s = Sandbox.On(stdio).Service("web", "exec sleep 54321");
        await s.Start();
        ProcessEntry first = await s.WaitForProcess("sleep 54321");
        Sandbox.Signal(first.HostPid, Sig.Kill);
        ProcessEntry second = await s.WaitForProcess("sleep 54321", notHostPid: first.HostPid);
        Assert.Equal(s.HostPid, second.Parent);
        Assert.Equal(0, (await s.Stop()).Status);
    }

    [Fact]
    public async Task A_service_that_ends_at_once_is_started_at_most_once_a_second()
    {
        await using Sandbox s = new Sandbox().Service("web", "date +%s.%N >>/tmp/starts");
        await s.Start();
        await s.Until(() => s.ReadLines("/tmp/starts").Length >= 4, "four starts");
        double[] starts = s.ReadLines("/tmp/starts").Select(l => double.Parse(l, CultureInfo.InvariantCulture)).ToArray();
        Assert.True(starts[3] - starts[0] > 2.5, "four starts at " + string.Join(", ", starts));
    }

    [Fact]
    public async Task A_service_with_a_file_down_is_not_started()
    {
        // The directories are read in one go: when the last one runs, the first would have been started.
        await using Sandbox s = new Sandbox()
            .Service("a-down", "touch /tmp/started; exec sleep 10000")
            .Write("/etc/service/a-down/down", "")
            .Service("z-up", "exec sleep 54321");
        await s.Start();
        await s.WaitForProcess("sleep 54321");
        s.Service("later", "exec sleep 54322");
        await s.WaitForProcess("sleep 54322");
        Assert.False(s.Exists("/tmp/started"));
        Assert.Equal(0, (await s.Stop()).Status);
    }

    [Theory]
    [InlineData("exit 3", "3 0")]
    [InlineData("kill -9 $$", "-1 9")]
    [InlineData("kill -15 $$", "-1 15")]
    [InlineData("exit 0", "0 0")]
    public async Task Finish_is_told_how_the_service_ended(string run, string expected)
    {
        await using Sandbox s = new Sandbox().Service("web", run, finish: NoteFinish);
        await s.Start();
        await s.WaitForFile("/tmp/finish", "\n");
        Assert.Equal(expected, s.ReadLines("/tmp/finish")[0]);
    }

    [Fact]
    public async Task Finish_runs_at_the_stop_as_well_and_before_the_hooks_after_it()
    {
        await using Sandbox s = new Sandbox()
            .Service("web", "touch /tmp/up; exec sleep 10000", finish: "echo finish >>/tmp/order")
            .WithHooks();
        await s.Start();
        await s.WaitForFile("/tmp/up");
        Assert.Equal(0, (await s.Stop()).Status);
        Assert.Equal(["pre", "finish", "post"], s.ReadLines("/tmp/order"));
    }

    [Fact]
    public async Task A_finish_that_hangs_does_not_keep_the_service_down_for_ever()
    {
        await using Sandbox s = new Sandbox().Timeouts(1, 1).Service("web", "echo run >>/tmp/runs", finish: TenBugsTests.IgnoresTerm);
        await s.Start();
        await s.Until(() => s.ReadLines("/tmp/runs").Length >= 2, "the service is started again");
    }

    [Fact]
    public async Task A_directory_that_is_added_later_becomes_a_service()
    {
        await using Sandbox s = new();
        await s.Start();
        await s.WaitForLog("Runit started");
        s.Service("late", "exec sleep 54321");
        await s.WaitForProcess("sleep 54321");
        Assert.Equal(0, (await s.Stop()).Status);
    }

    [Fact]
    public async Task A_link_to_a_directory_that_is_added_later_becomes_a_service()
    {
        await using Sandbox s = new Sandbox().Script("/etc/sv/late/run", "exec sleep 54321");
        await s.Start();
        await s.WaitForLog("Runit started");
        File.CreateSymbolicLink(s.HostPath("/etc/service/late"), "/etc/sv/late");
        await s.WaitForProcess("sleep 54321");
    }

    [Fact]
    public async Task A_directory_that_is_removed_ends_its_service()
    {
        await using Sandbox s = new Sandbox().Service("web", "exec sleep 54321").Service("other", "exec sleep 54322");
        await s.Start();
        await s.WaitForProcess("sleep 54321");
        ProcessEntry other = await s.WaitForProcess("sleep 54322");
        Directory.Delete(s.HostPath("/etc/service/web"), true);
        await s.Until(() => s.Find("sleep 54321") is null, "the service is gone");
        Assert.Equal(other.HostPid, s.Find("sleep 54322")?.HostPid);
    }

    [Fact]
    [NotEmulated(NotEmulatedAttribute.NoExecErrors)]
    public async Task A_run_that_is_not_executable_is_named_once_and_started_when_it_is_made_so()
    {
        await using Sandbox s = new Sandbox().Write("/etc/service/web/run", "#!/bin/sh\nexec sleep 54321\n");
        await s.Start();
        await s.Until(() => s.Said("/etc/service/web/run").Length > 0, "the reason is logged");
        Assert.Matches("cannot start /etc/service/web/run: .*execut", s.Said("/etc/service/web/run")[0]);
        File.SetUnixFileMode(s.HostPath("/etc/service/web/run"), (UnixFileMode)0b111_101_101);
        await s.WaitForProcess("sleep 54321");
        Assert.Single(s.Said("/etc/service/web/run"));
    }

    [Fact]
    public async Task A_directory_without_a_run_is_started_when_it_gets_one()
    {
        await using Sandbox s = new Sandbox().MakeDirectory("/etc/service/web").Service("other", "exec sleep 54322");
        await s.Start();
        await s.WaitForProcess("sleep 54322");
        s.Service("web", "exec sleep 54321");
        await s.WaitForProcess("sleep 54321");
    }

    [Fact]
    [NotEmulated(NotEmulatedAttribute.NoExecErrors)]
    public async Task A_service_with_a_missing_interpreter_is_named_once_and_started_when_it_is_there()
    {
        await using Sandbox s = new Sandbox().Service("web", "#!/root/interpreter\nexec sleep 54321\n");
        await s.Start();
        await s.Until(() => s.Said("/etc/service/web/run").Length > 0, "the reason is logged");
        Assert.Contains("/root/interpreter", s.Said("/etc/service/web/run")[0], StringComparison.Ordinal);
        File.CreateSymbolicLink(s.HostPath("/root/interpreter"), "/bin/sh");
        await s.WaitForProcess("sleep 54321");
        Assert.Single(s.Said("/etc/service/web/run"));
    }

    [Theory]
    [InlineData(Stdio.Pipe)]
    [InlineData(Stdio.Terminal)]
    public async Task A_service_has_its_own_session_its_directory_and_no_input(Stdio stdio)
    {
        await using Sandbox s = Sandbox.On(stdio)
            .Service("web", "{ pwd -P; readlink /proc/self/fd/0; ls /proc/$$/fd | tr '\\n' ' '; umask; } >/tmp/web.new; mv /tmp/web.new /tmp/web; exec sleep 54321");
        await s.Start();
        ProcessEntry web = await s.WaitForProcess("sleep 54321");
        await s.WaitForFile("/tmp/web");
        Assert.Equal(web.HostPid, web.Group);
        Assert.Equal(web.HostPid, web.Session);
        string[] lines = s.ReadLines("/tmp/web");
        Assert.Equal("/etc/service/web", lines[0]);
        Assert.Equal("/dev/null", lines[1]);
        string[] descriptors = Directory.GetFileSystemEntries($"/proc/{web.HostPid}/fd").Select(f => Path.GetFileName(f)).Order().ToArray();
        Assert.Equal(["0", "1", "2"], descriptors);
    }

    [Fact]
    public async Task What_a_service_writes_is_in_the_containers_log()
    {
        await using Sandbox s = new Sandbox().Service("web", "echo to-out; echo to-err >&2; exec sleep 10000");
        await s.Start();
        await s.Until(() => s.Out.Text.Contains("to-out\n", StringComparison.Ordinal) && s.Err.Text.Contains("to-err\n", StringComparison.Ordinal), "both lines are there");
    }

    [Fact]
    public async Task The_whole_process_group_is_gone_before_the_hooks_after_the_services()
    {
        await using Sandbox s = new Sandbox()
            .Timeouts(2, 2)
            .Service("web", "/root/child & trap 'exit 0' TERM; until [ -e /tmp/up ]; do sleep 0.05; done; touch /tmp/run-up; while :; do sleep 0.05; done")
            .Script("/root/child", TenBugsTests.IgnoresTerm)
            .PostShutdown("look", "ps -e -o args >/tmp/ps");
        await s.Start();
        await s.WaitForFile("/tmp/run-up");
        Assert.Equal(0, (await s.Stop()).Status);
        Assert.Contains("post_shutdown", s.Read("/tmp/ps"), StringComparison.Ordinal);
        Assert.DoesNotContain("/root/child", s.Read("/tmp/ps"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stopped_process_of_a_service_is_woken_for_its_TERM()
    {
        await using Sandbox s = new Sandbox().Timeouts(60, 60).Service("web", "exec sleep 54321");
        await s.Start();
        ProcessEntry web = await s.WaitForProcess("sleep 54321");
        Sandbox.Signal(web.HostPid, 19);
        await s.Until(() => s.Find("sleep 54321")?.State == 'T', "it is stopped");
        (int status, _) = await s.Stop();
        Assert.Equal(0, status);
        Assert.Empty(s.Said("did not stop"));
    }

    [Fact]
    public async Task Services_are_not_restarted_while_they_are_stopped()
    {
        await using Sandbox s = new Sandbox()
            .Service("quick", "trap 'exit 0' TERM; echo run >>/tmp/runs; while :; do sleep 0.05; done")
            .Service("slow", "trap 'until [ -e /tmp/go ]; do sleep 0.05; done; exit 0' TERM; touch /tmp/up; while :; do sleep 0.05; done")
            .Timeouts(60, 60);
        await s.Start();
        await s.WaitForFile("/tmp/up");
        await s.WaitForFile("/tmp/runs");
        s.Signal(Sig.Term);
        await s.WaitForLog("Shutting down runit");
        await s.Until(() => !s.Processes.Any(p => p.Session == p.HostPid && p.Command.Contains("run", StringComparison.Ordinal) && p.HostPid != s.HostPid && IsIn(p, "quick")), "the quick one has ended");
        var watch = Stopwatch.StartNew();
        // The pace is one start a second: over this time a restart would have come.
        await s.Until(() => watch.Elapsed > TimeSpan.FromSeconds(1.5), "time passes");
        Assert.Equal(["run"], s.ReadLines("/tmp/runs"));
        s.Write("/tmp/go", "");
        Assert.Equal(0, await s.Exit());
    }

    private static bool IsIn(ProcessEntry process, string directory)
    {
        try
        {
            return new DirectoryInfo($"/proc/{process.HostPid}/cwd").LinkTarget?.EndsWith("/etc/service/" + directory, StringComparison.Ordinal) ?? false;
        }
        catch (IOException)
        {
            return false;
        }
    }

    [Fact]
    [NotEmulated(NotEmulatedAttribute.NoExecErrors)]
    public async Task Idle_means_asleep()
    {
        // One that runs, one that is down, and one that can't be started until its directory changes: none needs to be looked at.
        await using Sandbox s = new Sandbox().Service("web", "exec sleep 54321").Service("off", "exit 1").Write("/etc/service/off/down", "")
            .Write("/etc/service/broken/run", "#!/bin/sh\n");
        await s.Start();
        await s.WaitForProcess("sleep 54321");
        await s.WaitForLog("cannot start /etc/service/broken/run");
        await s.WaitUntilWatching();
        // epoll_wait(2) with a time-out of -1: nothing will wake it but an event.
        await s.Until(() => File.ReadAllText($"/proc/{s.HostPid}/syscall").Split(' ') is [_, _, _, _, "0xffffffff", ..], "PID 1 sleeps without a time-out");
        int before = Switches(s.HostPid);
        await Task.Delay(TimeSpan.FromSeconds(3), TestContext.Current.CancellationToken);
        int after = Switches(s.HostPid);
        Assert.True(after - before <= 1, $"PID 1 woke {after - before} times in 3 s");
    }

    [Fact]
    [NotEmulated(NotEmulatedAttribute.NoExecErrors)]
    public async Task What_can_not_be_started_is_tried_again_ever_more_slowly()
    {
        await using Sandbox s = new Sandbox().Service("broken", "#!/no/such/interpreter\n");
        await s.Start();
        await s.WaitForLog("/no/such/interpreter");
        await s.WaitUntilWatching();
        int before = Switches(s.HostPid);
        await Task.Delay(TimeSpan.FromSeconds(3), TestContext.Current.CancellationToken);
        // After 1 and 2 more seconds, a few switches each; a loop without a pause would have thousands.
        Assert.InRange(Switches(s.HostPid) - before, 1, 30);
    }

    private static int Switches(int pid) => int.Parse(ProcessTable.Status(pid, "voluntary_ctxt_switches")!, CultureInfo.InvariantCulture);
}
