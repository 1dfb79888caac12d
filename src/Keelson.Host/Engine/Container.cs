using Docker.DotNet;
using Docker.DotNet.Models;

namespace Keelson.Host.Engine;

/// <summary>A container that this process started and removes again.</summary>
internal sealed class Container : IAsyncDisposable
{
    private readonly DockerClient _engine;

    private Container(DockerClient engine, string id)
    {
        _engine = engine;
        Id = id;
    }

    internal string Id { get; }

    /// <summary>Creates and starts a container; a TCP port of it is published on a free loopback port.</summary>
    internal static async Task<Container> StartAsync(DockerClient engine, string image, int port, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        string published = $"{port}/tcp";
        // Not to be cancelled: the engine might have made one by then, and nobody would know its name.
        CreateContainerResponse created = await engine.Containers.CreateContainerAsync(
            new CreateContainerParameters
            {
                Image = image,
                ExposedPorts = new Dictionary<string, EmptyStruct> { [published] = default },
                HostConfig = new HostConfig
                {
                    PortBindings = new Dictionary<string, IList<PortBinding>> { [published] = [new PortBinding { HostIP = "127.0.0.1" }] },
                },
            },
            CancellationToken.None).ConfigureAwait(false);
        var container = new Container(engine, created.ID);
        try
        {
            await engine.Containers.StartContainerAsync(created.ID, new ContainerStartParameters(), cancel).ConfigureAwait(false);
            return container;
        }
        catch
        {
            await container.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>The loopback port that the engine chose for a published one.</summary>
    internal async Task<int> PublishedPortAsync(int port, CancellationToken cancel)
    {
        ContainerInspectResponse container = await _engine.Containers.InspectContainerAsync(Id, cancel).ConfigureAwait(false);
        if (container.State is { Running: false } state)
            throw new InvalidOperationException($"the container has ended already, with exit status {state.ExitCode}");
        return container.NetworkSettings?.Ports?.TryGetValue($"{port}/tcp", out IList<PortBinding>? bindings) == true && bindings is { Count: > 0 }
            ? int.Parse(bindings[0].HostPort!, System.Globalization.CultureInfo.InvariantCulture)
            : throw new InvalidOperationException($"the engine published no port for {port}/tcp");
    }

    /// <summary>Runs a command in the container and returns what it printed on standard output.</summary>
    internal async Task<string> ExecuteAsync(string[] command, CancellationToken cancel)
    {
        ContainerExecCreateResponse exec = await _engine.Exec.CreateContainerExecAsync(
            Id, new ContainerExecCreateParameters { Cmd = command, AttachStdout = true, AttachStderr = true }, cancel).ConfigureAwait(false);
        using MultiplexedStream stream = await _engine.Exec.StartContainerExecAsync(exec.ID!, new ContainerExecStartParameters(), cancel).ConfigureAwait(false);
        (string output, string error) = await stream.ReadOutputToEndAsync(cancel).ConfigureAwait(false);
        ContainerExecInspectResponse ended = await _engine.Exec.InspectContainerExecAsync(exec.ID!, cancel).ConfigureAwait(false);
        return ended.ExitCode == 0 ? output : throw new InvalidOperationException($"{string.Join(' ', command)} failed in the container: {error}{output}");
    }

    /// <summary>`docker logs`: standard output, standard error.</summary>
    internal async Task<(string Output, string Error)> LogsAsync(CancellationToken cancel)
    {
        using MultiplexedStream stream = await _engine.Containers.GetContainerLogsAsync(
            Id, new ContainerLogsParameters { ShowStdout = true, ShowStderr = true }, cancel).ConfigureAwait(false);
        return await stream.ReadOutputToEndAsync(cancel).ConfigureAwait(false);
    }

    /// <summary>`docker stop` with Docker's own ten seconds; returns the exit status.</summary>
    internal async Task<long> StopAsync(CancellationToken cancel)
    {
        await _engine.Containers.StopContainerAsync(Id, new ContainerStopParameters { WaitBeforeKillSeconds = 10 }, cancel).ConfigureAwait(false);
        return (await _engine.Containers.InspectContainerAsync(Id, cancel).ConfigureAwait(false)).State!.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            await _engine.Containers.RemoveContainerAsync(Id, new ContainerRemoveParameters { Force = true, RemoveVolumes = true }).ConfigureAwait(false);
        }
        catch (DockerContainerNotFoundException)
        {
            // Somebody was faster; gone is gone.
        }
    }
}
