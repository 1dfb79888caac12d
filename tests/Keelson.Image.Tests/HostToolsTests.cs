using System.Text.Json;

namespace Keelson.Image.Tests;

/// <summary>docker-ssh, docker-bash and keelson, as they are used on the Docker host, against real containers.</summary>
public sealed class HostToolsTests : IDisposable
{
    private readonly string _home = Directory.CreateTempSubdirectory("keelson-home-").FullName;

    public void Dispose() => Directory.Delete(_home, recursive: true);

    private static string Tool(string name)
    {
        string path = Path.Combine(Docker.Top, "build", "host", name);
        return File.Exists(path) ? path : throw new FileNotFoundException($"{path} is not there: run `make build/host/keelson`");
    }

    // A home of its own: nothing of the user's is read or changed.
    private Outcome Run(string input, string tool, params string[] arguments) =>
        Docker.Execute("env", input, ["-u", "SSH_AUTH_SOCK", $"HOME={_home}", $"XDG_DATA_HOME={_home}/data", Tool(tool), .. arguments]);

    private Outcome OnTerminal(string tool, string arguments, string keys = "") =>
        Docker.Execute("env", keys, $"HOME={_home}", $"XDG_DATA_HOME={_home}/data", "script", "-qec", $"{Tool(tool)} {arguments}", "/dev/null");

    private static Container WithSsh(params string[] options) => Container.Start([.. options, Docker.Image, "/sbin/my_init", "--enable-insecure-key"]);

    [Fact]
    public void Docker_ssh_runs_a_command_and_keeps_its_output_and_exit_status()
    {
        using Container container = WithSsh();
        Outcome run = Run("", "docker-ssh", container.Id[..12], "echo", "hello", "world");
        run.Must(run is { Status: 0, Output: "hello world\n", Error: "" });
        run = Run("", "docker-ssh", container.Id, "echo to stderr >&2; exit 3");
        run.Must(run is { Status: 3, Output: "", Error: "to stderr\n" });
        run = Run("one\ntwo\n", "docker-ssh", container.Id, "tac", "-");
        run.Must(run is { Status: 0, Output: "two\none\n" });
        run = Run("", "docker-ssh", container.Id, "test -t 0");
        run.Must(run.Status == 1);
        // The user's own list of known hosts is not touched, and the key is the user's alone.
        run.Must(!Directory.Exists($"{_home}/.ssh") || !File.Exists($"{_home}/.ssh/known_hosts"));
        run.Must(File.GetUnixFileMode($"{_home}/data/keelson/insecure_key") == (UnixFileMode.UserRead | UnixFileMode.UserWrite));
    }

    [Fact]
    public void Docker_ssh_opens_a_login_shell_on_a_terminal_and_gives_commands_one_too()
    {
        using Container container = WithSsh();
        container.Until("sshd answers", () => Run("", "docker-ssh", container.Id, "true").Status == 0);
        Outcome shell = OnTerminal("docker-ssh", container.Id, "shopt -q login_shell && echo login-$((40 + 2)) $(tty)\nexit 5\n");
        shell.Must(shell.Output.Contains("login-42 /dev/pts/", StringComparison.Ordinal) && shell.Status == 5);
        Outcome command = OnTerminal("docker-ssh", $"{container.Id} tty");
        command.Must(command.Output.Contains("/dev/pts/", StringComparison.Ordinal) && command.Status == 0);
    }

    [Fact]
    public void Docker_ssh_goes_through_a_published_port_where_the_address_cannot_be_reached()
    {
        // An engine that is reached over TCP is another machine: only its published ports count.
        using Container container = WithSsh("-p", "127.0.0.1::22", "--network", "bridge");
        Outcome run = Run("", "docker-ssh", "-v", container.Id, "true");
        run.Must(run.Status == 0);
        using var isolated = Container.Start("--network", "none", Docker.Image, "/sbin/my_init", "--enable-insecure-key");
        isolated.Until("sshd runs", () => isolated.Exec("sv", "status", "sshd").Output.StartsWith("run:", StringComparison.Ordinal));
        Outcome refused = Run("", "docker-ssh", isolated.Id, "true");
        refused.Must(refused.Status == 255 && refused.Error.Contains("publishes no port 22", StringComparison.Ordinal)
            && refused.Error.Contains("docker run -p 127.0.0.1::22", StringComparison.Ordinal));
    }

