namespace Keelson.SystemTests.Harness;

/// <summary>A control group that limits the number of processes, of either version.</summary>
internal sealed class ProcessLimit : IDisposable
{
    private static readonly string[] s_roots = ["/sys/fs/cgroup/pids", "/sys/fs/cgroup"];

    internal string Path { get; }

    internal ProcessLimit(int most)
    {
        string? root = s_roots.FirstOrDefault(r => File.Exists(r + "/cgroup.procs"));
        Path = $"{root}/keelson-test-{Environment.ProcessId}-{Guid.NewGuid():N}";
        if (root is null)
            throw new InvalidOperationException("no control groups are mounted at /sys/fs/cgroup: mount them, with the controller pids");
        Directory.CreateDirectory(Path);
        if (!File.Exists(Path + "/pids.max"))
            throw new InvalidOperationException($"{root} limits no processes: echo +pids >{root}/cgroup.subtree_control");
        File.WriteAllText(Path + "/pids.max", Shell.Format(most));
    }

    /// <summary>For the prologue of a sandbox: it, and so all of the container, is in the group then.</summary>
    internal string Enter => $"echo 0 >{Path}/cgroup.procs";

    internal bool WasHit => File.ReadLines(Path + "/pids.events").Any(l => l.StartsWith("max ", StringComparison.Ordinal) && l != "max 0");

    public void Dispose()
    {
        for (int i = 0; i < 100; i++)
        {
            try
            {
                Directory.Delete(Path);
                return;
            }
            catch (IOException) when (Directory.Exists(Path))
            {
                // Who has just ended is in it for a moment.
                Thread.Sleep(50);
            }
        }
    }
}
