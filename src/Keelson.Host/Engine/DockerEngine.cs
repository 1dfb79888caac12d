using System.Text.Json;
using Docker.DotNet;

namespace Keelson.Host.Engine;

/// <summary>The engine that the docker command would talk to.</summary>
internal static class DockerEngine
{
    /// <exception cref="InvalidOperationException">None answers.</exception>
    internal static async Task<DockerClient> ConnectAsync(CancellationToken cancel)
    {
        string? host = Environment.GetEnvironmentVariable("DOCKER_HOST");
        DockerClientBuilder builder = new();
        if (host is { Length: > 0 })
            builder = builder.WithEndpoint(new Uri(host));
        DockerClient engine = builder.Build();
        try
        {
            await engine.System.PingAsync(cancel).ConfigureAwait(false);
            return engine;
        }
        catch (Exception e) when (e is HttpRequestException or IOException or System.Net.Sockets.SocketException or TimeoutException)
        {
            engine.Dispose();
            throw new InvalidOperationException($"no Docker engine answers at {(host is { Length: > 0 } ? host : "the default socket")}: {e.Message} (`make engine` starts one)", e);
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
}
