// docker-bash (Chinese seed: "docker-bash"): enters a container by its namespaces, which needs nothing inside but a shell.
// What runs there has the environment and the working directory of the container's first process, root's rights of this
// machine, and is in no control group of the container. Who may not do that gets `docker exec`, and is told.
using System.CommandLine;
using System.Globalization;
using System.Text;
using Keelson.Host.Engine;

namespace Keelson.Host.Shells;

internal static class BashCommand
{
    // What docker(1) ends with for its own failures.
    internal const int Failed = 125;

    internal static Command Create(string name)
    {
        Argument<string> container = Commands.Tool.Container("its name, its id or the beginning of it");
        var arguments = new Argument<string[]>("command") { Description = "what to run instead of a login shell, with its arguments as they are", Arity = ArgumentArity.ZeroOrMore };
        var command = new Command(name, "Open a shell in a container, or run a command in it, by nsenter or docker exec") { container, arguments };
        command.SetAction((parsed, cancel) => Shell.RunAsync("docker-bash", Failed, async () =>
        {
            string target = parsed.GetRequiredValue(container);
            using DockerEngine engine = await DockerEngine.ConnectAsync(cancel).ConfigureAwait(false);
            Found found = await Found.RunningAsync(engine, target, cancel).ConfigureAwait(false);
            string[] what = parsed.GetValue(arguments) is { Length: > 0 } given ? given : ["bash", "-l"];
            if (WhyNotEnter(engine, found) is not { } obstacle)
                return await EnterAsync(found, what).ConfigureAwait(false);
            await Console.Error.WriteLineAsync($"docker-bash: {obstacle}; using docker exec").ConfigureAwait(false);
            return await ExecuteAsync(engine, found, what).ConfigureAwait(false);
        }));
        return command;
    }

    private static string? WhyNotEnter(DockerEngine engine, Found container)
    {
        if (!OperatingSystem.IsLinux())
            return "there is no nsenter outside Linux";
        if (!engine.IsLocal)
            return $"the engine is on another machine ({engine.Endpoint.Host})";
        if (Environment.UserName != "root")
            return "entering its namespaces needs root (sudo)";
        // The engine of a virtual machine counts other processes. These two are the same in either's view only when they are
        // the same process.
        string process = $"/proc/{container.Pid.ToString(CultureInfo.InvariantCulture)}";
        try
        {
            if (!File.ReadAllText($"{process}/cgroup").Contains(container.Id, StringComparison.Ordinal)
                && !File.ReadAllText($"{process}/mountinfo").Contains(container.Id, StringComparison.Ordinal))
                return $"process {container.Pid} of this machine is not the container's";
            // Needs what nsenter will need.
            _ = File.ResolveLinkTarget($"{process}/ns/mnt", returnFinalTarget: false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"its first process can't be looked at ({e.Message})";
        }
        return (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(d => File.Exists(Path.Combine(d, "nsenter"))) ? null : "nsenter is missing (package util-linux)";
    }

    private static Task<int> EnterAsync(Found container, string[] command)
    {
        string pid = container.Pid.ToString(CultureInfo.InvariantCulture);
        var environment = new Dictionary<string, string>();
        foreach (string entry in Encoding.UTF8.GetString(File.ReadAllBytes($"/proc/{pid}/environ")).Split('\0'))
        {
            if (entry.IndexOf('=', StringComparison.Ordinal) is > 0 and var at)
                environment[entry[..at]] = entry[(at + 1)..];
        }
        if (Environment.GetEnvironmentVariable("TERM") is { } terminal)
            environment["TERM"] = terminal;
        List<string> arguments = ["--target", pid, "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup"];
        // A rootless engine's, or one with userns-remap. Entering one's own is an error.
        if (File.ResolveLinkTarget($"/proc/{pid}/ns/user", false)?.Name != File.ResolveLinkTarget("/proc/self/ns/user", false)?.Name)
            arguments.Add("--user");
        arguments.AddRange([$"--wd=/proc/{pid}/cwd", "--", .. command]);
        // nsenter looks for the command in the container's PATH, as it is in the container's environment. We find nsenter in ours.
        string nsenter = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(d => Path.Combine(d, "nsenter")).First(File.Exists);
        return Child.RunAsync(nsenter, arguments, "util-linux", environment);
    }

    private static Task<int> ExecuteAsync(DockerEngine engine, Found container, string[] command)
    {
        List<string> arguments = ["--host", engine.Endpoint.ToString().TrimEnd('/'), "exec", "-i"];
        if (!Console.IsInputRedirected && !Console.IsOutputRedirected)
            arguments.Add("-t");
        return Child.RunAsync("docker", [.. arguments, container.Id, .. command], "docker.io");
    }
}