    [Fact]
    public void A_container_that_pretends_to_be_another_is_refused()
    {
        using Container container = WithSsh();
        container.Until("sshd answers", () => Run("", "docker-ssh", container.Id, "true").Status == 0);
        // sshd goes on with the key that it has read; the engine reads another.
        container.Shell("ssh-keygen -q -t ed25519 -N '' -f /tmp/other && cp /tmp/other.pub /etc/ssh/ssh_host_ed25519_key.pub && rm -f /etc/ssh/ssh_host_rsa_key.pub /etc/ssh/ssh_host_ecdsa_key.pub").Must();
        Outcome run = Run("", "docker-ssh", container.Id, "true");
        run.Must(run.Status == 255 && run.Error.Contains("REMOTE HOST IDENTIFICATION HAS CHANGED", StringComparison.Ordinal) is var changed
            && (changed || run.Error.Contains("Host key verification failed", StringComparison.Ordinal)));
    }

    [Fact]
    public void Docker_ssh_says_which_of_the_likely_causes_it_is_and_what_mends_it()
    {
        Outcome run = Run("", "docker-ssh", "no-such-container");
        run.Must(run is { Status: 255, Error: "docker-ssh: there is no container no-such-container. Try:\n  docker ps -a\n" });

        using Container container = Container.Start(Docker.Image);
        container.Until("sshd is known", () => container.Exec("sv", "status", "sshd").Output.StartsWith("down:", StringComparison.Ordinal));
        run = Run("", "docker-ssh", container.Id);
        run.Must(run.Status == 255 && run.Error.Contains("sshd is switched off", StringComparison.Ordinal) && run.Error.Contains("--enable-insecure-key", StringComparison.Ordinal));

        // What it says is what helps, word for word; here the key is missing.
        container.Shell("rm /etc/service/sshd/down; sv start sshd").Must();
        run = Run("", "docker-ssh", container.Id, "true");
        run.Must(run.Status == 255 && run.Error.Contains("Permission denied", StringComparison.Ordinal) && run.Error.Contains("enable_insecure_key", StringComparison.Ordinal));
        container.Exec("enable_insecure_key").Must();
        run = Run("", "docker-ssh", container.Id, "true");
        run.Must(run.Status == 0);

        container.Exec("sv", "down", "sshd").Must();
        run = Run("", "docker-ssh", container.Id, "true");
        run.Must(run.Status == 255 && run.Error.Contains("sshd does not run", StringComparison.Ordinal) && run.Error.Contains("sv start sshd", StringComparison.Ordinal));

        Docker.Run("pause", container.Id).Must();
        run = Run("", "docker-ssh", container.Id);
        run.Must(run.Status == 255 && run.Error.Contains("docker unpause", StringComparison.Ordinal));
        Docker.Run("unpause", container.Id).Must();
        container.Stop();
        run = Run("", "docker-ssh", container.Id);
        run.Must(run.Status == 255 && run.Error.Contains("is not running", StringComparison.Ordinal) && run.Error.Contains("docker start", StringComparison.Ordinal));
    }

