// Control groups of version 2 (cgroups(7)), where we may make some: then what a service started can't leave it. A child is
// in its parent's group, so we enter the service's group, start the child, and return.
using System.Buffers.Text;
using System.Globalization;

namespace Keelson.Linux;

public sealed class Cgroup
{
    private readonly ByteString _home;

    private Cgroup(ByteString home) => _home = home;

    /// <summary>
    /// Our own group, when groups can be made below it, entered and left again; null elsewhere, which is usual: a container
    /// has its groups read-only unless it is privileged, or its engine delegates them.
    /// </summary>
    public static Cgroup? Find()
    {
        if (OwnPath() is not { } path)
            return null;
        foreach (ByteString root in (ReadOnlySpan<ByteString>)[new("/sys/fs/cgroup"u8), new("/sys/fs/cgroup/unified"u8)])
        {
            var home = ByteString.Join(root.Span, path.Is("/"u8) ? default : path.Span);
            // Only where it is the same hierarchy: the file lists us.
            if (!Has(home, Processes.OwnId))
                continue;
            var found = new Cgroup(home);
            const uint probe = 0;
            Errno error = found.Enter(probe);
            if (error == Errno.None)
                error = found.Return();
            found.Remove(probe);
            return error == Errno.None ? found : null;
        }
        return null;
    }

    /// <summary>What we start from now on belongs to the group of this number, which is made if need be.</summary>
    public Errno Enter(uint number)
    {
        ByteString group = GroupOf(number);
        Errno made = Files.MakeDirectory(group.Span, 0x1ed);
        return made is Errno.None or Errno.Exists ? Move(group) : made;
    }

    /// <summary>What we start from now on is in our own group again.</summary>
    public Errno Return() => Move(_home);

    /// <summary>The processes in a group, never ourselves; null when it can't be read, or there is no such group.</summary>
    public List<int>? Members(uint number)
    {
        Result<byte[]> file = Files.ReadAll(ByteString.Join(GroupOf(number).Span, "/cgroup.procs"u8).Span, 16 * 1024 * 1024);
        if (!file.Ok)
            return null;
        List<int> all = Numbers(file.Value);
        all.Remove(Processes.OwnId);
        return all;
    }

    /// <summary>Removes an empty group.</summary>
    public void Remove(uint number) => _ = Files.RemoveDirectory(GroupOf(number).Span);

    private ByteString GroupOf(uint number) =>
        ByteString.Join(_home.Span, "/keelson."u8, ByteString.Of(number.ToString("x8", CultureInfo.InvariantCulture)).Span);

    private static Errno Move(ByteString group) => Files.WriteOnce(ByteString.Join(group.Span, "/cgroup.procs"u8).Span, "0"u8);

    private static bool Has(ByteString group, int pid)
    {
        Result<byte[]> file = Files.ReadAll(ByteString.Join(group.Span, "/cgroup.procs"u8).Span, 16 * 1024 * 1024);
        return file.Ok && Numbers(file.Value).Contains(pid);
    }

    /// <summary>The line of version 2 in /proc/self/cgroup: 0::/path.</summary>
    private static ByteString? OwnPath()
    {
        ReadOnlySpan<byte> text = Files.ReadAll("/proc/self/cgroup"u8, 65536).Value;
        while (!text.IsEmpty)
        {
            int end = text.IndexOf((byte)'\n');
            ReadOnlySpan<byte> line = end < 0 ? text : text[..end];
            if (line.StartsWith("0::/"u8))
                return new ByteString(line[3..]);
            text = end < 0 ? default : text[(end + 1)..];
        }
        return null;
    }

    private static List<int> Numbers(ReadOnlySpan<byte> text)
    {
        var numbers = new List<int>();
        while (Utf8Parser.TryParse(text, out int number, out int used))
        {
            numbers.Add(number);
            text = text[used..].TrimStart((byte)'\n');
        }
        return numbers;
    }
}
