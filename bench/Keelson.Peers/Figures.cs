// What a run has found, as bench/results/peers.json has it. The table, its text and the charts are made of this alone.
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Keelson.Peers;

/// <summary>Nothing in it tells whose machine it was.</summary>
internal sealed record Machine(string Processor, int Cores, string Kernel, string Distribution, int MemoryGigabytes)
{
    internal static Machine This()
    {
        string Field(string file, string name) =>
            File.ReadLines(file).FirstOrDefault(l => l.StartsWith(name, StringComparison.Ordinal))?.Split([':', '='], 2)[1].Trim().Trim('"') ?? "?";
        string processor = Field("/proc/cpuinfo", "model name");
        long kilobytes = long.Parse(Field("/proc/meminfo", "MemTotal").Split(' ')[0], CultureInfo.InvariantCulture);
        return new(processor == "?" ? RuntimeInformation.ProcessArchitecture.ToString() : processor, Environment.ProcessorCount,
            Environment.OSVersion.Version.ToString(3), Field("/etc/os-release", "PRETTY_NAME"), (int)Math.Round(kilobytes / 1048576.0));
    }
}

internal sealed record PeerVersion(string Name, string Version);

/// <summary>One peer's values of one metric, one a round, and the median of what they are to Keelson's of the same round.</summary>
internal sealed record Series(string Peer, double[] Rounds, double Ratio)
{
    [JsonIgnore]
    public double Median => Statistics.Median(Rounds);
}

internal sealed record MetricFigures(string Key, string Title, string Unit, bool LessIsBetter, string About, Series[] Series, Dictionary<string, string> Without)
{
    internal Series? Of(string peer) => Series.FirstOrDefault(s => s.Peer == peer);

    internal IEnumerable<Series> BestFirst => LessIsBetter ? Series.OrderBy(s => s.Median) : Series.OrderByDescending(s => s.Median);

    /// <summary>Below 1: better than Keelson, whichever way the metric goes.</summary>
    internal double Cost(Series series, int round) =>
        LessIsBetter ? series.Rounds[round] / Of(Peer.Keelson)!.Rounds[round] : Of(Peer.Keelson)!.Rounds[round] / series.Rounds[round];

    /// <summary>Better or worse in every round, and by more than a twentieth in the middle; else the two are about the same.</summary>
    internal int Compare(Series series)
    {
        double[] costs = [.. Enumerable.Range(0, series.Rounds.Length).Select(r => Cost(series, r))];
        return Statistics.Median(costs) < 0.95 && costs.All(c => c < 1) ? -1 : Statistics.Median(costs) > 1.05 && costs.All(c => c > 1) ? 1 : 0;
    }
}

internal sealed record Figures(string Date, Machine Machine, int Services, int Rounds, PeerVersion[] Peers, MetricFigures[] Metrics, string[] Impolite)
{
    /// <param name="values">By peer and key of the metric, one a round.</param>
    internal static Figures Of(IReadOnlyList<Peer> peers, IReadOnlyDictionary<(string Peer, string Key), List<double>> values, int services, int rounds, IEnumerable<string> impolite)
    {
        Series Of(Peer peer, Metric metric)
        {
            List<double> own = values[(peer.Name, metric.Key)], keelson = values[(Peer.Keelson, metric.Key)];
            return new(peer.Name, [.. own.Select(v => Math.Round(v, 3))], Math.Round(Statistics.Median(own.Zip(keelson, (o, k) => o / k)), 3));
        }
        return new(DateTime.UtcNow.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture), Machine.This(), services, rounds,
            [.. peers.Select(p => new PeerVersion(p.Name, p.Version!))],
            [.. Metric.All(services).Select(m => new MetricFigures(m.Key, m.Title, m.Unit, m.LessIsBetter, m.About,
                [.. peers.Where(p => !p.Without.ContainsKey(m.Key)).Select(p => Of(p, m))],
                peers.Where(p => p.Without.ContainsKey(m.Key)).ToDictionary(p => p.Name, p => p.Without[m.Key])))],
            [.. impolite]);
    }

    internal static string Number(double value) =>
        value.ToString(value >= 100 ? "#,0" : value >= 10 ? "0.0" : "0.00", CultureInfo.InvariantCulture);
}

[JsonSerializable(typeof(Figures))]
internal sealed partial class Json : JsonSerializerContext
{
    internal static Json Plain { get; } = new(new JsonSerializerOptions
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}
