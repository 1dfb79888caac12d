using System.Globalization;

namespace Keelson.Image.Tests;

/// <summary>"System logging": a syslog facility from before the first startup script until every service has stopped.</summary>
[Trait("Base", "Each")]
public sealed class SyslogTests
{
    private const string Script = """
        mkdir -p /etc/service/talker
        printf '#!/bin/sh\nexec logger the first of all\n' >/etc/my_init.d/00_first
        printf '#!/bin/sh\ntrap "logger -t talker my last words; exit 0" TERM\nlogger -t talker I am up\nwhile :; do sleep 0.1; done\n' >/etc/service/talker/run
        chmod +x /etc/my_init.d/00_first /etc/service/talker/run
        exec /sbin/my_init
        """;

    [Theory]
    [InlineData("")]
    [InlineData("-t")]
    [InlineData("--cap-drop ALL")]
    [InlineData("-e KEELSON_LOG=prefix")]
    [InlineData("-e KEELSON_LOG=json")]
    public void Messages_are_forwarded_to_docker_logs_from_the_first_startup_script_to_the_last_words_of_a_service(string options)
    {
        using Container container = Container.Start([.. options.Split(' ', StringSplitOptions.RemoveEmptyEntries), Docker.Image, "sh", "-c", Script]);
        container.UntilLogged("talker: I am up");
        container.Stop();
        string logs = container.Logs();
        container.Must(container.ExitStatus == 0, "exit status");
        container.Must(logs.Contains(": the first of all", StringComparison.Ordinal), "the startup script's message");
        container.Must(logs.Contains("talker: my last words", StringComparison.Ordinal), "the message of the TERM handler");
        if (options.EndsWith("prefix", StringComparison.Ordinal))
            container.Must(logs.Contains("[syslog-ng] ", StringComparison.Ordinal), "the prefix");
    }

    [Fact]
    public void Messages_are_forwarded_to_a_file_that_takes_the_place_of_the_console()
    {
        using Container container = Container.Start("-v", "/shared", Docker.Image, "sh", "-c", "echo before >/shared/log; exec /sbin/my_init --quiet 2>>/shared/log -- logger -t greeter hello");
        container.Until("it has ended", () => container.Inspect("{{.State.Running}}") == "false");
        Outcome log = Docker.Start("--volumes-from", container.Id, Docker.Image, "cat", "/shared/log");
        log.Must(log.Output.StartsWith("before\n", StringComparison.Ordinal) && log.Output.EndsWith(" greeter: hello\n", StringComparison.Ordinal));
    }

    [Fact]
    public void Messages_are_in_var_log_syslog_as_well()
    {
        using Container container = Container.Start(Docker.Image);
        container.UntilLogged("Runit started as PID 1");
        container.Exec("logger", "-p", "user.notice", "-t", "greeter", "hello there").Must();
        container.Until("the message is in the file", () => container.Exec("cat", "/var/log/syslog").Output.Contains("greeter: hello there\n", StringComparison.Ordinal));
        container.UntilLogged("greeter: hello there\n");
        Outcome mode = container.Exec("stat", "-c", "%a %U:%G", "/var/log/syslog");
        container.Must(mode.Output == "640 root:adm\n", mode.ToString());
    }

    [Fact]
    public void Ten_thousand_messages_while_stopping_are_all_in_docker_logs_in_their_order()
    {
        const int count = 10_000;
        string make = $"""
            mkdir -p /etc/service/talker
            seq -f 'number %.0f.' {count} >/tmp/numbers
            printf '#!/bin/sh\ntrap "logger -t talker -f /tmp/numbers; exit 0" TERM\nlogger up\nwhile :; do sleep 0.1; done\n' >/etc/service/talker/run
            chmod +x /etc/service/talker/run
            exec /sbin/my_init
            """;
        using Container container = Container.Start("-e", "KILL_PROCESS_TIMEOUT=60", "-e", "KILL_ALL_PROCESSES_TIMEOUT=60", Docker.Image, "sh", "-c", make);
        container.UntilLogged(": up\n");
        TimeSpan took = container.Stop("-t", "120");
        Docker.Figure($"{count} messages to syslog-ng while stopping, none lost: {took.TotalSeconds.ToString("0.0", CultureInfo.InvariantCulture)} s");
        string[] numbers = [.. container.Logs().Split('\n').Where(l => l.Contains(" talker: number ", StringComparison.Ordinal)).Select(l => l[(l.LastIndexOf(' ') + 1)..])];
        Assert.Equal(Enumerable.Range(1, count).Select(n => $"{n}."), numbers);
    }

