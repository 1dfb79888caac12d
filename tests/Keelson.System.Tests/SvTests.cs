// Our sv and Debian's, side by side, against Debian's runsvdir and against our process number 1. Each expectation is one
// that Debian's sv meets against Debian's runsvdir.
using Keelson.SystemTests.Harness;

namespace Keelson.SystemTests;

public sealed class SvTests
{
    private const string Stubborn = "trap '' TERM; echo >ready; while :; do sleep 0.05; done";
    private const string Deaf = "trap '' HUP; echo >ready; while :; do sleep 0.05; done";

    private static readonly (Supervisor, Sv)[] s_pairs =
        [(Supervisor.Runit, Sv.Debians), (Supervisor.Runit, Sv.Ours), (Supervisor.Keelson, Sv.Debians), (Supervisor.Keelson, Sv.Ours)];

    [Theory, BothSupervisors]
    public async Task The_status_of_services_in_every_state_is_told_as_runit_tells_it(Supervisor supervisor)
    {
        await using Sandbox s = DebianRunit.Sandbox()
            .Service("up", "exec sleep 10000")
            .Service("down", "exec sleep 10000").Write("/etc/service/down/down", "")
            .Service("paused", "exec sleep 10000")
            .Service("stubborn", Stubborn)
            .Service("late", Stubborn)
            .Service("finishing", "exit 0", "exec sleep 10000")
            .Service("stopped", "exec sleep 10000")
            .Service("started", "exec sleep 10000").Write("/etc/service/started/down", "")
            .Service("logged", "exec sleep 10000").Script("/etc/service/logged/log/run", "exec cat >/dev/null")
            .Service("logdown", "exec sleep 10000").Script("/etc/service/logdown/log/run", "exec cat").Write("/etc/service/logdown/log/down", "")
            .Service("logfile", "exec sleep 10000")
            .Script("/srv/new/run", "exec sleep 10000")
            .Script("/srv/ended/run", "exec sleep 10000")
            .Write("/etc/service/file", "")
            .Prepare("touch etc/service/logfile/log; ln -s loop srv/loop");
        await s.StartSupervisor(supervisor);
        await s.WaitForFile("/etc/service/stubborn/ready");
        await s.WaitForFile("/etc/service/late/ready");
        foreach (string name in new[] { "up", "paused", "stubborn", "late", "stopped", "logged", "logged/log", "logdown", "logfile" })
            await s.WaitForStat(name, "run");
        foreach (string name in new[] { "down", "started", "logdown/log" })
            await s.WaitForStat(name, "down");
        await s.WaitForStat("finishing", "finish");
        (int status, string said) = await s.Exec("/usr/bin/sv pause paused && /usr/bin/sv down stubborn stopped && /usr/bin/sv term late && /usr/bin/sv up started");
        Assert.True(status == 0, said);
        await s.WaitForStat("paused", "run, paused");
        await s.WaitForStat("stubborn", "run, got TERM, want down");
        await s.WaitForStat("late", "run, got TERM");
        await s.WaitForStat("stopped", "down");
        await s.WaitForStat("started", "run");
        await Ended(s, "/srv/ended");

        (string Services, int Status, string Line)[] expected =
        [
            ("up", 0, "run: up: (pid N) Ns\n"),
            ("down", 0, "down: down: Ns\n"),
            ("paused", 0, "run: paused: (pid N) Ns, paused\n"),
            ("stubborn", 0, "run: stubborn: (pid N) Ns, want down, got TERM\n"),
            ("late", 0, "run: late: (pid N) Ns, got TERM\n"),
            ("finishing", 0, "finish: finishing: (pid N) Ns\n"),
            ("stopped", 0, "down: stopped: Ns, normally up\n"),
            ("started", 0, "run: started: (pid N) Ns, normally down\n"),
            ("logged", 0, "run: logged: (pid N) Ns; run: log: (pid N) Ns\n"),
            ("logged/log", 0, "run: logged/log: (pid N) Ns\n"),
            ("logdown", 0, "run: logdown: (pid N) Ns; down: log: Ns\n"),
            ("logfile", 1, "run: logfile: (pid N) Ns; warning: logfile/log: unable to change directory: not a directory\n"),
            ("missing", 1, "fail: missing: unable to change to service directory: file does not exist\n"),
            ("file", 1, "fail: file: unable to change to service directory: not a directory\n"),
            ("/srv/loop", 1, "fail: /srv/loop: unable to change to service directory: symbolic link loop\n"),
            ("''", 1, "fail: : unable to change to service directory: file does not exist\n"),
            ("/srv/new", 1, "warning: /srv/new: unable to open supervise/ok: file does not exist\n"),
            ("/srv/ended", 1, "fail: /srv/ended: runsv not running\n"),
            ("/etc/service/up ./etc/service/up etc/service/up/ ../etc/service/up up/", 1, """
                run: /etc/service/up: (pid N) Ns
                run: ./etc/service/up: (pid N) Ns
                run: etc/service/up/: (pid N) Ns
                run: ../etc/service/up: (pid N) Ns
                fail: up/: unable to change to service directory: file does not exist

                """),
            ("missing /srv/new /srv/ended up file", 4, """
                fail: missing: unable to change to service directory: file does not exist
                warning: /srv/new: unable to open supervise/ok: file does not exist
                fail: /srv/ended: runsv not running
                run: up: (pid N) Ns
                fail: file: unable to change to service directory: not a directory

                """),
        ];
        foreach ((string services, int exit, string line) in expected)
            await Same(s, $"sv status {services}", new SvRun(exit, line, ""));
        Assert.Equal(99, (await s.Sv(Sv.Ours, "sv status $(seq 200)")).Status);

        foreach (string setting in new[] { "SVDIR=/etc/service/logged", "SVDIR=", "SVDIR=/nonexistent", "SVDIR=etc/service/logged" })
        {
            SvRun debians = await s.Sv(Sv.Debians, "sv status log", setting);
            Assert.Equal(debians, await s.Sv(Sv.Ours, "sv status log", setting));
            Assert.Equal(setting.EndsWith("logged", StringComparison.Ordinal) ? 0 : 1, debians.Status);
        }
    }

