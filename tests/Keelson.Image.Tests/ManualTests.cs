using System.Text.RegularExpressions;

namespace Keelson.Image.Tests;

/// <summary>Every command has a manual page; the page and --help know the same options.</summary>
public sealed partial class ManualTests
{
    [Theory]
    [InlineData("my_init")]
    [InlineData("setuser")]
    [InlineData("sv")]
    [InlineData("chpst")]
    [InlineData("svlogd")]
    [InlineData("runsv")]
    [InlineData("runsvdir")]
    [InlineData("workaround-docker-2267")]
    public void The_page_of_a_command_in_the_image_has_the_options_of_its_help(string name)
    {
        Outcome help = Docker.Start("--entrypoint", name, Docker.Image, "--help");
        help.Must();
        Compare(name, Options(help.Output), Options(Render($"docs/man/{name}.8")));
    }

    [Theory]
    [InlineData("blame")]
    [InlineData("events")]
    [InlineData("health")]
    [InlineData("lint")]
    [InlineData("map-user")]
    [InlineData("notify")]
    [InlineData("plot")]
    [InlineData("probe")]
    [InlineData("status")]
    public void The_page_of_a_command_of_keelson_has_the_options_of_its_help(string name)
    {
        Outcome help = Docker.Start("--entrypoint", "keelson", Docker.Image, name, "--help");
        help.Must();
        // Examples have options of other programs.
        string page = Regex.Replace(Render($"docs/man/keelson-{name}.8"), @"^EXAMPLES\n(?:[ ].*\n|\n)*", "", RegexOptions.Multiline);
        Compare(name, Options(help.Output), Options(page));
    }

    [Theory]
    [InlineData("docker-ssh")]
    [InlineData("docker-bash")]
    [InlineData("keelson")]
    public void The_page_of_a_host_tool_has_the_options_of_its_help(string name)
    {
        string tool = Path.Combine(Docker.Top, "build", "host", name);
        string[] subcommands = name == "keelson" ? ["build", "run", "ps", "logs", "doctor", "demo", "completion"] : [];
        string help = Docker.Execute(tool, "", "--help").Output + string.Concat(subcommands.Select(s => Docker.Execute(tool, "", s, "--help").Output));
        string page = Render($"docs/man/host/{name}.8");
        Compare(name, Options(help), Options(page));
        foreach (string subcommand in subcommands)
            Assert.True(Regex.IsMatch(page, $@"^\s+{subcommand}\b", RegexOptions.Multiline), $"{subcommand} is not in the page");
    }

    [Fact]
    public void Each_command_of_ours_in_the_image_has_its_page_there()
    {
        Outcome commands = Docker.Start("--entrypoint", "sh", Docker.Image, "-c",
            "for f in $(find /usr/bin /usr/sbin -lname '*keelson/keelson'); do basename $f; done; echo install_clean; echo enable_insecure_key; ls /usr/share/man/man8 /usr/share/man/man5 | sed 's/^/page /'");
        commands.Must();
        string[] lines = commands.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        foreach (string name in lines.Where(l => !l.StartsWith("page ", StringComparison.Ordinal) && l != "keelson"))
            commands.Must(lines.Contains($"page {name}.8"));
        foreach (string format in new[] { "service.conf", "container_environment" })
            commands.Must(lines.Contains($"page {format}.5"));
    }

    private static string Render(string page) =>
        // Overstruck letters are bold ones.
        Regex.Replace(Docker.Execute("mandoc", "", "-T", "utf8", Path.Combine(Docker.Top, page)).Output, ".\b", "").Replace("\u00e2\u0080\u0090", "-", StringComparison.Ordinal);

    // Long options, and short ones where --help has no long one.
    private static SortedSet<string> Options(string text) => new(LongOption().Matches(text).Select(m => m.Value), StringComparer.Ordinal);

    private static void Compare(string name, SortedSet<string> help, SortedSet<string> page)
    {
        // System.CommandLine offers these of each.
        page.UnionWith(help.Intersect(["--help", "--version"]));
        help.UnionWith(page.Intersect(["--help", "--version"]));
        Assert.True(help.SetEquals(page), $"{name}: --help has {string.Join(' ', help.Except(page))} and its page has not; the page has {string.Join(' ', page.Except(help))} and --help has not");
    }

    [GeneratedRegex(@"(?<![\w-])--[a-z][a-z-]+")]
    private static partial Regex LongOption();
}
