using Keelson.SystemTests.Harness;

namespace Keelson.SystemTests;

/// <summary>supervise/control and control/ (runsv(8)), under Debian's runit and under Keelson.</summary>
public sealed class RunitControlTests
{
    // Notes each signal and goes on.
    private const string Notes = """
        #!/bin/bash
        for s in TERM HUP ALRM INT QUIT USR1 USR2 CONT; do trap "echo $s >>/tmp/signals" $s; done
        touch /tmp/ready
        while :; do sleep 0.02; done
        """;

    private static Sandbox WithNotes(Sandbox s) => s.Script("/etc/service/web/run", Notes);

    private static void Script(Sandbox s, string letter, string body) => s.Script($"/etc/service/web/control/{letter}", body);

    [Theory, BothSupervisors]
    public async Task Each_letter_sends_its_signal(Supervisor which)
    {
        await using Sandbox s = WithNotes(new Sandbox());
        await s.StartSupervisor(which);
        await s.WaitForFile("/tmp/ready");
        int lines = 0;
        foreach ((string letter, string signal) in new[] { ("h", "HUP"), ("a", "ALRM"), ("i", "INT"), ("q", "QUIT"), ("1", "USR1"), ("2", "USR2"), ("c", "CONT"), ("t", "TERM") })
        {
            await s.Control("web", letter);
            lines++;
            await s.Until(() => s.ReadLines("/tmp/signals").Length == lines, $"{signal} has come");
            Assert.Equal(signal, s.ReadLines("/tmp/signals")[^1]);
        }
        await s.WaitForStat(which, "web", "run, got TERM");
        Assert.Equal(1, s.Status("web")!.GotTerm);
    }

    [Theory, BothSupervisors]
    public async Task Pause_stops_and_cont_goes_on_and_both_are_seen(Supervisor which)
    {
        await using Sandbox s = new Sandbox().Service("web", "exec sleep 54321");
        await s.StartSupervisor(which);
        await s.RunOf("web");
        await s.Control("web", "p");
        await s.WaitForStat(which, "web", "run, paused");
        Assert.Equal(1, s.Status("web")!.Paused);
        await s.Until(() => s.Find("sleep 54321")?.State == 'T', "it is stopped");
        await s.Control("web", "c");
        await s.WaitForStat(which, "web", "run");
        await s.Until(() => s.Find("sleep 54321")?.State == 'S', "it goes on");
    }

    [Theory, BothSupervisors]
    public async Task Kill_ends_it_and_it_comes_back(Supervisor which)
    {
        await using Sandbox s = new Sandbox().Service("web", "trap '' TERM; exec sleep 54321", "echo $1 $2 >>/tmp/finish");
        await s.StartSupervisor(which);
        ProcessEntry first = await s.RunOf("web");
        await s.Control("web", "k");
        await s.RunOf("web", notPid: first.Pid);
        Assert.Equal("-1 9", s.ReadLines("/tmp/finish")[0]);
    }

    [Theory, BothSupervisors]
    public async Task Down_is_seen_until_it_has_ended(Supervisor which)
    {
        await using Sandbox s = WithNotes(new Sandbox());
        await s.StartSupervisor(which);
        await s.WaitForFile("/tmp/ready");
        await s.Control("web", "d");
        await s.WaitForStat(which, "web", "run, got TERM, want down");
        StatusRecord status = s.Status("web")!;
        Assert.Equal(('d', 1, 1), (status.Want, status.GotTerm, status.State));
        await s.Until(() => s.ReadLines("/tmp/signals").Contains("TERM") && s.ReadLines("/tmp/signals").Contains("CONT"), "TERM and CONT have come");
        await s.Control("web", "k");
        await s.WaitForStat(which, "web", "down");
    }