    // The service is web; where a state is given, it is down by file or brought there first.
    [Theory]
    [InlineData("plain", "sv up web", 0, "")]
    [InlineData("plain", "sv -v up web", 0, "ok: run: web: (pid N) Ns\n")]
    [InlineData("plain", "sv start web", 0, "ok: run: web: (pid N) Ns\n")]
    [InlineData("plain", "sv stop web", 0, "ok: down: web: Ns, normally up\n")]
    [InlineData("plain", "sv -v down web", 0, "ok: down: web: Ns, normally up\n")]
    [InlineData("plain", "sv force-stop web", 0, "ok: down: web: Ns, normally up\n")]
    [InlineData("plain", "sv restart web", 0, "ok: run: web: (pid N) Ns\n")]
    [InlineData("plain", "sv -v term web", 0, "ok: run: web: (pid N) Ns\n")]
    [InlineData("plain", "sv try-restart web", 0, "ok: run: web: (pid N) Ns\n")]
    [InlineData("plain", "sv force-restart web", 0, "ok: run: web: (pid N) Ns\n")]
    [InlineData("plain", "sv force-reload web", 0, "ok: run: web: (pid N) Ns\n")]
    [InlineData("plain", "sv -v pause web", 0, "ok: run: web: (pid N) Ns, paused\n")]
    [InlineData("plain", "sv -v cont web", 0, "ok: run: web: (pid N) Ns\n")]
    [InlineData("plain", "sv check web", 0, "ok: run: web: (pid N) Ns\n")]
    [InlineData("plain", "sv stop web missing", 1, "fail: missing: unable to change to service directory: file does not exist\nok: down: web: Ns, normally up\n")]
    [InlineData("plain", "web start", 0, "ok: run: web: (pid N) Ns\n")]
    [InlineData("plain", "web -w 20 restart", 0, "ok: run: web: (pid N) Ns\n")]
    [InlineData("plain", "web stop", 0, "ok: down: web: Ns, normally up\n")]
    [InlineData("plain", "web status", 0, "run: web: (pid N) Ns\n")]
    [InlineData("down", "web status", 3, "down: web: Ns\n")]
    [InlineData("down", "sv start web", 0, "ok: run: web: (pid N) Ns, normally down\n")]
    [InlineData("down", "sv -v once web", 0, "ok: run: web: (pid N) Ns, normally down, want down\n")]
    [InlineData("down", "sv try-restart web", 0, "ok: down: web: Ns\n")]
    [InlineData("down", "sv restart web", 0, "ok: run: web: (pid N) Ns, normally down\n")]
    [InlineData("down", "sv check web", 0, "ok: down: web: Ns\n")]
    [InlineData("down", "sv kill web", 0, "")]
    [InlineData("stubborn", "sv -w 1 stop web", 1, "timeout: run: web: (pid N) Ns, want down, got TERM\n")]
    [InlineData("stubborn", "sv -w 1 restart web", 1, "timeout: run: web: (pid N) Ns, got TERM\n")]
    [InlineData("stubborn", "sv -w 1 force-stop web", 1, "kill: run: web: (pid N) Ns, want down, got TERM\n")]
    [InlineData("stubborn", "sv -w 1 force-restart web", 1, "kill: run: web: (pid N) Ns, got TERM\n")]
    [InlineData("stubborn", "sv -w 1 force-reload web", 1, "kill: run: web: (pid N) Ns, got TERM\n")]
    [InlineData("stubborn", "sv -w 1 shutdown web", 1, "timeout: run: web: (pid N) Ns, want down, got TERM\n")]
    [InlineData("stubborn", "web -w 1 stop", 1, "timeout: run: web: (pid N) Ns, want down, got TERM\n")]
    [InlineData("deaf", "sv reload web", 0, "ok: run: web: (pid N) Ns\n")]
    [InlineData("deaf", "sv hup web", 0, "")]
    [InlineData("unchecked", "sv -w 1 start web", 1, "timeout: run: web: (pid N) Ns\n")]
    [InlineData("unchecked", "sv -w 1 check web", 1, "timeout: run: web: (pid N) Ns\n")]
    [InlineData("unchecked", "sv stop web", 0, "ok: down: web: Ns, normally up\n")]
    [InlineData("checked", "sv start web", 0, "ok: run: web: (pid N) Ns\n")]
    [InlineData("checked", "sv restart web", 0, "ok: run: web: (pid N) Ns\n")]
    [InlineData("finishing", "sv -w 1 stop web", 1, "timeout: finish: web: (pid N) Ns, want down\n")]
    [InlineData("finishing", "sv -w 1 start web", 1, "timeout: finish: web: (pid N) Ns\n")]
    public async Task An_order_ends_as_runit_ends_it(string service, string command, int status, string output)
    {
        foreach ((Supervisor supervisor, Sv which) in s_pairs)
        {
            await using Sandbox s = await Web(service, supervisor);
            Assert.Equal($"{which} on {supervisor}: {new SvRun(status, output, "")}", $"{which} on {supervisor}: {await s.Sv(which, command)}");
        }
    }

