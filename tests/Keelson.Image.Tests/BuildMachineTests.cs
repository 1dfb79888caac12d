using System.Text.RegularExpressions;
using YamlDotNet.RepresentationModel;

namespace Keelson.Image.Tests;

/// <summary>The way onto other machines: workflows, the targets for a release, the virtual machine.</summary>
public sealed partial class BuildMachineTests
{
    [Theory]
    [InlineData("test.yml", "push", "make test")]
    [InlineData("release.yml", "push", "make release")]
    [InlineData("weekly.yml", "schedule", "make release")]
    public void A_workflow_is_one_and_calls_targets_of_make_that_exist(string name, string trigger, string command)
    {
        string[] targets = [.. Target().Matches(File.ReadAllText(Path.Combine(Docker.Top, "Makefile"))).SelectMany(m => m.Groups[1].Value.Split(' '))];
        using var text = new StringReader(File.ReadAllText(Path.Combine(Docker.Top, ".github/workflows", name)));
        var yaml = new YamlStream();
        yaml.Load(text);
        var workflow = (YamlMappingNode)yaml.Documents.Single().RootNode;
        Assert.True(((YamlMappingNode)workflow["on"]).Children.ContainsKey(trigger));
        var commands = new List<string>();
        foreach ((YamlNode _, YamlNode job) in (YamlMappingNode)workflow["jobs"])
        {
            Assert.NotEmpty(((YamlScalarNode)job["runs-on"]).Value!);
            Assert.True(((YamlMappingNode)job).Children.ContainsKey("timeout-minutes"));
            foreach (YamlMappingNode step in ((YamlSequenceNode)job["steps"]).Cast<YamlMappingNode>())
            {
                Assert.True(step.Children.ContainsKey("uses") != step.Children.ContainsKey("run"), $"{name}: a step uses something or runs something: {step}");
                if (!step.Children.ContainsKey("run"))
                    continue;
                string run = ((YamlScalarNode)step["run"]).Value!;
                commands.Add(run);
                Docker.Execute("bash", "", "-n", "-c", run).Must();
                foreach (Match make in Make().Matches(run))
                    Assert.All(make.Groups[1].Value.Split(' ', StringSplitOptions.RemoveEmptyEntries).Where(w => !w.Contains('=', StringComparison.Ordinal)), t => Assert.Contains(t, targets));
            }
        }
        Assert.Contains(commands, c => c.Contains(command, StringComparison.Ordinal));
    }

    [Fact]
    public void Tag_latest_gives_the_image_that_name()
    {
        string name = $"keelson-test-latest-{Environment.ProcessId}";
        try
        {
            Docker.Run("tag", Docker.Image, $"{name}:7.8.9").Must();
            Docker.Execute("make", "", "-C", Docker.Top, "tag_latest", $"NAME={name}", "VERSION=7.8.9").Must();
            Assert.Equal(Docker.Run("image", "inspect", "--format", "{{.Id}}", Docker.Image).Output, Docker.Run("image", "inspect", "--format", "{{.Id}}", $"{name}:latest").Output);
        }
        finally
        {
            Docker.Run("rmi", $"{name}:7.8.9", $"{name}:latest");
        }
    }

