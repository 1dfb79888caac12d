using System.Text.RegularExpressions;

namespace Keelson.Image.Tests.Pages;

/// <summary>An option that a page writes behind a command is one that the command has, as its --help tells.</summary>
public sealed partial class OptionTests
{
    private static readonly string[] s_inImage = ["my_init", "setuser", "sv", "chpst", "svlogd", "runsv", "runsvdir", "workaround-docker-2267"];
    private static readonly string[] s_manual = ["docs/man", "docs/man/host"];
    private static readonly string[] s_onHost = ["docker-ssh", "docker-bash"];

    [Fact]
    public void Pages_write_no_option_that_help_does_not_know()
    {
        var known = new Dictionary<string, HashSet<string>>(StringComparer.Ordinal);
        Outcome help = Docker.Start("--entrypoint", "sh", Docker.Image, "-c", $"for c in {string.Join(' ', s_inImage)}; do echo \"=== $c\"; $c --help; done");
        help.Must();
        foreach (string part in help.Output.Split("=== ", StringSplitOptions.RemoveEmptyEntries))
            known[part.Split('\n')[0]] = Options(part);
        foreach (string tool in s_onHost)
            known[tool] = Options(Docker.Execute(Tool(tool), "", "--help").Output);
        var unknown = new List<string>();
        int options = 0;
        HashSet<string> OptionsOf(string command)
        {
            if (known.TryGetValue(command, out HashSet<string>? found))
                return found;
            string[] words = command.Split(' ');
            found = words[0] switch
            {
                // Subcommands are commands, and there is a keelson on the host and one in the image.
                "docker" => Options(Docker.Run([.. words[1..], "--help"]).Output),
                _ => [.. Options(Docker.Execute(Tool("keelson"), "", [.. words[1..], "--help"]).Output), .. Options(Docker.Start(["--entrypoint", "keelson", Docker.Image, .. words[1..], "--help"]).Output)],
            };
            return known[command] = found;
        }

        foreach (Page page in Page.Everything.Select(Page.Read))
        {
            foreach ((int line, string text) in Code(page))
            {
                foreach ((string? command, string option) in Uses(text))
                {
                    options++;
                    if (option is not ("--help" or "--version") && command is not null && !OptionsOf(command).Contains(option))
                        unknown.Add($"{page.Path}:{line}: {command} has no {option}: {text}");
                }
            }
        }
        Docker.Figure($"options in pages: {options}, all of them known to --help");
        Assert.True(unknown.Count == 0, string.Join('\n', unknown));
        Assert.True(options > 0, "no option was found");
    }

    [Theory]
    [InlineData("sv")]
    [InlineData("chpst")]
    [InlineData("svlogd")]
    [InlineData("runsvdir")]
    [InlineData("docker-ssh")]
    public void The_page_of_a_command_has_the_short_options_of_its_help(string name)
    {
        bool onHost = s_onHost.Contains(name);
        string help = onHost ? Docker.Execute(Tool(name), "", "--help").Output : Docker.Start("--entrypoint", name, Docker.Image, "--help").Output;
        SortedSet<char> inHelp = [.. ShortOptions().Matches(help).SelectMany(m => m.Groups[1].Value)];
        SortedSet<char> inPage = [.. DefinedOption().Matches(Render($"docs/man/{(onHost ? "host/" : "")}{name}.8")).SelectMany(l => ShortOptions().Matches(l.Value)).SelectMany(m => m.Groups[1].Value)];
        inHelp.ExceptWith("h");
        Assert.True(inHelp.Count > 0 && inHelp.SetEquals(inPage), $"{name}: --help has -{string.Concat(inHelp)}, its page has -{string.Concat(inPage)}\n{help}");
    }

    [Fact]
    public void Variables_that_help_and_pages_name_are_in_a_manual_page()
    {
        string all = string.Concat(Manual().Select(Render));
        string help = Docker.Start("--entrypoint", "my_init", Docker.Image, "--help").Output;
        string[] ofMyInit = [.. VariableOfHelp().Matches(help).Select(m => m.Groups[1].Value)];
        Assert.NotEmpty(ofMyInit);
        string page = Render("docs/man/my_init.8");
        Assert.DoesNotContain(ofMyInit, v => !page.Contains(v, StringComparison.Ordinal));
        IEnumerable<string> named = Page.Executed.SelectMany(p => Variable().Matches(File.ReadAllText(Path.Combine(Docker.Top, p))).Select(m => m.Value));
        Assert.DoesNotContain(named, v => Ours().IsMatch(v) && !all.Contains(v, StringComparison.Ordinal));
    }

