namespace Keelson.Image.Tests;

public sealed class OneShotTests
{
    [Theory]
    [InlineData(0, "exit 0", "*** sh exited with exit code 0.")]
    [InlineData(3, "exit 3", "*** sh exited with exit code 3.")]
    [InlineData(255, "exit 255", "*** sh exited with exit code 255.")]
    [InlineData(137, "kill -KILL $$", "*** sh was terminated by signal 9 (SIGKILL).")]
    [InlineData(143, "kill -TERM $$", "*** sh was terminated by signal 15 (SIGTERM).")]
    public void The_exit_status_is_the_main_commands(int status, string script, string message)
    {
        Outcome run = Docker.MyInit("sh", "-c", script);
        run.Must(run.Status == status && run.Output == "" && run.Error.Contains(message, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(127, "/bin/typo", "Cannot run /bin/typo: no such file or directory")]
    [InlineData(127, "no-such-command", "Cannot run no-such-command: command not found in PATH")]
    [InlineData(126, "/etc", "Cannot run /etc: is a directory")]
    [InlineData(126, "/t/no-x-bit", "it has no execute bit")]
    [InlineData(126, "/t/bad-interpreter", "no such interpreter \"/bin/bsh\"")]
    [InlineData(126, "/t/crlf", "carriage return")]
    public void What_can_not_be_run_is_said_with_the_reason_and_the_shells_status(int status, string command, string reason)
    {
        // The container makes the files itself: no path of the host is needed.
        const string make = """
            mkdir /t; printf '#!/bin/sh\n' >/t/no-x-bit; printf '#!/bin/bsh\n' >/t/bad-interpreter; printf '#!/bin/sh\r\ntrue\r\n' >/t/crlf
            chmod +x /t/bad-interpreter /t/crlf
            exec /sbin/my_init -- "$0"
            """;
        Outcome run = Docker.Start(Docker.Image, "sh", "-c", make, command);
        run.Must(run.Status == status && run.Error.Contains(reason, StringComparison.Ordinal));
    }

    [Fact]
    public void The_messages_are_those_of_the_original()
    {
        Outcome run = Docker.MyInit("ls", "-d", "/etc");
        Assert.Equal("/etc\n", run.Output);
        Assert.Equal(0, run.Status);
        Assert.Equal(
            [
                "*** Running /etc/my_init.d/00_regen_ssh_host_keys.sh...", "*** Booting runit daemon...", "*** Runit started as PID 1", "*** Running ls -d /etc...", "*** ls exited with exit code 0.",
                "*** Shutting down runit daemon (PID 1)...", "*** Killing all processes...",
            ],
            run.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public void Quiet_prints_nothing_of_its_own()
    {
        Outcome run = Docker.Start(Docker.Image, "/sbin/my_init", "--skip-startup-files", "--quiet", "--", "echo", "hello");
        Assert.Equal(new Outcome(0, "hello\n", ""), run);
    }

    [Theory]
    [InlineData("-t", 0, "exit 0")]
    [InlineData("-t", 3, "exit 3")]
    [InlineData("-it", 0, "exit 0")]
    [InlineData("-it", 3, "exit 3")]
    [InlineData("-it", 137, "kill -KILL \\$\\$")]
    public void On_a_terminal_the_status_is_right_too(string options, int status, string script)
    {
        for (int i = 0; i < 5; i++)
        {
            Outcome run = Docker.StartOnTerminal(options, $"/sbin/my_init -- sh -c \"tty; {script}\"");
            run.Must(run.Status == status && run.Output.Contains("/dev/pts/0", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void A_login_shell_on_a_terminal_has_job_control()
    {
        Outcome run = Docker.StartOnTerminal("-it", "/sbin/my_init --quiet -- bash -lic 'sleep 100 & jobs; kill %1; set -o | grep monitor'");
        run.Must(run.Status == 0 && run.Output.Contains("Running", StringComparison.Ordinal));
        run.Must(run.Output.Split('\n').Any(l => l.StartsWith("monitor", StringComparison.Ordinal) && l.TrimEnd().EndsWith("on", StringComparison.Ordinal)));
        run.Must(!run.Output.Contains("job control", StringComparison.Ordinal));
    }

    [Fact]
    public void Entrypoint_and_command_may_both_name_my_init()
    {
        Outcome run = Docker.Start("--entrypoint", "/sbin/my_init", Docker.Image, "/sbin/my_init", "--", "echo", "once");
        run.Must(run.Status == 0 && run.Output == "once\n");
        run.Must(run.Error.Contains("*** The main command is my_init itself", StringComparison.Ordinal));
    }

    [Fact]
    public void Setuser_runs_as_the_user_with_its_groups_and_home()
    {
        Outcome run = Docker.MyInit("sh", "-c", "groupadd extra && useradd -m -G extra app && exec setuser app sh -c 'id -un; id -Gn; echo $HOME $USER $UID; pwd'");
        run.Must(run.Status == 0 && run.Output == "app\napp extra\n/home/app app 1000\n/\n");
        Outcome unknown = Docker.MyInit("setuser", "nobody-of-that-name", "true");
        unknown.Must(unknown.Status == 1 && unknown.Error.Contains("unknown user \"nobody-of-that-name\"", StringComparison.Ordinal));
        Outcome missing = Docker.MyInit("setuser", "nobody", "/bin/typo");
        missing.Must(missing.Status == 127 && missing.Error.Contains("setuser: cannot run /bin/typo", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(0, "installed\n*** Running /etc/my_init.d/00_regen_ssh_host_keys.sh...\n*** Running /etc/my_init.d/script...\nstartup script\n*** Running true...")]
    [InlineData(1, "*** /usr/sbin/enable_insecure_key failed with status 1")]
    public void Enable_insecure_key_runs_its_program_before_the_startup_scripts(int status, string message)
    {
        string make = $"""
            printf '#!/bin/sh\necho installed >&2\nexit {status}\n' >/usr/sbin/enable_insecure_key; chmod +x /usr/sbin/enable_insecure_key
            printf '#!/bin/sh\necho startup script >&2\n' >/etc/my_init.d/script; chmod +x /etc/my_init.d/script
            exec /sbin/my_init --skip-runit --enable-insecure-key -- true
            """;
        Outcome run = Docker.Start(Docker.Image, "sh", "-c", make);
        Assert.True(run.Status == status && run.Error.Contains(message, StringComparison.Ordinal), run.ToString());
    }

    [Fact]
    public void Enable_insecure_key_without_the_program_says_so_and_fails()
    {
        Outcome run = Docker.Start(Docker.Image, "sh", "-c", "rm /usr/sbin/enable_insecure_key; exec /sbin/my_init --enable-insecure-key -- true");
        Assert.True(run.Status == 1 && run.Error.Contains("Cannot run /usr/sbin/enable_insecure_key: no such file", StringComparison.Ordinal), run.ToString());
    }
}
