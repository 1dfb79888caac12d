using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace Keelson.Linux;

/// <summary>This process, and those that /proc shows.</summary>
public static class Processes
{
    public static int OwnId => Libc.getpid();
    public static int ParentId => Libc.getppid();
    public static uint UserId => Libc.geteuid();
    public static uint GroupId => Libc.getegid();

    /// <summary>Ends at once: no finalizer, no atexit handler.</summary>
    public static void Exit(int status) => Libc._exit(status);

    /// <summary>Orphans below us become our children though we are not PID 1 (prctl(2), PR_SET_CHILD_SUBREAPER).</summary>
    public static Errno BecomeSubreaper() => Libc.Check(Libc.prctl(36, 1, 0, 0, 0));

    /// <summary>
    /// Every process below <paramref name="root"/>, by the parents that /proc/PID/stat names; empty without /proc, and
    /// where /proc shows another PID namespace, whose numbers would be those of other processes here.
    /// A snapshot: what forks meanwhile may be missing, so callers that kill look again.
    /// </summary>
    /// <param name="spared">These and what is below them are left out.</param>
    public static List<int> DescendantsOf(int root, IReadOnlyCollection<int> spared)
    {
        Dictionary<int, int> parents = Parents();
        var found = new List<int>();
        foreach ((int pid, _) in parents)
        {
            if (IsBelow(parents, pid, root) && !IsAnyOrBelow(parents, pid, spared))
                found.Add(pid);
        }
        return found;
    }

    /// <summary>All processes of the PID namespace but this one, <paramref name="spared"/> and what is below them; empty as above.</summary>
    public static List<int> AllBut(IReadOnlyCollection<int> spared)
    {
        Dictionary<int, int> parents = Parents();
        var found = new List<int>();
        foreach ((int pid, _) in parents)
        {
            if (pid != OwnId && !IsAnyOrBelow(parents, pid, spared))
                found.Add(pid);
        }
        return found;
    }

    private static Dictionary<int, int> Parents()
    {
        var parents = new Dictionary<int, int>();
        if (!Utf8Parser.TryParse(Files.ReadLink("/proc/self"u8).Value.Span, out int self, out _) || self != OwnId)
            return parents;
        foreach (ByteString name in Files.List("/proc"u8).Value)
        {
            if (Utf8Parser.TryParse(name.Span, out int pid, out int used) && used == name.Length)
                parents[pid] = ParentOf(pid);
        }
        return parents;
    }

    private static bool IsAnyOrBelow(Dictionary<int, int> parents, int pid, IReadOnlyCollection<int> roots)
    {
        foreach (int root in roots)
        {
            if (pid == root || IsBelow(parents, pid, root))
                return true;
        }
        return false;
    }

    private static bool IsBelow(Dictionary<int, int> parents, int pid, int root)
    {
        int ancestor = pid;
        // Bounded, because a snapshot that is not atomic can hold a circle when pids are used again.
        for (int depth = 0; depth < parents.Count && parents.TryGetValue(ancestor, out ancestor); depth++)
        {
            if (ancestor == root)
                return true;
        }
        return false;
    }

    /// <summary>The name of a process, "?" when /proc does not tell.</summary>
    public static string NameOf(int pid)
    {
        Result<byte[]> name = Files.ReadAll(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/comm")), 4096);
        return name.Ok ? Encoding.UTF8.GetString(name.Value.AsSpan().TrimEnd((byte)'\n')) : "?";
    }

    /// <summary>The session and the resident kibibytes of every process that /proc shows.</summary>
    public static IEnumerable<(int Session, long Kibibytes)> Memory()
    {
        const int pageKibibytes = 4;
        foreach (ByteString name in Files.List("/proc"u8).Value)
        {
            if (!Utf8Parser.TryParse(name.Span, out int pid, out int used) || used != name.Length)
                continue;
            if (Utf8Parser.TryParse(StatField(pid, 21), out long pages, out _))
                yield return (SessionOf(pid), pages * pageKibibytes);
        }
    }

    /// <summary>Whether it has ended and waits to be reaped.</summary>
    public static bool IsZombie(int pid) => StatField(pid, 0) is [(byte)'Z', ..];

    /// <summary>The session of a process, 0 when it is not there.</summary>
    public static int SessionOf(int pid) => Utf8Parser.TryParse(StatField(pid, 3), out int session, out _) ? session : 0;

    /// <summary>The parent of a process, 0 when it is not there.</summary>
    public static int ParentOf(int pid) => Utf8Parser.TryParse(StatField(pid, 1), out int parent, out _) ? parent : 0;

    /// <summary>The real user of a process, null when it is not there. The owner of its directory in /proc is another where it dropped rights.</summary>
    public static uint? UserOf(int pid)
    {
        ReadOnlySpan<byte> status = Files.ReadAll(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/status")), 16384).Value;
        int at = status.IndexOf("\nUid:\t"u8);
        return at >= 0 && Utf8Parser.TryParse(status[(at + 6)..], out uint user, out _) ? user : null;
    }

    /// <summary>The field of /proc/PID/stat so many places behind the name, which may hold blanks and brackets itself.</summary>
    private static ReadOnlySpan<byte> StatField(int pid, int index)
    {
        Result<byte[]> stat = Files.ReadAll(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/stat")), 4096);
        ReadOnlySpan<byte> line = stat.Value;
        int bracket = line.LastIndexOf((byte)')');
        if (!stat.Ok || bracket < 0 || bracket + 2 > line.Length)
            return default;
        line = line[(bracket + 2)..];
        for (; index > 0; index--)
            line = line[(line.IndexOf((byte)' ') + 1)..];
        return line;
    }
}
