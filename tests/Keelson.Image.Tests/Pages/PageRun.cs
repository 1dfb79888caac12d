// Runs the blocks of one page, in order, in one directory that is empty at first:
//
//   sh           on the host, by bash -eu, as one script
//   console      each line behind "$ " is a command, and the lines below it are its output ("..." stands for anything)
//   dockerfile   becomes ./Dockerfile; without a FROM it is added to the Dockerfile of the blocks before
//   others       are contents of files, and say which
//
// A page below examples/ has that directory in its own, and the build argument IMAGE is the image under test.
//
// KEELSON is the checkout. The image is the one under test. Names that begin with my- are the reader's own: each run has others, and removes what
// has them. So it is with published ports.
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;

namespace Keelson.Image.Tests.Pages;

public sealed partial class PageRun : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);
    private static readonly string s_tools = Path.Combine(Docker.Top, "build", "host");
    private static int s_runs;

    private readonly string _suffix = $"{Environment.ProcessId}x{Interlocked.Increment(ref s_runs)}";
    private readonly string _directory = Directory.CreateTempSubdirectory("keelson-page-").FullName;
    private readonly string _home = Directory.CreateTempSubdirectory("keelson-home-").FullName;
    private readonly SortedSet<string> _names = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, string> _ports = new(StringComparer.Ordinal);
    private readonly StringBuilder _evidence = new();
    private bool _toBuild;

    /// <summary>Runs all blocks, and fails with what was done so far when one does not do what it says.</summary>
    public void All(Page page)
    {
        if (IsExample(page.Path))
            Directory.CreateSymbolicLink(Path.Combine(_directory, "examples"), Path.Combine(Docker.Top, "examples"));
        foreach (Block block in page.Blocks.Where(b => b.Runs))
        {
            foreach (Match port in PublishedPort().Matches(block.Text))
                _ports.TryAdd(port.Groups[2].Value, FreePort());
        }
        foreach (Block block in page.Blocks)
        {
            if (block.Runs)
                Run(block);
            else
                CheckSyntax(block);
        }
        if (_toBuild)
            Build("the Dockerfile of the page");
    }

    public void Dispose()
    {
        if (_names.Count > 0)
        {
            Docker.Run(["rm", "-f", "-v", .. _names]);
            Docker.Run(["rmi", "-f", .. _names]);
            if (_evidence.ToString().Contains("docker volume", StringComparison.Ordinal) || _evidence.ToString().Contains("-v my-", StringComparison.Ordinal))
                Docker.Run(["volume", "rm", "-f", .. _names]);
            if (_evidence.ToString().Contains("docker network", StringComparison.Ordinal))
                Docker.Run(["network", "rm", .. _names]);
        }
        Directory.Delete(_directory, recursive: true);
        Directory.Delete(_home, recursive: true);
    }

    private static bool IsExample(string page) => page.StartsWith("examples/", StringComparison.Ordinal);

    private void Run(Block block)
    {
        string text = Ours(block);
        _evidence.Append(CultureInfo.InvariantCulture, $"\n{block.Page}:{block.Line}: {block.Kind}\n{text}");
        if (block["file"] is { } file)
            Write(file, text);
        else
        {
            switch (block.Kind)
            {
                case "sh": Shell(block, text); break;
                case "console": Session(block, text); break;
                case "dockerfile": Dockerfile(text); break;
                default: Fail(block, $"a block of {block.Kind} needs a marker: which file it is, or why nothing can be done with it"); break;
            }
        }
    }

    private void Write(string file, string text)
    {
        string path = Path.Combine(_directory, OwnNames(file));
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
    }

    private void Dockerfile(string text)
    {
        bool whole = From().IsMatch(text);
        if (whole && _toBuild)
            Build("the Dockerfile so far");
        string path = Path.Combine(_directory, "Dockerfile");
        string before = whole ? "" : File.Exists(path) ? File.ReadAllText(path) : $"FROM {Docker.Image}\n";
        File.WriteAllText(path, before + text);
        _toBuild = true;
    }

    private void Build(string what)
    {
        string image = OwnNames("my-page");
        Outcome built = Bash($"docker build -t {image} .");
        Assert.True(built.Status == 0, $"{what} does not build\n{File.ReadAllText(Path.Combine(_directory, "Dockerfile"))}\n{built}\n{_evidence}");
        _toBuild = false;
    }

    private void Shell(Block block, string text)
    {
        foreach (string command in Continued().Replace(text, " ").Split('\n').Where(l => l.Contains("docker run ", StringComparison.Ordinal)))
        {
            if (!command.Contains(" --rm", StringComparison.Ordinal) && !command.Contains("--name my-", StringComparison.Ordinal))
                Fail(block, $"nobody removes what this leaves; give it --rm, or a name that begins with my-: {command}");
        }
        if (text.Contains("docker build", StringComparison.Ordinal) || text.Contains("keelson build", StringComparison.Ordinal))
            _toBuild = false;
        string[] shown = [.. block.All("shows").Select(OwnNames)];
        int status = int.Parse(block["exit status"] ?? "0", CultureInfo.InvariantCulture);
        UntilRight(block, () => block["typed"] is not null || OnTerminal().IsMatch(text) ? Terminal(text, block["typed"]) : Bash(text), run =>
        {
            string output = run.Output + run.Error;
            if (run.Status != status)
                return $"it ends with {run.Status} instead of {status}";
            return shown.FirstOrDefault(s => !output.Contains(s, StringComparison.Ordinal)) is { } missing ? $"its output lacks \"{missing}\"" : null;
        });
    }

    private void Session(Block block, string text)
    {
        string[] steps = [.. CommandOfSession().Split("\n" + Continued().Replace(text, " ")).Where(s => s.Trim() != "")];
        foreach (string step in steps)
        {
            string[] halves = step.Split('\n', 2);
            string expected = halves.Length > 1 ? halves[1].Trim() : "";
            if (halves[0].Contains("docker build", StringComparison.Ordinal))
                _toBuild = false;
            UntilRight(block, () => OnTerminal().IsMatch(halves[0]) ? Terminal(halves[0], block["typed"]) : Bash($"{{ {halves[0]}\n}} 2>&1"), run =>
                Matches(expected, run.Output) ? null : $"{halves[0]}\nprints this:\n{run.Output}\ninstead of this:\n{expected}\n");
        }
    }

    private void UntilRight(Block block, Func<Outcome> run, Func<Outcome, string?> complaint)
    {
        var clock = System.Diagnostics.Stopwatch.StartNew();
        while (true)
        {
            Outcome outcome = run();
            if (complaint(outcome) is not { } wrong)
            {
                _evidence.Append(outcome).Append('\n');
                return;
            }
            if (block["eventually"] is null || clock.Elapsed > s_patience)
                Fail(block, $"{wrong}\n{outcome}");
            Thread.Sleep(100);
        }
    }

    /// <summary>Numbers that are other ones each time are so here: process ids, seconds, ids of containers, times, addresses.</summary>
    private static bool Matches(string expected, string output)
    {
        static string Plain(string text) => Variable().Replace(string.Join('\n', text.ReplaceLineEndings("\n").Trim().Split('\n').Select(l => l.TrimEnd())), "*");
        string pattern = Regex.Escape(Plain(expected)).Replace(@"\.\.\.", ".*", StringComparison.Ordinal);
        return Regex.IsMatch(Plain(output), $"^{pattern}$", RegexOptions.Singleline);
    }

    private Outcome Bash(string script) => Execute("", "bash", "-euo", "pipefail", "-c", script);

    private Outcome Terminal(string script, string? typed)
    {
        Write("../" + Path.GetFileName(_home) + "/script", script);
        return Execute($"{typed}\nexit\n", "script", "-qec", $"bash -eu {_home}/script", "/dev/null");
    }

    private Outcome Execute(string input, params string[] command)
    {
        string docker = Environment.GetEnvironmentVariable("DOCKER_CONFIG") ?? Environment.GetEnvironmentVariable("HOME") + "/.docker";
        Outcome run = Docker.Execute("env", input, [
            "-C", _directory, "-u", "SSH_AUTH_SOCK", $"KEELSON={Docker.Top}", "DOCKER_BUILDKIT=0", $"HOME={_home}", $"XDG_DATA_HOME={_home}/data", $"DOCKER_CONFIG={docker}",
            $"PATH={s_tools}:{Environment.GetEnvironmentVariable("PATH")}", .. command]);
        // The command's bytes were read as one character each.
        static string Text(string bytes) => Encoding.UTF8.GetString(Encoding.Latin1.GetBytes(bytes));
        return new Outcome(run.Status, Text(run.Output), Text(run.Error));
    }

    /// <summary>What can be said of a block that is not run: that a shell can read it.</summary>
    private void CheckSyntax(Block block)
    {
        if (string.IsNullOrWhiteSpace(block["not run"]))
            Fail(block, "it says no reason for not being run");
        if (block.Kind == "sh")
            Execute("", "bash", "-n", "-c", block.Text).Must();
        foreach (Match make in Make().Matches(block.Kind == "sh" ? block.Text : ""))
        {
            Outcome dry = Docker.Execute("make", "", ["-n", "-C", Docker.Top, .. make.Groups[1].Value.Split(' ', StringSplitOptions.RemoveEmptyEntries)]);
            dry.Must();
        }
    }

    private string Ours(Block block)
    {
        string text = OurImage().Replace(block.Text, m =>
        {
            if (m.Groups[1].Value != Docker.Version)
                Fail(block, $"it names the image {m.Value}; the version is {Docker.Version}");
            return Docker.Image;
        });
        if (IsExample(block.Page))
            text = text.Replace("docker build ", $"docker build --build-arg IMAGE={Docker.Image} ", StringComparison.Ordinal);
        text = OwnNames(text);
        text = PublishedPort().Replace(text, m => $"{m.Groups[1].Value}{_ports[m.Groups[2].Value]}:");
        // A port of the host. In the container it is what the page says.
        return string.Join('\n', text.Split('\n').Select(line => line.Contains("docker exec", StringComparison.Ordinal) ? line : LocalPort().Replace(line, m => m.Groups[1].Value + (_ports.GetValueOrDefault(m.Groups[2].Value) ?? m.Groups[2].Value))));
    }

    private string OwnNames(string text) => OwnName().Replace(text, m =>
    {
        string name = $"{m.Value}-{_suffix}";
        _names.Add(name);
        return name;
    });

    private static string FreePort()
    {
        using var listener = new TcpListener(IPAddress.Any, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port.ToString(CultureInfo.InvariantCulture);
    }

    private void Fail(Block block, string reason)
    {
        string logs = string.Concat(_names.Select(n => (n, log: Docker.Run("logs", "--tail", "50", n))).Where(l => l.log.Status == 0).Select(l => $"\nlog of {l.n}:\n{l.log.Output}{l.log.Error}"));
        Assert.Fail($"{block.Page}:{block.Line}: {reason}\n\nall so far:\n{_evidence}{logs}");
    }

    [GeneratedRegex(@"keelson/baseimage(?::([\w.-]+\w))?(?![\w/-])")]
    private static partial Regex OurImage();

    [GeneratedRegex(@"(?<![\w./-])my-[a-z0-9]+(?:-[a-z0-9]+)*")]
    private static partial Regex OwnName();

    [GeneratedRegex(@"((?:-p|--publish)[ =](?:[0-9.]+:)?)(\d+):")]
    private static partial Regex PublishedPort();

    [GeneratedRegex(@"((?:localhost|127\.0\.0\.1):|ssh .*-p |/dev/tcp/127\.0\.0\.1/)(\d+)\b")]
    private static partial Regex LocalPort();

    [GeneratedRegex(@"\bdocker (?:run|exec)\b.* (?:-it|-ti|-t)\b")]
    private static partial Regex OnTerminal();

    [GeneratedRegex(@"^FROM ", RegexOptions.Multiline)]
    private static partial Regex From();

    [GeneratedRegex(@" *\\\n\s*")]
    private static partial Regex Continued();

    [GeneratedRegex(@"\n\$ ")]
    private static partial Regex CommandOfSession();

    [GeneratedRegex(@"(?<=pid )\d+|\b\d+(?=s\b)|\b[0-9a-f]{12}\b|\d{4}-\d\d-\d\d[T _]\d\d:\d\d:\d\d\S*|\b\d+\.\d+\.\d+\.\d+\b")]
    private static partial Regex Variable();

    [GeneratedRegex(@"^(?:sudo )?make((?: [\w./:=-]+)*)", RegexOptions.Multiline)]
    private static partial Regex Make();
}
