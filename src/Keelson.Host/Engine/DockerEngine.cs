using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Docker.DotNet;

namespace Keelson.Host.Engine;

/// <summary>
/// The engine that the docker command would talk to: DOCKER_HOST, the current docker context, Docker's socket; after
/// these, where neither is, the sockets of a rootless engine and of podman.
/// </summary>
internal sealed class DockerEngine : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    private DockerEngine(DockerClient client, Uri endpoint)
    {
        Client = client;
        Endpoint = endpoint;
    }

    internal DockerClient Client { get; }

    internal Uri Endpoint { get; }

    /// <summary>Whether it is reached over a socket of this machine, so that its containers may be processes of it.</summary>
    internal bool IsLocal => Endpoint.Scheme is "unix" or "npipe";

    /// <summary>Where ports are that it publishes on all addresses.</summary>
    internal string Host => IsLocal ? "127.0.0.1" : Endpoint.Host;

    /// <exception cref="InvalidOperationException">None answers, or what is set can't be used; says what to do.</exception>
    internal static async Task<DockerEngine> ConnectAsync(CancellationToken cancel)
    {
        var silent = new List<string>();
        foreach (Uri endpoint in Candidates())
        {
            if (endpoint.Scheme is not ("unix" or "npipe" or "tcp" or "http"))
                throw new InvalidOperationException($"an engine at {endpoint} can't be used: only unix://, npipe:// and tcp:// without TLS can. For one behind ssh: ssh -L /tmp/docker.sock:/var/run/docker.sock HOST, and DOCKER_HOST=unix:///tmp/docker.sock");
            DockerClient client = new DockerClientBuilder().WithEndpoint(endpoint).Build();
            try
            {
                using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancel);
                patience.CancelAfter(s_patience);
                await client.System.PingAsync(patience.Token).ConfigureAwait(false);
                return new DockerEngine(client, endpoint);
            }
            catch (Exception e) when (IsSilence(e) && !cancel.IsCancellationRequested)
            {
                client.Dispose();
                silent.Add($"{endpoint}: {Reason(e)}");
            }
        }
        throw new InvalidOperationException(
            $"no Docker engine answers.\n  {string.Join("\n  ", silent)}\nStart one (systemctl start docker; `make engine` in Keelson's checkout), or set DOCKER_HOST to one that runs."
            + (silent.Any(s => s.Contains("ermission denied", StringComparison.Ordinal)) ? "\nTo be allowed to use its socket: sudo, or be a member of the group docker, which is as much as root." : ""));
    }

    internal static bool IsSilence(Exception e) =>
        e is HttpRequestException or IOException or System.Net.Sockets.SocketException or TimeoutException or OperationCanceledException or DockerApiException;

    private static string Reason(Exception e)
    {
        if (e is OperationCanceledException)
            return $"no answer within {s_patience.TotalSeconds:0} s";
        while (e.InnerException is { } inner)
            e = inner;
        return e.Message;
    }

    private static IEnumerable<Uri> Candidates()
    {
        string? given = Environment.GetEnvironmentVariable("DOCKER_HOST") is { Length: > 0 } host ? host : ContextHost();
        if (given is not null)
        {
            yield return Uri.TryCreate(given, UriKind.Absolute, out Uri? uri) ? uri : throw new InvalidOperationException($"DOCKER_HOST is {given}, and has to look like unix:///var/run/docker.sock");
            yield break;
        }
        if (OperatingSystem.IsWindows())
        {
            yield return new Uri("npipe://./pipe/docker_engine");
            yield break;
        }
        yield return new Uri("unix:///var/run/docker.sock");
        string? runtime = Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR");
        string?[] others = [runtime is null ? null : $"{runtime}/docker.sock", runtime is null ? null : $"{runtime}/podman/podman.sock", "/run/podman/podman.sock"];
        foreach (string? socket in others)
        {
            if (socket is not null && File.Exists(socket))
                yield return new Uri($"unix://{socket}");
        }
    }

    // docker-context(1): DOCKER_CONTEXT, or currentContext of config.json; its description is in a directory that is named
    // by the digest of its name.
    private static string? ContextHost()
    {
        string configuration = Environment.GetEnvironmentVariable("DOCKER_CONFIG")
            ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".docker");
        string? name = Environment.GetEnvironmentVariable("DOCKER_CONTEXT");
        try
        {
            string file = Path.Combine(configuration, "config.json");
            if (name is not { Length: > 0 } && File.Exists(file))
            {
                using JsonDocument config = JsonDocument.Parse(File.ReadAllText(file));
                name = config.RootElement.TryGetProperty("currentContext", out JsonElement current) ? current.GetString() : null;
            }
            if (name is not { Length: > 0 } or "default")
                return null;
            string id = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(name)));
            using JsonDocument context = JsonDocument.Parse(File.ReadAllText(Path.Combine(configuration, "contexts", "meta", id, "meta.json")));
            return context.RootElement.GetProperty("Endpoints").GetProperty("docker").GetProperty(nameof(Host)).GetString();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new InvalidOperationException($"the docker context {name ?? "of config.json"} can't be read: {e.Message}. See: docker context ls", e);
        }
    }

    /// <summary>What the engine said, without the envelope that it came in.</summary>
    internal static string MessageOf(DockerApiException refusal)
    {
        try
        {
            using JsonDocument body = JsonDocument.Parse(refusal.ResponseBody ?? "");
            return body.RootElement.GetProperty("message").GetString() ?? refusal.Message;
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return refusal.Message;
        }
    }

    public void Dispose() => Client.Dispose();
}
