using System.Text;

namespace Keelson.Supervision;

/// <summary>The machine's whole table as text, for people and for the golden file.</summary>
public static class Table
{
    /// <summary>Every state that can be reached from a newly found service, by breadth, each once.</summary>
    public static IReadOnlyList<State> ReachableStates()
    {
        var found = new List<State> { State.Found(down: false), State.Found(down: true) };
        for (int i = 0; i < found.Count; i++)
        {
            foreach (Event e in Enum.GetValues<Event>())
            {
                State next = Machine.On(found[i], e).State;
                if (!found.Contains(next))
                    found.Add(next);
            }
        }
        return found;
    }

    /// <summary>A block for each reachable state, with a line for each event that changes or does something.</summary>
    public static string Render()
    {
        var text = new StringBuilder();
        foreach (State state in ReachableStates())
        {
            text.Append(Describe(state)).Append('\n');
            foreach (Event e in Enum.GetValues<Event>())
            {
                Step step = Machine.On(state, e);
                if (step.State == state && step.Effect == Effect.None)
                    continue;
                text.Append("    ").Append(e.ToString().PadRight(12)).Append("-> ");
                text.Append((step.State == state ? "same" : Describe(step.State)).PadRight(36));
                text.Append(step.Effect == Effect.None ? "" : ": " + step.Effect);
                while (text[^1] == ' ')
                    text.Length--;
                text.Append('\n');
            }
        }
        return text.ToString();
    }

    private static string Describe(State s) =>
        $"{s.Phase}, want {s.Want}{(s.GotTerm ? ", got TERM" : "")}{(s.Paused ? ", paused" : "")}";
}
