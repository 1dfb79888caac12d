using Keelson.Init.Boot;
using Keelson.Linux;

namespace Keelson.Init.Tests;

public sealed class OptionsTests
{
    private static Options Parse(params string[] arguments) =>
        Options.Parse([ByteString.Of("my_init"), .. arguments.Select(ByteString.Of)], 1, c => c.ToString() == "/sbin/my_init");

    private static string Command(Options options) => string.Join('|', options.MainCommand);

    [Fact]
    public void Every_option_of_the_original_is_known()
    {
        Options o = Parse("--enable-insecure-key", "--skip-startup-files", "--skip-runit", "--no-kill-all-on-exit", "--quiet", "--", "ls", "-l");
        Assert.Null(o.Error);
        Assert.True(o is { EnableInsecureKey: true, SkipStartupFiles: true, SkipRunit: true, KillAllOnExit: false, Quiet: true });
        Assert.Equal("ls|-l", Command(o));
    }

    [Theory]
    [InlineData("ls --help", "ls|--help")]
    [InlineData("-- --help", "--help")]
    [InlineData("--", "")]
    [InlineData("", "")]
    [InlineData("- x", "-|x")]
    [InlineData("--quiet ls -- x", "ls|--|x")]
    public void The_main_command_begins_with_the_first_word_that_is_no_option(string line, string command)
    {
        Options o = Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.Null(o.Error);
        Assert.False(o.ShowHelp);
        Assert.Equal(command, Command(o));
    }

    [Theory]
    [InlineData("--bogus")]
    [InlineData("-x ls")]
    [InlineData("--quiet=1")]
    public void An_unknown_option_is_an_error_that_names_it(string line) => Assert.Contains(line.Split(' ')[0], Parse(line.Split(' ')).Error);

    [Theory]
    [InlineData("/sbin/my_init", "", false)]
    [InlineData("-- /sbin/my_init", "", false)]
    [InlineData("/sbin/my_init --quiet -- ls -l", "ls|-l", true)]
    [InlineData("--quiet -- /sbin/my_init -- /sbin/my_init ls", "ls", true)]
    public void My_init_as_its_own_main_command_is_seen_through(string line, string command, bool quiet)
    {
        Options o = Parse(line.Split(' '));
        Assert.True(o.WasNested);
        Assert.Equal(command, Command(o));
        Assert.Equal(quiet, o.Quiet);
    }
}