    [Theory, BothSupervisors]
    public async Task Several_letters_in_one_write_are_obeyed_in_order_and_unknown_ones_ignored(Supervisor which)
    {
        await using Sandbox s = new Sandbox().Service("web", "echo run >>/tmp/runs; exec sleep 54321");
        await s.StartSupervisor(which);
        ProcessEntry first = await s.RunOf("web");
        await s.Control("web", "Zzdq?\n tcu");
        ProcessEntry second = await s.RunOf("web", notPid: first.Pid);
        Assert.NotEqual(first.Pid, second.Pid);
        await s.WaitForStat(which, "web", "run");
        Assert.Equal('u', s.Status("web")!.Want);
    }

    [Theory, BothSupervisors]
    public async Task Signals_are_sent_to_a_run_that_runs_only(Supervisor which)
    {
        await using Sandbox s = new Sandbox().Service("web", "exit 0", Notes);
        await s.StartSupervisor(which);
        await s.WaitForFile("/tmp/ready");
        await s.WaitForStat(which, "web", "finish");
        await s.Control("web", "hai12t");
        // The last letter's effect is seen, so those before it were obeyed.
        await s.Control("web", "o");
        await s.WaitForStat(which, "web", "finish, want down");
        Assert.False(s.Exists("/tmp/signals"));
    }

    [Theory, BothSupervisors]
    public async Task Down_during_finish_waits_for_it(Supervisor which)
    {
        await using Sandbox s = new Sandbox().Service("web", "echo run >>/tmp/runs; exit 0", "touch /tmp/finishing; until [ -e /tmp/go ]; do sleep 0.02; done");
        await s.StartSupervisor(which);
        await s.WaitForFile("/tmp/finishing");
        await s.Control("web", "d");
        await s.WaitForStat(which, "web", "finish, want down");
        s.Write("/tmp/go", "");
        await s.WaitForStat(which, "web", "down");
        await s.Pass(TimeSpan.FromSeconds(1.3));
        Assert.Equal("run\n", s.Read("/tmp/runs"));
    }

    [Theory, BothSupervisors]
    public async Task A_script_for_each_letter_runs_in_the_directory_before_the_signal_is_sent(Supervisor which)
    {
        await using Sandbox s = WithNotes(new Sandbox());
        foreach (string letter in "haiq12tpc".Select(c => c.ToString()))
            Script(s, letter, $"echo \"$(pwd -P) {letter}\" >>/tmp/scripts; exit 1");
        await s.StartSupervisor(which);
        await s.WaitForFile("/tmp/ready");
        await s.Control("web", "haiq12t");
        await s.WaitForStat(which, "web", "run, got TERM");
        Assert.Equal("haiq12t".Select(c => $"/etc/service/web {c}"), s.ReadLines("/tmp/scripts"));
    }

    [Theory, BothSupervisors]
    public async Task A_script_that_exits_0_stands_for_the_signal(Supervisor which)
    {
        await using Sandbox s = WithNotes(new Sandbox());
        Script(s, "h", "exit 0");
        Script(s, "t", "echo t >>/tmp/scripts");
        await s.StartSupervisor(which);
        await s.WaitForFile("/tmp/ready");
        await s.Control("web", "ht1");
        await s.WaitForFile("/tmp/signals", "USR1");
        Assert.Equal("USR1\n", s.Read("/tmp/signals"));
        Assert.Equal("run", s.Stat("web"));
    }

    [Theory, BothSupervisors]
    public async Task A_script_that_its_owner_may_not_execute_is_none(Supervisor which)
    {
        await using Sandbox s = WithNotes(new Sandbox()).Write("/etc/service/web/control/h", "#!/bin/sh\ntouch /tmp/scripts\n");
        await s.StartSupervisor(which);
        await s.WaitForFile("/tmp/ready");
        await s.Control("web", "h");
        await s.WaitForFile("/tmp/signals", "HUP");
        Assert.False(s.Exists("/tmp/scripts"));
    }