    // Standard error is a FIFO that another container reads: the first 8,000 lines, and the rest only when it is told to. No
    // line is shorter than 40 bytes, so it does not read further.
    private const string StalledReader = """
        until [ -p /shared/log ]; do sleep 0.05; done
        exec perl -e '
            open(my $log, "<", "/shared/log") or die; $| = 1;
            for (my $left = 8000; $left > 0; $left -= () = $part =~ /\n/g) {
                sysread($log, $part, $left * 40) or die "too early an end";
                print $part;
            }
            open(my $stalled, ">", "/shared/stalled");
            select(undef, undef, undef, 0.05) until -e "/shared/go";
            print while <$log>;'
        """;

    // Logs until nothing more is accepted, and says how much was.
    private const string Talker = """
        use Socket;
        socket(my $log, AF_UNIX, SOCK_DGRAM, 0) or die $!;
        connect($log, sockaddr_un("/dev/log")) or die $!;
        TALK: for my $n (1 .. 10000) {
            for (my $tries = 0; !send($log, "<13>talker: number $n.", MSG_DONTWAIT); ) {
                last TALK if -e "/shared/stalled" && ++$tries > 100;
                select(undef, undef, undef, 0.01);
            }
            $accepted = $n;
        }
        open(my $file, ">", "/shared/accepted.new"); print $file $accepted; close($file);
        rename("/shared/accepted.new", "/shared/accepted");
        """;

    [Fact]
    public void Whatever_was_accepted_while_stopping_is_read_in_the_end_though_the_reader_of_the_console_stalls()
    {
        const string make = """
            mkdir -p /etc/service/talker
            printf '#!/bin/sh\ntrap "perl /shared/talk; exit 0" TERM\ntouch /shared/up\nwhile :; do sleep 0.1; done\n' >/etc/service/talker/run
            chmod +x /etc/service/talker/run
            printf '%s' "$TALKER" >/shared/talk
            mkfifo /shared/log
            exec /sbin/my_init --quiet 2>/shared/log
            """;
        using Container container = Container.Start("-v", "/shared", "-e", "KILL_PROCESS_TIMEOUT=60", "-e", "KILL_ALL_PROCESSES_TIMEOUT=60", "-e", $"TALKER={Talker}", Docker.Image, "sh", "-c", make);
        using Container reader = Container.Start("--volumes-from", container.Id, Docker.Image, "sh", "-c", StalledReader);
        reader.Until("the talker is up", () => reader.Exec("ls", "/shared/up").Status == 0);
        Docker.Run("kill", "-s", "TERM", container.Id).Must();
        reader.Until("nothing more is accepted", () => reader.Exec("ls", "/shared/accepted").Status == 0);
        int accepted = int.Parse(reader.Exec("cat", "/shared/accepted").Output, CultureInfo.InvariantCulture);
        container.Must(accepted is > 8000 and < 10_000, $"accepted {accepted}");
        container.Until("syslog-ng is to end", () => Docker.Run("top", container.Id).Output.Contains("control/t", StringComparison.Ordinal));
        // Ten times what it goes on for at TERM.
        Thread.Sleep(1000);
        reader.Exec("touch", "/shared/go").Must();
        container.Until("it has ended", () => container.Inspect("{{.State.Running}}") == "false");
        container.Must(container.ExitStatus == 0, "exit status");
        reader.Until("the reader has ended", () => reader.Inspect("{{.State.Running}}") == "false");
        string[] numbers = [.. reader.Logs().Split('\n').Where(l => l.Contains(" talker: number ", StringComparison.Ordinal)).Select(l => l[(l.LastIndexOf(' ') + 1)..])];
        Assert.Equal(Enumerable.Range(1, accepted).Select(n => $"{n}."), numbers);
        Docker.Figure($"syslog messages while stopping, the reader of the console stalled: {accepted} accepted, none lost");
    }

    [Fact]
    public void A_reader_of_the_console_that_never_reads_does_not_hold_the_stop()
    {
        const string make = """
            mkfifo /shared/log
            exec /sbin/my_init 2>/shared/log -- sh -c 'seq 10000 | logger & sleep 3 >/shared/up; exit 3'
            """;
        using Container container = Container.Start("-v", "/shared", Docker.Image, "sh", "-c", make);
        using Container reader = Container.Start("--volumes-from", container.Id, Docker.Image, "sh", "-c", "until [ -p /shared/log ]; do sleep 0.05; done; exec 3</shared/log; sleep 1000");
        var clock = System.Diagnostics.Stopwatch.StartNew();
        container.Until("it has ended", () => container.Inspect("{{.State.Running}}") == "false");
        Docker.Figure($"stop while nobody reads the console: {(clock.Elapsed.TotalSeconds - 3).ToString("0.0", CultureInfo.InvariantCulture)} s");
        container.Must(container.ExitStatus == 3, "exit status");
    }

