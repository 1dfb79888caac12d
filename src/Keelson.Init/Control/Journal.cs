// What has happened since the boot, for `keelson events`, `blame` and `plot`: the first entries for good, because they are
// the boot, and the latest. Bounded, and nothing is written anywhere.
using Keelson.Linux;
using Keelson.Supervision;

namespace Keelson.Init.Control;

public static class Journal
{
    private const int MostKept = 1024;
    private const int FirstKept = 512;

    private static readonly List<JournalEntry> s_first = [];
    private static readonly Queue<JournalEntry> s_latest = [];
    private static readonly long s_begin = Clock.Milliseconds;

    /// <summary>Told of each new entry; null as long as nobody follows.</summary>
    public static Action<JournalEntry>? Added { get; set; }

    /// <summary>How many entries between the first and the latest are gone.</summary>
    public static long Dropped { get; private set; }

    /// <summary>When the journal began, in seconds since 1970.</summary>
    public static long BeginSeconds { get; } = Clock.TimeOfDay.Seconds;

    /// <summary>Milliseconds since it began.</summary>
    public static long Now => Clock.Milliseconds - s_begin;

    public static void Add(JournalKind kind, string name = "", int value = 0, string text = "")
    {
        var entry = new JournalEntry(Now, kind, name, value, text);
        if (s_first.Count < FirstKept)
        {
            s_first.Add(entry);
        }
        else
        {
            s_latest.Enqueue(entry);
            if (s_latest.Count > MostKept - FirstKept)
            {
                s_latest.Dequeue();
                Dropped++;
            }
        }
        Added?.Invoke(entry);
    }

    /// <summary>All that is kept, in order.</summary>
    public static IEnumerable<JournalEntry> All
    {
        get
        {
            foreach (JournalEntry entry in s_first)
                yield return entry;
            foreach (JournalEntry entry in s_latest)
                yield return entry;
        }
    }
}