    [Theory, BothSupervisors]
    public async Task Start_stop_and_term_call_the_scripts_in_runits_order(Supervisor which)
    {
        await using Sandbox s = new Sandbox().Service("web", "echo run >>/tmp/scripts; exec sleep 54321", "echo finish >>/tmp/scripts");
        foreach (string letter in "udtx".Select(c => c.ToString()))
            Script(s, letter, $"echo {letter} >>/tmp/scripts; exit 1");
        await s.StartSupervisor(which);
        ProcessEntry first = await s.RunOf("web");
        await s.Until(() => s.ReadLines("/tmp/scripts").Length == 2, "run has noted itself");
        await s.Control("web", "d");
        await s.WaitForStat(which, "web", "down");
        await s.Control("web", "u");
        ProcessEntry second = await s.RunOf("web", notPid: first.Pid);
        await s.Until(() => s.ReadLines("/tmp/scripts").Length >= 7, "run has noted itself again");
        await s.Control("web", "t");
        await s.RunOf("web", notPid: second.Pid);
        await s.Until(() => s.ReadLines("/tmp/scripts").Length >= 11, "and a third time");
        Assert.Equal("u run t d finish u run t finish u run", string.Join(' ', s.ReadLines("/tmp/scripts")));
    }

    [Theory, BothSupervisors]
    public async Task What_is_written_while_a_script_runs_is_obeyed_afterwards(Supervisor which)
    {
        await using Sandbox s = WithNotes(new Sandbox());
        Script(s, "t", "touch /tmp/in-script; until [ -e /tmp/go ]; do sleep 0.02; done");
        await s.StartSupervisor(which);
        await s.WaitForFile("/tmp/ready");
        await s.Control("web", "t");
        await s.WaitForFile("/tmp/in-script");
        await s.Control("web", "hp");
        Assert.False(s.Exists("/tmp/signals"));
        s.Write("/tmp/go", "");
        await s.WaitForStat(which, "web", "run, paused");
        await s.Control("web", "c");
        await s.WaitForFile("/tmp/signals", "HUP");
    }

    [Theory, BothSupervisors]
    public async Task Exit_ends_the_service_and_its_log_and_both_come_back(Supervisor which)
    {
        await using Sandbox s = new Sandbox().Service("web", "exec sleep 54321", "echo finish >>/tmp/finish").Script("/etc/service/web/log/run", "cat; echo log-ended >>/tmp/log");
        await s.StartSupervisor(which);
        ProcessEntry first = await s.RunOf("web");
        await s.RunOf("web/log");
        await s.Control("web", "x");
        await s.WaitForFile("/tmp/log", "log-ended");
        Assert.Equal("finish\n", s.Read("/tmp/finish"));
        // runsvdir starts what has gone while its directory is there.
        await s.RunOf("web", notPid: first.Pid);
        await s.RunOf("web/log");
    }

    [Theory, BothSupervisors]
    public async Task A_log_ignores_exit_and_obeys_the_others(Supervisor which)
    {
        await using Sandbox s = new Sandbox().Service("web", "exec sleep 54321").Script("/etc/service/web/log/run", "exec cat >/dev/null");
        await s.StartSupervisor(which);
        await s.RunOf("web");
        ProcessEntry log = await s.RunOf("web/log");
        await s.Control("web/log", "xp");
        await s.WaitForStat(which, "web/log", "run, paused");
        Assert.Equal(log.Pid, s.Status("web/log")!.Pid);
        await s.Control("web/log", "ct");
        await s.RunOf("web/log", notPid: log.Pid);
    }

    [Theory, BothSupervisors]
    public async Task Exit_is_seen_until_it_has_ended_and_wants_it_down(Supervisor which)
    {
        await using Sandbox s = WithNotes(new Sandbox());
        await s.StartSupervisor(which);
        await s.WaitForFile("/tmp/ready");
        ProcessEntry first = await s.RunOf("web");
        await s.Control("web", "x");
        await s.WaitForStat(which, "web", "run, got TERM, want exit");
        StatusRecord status = s.Status("web")!;
        Assert.Equal(('d', 1, 1), (status.Want, status.GotTerm, status.State));
        await s.Control("web", "k");
        await s.RunOf("web", notPid: first.Pid);
    }

