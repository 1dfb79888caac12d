using Keelson.Linux;

namespace Keelson.Init.Boot;

/// <summary>All processes that are ours to end: as PID 1 those of the PID namespace, else those below us and no other.</summary>
internal static class Everybody
{
    private const int MostNamed = 10;

    /// <summary>A signal for all but <paramref name="spared"/> and what is below these.</summary>
    internal static void Signal(Signal signal, List<int> spared)
    {
        if (Processes.OwnId == 1 && spared.Count == 0)
        {
            _ = Signals.Send(-1, signal);
            return;
        }
        foreach (int pid in Others(spared))
            _ = Signals.Send(pid, signal);
    }

    /// <summary>Whether a child of ours, known or inherited, is left besides <paramref name="spared"/>.</summary>
    internal static bool HasOthers(List<int> spared)
    {
        List<int> children = ProcessTree.OwnChildren() ?? Others(spared);
        return children.Exists(pid => !spared.Contains(pid));
    }

    /// <summary>As PID 1 all that /proc shows, what `docker exec` started included, which is below nobody here.</summary>
    private static List<int> Others(List<int> spared) =>
        Processes.OwnId == 1 ? Processes.AllBut(spared) : Processes.DescendantsOf(Processes.OwnId, spared);

    /// <summary>The first few for a message: "sleep (PID 12), nginx (PID 20)".</summary>
    internal static string Names(List<int> spared)
    {
        var names = new List<string>();
        foreach (int pid in Processes.DescendantsOf(Processes.OwnId, spared))
        {
            if (Processes.IsZombie(pid))
                continue;
            if (names.Count == MostNamed)
            {
                names.Add("...");
                break;
            }
            names.Add($"{Processes.NameOf(pid)} (PID {pid})");
        }
        return names.Count > 0 ? string.Join(", ", names) : "unknown";
    }
}
