using System.Text.RegularExpressions;

namespace Keelson.Image.Tests.Pages;

/// <summary>What pages point to is there, and the two READMEs are one text in two languages.</summary>
public sealed partial class LinkTests
{
    [Fact]
    public void No_link_is_dead()
    {
        Dictionary<string, Page> pages = Page.Everything.ToDictionary(p => p, Page.Read, StringComparer.Ordinal);
        var dead = new List<string>();
        int links = 0;
        foreach (Page page in pages.Values)
        {
            foreach ((int line, string target) in Links(page))
            {
                links++;
                if (Complaint(pages, page, target) is { } complaint)
                    dead.Add($"{page.Path}:{line}: {target}: {complaint}");
            }
        }
        Docker.Figure($"links in {pages.Count} pages: {links}, none dead");
        Assert.True(dead.Count == 0, string.Join('\n', dead));
        Assert.True(links > pages.Count, $"only {links} links were found");
    }

    [Fact]
    public void Every_page_of_the_documentation_is_in_its_table_of_contents()
    {
        string[] listed = [.. Links(Page.Read("docs/README.md")).Select(l => l.Target.Split('#')[0])];
        Assert.Empty(Page.Executed.Where(p => p.StartsWith("docs/", StringComparison.Ordinal) && p != "docs/README.md").Select(p => p[5..]).Except(listed));
    }

    [Fact]
    public void Both_READMEs_have_the_same_sections_links_and_code()
    {
        Page english = Page.Read("README.md");
        Page chinese = Page.Read("README.zh-CN.md");
        Assert.Equal(english.Blocks.Select(Code), chinese.Blocks.Select(Code));
        Assert.Equal(Levels(english), Levels(chinese));
        Assert.Equal(Names(english), Names(chinese));
        static IEnumerable<string> Targets(Page page) => Links(page).Select(l => l.Target).Where(t => !t.StartsWith("README", StringComparison.Ordinal)).Order(StringComparer.Ordinal);
        Assert.Equal(Targets(english), Targets(chinese));
        // It is a text in Chinese, not the English one with another name.
        Assert.True(chinese.Prose.Count(l => Han().IsMatch(l)) > english.Blocks.Count);
    }

    /// <summary>Links from elsewhere to sections of the original's manual lead to the same section of ours.</summary>
    [Theory]
    [InlineData("README.md")]
    [InlineData("README.zh-CN.md")]
    public void The_sections_have_the_anchors_of_the_originals_manual(string path)
    {
        string[] names = [
            "why_use", "whats_inside", "whats_inside_overview", "docker_single_process", "fat_containers", "inspecting", "using", "getting_started",
            "adding_additional_daemons", "running_startup_scripts", "environment_variables", "envvar_central_definition", "envvar_dumps",
            "modifying_envvars", "envvar_security", "logging", "upgrading_os", "container_administration", "oneshot", "run_inside_existing_container",
            "login_docker_exec", "docker_exec", "login_ssh", "enabling_ssh", "ssh_keys", "using_the_insecure_key_for_one_container_only",
            "enabling_the_insecure_key_permanently", "using_your_own_key", "docker_ssh", "building", "removing_optional_services", "conclusion"];
        Page page = Page.Read(path);
        Assert.Empty(names.Except(Names(page)));
        // And the table of contents leads to each.
        Assert.Empty(names.Except(Links(page).Select(l => l.Target.TrimStart('#')).Append("why_use")));
    }

    private static string? Complaint(Dictionary<string, Page> pages, Page page, string target)
    {
        if (target.StartsWith("http", StringComparison.Ordinal))
            return Uri.TryCreate(target, UriKind.Absolute, out Uri? uri) && uri.Scheme is "http" or "https" && uri.Host.Contains('.', StringComparison.Ordinal) ? null : "no address";
        string[] halves = target.Split('#', 2);
        string path = halves[0] == "" ? page.Path : Path.GetRelativePath(Docker.Top, Path.GetFullPath(Path.Combine(Docker.Top, Path.GetDirectoryName(page.Path)!, halves[0])));
        if (path.StartsWith("..", StringComparison.Ordinal) || !Path.Exists(Path.Combine(Docker.Top, path)))
            return "no such file";
        if (halves.Length == 1)
            return null;
        Page other = pages.GetValueOrDefault(path) ?? Page.Read(path);
        return Anchors(other).Contains(halves[1]) ? null : "no such section";
    }

    private static IEnumerable<(int Line, string Target)> Links(Page page) =>
        page.Prose.Select((text, i) => (i, text: InlineCode().Replace(text, "``")))
            .SelectMany(l => Link().Matches(l.text).Select(m => (l.i + 1, m.Groups[1].Value)));

    private static IEnumerable<string> Names(Page page) => page.Prose.SelectMany(l => Name().Matches(l).Select(m => m.Groups[1].Value));

    private static IEnumerable<int> Levels(Page page) => page.Prose.Select(l => Heading().Match(l)).Where(m => m.Success).Select(m => m.Groups[1].Length);

    // As GitHub makes them: small letters, without punctuation, a hyphen for each blank.
    private static HashSet<string> Anchors(Page page)
    {
        var anchors = new HashSet<string>(Names(page), StringComparer.Ordinal);
        foreach (Match heading in page.Prose.Select(l => Heading().Match(l)).Where(m => m.Success))
        {
            string words = Link().Replace(heading.Groups[2].Value, m => m.Value.Split(']')[0]).ToLowerInvariant();
            anchors.Add(new string([.. words.Where(c => char.IsLetterOrDigit(c) || c is ' ' or '-' or '_')]).Replace(' ', '-'));
        }
        return anchors;
    }

    // Comments may be in another language.
    private static string Code(Block block) => $"{block.Kind} {string.Join(", ", block.Markers)}\n{CodeComment().Replace(block.Text, "")}";

    [GeneratedRegex(@"\]\(([^()\s]*(?:\([^()\s]*\)[^()\s]*)*)(?: ""[^""]*"")?\)")]
    private static partial Regex Link();

    [GeneratedRegex("`[^`]*`")]
    private static partial Regex InlineCode();

    [GeneratedRegex("""<a name="([^"]*)"></a>""")]
    private static partial Regex Name();

    [GeneratedRegex(@"^(#+) (.*)$")]
    private static partial Regex Heading();

    [GeneratedRegex(@"[ \t]*(?<=^|\s)#(?!!).*$\n?", RegexOptions.Multiline)]
    private static partial Regex CodeComment();

    [GeneratedRegex(@"\p{IsCJKUnifiedIdeographs}")]
    private static partial Regex Han();
}
