using System.Diagnostics;
using System.Globalization;
using System.Text;
using Keelson.SystemTests.Harness;

namespace Keelson.SystemTests;

/// <summary>
/// Far more of everything than anybody needs. Afterwards process 1 answers, and has what it had before: processes,
/// descriptors, memory. KEELSON_STORM=N makes each N times as large. SignalTests has the storms of signals and orphans in
/// which none may be lost.
/// </summary>
public sealed class StormTests
{
    // What the collector and the pools keep for the next time; a leak in storms of thousands is more.
    private const long KeptKilobytes = 1024;

    private static readonly int s_scale = int.Parse(Environment.GetEnvironmentVariable("KEELSON_STORM") ?? "1", CultureInfo.InvariantCulture);
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(120 * s_scale);

    private sealed record State(int Processes, int Descriptors, long MemoryKilobytes);

    private static State Of(Sandbox s) => new(s.Processes.Count, s.Descriptors, Memory(s));

    /// <summary>What is process 1's alone, in kB: pages of the file are shared with all others that run.</summary>
    private static long Memory(Sandbox s) => MemoryMap.OfAll(s, "Anonymous");

    private static Sandbox Calm() => new Sandbox().WithCommands().Service("web", "exec sleep 54321");

    private static async Task<State> Begun(Sandbox s)
    {
        await s.RunOf("web");
        await s.WaitUntilWatching();
        // As many questions as will be asked: what they leave is no leak.
        await Answers(s);
        await Answers(s);
        return Of(s);
    }

    private static async Task Answers(Sandbox s)
    {
        var watch = Stopwatch.StartNew();
        (int status, string text) = await s.OurSv("status web");
        Assert.True(status == 0 && text.StartsWith("run: web: ", StringComparison.Ordinal), text);
        TestContext.Current.TestOutputHelper?.WriteLine($"sv status: {watch.ElapsedMilliseconds} ms");
    }

    private static async Task IsBack(Sandbox s, State before)
    {
        await Answers(s);
        await s.Until(() => s.Processes.Count == before.Processes && !s.Processes.Any(p => p.IsZombie), $"the processes are those of before, {before.Processes}", s_patience);
        await s.Until(() => s.Descriptors <= before.Descriptors, $"the descriptors are those of before, {before.Descriptors}");
        await s.Until(() => Memory(s) <= before.MemoryKilobytes + KeptKilobytes, $"the memory is that of before, {before.MemoryKilobytes} kB; it is {Memory(s)} kB");
        TestContext.Current.TestOutputHelper?.WriteLine($"before {before}, after {Of(s)}");
        Assert.Equal(0, (await s.Stop()).Status);
    }

    [Fact, NotEmulated(NotEmulatedAttribute.Slow)]
    public async Task A_fork_bomb_under_a_limit_of_processes_is_stopped_and_the_others_run_on()
    {
        using var group = new ProcessLimit(200);
        await using Sandbox s = Calm().Prepare(group.Enter)
            .Service("bomb", "exec bash -c 'b() { while :; do b & done; }; b' 2>/dev/null").Write("/etc/service/bomb/down", "")
            .Service("small", "exec sleep 54322");
        await s.Start();
        State before = await Begun(s);
        ProcessEntry small = await s.RunOf("small");
        before = before with { Processes = s.Processes.Count };
        Assert.Equal(0, (await s.OurSv("up bomb")).Status);
        await s.Until(() => group.WasHit, "the limit is reached", s_patience);
        await Answers(s);
        // Now there is no room for it.
        Sandbox.Signal(small.HostPid, Sig.Kill);
        await s.Until(() => Shell.StateOf(small.HostPid) is ' ', "it is reaped");
        (int status, string text) = await s.OurSv("-w 60 stop bomb");
        Assert.True(status == 0, text);
        Assert.DoesNotContain(s.Processes, p => p.Command.Contains("b() {", StringComparison.Ordinal));
        await s.RunOf("small", notPid: small.Pid);
        await IsBack(s, before);
    }