    [Fact]
    public void Manual_pages_refer_to_pages_that_are_there()
    {
        HashSet<string> ours = [.. Manual().Select(p => Path.GetFileName(p))];
        // Those of other projects are in other places. A name of ours with another section is a slip.
        HashSet<string> names = [.. ours.Select(p => p[..^2])];
        Assert.Empty(
            from page in Manual()
            from Match reference in Reference().Matches(File.ReadAllText(Path.Combine(Docker.Top, page)))
            let name = $"{reference.Groups[1].Value}.{reference.Groups[2].Value}"
            where !ours.Contains(name) && (names.Contains(reference.Groups[1].Value) || name.StartsWith("keelson", StringComparison.Ordinal))
            select $"{page}: {name}");
    }

    private static IEnumerable<string> Manual() =>
        s_manual.SelectMany(d => Directory.EnumerateFiles(Path.Combine(Docker.Top, d)).Select(f => $"{d}/{Path.GetFileName(f)}"));

    // Overstruck letters are bold ones.
    private static string Render(string page) => Regex.Replace(Docker.Execute("mandoc", "", "-T", "ascii", Path.Combine(Docker.Top, page)).Output, ".\b", "");

    private static string Tool(string name) => Path.Combine(Docker.Top, "build", "host", name);

    private static HashSet<string> Options(string text) => new(LongOption().Matches(text).Select(m => m.Value), StringComparer.Ordinal);

    private static IEnumerable<(int Line, string Text)> Code(Page page) =>
    [
        .. page.Blocks.SelectMany(b => Continued().Replace(b.Text, " ").Split('\n').Select(l => (b.Line, l))),
        .. page.Prose.SelectMany((l, i) => InlineCode().Matches(l).Select(m => (i + 1, m.Groups[1].Value))),
    ];

    // Left to right: the command that an option belongs to is the last one before it. An image, or a lone --, ends the options
    // of what is in front of it; another program's are its own.
    private static IEnumerable<(string? Command, string Option)> Uses(string line)
    {
        string? command = null;
        string[] words = Word().Matches(line).Select(m => m.Value).ToArray();
        for (int i = 0; i < words.Length; i++)
        {
            string word = words[i].Split('/')[^1];
            if (word is "docker" or "keelson" && i + 1 < words.Length && Regex.IsMatch(words[i + 1], "^[a-z][a-z-]*$"))
                command = words[i + 1] is "service" or "stack" or "image" or "volume" or "network" or "system" or "swarm" or "compose" && i + 2 < words.Length ? $"{word} {words[i + 1]} {words[i + 2]}" : $"{word} {words[i + 1]}";
            else if (s_inImage.Contains(word) || s_onHost.Contains(word))
                command = word;
            else if (word is "--" or "|" or "&&" or ";" or "bash" or "ssh" or "curl" or "apt-get" or "install_clean" || words[i].Contains("keelson/baseimage", StringComparison.Ordinal) || words[i].StartsWith("my-", StringComparison.Ordinal) && command is "docker run" or "docker exec")
                command = word == "--" || command is null ? null : command.StartsWith("docker build", StringComparison.Ordinal) || command.StartsWith("keelson ", StringComparison.Ordinal) ? command : null;
            else if (LongOption().Match(words[i]) is { Success: true, Index: 0 } option)
                yield return (command, option.Value);
        }
    }

    [GeneratedRegex(@"(?<![\w-])--[a-z][a-z0-9-]+")]
    private static partial Regex LongOption();

    [GeneratedRegex(@"(?<![\w<-])-([A-Za-z0-9/]+)(?![\w-])")]
    private static partial Regex ShortOptions();

    [GeneratedRegex(@"^ +-[A-Za-z0-9/](?!\w).*$", RegexOptions.Multiline)]
    private static partial Regex DefinedOption();

    [GeneratedRegex(@"\b[A-Z][A-Z_]{3,}\b")]
    private static partial Regex Variable();

    [GeneratedRegex("^ +([A-Z][A-Z_]+)=", RegexOptions.Multiline)]
    private static partial Regex VariableOfHelp();

    [GeneratedRegex("^(KEELSON_|KILL_|DISABLE_|ENV_INIT)")]
    private static partial Regex Ours();

    [GeneratedRegex(@"^\.Xr (\S+) (\d)", RegexOptions.Multiline)]
    private static partial Regex Reference();

    [GeneratedRegex(@"[^\s""'`()\[\]]+")]
    private static partial Regex Word();

    [GeneratedRegex("`([^`]*)`")]
    private static partial Regex InlineCode();

    [GeneratedRegex(@" *\\\n\s*")]
    private static partial Regex Continued();
}
