// Which service is started after which (systemd.unit(5): After=, Before=, Requires=, Wants=). Pure, and free of circles: a
// circle is reported with its path and broken where it hurts least, so that no boot hangs.
using System.Text;

namespace Keelson.Supervision;

/// <summary>Why one service is started after another; the weakest first, which is where a circle is broken.</summary>
public enum Dependency
{
    /// <summary>After= or Before=: once the other has settled, for better or worse.</summary>
    Order,

    /// <summary>Wants=: the same. Nothing fails without the other.</summary>
    Wants,

    /// <summary>Requires=: only when the other is ready.</summary>
    Requires,
}

/// <summary>What one service needs of another, by their places in the list that the graph was built from.</summary>
public readonly record struct Need(int Service, Dependency Kind);

/// <summary>A service and what its service.conf says of others.</summary>
public readonly record struct ServiceNode(string Name, ServiceConf Conf);

public sealed class ServiceGraph
{
    private static readonly List<Need> s_none = [];
    private readonly List<Need>?[] _needs;
    private readonly List<int>?[] _neededBy;
    private readonly List<string>?[] _missing;
    private readonly List<string> _complaints = [];

    private ServiceGraph(int count)
    {
        _needs = new List<Need>?[count];
        _neededBy = new List<int>?[count];
        _missing = new List<string>?[count];
    }

    /// <summary>Nobody waits for anybody: everything starts at once, as under runit.</summary>
    public bool IsEmpty { get; private set; } = true;

    /// <summary>Circles that were broken.</summary>
    public IReadOnlyList<string> Complaints => _complaints;

    /// <summary>What a service is started after, and ended before.</summary>
    public IReadOnlyList<Need> NeedsOf(int service) => _needs[service] ?? s_none;

    /// <summary>What is started after a service, and ended before it.</summary>
    public IReadOnlyList<int> NeededBy(int service) => _neededBy[service] ?? [];

    /// <summary>The names in Requires= that no service has.</summary>
    public IReadOnlyList<string> MissingOf(int service) => _missing[service] ?? [];

    /// <summary>What does not exist is passed over, but for Requires=, where it can never be ready.</summary>
    public static ServiceGraph Build(IReadOnlyList<ServiceNode> services)
    {
        var graph = new ServiceGraph(services.Count);
        bool any = false;
        foreach (ServiceNode node in services)
            any |= node.Conf.Exists;
        if (!any)
            return graph;
        var places = new Dictionary<string, int>(services.Count);
        for (int i = 0; i < services.Count; i++)
            places[services[i].Name] = i;
        for (int i = 0; i < services.Count; i++)
        {
            ServiceConf conf = services[i].Conf;
            foreach (string name in conf.Requires)
                graph.AddNeed(i, name, Dependency.Requires, places);
            foreach (string name in conf.Wants)
                graph.AddNeed(i, name, Dependency.Wants, places);
            foreach (string name in conf.After)
                graph.AddNeed(i, name, Dependency.Order, places);
            foreach (string name in conf.Before)
            {
                if (places.TryGetValue(name, out int other))
                    graph.Add(other, i, Dependency.Order);
            }
        }
        if (!graph.IsEmpty)
            graph.BreakCircles(services);
        return graph;
    }

    private void AddNeed(int service, string name, Dependency kind, Dictionary<string, int> places)
    {
        if (places.TryGetValue(name, out int other))
            Add(service, other, kind);
        else if (kind == Dependency.Requires)
        {
            (_missing[service] ??= []).Add(name);
            IsEmpty = false;
        }
    }

    private void Add(int service, int needed, Dependency kind)
    {
        List<Need> needs = _needs[service] ??= [];
        for (int i = 0; i < needs.Count; i++)
        {
            if (needs[i].Service != needed)
                continue;
            if (needs[i].Kind < kind)
                needs[i] = new(needed, kind);
            return;
        }
        needs.Add(new(needed, kind));
        (_neededBy[needed] ??= []).Add(service);
        IsEmpty = false;
    }

    private void Remove(int service, int needed)
    {
        _needs[service]!.RemoveAll(n => n.Service == needed);
        _neededBy[needed]!.Remove(service);
    }

    private void BreakCircles(IReadOnlyList<ServiceNode> services)
    {
        // A broken circle may have been one of several through the same services: until none is found.
        while (FindCircle() is { } circle)
        {
            int weakest = 0;
            for (int i = 1; i < circle.Count; i++)
            {
                // The last of equals: what stands first in the order of names keeps its wish.
                if (KindOf(circle, i) <= KindOf(circle, weakest))
                    weakest = i;
            }
            int service = circle[weakest];
            int needed = circle[(weakest + 1) % circle.Count];
            var path = new StringBuilder();
            foreach (int step in circle)
                path.Append(services[step].Name).Append(" -> ");
            path.Append(services[circle[0]].Name);
            string self = circle.Count == 1 ? "; a service can't wait for itself" : "";
            _complaints.Add($"services wait for each other in a circle: {path}; {services[service].Name} does not wait for {services[needed].Name}{self} (take one of the names out of After, Before, Requires or Wants)");
            Remove(service, needed);
        }
    }

    private Dependency KindOf(List<int> circle, int step)
    {
        int needed = circle[(step + 1) % circle.Count];
        foreach (Need need in NeedsOf(circle[step]))
        {
            if (need.Service == needed)
                return need.Kind;
        }
        return Dependency.Order;
    }

    /// <summary>The services of one circle, each needing the next; null when there is none. Without recursion: chains may be long.</summary>
    private List<int>? FindCircle()
    {
        var done = new bool[_needs.Length];
        var depth = new int[_needs.Length];
        var path = new List<int>();
        var next = new List<int>();
        for (int start = 0; start < _needs.Length; start++)
        {
            if (done[start] || _needs[start] is null)
                continue;
            path.Add(start);
            next.Add(0);
            depth[start] = 1;
            while (path.Count > 0)
            {
                int here = path[^1];
                IReadOnlyList<Need> needs = NeedsOf(here);
                if (next[^1] >= needs.Count)
                {
                    done[here] = true;
                    depth[here] = 0;
                    path.RemoveAt(path.Count - 1);
                    next.RemoveAt(next.Count - 1);
                    continue;
                }
                int there = needs[next[^1]++].Service;
                if (depth[there] > 0)
                    return path[(depth[there] - 1)..];
                if (done[there])
                    continue;
                path.Add(there);
                next.Add(0);
                depth[there] = path.Count;
            }
        }
        return null;
    }
}
