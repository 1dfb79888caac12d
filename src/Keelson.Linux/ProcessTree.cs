// All processes that /proc shows, looked at once: who descends from whom, which session each is in, and whose mark its
// environment bears. A snapshot: what forks meanwhile may be missing, so callers that kill look again.
using System.Buffers.Text;

namespace Keelson.Linux;

/// <summary>A process as /proc/PID/stat has it (proc_pid_stat(5)).</summary>
/// <param name="Started">Clock ticks since boot: with the number it names a process for good.</param>
/// <param name="Mark">The service number in its mark, 0 without one.</param>
/// <param name="IsBlank">It has no environment: by choice, or for a moment, in the middle of an execve(2).</param>
public readonly record struct ProcessEntry(int Pid, int Parent, int Session, bool IsZombie, ulong Started, uint Mark, bool IsBlank);

public sealed class ProcessTree
{
    private const int ClockTicksPerSecond = 100; // USER_HZ, a constant of the kernel's interface

    private ProcessTree(List<ProcessEntry> all, bool isComplete)
    {
        All = all;
        IsComplete = isComplete;
    }

    public List<ProcessEntry> All { get; }

    /// <summary>False when a process went while we looked, or the look was cut short: what it had just forked, or others, may be missing.</summary>
    public bool IsComplete { get; }

    /// <summary>The time that <see cref="ProcessEntry.Started"/> of a process that starts now has.</summary>
    public static ulong Now
    {
        get
        {
            (long seconds, uint nanoseconds) = Clock.SinceBoot;
            return (ulong)seconds * ClockTicksPerSecond + nanoseconds / (1_000_000_000 / ClockTicksPerSecond);
        }
    }

    /// <summary>
    /// Looks. <paramref name="mark"/> is what precedes a service's number, eight hexadecimal digits, in the environment of
    /// its processes. Null without /proc, and where /proc shows another PID namespace, whose numbers would be those of
    /// other processes here.
    /// </summary>
    public static ProcessTree? Look(ReadOnlySpan<byte> mark)
    {
        if (!ShowsUs())
            return null;
        var all = new List<ProcessEntry>();
        var buffer = new byte[16 * 1024];
        Result<List<ByteString>> names = Files.List("/proc"u8);
        bool isComplete = names.Ok;
        foreach (ByteString name in names.Value)
        {
            if (!Utf8Parser.TryParse(name.Span, out int pid, out int used) || used != name.Length)
                continue;
            if (Read(pid, name.Span, mark, buffer) is { } entry)
                all.Add(entry);
            else
                isComplete = false;
        }
        return new ProcessTree(all, isComplete);
    }

    /// <summary>The children of this process that /proc names; null where the kernel does not tell (CONFIG_PROC_CHILDREN).</summary>
    public static List<int>? OwnChildren()
    {
        if (!ShowsUs())
            return null;
        var path = ByteString.Join("/proc/self/task/"u8, Decimal(Processes.OwnId).Span, "/children"u8);
        Result<byte[]> file = Files.ReadAll(path.Span, 1024 * 1024);
        if (!file.Ok)
            return null;
        var children = new List<int>();
        ReadOnlySpan<byte> text = file.Value;
        while (Utf8Parser.TryParse(text, out int pid, out int used))
        {
            children.Add(pid);
            text = text[used..].TrimStart((byte)' ');
        }
        return children;
    }

    /// <summary>Adds to <paramref name="members"/> all processes that descend from one of them.</summary>
    public void AddDescendants(HashSet<int> members)
    {
        // A child can stand before its parent in the list: until a pass finds no more.
        for (bool found = members.Count > 0; found;)
        {
            found = false;
            foreach (ProcessEntry entry in All)
                found |= members.Contains(entry.Parent) && members.Add(entry.Pid);
        }
    }

