using Keelson.SystemTests.Harness;

namespace Keelson.SystemTests;

public sealed class UsageTests
{
    [Theory]
    [InlineData("--bogus")]
    [InlineData("-x")]
    public async Task An_unknown_option_is_a_usage_error_and_boots_nothing(string option)
    {
        await using Sandbox s = new Sandbox().Startup("never", "echo never >/tmp/order");
        Assert.Equal(2, await s.Run(option, "--", "true"));
        Assert.Contains(option, s.Err.Text, StringComparison.Ordinal);
        Assert.Contains("--help", s.Err.Text, StringComparison.Ordinal);
        Assert.Empty(s.Out.Bytes);
        Assert.False(s.Exists("/tmp/order"));
    }

    [Fact]
    public async Task Help_names_every_option_on_standard_output()
    {
        await using Sandbox s = new();
        Assert.Equal(0, await s.Run("--help"));
        foreach (string option in new[] { "--enable-insecure-key", "--skip-startup-files", "--skip-runit", "--no-kill-all-on-exit", "--quiet", "--help", "--version" })
            Assert.Contains(option, s.Out.Text, StringComparison.Ordinal);
        Assert.Empty(s.Err.Bytes);
    }

    [Fact]
    public async Task Version_is_one_line_on_standard_output()
    {
        await using Sandbox s = new();
        Assert.Equal(0, await s.Run("--version"));
        Assert.Matches(@"^\S.*\d+\.\d+\.\d+\n$", s.Out.Text);
        Assert.Empty(s.Err.Bytes);
    }

    [Fact]
    public async Task What_follows_two_dashes_is_the_command_whatever_it_looks_like()
    {
        await using Sandbox s = new();
        Assert.Equal(127, await s.Run("--", "--help"));
        Assert.Empty(s.Out.Bytes);
    }

    [Theory]
    [InlineData(Stdio.Pipe)]
    [InlineData(Stdio.Terminal)]
    public async Task Quiet_writes_not_one_byte_of_its_own(Stdio stdio)
    {
        await using Sandbox s = Sandbox.On(stdio)
            .Startup("first", "true")
            .Service("web", "exec sleep 10000")
            .WithHooks();
        Assert.Equal(3, await s.Run("--quiet", "--", "sh", "-c", "printf out; exit 3"));
        Assert.Equal("out", stdio == Stdio.Pipe ? s.Out.Text : s.Log.Text);
        if (stdio == Stdio.Pipe)
            Assert.Empty(s.Err.Bytes);
    }

    [Fact]
    public async Task Quiet_still_says_what_went_wrong()
    {
        await using Sandbox s = new Sandbox().Startup("bad", "exit 3");
        Assert.Equal(1, await s.Run("--quiet", "--", "true"));
        Assert.Contains("*** /etc/my_init.d/bad failed with status 3", s.Err.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Standard_output_belongs_to_the_command_alone()
    {
        await using Sandbox s = new Sandbox().Startup("first", "true").Service("web", "exec sleep 10000").WithHooks();
        Assert.Equal(0, await s.Run("--", "printf", "out"));
        Assert.Equal("out", s.Out.Text);
    }

    [Fact]
    public async Task The_applet_can_be_named_as_an_argument()
    {
        await using Sandbox s = new();
        await s.StartCommand("/opt/keelson/keelson", "my_init", "--quiet", "--skip-runit", "--", "sh", "-c", "exit 9");
        Assert.Equal(9, await s.Exit());
    }
}
