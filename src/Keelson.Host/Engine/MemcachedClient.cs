using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Keelson.Host.Engine;

/// <summary>As much of memcached's text protocol as the demonstration needs: one connection a request.</summary>
internal sealed class MemcachedClient(int port)
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);

    internal Task<string> SetAsync(string key, string value, CancellationToken cancel) =>
        AskAsync($"set {key} 0 0 {value.Length}\r\n{value}\r\n", cancel);

    /// <summary>The value, null when memcached has none.</summary>
    internal async Task<string?> GetAsync(string key, CancellationToken cancel)
    {
        string answer = await AskAsync($"get {key}\r\n", cancel).ConfigureAwait(false);
        string[] lines = answer.Split("\r\n");
        return lines is [var head, var value, ..] && head.StartsWith("VALUE", StringComparison.Ordinal) ? value : null;
    }

    /// <summary>Asks for the version until there is an answer, <paramref name="limit"/> long.</summary>
    /// <exception cref="TimeoutException">There was none.</exception>
    internal async Task<string> WaitAsync(TimeSpan limit, CancellationToken cancel)
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                string answer = await AskAsync("version\r\n", cancel).ConfigureAwait(false);
                if (answer.StartsWith("VERSION", StringComparison.Ordinal))
                    return answer["VERSION".Length..].Trim();
            }
            catch (Exception e) when (e is SocketException or IOException or TimeoutException)
            {
                // Not there yet.
            }
            if (clock.Elapsed > limit)
                throw new TimeoutException($"memcached did not answer within {limit.TotalSeconds:0} s");
            await Task.Delay(5, cancel).ConfigureAwait(false);
        }
    }

    /// <exception cref="TimeoutException">No answer within two seconds.</exception>
    private async Task<string> AskAsync(string request, CancellationToken cancel)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        patience.CancelAfter(s_patience);
        try
        {
            return await ExchangeAsync(request, patience.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw new TimeoutException($"memcached did not answer \"{request.Split('\r')[0]}\" within {s_patience.TotalSeconds:0} s");
        }
    }

    private async Task<string> ExchangeAsync(string request, CancellationToken cancel)
    {
        using var client = new TcpClient { NoDelay = true };
        await client.ConnectAsync(IPAddress.Loopback, port, cancel).ConfigureAwait(false);
        NetworkStream stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(request), cancel).ConfigureAwait(false);
        var buffer = new byte[4096];
        int length = 0;
        while (true)
        {
            int n = await stream.ReadAsync(buffer.AsMemory(length), cancel).ConfigureAwait(false);
            length += n;
            string text = Encoding.ASCII.GetString(buffer, 0, length);
            // The engine's port forwarder takes the connection also when nobody listens behind it.
            if (n == 0)
                throw new IOException("memcached closed the connection");
            if (text.EndsWith(text.StartsWith("VALUE", StringComparison.Ordinal) ? "END\r\n" : "\r\n", StringComparison.Ordinal))
                return text;
        }
    }
}