    [Fact]
    public void Without_an_engine_the_tools_say_so_and_what_to_do()
    {
        foreach ((string tool, int status) in new[] { ("docker-ssh", 255), ("docker-bash", 125) })
        {
            Outcome run = Docker.Execute("env", "", "DOCKER_HOST=unix:///nonexistent.sock", Tool(tool), "some");
            run.Must(run.Status == status && run.Error.Contains("no Docker engine answers", StringComparison.Ordinal)
                && run.Error.Contains("/nonexistent.sock", StringComparison.Ordinal) && run.Error.Contains("DOCKER_HOST", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void Docker_bash_enters_with_the_environment_and_directory_of_the_container()
    {
        using var container = Container.Start("-e", "GREETING=hello world", "-w", "/var/log", Docker.Image);
        Outcome run = Run("", "docker-bash", container.Id, "sh", "-c", "echo \"$GREETING in $PWD\"; exit 3");
        run.Must(run is { Status: 3, Output: "hello world in /var/log\n", Error: "" });
        run = Run("one\ntwo\n", "docker-bash", container.Id, "tac", "-");
        run.Must(run is { Status: 0, Output: "two\none\n" });
        run = Run("", "docker-bash", container.Id, "printf", "<%s>", "a b", "--help", "@c");
        run.Must(run is { Status: 0, Output: "<a b><--help><@c>" });
        run = Run("", "docker-bash", container.Id, "no-such-command");
        run.Must(run.Status == 127);
        run = Run("", "docker-bash", container.Id, "cat", "/proc/1/comm");
        run.Must(run.Output == "my_init\n");
        Outcome shell = OnTerminal("docker-bash", container.Id, "shopt -q login_shell && echo login-$((40 + 2)) $(cat /proc/1/comm)\nexit 5\n");
        shell.Must(shell.Output.Contains("login-42 my_init", StringComparison.Ordinal) && shell.Status == 5);
    }

    [Fact]
    public void Docker_bash_without_the_right_to_enter_uses_docker_exec_and_says_so()
    {
        using var container = Container.Start("-e", "GREETING=hello world", Docker.Image);
        // A user who may talk to the engine and is not root.
        string socket = Environment.GetEnvironmentVariable("DOCKER_HOST")?.Replace("unix://", "", StringComparison.Ordinal) ?? "/var/run/docker.sock";
        int group = int.Parse(Docker.Execute("stat", "", "-Lc", "%g", socket).Output, System.Globalization.CultureInfo.InvariantCulture);
        File.SetUnixFileMode(_home, (UnixFileMode)0x1FF);
        Outcome run = Docker.Execute(
            "setpriv", "", "--reuid=12345", "--regid=12345", $"--groups={group}", "env", $"HOME={_home}", Tool("docker-bash"), container.Id, "sh", "-c", "echo \"$GREETING\"; exit 3");
        run.Must(run is { Status: 3, Output: "hello world\n" } && run.Error.Contains("needs root (sudo); using docker exec", StringComparison.Ordinal));
    }

    [Fact]
    public void Keelson_ps_shows_the_services_of_each_container()
    {
        using var container = Container.Start(Docker.MemcachedImage);
        container.Until("memcached runs", () => container.Exec("sv", "status", "memcached").Output.StartsWith("run:", StringComparison.Ordinal));
        Outcome ps = Run("", "keelson", "ps", "--json");
        ps.Must();
        using JsonDocument json = JsonDocument.Parse(ps.Output);
        JsonElement ours = json.RootElement.EnumerateArray().Single(c => c.GetProperty("id").GetString() == container.Id);
        JsonElement service = ours.GetProperty("services").EnumerateArray().Single(s => s.GetProperty("name").GetString() == "memcached");
        ps.Must(service.GetProperty("state").GetString() == "run" && service.GetProperty("pid").GetInt32() > 1);
        Outcome table = Run("", "keelson", "ps");
        string line = table.Output.Split('\n').Single(l => l.StartsWith(container.Inspect("{{.Name}}")[1..] + " ", StringComparison.Ordinal));
        table.Must(line.Contains("memcached run ", StringComparison.Ordinal) && line.Contains("sshd down ", StringComparison.Ordinal) && !line.Contains('\x1b', StringComparison.Ordinal));
    }

    [Fact]
    public void Keelson_logs_shows_one_service_alone()
    {
        using var container = Container.Start("-e", "KEELSON_LOG=prefix", Docker.Image, "/sbin/my_init", "--", "sh", "-c", "mkdir /etc/service/talker; printf '#!/bin/sh\\necho it talks\\nexec sleep 1000\\n' >/etc/service/talker/run; chmod +x /etc/service/talker/run; echo main; exec sleep 1000");
        container.UntilLogged("[talker] it talks");
        Outcome all = Run("", "keelson", "logs", container.Id);
        all.Must(all.Status == 0 && all.Output.Contains("main\n", StringComparison.Ordinal) && all.Output.Contains("[talker] it talks\n", StringComparison.Ordinal));
        Outcome one = Run("", "keelson", "logs", container.Id, "talker");
        one.Must(one is { Status: 0, Output: "[talker] it talks\n", Error: "" });
    }

    [Fact]
    public void Keelson_run_shows_the_services_keeps_the_exit_status_and_removes_the_container()
    {
        Outcome run = Run("", "keelson", "run", "--name", $"keelson-run-{Environment.ProcessId}", "-e", "A=b c", Docker.Image, "sh", "-c", "echo \"got $A\"; exit 7");
        run.Must(run.Status == 7 && run.Output == "got b c\n" && run.Error.Contains("exit status 7", StringComparison.Ordinal));
        run.Must(Docker.Run("inspect", $"keelson-run-{Environment.ProcessId}").Status != 0);
        // Ctrl-C stops it in time.
        string name = $"keelson-run-int-{Environment.ProcessId}";
        Outcome stopped = Docker.Execute(
            "bash", "",
            "-c", $"set -m; env --default-signal=INT '{Tool("keelson")}' run --name {name} '{Docker.Image}' 2>&1 & for i in $(seq 300); do docker logs {name} 2>&1 | grep -q 'Runit started' && break; sleep 0.1; done; kill -INT $!; wait $!");
        stopped.Must(stopped.Output.Contains("stopped in ", StringComparison.Ordinal) && stopped.Status == 0);
        Outcome missing = Run("", "keelson", "run", "keelson/no-such-image");
        missing.Must(missing.Status == 1 && missing.Error.Contains("docker pull keelson/no-such-image", StringComparison.Ordinal));
    }

    [Fact]
    public void Keelson_doctor_names_common_mistakes_and_their_cures()
    {
        using var wrong = Container.Start("-p", "22", Docker.Image, "sh", "-c",
            "enable_insecure_key; mkdir /etc/service/web; echo x >/etc/service/web/run; exec sleep 1000");
        wrong.Until("it is prepared", () => wrong.Exec("test", "-e", "/etc/service/web/run").Status == 0);
        Outcome doctor = Run("", "keelson", "doctor", wrong.Id, "--json");
        doctor.Must(doctor.Status == 1);
        using JsonDocument json = JsonDocument.Parse(doctor.Output);
        string[] texts = [.. json.RootElement.EnumerateArray().Where(f => f.GetProperty("level").GetString() == "error").Select(f => f.GetProperty("text").GetString()!)];
        foreach (string expected in new[] { "process 1 is sleep, not my_init", "/etc/service/web/run is not executable", "its port 22 is open to the network" })
            doctor.Must(texts.Any(t => t.Contains(expected, StringComparison.Ordinal)));
        using Container right = Container.Start(Docker.Image);
        right.Until("syslog-ng runs", () => right.Exec("sv", "status", "syslog-ng").Output.StartsWith("run:", StringComparison.Ordinal));
        doctor = Run("", "keelson", "doctor", right.Id);
        doctor.Must(doctor.Status == 0 && doctor.Output.Contains("ok", StringComparison.Ordinal));
    }

    [Fact]
    public void Keelson_doctor_calls_a_service_well_that_is_down_by_its_conditions()
    {
        using var container = Container.Start("-e", "DISABLE_CRON=1", Docker.Image);
        container.Until("syslog-ng runs and cron is known", () => container.Exec("sv", "status", "syslog-ng").Output.StartsWith("run:", StringComparison.Ordinal)
            && container.Exec("sv", "status", "cron").Output.StartsWith("down:", StringComparison.Ordinal));
        Outcome doctor = Run("", "keelson", "doctor", container.Id);
        doctor.Must(doctor.Status == 0 && !doctor.Output.Contains("cron", StringComparison.Ordinal));
    }

    [Fact]
    public void Keelson_build_is_quiet_and_finds_an_image_that_would_boot_without_its_services()
    {
        string name = $"keelson-test-build-{Environment.ProcessId}";
        try
        {
            File.WriteAllText($"{_home}/Dockerfile", $"FROM {Docker.Image}\nCMD [\"sleep\", \"1\"]\n");
            Outcome built = Run("", "keelson", "build", "-t", name, _home);
            built.Must(built.Status == 0 && built.Output.Contains($"built    {name} in ", StringComparison.Ordinal)
                && built.Output.Contains("it starts sleep, not my_init", StringComparison.Ordinal) && !built.Output.Contains("Step", StringComparison.Ordinal));
            File.WriteAllText($"{_home}/Dockerfile", $"FROM {Docker.Image}\nRUN echo so it goes; exit 9\n");
            built = Run("", "keelson", "build", "-t", name, _home);
            built.Must(built.Status == 1 && built.Error.Contains("so it goes", StringComparison.Ordinal));
        }
        finally
        {
            Docker.Run("rmi", "-f", name);
        }
    }

    [Fact]
    public void Bash_completes_commands_options_and_containers()
    {
        using Container container = Container.Start(Docker.Image);
        string name = container.Inspect("{{.Name}}")[1..];
        Outcome found = Docker.Execute("bash", "", "-c", $$"""
            PATH={{Docker.Top}}/build/host:$PATH
            source <(keelson completion bash)
            try() { COMP_LINE=$1 COMP_POINT=${#1}; read -ra COMP_WORDS <<<"$1"; [ "${1: -1}" != ' ' ] || COMP_WORDS+=(''); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _keelson; echo "${COMPREPLY[@]}"; }
            try 'keelson do'
            try 'keelson ps --j'
            try 'docker-ssh {{name[..4]}}'
            """);
        string[] lines = found.Output.Split('\n');
        found.Must(lines[0] == "doctor" && lines[1] == "--json" && lines[2].Split(' ').Contains(name));
    }
}
