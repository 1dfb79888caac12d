// docker-ssh (seed: "The docker-ssh tool"): logs into a container. The engine tells the address or the published port, and
// hands over the container's public host keys, so the very first connection is a checked one and the user's known_hosts
// stays as it is. When the login fails, the likeliest cause is looked for, and named with what mends it.
using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Docker.DotNet;
using Keelson.Host.Engine;

namespace Keelson.Host.Shells;

internal sealed class SshCommand(DockerEngine engine, string user, string[] keys, bool verbose)
{
    // ssh's own, for what is not the command's.
    internal const int Failed = 255;
    private const int Port = 22;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan s_start = TimeSpan.FromSeconds(10);
    private static readonly string[] s_hostKeys = ["ed25519", "ecdsa", "rsa"];

    internal static Command Create(string name)
    {
        Argument<string> container = Commands.Tool.Container("its name, its id or the beginning of it; USER@CONTAINER for another user than root");
        var arguments = new Argument<string[]>("command") { Description = "what to run instead of a login shell, as ssh takes it", Arity = ArgumentArity.ZeroOrMore };
        var user = new Option<string>("--user", "-l") { Description = "the user in the container; root by default", HelpName = "user" };
        var key = new Option<string[]>("--identity", "-i") { Description = "a private key to log in with, instead of the insecure key", HelpName = "file" };
        var verbose = new Option<bool>("--verbose", "-v") { Description = "show ssh's own messages, and the command" };
        var command = new Command(name, "Log in to a Keelson container with SSH, or run a command in it") { user, key, verbose, container, arguments };
        command.SetAction((parsed, cancel) => Shell.RunAsync("docker-ssh", Failed, async () =>
        {
            string target = parsed.GetRequiredValue(container);
            string? as_ = parsed.GetValue(user);
            if (as_ is null && target.IndexOf('@', StringComparison.Ordinal) is > 0 and var at)
            {
                as_ = target[..at];
                target = target[(at + 1)..];
            }
            using DockerEngine engine = await DockerEngine.ConnectAsync(cancel).ConfigureAwait(false);
            Found found = await Found.RunningAsync(engine, target, cancel).ConfigureAwait(false);
            return await new SshCommand(engine, as_ ?? "root", parsed.GetValue(key) ?? [], parsed.GetValue(verbose)).RunAsync(found, target, parsed.GetValue(arguments) ?? [], cancel).ConfigureAwait(false);
        }));
        return command;
    }

