using Keelson.SystemTests.Harness;

namespace Keelson.SystemTests;

/// <summary>keelson-lint(8) as a command; what it finds is tested with its rules.</summary>
public sealed class LintTests
{
    private static async Task<CommandRun> Lint(string directory, params string[] options) => await Command.Keelson(["lint", .. options, directory]);

    private static string Image(string run)
    {
        string root = Directory.CreateTempSubdirectory("keelson-lint-").FullName;
        Directory.CreateDirectory(Path.Combine(root, "etc/service/web"));
        string file = Path.Combine(root, "etc/service/web/run");
        File.WriteAllText(file, run);
        File.SetUnixFileMode(file, (UnixFileMode)0b111_101_101);
        return root;
    }

    [Fact]
    public async Task Findings_are_lines_or_json_and_the_status_tells_whether_there_are_any()
    {
        string bad = Image("#!/bin/sh\nmemcached -d\n"), good = Image("#!/bin/sh\nexec memcached\n");
        (await Lint(bad)).Must(run => run is { Status: 1, Err: "" } && run.Out == $"{bad}/etc/service/web/run:2: error: memcached goes to the background like this, and is started again and again; leave out -d\n");
        (await Lint(bad + "/", "--json")).Must(run => run.Status == 1 && run.Out == $"[\n  {{\"path\": \"{bad}/etc/service/web/run\", \"line\": 2, \"severity\": \"error\", \"what\": \"memcached goes to the background like this, and is started again and again\", \"cure\": \"leave out -d\"}}\n]\n");
        (await Lint(good)).Must(run => run is { Status: 0, Text: "" });
        (await Lint(good, "--json")).Must(run => run is { Status: 0, Out: "[]\n" });
        (await Command.Keelson(["lint", good, bad])).Must(run => run.Status == 1 && run.Out.Split('\n').Length == 2);
        Directory.Delete(bad, recursive: true);
        Directory.Delete(good, recursive: true);
    }

    [Fact]
    public async Task In_a_running_container_its_own_root_is_looked_at_and_what_supervision_made_is_no_mistake()
    {
        await using Sandbox s = new Sandbox().Service("web", "exec sleep 10000").Startup("bad", "#!/usr/bin/no-such-interpreter\n").Prepare("chmod +x etc/my_init.d/bad");
        await s.Start("--skip-startup-files");
        await s.WaitForProcess("sleep 10000");
        (int status, string text) = await s.Exec("/opt/keelson/keelson lint / 2>&1");
        Assert.Equal((1, "/etc/my_init.d/bad:1: error: no such interpreter /usr/bin/no-such-interpreter; install it in the image, or name another\n"), (status, text));
        (status, text) = await s.Exec("cd /etc && /opt/keelson/keelson lint service 2>&1");
        Assert.Equal((0, ""), (status, text));
    }

    [Theory]
    [InlineData("give a directory")]
    [InlineData("unknown option --fix", "--fix", "/")]
    [InlineData("/nowhere: no such file or directory", "/nowhere")]
    [InlineData("/etc/passwd: not a directory", "/etc/passwd")]
    public async Task Wrong_usage_is_status_2(string expected, params string[] arguments) =>
        (await Command.Keelson(["lint", .. arguments])).Must(run => run is { Status: 2, Out: "" } && run.Err.Contains(expected, StringComparison.Ordinal));

    [Fact]
    public async Task Help_is_on_standard_output() =>
        (await Command.Keelson(["lint", "--help"])).Must(run => run is { Status: 0, Err: "" } && run.Out.StartsWith("usage: keelson lint ", StringComparison.Ordinal));
}