    [Fact, NotEmulated(NotEmulatedAttribute.Slow)]
    public async Task Thousands_of_services_that_appear_and_vanish_are_all_started_and_all_ended()
    {
        const int wave = 250;
        int waves = 8 * s_scale;
        await using Sandbox s = Calm().Script("/srv/run", "exec sleep 54323");
        for (int i = 0; i < wave; i++)
        {
            s.MakeDirectory($"/srv/{i}");
            File.CreateSymbolicLink(s.HostPath($"/srv/{i}/run"), "../run");
        }
        await s.Start();
        State before = await Begun(s);
        var watch = Stopwatch.StartNew();
        for (int w = 0; w < waves; w++)
        {
            // A link under a name that never was.
            for (int i = 0; i < wave; i++)
                File.CreateSymbolicLink(s.HostPath($"/etc/service/s{w}-{i}"), $"/srv/{i}");
            await s.Until(() => Running(s) == before.Processes + wave, $"all of wave {w} run", s_patience);
            for (int i = 0; i < wave; i++)
                File.Delete(s.HostPath($"/etc/service/s{w}-{i}"));
            await s.Until(() => Running(s) == before.Processes, $"all of wave {w} have ended", s_patience);
        }
        TestContext.Current.TestOutputHelper?.WriteLine($"{wave * waves} services came and went in {watch.Elapsed.TotalSeconds:F1} s");
        await IsBack(s, before);
    }

