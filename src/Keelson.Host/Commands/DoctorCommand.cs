// `keelson doctor`: what is wrong with the engine, the images and the containers, and what mends it. Each check is a
// mistake that users of such images really make.
using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Docker.DotNet;
using Docker.DotNet.Models;
using Keelson.Host.Engine;
using Spectre.Console;

namespace Keelson.Host.Commands;

/// <summary>One thing that was looked at.</summary>
/// <param name="Level">"ok", "warning" or "error".</param>
/// <param name="Subject">What was looked at: the engine, or a container's name.</param>
/// <param name="Text">What was found.</param>
/// <param name="Cure">What mends it; null when nothing has to be.</param>
internal sealed record Finding(string Level, string Subject, string Text, string? Cure = null);

internal static class DoctorCommand
{
    // Docker's own, after which it kills.
    private static readonly TimeSpan s_defaultGrace = TimeSpan.FromSeconds(10);

    internal static Command Create()
    {
        Option<bool> json = Tool.Json();
        var container = new Argument<string?>("container") { Description = "only this one; without it, all on this image", Arity = ArgumentArity.ZeroOrOne };
        var command = new Command("doctor", "Look for what is wrong with the engine and with containers, and say what mends it") { json, container };
        command.SetAction((parsed, cancel) => RunAsync(parsed.GetValue(container), parsed.GetValue(json), cancel));
        return command;
    }

    private static async Task<int> RunAsync(string? name, bool json, CancellationToken cancel)
    {
        await Task.Yield();
        var findings = new List<Finding>();
        try
        {
            using DockerEngine engine = await DockerEngine.ConnectAsync(cancel).ConfigureAwait(false);
            await LookAtEngineAsync(engine, findings, cancel).ConfigureAwait(false);
            IReadOnlyList<ContainerListResponse> ours = await KeelsonContainers.ListAsync(engine, all: false, cancel).ConfigureAwait(false);
            if (name is null && ours.Count == 0)
                findings.Add(new Finding("ok", "containers", "none on this image runs"));
            foreach (string id in name is null ? ours.Select(c => c.ID!) : [name])
                await LookAtContainerAsync(await Found.FindAsync(engine, id, cancel).ConfigureAwait(false), findings, cancel).ConfigureAwait(false);
        }
        catch (Refusal e)
        {
            findings.Add(new Finding("error", name ?? "container", e.Message, e.Cures.Count > 0 ? e.Cures[0] : null));
        }
        catch (DockerApiException e)
        {
            findings.Add(new Finding("error", "engine", DockerEngine.MessageOf(e)));
        }
        catch (Exception e) when (e is InvalidOperationException or HttpRequestException or IOException)
        {
            string[] lines = e.Message.Split('\n');
            findings.Add(new Finding("error", "engine", string.Join(' ', lines[..Math.Max(1, lines.Length - 1)].Select(l => l.Trim())), lines.Length > 1 ? lines[^1] : null));
        }
        Print(findings, json);
        return findings.Any(f => f.Level == "error") ? 1 : 0;
    }

    private static async Task LookAtEngineAsync(DockerEngine engine, List<Finding> findings, CancellationToken cancel)
    {
        VersionResponse version = await engine.Client.System.GetVersionAsync(cancel).ConfigureAwait(false);
        SystemInfoResponse info = await engine.Client.System.GetSystemInfoAsync(cancel).ConfigureAwait(false);
        findings.Add(new Finding("ok", "engine", $"{version.Version} on {version.Os}/{version.Arch}, at {engine.Endpoint}"));
        if (info.Driver == "vfs")
            findings.Add(new Finding("warning", "engine", "its storage driver vfs copies the whole image for each container", "a kernel and a file system with overlayfs, then: \"storage-driver\": \"overlay2\" in /etc/docker/daemon.json"));
        if (info.CgroupDriver == "none")
            findings.Add(new Finding("warning", "engine", "it makes no control groups: memory and process limits do nothing", "a rootless engine needs cgroup v2 with delegation (systemd)"));
        if (info.LoggingDriver == "none")
            findings.Add(new Finding("warning", "engine", "its logging driver is none: `docker logs` shows nothing", "\"log-driver\": \"local\" in /etc/docker/daemon.json"));
        else if (info.LoggingDriver == "json-file")
            findings.Add(new Finding("ok", "engine", "logs are kept as json-file, without a limit unless one is set (\"log-opts\": {\"max-size\": \"10m\"})"));
    }