    [Fact]
    public void Syslog_ng_with_destinations_of_ones_own_is_ended_by_TERM()
    {
        const string make = """
            echo 'destination d_mine { file("/shared/mine"); }; log { source(s_src); source(s_self); destination(d_mine); };' >/etc/syslog-ng/conf.d/mine.conf
            exec /sbin/my_init -- logger hello
            """;
        using Container container = Container.Start("-v", "/shared", Docker.Image, "sh", "-c", make);
        container.Until("it has ended", () => container.Inspect("{{.State.Running}}") == "false");
        Outcome mine = Docker.Start("--volumes-from", container.Id, Docker.Image, "cat", "/shared/mine");
        mine.Must(mine.Output.Contains("root: hello\n", StringComparison.Ordinal) && mine.Output.Contains("syslog-ng shutting down", StringComparison.Ordinal));
    }

    [Fact]
    public void Syslog_ng_that_dies_is_started_again_and_takes_messages()
    {
        using Container container = Container.Start(Docker.Image);
        container.UntilLogged("Runit started as PID 1");
        string first = container.Exec("sv", "status", "syslog-ng").Output;
        container.Must(first.StartsWith("run: syslog-ng: (pid ", StringComparison.Ordinal), first);
        string Pid() => container.Exec("cat", "/etc/service/syslog-ng/supervise/pid").Output.Trim();
        string pid = Pid();
        container.Exec("kill", "-KILL", pid).Must();
        container.Until("another runs", () => Pid() is { Length: > 0 } now && now != pid);
        container.Until("it takes messages", () =>
        {
            container.Exec("logger", "back again");
            return container.Logs().Contains(": back again\n", StringComparison.Ordinal);
        });
    }

    [Theory]
    [InlineData("--read-only")]
    [InlineData("--read-only --tmpfs /run")]
    [InlineData("--read-only --tmpfs /run:noexec --tmpfs /var/log")]
    public void On_a_read_only_file_system_messages_are_in_docker_logs_all_the_same(string options)
    {
        Outcome run = Docker.MyInit(options.Split(' '), "logger", "-t", "greeter", "hello");
        run.Must(run.Status == 0 && run.Error.Contains(" greeter: hello\n", StringComparison.Ordinal));
    }

    [Fact]
    public void Additional_configuration_is_included()
    {
        const string make = """
            echo 'destination d_mine { file("/tmp/mine"); }; log { source(s_src); destination(d_mine); };' >/etc/syslog-ng/conf.d/mine.conf
            exec /sbin/my_init --quiet -- sh -c 'logger -t greeter hello; until grep -qs "greeter: hello" /tmp/mine; do sleep 0.05; done; echo seen'
            """;
        Outcome run = Docker.Start(Docker.Image, "sh", "-c", make);
        run.Must(run.Status == 0 && run.Output == "seen\n");
    }

    [Fact]
    public void A_quiet_one_shot_command_prints_nothing_but_its_own()
    {
        Outcome run = Docker.Start(Docker.Image, "/sbin/my_init", "--quiet", "--", "echo", "hello");
        Assert.Equal(new Outcome(0, "hello\n", ""), run);
    }

    [Fact]
    public void Without_syslog_nothing_listens_on_dev_log()
    {
        Outcome run = Docker.MyInit(["-e", "DISABLE_SYSLOG=1"], "sh", "-c", "ls /dev/log; sv status syslog-ng; ps -C syslog-ng");
        run.Must(run.Output.StartsWith("down: syslog-ng: ", StringComparison.Ordinal) && !run.Output.Contains("/dev/log", StringComparison.Ordinal));
        run.Must(run.Error.Contains("syslog-ng stays down: ConditionEnvironment=!DISABLE_SYSLOG=1", StringComparison.Ordinal));
    }

    [Fact]
    public void Another_user_than_root_boots_without_the_services_of_root()
    {
        Outcome run = Docker.MyInit(["--user", "12345:0", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"], "sv", "status", "syslog-ng", "cron", "sshd");
        run.Must(run.Output.Split('\n').Count(l => l.StartsWith("down: ", StringComparison.Ordinal)) == 3);
    }
}
