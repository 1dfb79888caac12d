using System.Globalization;
using System.Text;
using System.Text.Json;
using Keelson.SystemTests.Harness;

namespace Keelson.SystemTests;

/// <summary>
/// The order of services against a generator: whatever depends on whatever, and whatever fails or never gets ready,
/// nothing starts before what it needs, a failure reaches exactly those that require it, and the end is the reverse.
/// KEELSON_GRAPHS=100 tries more graphs than the usual few.
/// </summary>
public sealed class RandomOrderTests
{
    /// <summary>How a service behaves.</summary>
    private enum Kind
    {
        ReadyAtOnce,
        ReadyLater,
        OneShot,
        FailingOneShot,
        NeverReady,
    }

    private sealed record Node(string Name, Kind Kind, Dictionary<int, string> Needs)
    {
        public bool RunsOn => Kind is Kind.ReadyAtOnce or Kind.ReadyLater;
        public bool CanBeReady => Kind is not (Kind.FailingOneShot or Kind.NeverReady);
    }

    public static TheoryData<int> Seeds
    {
        get
        {
            int count = int.Parse(Environment.GetEnvironmentVariable("KEELSON_GRAPHS") ?? "6", CultureInfo.InvariantCulture);
            int first = Random.Shared.Next(1_000_000);
            return [.. Enumerable.Range(first, count)];
        }
    }

    /// <summary>Each needs some of those before it in the list, so that there is no circle; their names say nothing.</summary>
    private static Node[] Graph(Random random)
    {
        string[] names = [.. Enumerable.Range(0, random.Next(4, 10)).Select(i => $"s{i}")];
        random.Shuffle(names);
        return [.. names.Select((name, i) => new Node(name, (Kind)random.Next(5), Enumerable.Range(0, i).Where(_ => random.Next(3) == 0)
            .ToDictionary(need => need, _ => random.Next(4) switch { 0 => "After", 1 => "Wants", 2 => "Before", _ => "Requires" })))];
    }

    private static void Write(Sandbox s, Node[] graph, int place)
    {
        Node node = graph[place];
        var conf = new StringBuilder("[Unit]\n");
        foreach ((int need, string word) in node.Needs)
        {
            if (word != "Before")
                conf.Append(CultureInfo.InvariantCulture, $"{word}={graph[need].Name}\n");
        }
        // Before= stands in the other one's file.
        for (int other = 0; other < graph.Length; other++)
        {
            if (graph[other].Needs.TryGetValue(place, out string? word) && word == "Before")
                conf.Append(CultureInfo.InvariantCulture, $"Before={graph[other].Name}\n");
        }
        conf.Append(node.Kind switch
        {
            Kind.OneShot or Kind.FailingOneShot => "[Service]\nType=oneshot\n",
            Kind.NeverReady => "[Service]\nType=notify\nTimeoutStartSec=300ms\nRestart=no\n",
            _ => "",
        });
        s.Write($"/etc/service/{node.Name}/service.conf", conf.ToString());
        s.Script($"/etc/service/{node.Name}/run", node.Kind switch
        {
            Kind.OneShot => "#!/bin/sh\nsleep 0.05",
            Kind.FailingOneShot => "#!/bin/sh\nsleep 0.05\nexit 3",
            Kind.NeverReady => "#!/bin/sh\nexec sleep 1000",
            _ => $"#!/bin/sh\ntrap 'echo {node.Name} >>/tmp/down; exit 0' TERM\n(sleep 0.1; touch /tmp/{node.Name}.ready) &\nwhile :; do sleep 0.02; done",
        });
        if (node.Kind == Kind.ReadyLater)
            s.Script($"/etc/service/{node.Name}/check", $"[ -e /tmp/{node.Name}.ready ]");
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Whatever_depends_on_whatever_the_order_holds(int seed)
    {
        Node[] graph = Graph(new Random(seed));
        var starts = new bool[graph.Length];
        var ready = new bool[graph.Length];
        for (int i = 0; i < graph.Length; i++)
        {
            starts[i] = graph[i].Needs.All(n => n.Value != "Requires" || ready[n.Key]);
            ready[i] = starts[i] && graph[i].CanBeReady;
        }
        await using var s = new Sandbox();
        s.WithCommands();
        for (int i = 0; i < graph.Length; i++)
            Write(s, graph, i);
        await s.Start();

        string expected = string.Join(' ', graph.Select((n, i) => $"{n.Name}={(!starts[i] ? "waiting" : ready[i] ? "active" : "failed")}").Order(StringComparer.Ordinal));
        string States() => s.Exec("/opt/keelson/keelson status --json").Result is (0, var json)
            ? string.Join(' ', JsonDocument.Parse(json).RootElement.EnumerateArray().Select(e => $"{e.GetProperty("name")}={e.GetProperty("state")}").Order(StringComparer.Ordinal))
            : "";
        await s.Until(() => States() == expected, $"the states are {expected}, not {States()}");

        List<(string Event, string Name)> events = [.. (await s.Exec("/opt/keelson/keelson events --json")).Out.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => JsonDocument.Parse(line).RootElement)
            .Select(e => (e.GetProperty("event").GetString()!, e.TryGetProperty("name", out JsonElement name) ? name.GetString()! : ""))];
        string journal = string.Join('\n', events);
        int At(string what, string name) => events.IndexOf((what, name));
        for (int i = 0; i < graph.Length; i++)
        {
            Assert.True(At("started", graph[i].Name) >= 0 == starts[i], $"{graph[i].Name} started: {!starts[i]}\n{journal}");
            foreach ((int need, string word) in graph[i].Needs)
            {
                if (!starts[i] || !starts[need])
                    continue;
                int settled = At(ready[need] ? "ready" : "failed", graph[need].Name);
                Assert.True(settled >= 0 && settled < At("started", graph[i].Name), $"{graph[i].Name} started before {graph[need].Name} had settled ({word})\n{journal}");
            }
        }

        Assert.Equal(0, (await s.Stop()).Status);
        string[] down = s.ReadLines("/tmp/down");
        Assert.Equal(graph.Where((n, i) => starts[i] && n.RunsOn).Select(n => n.Name).Order(), down.Order());
        for (int i = 0; i < graph.Length; i++)
        {
            foreach (int need in graph[i].Needs.Keys)
            {
                if (down.Contains(graph[i].Name) && down.Contains(graph[need].Name))
                    Assert.True(Array.IndexOf(down, graph[i].Name) < Array.IndexOf(down, graph[need].Name), $"{graph[need].Name} ended before {graph[i].Name}: {string.Join(' ', down)}");
            }
        }
    }
}
