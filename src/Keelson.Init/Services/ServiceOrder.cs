// The services in the order of their graph: who may start once another has settled, and who may be told to end once all
// that came after it have ended. Rebuilt when services come or go.
using Keelson.Linux;
using Keelson.Supervision;

namespace Keelson.Init.Services;

internal sealed class ServiceOrder
{
    private readonly HashSet<string> _said = [];
    private Service[] _services = [];
    private ServiceGraph? _graph;

    internal Service this[int place] => _services[place];

    /// <summary>Nobody waits for anybody.</summary>
    internal bool IsEmpty => _graph is null;

    /// <summary>All services as they are now.</summary>
    internal void Build(List<Service> services)
    {
        _services = [.. services];
        var nodes = new ServiceNode[_services.Length];
        for (int i = 0; i < nodes.Length; i++)
        {
            nodes[i] = new ServiceNode(_services[i].Name.ToString(), _services[i].Conf);
            _services[i].Place = i;
        }
        ServiceGraph graph = ServiceGraph.Build(nodes);
        foreach (string complaint in graph.Complaints)
        {
            if (_said.Add(complaint))
                Log.Warn(complaint);
        }
        // A graph without edges is not worth its memory.
        _graph = graph.IsEmpty ? null : graph;
        foreach (Service service in _services)
        {
            if (service.Conf.Exists || NeededBy(service).Count > 0)
                service.BeAlive();
        }
    }

    internal IReadOnlyList<Need> NeedsOf(Service service) => Graph(service)?.NeedsOf(service.Place) ?? [];

    internal IReadOnlyList<string> MissingOf(Service service) => Graph(service)?.MissingOf(service.Place) ?? [];

    private IReadOnlyList<int> NeededBy(Service service) => Graph(service)?.NeededBy(service.Place) ?? [];

    /// <summary>A service is in another state: those that come after it may start now.</summary>
    internal void Settled(Service service)
    {
        foreach (int place in NeededBy(service))
            _services[place].Reconsider();
    }

    /// <summary>Whether all that is ended before a service has gone.</summary>
    internal bool MayEnd(Service service)
    {
        foreach (int place in NeededBy(service))
        {
            if (!_services[place].IsGone)
                return false;
        }
        return true;
    }

    private ServiceGraph? Graph(Service service) =>
        service.Place < _services.Length && _services[service.Place] == service ? _graph : null;
}
