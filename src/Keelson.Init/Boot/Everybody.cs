using Keelson.Linux;

namespace Keelson.Init.Boot;

/// <summary>All processes that are ours to end: as PID 1 those of the PID namespace, else those below us and no other.</summary>
internal static class Everybody
{
    private const int MostNamed = 10;

    internal static void Signal(Signal signal)
    {
        if (Processes.OwnId == 1)
        {
            _ = Signals.Send(-1, signal);
            return;
        }
        foreach (int pid in Processes.DescendantsOf(Processes.OwnId))
            _ = Signals.Send(pid, signal);
    }

    /// <summary>The first few for a message: "sleep (PID 12), nginx (PID 20)".</summary>
    internal static string Names()
    {
        var names = new List<string>();
        foreach (int pid in Processes.DescendantsOf(Processes.OwnId))
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
