// One run of one peer, in PID and mount namespaces of its own.
//
// Whoever reaches a point of interest in there (the peer's start, each service's first line) says so in one line to the FIFO
// $W/said, which is read here without a pause: nothing is polled, and all times are this process's clock. Everything else
// is read from outside, in /proc and with signals; the namespace's processes are found by their namespace.
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Threading.Channels;

namespace Keelson.Peers;

internal readonly record struct Said(long At, string Text);

internal sealed class Box : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(120);

    // What services and their helpers are called; the rest is the supervision.
    private static readonly string[] s_services = ["sleep", "run", "sh", "keelson-probe"];
    // What stands above a peer that is not process 1, and is none of it.
    private static readonly string[] s_keepers = ["tini", "tail"];
    private readonly Channel<Said> _said = Channel.CreateUnbounded<Said>();
    private readonly FileStream _fifo;
    private Process? _unshare;
    private bool _kept;
    private string _namespace = "";

    /// <summary>$W.</summary>
    public string Work { get; }

    internal Box(string below, string repository)
    {
        Work = Path.Combine(below, "run");
        if (Directory.Exists(Work))
            Directory.Delete(Work, recursive: true);
        foreach (string name in new[] { "bin", "etc/service", "log" })
            Directory.CreateDirectory(Path.Combine(Work, name));
        foreach (string name in new[] { "passwd", "group" })
            File.Copy(Path.Combine("/etc", name), Path.Combine(Work, "etc", name));
        foreach (string name in new[] { "my_init", "svlogd" })
            File.CreateSymbolicLink(Path.Combine(Work, "bin", name), Path.Combine(repository, "build/keelson"));
        Native.Fifo(Path.Combine(Work, "said"));
        // Both directions: it opens at once, and never comes to its end.
        _fifo = new FileStream(Path.Combine(Work, "said"), FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, 0);
        new Thread(Listen) { IsBackground = true }.Start();
    }

    /// <summary>The host's number of the namespace's process 1.</summary>
    public int First { get; private set; }

    internal void Script(string path, string text)
    {
        string file = Path.Combine(Work, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text);
        File.SetUnixFileMode(file, (UnixFileMode)0x1ED);
    }

    /// <summary>A service that says when it runs, in the form `up NAME PID`, and sleeps.</summary>
    internal void Service(string name) => Script($"etc/service/{name}/run", $"#!/bin/sh\necho up {name} $$ >{Work}/said\nexec sleep 100000\n");

    /// <summary>Supervisord has one file instead of directories.</summary>
    internal void SupervisordConf(IEnumerable<string> services, string more = "")
    {
        var text = new StringBuilder($"[supervisord]\nnodaemon=true\nlogfile=/dev/null\nlogfile_maxbytes=0\npidfile={Work}/pid\nuser=root\nminfds=20000\n");
        foreach (string name in services)
            text.Append(CultureInfo.InvariantCulture, $"[program:{name}]\ncommand={Work}/etc/service/{name}/run\nautorestart=true\n{more}");
        File.WriteAllText(Path.Combine(Work, "supervisord.conf"), text.ToString());
    }

    /// <summary>Starts shell text as process 1; kept: what is measured is below it.</summary>
    internal long Start(string command, bool kept = false)
    {
        _kept = kept;
        // As in a container: no control groups to make, and an /etc and a /run of its own.
        const string prelude = "mount --bind $W/etc /etc && mount -t tmpfs tmpfs /run && mount -t tmpfs -o ro tmpfs /sys/fs/cgroup && ulimit -n 20000 && cd $W && echo begin >said && ";
        var start = new ProcessStartInfo("unshare",
            ["--pid", "--mount", "--fork", "--mount-proc", "--kill-child", "sh", "-c", $"{prelude}exec {command} >$W/output 2>&1 </dev/null"]);
        start.Environment.Clear();
        start.Environment["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        start.Environment["W"] = Work;
        _unshare = Process.Start(start)!;
        long began = Next("begin").At;
        First = int.Parse(File.ReadAllText($"/proc/{_unshare.Id}/task/{_unshare.Id}/children").Trim(), CultureInfo.InvariantCulture);
        _namespace = NamespaceOf(First) ?? throw Wrong("process 1 is gone at once");
        return began;
    }

    /// <summary>The next line that begins so; others before it are dropped.</summary>
    internal Said Next(string begins)
    {
        using var patience = new CancellationTokenSource(s_patience);
        try
        {
            while (true)
            {
                Said said = _said.Reader.ReadAsync(patience.Token).AsTask().GetAwaiter().GetResult();
                if (said.Text.StartsWith(begins, StringComparison.Ordinal))
                    return said;
            }
        }
        catch (OperationCanceledException)
        {
            throw Wrong($"nobody said \"{begins}\"");
        }
    }

    /// <summary>Whether somebody has said that since the last that was asked for.</summary>
    internal bool HasSaid(string text)
    {
        while (_said.Reader.TryRead(out Said said))
        {
            if (said.Text == text)
                return true;
        }
        return false;
    }

    /// <summary>All processes of the namespace by the host's numbers, in order, those that wait to be reaped included.</summary>
    internal List<(int Pid, string Name, char State)> Processes()
    {
        var found = new List<(int, string, char)>();
        foreach (string directory in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(directory.AsSpan()), CultureInfo.InvariantCulture, out int pid))
                continue;
            try
            {
                // One that has ended has no link any more; its line says whose it was: its parent is in the namespace.
                string stat = File.ReadAllText($"{directory}/stat");
                int end = stat.LastIndexOf(')');
                string name = stat[(stat.IndexOf('(', StringComparison.Ordinal) + 1)..end];
                char state = stat[end + 2];
                bool ours = state is 'Z' or 'X' ? stat[(end + 4)..].StartsWith($"{First} ", StringComparison.Ordinal) : NamespaceOf(pid) == _namespace;
                if (ours && !(_kept && s_keepers.Contains(name)))
                    found.Add((pid, name, state));
            }
            catch (IOException)
            {
                // It went away in between.
            }
        }
        found.Sort();
        return found;
    }

    /// <summary>The processes of the peer itself.</summary>
    internal int[] Supervision() => [.. Processes().Where(p => !s_services.Contains(p.Name)).Select(p => p.Pid)];

    /// <summary>The one that started the others: its parent is none of them. Not the lowest number: numbers begin anew at their limit.</summary>
    internal static int Root(int[] pids) => pids.First(pid =>
        !pids.Contains(int.Parse(File.ReadLines($"/proc/{pid}/status").First(l => l.StartsWith("PPid:", StringComparison.Ordinal)).Split('\t')[1], CultureInfo.InvariantCulture)));

    /// <summary>The host's number of a process that the namespace knows by another.</summary>
    internal int HostPid(string inside) =>
        Processes().Select(p => p.Pid).First(pid => File.ReadLines($"/proc/{pid}/status").First(l => l.StartsWith("NSpid:", StringComparison.Ordinal)).Split('\t')[^1] == inside);

    /// <summary>Proportional set size of these in kB.</summary>
    internal static int Pss(IEnumerable<int> pids) => pids.Sum(pid =>
        int.Parse(File.ReadLines($"/proc/{pid}/smaps_rollup").First(l => l.StartsWith("Pss:", StringComparison.Ordinal))[4..^2].Trim(), CultureInfo.InvariantCulture));

    /// <summary>Waits until these are gone and reaped, or the limit is over; returns how many are.</summary>
    internal static int Gone(IReadOnlyList<int> pids, TimeSpan limit)
    {
        long begin = Stopwatch.GetTimestamp();
        for (int gone = pids.Count; gone > 0; gone--)
        {
            while (Native.Send(pids[gone - 1], Signal.Exists))
            {
                if (Stopwatch.GetElapsedTime(begin) > limit)
                    return pids.Count(pid => !Native.Send(pid, Signal.Exists));
                Thread.SpinWait(500);
            }
        }
        return pids.Count;
    }

    internal InvalidOperationException Wrong(string what)
    {
        string output = Path.Combine(Work, "output");
        return new InvalidOperationException($"{what}. The peer's output: {(File.Exists(output) ? File.ReadAllText(output) : "none")}");
    }

    public void Dispose()
    {
        if (_unshare is not null)
        {
            // The kernel ends process 1 with its parent, and all others with process 1.
            List<int> all = _unshare.HasExited ? [] : [.. Processes().Select(p => p.Pid)];
            if (!_unshare.HasExited)
                _unshare.Kill();
            _unshare.WaitForExit();
            _unshare.Dispose();
            Gone(all, s_patience);
        }
        // Ends the thread that listens.
        _fifo.Write("over\n"u8);
    }

    private void Listen()
    {
        byte[] buffer = new byte[65536];
        int held = 0;
        while (true)
        {
            int count = _fifo.Read(buffer, held, buffer.Length - held);
            long now = Stopwatch.GetTimestamp();
            held += count;
            int begin = 0;
            for (int end; (end = Array.IndexOf(buffer, (byte)'\n', begin, held - begin)) >= 0; begin = end + 1)
            {
                string text = Encoding.UTF8.GetString(buffer, begin, end - begin);
                _said.Writer.TryWrite(new(now, text));
                if (text == "over")
                {
                    _fifo.Dispose();
                    return;
                }
            }
            held -= begin;
            Array.Copy(buffer, begin, buffer, 0, held);
        }
    }

    private static string? NamespaceOf(int pid)
    {
        try
        {
            return new FileInfo($"/proc/{pid}/ns/pid").LinkTarget;
        }
        catch (IOException)
        {
            return null;
        }
    }
}
