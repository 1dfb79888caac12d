using System.Globalization;

namespace Keelson.Image.Tests;

public sealed class LifecycleTests
{
    private const string StubbornService = """
        mkdir -p /etc/service/stubborn
        printf '#!/bin/sh\ntrap "" TERM\necho stubborn is up\nwhile :; do sleep 1; done\n' >/etc/service/stubborn/run
        printf '#!/bin/sh\necho post-shutdown hook ran\n' >/etc/my_init.post_shutdown.d/hook
        chmod +x /etc/service/stubborn/run /etc/my_init.post_shutdown.d/hook
        exec /sbin/my_init
        """;

    private const string CountingService = """
        mkdir -p /etc/service/count
        printf '#!/bin/sh\necho "count is up"\nexec sleep 1000\n' >/etc/service/count/run
        chmod +x /etc/service/count/run
        exec /sbin/my_init
        """;

    [Fact]
    public void An_idle_container_stops_with_status_0_long_before_docker_kills()
    {
        using Container container = Container.Start(Docker.Image);
        container.UntilLogged("Runit started as PID 1");
        TimeSpan stop = container.Stop();
        TestContext.Current.SendDiagnosticMessage($"docker stop of an idle container: {stop.TotalMilliseconds:0} ms");
        Assert.Equal(0, container.ExitStatus);
        Assert.True(stop < TimeSpan.FromSeconds(8), $"{stop}\n{container.Logs()}");
    }

    [Fact]
    public void A_service_that_ignores_TERM_is_killed_in_time_and_the_hooks_still_run()
    {
        using Container container = Container.Start(Docker.Image, "sh", "-c", StubbornService);
        container.UntilLogged("stubborn is up");
        container.Stop();
        string logs = container.Logs();
        Assert.True(container.ExitStatus == 0, logs);
        Assert.Contains("*** stubborn did not stop within 5 s; killed.", logs, StringComparison.Ordinal);
        Assert.Contains("post-shutdown hook ran", logs, StringComparison.Ordinal);
    }

    [Fact]
    public void A_second_stop_hastens()
    {
        using Container container = Container.Start("--env", "KILL_PROCESS_TIMEOUT=300", "--env", "KILL_ALL_PROCESSES_TIMEOUT=300", Docker.Image, "sh", "-c", StubbornService);
        container.UntilLogged("stubborn is up");
        Docker.Run("kill", "-s", "TERM", container.Id);
        container.UntilLogged("Shutting down runit daemon");
        Docker.Run("kill", "-s", "TERM", container.Id);
        container.Until("the container has ended", () => container.Inspect("{{.State.Running}}") == "false");
        Assert.Contains("post-shutdown hook ran", container.Logs(), StringComparison.Ordinal);
    }

    [Fact]
    public void Memcached_comes_back_when_it_is_killed()
    {
        using Container container = Container.Start(Docker.MemcachedImage);
        const string find = "for d in /proc/[0-9]*; do read -r n <$d/comm && [ \"$n\" = memcached ] && echo ${d#/proc/}; done; true";
        string Pid() => container.Shell(find).Output.Trim();
        container.Until("memcached runs", () => Pid() != "");
        string before = Pid();
        container.Shell($"kill -KILL {before}");
        container.Until("another memcached runs", () => Pid() is { Length: > 0 } now && now != before);
        Assert.Equal("memcache", container.Shell($"stat -c %U /proc/{Pid()}").Output.Trim());
        container.Stop();
        Assert.Equal(0, container.ExitStatus);
    }

    [Fact]
    public void Killed_and_started_again_ten_times_it_boots_each_time()
    {
        using Container container = Container.Start(Docker.Image, "sh", "-c", CountingService);
        for (int i = 1; i <= 10; i++)
        {
            int times = i;
            container.Until($"the service was started {times} times", () => container.Logs().Split("count is up").Length - 1 == times);
            Docker.Run("kill", container.Id);
            Outcome started = Docker.Run("start", container.Id);
            Assert.True(started.Status == 0, started.ToString());
        }
        container.Until("it runs", () => container.Logs().Split("count is up").Length - 1 == 11);
        container.Stop();
        Assert.Equal(0, container.ExitStatus);
    }

    [Fact]
    public void Docker_restart_stops_and_boots_again()
    {
        using Container container = Container.Start(Docker.Image, "sh", "-c", CountingService);
        container.UntilLogged("count is up");
        Assert.Equal(0, Docker.Run("restart", container.Id).Status);
        container.Until("the service was started twice", () => container.Logs().Split("count is up").Length - 1 == 2);
        Assert.Contains("Killing all processes", container.Logs(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--init")]
    [InlineData("--user", "12345:0")]
    [InlineData("--user", "nobody")]
    [InlineData("--read-only")]
    [InlineData("--read-only", "--user", "12345:0", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")]
    [InlineData("--cap-drop", "ALL", "--security-opt", "no-new-privileges")]
    [InlineData("--network", "none")]
    [InlineData("--memory", "16m")]
    [InlineData("--pids-limit", "8")]
    [InlineData("--ulimit", "nofile=64")]
    public void In_narrow_places_it_boots_runs_the_command_and_keeps_its_status(params string[] options)
    {
        Outcome run = Docker.MyInit(options, "sh", "-c", "echo $HOME; exit 7");
        Assert.True(run.Status == 7, run.ToString());
        Assert.NotEqual("\n", run.Output);
        // One warning for one cause.
        int warnings = run.Error.Split('\n').Count(l => l.StartsWith("*** cannot", StringComparison.Ordinal));
        Assert.True(warnings <= 1, run.ToString());
    }

    [Fact]
    public void Beside_another_container_in_its_pid_namespace_only_its_own_processes_are_ended()
    {
        using Container other = Container.Start(Docker.Image, "sleep", "1000");
        Outcome run = Docker.MyInit(
            ["--pid", $"container:{other.Id}"],
            "sh", "-c", "setsid sleep 4321 & echo $$; while ! grep -qs 4321 /proc/$!/cmdline; do :; done");
        Assert.True(run.Status == 0, run.ToString());
        Assert.NotEqual("1", run.Output.Trim());
        Outcome left = other.Shell("cat /proc/[0-9]*/cmdline | tr '\\0' ' '");
        Assert.Contains("sleep 1000", left.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("sleep 4321", left.Output.Replace("grep", "", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Equal("true", other.Inspect("{{.State.Running}}"));
    }

    [Fact]
    public void Process_1_is_one_small_process()
    {
        using Container container = Container.Start(Docker.Image);
        container.UntilLogged("Runit started as PID 1");
        Outcome pss = container.Shell("sed -n 's/^Pss: *\\([0-9]*\\) kB/\\1/p' /proc/1/smaps_rollup; tr '\\0' ' ' </proc/1/cmdline");
        string[] lines = pss.Output.Split('\n');
        Assert.Equal("/sbin/my_init ", lines[1]);
        Assert.InRange(int.Parse(lines[0], CultureInfo.InvariantCulture), 1, 3000);
    }
}
