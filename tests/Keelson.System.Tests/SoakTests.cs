using System.Diagnostics;
using System.Globalization;
using System.Text;
using Keelson.SystemTests.Harness;

namespace Keelson.SystemTests;

/// <summary>
/// All storms at once, for as long as KEELSON_SOAK_MINUTES says (`make soak`), without it for some seconds. Every three seconds
/// process 1 is measured and asked; KEELSON_SOAK_CSV names the file for what came of it. The last third of a long run must not be worse
/// than the second: what leaks, or gets slower, is.
/// </summary>
public sealed class SoakTests
{
    private static readonly double s_minutes = double.Parse(Environment.GetEnvironmentVariable("KEELSON_SOAK_MINUTES") ?? "0.3", CultureInfo.InvariantCulture);
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(3);

    /// <summary>Fewer minutes have too few samples in a third to compare them.</summary>
    private const double LeastMinutesToCompare = 5;

    /// <param name="Seconds">Since the storms began.</param>
    /// <param name="Pss">kB of process 1.</param>
    /// <param name="Descriptors">Open in process 1.</param>
    /// <param name="Zombies">That were there twice, a tenth of a second apart: not just being reaped.</param>
    /// <param name="Sv">Milliseconds of `sv status`.</param>
    /// <param name="Control">Milliseconds of `keelson status`, which asks the control socket.</param>
    /// <param name="Restart">Milliseconds from the death of a service to its next process.</param>
    private sealed record Sample(double Seconds, long Pss, int Descriptors, int Zombies, double Sv, double Control, double Restart);

    private Sandbox _s = null!;
    private long _signals;
    private long _waves;
    private long _bytes;

