// What the journal says of a boot, as spans of time: scripts from their start to their end, services from when they were
// wanted to when they were ready. Pure.
using Keelson.Supervision;

namespace Keelson.Commands.Boot;

/// <summary>A startup script, a service or the main command.</summary>
public enum BootItemKind
{
    Script,
    Service,
    Main,
}

/// <summary>One of them, in milliseconds since process number 1 began. Of a service that is started again and again, the first time.</summary>
public sealed class BootItem(BootItemKind kind, string name)
{
    public BootItemKind Kind => kind;
    public string Name => name;

    /// <summary>When it first had to wait for another; null when it did not.</summary>
    public long? Held { get; internal set; }

    /// <summary>When its process was started; null when it never was.</summary>
    public long? Started { get; internal set; }

    /// <summary>When a script ended, or a service was ready; null when that has not been.</summary>
    public long? Done { get; internal set; }

    /// <summary>It failed: the script's status is not 0, or the service is not started again by itself.</summary>
    public bool HasFailed { get; internal set; }

    /// <summary>When, still during the boot, it ended by itself and not well after it had been ready; null when it has not.</summary>
    public long? Broke { get; internal set; }

    /// <summary>It is told to end, or says that it does.</summary>
    internal bool IsStopping { get; set; }

    /// <summary>Why, or what it waits for.</summary>
    public string Text { get; internal set; } = "";

    /// <summary>It is one of those that the boot's end waited for.</summary>
    public bool IsCritical { get; internal set; }

    /// <summary>What it came after on the critical path; null for the first.</summary>
    public BootItem? Cause { get; internal set; }

    /// <summary>The first time it is spoken of.</summary>
    public long Begin => Held ?? Started ?? Done ?? 0;
}

public sealed class BootTimeline
{
    private readonly List<BootItem> _items = [];
    private readonly Dictionary<string, BootItem> _byName = new(StringComparer.Ordinal);

    private BootTimeline()
    {
    }

    /// <summary>In the order in which they began.</summary>
    public IReadOnlyList<BootItem> Items => _items;

    /// <summary>When the last script had ended and the last service was ready, or failed; in milliseconds.</summary>
    public long End { get; private set; }

    /// <summary>Something is neither done nor failed.</summary>
    public bool IsUnfinished { get; private set; }

    /// <summary>Reads the journal up to the container's stop.</summary>
    /// <param name="journal">Its entries in order.</param>
    /// <param name="now">Milliseconds since process number 1 began: how far what has not ended reaches.</param>
    public static BootTimeline Read(IEnumerable<JournalEntry> journal, long now)
    {
        var timeline = new BootTimeline();
        foreach (JournalEntry entry in journal)
        {
            if (entry.Kind == JournalKind.Stop)
                break;
            timeline.Add(entry);
        }
        timeline.Finish(now);
        return timeline;
    }

    private void Add(in JournalEntry entry)
    {
        switch (entry.Kind)
        {
            case JournalKind.ScriptStarted:
                if (Item(BootItemKind.Script, entry.Name) is { Done: null } begun)
                    begun.Started ??= entry.Milliseconds;
                break;
            case JournalKind.ScriptEnded:
                BootItem script = Item(BootItemKind.Script, entry.Name);
                script.Done ??= entry.Milliseconds;
                script.HasFailed |= entry.Value != 0;
                break;
            case JournalKind.Held:
                BootItem waiting = Item(BootItemKind.Service, entry.Name);
                if (waiting is { Started: null, Done: null })
                    (waiting.Held, waiting.Text) = (waiting.Held ?? entry.Milliseconds, entry.Text);
                break;
            case JournalKind.Started:
                // What is done already is started again.
                if (Item(BootItemKind.Service, entry.Name) is { Done: null } service)
                    service.Started ??= entry.Milliseconds;
                break;
            case JournalKind.Ready:
                Item(BootItemKind.Service, entry.Name).Done ??= entry.Milliseconds;
                break;
            case JournalKind.Stopping:
                Item(BootItemKind.Service, entry.Name).IsStopping = true;
                break;
            case JournalKind.Ended when !IsClean(entry.Value) && Item(BootItemKind.Service, entry.Name) is { Kind: BootItemKind.Service, Done: not null, HasFailed: false, IsStopping: false } broken:
                broken.Broke ??= entry.Milliseconds;
                break;
            case JournalKind.Failed when Item(BootItemKind.Service, entry.Name) is { Done: null } failed:
                (failed.HasFailed, failed.Done, failed.Text) = (true, entry.Milliseconds, entry.Text);
                break;
            case JournalKind.MainStarted:
                BootItem main = Item(BootItemKind.Main, entry.Name);
                main.Started ??= entry.Milliseconds;
                main.Done ??= entry.Milliseconds;
                break;
            default:
                break;
        }
    }

    /// <summary>0, and HUP, INT, PIPE and TERM as a shell has them: how a service may end (systemd.service(5)).</summary>
    private static bool IsClean(int status) => status is 0 or 129 or 130 or 141 or 143;

    private BootItem Item(BootItemKind kind, string name)
    {
        // A service and a script may have the same name.
        string key = $"{(int)kind}{name}";
        if (_byName.TryGetValue(key, out BootItem? known))
            return known;
        var item = new BootItem(kind, name);
        _byName[key] = item;
        _items.Add(item);
        return item;
    }

    private void Finish(long now)
    {
        foreach (BootItem item in _items)
        {
            IsUnfinished |= item.Done is null;
            End = Math.Max(End, item.Done ?? now);
        }
        foreach (BootItem item in _items)
        {
            // Later than that it is no matter of the boot.
            if (item.Broke > End)
                item.Broke = null;
        }
        // A stable order: lists sort otherwise as they please.
        _items.Sort((a, b) => a.Begin != b.Begin ? a.Begin.CompareTo(b.Begin) : string.CompareOrdinal(a.Name, b.Name));
        FindCriticalPath();
    }

    /// <summary>
    /// Back from what was done last: what it waited for is what was done last before it could start. Services that waited for
    /// no other began together, when the last script had ended.
    /// </summary>
    private void FindCriticalPath()
    {
        BootItem? item = LastDone(long.MaxValue, scriptsOnly: false);
        while (item is not null)
        {
            item.IsCritical = true;
            item.Cause = item.Started is { } started ? LastDone(started, scriptsOnly: item is { Kind: BootItemKind.Service, Held: null }) : null;
            item = item.Cause;
        }
    }

    private BootItem? LastDone(long before, bool scriptsOnly)
    {
        BootItem? last = null;
        foreach (BootItem other in _items)
        {
            if (other.IsCritical || scriptsOnly && other.Kind != BootItemKind.Script || other.Done is not { } done || done > before || other.Started is null)
                continue;
            if (last is null || done > last.Done)
                last = other;
        }
        return last;
    }
}