    [Theory, BothSupervisors]
    public async Task Orders_that_are_signals_reach_the_service(Supervisor supervisor)
    {
        await using Sandbox s = DebianRunit.Sandbox().Script("/etc/service/web/run", """
            #!/bin/bash
            for s in TERM HUP ALRM INT QUIT USR1 USR2 CONT; do trap "echo $s >>/tmp/signals" $s; done
            touch /tmp/ready
            while :; do sleep 0.02; done
            """);
        await s.StartSupervisor(supervisor);
        foreach (Sv which in Enum.GetValues<Sv>())
        {
            int lines = s.ReadLines("/tmp/signals").Length;
            await s.WaitForFile("/tmp/ready");
            foreach ((string order, string signal) in new[] { ("hup", "HUP"), ("alarm", "ALRM"), ("interrupt", "INT"), ("quit", "QUIT"), ("1", "USR1"), ("2", "USR2"), ("cont", "CONT"), ("reload", "HUP") })
            {
                string said = order == "reload" ? "ok: run: web: (pid N) Ns\n" : "";
                Assert.Equal($"{which} {order}: {new SvRun(0, said, "")}", $"{which} {order}: {await s.Sv(which, $"sv {order} web")}");
                lines++;
                await s.Until(() => s.ReadLines("/tmp/signals").Length == lines, $"{signal} has come");
                Assert.Equal($"{which} {order}: {signal}", $"{which} {order}: {s.ReadLines("/tmp/signals")[^1]}");
            }
            Assert.Equal(new SvRun(0, "", ""), await s.Sv(which, "sv term web"));
            await s.Until(() => s.ReadLines("/tmp/signals")[^1] == "TERM", "TERM has come");
            await s.WaitForStat("web", "run, got TERM");
            Assert.Equal(new SvRun(0, "", ""), await s.Sv(which, "sv once web"));
            await s.WaitForStat("web", "run, got TERM, want down");
            File.Delete(s.HostPath("/tmp/ready"));
            Assert.Equal(new SvRun(0, "", ""), await s.Sv(which, "sv kill web"));
            await s.WaitForStat("web", "down");
            Assert.Equal(new SvRun(0, "", ""), await s.Sv(which, "sv up web"));
            await s.WaitForStat("web", "run");
        }
    }

