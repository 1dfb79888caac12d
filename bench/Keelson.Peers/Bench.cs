// The measurements: each is one run of one peer, in a Box of its own, and gives one number.
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Keelson.Peers;

internal sealed class Bench(string work, string repository, int services, int megabytes)
{
    internal const int Orphans = 10000;
    private const int Kills = 3;
    private const string Polite = "polite";
    private static readonly TimeSpan s_reapingLimit = TimeSpan.FromSeconds(5);
    private string? _input;

    /// <summary>Whose services were killed at a stop instead of being told: what is said of them.</summary>
    public HashSet<string> Impolite { get; } = [];

    /// <summary>All that can be measured of a peer's services in one life of it, by the key of the metric.</summary>
    internal IEnumerable<(string Key, double Value)> Services(Peer peer)
    {
        using var box = new Box(work, repository);
        string[] names = [.. Enumerable.Range(0, services).Select(i => $"s{i:D4}")];
        foreach (string name in names)
            box.Service(name);
        // One that tells whether it got TERM, or was killed when its supervisor left.
        box.Script($"etc/service/{Polite}/run", $"#!/bin/sh\ntrap 'echo told >{box.Work}/said; kill $!; exit 0' TERM\nsleep 100000 &\necho up {Polite} $$ >{box.Work}/said\nwait\n");
        box.SupervisordConf([.. names, Polite]);
        long began = box.Start(peer.SuperviseBelow ?? peer.Supervise!, kept: peer.SuperviseBelow is not null);
        var last = new Said();
        string victim = "";
        for (int up = 0; up <= services; up++)
        {
            last = box.Next("up ");
            if (last.Text.StartsWith("up s0000 ", StringComparison.Ordinal))
                victim = last.Text.Split(' ')[2];
        }
        yield return (Metric.Boot, Milliseconds(began, last.At));

        // A quarter of a second after the start Keelson gives memory back; whoever else does something has the same two.
        Thread.Sleep(2000);
        int[] supervision = box.Supervision();
        yield return (Metric.Memory, Box.Pss(supervision));

        var restarts = new List<double>();
        for (int kill = 0; kill < Kills; kill++)
        {
            // Longer than the second for which a supervisor may keep a service that ended too soon.
            Thread.Sleep(1500);
            int pid = box.HostPid(victim);
            long killed = Stopwatch.GetTimestamp();
            Native.Send(pid, Signal.Kill);
            Said again = box.Next("up s0000 ");
            victim = again.Text.Split(' ')[2];
            restarts.Add(Milliseconds(killed, again.At));
        }
        yield return (Metric.Restart, Statistics.Median(restarts));

        Thread.Sleep(1500);
        int[] all = [.. box.Processes().Select(p => p.Pid)];
        int receiver = peer.SuperviseBelow is null ? box.First : Box.Root(supervision);
        long told = Stopwatch.GetTimestamp();
        Native.Send(receiver, peer.StopSignal);
        if (Box.Gone(all, TimeSpan.FromSeconds(60)) != all.Length)
            throw box.Wrong($"{peer.Name} did not stop");
        double stop = Milliseconds(told, Stopwatch.GetTimestamp());
        if (!box.HasSaid("told"))
            Impolite.Add(peer.Name);
        yield return (Metric.Stop, stop);
    }

    /// <summary>Memory with one process below it, then that process's orphans.</summary>
    internal IEnumerable<(string Key, double Value)> OneProcess(Peer peer)
    {
        using var box = new Box(work, repository);
        Native.Fifo(Path.Combine(box.Work, "go"));
        box.Script("etc/service/one/run", $"#!/bin/sh\necho up one $$ >{box.Work}/said\nread _ <{box.Work}/go\nexec {repository}/build/probe/keelson-probe orphans {Orphans} >{box.Work}/said\n");
        box.SupervisordConf(["one"]);
        box.Start(peer.Supervise ?? $"{peer.OneShot} $W/etc/service/one/run");
        box.Next("up one ");
        Thread.Sleep(2000);
        yield return (Metric.Idle, Box.Pss(box.Supervision()));

        // Stopped from outside, process 1 reaps nothing: what is measured below is reaping, and nobody's forks.
        Native.Send(box.First, Signal.Stop);
        using (var go = new StreamWriter(new FileStream(Path.Combine(box.Work, "go"), FileMode.Open, FileAccess.ReadWrite)))
        {
            go.WriteLine();
            go.Flush();
            box.Next("made ");
        }
        int[] dead = [];
        for (long begin = Stopwatch.GetTimestamp(); dead.Length < Orphans;)
        {
            if (Stopwatch.GetElapsedTime(begin).TotalSeconds > 20)
                throw box.Wrong($"of {Orphans} orphans {dead.Length} wait for {peer.Name}");
            dead = [.. box.Processes().Where(p => p.State == 'Z').Select(p => p.Pid)];
        }
        long resumed = Stopwatch.GetTimestamp();
        Native.Send(box.First, Signal.Cont);
        int reaped = Box.Gone(dead, s_reapingLimit);
        yield return (Metric.Reaping, reaped * 1000 / Milliseconds(resumed, Stopwatch.GetTimestamp()));
    }

