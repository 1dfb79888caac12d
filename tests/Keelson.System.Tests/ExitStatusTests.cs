using Keelson.SystemTests.Harness;

namespace Keelson.SystemTests;

/// <summary>The exit status is the main command's own, and the reason is there in words.</summary>
public sealed class ExitStatusTests
{
    [Theory, CombinatorialStatuses]
    public async Task The_exit_status_is_the_main_commands_own(Stdio stdio, string script, int status, string words)
    {
        await using Sandbox s = Sandbox.On(stdio);
        Assert.Equal(status, await s.Run("--", "sh", "-c", script));
        Assert.Contains("*** " + words, s.Log.Lines);
    }

    [Fact]
    public async Task Exit_statuses_on_a_terminal_are_right_20_of_20_times()
    {
        // The runtime's own SIGCHLD handling, had it been awakened by a terminal, would take the status away.
        for (int i = 0; i < 20; i++)
        {
            await using Sandbox s = Sandbox.On(Stdio.Terminal);
            Assert.Equal(40 + i, await s.Run("--skip-runit", "--", "sh", "-c", $"exit {40 + i}"));
        }
    }

    [Theory]
    [InlineData("/bin/typo", 127, "no such file")]
    [InlineData("typo-without-a-path", 127, "not found")]
    [InlineData("/root/not-executable", 126, "execut")]
    [InlineData("/root", 126, "directory")]
    [InlineData("/root/bad-interpreter", 126, "/no/such/interpreter")]
    [InlineData("/root/crlf", 126, "(CR|carriage return|line end)")]
    [InlineData("/root/other-processor", 126, "(format|processor)")]
    [NotEmulated(NotEmulatedAttribute.NoExecErrors)]
    public async Task A_main_command_that_cannot_run_is_named_with_the_reason(string command, int status, string reason)
    {
        await using Sandbox s = new Sandbox()
            .WithHooks()
            .Write("/root/not-executable", "#!/bin/sh\n")
            .Script("/root/bad-interpreter", "#!/no/such/interpreter -x\n")
            .Script("/root/crlf", "#!/bin/sh\r\nexit 0\r\n")
            .Write("/root/other-processor", ElfHeader(machine: 22), UnixFileMode.UserRead | UnixFileMode.UserExecute);
        Assert.Equal(status, await s.Run("--", command));
        Assert.Matches($@"(?im)^\*\*\* cannot run {command}.*{reason}", s.Err.Text);
        // All was up when it failed, so all is taken down as after any other command.
        Assert.Equal(["pre", "post"], s.ReadLines("/tmp/order"));
    }

    // 22 is the S/390: no machine that runs these tests.
    private static byte[] ElfHeader(byte machine)
    {
        var header = new byte[64];
        byte[] start = [0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1];
        start.CopyTo(header, 0);
        header[16] = 2; // an executable
        header[18] = machine;
        header[20] = 1;
        header[52] = 64;
        return header;
    }

    [Fact]
    [NotEmulated(NotEmulatedAttribute.NoExecErrors)]
    public async Task A_script_without_an_interpreter_line_is_run_by_the_shell()
    {
        await using Sandbox s = new Sandbox().Write("/root/plain", "echo \"$0 $1 $2\"\nexit 4\n", UnixFileMode.UserRead | UnixFileMode.UserExecute);
        Assert.Equal(4, await s.Run("--", "/root/plain", "a b", "c"));
        Assert.Equal("/root/plain a b c\n", s.Out.Text);
    }

    [Fact]
    public async Task The_main_command_is_looked_up_in_the_search_path_of_the_store()
    {
        await using Sandbox s = new Sandbox()
            .Startup("path", "echo \"/root/bin:$PATH\" >/etc/container_environment/PATH")
            .Script("/root/bin/hello", "echo hello; exit 6");
        Assert.Equal(6, await s.Run("--quiet", "--", "hello"));
        Assert.Equal("hello\n", s.Out.Text);
    }

    [Fact]
    public async Task Arguments_reach_the_main_command_byte_for_byte()
    {
        await using Sandbox s = new();
        // The word \351 is Latin-1, which .NET's arguments can't spell: a shell of ours makes it.
        s.Script("/root/launch", "#!/bin/bash\nexec /sbin/my_init --quiet --skip-runit -- /usr/bin/printf '%s|' '' 'a b' $'\\351\\n' '--' '-x' '*'\n");
        await s.StartCommand("/root/launch");
        Assert.Equal(0, await s.Exit());
        Assert.Equal("|a b|\u00e9\n|--|-x|*|", global::System.Text.Encoding.Latin1.GetString(s.Out.Bytes));
    }

    [Fact]
    [NotEmulated(NotEmulatedAttribute.NoSubreaper)]
    public async Task My_init_as_its_own_main_command_boots_once_with_a_warning()
    {
        await using Sandbox s = new Sandbox().Startup("once", "echo once >>/tmp/order");
        Assert.Equal(5, await s.Run("/sbin/my_init", "--", "sh", "-c", "exit 5"));
        Assert.Equal(["once"], s.ReadLines("/tmp/order"));
        Assert.Single(s.Said("my_init"), l => !l.Contains("Running", StringComparison.Ordinal));
    }

    [Fact]
    [NotEmulated(NotEmulatedAttribute.NoSubreaper)]
    public async Task My_init_alone_as_the_main_command_is_no_main_command()
    {
        await using Sandbox s = new();
        await s.Start("--", "/sbin/my_init");
        await s.WaitForLog("Runit started as PID 1");
        (int status, _) = await s.Stop();
        Assert.Equal(0, status);
    }

    [Fact]
    public async Task A_main_command_may_follow_without_two_dashes()
    {
        await using Sandbox s = new();
        Assert.Equal(1, await s.Run("false"));
    }

    [Fact]
    public async Task Without_services_nothing_is_booted()
    {
        await using Sandbox s = new Sandbox().Service("web", "echo web >>/tmp/order; exec sleep 10000");
        Assert.Equal(0, await s.Run("--skip-runit", "--", "true"));
        Assert.DoesNotContain("Runit started", s.Err.Text, StringComparison.Ordinal);
        Assert.False(s.Exists("/tmp/order"));
    }
}

/// <summary>Every way for a command to end, on a pipe and on a terminal.</summary>
internal sealed class CombinatorialStatusesAttribute : Xunit.v3.DataAttribute
{
    private static readonly (string Script, int Status, string Words)[] s_ends =
    [
        ("exit 0", 0, "sh exited with exit code 0."),
        ("exit 3", 3, "sh exited with exit code 3."),
        ("exit 255", 255, "sh exited with exit code 255."),
        ("kill -9 $$", 137, "sh was terminated by signal 9 (SIGKILL)."),
        ("kill -15 $$", 143, "sh was terminated by signal 15 (SIGTERM)."),
    ];

    public override ValueTask<IReadOnlyCollection<ITheoryDataRow>> GetData(global::System.Reflection.MethodInfo testMethod, Xunit.Sdk.DisposalTracker disposalTracker)
    {
        var rows = from stdio in new[] { Stdio.Pipe, Stdio.Terminal }
                   from end in s_ends
                   select (ITheoryDataRow)new TheoryDataRow(stdio, end.Script, end.Status, end.Words);
        return new(rows.ToArray());
    }

    public override bool SupportsDiscoveryEnumeration() => true;
}
