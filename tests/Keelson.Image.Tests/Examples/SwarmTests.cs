using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Keelson.Image.Tests.Examples;

/// <summary>examples/swarm: three replicas under load, updated one by one, and one of them killed.</summary>
public sealed class SwarmTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(4);
    private static readonly string s_image = Docker.Example("swarm");
    private readonly string _stack = $"keelson-{Environment.ProcessId}";

    [Fact]
    public async Task An_update_loses_no_request_running_ones_are_answered_and_a_killed_replica_is_replaced()
    {
        using var swarm = new Swarm();
        int port = FreePort();
        try
        {
            Deploy(port, release: 1).Must();
            using var web = new Web(port);
            Until("three replicas are well", () => Replicas().Length == 3);
            Until("the proxy hands requests on", () => web.Get("").Status == 200);
            string[] first = Replicas();

            using var load = new Load(port);
            Until("all three have answered", () => first.All(load.Answered.ContainsKey));

            // Requests of 12 s, all the time: each replica has some when it is told to stop.
            using var slow = new Load(port, "?seconds=12");
            var clock = Stopwatch.StartNew();
            Deploy(port, release: 2).Must();
            var draining = new ConcurrentDictionary<string, DateTime>();
            Until("the update is complete", () =>
            {
                foreach (string old in first.Where(r => !draining.ContainsKey(r) && Docker.Run("exec", r, "test", "-e", "/run/web/draining").Status == 0))
                    draining[old] = DateTime.UtcNow;
                return Docker.Run("service", "inspect", "--format", "{{.UpdateStatus.State}}", $"{_stack}_web").Output.Trim() == "completed";
            });
            TimeSpan update = clock.Elapsed;
            await slow.EndAsync();
            // The last of the old ones may be draining still.
            Until("three new replicas are all that is left", () => Replicas() is { Length: 3 } now && !now.Intersect(first).Any());
            string[] second = Replicas();
            Until("all three new ones have answered", () => second.All(load.Answered.ContainsKey));
            // Told to stop, and answered to the end all the same. How many there are is up to the moment at which each was told:
            // on a quick machine the update can pass between two of them. None of them may be lost.
            int kept = slow.All.Count(a => draining.TryGetValue(a.Replica, out DateTime told) && a.Ended > told);
            Must(load.Lost.IsEmpty && slow.Lost.IsEmpty, $"lost:\n{string.Join('\n', load.Lost.Concat(slow.Lost))}");
            Docker.Figure($"swarm, rolling update of 3 replicas in {update.TotalSeconds:0} s under load: {load.Sent} requests sent, {load.Lost.Count} lost; {slow.Sent} requests of 12 s, {slow.Lost.Count} lost, {kept} of them answered by a replica that was told to stop");

            int before = load.Sent;
            clock.Restart();
            Docker.Run("kill", second[0]).Must();
            Until("another replica has taken its place", () => Replicas() is { Length: 3 } now && !now.Contains(second[0]));
            TimeSpan replaced = clock.Elapsed;
            string successor = Replicas().Except(second).Single();
            Until("it has answered", () => load.Answered.ContainsKey(successor));
            await load.EndAsync();
            Must(load.Lost.IsEmpty, $"lost:\n{string.Join('\n', load.Lost)}");
            Docker.Figure($"swarm, a replica killed under load: replaced replicas 1, after {replaced.TotalSeconds:0.0} s; {load.Sent - before} requests sent, {load.Lost.Count} lost");
        }
        finally
        {
            Docker.Run("stack", "rm", _stack);
            Until("the stack is gone", () => Docker.Run("ps", "-aq", "--filter", $"label=com.docker.stack.namespace={_stack}").Output.Length == 0);
        }
    }

    private Outcome Deploy(int port, int release) => Docker.Execute("env", "", $"IMAGE={s_image}", $"PORT={port}", $"RELEASE={release}",
        "docker", "stack", "deploy", "--resolve-image", "never", "-c", Path.Combine(Docker.Top, "examples/swarm/stack.yaml"), _stack);

    /// <summary>The replicas that are well, as they call themselves.</summary>
    private string[] Replicas() => Docker.Run("ps", "-q", "--filter", $"label=com.docker.swarm.service.name={_stack}_web", "--filter", "health=healthy")
        .Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    private void Until(string what, Func<bool> fact)
    {
        var clock = Stopwatch.StartNew();
        while (!fact())
        {
            Must(clock.Elapsed < s_patience, $"waited {s_patience.TotalMinutes} min in vain: {what}");
            Thread.Sleep(100);
        }
    }

    private void Must(bool fact, string what)
    {
        if (!fact)
        {
            Assert.Fail($"{what}\n{Docker.Run("stack", "ps", "--no-trunc", _stack)}\n{Docker.Run("service", "inspect", "--pretty", $"{_stack}_web")}\n"
                + Docker.Run("service", "logs", "--raw", "--tail", "40", $"{_stack}_web") + Docker.Run("service", "logs", "--raw", "--tail", "40", $"{_stack}_proxy"));
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private sealed record Answer(string Replica, string Release, DateTime Ended);

    /// <summary>Six clients that ask again as soon as they have an answer, or a moment later.</summary>
    private sealed class Load : IDisposable
    {
        // Each has a connection of its own for each request; the machine is a small one.
        private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(20);
        private readonly Web _web;
        private readonly Task[] _clients;
        private volatile bool _ends;
        private int _sent;

        public Load(int port, string path = "")
        {
            _web = new Web(port);
            _clients = [.. Enumerable.Range(0, 6).Select(_ => AskAsync(path))];
        }

        public int Sent => _sent;

        public ConcurrentDictionary<string, bool> Answered { get; } = new();

        public ConcurrentQueue<Answer> All { get; } = new();

        public ConcurrentQueue<string> Lost { get; } = new();

        private async Task AskAsync(string path)
        {
            while (!_ends)
            {
                Interlocked.Increment(ref _sent);
                (int status, string body) = await _web.GetAsync(path);
                if (status == 200 && body.Trim().Split(' ') is [var replica, var release])
                {
                    Answered[replica] = true;
                    All.Enqueue(new Answer(replica, release, DateTime.UtcNow));
                }
                else
                {
                    Lost.Enqueue($"{DateTime.UtcNow:HH:mm:ss.fff} {status} {body}");
                }
                await Task.Delay(s_pause);
            }
        }

        public async Task EndAsync()
        {
            _ends = true;
            await Task.WhenAll(_clients);
        }

        public void Dispose()
        {
            _ends = true;
            Task.WaitAll(_clients, s_patience);
            _web.Dispose();
        }
    }
}
