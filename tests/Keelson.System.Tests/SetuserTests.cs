using System.Globalization;
using Keelson.SystemTests.Harness;

namespace Keelson.SystemTests;

public sealed class SetuserTests
{
    private const string Show = "echo \"$(id -u) $(id -g) $(id -G | tr ' ' '\\n' | sort -n | tr '\\n' ' ')$HOME $USER $UID\"";

    [Theory]
    [InlineData("app")]
    [InlineData("1000")]
    public async Task The_command_runs_as_the_user_with_its_groups_and_variables(string user)
    {
        await using Sandbox s = new Sandbox().Env("HOME", "/from/engine").Env("FOO", "kept");
        await s.StartCommand("/sbin/setuser", user, "sh", "-c", Show + "; echo $FOO; exit 3");
        Assert.Equal(3, await s.Exit());
        Assert.Equal("1000 1001 1001 2000 2001 /home/app app 1000\nkept\n", s.Out.Text);
    }

    [Fact]
    public async Task It_works_in_a_service_of_my_init()
    {
        await using Sandbox s = new Sandbox().Service("web", "exec setuser app sh -c '" + Show.Replace("'", "'\\''", StringComparison.Ordinal) + " >/tmp/web.new; mv /tmp/web.new /tmp/web; exec sleep 54321'");
        await s.Start();
        await s.WaitForFile("/tmp/web");
        Assert.Equal("1000 1001 1001 2000 2001 /home/app app 1000\n", s.Read("/tmp/web"));
        ProcessEntry web = await s.WaitForProcess("sleep 54321");
        Assert.Equal(s.HostPid, web.Parent); // it execs: no process stays in between
    }

    [Fact]
    public async Task The_command_gets_its_arguments_and_clean_signals()
    {
        await using Sandbox s = new();
        await s.StartCommand("/sbin/setuser", "app", "grep", "-E", "^Sig(Ign|Blk):", "/proc/self/status");
        Assert.Equal(0, await s.Exit());
        // 32 and 33 are libc's own: whoever started the tests by posix_spawn (make does) may have left them ignored, and
        // no program can change that.
        const ulong libcsOwn = 3UL << 31;
        foreach (string line in s.Out.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
            Assert.Equal(0UL, ulong.Parse(line[(line.IndexOf('\t', StringComparison.Ordinal) + 1)..], NumberStyles.HexNumber, CultureInfo.InvariantCulture) & ~libcsOwn);
        Assert.Equal(2, s.Out.Lines.Count(l => l.Length > 0));
    }

    [Theory]
    [InlineData("nosuchuser")]
    [InlineData("")]
    public async Task An_unknown_user_is_named_and_ends_it_with_1(string user)
    {
        await using Sandbox s = new();
        await s.StartCommand("/sbin/setuser", user, "touch", "/tmp/ran");
        Assert.Equal(1, await s.Exit());
        Assert.Contains(user, s.Err.Text, StringComparison.Ordinal);
        Assert.NotEmpty(s.Err.Lines);
        Assert.Empty(s.Out.Bytes);
        Assert.False(s.Exists("/tmp/ran"));
    }

    [Theory]
    [InlineData("/bin/typo", 127, "no such file")]
    [InlineData("typo-without-a-path", 127, "not found")]
    [InlineData("/opt/not-executable", 126, "execut")]
    [InlineData("/opt", 126, "directory")]
    [InlineData("/opt/bad-interpreter", 126, "/no/such/interpreter")]
    public async Task A_command_that_cannot_run_is_named_with_the_reason(string command, int status, string reason)
    {
        await using Sandbox s = new Sandbox().Write("/opt/not-executable", "#!/bin/sh\n").Script("/opt/bad-interpreter", "#!/no/such/interpreter\n");
        await s.StartCommand("/sbin/setuser", "app", command);
        Assert.Equal(status, await s.Exit());
        Assert.Matches($"(?i){command}.*{reason}", s.Err.Text);
    }

    [Fact]
    public async Task Without_a_command_it_says_how_it_is_used()
    {
        await using Sandbox s = new();
        await s.StartCommand("/sbin/setuser", "app");
        Assert.NotEqual(0, await s.Exit());
        Assert.Contains("setuser", s.Err.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_plain_user_cannot_become_another_one()
    {
        await using Sandbox s = new Sandbox().AsUser("12345");
        await s.StartCommand("/sbin/setuser", "app", "touch", "/tmp/ran");
        Assert.NotEqual(0, await s.Exit());
        Assert.NotEmpty(s.Err.Lines);
        Assert.False(s.Exists("/tmp/ran"));
    }
}