    [Theory]
    [InlineData(Sv.Debians)]
    [InlineData(Sv.Ours)]
    public async Task A_service_of_process_1_is_not_supervised_for_a_moment_after_exit_and_shutdown(Sv which)
    {
        await using Sandbox s = await Web("plain", Supervisor.Keelson);
        foreach (string command in new[] { "sv -v exit", "sv shutdown", "sv force-shutdown" })
        {
            string before = s.PidOf("web");
            Assert.Equal($"{command}: {new SvRun(0, "ok: web: runsv not running\n", "")}", $"{command}: {await s.Sv(which, $"{command} web")}");
            // Its directory is still there, so it comes back, as it does under runsvdir.
            await s.Until(() => s.PidOf("web") is { Length: > 0 } now && now != before, "it is back");
            await s.WaitForStat("web", "run");
        }
    }

    [Theory]
    [InlineData("sv", 100, "usage: sv [-v] [-w sec] command service ...\n\n")]
    [InlineData("sv status", 100, "usage: sv [-v] [-w sec] command service ...\n\n")]
    [InlineData("sv zork web", 100, "usage: sv [-v] [-w sec] command service ...\n\n")]
    [InlineData("sv -x up web", 100, "sv: illegal option -- x\nusage: sv [-v] [-w sec] command service ...\n\n")]
    [InlineData("sv -w", 100, "sv: option requires an argument -- w\nusage: sv [-v] [-w sec] command service ...\n\n")]
    [InlineData("web", 2, "usage: web [-w sec] command\n\n")]
    [InlineData("web zork", 2, "usage: web [-w sec] command\n\n")]
    [InlineData("web s", 2, "usage: web [-w sec] command\n\n")]
    public async Task Wrong_usage_is_answered_as_runit_answers_it(string command, int status, string error)
    {
        await using Sandbox s = await Web("plain", Supervisor.Runit);
        await Same(s, command, new SvRun(status, "", error));
    }