    private static async Task LookAtContainerAsync(Found container, List<Finding> findings, CancellationToken cancel)
    {
        ContainerInspectResponse state = container.State;
        int before = findings.Count;
        void Warn(string text, string? cure) => findings.Add(new Finding("warning", container.Name, text, cure));
        void Fail(string text, string? cure) => findings.Add(new Finding("error", container.Name, text, cure));

        if (state.RestartCount > 2)
            Fail($"the engine has restarted it {state.RestartCount} times; it ended last with exit status {state.State?.ExitCode}", $"docker logs {container.Name}");
        if (state.State?.OOMKilled == true)
            Fail("the kernel killed something in it for want of memory", "a larger --memory, or less in the container");
        if (state.State is not { Running: true })
        {
            Fail($"it does not run; exit status {state.State?.ExitCode}{Meaning(state.State?.ExitCode ?? 0)}", $"docker logs {container.Name}");
            return;
        }
        (long status, string first, _) = await container.ExecuteAsync(["cat", "/proc/1/comm"], cancel).ConfigureAwait(false);
        bool isInit = status == 0 && first.Trim() is "my_init" or "keelson";
        if (!isInit && state.HostConfig?.Init == true)
            Warn("--init puts another init before my_init, which is then not process 1", "docker run without --init");
        else if (!isInit)
            Fail($"process 1 is {first.Trim()}, not my_init: no startup script and no service runs", "end the Dockerfile with CMD [\"/sbin/my_init\"], and put your program into /etc/service/NAME/run or behind /sbin/my_init --");
        string? signal = state.Config?.StopSignal;
        if (signal is not (null or "" or "SIGTERM" or "TERM" or "15" or "SIGINT" or "INT" or "2" or "SIGQUIT" or "SIGPWR" or "SIGRTMIN+3" or "37"))
            Warn($"its stop signal is {signal}, on which my_init does not stop", "without STOPSIGNAL in the Dockerfile, and without --stop-signal");
        // Podman says 0 for none.
        if (state.Config?.StopTimeout is { } grace && grace > TimeSpan.Zero && grace < s_defaultGrace && Budget(state) >= grace.TotalSeconds)
            Warn($"it is killed {grace.TotalSeconds:0} s after the signal to stop, and may take {Budget(state)}", $"docker run --stop-timeout {Budget(state) + 2}, or less in KILL_PROCESS_TIMEOUT");
        if (state.HostConfig?.RestartPolicy?.Name.ToString() is { } policy && policy.Contains("No", StringComparison.Ordinal) && state.HostConfig.AutoRemove != true)
            findings.Add(new Finding("ok", container.Name, "it is not started again when it ends, nor after a reboot (--restart unless-stopped)"));

        if (await KeelsonContainers.ServicesAsync(container, cancel).ConfigureAwait(false) is { } services)
        {
            if (isInit && services.Count == 0)
                Warn("/etc/service has no service", "/etc/service/NAME/run, executable");
            foreach (Service service in services.Where(s => s.IsTrouble))
                Fail($"the service {service.Name} is not well: {service.State} {string.Join(", ", service.Remarks)}", $"docker logs {container.Name}; docker exec {container.Name} sv status {service.Name}");
            foreach ((string service, string reason) in await KeelsonContainers.FailedAsync(container, cancel).ConfigureAwait(false))
                Fail($"the service {service} has failed and is not started again: {reason}", $"docker logs {container.Name}; docker exec {container.Name} sv start {service}");
            long age = Age(state);
            foreach (Service service in services.Where(s => s is { State: "run", Seconds: < 3 } && age > 10))
                Warn($"the service {service.Name} was started {service.Seconds} s ago, the container {PsCommand.Duration(age)} ago: it may end again and again", $"docker logs --tail 50 {container.Name}");
        }
        bool runnable = true;
        foreach (string path in await UnrunnableAsync(container, cancel).ConfigureAwait(false))
        {
            runnable = false;
            string text = $"{path} is not executable, so it is never run";
            string cure = $"RUN chmod +x {path} in the Dockerfile";
            if (path.EndsWith("/run", StringComparison.Ordinal))
                Fail(text, cure);
            else
                Warn(text, cure);
        }
        string? keys = await container.ReadFileAsync("/root/.ssh/authorized_keys", cancel).ConfigureAwait(false);
        bool insecure = keys?.Contains(Shells.InsecureKey.PublicHalf, StringComparison.Ordinal) == true;
        if (insecure && container.Published(22).Any(p => p.Host is not "127.0.0.1" and not "::1" || state.NetworkSettings!.Ports!["22/tcp"]!.Any(b => b.HostIP is "0.0.0.0" or "::" or "")))
            Fail("whoever has the published insecure key is root in it, and its port 22 is open to the network", "docker run -p 127.0.0.1::22, or a key of your own");
        else if (insecure)
            Warn("the published insecure key lets root in", "a key of your own in /root/.ssh/authorized_keys");
        if (runnable && findings.Count == before)
            findings.Add(new Finding("ok", container.Name, "nothing wrong was found"));
    }

