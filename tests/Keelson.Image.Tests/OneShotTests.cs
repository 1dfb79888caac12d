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
        Assert.True(run.Status == status && run.Error.Contains(message, StringComparison.Ordinal), run.ToString());
        Assert.Equal("", run.Output);
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
        // The files come through a startup script of the container itself: no path of the host is needed.
        const string make = """
            mkdir /t; printf '#!/bin/sh\n' >/t/no-x-bit; printf '#!/bin/bsh\n' >/t/bad-interpreter; printf '#!/bin/sh\r\ntrue\r\n' >/t/crlf
            chmod +x /t/bad-interpreter /t/crlf
            exec /sbin/my_init -- "$0"
            """;
        Outcome run = Docker.Run("run", "--rm", Docker.Image, "sh", "-c", make, command);
        Assert.True(run.Status == status && run.Error.Contains(reason, StringComparison.Ordinal), run.ToString());
    }

    [Fact]
    public void The_messages_are_those_of_the_original()
    {
        Outcome run = Docker.MyInit("ls", "-d", "/etc");
        Assert.Equal("/etc\n", run.Output);
        Assert.Equal(
            [
                "*** Booting runit daemon...", "*** Runit started as PID 1", "*** Running ls -d /etc...", "*** ls exited with exit code 0.",
                "*** Shutting down runit daemon (PID 1)...", "*** Killing all processes...",
            ],
            run.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public void Quiet_prints_nothing_of_its_own()
    {
        Outcome run = Docker.Run("run", "--rm", Docker.Image, "/sbin/my_init", "--skip-startup-files", "--quiet", "--", "echo", "hello");
        Assert.Equal(new Outcome(0, "hello\n", ""), run);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(0)]
    public void On_a_terminal_the_status_is_right_too(int status)
    {
        for (int i = 0; i < 5; i++)
        {
            Outcome run = Docker.Execute("script", "", "-qec", $"docker run --rm -it {Docker.Image} /sbin/my_init -- sh -c 'tty; exit {status}'", "/dev/null");
            Assert.True(run.Status == status && run.Output.Contains("/dev/pts/0", StringComparison.Ordinal), run.ToString());
        }
    }

    [Fact]
    public void A_login_shell_on_a_terminal_has_job_control()
    {
        Outcome run = Docker.Execute("script", "", "-qec", $"docker run --rm -it {Docker.Image} /sbin/my_init --quiet -- bash -lic 'sleep 100 & jobs; kill %1; set -o | grep monitor'", "/dev/null");
        Assert.Equal(0, run.Status);
        Assert.Contains("Running", run.Output, StringComparison.Ordinal);
        Assert.Matches(@"monitor\s+on", run.Output);
        Assert.DoesNotContain("job control", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Entrypoint_and_command_may_both_name_my_init()
    {
        Outcome run = Docker.Run("run", "--rm", "--entrypoint", "/sbin/my_init", Docker.Image, "/sbin/my_init", "--", "echo", "once");
        Assert.Equal((0, "once\n"), (run.Status, run.Output));
        Assert.Contains("*** The main command is my_init itself", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Setuser_runs_as_the_user_with_its_groups_and_home()
    {
        Outcome run = Docker.MyInit("sh", "-c", "groupadd extra && useradd -m -G extra app && exec setuser app sh -c 'id -un; id -Gn; echo $HOME $USER $UID; pwd'");
        Assert.Equal((0, "app\napp extra\n/home/app app 1000\n/\n"), (run.Status, run.Output));
        Assert.Equal(1, Docker.MyInit("setuser", "nobody-of-that-name", "true").Status);
        Assert.Equal(127, Docker.MyInit("setuser", "nobody", "/bin/typo").Status);
    }

    [Theory]
    [InlineData(0, "installed\n*** Running /etc/my_init.d/script...\nstartup script\n*** Running true...")]
    [InlineData(1, "*** /usr/sbin/enable_insecure_key failed with status 1")]
    public void Enable_insecure_key_runs_its_program_before_the_startup_scripts(int status, string message)
    {
        string make = $"""
            printf '#!/bin/sh\necho installed >&2\nexit {status}\n' >/usr/sbin/enable_insecure_key; chmod +x /usr/sbin/enable_insecure_key
            printf '#!/bin/sh\necho startup script >&2\n' >/etc/my_init.d/script; chmod +x /etc/my_init.d/script
            exec /sbin/my_init --skip-runit --enable-insecure-key -- true
            """;
        Outcome run = Docker.Run("run", "--rm", Docker.Image, "sh", "-c", make);
        Assert.True(run.Status == status && run.Error.Contains(message, StringComparison.Ordinal), run.ToString());
    }

    [Fact]
    public void Enable_insecure_key_without_the_program_says_so_and_fails()
    {
        Outcome run = Docker.Run("run", "--rm", Docker.Image, "/sbin/my_init", "--enable-insecure-key", "--", "true");
        Assert.True(run.Status == 1 && run.Error.Contains("Cannot run /usr/sbin/enable_insecure_key: no such file", StringComparison.Ordinal), run.ToString());
    }

    [Fact]
    public void Install_clean_installs_and_leaves_no_lists_behind()
    {
        Outcome run = Docker.MyInit("sh", "-c", "install_clean 'less' >/dev/null && less --version | head -n 1; ls -A /var/lib/apt/lists; install_clean no-such-package-at-all; echo $?; ls -A /var/lib/apt/lists");
        Assert.True(run.Status == 0, run.ToString());
        Assert.StartsWith("less ", run.Output, StringComparison.Ordinal);
        Assert.EndsWith("\n100\n", run.Output, StringComparison.Ordinal);
    }
}