    [Fact, NotEmulated(NotEmulatedAttribute.Slow)]
    public async Task Under_all_storms_at_once_process_1_stays_as_small_and_as_quick_as_it_was()
    {
        await using Sandbox s = new Sandbox().WithCommands().WithProbe().Env("KEELSON_LOG", "prefix")
            .Service("web", "exec sleep 54321")
            // Half a thousand restarts a second, as long as the processors do it.
            .Service("orphans", "exec 2>&-; while :; do n=0; while [ $n -lt 50 ]; do (true & true &) ; n=$((n+1)); done; sleep 0.2; done")
            .Service("loud", "exec yes 'a line of what a service may have to say, which is a hundred letters long with its newline and all'")
            .Service("bomb", "exec 2>&-; echo 0 >/opt/bomb/cgroup.procs; exec bash -c 'b() { while :; do b & done; }; b'");
        _s = s;
        using var limit = new ProcessLimit(100);
        s.MakeDirectory("/opt/bomb").Prepare($"mount --bind {limit.Path} opt/bomb").Script("/srv/run", "exec sleep 54323");
        for (int i = 0; i < 5; i++)
        {
            s.Service($"flap{i}", "").Write($"/etc/service/flap{i}/service.conf", "[Service]\nRestartSec=10ms\n");
            File.Delete(s.HostPath($"/etc/service/flap{i}/run"));
            File.CreateSymbolicLink(s.HostPath($"/etc/service/flap{i}/run"), "/bin/true");
        }
        for (int i = 0; i < 20; i++)
            s.MakeDirectory($"/srv/{i}").Script($"/srv/{i}/run", "exec sleep 54323");
        await s.StartBash("mkfifo /root/out; exec 9<>/root/out; exec /sbin/my_init >/root/out 9>&-");
        await s.Until(() => s.Exists("/root/out"), "the FIFO is there");

        using var end = new CancellationTokenSource();
        using FileStream output = new(s.HostPath("/root/out"), FileMode.Open, FileAccess.Read, FileShare.ReadWrite, 1);
        Task[] storms = [Task.Run(() => Read(output, end.Token), end.Token), Task.Run(() => Signals(end.Token), end.Token), Task.Run(() => Waves(end.Token), end.Token), Task.Run(() => Bombs(end.Token), end.Token)];
        await s.RunOf("web");
        await s.WaitUntilWatching();

        var samples = new List<Sample>();
        using StreamWriter? csv = Environment.GetEnvironmentVariable("KEELSON_SOAK_CSV") is { Length: > 0 } path ? new StreamWriter(path) : null;
        csv?.WriteLine("seconds,pss_kb,descriptors,zombies,sv_ms,control_ms,restart_ms");
        var watch = Stopwatch.StartNew();
        while (watch.Elapsed < TimeSpan.FromMinutes(s_minutes))
        {
            TimeSpan next = watch.Elapsed + s_interval;
            Sample sample = await Measure(watch.Elapsed.TotalSeconds);
            samples.Add(sample);
            csv?.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{sample.Seconds:F1},{sample.Pss},{sample.Descriptors},{sample.Zombies},{sample.Sv:F1},{sample.Control:F1},{sample.Restart:F1}"));
            csv?.Flush();
            foreach (Task storm in storms)
                Assert.False(storm.IsFaulted, storm.Exception?.ToString());
            if (next > watch.Elapsed)
                await Task.Delay(next - watch.Elapsed, TestContext.Current.CancellationToken);
        }
        await end.CancelAsync();
        // The reader ends with the writers.
        foreach (Task storm in storms[1..])
            await storm.WaitAsync(Sandbox.Patience, TestContext.Current.CancellationToken).ContinueWith(_ => { }, TaskScheduler.Default);

        long starts = (await _s.Exec("/opt/keelson/keelson status --json")).Out is { Length: > 0 } json ? Restarts(json) : 0;
        string totals = string.Create(CultureInfo.InvariantCulture, $"{samples.Count} samples in {watch.Elapsed.TotalMinutes:F1} minutes: {starts} restarts, {_waves * 20} services that came and went, {_signals} signals, {_bytes / 1e6:F0} MB of output");
        TestContext.Current.TestOutputHelper?.WriteLine(totals);
        if (csv is not null)
            await csv.WriteLineAsync("# " + totals);
        Assert.True(starts > 0 && _waves > 0 && _signals > 0 && _bytes > 0, totals);

        // What is left when the storms are over: nothing.
        (int status, string text) = await s.OurSv("-w 60 stop bomb orphans loud flap0 flap1 flap2 flap3 flap4");
        Assert.True(status == 0, text);
        await s.Until(() => s.Processes.Count == 2 && !s.Processes.Any(p => p.IsZombie), "PID 1 and one service are left");
        Assert.Equal(0, (await s.Stop()).Status);
        if (s_minutes >= LeastMinutesToCompare)
            IsFlat(samples);
    }

    // ---- storms ----

    private async Task Read(FileStream output, CancellationToken end)
    {
        // Fast for ten seconds, then slow for ten.
        var buffer = new byte[64 * 1024];
        var watch = Stopwatch.StartNew();
        while (!_s.HasEnded)
        {
            int n = output.Read(buffer);
            if (n == 0)
                return;
            _bytes += n;
            bool isSlow = !end.IsCancellationRequested && (int)watch.Elapsed.TotalSeconds / 10 % 2 == 1;
            if (isSlow)
                await Task.Delay(20, CancellationToken.None);
        }
    }

    private async Task Signals(CancellationToken end)
    {
        // None in real time: those queue up, and the user's limit of them is the whole machine's.
        int[] signals = [Sig.Hup, Sig.Usr2, Sig.Alrm, Sig.Winch, Sig.Cont, 17];
        while (!end.IsCancellationRequested)
        {
            for (int i = 0; i < 5000; i++)
                _s.Signal(signals[i % signals.Length]);
            _signals += 5000;
            await Task.Delay(200, end);
        }
    }

