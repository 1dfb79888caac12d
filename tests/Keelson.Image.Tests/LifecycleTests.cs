using System.Globalization;

namespace Keelson.Image.Tests;

[Trait("Base", "Each")]
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

    private static readonly TimeSpan s_budget = TimeSpan.FromSeconds(8);

    [Fact]
    public void An_idle_container_stops_with_status_0_long_before_docker_kills()
    {
        using Container container = Container.Start(Docker.Image);
        container.UntilLogged("Runit started as PID 1");
        TimeSpan stop = container.Stop();
        Docker.Figure($"docker stop of an idle container: {stop.TotalMilliseconds:0} ms");
        container.Must(container.ExitStatus == 0, "exit status");
        container.Must(stop < s_budget, $"docker stop took {stop}");
    }

    [Fact]
    public void A_service_that_ignores_TERM_is_killed_in_time_and_the_hooks_still_run()
    {
        using Container container = Container.Start(Docker.Image, "sh", "-c", StubbornService);
        container.UntilLogged("stubborn is up");
        TimeSpan stop = container.Stop();
        Docker.Figure($"docker stop with a service that ignores TERM: {stop.TotalMilliseconds:0} ms");
        string logs = container.Logs();
        container.Must(container.ExitStatus == 0 && stop < s_budget, $"docker stop took {stop}");
        Assert.Contains("*** stubborn did not stop within 5 s; killed.", logs, StringComparison.Ordinal);
        Assert.Contains("post-shutdown hook ran", logs, StringComparison.Ordinal);
    }

    [Fact]
    public void Even_when_everything_is_late_it_ends_by_itself_before_docker_kills()
    {
        const string make = """
            printf '#!/bin/sh\ntrap "" TERM\nwhile :; do sleep 1; done\n' >/bin/stubborn
            chmod +x /bin/stubborn
            ln -s /bin/stubborn /etc/my_init.pre_shutdown.d/1-hangs
            ln -s /bin/stubborn /etc/my_init.post_shutdown.d/1-hangs
            printf '#!/bin/sh\necho the last hook ran\n' >/etc/my_init.post_shutdown.d/2-runs
            chmod +x /etc/my_init.post_shutdown.d/2-runs
            for name in one two; do
              mkdir /etc/service/$name
              ln -s /bin/stubborn /etc/service/$name/run
              ln -s /bin/stubborn /etc/service/$name/finish
            done
            setsid /bin/stubborn &
            exec /sbin/my_init -- sh -c 'trap "" TERM; echo all are "up"; while :; do sleep 1; done'
            """;
        using Container container = Container.Start(Docker.Image, "sh", "-c", make);
        container.UntilLogged("all are up");
        TimeSpan stop = container.Stop();
        Docker.Figure($"docker stop when everything is late: {stop.TotalMilliseconds:0} ms");
        container.Must(stop < TimeSpan.FromSeconds(9.5), $"docker stop took {stop}");
        // The main command was killed; that it was we and not Docker, the last hook shows.
        container.Must(container.ExitStatus == 137 && container.Logs().Contains("the last hook ran", StringComparison.Ordinal));
    }

    // A stop right after `docker run -d` can't be tested here: until the engine's runc has executed my_init no signal
    // reaches it, which under load is late enough to be seen (with docker --init as well). The tests of the real binary
    // in namespaces know when it was executed.
    [Fact]
    public void Stopped_while_a_startup_script_runs_it_stops()
    {
        const string make = """
            printf '#!/bin/sh\necho slow is up\nsleep 1000\n' >/etc/my_init.d/slow
            chmod +x /etc/my_init.d/slow
            exec /sbin/my_init
            """;
        using Container container = Container.Start(Docker.Image, "sh", "-c", make);
        container.UntilLogged("slow is up");
        TimeSpan stop = container.Stop();
        container.Must(container.ExitStatus == 0 && stop < s_budget, $"docker stop took {stop}");
        container.Must(!container.Logs().Contains("Booting runit daemon", StringComparison.Ordinal), "the services were started all the same");
    }

    [Fact]
    public void Docker_stop_ends_the_main_command_and_its_status_is_the_containers()
    {
        using Container container = Container.Start(Docker.Image, "/sbin/my_init", "--", "sh", "-c", "trap 'echo TERM came; exit 9' TERM; echo up; while :; do sleep 0.05; done");
        container.UntilLogged("up\n");
        container.Stop();
        container.Must(container.ExitStatus == 9 && container.Logs().Contains("TERM came", StringComparison.Ordinal));
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
        container.Must(container.Logs().Contains("post-shutdown hook ran", StringComparison.Ordinal) && container.ExitStatus == 0);
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
        Outcome owner = container.Shell($"stat -c %U /proc/{Pid()}");
        owner.Must(owner.Output == "memcache\n");
        container.Stop();
        container.Must(container.ExitStatus == 0);
    }

    [Fact]
    public void Every_service_of_the_image_comes_back_when_it_is_killed()
    {
        using Container container = Container.Start(Docker.Image, "sh", "-c", CountingService);
        // A service is a child of process 1; what the image brings is among them.
        string[] Services() => container.Shell("for d in /proc/[0-9]*; do read -r p n s parent rest <$d/stat && [ \"$parent\" = 1 ] && [ \"${d#/proc/}\" != \"$PPID\" ] && echo \"$n ${d#/proc/}\"; done 2>/dev/null; true").Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        container.UntilLogged("count is up");
        container.Until("a service runs", () => Services().Length > 0);
        foreach (string[] service in Services().Select(line => line.Split(' ')))
        {
            container.Shell($"kill -KILL {service[^1]}");
            container.Until($"{service[0]} runs again", () => Services().Any(line => line.StartsWith(service[0] + " ", StringComparison.Ordinal) && !line.EndsWith(" " + service[^1], StringComparison.Ordinal)));
        }
    }

    // All that runs: docs/places.md has this place without cron.
    [Fact]
    public void With_eight_processes_it_boots_runs_the_command_and_keeps_its_status()
    {
        Outcome run = Docker.MyInit(["--pids-limit", "8"], "sh", "-c", "echo $HOME; exit 7");
        run.Must(run is { Status: 7, Output: "/root\n" });
    }

    [Fact]
    public void Beside_another_container_in_its_pid_namespace_only_its_own_processes_are_ended()
    {
        using Container other = Container.Start(Docker.Image, "sleep", "1000");
        Outcome run = Docker.MyInit(
            ["--pid", $"container:{other.Id}"],
            "sh", "-c", "setsid sleep 4321 & echo $$; while ! grep -qs 4321 /proc/$!/cmdline; do :; done");
        run.Must(run.Status == 0 && run.Output != "1\n");
        Outcome left = other.Shell("cat /proc/[0-9]*/cmdline | tr '\\0' ' '");
        left.Must(left.Output.Contains("sleep 1000 ", StringComparison.Ordinal) && !left.Output.Contains("sleep 4321 ", StringComparison.Ordinal));
        other.Must(other.Inspect("{{.State.Running}}") == "true");
    }

    [Fact]
    public void Process_1_is_one_small_process()
    {
        using Container container = Container.Start(Docker.Image);
        container.UntilLogged("Runit started as PID 1");
        // Not PSS: the pages of the binary are shared with the containers of the other tests, and it would look too good.
        Outcome rss = container.Shell("sed -n 's/^Rss: *\\([0-9]*\\) kB/\\1/p' /proc/1/smaps_rollup; tr '\\0' ' ' </proc/1/cmdline");
        string[] lines = rss.Output.Split('\n');
        rss.Must(lines.Length == 2 && lines[1] == "/sbin/my_init ");
        Docker.Figure($"memory of process 1 (RSS): {lines[0]} kB");
        rss.Must(int.Parse(lines[0], CultureInfo.InvariantCulture) is > 0 and < 3000);
    }
}
