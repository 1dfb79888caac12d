// `keelson run`: starts a container, shows its log, says when its services run, stops it on Ctrl-C as `docker stop` does,
// and ends with its exit status. What is shown of ours is on standard error: standard output is the container's.
using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Docker.DotNet;
using Docker.DotNet.Models;
using Keelson.Host.Engine;

namespace Keelson.Host.Commands;

internal static class RunCommand
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    private sealed record Wish(string Image, string[] Command, string? Name, string[] Publish, string[] Environment, string[] Volumes, bool Keep);

    internal static Command Create()
    {
        var image = new Argument<string>("image") { Description = "the image" };
        var what = new Argument<string[]>("command") { Description = "the main command: run below my_init, its exit status is the container's", Arity = ArgumentArity.ZeroOrMore };
        var name = new Option<string?>("--name") { Description = "the container's name", HelpName = "name" };
        var publish = new Option<string[]>("--publish", "-p") { Description = "[ADDRESS:][PORT:]CONTAINER-PORT; the address is 127.0.0.1 and the port a free one unless given", HelpName = "port" };
        var environment = new Option<string[]>("--env", "-e") { Description = "NAME=VALUE, or NAME to pass on one of ours", HelpName = "variable" };
        var volumes = new Option<string[]>("--volume", "-v") { Description = "SOURCE:PATH[:ro]", HelpName = "mount" };
        var keep = new Option<bool>("--keep") { Description = "do not remove the container when it has ended" };
        var command = new Command("run", "Start a container, show its log and its services, stop it cleanly on Ctrl-C") { name, publish, environment, volumes, keep, image, what };
        command.SetAction((parsed, cancel) => Tool.RunAsync(
            engine => RunAsync(
                engine,
                new Wish(
                    parsed.GetRequiredValue(image), parsed.GetValue(what) ?? [], parsed.GetValue(name), parsed.GetValue(publish) ?? [],
                    parsed.GetValue(environment) ?? [], parsed.GetValue(volumes) ?? [], parsed.GetValue(keep)),
                cancel),
            cancel));
        return command;
    }

    private static async Task<int> RunAsync(DockerEngine engine, Wish wish, CancellationToken cancel)
    {
        CreateContainerResponse created;
        try
        {
            // Not to be cancelled: the engine might have made one by then, and nobody would know its name.
            created = await engine.Client.Containers.CreateContainerAsync(Parameters(wish), CancellationToken.None).ConfigureAwait(false);
        }
        catch (DockerImageNotFoundException)
        {
            throw new Refusal($"there is no image {wish.Image} here", $"docker pull {wish.Image}", "docker images");
        }
        string id = created.ID;
        try
        {
            using MultiplexedStream stream = await engine.Client.Containers.AttachContainerAsync(
                id, new ContainerAttachParameters { Stream = true, Stdout = true, Stderr = true }, cancel).ConfigureAwait(false);
            await engine.Client.Containers.StartContainerAsync(id, new ContainerStartParameters(), cancel).ConfigureAwait(false);
            return await AttendAsync(engine, id, stream, cancel).ConfigureAwait(false);
        }
        finally
        {
            if (!wish.Keep)
                await RemoveAsync(engine, id).ConfigureAwait(false);
        }
    }

    private static CreateContainerParameters Parameters(Wish wish)
    {
        var ports = new Dictionary<string, IList<PortBinding>>();
        foreach (string port in wish.Publish)
        {
            string[] parts = port.Split(':');
            string inside = parts[^1].Contains('/', StringComparison.Ordinal) ? parts[^1] : $"{parts[^1]}/tcp";
            ports[inside] = [new PortBinding { HostIP = parts.Length > 2 ? string.Join(':', parts[..^2]) : "127.0.0.1", HostPort = parts.Length > 1 ? parts[^2] : "" }];
        }
        return new CreateContainerParameters
        {
            Image = wish.Image,
            Name = wish.Name ?? "",
            Env = [.. wish.Environment.Select(e => e.Contains('=', StringComparison.Ordinal) ? e : $"{e}={Environment.GetEnvironmentVariable(e)}")],
            // Without a command, the image's own.
            Cmd = wish.Command.Length > 0 ? ["/sbin/my_init", "--", .. wish.Command] : [],
            ExposedPorts = ports.Keys.ToDictionary(p => p, _ => default(EmptyStruct)),
            HostConfig = new HostConfig { PortBindings = ports, Binds = wish.Volumes },
        };
    }

    private static async Task<int> AttendAsync(DockerEngine engine, string id, MultiplexedStream stream, CancellationToken cancel)
    {
        await using Stream output = Console.OpenStandardOutput();
        await using Stream error = Console.OpenStandardError();
        Task pumping = LogsCommand.PumpAsync(stream, new LineSink(output, null), new LineSink(error, null), CancellationToken.None);
        using var ended = new CancellationTokenSource();
        Task<int> waiting = WaitAsync(engine, id);
        Task telling = TellAsync(engine, id, ended.Token);

        var interrupted = new TaskCompletionSource();
        await using CancellationTokenRegistration registration = cancel.Register(interrupted.SetResult);
        if (await Task.WhenAny(waiting, interrupted.Task).ConfigureAwait(false) != waiting)
        {
            Say("stopping; once more ends it at once");
            using PosixSignalRegistration again = PosixSignalRegistration.Create(PosixSignal.SIGINT, c =>
            {
                c.Cancel = true;
                _ = engine.Client.Containers.KillContainerAsync(id, new ContainerKillParameters { Signal = "SIGTERM" }, CancellationToken.None);
            });
            var clock = Stopwatch.StartNew();
            await engine.Client.Containers.StopContainerAsync(id, new ContainerStopParameters { WaitBeforeKillSeconds = 10 }, CancellationToken.None).ConfigureAwait(false);
            Say(string.Create(CultureInfo.InvariantCulture, $"stopped in {clock.Elapsed.TotalSeconds:0.00} s"));
        }
        int status = await waiting.ConfigureAwait(false);
        await ended.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(telling, pumping.WaitAsync(s_patience, CancellationToken.None)).ConfigureAwait(false);
        if (status != 0)
            Say($"the container has ended with exit status {status}");
        return status;
    }

    private static async Task<int> WaitAsync(DockerEngine engine, string id) =>
        (int)(await engine.Client.Containers.WaitContainerAsync(id, CancellationToken.None).ConfigureAwait(false)).StatusCode;

    /// <summary>Says once what runs and where it is reached: when each service that shall be up has been so for a second.</summary>
    private static async Task TellAsync(DockerEngine engine, string id, CancellationToken ended)
    {
        var clock = Stopwatch.StartNew();
        try
        {
            while (clock.Elapsed < s_patience)
            {
                Found container = await Found.FindAsync(engine, id, ended).ConfigureAwait(false);
                IReadOnlyList<Service>? services = await KeelsonContainers.ServicesAsync(container, ended).ConfigureAwait(false);
                Service[] up = [.. services?.Where(s => !s.Remarks.Contains("normally down") && !(s.State == "down" && s.Remarks.Count == 0)) ?? []];
                if (up.Length > 0 && up.All(s => s is { State: "run", Seconds: > 0 }))
                {
                    Say($"{container.Name}: {string.Join(", ", up.Select(s => s.Name))} {(up.Length == 1 ? "runs" : "run")}");
                    foreach ((string inside, IList<PortBinding>? bindings) in container.State.NetworkSettings?.Ports ?? new Dictionary<string, IList<PortBinding>>())
                    {
                        foreach (PortBinding binding in bindings ?? [])
                            Say($"{inside} is at {binding.HostIP}:{binding.HostPort}");
                    }
                    return;
                }
                await Task.Delay(200, ended).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or DockerApiException or Refusal)
        {
            // It has ended; its log says why.
        }
    }

    private static void Say(string text) => Console.Error.WriteLine($"keelson: {text}");

    private static async Task RemoveAsync(DockerEngine engine, string id)
    {
        try
        {
            await engine.Client.Containers.RemoveContainerAsync(id, new ContainerRemoveParameters { Force = true, RemoveVolumes = true }).ConfigureAwait(false);
        }
        catch (DockerContainerNotFoundException)
        {
            // Somebody was faster; gone is gone.
        }
    }
}