    /// <summary>Megabytes a second through its logger.</summary>
    internal double Logging(Peer peer)
    {
        using var box = new Box(work, repository);
        File.CreateSymbolicLink(Path.Combine(box.Work, "input"), Input());
        File.WriteAllText(Path.Combine(box.Work, "log/config"), "s16777216\nn0\n");
        long expected = new FileInfo(Input()).Length;
        if (peer.LogsItself)
        {
            box.Script("etc/service/cat/run", $"#!/bin/sh\necho begin >{box.Work}/said\ncat {box.Work}/input\nexec sleep 100000\n");
            box.SupervisordConf(["cat"], $"stdout_logfile={box.Work}/log/current\nstdout_logfile_maxbytes=16777216\nstdout_logfile_backups=1000\n");
            box.Start(peer.Log!);
        }
        else
        {
            box.Script("logger", $"#!/bin/sh\necho begin >{box.Work}/said\n{peer.Log}\necho end $? >{box.Work}/said\n");
            box.Start("$W/logger");
        }
        long began = box.Next("begin").At, ended;
        if (peer.LogsItself)
        {
            // A file that is renamed between two looks is seen twice, or not at all: two looks have to agree.
            long before = 0, written;
            ended = began;
            while ((written = Written(box)) != expected || before != expected)
            {
                if (Stopwatch.GetElapsedTime(began).TotalMinutes > 2)
                    throw box.Wrong($"{peer.Name} has written {written} of {expected} bytes");
                if (before != written)
                    ended = Stopwatch.GetTimestamp();
                before = written;
                Thread.Sleep(2);
            }
        }
        else
        {
            Said end = box.Next("end ");
            ended = end.At;
            if (end.Text != "end 0" || Written(box) != expected)
                throw box.Wrong($"{peer.Name}'s logger ended with \"{end.Text}\" and has written {Written(box)} of {expected} bytes");
        }
        return expected / 1000.0 / Milliseconds(began, ended);
    }

    /// <summary>The median of a one-shot command of each, in ms: they take turns within one call of hyperfine.</summary>
    internal Dictionary<string, double> OneShot(IReadOnlyList<Peer> peers, int runs)
    {
        using var box = new Box(work, repository);
        string result = Path.Combine(box.Work, "hyperfine.json");
        // hyperfine starts what it measures without a shell; the bind is made once for all.
        var arguments = new List<string> { "--mount", "sh", "-c", "mount --bind $W/etc /etc && mount -t tmpfs tmpfs /run && exec \"$@\"", "sh", "hyperfine", "-N", "-w", "5", "-r", $"{runs}", "--export-json", result };
        foreach (Peer peer in peers)
            arguments.AddRange(["-n", peer.Name, $"env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOSTNAME=bench unshare --pid --fork --kill-child {peer.OneShot!.Replace("$W", box.Work, StringComparison.Ordinal)} true"]);
        var start = new ProcessStartInfo("unshare", arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["W"] = box.Work;
        using Process hyperfine = Process.Start(start)!;
        Task<string> complaint = hyperfine.StandardError.ReadToEndAsync();
        hyperfine.StandardOutput.ReadToEnd();
        hyperfine.WaitForExit();
        if (hyperfine.ExitCode != 0)
            throw new InvalidOperationException($"hyperfine: {complaint.GetAwaiter().GetResult()}");
        using JsonDocument json = JsonDocument.Parse(File.ReadAllText(result));
        return json.RootElement.GetProperty("results").EnumerateArray().ToDictionary(r => r.GetProperty("command").GetString()!, r => r.GetProperty("median").GetDouble() * 1000);
    }

    private static double Milliseconds(long from, long to) => Stopwatch.GetElapsedTime(from, to).TotalMilliseconds;

    private static long Written(Box box)
    {
        try
        {
            return new DirectoryInfo(Path.Combine(box.Work, "log")).EnumerateFiles().Where(f => f.Name is not ("config" or "lock" or "state")).Sum(f => f.Length);
        }
        catch (FileNotFoundException)
        {
            return -1;
        }
    }

    private string Input()
    {
        if (_input is null)
        {
            _input = Path.Combine(work, "lines");
            using var lines = new StreamWriter(_input) { NewLine = "\n" };
            for (int i = 0; i < megabytes * 10000; i++)
                lines.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{i:D10} {i:D88}"));
        }
        return _input;
    }
}
