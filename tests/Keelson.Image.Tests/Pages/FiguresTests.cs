using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Keelson.Image.Tests.Pages;

/// <summary>The figures that the pages show are those that bench/peers wrote: data, table and charts of one run, with every peer.</summary>
public sealed partial class FiguresTests
{
    private static readonly string[] s_peers = ["Keelson", "runit", "s6", "supervisord", "tini", "dumb-init", "catatonit", "Baseimage-docker"];

    private static string Result(string name) => File.ReadAllText(Path.Combine(Docker.Top, "bench/results", name));

    [Fact]
    public void The_data_names_every_peer_with_its_version_and_says_of_each_what_it_measured()
    {
        using JsonDocument data = JsonDocument.Parse(Result("peers.json"));
        JsonElement root = data.RootElement;
        Assert.Equal(s_peers, root.GetProperty("peers").EnumerateArray().Select(p => p.GetProperty("name").GetString()));
        Assert.All(root.GetProperty("peers").EnumerateArray(), p => Assert.Matches(@"\d", p.GetProperty("version").GetString()));
        int rounds = root.GetProperty("rounds").GetInt32();
        foreach (JsonElement metric in root.GetProperty("metrics").EnumerateArray())
        {
            JsonElement[] series = [.. metric.GetProperty("series").EnumerateArray()];
            IEnumerable<string?> measured = series.Select(s => s.GetProperty("peer").GetString()), not = metric.GetProperty("without").EnumerateObject().Select(w => w.Name);
            Assert.Equal(s_peers.Order(), measured.Concat(not).Order());
            Assert.All(series, s => Assert.Equal(rounds, s.GetProperty("rounds").EnumerateArray().Count(v => v.GetDouble() > 0)));
        }
        // Neither a path nor the name of a machine: who measured is nobody's business.
        Assert.All(Strings(root), text => Assert.DoesNotMatch(@"(^|\s)/\w|" + Regex.Escape(Environment.MachineName), text));
    }

    [Fact]
    public void The_table_has_a_row_for_each_peer_and_a_sentence_for_each_figure()
    {
        using JsonDocument data = JsonDocument.Parse(Result("peers.json"));
        string page = Result("peers.md");
        foreach (JsonElement peer in data.RootElement.GetProperty("peers").EnumerateArray())
            Assert.Matches($@"(?m)^\| (\*\*)?{Regex.Escape(peer.GetProperty("name").GetString()!)}(\*\*)? {Regex.Escape(peer.GetProperty("version").GetString()!)} \|", page);
        foreach (JsonElement metric in data.RootElement.GetProperty("metrics").EnumerateArray())
        {
            string title = metric.GetProperty("title").GetString()!;
            string sentence = Regex.Match(page, $@"(?m)^\* \*\*{Regex.Escape(title)}\*\*: (.*)$").Groups[1].Value;
            // One that is twice as good is never called worse, nor the other way round.
            bool less = metric.GetProperty("lessIsBetter").GetBoolean();
            foreach (JsonElement series in metric.GetProperty("series").EnumerateArray().Where(s => s.GetProperty("peer").GetString() != "Keelson"))
            {
                double cost = less ? series.GetProperty("ratio").GetDouble() : 1 / series.GetProperty("ratio").GetDouble();
                string name = series.GetProperty("peer").GetString()!;
                string part = Assert.Single(sentence.Split("; "), p => Regex.IsMatch(p, $@"(?<![\w-]){Regex.Escape(name)} \("));
                if (cost is < 0.95 or > 1.05)
                    Assert.DoesNotContain(cost < 1 ? "Keelson is better" : "better than Keelson", part, StringComparison.Ordinal);
            }
        }
    }

    [Theory]
    [InlineData("README.md")]
    [InlineData("README.zh-CN.md")]
    [InlineData("bench/results/peers.md")]
    public void The_charts_on_the_page_are_there_and_show_every_peer(string path)
    {
        string[] charts = [.. Picture().Matches(File.ReadAllText(Path.Combine(Docker.Top, path))).Select(m => Path.Combine(Docker.Top, Path.GetDirectoryName(path)!, m.Groups[1].Value))];
        Assert.Equal(["peers-dark.svg", "peers-light.svg"], charts.Select(Path.GetFileName));
        foreach (string chart in charts)
        {
            string[] texts = [.. XElement.Load(chart).Descendants().Where(e => e.Name.LocalName == "text").Select(e => e.Value)];
            Assert.Empty(s_peers.Except(texts));
        }
    }

    private static IEnumerable<string> Strings(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => element.EnumerateObject().SelectMany(p => Strings(p.Value)),
        JsonValueKind.Array => element.EnumerateArray().SelectMany(Strings),
        JsonValueKind.String => [element.GetString()!],
        _ => [],
    };

    [GeneratedRegex("""src(?:set)?="([^"]*\.svg)""")]
    private static partial Regex Picture();
}
