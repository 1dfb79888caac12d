using System.Diagnostics;
using Keelson.Image.Tests.Places;

namespace Keelson.Image.Tests;

/// <summary>podman, which speaks Docker's language on a socket of its own: with its own storage here, which has our images.</summary>
public sealed class PodmanEngine : IDisposable
{
    // crun refuses control groups of both versions side by side.
    private static readonly string[] s_runtimes = Directory.Exists("/sys/fs/cgroup/unified") ? ["/usr/bin/runc", "/usr/sbin/runc"] : ["/usr/bin/crun", "/usr/bin/runc", "/usr/sbin/runc"];
    private readonly string _directory = Directory.CreateTempSubdirectory("keelson-podman-").FullName;
    private readonly Process _service;

    public PodmanEngine()
    {
        string runtime = s_runtimes.First(File.Exists);
        // Limits that each machine grants; no network of its own, which would need more packages.
        File.WriteAllText($"{_directory}/containers.conf", $"""
            [containers]
            default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
            netns = "host"
            [engine]
            cgroup_manager = "cgroupfs"
            events_logger = "file"
            runtime = "own"
            [engine.runtimes]
            own = ["{runtime}"]

            """);
        var start = new ProcessStartInfo("podman", [.. Storage, "system", "service", "--time", "0", $"unix://{_directory}/socket"]) { RedirectStandardError = true };
        start.Environment["CONTAINERS_CONF"] = $"{_directory}/containers.conf";
        _service = Process.Start(start)!;
        _service.ErrorDataReceived += (_, _) => { };
        _service.BeginErrorReadLine();
        var clock = Stopwatch.StartNew();
        while (Podman("version").Status != 0)
        {
            Assert.True(!_service.HasExited && clock.Elapsed < TimeSpan.FromSeconds(60), $"podman's service does not answer: {Podman("version")}");
            Thread.Sleep(50);
        }
        Docker.Execute("bash", "", "-euo", "pipefail", "-c", $"docker save {Docker.Image} {Place.Image} | docker --host unix://{_directory}/socket load").Must();
    }

    /// <summary>What leads Docker's own client to it.</summary>
    public string[] Options => ["--host", $"unix://{_directory}/socket"];

    private string[] Storage => ["--root", $"{_directory}/root", "--runroot", $"{_directory}/run", "--tmpdir", $"{_directory}/tmp"];

    public void Dispose()
    {
        Podman("rm", "-f", "tried");
        _service.Kill();
        _service.WaitForExit();
        _service.Dispose();
        // Monitors of commands that have ended stay for minutes, and mount the storage, on itself, to clean up in it.
        var clock = Stopwatch.StartNew();
        do
        {
            Docker.Execute("pkill", "", "-KILL", "-f", $"{_directory}/");
            Docker.Execute("umount", "", "-l", $"{_directory}/root/overlay");
            Docker.Execute("rm", "", "-rf", "--one-file-system", _directory);
        }
        while (Directory.Exists(_directory) && clock.Elapsed < TimeSpan.FromSeconds(30));
    }

    // Docker's own client, at podman's socket.
    public Outcome Podman(params string[] arguments) => Docker.Run([.. Options, .. arguments]);

    public Outcome Tool(string name, params string[] arguments) =>
        Docker.Execute("env", "", [$"DOCKER_HOST=unix://{_directory}/socket", $"HOME={_directory}", Path.Combine(Docker.Top, "build/host", name), .. arguments]);
}

/// <summary>The host tools, and the image, with podman.</summary>
public sealed class PodmanTests(PodmanEngine engine) : IClassFixture<PodmanEngine>
{
    [Fact]
    public void Each_cell_of_podmans_row_in_the_table_of_places_is_true() => Place.Check(Matrix.Rows.Single(row => row.Place == Ways.Podman), engine.Options);

    [Fact]
    public void The_tools_work_with_podmans_socket()
    {
        engine.Podman("run", "-d", "--name", "tried", "--network", "host", Docker.Image).Must();
        Outcome ps = engine.Tool("keelson", "ps");
        var clock = Stopwatch.StartNew();
        while (!ps.Output.Contains("syslog-ng run", StringComparison.Ordinal) || !ps.Output.Contains("cron run", StringComparison.Ordinal))
        {
            ps.Must(clock.Elapsed < TimeSpan.FromSeconds(30));
            ps = engine.Tool("keelson", "ps");
        }
        ps.Must(ps.Status == 0 && ps.Output.Contains("sshd down", StringComparison.Ordinal));

        // By its namespaces, as with Docker: nothing is said of docker exec.
        Outcome run = engine.Tool("docker-bash", "tried", "sh", "-c", "cat /proc/1/comm; exit 3");
        run.Must(run is { Status: 3, Output: "my_init\n", Error: "" });

        run = engine.Tool("docker-ssh", "tried", "true");
        run.Must(run.Status == 255 && run.Error.Contains("sshd is switched off in tried", StringComparison.Ordinal) && run.Error.Contains("docker-bash tried", StringComparison.Ordinal));

        run = engine.Tool("keelson", "doctor", "tried");
        run.Must(run.Status == 0 && !run.Output.Contains("it is killed", StringComparison.Ordinal));
    }
}
