using System.Globalization;

namespace Keelson.Image.Tests;

/// <summary>"System logging": a syslog facility from before the first startup script until every service has stopped.</summary>
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
