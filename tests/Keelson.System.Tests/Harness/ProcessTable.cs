// The processes of one PID namespace, read from the host's /proc.
using System.Globalization;
using System.Text;

namespace Keelson.SystemTests.Harness;

/// <summary>
/// A process. All numbers are the host's, as kill wants them, but <c>Pid</c>, its number in its namespace. The command
/// line is with blanks between the words, and [comm] for a zombie.
/// </summary>
public sealed record ProcessEntry(int HostPid, int Pid, int Parent, int Group, int Session, char State, string Command)
{
    public bool IsZombie => State == 'Z';

    /// <summary>The environment block as execve got it.</summary>
    public byte[] Environment() => File.ReadAllBytes($"/proc/{HostPid}/environ");

    public override string ToString() => $"{HostPid,7} {Pid,6} {Parent,7} {Group,7} {Session,7} {State} {Command}";
}

internal static class ProcessTable
{
    internal const string Header = "   host     in  parent   group session S command";

    internal static IReadOnlyList<ProcessEntry> Of(string pidNamespace)
    {
        var entries = new List<ProcessEntry>();
        foreach (string directory in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(directory), NumberStyles.None, CultureInfo.InvariantCulture, out int pid))
                continue;
            if (NamespaceOf(pid) == pidNamespace && Read(pid) is { } entry)
                entries.Add(entry);
        }
        return entries;
    }

    internal static string? NamespaceOf(int pid)
    {
        try
        {
            return new FileInfo($"/proc/{pid}/ns/pid").LinkTarget;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    internal static ProcessEntry? Read(int pid)
    {
        try
        {
            string stat = Encoding.Latin1.GetString(ReadSmall($"/proc/{pid}/stat"));
            int open = stat.IndexOf('(', StringComparison.Ordinal);
            int shut = stat.LastIndexOf(')');
            if (open < 0 || shut < 0)
                return null;
            string[] fields = stat[(shut + 2)..].Split(' ');
            string command = Encoding.UTF8.GetString(ReadSmall($"/proc/{pid}/cmdline")).TrimEnd('\0').Replace('\0', ' ');
            if (command.Length == 0)
                command = "[" + stat[(open + 1)..shut] + "]";
            return new ProcessEntry(pid, InnerPid(pid), Number(fields[1]), Number(fields[2]), Number(fields[3]), fields[0][0], command);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null; // it is gone
        }
    }

    internal static string FirstArgument(int pid)
    {
        try
        {
            string all = Encoding.UTF8.GetString(ReadSmall($"/proc/{pid}/cmdline"));
            int end = all.IndexOf('\0', StringComparison.Ordinal);
            return end < 0 ? all : all[..end];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    /// <summary>One line of /proc/PID/status, such as SigIgn, without its name.</summary>
    internal static string? Status(int pid, string name)
    {
        try
        {
            foreach (string line in Encoding.Latin1.GetString(ReadSmall($"/proc/{pid}/status")).Split('\n'))
            {
                if (line.StartsWith(name + ":", StringComparison.Ordinal))
                    return line[(name.Length + 1)..].Trim();
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
        }
        return null;
    }

    private static int InnerPid(int pid) => Status(pid, "NSpid") is { } pids ? Number(pids.Split('\t')[^1]) : 0;

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);

    private static byte[] ReadSmall(string path)
    {
        using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, 1);
        using MemoryStream all = new();
        file.CopyTo(all);
        return all.ToArray();
    }
}
