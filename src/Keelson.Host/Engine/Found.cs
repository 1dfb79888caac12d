using System.Formats.Tar;
using System.Globalization;
using System.Text;
using Docker.DotNet;
using Docker.DotNet.Models;

namespace Keelson.Host.Engine;

/// <summary>A container that somebody else started and named to us.</summary>
internal sealed class Found(DockerEngine engine, ContainerInspectResponse state)
{
    // No file that we read is larger.
    private const int Largest = 1 << 20;

    internal string Id => state.ID!;

    internal string Name => state.Name!.TrimStart('/');

    /// <summary>Its first process as the engine's machine numbers it, 0 when it doesn't run.</summary>
    internal long Pid => state.State?.Pid ?? 0;

    internal ContainerInspectResponse State => state;

    /// <param name="engine">The engine that has it.</param>
    /// <param name="name">Its name, or its id or the beginning of it.</param>
    /// <param name="cancel">Ends it.</param>
    /// <exception cref="Refusal">There is none, or it can't be entered; says what to do.</exception>
    internal static async Task<Found> RunningAsync(DockerEngine engine, string name, CancellationToken cancel)
    {
        Found found = await FindAsync(engine, name, cancel).ConfigureAwait(false);
        if (found.State.State is not { } state)
            throw new Refusal($"the engine tells no state of the container {name}", $"docker inspect {name}");
        if (state.Paused)
            throw new Refusal($"the container {name} is paused", $"docker unpause {name}");
        if (state.Restarting)
            throw new Refusal($"the container {name} ends again and again; last with exit status {state.ExitCode}", $"docker logs {name}");
        if (!state.Running)
            throw new Refusal($"the container {name} is not running; it ended with exit status {state.ExitCode}", $"docker start {name}");
        return found;
    }

    internal static async Task<Found> FindAsync(DockerEngine engine, string name, CancellationToken cancel)
    {
        try
        {
            return new Found(engine, await engine.Client.Containers.InspectContainerAsync(name, cancel).ConfigureAwait(false));
        }
        catch (DockerContainerNotFoundException)
        {
            throw new Refusal($"there is no container {name}", "docker ps -a");
        }
        catch (DockerApiException e)
        {
            throw new Refusal($"the engine can't tell which container {name} is: {DockerEngine.MessageOf(e)}", "docker ps -a");
        }
    }

    /// <summary>Where the engine's machine reaches it, empty when it has no address of its own.</summary>
    internal IEnumerable<string> Addresses()
    {
        foreach (EndpointSettings network in state.NetworkSettings?.Networks?.Values ?? [])
        {
            if (network.IPAddress?.ToString() is { Length: > 0 } four && four != "0.0.0.0")
                yield return four;
        }
    }

    /// <summary>Where a TCP port of it is published.</summary>
    internal IEnumerable<(string Host, int Port)> Published(int port)
    {
        if (state.NetworkSettings?.Ports?.TryGetValue($"{port.ToString(CultureInfo.InvariantCulture)}/tcp", out IList<PortBinding>? bindings) != true)
            yield break;
        foreach (PortBinding binding in bindings ?? [])
        {
            string host = binding.HostIP is null or "" or "0.0.0.0" or "::" ? engine.Host : binding.HostIP;
            if (int.TryParse(binding.HostPort, CultureInfo.InvariantCulture, out int number))
                yield return (host, number);
        }
    }

    internal async Task<bool> HasFileAsync(string path, CancellationToken cancel)
    {
        try
        {
            ContainerArchiveResponse file = await engine.Client.Containers.GetArchiveFromContainerAsync(Id, new ContainerPathStatParameters { Path = path }, statOnly: true, cancel).ConfigureAwait(false);
            file.Stream?.Dispose();
            return true;
        }
        catch (DockerApiException)
        {
            return false;
        }
    }

    /// <summary>A small text file of the container, read by the engine; null when it isn't there.</summary>
    internal async Task<string?> ReadFileAsync(string path, CancellationToken cancel)
    {
        try
        {
            ContainerArchiveResponse file = await engine.Client.Containers.GetArchiveFromContainerAsync(Id, new ContainerPathStatParameters { Path = path }, statOnly: false, cancel).ConfigureAwait(false);
            if (file.Stream is not { } stream)
                return null;
            using var whole = new MemoryStream();
            await using (stream.ConfigureAwait(false))
            {
                if (file.Stat is not { Size: >= 0 and <= Largest })
                    return null;
                await stream.CopyToAsync(whole, cancel).ConfigureAwait(false);
            }
            whole.Position = 0;
            using var archive = new TarReader(whole);
            if (archive.GetNextEntry() is not { DataStream: { } content })
                return null;
            using var reader = new StreamReader(content, Encoding.UTF8);
            return await reader.ReadToEndAsync(cancel).ConfigureAwait(false);
        }
        catch (DockerApiException)
        {
            return null;
        }
    }

    /// <summary>Runs a command in it; its status, and what it printed.</summary>
    internal async Task<(long Status, string Output, string Error)> ExecuteAsync(string[] command, CancellationToken cancel)
    {
        ContainerExecCreateResponse exec = await engine.Client.Exec.CreateContainerExecAsync(
            Id, new ContainerExecCreateParameters { Cmd = command, AttachStdout = true, AttachStderr = true }, cancel).ConfigureAwait(false);
        using MultiplexedStream stream = await engine.Client.Exec.StartContainerExecAsync(exec.ID!, new ContainerExecStartParameters(), cancel).ConfigureAwait(false);
        (string output, string error) = await stream.ReadOutputToEndAsync(cancel).ConfigureAwait(false);
        ContainerExecInspectResponse ended = await engine.Client.Exec.InspectContainerExecAsync(exec.ID!, cancel).ConfigureAwait(false);
        return (ended.ExitCode ?? -1, output, error);
    }
}

/// <summary>Why something can't be done, and the commands that mend it, each on a line of its own.</summary>
internal sealed class Refusal(string reason, params string[] cures) : Exception(reason)
{
    internal IReadOnlyList<string> Cures => cures;

    /// <summary>As it is printed below "NAME: ".</summary>
    internal string Text => cures.Length == 0 ? Message : $"{Message}. Try:\n{string.Join('\n', cures.Select(c => $"  {c}"))}";
}
