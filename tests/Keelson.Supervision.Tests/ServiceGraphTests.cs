using System.Text;
using CsCheck;

namespace Keelson.Supervision.Tests;

public sealed class ServiceGraphTests
{
    private static ServiceNode Node(string name, params string[] lines) =>
        new(name, lines.Length == 0 ? ServiceConf.Default : ServiceConf.Parse(Encoding.UTF8.GetBytes("[Unit]\n" + string.Join('\n', lines))));

    private static string[] NeedsOf(ServiceGraph graph, ServiceNode[] nodes, string name)
    {
        int place = Array.FindIndex(nodes, n => n.Name == name);
        return [.. graph.NeedsOf(place).Select(n => $"{n.Kind} {nodes[n.Service].Name}").Order()];
    }

    [Fact]
    public void Without_service_conf_nobody_waits_for_anybody()
    {
        ServiceGraph graph = ServiceGraph.Build([Node("a"), Node("b")]);
        Assert.True(graph.IsEmpty);
        Assert.Empty(graph.NeedsOf(0));
        Assert.Empty(graph.NeededBy(1));
    }

    [Fact]
    public void Requires_and_wants_mean_after_too_and_the_strongest_word_counts()
    {
        ServiceNode[] nodes = [Node("cache"), Node("db"), Node("log", "Before=db web"), Node("web", "After=db cache", "Requires=db", "Wants=cache ghost")];
        ServiceGraph graph = ServiceGraph.Build(nodes);
        Assert.Equal(["Order log", "Requires db", "Wants cache"], NeedsOf(graph, nodes, "web"));
        Assert.Equal(["Order log"], NeedsOf(graph, nodes, "db"));
        Assert.Equal([3], graph.NeededBy(1));
        Assert.Empty(graph.MissingOf(3));
        Assert.Empty(graph.Complaints);
    }

    [Fact]
    public void A_service_that_is_required_and_does_not_exist_is_known_as_missing()
    {
        ServiceGraph graph = ServiceGraph.Build([Node("web", "Requires=db", "After=log")]);
        Assert.False(graph.IsEmpty);
        Assert.Equal(["db"], graph.MissingOf(0));
    }

    [Fact]
    public void A_circle_is_named_with_its_path_and_broken_where_it_is_weakest()
    {
        ServiceNode[] nodes = [Node("a", "Requires=b"), Node("b", "After=c"), Node("c", "Wants=a")];
        ServiceGraph graph = ServiceGraph.Build(nodes);
        Assert.Equal(
            "services wait for each other in a circle: a -> b -> c -> a; b does not wait for c (take one of the names out of After, Before, Requires or Wants)",
            Assert.Single(graph.Complaints));
        Assert.Equal(["Requires b"], NeedsOf(graph, nodes, "a"));
        Assert.Empty(NeedsOf(graph, nodes, "b"));
        Assert.Equal(["Wants a"], NeedsOf(graph, nodes, "c"));
    }

    [Fact]
    public void Who_waits_for_itself_does_not()
    {
        ServiceNode[] nodes = [Node("a", "Requires=a")];
        ServiceGraph graph = ServiceGraph.Build(nodes);
        Assert.Contains("a -> a", Assert.Single(graph.Complaints), StringComparison.Ordinal);
        Assert.Empty(graph.NeedsOf(0));
    }

    [Fact]
    public void A_chain_of_ten_thousand_is_no_trouble()
    {
        var nodes = new List<ServiceNode>();
        for (int i = 0; i < 10_000; i++)
            nodes.Add(Node($"s{i}", $"After=s{i + 1}"));
        Assert.Empty(ServiceGraph.Build(nodes).Complaints);
        nodes.Add(Node("s10000", "After=s0"));
        Assert.Single(ServiceGraph.Build(nodes).Complaints);
    }

    private static readonly string[] s_words = ["After", "Before", "Requires", "Wants"];

    private static readonly Gen<ServiceNode[]> s_graphs = Gen.Int[1, 9].SelectMany(count =>
        Gen.Select(Gen.Int[0, 3].Select(i => s_words[i]), Gen.Int[0, count]).Array[0, 4].Array[count].Select(all =>
            all.Select((lines, i) => Node($"s{i}", [.. lines.Select(l => $"{l.Item1}=s{l.Item2}")])).ToArray()));

    [Fact]
    public void Whatever_the_wishes_everybody_can_start_and_no_edge_is_lost_but_those_that_were_named() =>
        s_graphs.Sample(nodes =>
        {
            ServiceGraph graph = ServiceGraph.Build(nodes);
            // All can be started one after the other.
            var started = new HashSet<int>();
            for (int before = -1; started.Count != before;)
            {
                before = started.Count;
                for (int i = 0; i < nodes.Length; i++)
                {
                    if (graph.NeedsOf(i).All(n => started.Contains(n.Service)))
                        started.Add(i);
                }
            }
            Assert.Equal(nodes.Length, started.Count);
            // Both directions agree.
            for (int i = 0; i < nodes.Length; i++)
            {
                Assert.All(graph.NeedsOf(i), n => Assert.Contains(i, graph.NeededBy(n.Service)));
                Assert.All(graph.NeededBy(i), d => Assert.Contains(graph.NeedsOf(d), n => n.Service == i));
            }
            int wished = nodes.SelectMany((n, i) => n.Conf.After.Concat(n.Conf.Requires).Concat(n.Conf.Wants).Select(w => (i, w))
                .Concat(n.Conf.Before.Select(b => (int.Parse(b[1..]), $"s{i}")))).Where(e => e.Item1 < nodes.Length && nodes.Any(n => n.Name == e.Item2)).Distinct().Count();
            Assert.Equal(wished, Enumerable.Range(0, nodes.Length).Sum(i => graph.NeedsOf(i).Count) + graph.Complaints.Count);
        });
}
