using System.Diagnostics;
using Keelson.SystemTests.Harness;

namespace Keelson.SystemTests;

/// <summary>A supervised directory (runsv(8)), under Debian's runit and under Keelson.</summary>
public sealed class RunitDirectoryTests
{
    [Theory, BothSupervisors]
    public async Task Supervise_holds_the_files_of_runit_with_their_modes(Supervisor which)
    {
        await using Sandbox s = new Sandbox().Service("web", "exec sleep 54321").Script("/etc/service/web/log/run", "exec cat");
        await s.StartSupervisor(which);
        await s.RunOf("web");
        foreach (string directory in new[] { "web", "web/log" })
        {
            await s.WaitForStat(which, directory, "run");
            // While a file is replaced, its .new is there too.
            const string expected = """
                supervise 700 directory
                supervise/control 600 fifo
                supervise/lock 600 regular empty file
                supervise/ok 600 fifo
                supervise/pid 644 regular file
                supervise/stat 644 regular file
                supervise/status 644 regular file

                """;
            string listing = "";
            for (var watch = Stopwatch.StartNew(); listing != expected && watch.Elapsed < Sandbox.Patience;)
                (_, listing) = await s.Exec($"cd /etc/service/{directory}; stat -c '%n %a %F' supervise supervise/*");
            Assert.Equal(expected, listing);
        }
    }

    [Theory, BothSupervisors]
    public async Task Status_stat_and_pid_say_what_runs(Supervisor which)
    {
        long before = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        await using Sandbox s = new Sandbox().Service("web", "exec sleep 54321");
        await s.StartSupervisor(which);
        ProcessEntry web = await s.RunOf("web");
        StatusRecord status = s.Status("web")!;
        Assert.Equal(new StatusRecord(status.Seconds, status.Nanoseconds, web.Pid, 0, 'u', 0, 1), status);
        Assert.InRange(status.Seconds, before - 1, DateTimeOffset.UtcNow.ToUnixTimeSeconds() + 1);
        Assert.InRange(status.Nanoseconds, 0u, 999_999_999u);
        Assert.Equal($"{web.Pid}\n", s.PidFile("web"));
        Assert.Equal("run\n", s.Read("/etc/service/web/supervise/stat"));
    }

    [Theory, BothSupervisors]
    public async Task A_file_down_keeps_it_down_and_the_log_has_one_of_its_own(Supervisor which)
    {
        await using Sandbox s = new Sandbox()
            .Service("a", "exec sleep 54321").Write("/etc/service/a/down", "").Script("/etc/service/a/log/run", "exec cat")
            .Service("b", "exec sleep 54322").Script("/etc/service/b/log/run", "exec sleep 54323").Write("/etc/service/b/log/down", "");
        await s.StartSupervisor(which);
        await s.RunOf("b");
        await s.WaitForStat(which, "a/log", "run");
        await s.WaitForStat(which, "a", "down");
        await s.WaitForStat(which, "b/log", "down");
        Assert.Equal("", s.PidFile("a"));
        StatusRecord status = s.Status("a")!;
        Assert.Equal(new StatusRecord(status.Seconds, status.Nanoseconds, 0, 0, 'd', 0, 0), status);
    }

    [Theory, BothSupervisors]
    public async Task The_lock_is_held_and_a_second_supervisor_ends_with_111(Supervisor which)
    {
        await using Sandbox s = new Sandbox().WithCommands().Service("web", "exec sleep 54321");
        await s.StartSupervisor(which);
        await s.RunOf("web");
        Assert.NotEqual(0, (await s.Exec("flock -n /etc/service/web/supervise/lock true")).Status);
        Assert.Equal(111, (await s.Exec("/usr/bin/runsv /etc/service/web 2>/tmp/debians")).Status);
        Assert.Equal(111, (await s.Exec($"{Sandbox.Commands}/runsv /etc/service/web 2>/tmp/ours")).Status);
        Assert.Contains("unable to lock supervise/lock", s.Read("/tmp/debians"), StringComparison.Ordinal);
        Assert.Contains("unable to lock supervise/lock", s.Read("/tmp/ours"), StringComparison.Ordinal);
    }

    [Theory, BothSupervisors]
    public async Task Ok_and_control_have_a_reader_exactly_while_a_supervisor_lives(Supervisor which)
    {
        await using Sandbox s = new Sandbox().Service("web", "exec sleep 54321").Script("/etc/service/web/log/run", "exec cat");
        await s.StartSupervisor(which);
        await s.RunOf("web");
        foreach (string service in new[] { "web", "web/log" })
        {
            foreach (string fifo in new[] { "ok", "control" })
                await s.Until(() => s.IsServed(service, fifo), $"{fifo} of {service} has a reader");
        }
        s.Signal(which == Supervisor.Keelson ? Sig.Term : Sig.Hup);
        await s.Exit();
        foreach (string service in new[] { "web", "web/log" })
        {
            foreach (string fifo in new[] { "ok", "control" })
                Assert.Equal(Native.ENxIo, s.WriterError(service, fifo));
        }
    }

    [Theory, BothSupervisors]
    public async Task Where_supervise_is_a_link_its_target_is_made(Supervisor which)
    {
        await using Sandbox s = new Sandbox().Service("web", "exec sleep 54321").Script("/etc/service/web/log/run", "exec cat").MakeDirectory("/run/sv");
        File.CreateSymbolicLink(s.HostPath("/etc/service/web/supervise"), "/run/sv/web");
        File.CreateSymbolicLink(s.HostPath("/etc/service/web/log/supervise"), "/run/sv/web.log");
        await s.StartSupervisor(which);
        await s.Until(() => s.Read("/run/sv/web/stat") == "run\n" && s.Read("/run/sv/web.log/stat") == "run\n", "both stats are there");
        Assert.True((File.GetUnixFileMode(s.HostPath("/run/sv/web")) & (UnixFileMode)0b000_111_111) == 0);
    }