    /// <summary>Process 1 and its children, which is quicker to read than all processes.</summary>
    private static int Running(Sandbox s) =>
        1 + File.ReadAllText($"/proc/{s.HostPid}/task/{s.HostPid}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries).Length;

    [Fact, NotEmulated(NotEmulatedAttribute.Slow)]
    public async Task Services_that_end_at_once_and_have_no_pause_are_restarted_thousands_of_times_beside_others_that_run()
    {
        const int services = 8;
        int wanted = 4000 * s_scale;
        await using Sandbox s = Calm();
        for (int i = 0; i < services; i++)
        {
            s.MakeDirectory($"/etc/service/flap{i}").Write($"/etc/service/flap{i}/service.conf", "[Service]\nRestart=always\nRestartSec=0\n").Write($"/etc/service/flap{i}/down", "");
            File.CreateSymbolicLink(s.HostPath($"/etc/service/flap{i}/run"), "/bin/true");
        }
        await s.Start();
        State before = await Begun(s);
        ProcessEntry web = await s.RunOf("web");
        string all = string.Join(' ', Enumerable.Range(0, services).Select(i => $"flap{i}"));
        Assert.Equal(0, (await s.Exec($"for s in {all}; do echo u >/etc/service/$s/supervise/control; done")).Status);
        var watch = Stopwatch.StartNew();
        long starts = 0;
        while (starts < wanted)
        {
            Assert.True(watch.Elapsed < s_patience, $"{starts} starts in {watch.Elapsed}");
            (int status, string text) = await s.Exec("/opt/keelson/keelson status --json 2>&1");
            Assert.True(status is 0 or 3, text);
            starts = Starts(text);
        }
        TestContext.Current.TestOutputHelper?.WriteLine($"{starts} starts, {starts / watch.Elapsed.TotalSeconds:F0} a second");
        await Answers(s);
        Assert.Equal(web.HostPid, (await s.RunOf("web")).HostPid);
        (int stopped, string said) = await s.OurSv($"-w 60 stop {all}");
        Assert.True(stopped == 0, said);
        await IsBack(s, before);
    }

    private static long Starts(string json)
    {
        using var document = System.Text.Json.JsonDocument.Parse(json);
        return document.RootElement.EnumerateArray()
            .Where(service => service.GetProperty("name").GetString()!.StartsWith("flap", StringComparison.Ordinal)).Sum(service => service.GetProperty("restarts").GetInt64());
    }

    [Theory, NotEmulated(NotEmulatedAttribute.Slow)]
    [InlineData(100, 0)]
    [InlineData(4, 4)]
    public async Task Output_comes_whole_and_in_order_however_fast_it_is_read(int megabytes, int pauseMilliseconds)
    {
        long size = (long)megabytes * s_scale * 1_000_000;
        const string line = "a line of what a service may have to say, which is a hundred letters long with its newline and all.";
        await using Sandbox s = Calm().Env("KEELSON_LOG", "prefix")
            .Service("loud", $"[ -e /tmp/go ] || exec sleep 54323; rm /tmp/go; yes '{line}' | head -c {size}; touch /tmp/written; exec sleep 54323");
        await s.StartBash("mkfifo /root/out; exec 9<>/root/out; exec /sbin/my_init >/root/out 9>&-");
        await s.Until(() => s.Exists("/root/out"), "the FIFO is there");
        using FileStream reader = new(s.HostPath("/root/out"), FileMode.Open, FileAccess.Read, FileShare.ReadWrite, 1);
        State before = await Begun(s);
        await s.RunOf("loud");
        byte[] expected = Encoding.ASCII.GetBytes("[loud] " + line + "\n");
        s.Write("/tmp/go", "");
        var watch = Stopwatch.StartNew();
        Assert.Equal(0, (await s.OurSv("restart loud")).Status);
        long lines = size / (line.Length + 1), seen = 0;
        long largest = 0;
        Task<long> reading = Task.Run(() =>
        {
            var buffer = new byte[64 * 1024];
            int kept = 0;
            while (seen < lines)
            {
                int n = reader.Read(buffer, kept, buffer.Length - kept);
                Assert.NotEqual(0, n);
                int length = kept + n, at = 0;
                for (; length - at >= expected.Length; at += expected.Length, seen++)
                    Assert.True(buffer.AsSpan(at, expected.Length).SequenceEqual(expected), $"line {seen}: {Encoding.UTF8.GetString(buffer, at, expected.Length)}");
                kept = length - at;
                buffer.AsSpan(at, kept).CopyTo(buffer);
                if (pauseMilliseconds > 0)
                    Thread.Sleep(pauseMilliseconds);
            }
            return seen;
        }, TestContext.Current.CancellationToken);
        while (await Task.WhenAny(reading, Task.Delay(200, TestContext.Current.CancellationToken)) != reading)
        {
            Assert.True(watch.Elapsed < s_patience, $"{seen} of {lines} lines");
            largest = Math.Max(largest, Memory(s));
            await Answers(s);
        }
        Assert.Equal(lines, await reading);
        TestContext.Current.TestOutputHelper?.WriteLine($"{size / 1e6 / watch.Elapsed.TotalSeconds:F0} MB/s, memory at most {largest} kB");
        await s.WaitForFile("/tmp/written");
        // A reader that is slow makes the writer wait, not process 1 keep what it has not read.
        Assert.InRange(largest, 0, before.MemoryKilobytes + 2048);
        await s.RunOf("loud");
        await IsBack(s, before with { Processes = s.Processes.Count });
    }

    [Fact, NotEmulated(NotEmulatedAttribute.Slow)]
    public async Task Signals_as_fast_as_one_core_sends_them_leave_process_1_answering()
    {
        int[] signals = [Sig.Hup, Sig.Usr2, Sig.Alrm, Sig.Winch, Sig.Cont, 17];
        await using Sandbox s = Calm();
        await s.Start();
        State before = await Begun(s);
        ProcessEntry web = await s.RunOf("web");
        int count = 300_000 * s_scale;
        var watch = Stopwatch.StartNew();
        Task sending = Task.Run(() =>
        {
            for (int i = 0; i < count; i++)
                s.Signal(signals[i % signals.Length]);
        }, TestContext.Current.CancellationToken);
        while (!sending.IsCompleted)
            await Answers(s);
        await sending;
        TestContext.Current.TestOutputHelper?.WriteLine($"{count / watch.Elapsed.TotalSeconds:F0} signals a second");
        Assert.Equal(web.HostPid, (await s.RunOf("web")).HostPid);
        await IsBack(s, before);
    }
}
