namespace Keelson.Image.Tests.Examples;

/// <summary>A client without patience for anything but an answer: each request has a connection of its own.</summary>
internal sealed class Web(int port) : IDisposable
{
    private readonly HttpClient _client = new(new SocketsHttpHandler { PooledConnectionLifetime = TimeSpan.Zero, UseProxy = false })
    {
        BaseAddress = new Uri($"http://127.0.0.1:{port}/"),
        Timeout = TimeSpan.FromSeconds(60),
    };

    /// <summary>Status and body; 0 and the reason when nobody answered.</summary>
    public async Task<(int Status, string Body)> GetAsync(string path)
    {
        try
        {
            using HttpResponseMessage answer = await _client.GetAsync(new Uri(path, UriKind.Relative));
            return ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync());
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException or IOException)
        {
            return (0, e.InnerException?.Message ?? e.Message);
        }
    }

    public (int Status, string Body) Get(string path) => GetAsync(path).GetAwaiter().GetResult();

    public void Dispose() => _client.Dispose();
}