    /// <summary>The service number in the mark of one process; 0 without one.</summary>
    public static uint MarkOf(int pid, ReadOnlySpan<byte> mark) => MarkOf(Decimal(pid).Span, mark, new byte[16 * 1024], out _);

    private static bool ShowsUs() =>
        Utf8Parser.TryParse(Files.ReadLink("/proc/self"u8).Value.Span, out int self, out _) && self == Processes.OwnId;

    private static ProcessEntry? Read(int pid, ReadOnlySpan<byte> name, ReadOnlySpan<byte> mark, byte[] buffer)
    {
        ReadOnlySpan<byte> stat = Files.ReadStart(ByteString.Join("/proc/"u8, name, "/stat"u8).Span, buffer);
        int bracket = stat.LastIndexOf((byte)')');
        if (bracket < 0 || bracket + 2 > stat.Length)
            return null;
        // Behind the name: state, parent, group, session, then 15 more up to the start time.
        stat = stat[(bracket + 2)..];
        bool isZombie = stat is [(byte)'Z' or (byte)'X', ..];
        int parent = (int)Field(stat, 1);
        int session = (int)Field(stat, 3);
        ulong started = Field(stat, 19);
        bool isBlank = false;
        uint marked = isZombie ? 0 : MarkOf(name, mark, buffer, out isBlank);
        return new ProcessEntry(pid, parent, session, isZombie, started, marked, isBlank);
    }

    private static ulong Field(ReadOnlySpan<byte> line, int index)
    {
        for (; index > 0; index--)
            line = line[(line.IndexOf((byte)' ') + 1)..];
        return Utf8Parser.TryParse(line, out ulong number, out _) ? number : 0;
    }

    private static uint MarkOf(ReadOnlySpan<byte> name, ReadOnlySpan<byte> mark, byte[] buffer, out bool isBlank)
    {
        isBlank = false;
        var path = ByteString.Join("/proc/"u8, name, "/environ"u8);
        Result<int> file = Files.OpenRead(path.Span);
        if (file.Error is Errno.Access or Errno.NotPermitted)
            file = OpenAsOwner(ByteString.Join("/proc/"u8, name).Span, path.Span);
        if (!file.Ok)
            return 0;
        uint found = Search(file.Value, mark, buffer, out isBlank);
        Files.Close(file.Value);
        return found;
    }

    /// <summary>
    /// Root without CAP_SYS_PTRACE, as in a container, may not look at other users' environments; they themselves may
    /// (ptrace(2), "Ptrace access mode checking").
    /// </summary>
    private static Result<int> OpenAsOwner(ReadOnlySpan<byte> process, ReadOnlySpan<byte> path)
    {
        Result<FileStatus> owner = Files.Status(process);
        if (!owner.Ok)
            return new(-1, owner.Error);
        using (Credentials.ForFiles(owner.Value.User, owner.Value.Group))
            return Files.OpenRead(path);
    }

    private static uint Search(int fd, ReadOnlySpan<byte> mark, byte[] buffer, out bool isBlank)
    {
        const int digits = 8;
        int kept = 0;
        isBlank = true;
        while (true)
        {
            Result<int> n = Files.Read(fd, buffer.AsSpan(kept));
            int length = kept + n.Value;
            isBlank &= length == 0;
            ReadOnlySpan<byte> text = buffer.AsSpan(0, length);
            int at = text.IndexOf(mark);
            if (at >= 0 && text.Length >= at + mark.Length + digits)
                return Utf8Parser.TryParse(text.Slice(at + mark.Length, digits), out uint number, out int used, 'x') && used == digits ? number : 0;
            if (!n.Ok || n.Value == 0)
                return 0;
            // The mark may lie across the end of what was read.
            kept = Math.Min(length, mark.Length + digits - 1);
            text[^kept..].CopyTo(buffer);
        }
    }

    private static ByteString Decimal(int number) => ByteString.Of(number.ToString(System.Globalization.CultureInfo.InvariantCulture));
}