    private async Task Waves(CancellationToken end)
    {
        while (!end.IsCancellationRequested)
        {
            for (int i = 0; i < 20; i++)
                File.CreateSymbolicLink(_s.HostPath($"/etc/service/s{_waves}-{i}"), $"/srv/{i}");
            await _s.Until(() => _s.Exists($"/srv/19/supervise/pid") && _s.Read("/srv/19/supervise/pid").Length > 0, "the last of the wave runs");
            for (int i = 0; i < 20; i++)
                File.Delete(_s.HostPath($"/etc/service/s{_waves}-{i}"));
            await _s.Until(() => _s.Read("/srv/19/supervise/pid").Length == 0, "the last of the wave has ended");
            _waves++;
        }
    }

    private async Task Bombs(CancellationToken end)
    {
        while (!end.IsCancellationRequested)
        {
            await Task.Delay(TimeSpan.FromSeconds(10), end);
            (int status, string text) = await _s.OurSv("-w 30 restart bomb");
            Assert.True(status == 0, text);
        }
    }

    // ---- measuring ----

    private async Task<Sample> Measure(double seconds)
    {
        HashSet<int> zombies = [.. Zombies()];
        await Task.Delay(100);
        zombies.IntersectWith(Zombies());
        double sv = await Took(() => _s.OurSv("status web"));
        double control = await Took(() => _s.Exec("/opt/keelson/keelson status web"));
        ProcessEntry web = await _s.RunOf("web");
        var watch = Stopwatch.StartNew();
        Sandbox.Signal(web.HostPid, Sig.Kill);
        // What ran for less than a second waits for a second: this one is older.
        await _s.Until(() => _s.Read("/etc/service/web/supervise/pid").Trim() is { Length: > 0 } pid && pid != Shell.Format(web.Pid), "web runs again");
        double restart = watch.Elapsed.TotalMilliseconds;
        return new Sample(seconds, MemoryMap.OfAll(_s, "Pss"), _s.Descriptors, zombies.Count, sv, control, restart);
    }

    private static async Task<double> Took(Func<Task<(int Status, string Out)>> command)
    {
        var watch = Stopwatch.StartNew();
        (int status, string text) = await command();
        Assert.True(status == 0, text);
        return watch.Elapsed.TotalMilliseconds;
    }

    private int[] Zombies() =>
        [.. File.ReadAllText($"/proc/{_s.HostPid}/task/{_s.HostPid}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select(p => int.Parse(p, CultureInfo.InvariantCulture)).Where(p => Shell.StateOf(p) == 'Z')];

    private static long Restarts(string json)
    {
        using var document = System.Text.Json.JsonDocument.Parse(json);
        return document.RootElement.EnumerateArray().Sum(service => service.GetProperty("restarts").GetInt64());
    }

    private static void IsFlat(List<Sample> samples)
    {
        // Medians of the second and the last third; times are of a machine that may have got busier, hence the factor.
        var complaints = new StringBuilder();
        void Compare(string what, Func<Sample, double> value, double factor, double more)
        {
            int third = samples.Count / 3;
            double second = Median(samples.Skip(third).Take(third)), last = Median(samples.Skip(2 * third));
            string line = string.Create(CultureInfo.InvariantCulture, $"{what}: {second:F1} in the second third, {last:F1} in the last");
            TestContext.Current.TestOutputHelper?.WriteLine(line);
            if (last > second * factor + more)
                complaints.AppendLine(line);
            double Median(IEnumerable<Sample> part)
            {
                double[] sorted = [.. part.Select(value).Order()];
                return sorted[sorted.Length / 2];
            }
        }
        Compare("PSS in kB", s => s.Pss, 1.1, 64);
        Compare("descriptors", s => s.Descriptors, 1, 10);
        // A hundred end at once whenever the bomb is restarted.
        Compare("zombies", s => s.Zombies, 1, 20);
        Compare("sv status in ms", s => s.Sv, 2, 20);
        Compare("keelson status in ms", s => s.Control, 2, 20);
        Compare("restart in ms", s => s.Restart, 2, 20);
        Assert.True(complaints.Length == 0, complaints.ToString());
    }
}
