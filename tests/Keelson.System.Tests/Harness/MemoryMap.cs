using System.Globalization;

namespace Keelson.SystemTests.Harness;

/// <summary>The memory of process 1 as the kernel has it (proc_pid_smaps(5)).</summary>
internal static class MemoryMap
{
    /// <summary>kB of a field, all mappings together.</summary>
    internal static long OfAll(Sandbox s, string field) => Field(File.ReadLines($"/proc/{s.HostPid}/smaps_rollup"), field);

    /// <summary>kB of a field of the first mapping that can be executed: the code of a static binary.</summary>
    internal static long OfCode(Sandbox s, string field) => Field(File.ReadLines($"/proc/{s.HostPid}/smaps").SkipWhile(l => !l.Contains(" r-xp ", StringComparison.Ordinal)), field);

    private static long Field(IEnumerable<string> lines, string field) =>
        long.Parse(lines.First(l => l.StartsWith(field + ":", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
}