    [Fact]
    public void A_release_is_refused_for_each_thing_that_is_not_right_and_only_then()
    {
        string top = Directory.CreateTempSubdirectory("keelson-release-").FullName;
        string name = $"keelson-test-release-{Environment.ProcessId}";
        Outcome In(string script) => Docker.Execute("env", "", "-C", top, $"NAME={name}", $"VERSION={Docker.Version}", "bash", "-euc", script);
        try
        {
            In($"""
                git init -q .; git config user.name test; git config user.email test@example.org
                mkdir tools build; cp '{Docker.Top}/tools/release' tools/; echo build/ >.gitignore
                printf '# Changelog\n\n## Unreleased ({Docker.Version})\n' >CHANGELOG.md
                git add .; git commit -qm one
                """).Must();
            Outcome refused = In("tools/release check");
            refused.Must(refused.Status == 1);
            foreach (string reason in new[] { $"git tag v{Docker.Version}", "CHANGELOG.md has no section", "they were not run", "on another commit", $"{name}:{Docker.Version} is missing", $"{name}:latest is missing" })
                refused.Must(refused.Error.Contains(reason, StringComparison.Ordinal));

            In($"""
                printf '# Changelog\n\n## {Docker.Version}\n' >CHANGELOG.md; git commit -qam two; git tag v{Docker.Version}
                echo '7 passed, 0 failed' >build/test-totals; git rev-parse HEAD >build/test-commit
                docker tag {Docker.Image} {name}:{Docker.Version}; docker tag {Docker.Image} {name}:latest
                """).Must();
            Outcome right = In("tools/release check");
            right.Must(right is { Status: 0, Error: "" });
            foreach ((string spoil, string reason) in new[] { ("echo '6 passed, 1 failed' >build/test-totals", "6 passed, 1 failed"), ("echo x >CHANGELOG.md", "files differ from the commit") })
            {
                refused = In($"{spoil}; tools/release check");
                refused.Must(refused.Status == 1 && refused.Error.Contains(reason, StringComparison.Ordinal));
            }
        }
        finally
        {
            Docker.Run("rmi", $"{name}:{Docker.Version}", $"{name}:latest");
            Directory.Delete(top, recursive: true);
        }
    }

    [Fact]
    public void Make_ssh_logs_in_to_a_container_of_its_own_and_removes_it()
    {
        string[] before = Containers();
        string image = Docker.Image, name = image[..image.LastIndexOf(':')], version = image[(image.LastIndexOf(':') + 1)..];
        Outcome shell = Docker.Execute("script", "echo in-$((40 + 2))\nexit\n", "-qec", $"make -C {Docker.Top} ssh NAME={name} VERSION={version}", "/dev/null");
        shell.Must(shell.Status == 0 && shell.Output.Contains("in-42", StringComparison.Ordinal));
        // Docker removes it (--rm) after it has said that it is stopped.
        var clock = System.Diagnostics.Stopwatch.StartNew();
        while (Containers().Except(before).Any() && clock.Elapsed < TimeSpan.FromSeconds(30))
            Thread.Sleep(50);
        Assert.Empty(Containers().Except(before));

        static string[] Containers() => Docker.Run("ps", "-aq", "--filter", "label=org.keelson.ssh").Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    [Fact]
    public void The_virtual_machine_has_what_a_build_needs()
    {
        string text = File.ReadAllText(Path.Combine(Docker.Top, "Vagrantfile"));
        foreach (string needed in new[] { "docker.io", " make ", "--channel 10.0", "tools/prerequisites", "\"/vagrant\"" })
            Assert.Contains(needed, text, StringComparison.Ordinal);
        // As many blocks are ended as begun.
        Assert.Equal(BeginOfBlock().Count(text), EndOfBlock().Count(text));
        string script = Regex.Match(text, "<<~SHELL\n(.*)\n  SHELL", RegexOptions.Singleline).Groups[1].Value;
        Assert.NotEmpty(script);
        Docker.Execute("bash", "", "-n", "-c", script).Must();
    }

    [GeneratedRegex(@"\bmake ([a-z][a-z0-9_ =/A-Z-]*)")]
    private static partial Regex Make();

    [GeneratedRegex("^([a-z][a-z0-9_ -]*):(?!=)", RegexOptions.Multiline)]
    private static partial Regex Target();

    [GeneratedRegex(@"\bdo\b( \|\w+\|)?$", RegexOptions.Multiline)]
    private static partial Regex BeginOfBlock();

    [GeneratedRegex(@"^ *end$", RegexOptions.Multiline)]
    private static partial Regex EndOfBlock();
}
