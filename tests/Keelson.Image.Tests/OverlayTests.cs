using System.Runtime.InteropServices;

namespace Keelson.Image.Tests;

/// <summary>`make overlay`: the archive makes a Keelson image of a distribution, of a busybox, and of nothing at all.</summary>
public sealed class OverlayTests : IDisposable
{
    private static readonly string s_architecture = RuntimeInformation.OSArchitecture switch { Architecture.X64 => "amd64", Architecture.Arm64 => "arm64", var other => other.ToString() };
    private static readonly string s_overlay = Path.Combine(Docker.Top, "build/overlay", $"keelson-overlay-{Docker.Version}-{s_architecture}.tar.xz");
    private readonly string _context = Directory.CreateTempSubdirectory("keelson-overlay-").FullName;
    private readonly string _image = $"keelson-test-overlay-{Environment.ProcessId}-{Guid.NewGuid():N}"[..50];

    public OverlayTests()
    {
        Assert.True(File.Exists(s_overlay), $"{s_overlay} is missing: run `make overlay`");
        File.Copy(s_overlay, $"{_context}/overlay.tar.xz");
    }

    public void Dispose()
    {
        Docker.Run("rmi", "-f", _image);
        Directory.Delete(_context, recursive: true);
    }

    private void Build(string dockerfile)
    {
        File.WriteAllText($"{_context}/Dockerfile", dockerfile);
        Docker.Execute("env", "", "DOCKER_BUILDKIT=0", "docker", "build", "-q", "--label", Docker.Label, "-t", _image, _context).Must();
    }

    private void Script(string name, string text)
    {
        File.WriteAllText($"{_context}/{name}", text);
        File.SetUnixFileMode($"{_context}/{name}", (UnixFileMode)0x1ED);
    }

    private void BootsSupervisesAndStops(string service, string running, string ended)
    {
        using var container = Container.Start("-e", "GREETING=hello", _image);
        container.UntilLogged(running);
        container.Until("the service runs", () => container.Exec("sv", "status", service).Output.StartsWith($"run: {service}: (pid ", StringComparison.Ordinal));
        string Pid() => container.Exec("sv", "status", service).Output.Split(['(', ')'], StringSplitOptions.RemoveEmptyEntries) is [_, var pid, ..] ? pid : "";
        string before = Pid();
        container.Exec("sv", "kill", service).Must();
        container.Until("it is back", () => Pid() is { Length: > 0 } now && now != before);
        container.Must(container.Stop() < TimeSpan.FromSeconds(9), "the stop was to be no kill");
        container.Must(container.ExitStatus == 0, "exit status");
        container.UntilLogged(ended);
        // And once more: what the first life left behind is no hindrance.
        Docker.Run("start", container.Id).Must();
        container.Until("the service runs again", () => container.Exec("sv", "status", service).Output.StartsWith("run: ", StringComparison.Ordinal));
    }

    private const string Run = "#!/bin/sh\ntrap 'echo the service ends; exit 0' TERM\necho \"$GREETING from the service\"\nwhile :; do sleep 1000 & wait $!; done\n";

    [Fact]
    public void A_plain_distribution_becomes_a_Keelson_image()
    {
        string on = Docker.Run("image", "inspect", "--format", "{{index .Config.Labels \"org.opencontainers.image.base.name\"}}", Docker.Image).Output.Trim();
        Script("run", Run);
        Script("prepare", "#!/bin/sh\necho prepared\n");
        Build($"FROM {on}\nADD overlay.tar.xz /\nCOPY run /etc/service/web/run\nCOPY prepare /etc/my_init.d/10_prepare\nCMD [\"/sbin/my_init\"]\n");
        // Its links are links still.
        Outcome links = Docker.Start(_image, "/sbin/my_init", "--skip-runit", "--quiet", "--", "sh", "-c", "readlink /sbin /bin /lib; setuser nobody id -un; chpst -u nobody id -un");
        links.Must(links is { Status: 0, Output: "prepared\nusr/sbin\nusr/bin\nusr/lib\nnobody\nnobody\n" });
        BootsSupervisesAndStops("web", "hello from the service", "the service ends");
    }

    [Fact]
    public void A_busybox_and_nothing_else_becomes_a_Keelson_image()
    {
        File.Copy("/bin/busybox", $"{_context}/busybox");
        File.SetUnixFileMode($"{_context}/busybox", (UnixFileMode)0x1ED);
        Script("run", Run);
        Build("FROM scratch\nCOPY busybox /bin/busybox\nRUN [\"/bin/busybox\", \"mkdir\", \"-p\", \"/sbin\", \"/usr/bin\", \"/usr/sbin\", \"/tmp\"]\nRUN [\"/bin/busybox\", \"--install\", \"-s\"]\nADD overlay.tar.xz /\nCOPY run /etc/service/web/run\nCMD [\"/sbin/my_init\"]\n");
        Outcome main = Docker.Start(_image, "/sbin/my_init", "--", "sh", "-c", "exit 3");
        main.Must(main.Status == 3);
        BootsSupervisesAndStops("web", "hello from the service", "the service ends");
    }

    [Fact]
    public void An_empty_image_with_one_static_program_becomes_a_Keelson_image()
    {
        string probe = Environment.GetEnvironmentVariable("KEELSON_PROBE") ?? Path.Combine(Docker.Top, "build/probe/keelson-probe");
        Assert.True(File.Exists(probe), $"{probe} is missing: run `make build/probe/keelson-probe`");
        File.Copy(probe, $"{_context}/run");
        Build("FROM scratch\nADD overlay.tar.xz /\nCOPY run /etc/service/probe/run\nCMD [\"/sbin/my_init\"]\n");
        BootsSupervisesAndStops("probe", "ready", "end rt 0 distinct 0");
    }

    [Fact]
    public void The_archive_holds_no_directory_that_is_a_link_elsewhere_and_nothing_that_all_may_write()
    {
        string[] lines = Docker.Execute("tar", "", "-tvf", s_overlay).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Contains(lines, l => l.EndsWith(" sbin/my_init -> /usr/lib/keelson/keelson", StringComparison.Ordinal));
        Assert.Contains(lines, l => l.EndsWith(" usr/share/man/man8/my_init.8", StringComparison.Ordinal));
        Assert.DoesNotContain(lines, l => System.Text.RegularExpressions.Regex.IsMatch(l, " (sbin|bin|lib|usr/bin|usr/sbin|usr/lib64)/$"));
        Assert.All(lines, l => Assert.True(l[0] == 'l' || l[8] == '-', l));
        // The directories that have no entry are made by the engine.
        Build("FROM scratch\nADD overlay.tar.xz /\nCMD [\"/sbin/my_init\"]\n");
        using var export = Container.Start(_image);
        string made = Docker.Execute("bash", "", "-c", $"docker export {export.Id} | tar -tv | awk '$1 ~ /^d.......w/ {{ print $6 }}'").Output;
        Assert.DoesNotContain("sbin", made, StringComparison.Ordinal);
        Assert.DoesNotContain("usr", made, StringComparison.Ordinal);
    }

    [Fact]
    public void The_same_input_gives_the_same_archive()
    {
        byte[] before = File.ReadAllBytes(s_overlay);
        Docker.Execute("env", "", $"VERSION={Docker.Version}", $"ARCHITECTURE={s_architecture}", "BINARY=build/keelson", Path.Combine(Docker.Top, "tools/overlay")).Must();
        Assert.Equal(before, File.ReadAllBytes(s_overlay));
        Docker.Figure($"overlay: {before.Length / 1024} KiB");
    }
}