    [Theory, BothSupervisors]
    public async Task Exit_during_finish_waits_for_it(Supervisor which)
    {
        await using Sandbox s = new Sandbox().Service("web", "echo run >>/tmp/order; [ -e /tmp/go ] && exec sleep 54321", "touch /tmp/finishing; until [ -e /tmp/go ]; do sleep 0.02; done; echo finish >>/tmp/order");
        await s.StartSupervisor(which);
        await s.WaitForFile("/tmp/finishing");
        await s.Control("web", "x");
        await s.WaitForStat(which, "web", "finish, want exit");
        s.Write("/tmp/go", "");
        await s.RunOf("web");
        await s.Until(() => s.ReadLines("/tmp/order").Length >= 3, "it runs again");
        Assert.Equal("run finish run", string.Join(' ', s.ReadLines("/tmp/order")));
    }

    [Theory, BothSupervisors]
    public async Task Down_wakes_one_that_is_paused(Supervisor which)
    {
        await using Sandbox s = new Sandbox().Service("web", "exec sleep 54321", "echo $1 $2 >>/tmp/finish");
        await s.StartSupervisor(which);
        await s.RunOf("web");
        await s.Control("web", "p");
        await s.Until(() => s.Find("sleep 54321")?.State == 'T', "it is stopped");
        await s.Control("web", "d");
        await s.WaitForStat(which, "web", "down");
        Assert.Equal("-1 15\n", s.Read("/tmp/finish"));
        Assert.Equal(0, s.Status("web")!.Paused);
    }

    [Theory, BothSupervisors]
    public async Task Up_for_one_that_runs_does_nothing(Supervisor which)
    {
        await using Sandbox s = WithNotes(new Sandbox());
        Script(s, "u", "echo u >>/tmp/scripts");
        await s.StartSupervisor(which);
        await s.WaitForFile("/tmp/ready");
        ProcessEntry web = await s.RunOf("web");
        await s.Control("web", "uu1");
        await s.WaitForFile("/tmp/signals", "USR1");
        Assert.Equal("USR1\n", s.Read("/tmp/signals"));
        Assert.Equal("u\n", s.Read("/tmp/scripts"));
        Assert.Equal(web.Pid, s.Status("web")!.Pid);
    }

    [Theory, BothSupervisors]
    public async Task Every_letter_of_a_long_write_has_its_turn_in_order(Supervisor which)
    {
        await using Sandbox s = new Sandbox().Service("web", "exec sleep 54321");
        foreach (string letter in new[] { "h", "1", "q" })
            Script(s, letter, $"printf {letter} >>/tmp/scripts");
        string letters = string.Concat(Enumerable.Range(0, 20).Select(i => i % 3 == 0 ? "h1q" : "hhq"));
        await s.StartSupervisor(which);
        await s.RunOf("web");
        await s.Control("web", letters);
        await s.Until(() => s.Read("/tmp/scripts").Length >= letters.Length, "all have had their turn");
        Assert.Equal(letters, s.Read("/tmp/scripts"));
    }

    [Theory, BothSupervisors]
    public async Task A_script_t_that_exits_0_keeps_TERM_from_down_as_well(Supervisor which)
    {
        await using Sandbox s = WithNotes(new Sandbox());
        Script(s, "t", "exit 0");
        await s.StartSupervisor(which);
        await s.WaitForFile("/tmp/ready");
        await s.Control("web", "d1");
        await s.WaitForFile("/tmp/signals", "USR1");
        Assert.DoesNotContain("TERM", s.ReadLines("/tmp/signals"));
        await s.WaitForStat(which, "web", "run, want down");
    }