    private static string Meaning(long status) => status switch
    {
        126 => " (the command could not be executed)",
        127 => " (the command was not found)",
        137 => " (killed: by `docker kill`, by `docker stop` after its time, or for want of memory)",
        143 => " (ended by TERM)",
        _ => "",
    };

    // The first plus six tenths of the second (README, "Stopping").
    private static int Budget(ContainerInspectResponse state) =>
        (int)Math.Ceiling(Seconds(state, "KILL_PROCESS_TIMEOUT") + (0.6 * Seconds(state, "KILL_ALL_PROCESSES_TIMEOUT")));

    private static double Seconds(ContainerInspectResponse state, string name)
    {
        string? set = state.Config?.Env?.FirstOrDefault(e => e.StartsWith($"{name}=", StringComparison.Ordinal));
        return set is not null && double.TryParse(set.Split('=')[1], CultureInfo.InvariantCulture, out double seconds) ? seconds : 5;
    }

    private static long Age(ContainerInspectResponse state) =>
        DateTime.TryParse(state.State?.StartedAt, CultureInfo.InvariantCulture, DateTimeStyles.AdjustToUniversal, out DateTime started)
            ? (long)(DateTime.UtcNow - started).TotalSeconds : 0;

    private static async Task<IEnumerable<string>> UnrunnableAsync(Found container, CancellationToken cancel)
    {
        const string Script = "for f in /etc/service/*/run /etc/my_init.d/* /etc/my_init.pre_shutdown.d/* /etc/my_init.post_shutdown.d/*; do [ ! -f \"$f\" ] || [ -x \"$f\" ] || echo \"$f\"; done";
        (long status, string output, _) = await container.ExecuteAsync(["sh", "-c", Script], cancel).ConfigureAwait(false);
        return status == 0 ? output.Split('\n', StringSplitOptions.RemoveEmptyEntries) : [];
    }

    private static void Print(IReadOnlyList<Finding> findings, bool json)
    {
        if (json)
        {
            Console.Out.WriteLine(JsonSerializer.Serialize(findings, Json.Plain.IReadOnlyListFinding));
            return;
        }
        foreach (Finding finding in findings)
        {
            string colour = finding.Level switch { "ok" => "green", "warning" => "yellow", _ => "red" };
            Terminal.Out.MarkupLine($"[{colour}]{finding.Level,-8}[/] {Markup.Escape(finding.Subject)}: {Markup.Escape(finding.Text)}");
            if (finding.Cure is not null)
                Terminal.Out.MarkupLine($"         [grey]cure:[/] {Markup.Escape(finding.Cure)}");
        }
    }
}