    [Theory, BothSupervisors]
    public async Task Dot_names_and_files_are_no_services_and_links_to_directories_are(Supervisor which)
    {
        await using Sandbox s = new Sandbox().Service(".hidden", "exec sleep 54321").Write("/etc/service/file", "").Script("/etc/sv/linked/run", "exec sleep 54322");
        File.CreateSymbolicLink(s.HostPath("/etc/service/linked"), "/etc/sv/linked");
        await s.StartSupervisor(which);
        await s.WaitForProcess("sleep 54322");
        Assert.Null(s.Find("sleep 54321"));
        Assert.True(Directory.Exists(s.HostPath("/etc/sv/linked/supervise")));
        Assert.False(Directory.Exists(s.HostPath("/etc/service/.hidden/supervise")));
    }

    [Theory, BothSupervisors]
    public async Task Files_are_replaced_and_never_written_in_place(Supervisor which)
    {
        await using Sandbox s = new Sandbox().Service("web", "exec sleep 54321");
        await s.StartSupervisor(which);
        ProcessEntry web = await s.RunOf("web");
        await s.Until(() => s.Status("web") is { State: 1, Pid: not 0 }, "the status says that it runs");
        using FileStream stat = File.OpenRead(s.Supervise("web", "stat")), pid = File.OpenRead(s.Supervise("web", "pid")), status = File.OpenRead(s.Supervise("web", "status"));
        byte[] before = s.ReadBytes("/etc/service/web/supervise/status");
        await s.Control("web", "d");
        await s.WaitForStat(which, "web", "down");
        // Who had opened them still reads what was true then.
        Assert.Equal("run\n", new StreamReader(stat).ReadToEnd());
        Assert.Equal($"{web.Pid}\n", new StreamReader(pid).ReadToEnd());
        var bytes = new byte[20];
        status.ReadExactly(bytes);
        Assert.Equal(before, bytes);
    }

    [Theory, BothSupervisors]
    public async Task Status_has_the_time_of_the_end_when_it_is_down(Supervisor which)
    {
        await using Sandbox s = new Sandbox().Service("web", "exec sleep 54321");
        await s.StartSupervisor(which);
        await s.RunOf("web");
        await s.Until(() => s.Status("web") is { State: 1 }, "the status says that it runs");
        StatusRecord run = s.Status("web")!;
        await s.Control("web", "d");
        await s.Until(() => s.Status("web") is { State: 0 }, "the status says that it is down");
        StatusRecord down = s.Status("web")!;
        Assert.True((down.Seconds, down.Nanoseconds).CompareTo((run.Seconds, run.Nanoseconds)) > 0, $"{run}, {down}");
    }

    [Theory, BothSupervisors]
    public async Task A_file_down_that_is_made_later_changes_nothing(Supervisor which)
    {
        await using Sandbox s = new Sandbox().Service("web", "exec sleep 54321");
        await s.StartSupervisor(which);
        ProcessEntry first = await s.RunOf("web");
        s.Write("/etc/service/web/down", "");
        Sandbox.Signal(first.HostPid, Sig.Kill);
        await s.RunOf("web", notPid: first.Pid);
        Assert.Equal('u', s.Status("web")!.Want);
    }

    [Theory, BothSupervisors]
    public async Task A_link_that_is_turned_to_another_directory_ends_one_service_and_starts_the_other(Supervisor which)
    {
        await using Sandbox s = new Sandbox().Script("/srv/one/run", "exec sleep 54321").Script("/srv/two/run", "exec sleep 54322").Service("other", "exec sleep 54323")
            .Prepare("ln -s /srv/one etc/service/web");
        await s.StartSupervisor(which);
        await s.RunOf("other");
        await s.WaitForProcess("sleep 54321");
        // At once, and with a moment in which there is no link.
        foreach ((string turn, string gone, string runs) in new[] { ("ln -s /srv/two /tmp/web && mv -T /tmp/web /etc/service/web", "54321", "54322"), ("ln -sfn /srv/one /etc/service/web", "54322", "54321") })
        {
            (int status, string said) = await s.Exec(turn);
            Assert.True(status == 0, said);
            await s.WaitForProcess($"sleep {runs}");
            await s.Until(() => s.Find($"sleep {gone}") is null, "the service that was there has ended");
            await s.WaitForStat(which, runs == "54321" ? "../../srv/one" : "../../srv/two", "run");
        }
        Assert.NotNull(s.Find("sleep 54323"));
    }

    [Theory, BothSupervisors]
    public async Task Two_names_of_one_directory_are_one_service(Supervisor which)
    {
        await using Sandbox s = new Sandbox().Script("/etc/sv/web/run", "echo run >>/tmp/runs; exec sleep 54321");
        foreach (string name in new[] { "one", "two" })
            File.CreateSymbolicLink(s.HostPath($"/etc/service/{name}"), "/etc/sv/web");
        await s.StartSupervisor(which);
        await s.WaitForProcess("sleep 54321");
        await s.Pass(TimeSpan.FromSeconds(1.5));
        Assert.Equal("run\n", s.Read("/tmp/runs"));
    }
}
