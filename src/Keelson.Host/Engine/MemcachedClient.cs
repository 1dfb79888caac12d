using System.Net;
using System.Net.Sockets;

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

    /// <summary>Asks for the version until there is an answer.</summary>
    internal async Task<string> WaitAsync(CancellationToken cancel)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        deadline.CancelAfter(TimeSpan.FromSeconds(30));
        while (true)
        {
            try
            {
                string answer = await AskAsync("version\r\n", deadline.Token).ConfigureAwait(false);
                if (answer.StartsWith("VERSION", StringComparison.Ordinal))
                    return answer["VERSION".Length..].Trim();
            }
            catch (Exception e) when (e is SocketException or IOException || e is OperationCanceledException && !deadline.IsCancellationRequested)
            {
                // Not there yet.
            }
            catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
            {
                throw new TimeoutException("memcached did not answer within 30 s");
            }
            await Task.Delay(10, deadline.Token).ConfigureAwait(false);
        }
    }

    private async Task<string> AskAsync(string request, CancellationToken cancel)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        patience.CancelAfter(s_patience);
        using var client = new TcpClient { NoDelay = true };
        await client.ConnectAsync(IPAddress.Loopback, port, patience.Token).ConfigureAwait(false);
        NetworkStream stream = client.GetStream();
        await stream.WriteAsync(System.Text.Encoding.ASCII.GetBytes(request), patience.Token).ConfigureAwait(false);
        var buffer = new byte[4096];
        int length = 0;
        while (true)
        {
            int n = await stream.ReadAsync(buffer.AsMemory(length), patience.Token).ConfigureAwait(false);
            length += n;
            string text = System.Text.Encoding.ASCII.GetString(buffer, 0, length);
            if (n == 0 && length == 0)
                throw new IOException("the connection was closed");
            bool complete = text.StartsWith("VALUE", StringComparison.Ordinal) ? text.EndsWith("END\r\n", StringComparison.Ordinal) : text.EndsWith("\r\n", StringComparison.Ordinal);
            if (n == 0 || complete)
                return text;
        }
    }
}