    [Theory]
    [InlineData("exit 1\n", 0, "ok: run: web: (pid N) Ns\n", "warning: unable to run web/check: access denied\n", 0b110_100_100)]
    [InlineData("#!/nonexistent\n", 0, "ok: run: web: (pid N) Ns\n", "warning: unable to run web/check: file does not exist\n", 0b111_101_101)]
    [InlineData("", 0, "ok: run: web: (pid N) Ns\n", "warning: unable to run web/check: exec format error\n", 0b111_101_101)]
    [InlineData("#!/bin/sh\nkill -9 $$\n", 0, "ok: run: web: (pid N) Ns\n", "", 0b111_101_101)]
    [InlineData("#!/bin/sh\n[ -e /proc/self/fd/0 ] && [ ! -e /proc/$$/fd/1 ] && pwd >&2\n", 0, "ok: run: web: (pid N) Ns\n", "/etc/service/web\n", 0b111_101_101)]
    [NotEmulated(NotEmulatedAttribute.NoExecErrors)]
    public async Task A_check_is_run_as_runit_runs_it(string check, int status, string output, string error, int mode)
    {
        foreach (Supervisor supervisor in Enum.GetValues<Supervisor>())
        {
            await using Sandbox s = await Web("plain", supervisor);
            s.Write("/etc/service/web/check", check, (UnixFileMode)mode);
            await Same(s, "sv start web", new SvRun(status, output, error));
        }
    }

    [Fact]
    public async Task Exit_and_shutdown_are_done_when_the_supervisor_has_ended()
    {
        await using Sandbox s = DebianRunit.Sandbox().Script("/srv/alone/run", "exec sleep 10000");
        await s.StartRunsvdir();
        foreach (string command in new[] { "sv shutdown", "sv -v exit", "sv force-shutdown" })
        {
            foreach (Sv which in Enum.GetValues<Sv>())
            {
                await s.Exec("rm -rf /srv/alone/supervise; setsid runsv /srv/alone >/dev/null 2>&1 &");
                await s.WaitForFile("/srv/alone/supervise/stat", "run");
                Assert.Equal(new SvRun(0, "ok: /srv/alone: runsv not running\n", ""), await s.Sv(which, $"{command} /srv/alone"));
                Assert.Equal(new SvRun(0, "ok: /srv/alone: runsv not running\n", ""), await s.Sv(which, $"{command} /srv/alone"));
                Assert.Equal(new SvRun(1, "fail: /srv/alone: runsv not running\n", ""), await s.Sv(which, "sv start /srv/alone"));
            }
        }
    }

    [Fact]
    public async Task After_restart_it_is_another_process_even_when_the_first_had_just_been_started()
    {
        await using Sandbox s = await Web("plain", Supervisor.Runit);
        for (int i = 0; i < 3; i++)
        {
            string before = s.PidOf("web");
            Assert.Equal(new SvRun(0, "ok: run: web: (pid N) Ns\n", ""), await s.Sv(Sv.Ours, "sv -w 30 restart web"));
            Assert.NotEqual(before, s.PidOf("web"));
        }
    }

    [Theory, BothSupervisors]
    public async Task A_late_service_is_killed_by_force_stop(Supervisor supervisor)
    {
        await using Sandbox s = await Web("stubborn", supervisor);
        Assert.Equal(1, (await s.Sv(Sv.Ours, "sv -w 1 force-stop web")).Status);
        await s.WaitForStat("web", "down");
    }

    [Fact]
    public async Task A_check_that_hangs_is_killed_with_all_that_it_started_when_the_time_is_over()
    {
        await using Sandbox s = await Web("plain", Supervisor.Runit);
        s.Script("/etc/service/web/check", "sleep 23456 & sleep 23456; exit 0");
        Assert.Equal(new SvRun(1, "timeout: run: web: (pid N) Ns\n", ""), await s.Sv(Sv.Ours, "sv -w 1 start web"));
        await s.Until(() => s.Find("sleep 23456") is null, "nothing of the check is left");
    }