    [Theory, BothSupervisors]
    public async Task The_scripts_d_and_x_stand_for_nothing(Supervisor which)
    {
        await using Sandbox s = new Sandbox().Service("web", "echo run >>/tmp/scripts; exec sleep 54321", "echo finish $1 $2 >>/tmp/scripts");
        foreach (string letter in new[] { "d", "x" })
            Script(s, letter, $"echo {letter} >>/tmp/scripts; exit 0");
        Script(s, "t", "echo t >>/tmp/scripts; exit 1");
        await s.StartSupervisor(which);
        ProcessEntry first = await s.RunOf("web");
        await s.Until(() => s.ReadLines("/tmp/scripts").Length == 1, "run has noted itself");
        await s.Control("web", "d");
        await s.WaitForStat(which, "web", "down");
        await s.Control("web", "u");
        ProcessEntry second = await s.RunOf("web", notPid: first.Pid);
        await s.Until(() => s.ReadLines("/tmp/scripts").Length == 5, "run has noted itself again");
        await s.Control("web", "x");
        await s.RunOf("web", notPid: second.Pid);
        await s.Until(() => s.ReadLines("/tmp/scripts").Length == 9, "and a third time");
        Assert.Equal("run t d finish -1 15 run t x finish -1 15 run", string.Join(' ', s.ReadLines("/tmp/scripts")));
    }

    [Theory, BothSupervisors]
    public async Task A_script_p_that_exits_0_leaves_it_running_and_said_to_be_paused(Supervisor which)
    {
        await using Sandbox s = WithNotes(new Sandbox());
        Script(s, "p", "exit 0");
        await s.StartSupervisor(which);
        await s.WaitForFile("/tmp/ready");
        await s.Control("web", "p");
        await s.WaitForStat(which, "web", "run, paused");
        await s.Control("web", "1");
        await s.WaitForFile("/tmp/signals", "USR1");
    }

    [Theory, BothSupervisors]
    public async Task A_script_may_write_to_the_control_of_its_own_service(Supervisor which)
    {
        await using Sandbox s = WithNotes(new Sandbox());
        Script(s, "h", "printf 1 >supervise/control; touch /tmp/written");
        await s.StartSupervisor(which);
        await s.WaitForFile("/tmp/ready");
        await s.Control("web", "h");
        await s.WaitForFile("/tmp/signals", "USR1");
        Assert.True(s.Exists("/tmp/written"));
        Assert.Equal("USR1\n", s.Read("/tmp/signals"));
    }

    [Theory, BothSupervisors]
    public async Task What_scripts_write_goes_to_the_log(Supervisor which)
    {
        await using Sandbox s = WithNotes(new Sandbox()).Script("/etc/service/web/log/run", "exec cat >>/tmp/log");
        Script(s, "u", "echo from-u");
        Script(s, "h", "echo from-h");
        await s.StartSupervisor(which);
        await s.WaitForFile("/tmp/ready");
        await s.Control("web", "h");
        await s.WaitForFile("/tmp/log", "from-h\n");
        Assert.Equal("from-u\nfrom-h\n", s.Read("/tmp/log"));
    }

    [Theory, BothSupervisors]
    public async Task A_log_has_no_scripts(Supervisor which)
    {
        await using Sandbox s = new Sandbox().Service("web", "exec sleep 54321").Script("/etc/service/web/log/run", "exec cat >/dev/null");
        foreach (string letter in "utdp".Select(c => c.ToString()))
            s.Script($"/etc/service/web/log/control/{letter}", "echo script >>/tmp/scripts");
        await s.StartSupervisor(which);
        ProcessEntry log = await s.RunOf("web/log");
        await s.Control("web/log", "t");
        await s.RunOf("web/log", notPid: log.Pid);
        await s.Control("web/log", "d");
        await s.WaitForStat(which, "web/log", "down");
        Assert.False(s.Exists("/tmp/scripts"));
    }
}
