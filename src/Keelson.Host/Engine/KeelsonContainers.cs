using System.Globalization;
using System.Text.Json;
using Docker.DotNet.Models;

namespace Keelson.Host.Engine;

/// <summary>A service as `sv status` tells it.</summary>
/// <param name="Name">Its directory's name.</param>
/// <param name="State">"run", "down", "finish", or "fail".</param>
/// <param name="Pid">Of its process, 0 when there is none.</param>
/// <param name="Seconds">How long it has been so.</param>
/// <param name="Remarks">"paused", "want up", "normally down" and so on, as sv writes them.</param>
internal sealed record Service(string Name, string State, int Pid, long Seconds, IReadOnlyList<string> Remarks)
{
    /// <summary>Down although it is wanted up, or not even supervised. One that its conditions or `sv stop` keep down is well.</summary>
    internal bool IsTrouble => State is "fail" or "finish" || (State == "down" && Remarks.Contains("want up"));

    /// <summary>Reads `sv status` (its output is runit's): "run: web: (pid 42) 7s, normally down; run: log: ...".</summary>
    internal static Service? Parse(string line)
    {
        string main = line.Split(';')[0].Trim();
        string[] parts = main.Split(": ", 3);
        if (parts.Length < 3 || parts[1] == "*" || parts[0] is not ("run" or "down" or "finish" or "fail" or "warning"))
            return null;
        if (parts[0] is "fail" or "warning")
            return new Service(parts[1], "fail", 0, 0, [parts[2]]);
        string rest = parts[2];
        int pid = 0;
        if (rest.StartsWith("(pid ", StringComparison.Ordinal) && rest.IndexOf(')', StringComparison.Ordinal) is > 0 and var end)
        {
            _ = int.TryParse(rest[5..end], CultureInfo.InvariantCulture, out pid);
            rest = rest[(end + 1)..].TrimStart();
        }
        string[] remarks = rest.Split(", ");
        _ = long.TryParse(remarks[0].TrimEnd('s'), CultureInfo.InvariantCulture, out long seconds);
        return new Service(parts[1], parts[0], pid, seconds, remarks[1..]);
    }
}

/// <summary>Which containers are ours, and what runs in them.</summary>
internal static class KeelsonContainers
{
    /// <summary>The label of the image, which those that are built on it inherit.</summary>
    internal const string Label = "org.keelson.version";

    // Newest first, as docker ps has it.
    internal static async Task<IReadOnlyList<ContainerListResponse>> ListAsync(DockerEngine engine, bool all, CancellationToken cancel)
    {
        IList<ContainerListResponse> containers = await engine.Client.Containers.ListContainersAsync(new ContainersListParameters { All = all }, cancel).ConfigureAwait(false);
        return [.. containers.Where(IsOurs)];
    }

    // An overlay on somebody's own base has no label, but its first process.
    private static bool IsOurs(ContainerListResponse container) =>
        container.Labels?.ContainsKey(Label) == true || container.Command?.Split(' ')[0] is "/sbin/my_init" or "/usr/sbin/my_init" or "my_init";

    /// <summary>Null when the container can't be asked: it does not run, or has no shell.</summary>
    internal static async Task<IReadOnlyList<Service>?> ServicesAsync(Found container, CancellationToken cancel)
    {
        if (container.State.State is not { Running: true, Paused: false })
            return null;
        try
        {
            (long status, string output, _) = await container.ExecuteAsync(["sh", "-c", "cd /etc/service && exec sv status *"], cancel).ConfigureAwait(false);
            // sv's status counts the services that are not well; a shell that is missing is 126 or 127.
            return status is 126 or 127 ? null : [.. output.Split('\n').Select(Service.Parse).OfType<Service>()];
        }
        catch (Docker.DotNet.DockerApiException)
        {
            return null;
        }
    }

    /// <summary>The services that are not started again by themselves, each with the reason; none where process 1 can't say.</summary>
    internal static async Task<IReadOnlyList<(string Name, string Reason)>> FailedAsync(Found container, CancellationToken cancel)
    {
        (long status, string output, _) = await container.ExecuteAsync(["keelson", "status", "--json"], cancel).ConfigureAwait(false);
        if (status != 0)
            return [];
        try
        {
            using JsonDocument services = JsonDocument.Parse(output);
            return [.. services.RootElement.EnumerateArray().Where(s => s.GetProperty("state").GetString() == "failed")
                .Select(s => (s.GetProperty("name").GetString()!, s.TryGetProperty("reason", out JsonElement reason) ? reason.GetString() ?? "" : ""))];
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return [];
        }
    }

    internal static string NameOf(ContainerListResponse container) => container.Names?.FirstOrDefault()?.TrimStart('/') ?? container.ID![..12];
}