    [Fact]
    public async Task A_supervise_directory_that_lives_elsewhere_is_found()
    {
        await using Sandbox s = DebianRunit.Sandbox()
            .Script("/srv/other/run", "exec sleep 10000")
            .Script("/srv/web/run", "exec sleep 10000")
            .Prepare("mkdir -p run/keelson/supervise/srv; ln -s /srv/other/supervise run/keelson/supervise/srv/web; ln -s /srv/web srv/link");
        await s.StartRunsvdir();
        Assert.Equal(new SvRun(1, "warning: /srv/link: unable to open supervise/ok: file does not exist\n", ""), await s.Sv(Sv.Ours, "sv status /srv/link"));
        await s.Exec("setsid runsv /srv/other >/dev/null 2>&1 &");
        await s.WaitForFile("/srv/other/supervise/stat", "run");
        Assert.Equal(new SvRun(0, "run: /srv/link: (pid N) Ns\n", ""), await s.Sv(Sv.Ours, "sv status /srv/link"));
        Assert.Equal(new SvRun(0, "ok: down: /srv/link: Ns, normally up\n", ""), await s.Sv(Sv.Ours, "sv stop /srv/link"));
        // A supervise/ that nobody serves does not hide it.
        await s.Exec("mkdir /srv/web/supervise; mkfifo /srv/web/supervise/ok /srv/web/supervise/control");
        Assert.Equal(new SvRun(0, "down: /srv/link: Ns, normally up\n", ""), await s.Sv(Sv.Ours, "sv status /srv/link"));
        Assert.Equal(new SvRun(0, "ok: /srv/link: runsv not running\n", ""), await s.Sv(Sv.Ours, "sv shutdown /srv/link"));
    }

    [Fact]
    public async Task A_link_whose_name_is_neither_a_command_nor_a_service_is_an_error()
    {
        await using Sandbox s = await Web("plain", Supervisor.Runit);
        SvRun run = await s.Sv(Sv.Ours, "nothing status");
        Assert.Equal((2, ""), (run.Status, run.Out));
        Assert.Contains("no applet \"nothing\"", run.Err, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Help_is_on_standard_output()
    {
        await using Sandbox s = await Web("plain", Supervisor.Runit);
        SvRun run = await s.Sv(Sv.Ours, "sv --help");
        Assert.Equal((0, ""), (run.Status, run.Err));
        Assert.StartsWith("usage: sv [-v] [-w sec] command service ...\n", run.Out, StringComparison.Ordinal);
    }

    private static async Task Same(Sandbox s, string command, SvRun expected)
    {
        foreach (Sv which in Enum.GetValues<Sv>())
            Assert.Equal($"{which} {command}: {expected}", $"{which} {command}: {await s.Sv(which, command)}");
    }

    /// <summary>A sandbox with a service web, once it is in its state.</summary>
    private static async Task<Sandbox> Web(string kind, Supervisor supervisor)
    {
        Sandbox s = DebianRunit.Sandbox();
        string stat = "run";
        switch (kind)
        {
            case "down":
                s.Service("web", "exec sleep 10000").Write("/etc/service/web/down", "");
                stat = "down";
                break;
            case "stubborn":
                s.Service("web", Stubborn);
                break;
            case "deaf":
                s.Service("web", Deaf);
                break;
            case "finishing":
                s.Service("web", "exit 0", "exec sleep 10000");
                stat = "finish";
                break;
            case "checked":
                s.Service("web", "exec sleep 10000").Script("/etc/service/web/check", "exit 0");
                break;
            case "unchecked":
                s.Service("web", "exec sleep 10000").Script("/etc/service/web/check", "exit 1");
                break;
            default:
                s.Service("web", "exec sleep 10000");
                break;
        }
        await s.StartSupervisor(supervisor);
        await s.WaitForStat("web", stat);
        if (kind is "stubborn" or "deaf")
            await s.WaitForFile("/etc/service/web/ready");
        // Debian's sv counts whole seconds, and takes what changed in the second of its start for its own work.
        if (kind is "down" or "stubborn")
            await s.Until(() => File.GetLastWriteTimeUtc(s.HostPath("/etc/service/web/supervise/status")) < DateTime.UtcNow.AddSeconds(-2), "its state is two seconds old");
        return s;
    }

    /// <summary>Leaves a service directory whose supervisor has ended.</summary>
    private static async Task Ended(Sandbox s, string service)
    {
        (int status, string said) = await s.Exec($$"""
            runsv {{service}} & pid=$!
            until grep -q run {{service}}/supervise/stat 2>/dev/null; do sleep 0.05; done
            kill -TERM $pid; wait $pid
            """);
        Assert.True(status == 0, said);
    }
}
