using System.Diagnostics;
using System.Globalization;
using Keelson.SystemTests.Harness;

namespace Keelson.SystemTests;

/// <summary>Random bytes at full speed. KEELSON_FUZZ_SECONDS says for how long, 4 by default; KEELSON_SEED repeats a run.</summary>
public sealed class FuzzTests
{
    private static readonly TimeSpan s_time = TimeSpan.FromSeconds(int.Parse(Environment.GetEnvironmentVariable("KEELSON_FUZZ_SECONDS") ?? "4", CultureInfo.InvariantCulture));

    private static readonly int s_seed = int.Parse(Environment.GetEnvironmentVariable("KEELSON_SEED") ?? Environment.TickCount.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);

    [Fact]
    public async Task Random_bytes_to_control_hinder_nobody_and_leave_a_service_that_sv_can_command()
    {
        await using Sandbox s = new Sandbox().WithCommands()
            .Service("web", "setsid sleep 54322 & exec sleep 54321", "exit 0").Script("/etc/service/web/log/run", "exec cat")
            .Service("scripted", "exec sleep 54323").Script("/etc/service/scripted/control/t", "exit 1").Script("/etc/service/scripted/control/u", "exit 0")
            .Service("other", "exec sleep 54324");
        await s.Start();
        await s.RunOf("web");
        await s.RunOf("scripted");
        await s.RunOf("other");
        await s.WaitUntilWatching();
        int descriptors = s.Descriptors;
        var random = new Random(s_seed);
        TestContext.Current.TestOutputHelper?.WriteLine($"KEELSON_SEED={s_seed}");
        byte[] letters = "udoxtkpchaiq12"u8.ToArray();
        var buffer = new byte[64];
        var watch = Stopwatch.StartNew();
        long written = 0;
        while (watch.Elapsed < s_time)
        {
            foreach (string service in new[] { "web", "web/log", "scripted" })
            {
                for (int i = 0; i < buffer.Length; i++)
                    buffer[i] = random.Next(4) == 0 ? (byte)random.Next(256) : letters[random.Next(letters.Length)];
                // Full, or for a moment without a reader after x.
                if (Native.WriteFifo(s.Supervise(service, "control"), buffer))
                    written += buffer.Length;
            }
        }
        TestContext.Current.TestOutputHelper?.WriteLine($"{written} bytes");
        Assert.Equal(0, (await s.OurSv("restart other")).Status);
        foreach (string service in new[] { "web", "scripted" })
        {
            // Whatever is still in the FIFO comes first; after an x it is away for a second.
            await s.Until(() => s.OurSv($"-w 5 start {service}").Result.Status == 0, $"{service} can be started", TimeSpan.FromSeconds(60));
            await s.Until(() => s.OurSv($"-w 5 stop {service}").Result.Status == 0, $"{service} can be stopped", TimeSpan.FromSeconds(60));
        }
        Assert.Null(s.Find("sleep 54321"));
        Assert.Null(s.Find("sleep 54322"));
        Assert.Null(s.Find("sleep 54323"));
        await s.Until(() => s.Descriptors == descriptors, $"no descriptor is leaked: {descriptors} before, {s.Descriptors} now");
        Assert.Equal(0, (await s.Stop()).Status);
    }
}
