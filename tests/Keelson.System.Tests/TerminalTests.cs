using Keelson.SystemTests.Harness;

namespace Keelson.SystemTests;

public sealed class TerminalTests
{
    [Theory]
    [InlineData("-l")]
    [InlineData("-i")]
    public async Task An_interactive_shell_has_job_control(string option)
    {
        await using Sandbox s = new Sandbox()
            .WithTerminal()
            .Env("PS1", "ready> ")
            .Service("web", "exec sleep 98765")
            .PostShutdown("wait", "until [ -e /tmp/go ]; do sleep 0.05; done");
        Pty terminal = s.Terminal!;
        string modes = terminal.Modes;
        await s.Start("--", "bash", option);
        await s.WaitForLog("ready> ");
        terminal.Type("sleep 4321\r");
        ProcessEntry sleep = await s.WaitForProcess("sleep 4321");
        await s.Until(() => terminal.ForegroundGroup == sleep.HostPid, "the command of the shell is in the foreground");
        terminal.Type("\x03");
        await s.Until(() => s.Find("sleep 4321") is null, "Ctrl-C ends it");
        terminal.Type("echo status=$?\r");
        await s.WaitForLog("status=130");
        terminal.Type("sleep 6543\r");
        sleep = await s.WaitForProcess("sleep 6543");
        await s.Until(() => terminal.ForegroundGroup == sleep.HostPid, "the next command is in the foreground");
        terminal.Type("\x1a");
        await s.WaitForLog("Stopped");
        terminal.Type("bg\r");
        await s.Until(() => s.Find("sleep 6543")?.State == 'S', "it goes on in the background");
        terminal.Type("kill -9 %1; wait; exit 5\r");
        // All is over but the last hook: now the terminal must be ours again, as it was before.
        await s.Until(() => terminal.ForegroundGroup == s.HostPid, "PID 1 is in the foreground again");
        await s.Until(() => terminal.Modes == modes, "the modes are as they were");
        s.Write("/tmp/go", "");
        Assert.Equal(5, await s.Exit());
        Assert.DoesNotContain("terminal process group", s.Log.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("no job control", s.Log.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_main_command_is_the_foreground_process_group()
    {
        await using Sandbox s = new Sandbox().WithTerminal();
        await s.Start("--", "sleep", "12345");
        ProcessEntry main = await s.WaitForProcess("sleep 12345");
        Assert.Equal(main.HostPid, main.Group);
        await s.Until(() => s.Terminal!.ForegroundGroup == main.HostPid, "main is in the foreground");
        Assert.Equal(143, (await s.Stop()).Status);
    }

    [Fact]
    public async Task Ctrl_C_reaches_the_main_command_and_nobody_else()
    {
        await using Sandbox s = new Sandbox()
            .WithTerminal()
            .Service("web", "trap 'echo got-int >>/tmp/web' INT; touch /tmp/up; while :; do sleep 0.05; done");
        await s.Start("--", "sh", "-c", "trap 'echo int-in-main; exit 7' INT; echo main-is-ready; while :; do sleep 0.05; done");
        await s.WaitForFile("/tmp/up");
        await s.WaitForLog("\nmain-is-ready");
        s.Terminal!.Type("\x03");
        Assert.Equal(7, await s.Exit());
        Assert.Contains("int-in-main", s.Log.Text, StringComparison.Ordinal);
        Assert.False(s.Exists("/tmp/web"));
    }

    [Fact]
    public async Task Ctrl_C_kills_a_plain_main_command_and_the_status_says_so()
    {
        await using Sandbox s = new Sandbox().WithTerminal();
        await s.Start("--", "sleep", "12345");
        ProcessEntry main = await s.WaitForProcess("sleep 12345");
        await s.Until(() => s.Terminal!.ForegroundGroup == main.HostPid, "main is in the foreground");
        s.Terminal!.Type("\x03");
        Assert.Equal(130, await s.Exit());
        Assert.Contains("*** sleep was terminated by signal 2 (SIGINT).", s.Log.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ctrl_C_stops_a_container_without_a_main_command()
    {
        await using Sandbox s = new Sandbox().WithTerminal().WithHooks().Service("web", "touch /tmp/up; exec sleep 10000");
        await s.Start();
        await s.WaitForFile("/tmp/up");
        s.Terminal!.Type("\x03");
        Assert.Equal(0, await s.Exit());
        Assert.Equal(["pre", "post"], s.ReadLines("/tmp/order"));
    }

    [Fact]
    public async Task A_new_window_size_reaches_the_main_command()
    {
        await using Sandbox s = new Sandbox().WithTerminal();
        await s.Start("--", "sh", "-c", "trap 'stty size' WINCH; stty size; echo main-is-ready; while :; do sleep 0.05; done");
        await s.WaitForLog("24 80");
        await s.WaitForLog("\nmain-is-ready");
        s.Terminal!.Resize(40, 100);
        await s.WaitForLog("40 100");
    }

    [Fact]
    public async Task The_terminal_is_restored_after_a_command_that_left_it_raw()
    {
        await using Sandbox s = new Sandbox().WithTerminal().PostShutdown("wait", "until [ -e /tmp/go ]; do sleep 0.05; done");
        string modes = s.Terminal!.Modes;
        await s.Start("--", "sh", "-c", "stty raw -echo; touch /tmp/raw; kill -9 $$");
        await s.WaitForFile("/tmp/raw");
        await s.Until(() => s.Terminal.Modes == modes, "the modes are as they were");
        await s.Until(() => s.Terminal.ForegroundGroup == s.HostPid, "PID 1 is in the foreground again");
        s.Write("/tmp/go", "");
        Assert.Equal(137, await s.Exit());
    }

    [Fact]
    public async Task A_terminal_that_goes_away_ends_the_main_command_and_the_hooks_still_run()
    {
        await using Sandbox s = new Sandbox().WithTerminal().WithHooks().Service("web", "touch /tmp/up; exec sleep 98765");
        await s.Start("--", "sleep", "12345");
        ProcessEntry main = await s.WaitForProcess("sleep 12345");
        await s.Until(() => s.Terminal!.ForegroundGroup == main.HostPid, "main is in the foreground");
        await s.WaitForFile("/tmp/up");
        s.Terminal!.HangUp();
        Assert.Equal(129, await s.Exit());
        Assert.Equal(["pre", "post"], s.ReadLines("/tmp/order"));
    }

    [Fact]
    public async Task The_main_command_can_read_what_is_typed()
    {
        await using Sandbox s = new Sandbox().WithTerminal();
        await s.Start("--", "sh", "-c", "echo main-is-ready; read line; echo \"read:$line\"");
        await s.WaitForLog("\nmain-is-ready");
        s.Terminal!.Type("hello\r");
        await s.WaitForLog("read:hello");
        Assert.Equal(0, await s.Exit());
    }

    [Fact]
    public async Task Without_services_a_shell_has_job_control_as_well()
    {
        await using Sandbox s = new Sandbox().WithTerminal().Env("PS1", "ready> ");
        await s.Start("--quiet", "--skip-startup-files", "--skip-runit", "--", "bash", "--norc", "-i");
        await s.WaitForLog("ready> ");
        Assert.StartsWith("ready> ", s.Log.Text.Replace("\x1b[?2004h", "", StringComparison.Ordinal), StringComparison.Ordinal);
        s.Terminal!.Type("exit 4\r");
        Assert.Equal(4, await s.Exit());
    }

    [Fact]
    public async Task A_main_command_in_a_session_that_is_not_ours_still_runs()
    {
        // As `unshare` starts it without setsid: the process group of PID 1 is outside its namespace.
        await using Sandbox s = new Sandbox().WithoutOwnSession();
        Assert.Equal(3, await s.Run("--", "sh", "-c", "exit 3"));
    }
}
