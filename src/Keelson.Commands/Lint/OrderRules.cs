using Keelson.Linux;
using Keelson.Supervision;

namespace Keelson.Commands.Lint;

/// <summary>What is wrong with After=, Before=, Requires= and Wants= of all services together.</summary>
internal sealed class OrderRules(Findings findings, ByteString directory)
{
    private readonly SortedDictionary<string, ServiceConf> _services = new(StringComparer.Ordinal);

    internal void Add(ByteString name, ServiceConf conf) => _services[name.ToString()] = conf;

    internal void Check()
    {
        foreach ((string name, ServiceConf conf) in _services)
        {
            CheckNames(name, "Requires", conf.Requires, isError: true);
            CheckNames(name, "Wants", conf.Wants, isError: false);
            CheckNames(name, "After", conf.After, isError: false);
            CheckNames(name, "Before", conf.Before, isError: false);
        }
        CheckCircles();
    }

    private ByteString ConfOf(string service) => ByteString.Of($"{directory}/{service}/service.conf");

    private void CheckNames(string service, string key, IReadOnlyList<string> names, bool isError)
    {
        foreach (string name in names)
        {
            if (_services.ContainsKey(name))
                continue;
            string what = $"{key}={name}: there is no such service";
            string cure = Nearest(name) is { } near ? $"write {near}, or add the service" : "add the service, or remove the name";
            if (isError)
                findings.Error(ConfOf(service), LineOf(service, key, name), what, cure);
            else
                findings.Warning(ConfOf(service), LineOf(service, key, name), what, cure);
        }
    }

    private string? Nearest(string name)
    {
        string? nearest = null;
        int least = 3;
        foreach (string known in _services.Keys)
        {
            int distance = KnownKeys.Distance(known, name, least);
            if (distance < least)
                (nearest, least) = (known, distance);
        }
        return nearest;
    }

    private int LineOf(string service, string key, string name)
    {
        foreach (ConfLine line in ConfSyntax.Read(Files.ReadAll(ConfOf(service).Span, ServiceConf.MaxBytes).Value, []))
        {
            if (line.Key == key && ConfSyntax.Words(line.Value) is var words && (words.Contains(name) || words.Contains(name + ".service")))
                return line.Number;
        }
        return 0;
    }

    /// <summary>As the graph of the boot says it: "WHAT (CURE)".</summary>
    private void CheckCircles()
    {
        var nodes = new List<ServiceNode>();
        foreach ((string name, ServiceConf conf) in _services)
            nodes.Add(new(name, conf));
        foreach (string complaint in ServiceGraph.Build(nodes).Complaints)
        {
            int cure = complaint.LastIndexOf(" (", StringComparison.Ordinal);
            if (cure > 0 && complaint.EndsWith(')'))
                findings.Error(directory, 0, complaint[..cure], complaint[(cure + 2)..^1]);
            else
                findings.Error(directory, 0, complaint, "see service.conf(5)");
        }
    }
}
