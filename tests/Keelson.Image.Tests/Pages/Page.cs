// A page of the documentation, taken apart. Markers are HTML comments in front of a block, which no reader sees:
//
//   <!-- file: memcached.sh -->   write the block to this file instead of running it
//   <!-- not run: REASON -->      only where a machine of ours can't: it counts, and the reason is printed
//   <!-- shows: TEXT -->          the output has this text in it; once for each text
//   <!-- exit status: 3 -->       how the block ends; 0 otherwise
//   <!-- eventually -->           tried again until it succeeds and shows what it should
//   <!-- typed: echo $NAME -->    what somebody types into the terminal that the block asks for, before exit
using System.Text.RegularExpressions;

namespace Keelson.Image.Tests.Pages;

/// <summary>A fenced block with its markers.</summary>
/// <param name="Page">Below the checkout.</param>
/// <param name="Line">Of the opening fence, from 1.</param>
/// <param name="Kind">The first word behind the fence, in small letters.</param>
/// <param name="Text">Its lines, each with its end.</param>
public sealed record Block(string Page, int Line, string Kind, string Text, (string Name, string Value)[] Markers)
{
    public string? this[string marker] => Markers.FirstOrDefault(m => m.Name == marker).Value;

    public IEnumerable<string> All(string marker) => Markers.Where(m => m.Name == marker).Select(m => m.Value);

    public bool Runs => this["not run"] is null;

    public override string ToString() => $"{Page}:{Line}: ```{Kind}\n{Text}```";
}

/// <summary>The text of a page without its code, and its blocks of code.</summary>
public sealed partial class Page
{
    private static readonly string[] s_markers = ["file", "not run", "shows", "exit status", "eventually", "typed"];

    private Page(string path) => Path = path;

    /// <summary>Below the checkout, with slashes.</summary>
    public string Path { get; }

    public List<Block> Blocks { get; } = [];

    /// <summary>Its lines, where those of blocks and comments are empty: the numbers stay.</summary>
    public List<string> Prose { get; } = [];

    /// <summary>What is wrong with the page as such.</summary>
    public List<string> Errors { get; } = [];

    /// <summary>All pages with blocks that are run: README.md, docs and the examples.</summary>
    public static IEnumerable<string> Executed => [
        "README.md",
        .. Directory.EnumerateFiles(System.IO.Path.Combine(Docker.Top, "docs"), "*.md").Select(Below).Order(StringComparer.Ordinal),
        .. Directory.EnumerateFiles(System.IO.Path.Combine(Docker.Top, "examples"), "README.md", SearchOption.AllDirectories).Select(Below).Order(StringComparer.Ordinal),
    ];

    /// <summary>All pages that people read.</summary>
    public static IEnumerable<string> Everything => ["README.zh-CN.md", "HACKING.md", "CHANGELOG.md", "bench/README.md", "bench/results/peers.md", .. Executed];

    private static string Below(string path) => System.IO.Path.GetRelativePath(Docker.Top, path);

    public static Page Read(string path) => Of(path, File.ReadAllText(System.IO.Path.Combine(Docker.Top, path)));

    public static Page Of(string path, string text)
    {
        var page = new Page(path);
        page.Split(text.Split('\n'));
        return page;
    }

    // HACKING.md and the like show commands that change the checkout.
    private bool IsStrict => Path is not ("HACKING.md" or "CHANGELOG.md" or "bench/README.md");

    private void Split(string[] lines)
    {
        var markers = new List<(string, string)>();
        for (int i = 0; i < lines.Length; i++)
        {
            string line = lines[i];
            if (line.StartsWith("```", StringComparison.Ordinal))
            {
                int end = Array.FindIndex(lines, i + 1, l => l == "```");
                if (end < 0)
                {
                    Errors.Add($"{Path}:{i + 1}: the block has no end");
                    return;
                }
                string kind = line[3..].Split(' ')[0];
                if (kind == "" || kind.Any(char.IsUpper))
                    Errors.Add($"{Path}:{i + 1}: the fence says \"{kind}\" instead of what the block is, in small letters");
                Blocks.Add(new Block(Path, i + 1, kind, string.Concat(lines[(i + 1)..end].Select(l => l + "\n")), [.. markers]));
                Prose.AddRange(Enumerable.Repeat("", end - i + 1));
                markers.Clear();
                i = end;
            }
            else if (Comment().Match(line) is { Success: true } comment)
            {
                string[] words = comment.Groups[1].Value.Split(": ", 2);
                if (!s_markers.Contains(words[0]))
                    Errors.Add($"{Path}:{i + 1}: there is no marker \"{words[0]}\"");
                markers.Add((words[0], words.Length > 1 ? words[1] : ""));
                Prose.Add("");
            }
            else
            {
                if (line.TrimStart().StartsWith("```", StringComparison.Ordinal) || IsStrict && line.StartsWith("    ", StringComparison.Ordinal) && (i == 0 || lines[i - 1] == ""))
                    Errors.Add($"{Path}:{i + 1}: an indented block, which nothing runs; fence it, at the beginning of the line");
                if (line != "" && markers.Count > 0)
                {
                    Errors.Add($"{Path}:{i + 1}: a marker stands in front of no block");
                    markers.Clear();
                }
                Prose.Add(line);
            }
        }
    }

    [GeneratedRegex("^<!-- (.*) -->$")]
    private static partial Regex Comment();
}
