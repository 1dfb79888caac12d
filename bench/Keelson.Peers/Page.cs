// bench/results/peers.md. Its sentences are made of the figures: who is better than Keelson at something is said because
// the numbers say so, and by nobody's choice.
using System.Globalization;
using System.Text;

namespace Keelson.Peers;

internal static class Page
{
    internal static string Render(Figures figures)
    {
        var text = new StringBuilder();
        Machine machine = figures.Machine;
        text.Append(CultureInfo.InvariantCulture, $"""
            # Keelson and its peers

            Written by `bench/peers` on {figures.Date}: {figures.Rounds} round{(figures.Rounds == 1 ? "" : "s")}, in which all take turns; {machine.Processor}, {machine.Cores} cores,
            {machine.MemoryGigabytes} GB, kernel {machine.Kernel}, {machine.Distribution}. The numbers behind it are in [peers.json](peers.json).

            <picture>
              <source media="(prefers-color-scheme: dark)" srcset="peers-dark.svg">
              <img alt="bars of each figure of the table, the best on top" src="peers-light.svg">
            </picture>

            Each cell is the median of the rounds, and in brackets how many times Keelson's it is: the median of the ratios within a round.


            """);
        text.Append("| |").AppendJoin('|', figures.Metrics.Select(m => $" {m.Title}, {m.Unit} ")).Append("|\n|---|").Insert(text.Length, "---:|", figures.Metrics.Length).Append('\n');
        foreach (PeerVersion peer in figures.Peers)
        {
            text.Append(CultureInfo.InvariantCulture, $"| {(peer.Name == Peer.Keelson ? $"**{peer.Name}**" : peer.Name)} {peer.Version} |");
            foreach (MetricFigures metric in figures.Metrics)
                text.Append(metric.Of(peer.Name) is not { } s ? " – |" : peer.Name == Peer.Keelson ? $" **{Figures.Number(s.Median)}** |" : $" {Figures.Number(s.Median)} ({Figures.Number(s.Ratio)}) |");
            text.Append('\n');
        }
        text.Append("\n## What it says\n\nBetter or worse means: in every round, and by more than 5 % in the middle. In brackets: how many times Keelson's the figure is.\n\n");
        foreach (MetricFigures metric in figures.Metrics)
            text.Append(CultureInfo.InvariantCulture, $"* **{metric.Title}**: {Verdict(metric)}\n");
        text.Append("\n## What was measured\n\n");
        foreach (MetricFigures metric in figures.Metrics)
        {
            text.Append(CultureInfo.InvariantCulture, $"* **{metric.Title}** ({metric.Unit}, {(metric.LessIsBetter ? "less" : "more")} is better): {metric.About}.");
            foreach (IGrouping<string, string> group in metric.Without.GroupBy(w => w.Value, w => w.Key))
                text.Append(CultureInfo.InvariantCulture, $" –: {List(group)} ({group.Key}).");
            text.Append('\n');
        }
        text.Append("""

            Each run has a PID namespace of its own, in which the peer is process 1. Only runit stands below tini where it supervises many services:
            as process 1 it would leave when it is told to stop, and the kernel would kill its services. A service is a shell script that says that it
            runs and becomes `sleep`; one more says whether it was told to end.
            """);
        text.Append(figures.Impolite.Length == 0
            ? " Under all of them it was told.\n"
            : $" It was killed without a word under {List(figures.Impolite)}.\n");
        return text.ToString();
    }

    internal static string Verdict(MetricFigures metric)
    {
        Series[] others = [.. metric.BestFirst.Where(s => s.Peer != Peer.Keelson)];
        string Named(IEnumerable<Series> series) => List(series.Select(s => $"{s.Peer} ({Figures.Number(s.Ratio)} times)"));
        Series[] better = [.. others.Where(s => metric.Compare(s) < 0)], same = [.. others.Where(s => metric.Compare(s) == 0)], worse = [.. others.Where(s => metric.Compare(s) > 0)];
        var parts = new List<string>();
        if (better.Length > 0)
            parts.Add($"**better than Keelson: {Named(better)}**");
        if (same.Length > 0)
            parts.Add($"about the same: {Named(same)}");
        if (worse.Length > 0)
            parts.Add($"{(better.Length == 0 && same.Length == 0 ? "Keelson is better than all others: " : "Keelson is better than ")}{Named(worse)}");
        string text = string.Join("; ", parts) + ".";
        return text;
    }

    private static string List(IEnumerable<string> names)
    {
        string[] all = [.. names];
        return all.Length < 2 ? string.Concat(all) : $"{string.Join(", ", all[..^1])} and {all[^1]}";
    }
}