    private async Task<int> RunAsync(Found container, string name, string[] command, CancellationToken cancel)
    {
        (string host, int port) = await ReachAsync(container, name, cancel).ConfigureAwait(false);
        bool enabled = keys.Length == 0 && await IsKeyEnabledAsync(container, cancel).ConfigureAwait(false);
        string directory = Directory.CreateTempSubdirectory("docker-ssh-").FullName;
        try
        {
            string known = Path.Combine(directory, "known_hosts");
            bool certain = await WriteKnownHostsAsync(known, container, cancel).ConfigureAwait(false);
            if (!certain)
                await Console.Error.WriteLineAsync($"docker-ssh: {name} has no host key in /etc/ssh; the one that it shows is believed").ConfigureAwait(false);
            List<string> arguments =
            [
                "-p", port.ToString(CultureInfo.InvariantCulture), "-l", user,
                "-o", $"HostKeyAlias={container.Id}", "-o", $"UserKnownHostsFile={known}", "-o", "GlobalKnownHostsFile=/dev/null",
                "-o", $"StrictHostKeyChecking={(certain ? "yes" : "accept-new")}", "-o", "UpdateHostKeys=no", "-o", "CheckHostIP=no",
                "-o", "ControlPath=none", "-o", "ProxyCommand=none", "-o", "PasswordAuthentication=no", "-o", "KbdInteractiveAuthentication=no",
                "-o", $"LogLevel={(verbose ? "DEBUG" : "ERROR")}",
            ];
            // Without it: the user's own keys and agent.
            if (enabled || keys.Length > 0)
                arguments.AddRange(["-o", "IdentitiesOnly=yes"]);
            foreach (string key in enabled ? [InsecureKey.Install()] : keys)
                arguments.AddRange(["-i", key]);
            // A login shell has a terminal by itself.
            if (command.Length > 0 && !Console.IsInputRedirected && !Console.IsOutputRedirected)
                arguments.Add("-t");
            arguments.AddRange(["--", host, .. command]);
            if (verbose)
                await Console.Error.WriteLineAsync($"docker-ssh: ssh {string.Join(' ', arguments)}").ConfigureAwait(false);
            int status = await Child.RunAsync("ssh", arguments, "openssh-client").ConfigureAwait(false);
            // 255 can be the command's own; it is not when nobody could have been let in.
            if (status == Failed && !enabled && user == "root" && keys.Length == 0)
            {
                throw new Refusal($"{name} does not let root in with the insecure key, nor with a key of yours",
                    $"docker exec {name} enable_insecure_key", $"docker-ssh -i YOUR-KEY {name}    # with its public half in /root/.ssh/authorized_keys");
            }
            if (status == Failed && keys.Length > 0)
                await Console.Error.WriteLineAsync($"docker-ssh: if that was the login: the public half of {string.Join(", ", keys)} belongs into the authorized_keys of {user} in {name}").ConfigureAwait(false);
            return status;
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private async Task<(string Host, int Port)> ReachAsync(Found container, string name, CancellationToken cancel)
    {
        List<(string Host, int Port)> places = [];
        if (engine.IsLocal)
            places.AddRange(container.Addresses().Select(a => (a, Port)));
        places.AddRange(container.Published(Port));
        if (container.State.HostConfig?.NetworkMode == "host")
            places.Add((engine.Host, Port));
        var clock = Stopwatch.StartNew();
        while (true)
        {
            var best = Answer.None;
            foreach ((string host, int port) in places)
            {
                Answer answer = await KnockAsync(host, port, cancel).ConfigureAwait(false);
                if (answer == Answer.Ssh)
                    return (host, port);
                best = answer > best ? answer : best;
            }
            // At its first start it makes its keys before it listens.
            if (best == Answer.None || clock.Elapsed > s_start || !await IsYoungAsync(container, cancel).ConfigureAwait(false))
                throw await DiagnoseAsync(container, name, best, cancel).ConfigureAwait(false);
            await Task.Delay(100, cancel).ConfigureAwait(false);
        }
    }

    // "run: sshd: (pid 42) 3s"; a container that was just started may not know its services yet.
    private static async Task<bool> IsYoungAsync(Found container, CancellationToken cancel)
    {
        if (DateTime.TryParse(container.State.State?.StartedAt, CultureInfo.InvariantCulture, DateTimeStyles.AdjustToUniversal, out DateTime started) && DateTime.UtcNow - started < s_start)
            return true;
        (_, string output, _) = await container.ExecuteAsync(["sv", "status", "sshd"], cancel).ConfigureAwait(false);
        return output.StartsWith("run:", StringComparison.Ordinal) && output.Split(' ') is [_, _, _, _, var age, ..]
            && int.TryParse(age.Split('s')[0], CultureInfo.InvariantCulture, out int seconds) && seconds <= s_start.TotalSeconds;
    }

    private static async Task<Refusal> DiagnoseAsync(Found container, string name, Answer answer, CancellationToken cancel)
    {
        if (!await container.HasFileAsync("/usr/sbin/sshd", cancel).ConfigureAwait(false) || !await container.HasFileAsync("/etc/service/sshd", cancel).ConfigureAwait(false))
            return new Refusal($"{name} has no SSH server: its image is not Keelson's, or was built with DISABLE_SSH=1", $"docker-bash {name}");
        if (await container.HasFileAsync("/etc/service/sshd/down", cancel).ConfigureAwait(false))
        {
            return new Refusal($"sshd is switched off in {name}, as it is by default",
                $"docker exec {name} sh -c 'enable_insecure_key; sv start sshd'    # with the insecure key, until the container is removed",
                $"docker exec {name} sh -c 'rm /etc/service/sshd/down; sv start sshd'    # with keys of your own",
                "docker run ... IMAGE /sbin/my_init --enable-insecure-key    # from the start",
                $"docker-bash {name}    # needs no sshd");
        }
        if (container.State.Config?.Env?.Any(e => e is "DISABLE_SSH=1") == true)
            return new Refusal($"{name} was started with DISABLE_SSH=1", "docker run without it", $"docker-bash {name}");
        (long status, string output, _) = await container.ExecuteAsync(["sv", "status", "sshd"], cancel).ConfigureAwait(false);
        if (status != 0 || !output.StartsWith("run:", StringComparison.Ordinal))
            return new Refusal($"sshd does not run in {name}: {output.Trim()}", $"docker exec {name} sv start sshd", $"docker logs {name}");
        return answer == Answer.None
            ? new Refusal($"sshd runs in {name}, and can't be reached from here: no address of the container answers, and it publishes no port 22 that does", "docker run -p 127.0.0.1::22 ...", $"docker-bash {name}")
            : new Refusal($"sshd runs in {name}, and does not answer on port 22", $"docker exec {name} sv status sshd", $"docker logs {name}");
    }

    private enum Answer
    {
        None,
        // The machine is there: it says that nobody listens, or somebody else does.
        Other,
        Ssh,
    }

    private static async Task<Answer> KnockAsync(string host, int port, CancellationToken cancel)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        patience.CancelAfter(s_patience);
        using var client = new TcpClient();
        var answer = Answer.None;
        try
        {
            await client.ConnectAsync(host, port, patience.Token).ConfigureAwait(false);
            answer = Answer.Other;
            var banner = new byte[4];
            await client.GetStream().ReadExactlyAsync(banner, patience.Token).ConfigureAwait(false);
            return Encoding.ASCII.GetString(banner) == "SSH-" ? Answer.Ssh : Answer.Other;
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused)
        {
            return Answer.Other;
        }
        catch (Exception e) when (e is SocketException or IOException || (e is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            return answer;
        }
    }

    private async Task<bool> IsKeyEnabledAsync(Found container, CancellationToken cancel)
    {
        // Where the home of another user is, only a look into the container would tell.
        if (user != "root")
            return true;
        string? authorized = await container.ReadFileAsync("/root/.ssh/authorized_keys", cancel).ConfigureAwait(false);
        return authorized?.Contains(InsecureKey.PublicHalf, StringComparison.Ordinal) == true;
    }

    /// <summary>The container's public keys, as its engine reads them; false when it has none.</summary>
    private static async Task<bool> WriteKnownHostsAsync(string file, Found container, CancellationToken cancel)
    {
        var lines = new StringBuilder();
        foreach (string kind in s_hostKeys)
        {
            if (await container.ReadFileAsync($"/etc/ssh/ssh_host_{kind}_key.pub", cancel).ConfigureAwait(false) is { } key && key.Split(' ') is [var type, var data, ..])
                lines.Append(CultureInfo.InvariantCulture, $"{container.Id} {type} {data.TrimEnd()}\n");
        }
        await File.WriteAllTextAsync(file, lines.ToString(), cancel).ConfigureAwait(false);
        return lines.Length > 0;
    }
}
