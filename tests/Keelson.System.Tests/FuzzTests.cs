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

    [Fact]
    public async Task Random_bytes_to_the_control_socket_hinder_nobody_and_do_nothing_to_services()
    {
        // Requests, halves of them, and anything; whole, in pieces, with an end and without; the answer read, half read, or not at all.
        await using Sandbox s = new Sandbox().WithCommands().Service("web", "exec sleep 54321").Service("other", "exec sleep 54322").Script("/tmp/fuzz", """
            #!/usr/bin/perl
            use Socket;
            use Time::HiRes qw(time);
            my ($seed, $seconds) = @ARGV;
            srand $seed;
            $SIG{PIPE} = "IGNORE";
            my ($end, $sent, $answered, @open) = (time + $seconds, 0, 0);
            while (time < $end) {
                socket(my $c, PF_UNIX, SOCK_STREAM, 0) or die;
                connect($c, sockaddr_un("/run/keelson/control")) or die "connect: $!";
                my $bytes = "";
                for (0 .. int rand 4) {
                    my $what = int rand 6;
                    my $word = ("status", "events", "follow", "health")[rand 4];
                    $bytes .= $what == 0 ? "$word\n" : $what == 1 ? substr($word, 0, rand 7) : $what == 2 ? "\n" : $what == 3 ? "\0" x rand 40
                        : $what == 4 ? join("", map { chr rand 256 } 0 .. rand 50) : "$word\r\n";
                }
                while (length $bytes) {
                    my $n = syswrite $c, $bytes, 1 + rand 20;
                    last unless $n;
                    $sent += $n;
                    substr($bytes, 0, $n) = "";
                }
                shutdown $c, rand 3 if rand() < 0.3;
                if (rand() < 0.5) {
                    vec(my $ready = "", fileno $c, 1) = 1;
                    $answered++ if select($ready, undef, undef, 0.05) && sysread $c, my $answer, 1 + rand 5000;
                }
                push @open, $c;
                splice @open, rand @open, 1 while @open > rand 12;
            }
            print "$sent bytes sent, $answered answers\n";
            """);
        await s.Start();
        ProcessEntry web = await s.RunOf("web");
        ProcessEntry other = await s.RunOf("other");
        await s.WaitUntilWatching();
        int descriptors = s.Descriptors;
        TestContext.Current.TestOutputHelper?.WriteLine($"KEELSON_SEED={s_seed}");
        Task<(int Status, string Out)> fuzz = s.Exec($"/tmp/fuzz {s_seed} {s_time.TotalSeconds} 2>&1");
        int served = 0;
        while (!fuzz.IsCompleted)
        {
            // It may be told that too many ask at once, but not nothing, and nothing else.
            (int status, string answer) = await s.Exec("timeout 20 /opt/keelson/keelson health 2>&1");
            Assert.True((status, answer) is (0, "healthy\n") || answer.Contains("too many ask at once", StringComparison.Ordinal), $"{status}: {answer}");
            if (status == 0)
                served++;
        }
        (int ended, string told) = await fuzz;
        TestContext.Current.TestOutputHelper?.WriteLine($"{told}{served} others were served");
        Assert.True(ended == 0 && served > 0, told);
        Assert.DoesNotContain("internal error", s.Log.Text, StringComparison.Ordinal);
        Assert.Equal((web.HostPid, other.HostPid), ((await s.RunOf("web")).HostPid, (await s.RunOf("other")).HostPid));
        await s.Until(() => s.Descriptors == descriptors, $"no descriptor is leaked: {descriptors} before, {s.Descriptors} now");
        Assert.Equal((0, "healthy\n"), await s.Exec("/opt/keelson/keelson health 2>&1"));
        Assert.Equal(0, (await s.Stop()).Status);
    }
}
