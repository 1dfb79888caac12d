namespace Keelson.Image.Tests;

/// <summary>"Running scripts during container startup", and what "Overview" says of process number 1.</summary>
[Trait("Base", "Each")]
public sealed class StartupTests
{
    [Fact]
    public void Scripts_run_in_lexicographic_order_then_etc_rc_local_then_the_services()
    {
        const string make = """
            mkdir -p /etc/service/web
            for file in /etc/my_init.d/20_b /etc/my_init.d/10_a /etc/rc.local /etc/service/web/run; do
              printf '#!/bin/sh\necho %s >>/tmp/order; [ "$0" != ./run ] || exec sleep 1000\n' $file >$file
              chmod +x $file
            done
            echo 'echo not executable >>/tmp/order' >/etc/my_init.d/15_not
            exec /sbin/my_init --quiet -- sh -c 'until grep -q web /tmp/order; do sleep 0.02; done; cat /tmp/order'
            """;
        Outcome run = Docker.Start(Docker.Image, "sh", "-c", make);
        run.Must(run.Output == "/etc/my_init.d/10_a\n/etc/my_init.d/20_b\n/etc/rc.local\n/etc/service/web/run\n");
    }

    [Fact]
    public void The_script_of_the_manual_logs_the_time_of_boot()
    {
        string image = $"keelson-test-logtime-{Environment.ProcessId}";
        Docker.RunWithInput(
            $"""
            FROM {Docker.Image}
            RUN mkdir -p /etc/my_init.d
            RUN printf '#!/bin/sh\ndate > /tmp/boottime.txt\n' > /etc/my_init.d/logtime.sh
            RUN chmod +x /etc/my_init.d/logtime.sh
            CMD ["/sbin/my_init"]

            """, "build", "--label", Docker.Label, "-t", image, "-").Must();
        Outcome booted = Docker.Start(image, "/sbin/my_init", "--quiet", "--", "cat", "/tmp/boottime.txt");
        booted.Must(booted.Status == 0 && booted.Output.Contains(':', StringComparison.Ordinal));
        // Whoever does not call my_init has no scripts called.
        Outcome plain = Docker.Start(image, "cat", "/tmp/boottime.txt");
        plain.Must(plain.Status == 1);
    }

    [Theory]
    [InlineData("/etc/my_init.d/10_fails")]
    [InlineData("/etc/rc.local")]
    public void If_a_script_exits_with_a_non_zero_status_the_boot_fails(string file)
    {
        string make = $"printf '#!/bin/sh\nexit 3\n' >{file}; chmod +x {file}; exec /sbin/my_init -- echo booted";
        Outcome run = Docker.Start(Docker.Image, "sh", "-c", make);
        run.Must(run is { Status: 1, Output: "" } && run.Error.Contains($"*** {file} failed with status 3", StringComparison.Ordinal));
    }

    [Fact]
    public void Orphans_of_every_process_are_reaped()
    {
        const string script = """
            for i in 1 2 3 4 5 6 7 8 9; do (sh -c 'sleep 0.2 &' &); done
            while pgrep -x sleep >/dev/null; do sleep 0.05 & wait; done
            until [ -z "$(ps -eo stat= | grep Z)" ]; do :; done
            echo none is left
            """;
        Outcome run = Docker.MyInit("timeout", "60", "bash", "-c", script);
        run.Must(run.Status == 0 && run.Output == "none is left\n");
    }

    [Fact]
    public void A_command_is_run_in_a_running_container_by_docker_exec()
    {
        using Container container = Container.Start("-e", "HELLO=my beautiful world", Docker.Image);
        container.UntilLogged("Runit started as PID 1");
        Outcome hello = container.Exec("echo", "hello world");
        hello.Must(hello == new Outcome(0, "hello world\n", ""));
        Outcome login = container.Exec("env", "-u", "HELLO", "bash", "-lc", "echo $HELLO; ps -C syslog-ng,cron -o comm= | sort");
        login.Must(login.Output == "my beautiful world\ncron\nsyslog-ng\n");
    }
}
