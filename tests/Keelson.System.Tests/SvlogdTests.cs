using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using Keelson.SystemTests.Harness;

namespace Keelson.SystemTests;

/// <summary>Our svlogd and Debian's, with the same input and the same directory: they leave the same.</summary>
public sealed partial class SvlogdTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("keelson-svlogd-").FullName;

    public void Dispose() => Directory.Delete(_directory, true);

    public enum Which
    {
        Debians,
        Ours,
    }

    /// <summary>A svlogd that is fed by the test.</summary>
    private sealed class Running : IDisposable
    {
        private readonly Process _process;
        private readonly Task<string> _errors;

        internal Running(Which which, string directory, IEnumerable<string> arguments)
        {
            string program = which == Which.Ours ? Machine.Binary : "/usr/bin/svlogd";
            if (!File.Exists(program))
                throw new InvalidOperationException("missing on this machine: svlogd (package runit)");
            var start = new ProcessStartInfo(program, which == Which.Ours ? ["svlogd", .. arguments] : arguments)
            {
                WorkingDirectory = directory,
                RedirectStandardInput = true,
                RedirectStandardError = true,
            };
            _process = Process.Start(start)!;
            _errors = _process.StandardError.ReadToEndAsync();
        }

        internal int Pid => _process.Id;

        internal void Feed(byte[] bytes)
        {
            _process.StandardInput.BaseStream.Write(bytes);
            _process.StandardInput.BaseStream.Flush();
        }

        internal async Task<(int Status, string Errors)> Ended(bool closeInput = true)
        {
            if (closeInput)
                _process.StandardInput.Close();
            await _process.WaitForExitAsync().WaitAsync(Sandbox.Patience);
            return (_process.ExitCode, await _errors);
        }

        public void Dispose()
        {
            if (!_process.HasExited)
                _process.Kill();
            _process.Dispose();
        }
    }

    private string Place(Which which) => Path.Combine(_directory, which.ToString());

    private Running Start(Which which, string options, params string[] directories) =>
        new(which, Place(which), [.. options.Split(' ', StringSplitOptions.RemoveEmptyEntries), .. directories]);

    private void MakeLog(Which which, string? config, string name = "log")
    {
        Directory.CreateDirectory(Path.Combine(Place(which), name));
        if (config is not null)
            File.WriteAllText(Path.Combine(Place(which), name, "config"), config);
    }

    /// <summary>Everything that a directory holds: names without their time, modes, contents without time stamps.</summary>
    private string Left(Which which, string name = "log")
    {
        var text = new StringBuilder();
        foreach (string file in Directory.GetFiles(Path.Combine(Place(which), name)).Order(StringComparer.Ordinal))
        {
            string content = Encoding.Latin1.GetString(File.ReadAllBytes(file));
            content = Tai().Replace(Date().Replace(content, "DATE"), "@TAI");
            text.Append(CultureInfo.InvariantCulture, $"{Tai().Replace(Path.GetFileName(file), "@TAI")} {(int)File.GetUnixFileMode(file)} {content.Length}: {content}\n");
        }
        return text.ToString();
    }

    [GeneratedRegex("@[0-9a-f]{24}")]
    private static partial Regex Tai();

    [GeneratedRegex("[0-9]{4}-[0-9]{2}-[0-9]{2}([_T])[0-9:]{8}[.][0-9]{5}")]
    private static partial Regex Date();

    private static string Lines(int count) => string.Concat(Enumerable.Range(1, count).Select(n => $"line {n}\n"));

    public static TheoryData<string, string?, string> Cases => new()
    {
        { "", null, "hello\nworld\n" },
        { "", null, "" },
        { "", null, "\n\n\n" },
        { "-v", null, "hello\n" },
        { "-t", null, "hello\nworld\n" },
        { "-tt", null, "hello\n\nworld\n" },
        { "-ttt", null, "hello\n" },
        { "-r _", null, "a\u0001b\u007fc\u00e9d\te\n" },
        { "-R ax", null, "a\u0001bxc\n" },
        { "-r . -R b", null, "abc\u0002\n" },
        { "", "s2000\n", Lines(1000) },
        { "-v", "s2000\nn3\n", Lines(1000) },
        { "-l 100", "s2k\nn0\n", Lines(1000) },
        { "", "s0\n", Lines(2000) },
        { "", "-*\n+*foo*\n", "a foo\nb bar\nfoo\n" },
        { "", "-*\n+a+b\n+x**y\n+*z\n+q+\n+c+cd\n", "ab\naab\naaab\nxzzy\nxy\nfooz\nqqq\nq\nccd\ncd\ncccd\nb\n" },
        { "", "-*: *: pid *\n", "2005-12-18_09:13:50.97618 tcpsvd: info: pid 1977 from 10.4.1.14\nother\n" },
        { "", "e*bad*\n", "good\nbad\nvery bad\n" },
        { "-tt", "e*\nE*good*\npprefix \n", "good\nbad\n" },
        { "", "-*\ne*\n", "one\ntwo\n" },
        { "", "pweb: \n", "one\n\ntwo\n" },
        { "-l 20", "-*\n+*end\n", "a line whose first twenty characters count: end\nshort end\n" },
        { "-l 20 -tt", "pp \n", "a line that is much longer than twenty characters\nshort\n" },
        { "", "# comment\n\nXunknown\ns\n", "x\n" },
        { "", "s3000\n!tr a-z A-Z\n", Lines(700) },
        { "", "s3000\nn2\n!cat; echo more >&5; cat <&4 | wc -l >&2\n", Lines(700) },
        { "-b 4000 -l 2000", "s5000\n", Lines(2000) },
        { "", "uabc\n", "x\n" },
        { "", "u1.2.3.4:0\n", "x\n" },
        { "", "U1.2.3\n", "x\n" },
        { "-ttt -r . -R ab", "pp \ne*c*\n", "abcabc\n\u00ff\u0000x\n" },
        { "-l 10 -b 11", "-0*\n+0123456789*\n", "0123456789\n01234567890123456789\n012\n9\n" },
        { "-t", "s2000\nn2\n!sed -e s/^@[^\\ ]*/T/\n", Lines(300) },
        { "", "s1k\nn1k\nt1h\nN3\n", Lines(3000) },
        { "-z", null, "" },
        { "-r", null, "" },
        { "-r xy", null, "" },
        { "-b 10", null, "" },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task The_same_input_leaves_the_same(string options, string? config, string input)
    {
        var left = new List<string>();
        foreach (Which which in Enum.GetValues<Which>())
        {
            MakeLog(which, config);
            using Running svlogd = Start(which, options, "log");
            if (input.Length > 0)
                svlogd.Feed(Encoding.Latin1.GetBytes(input));
            (int status, string errors) = await svlogd.Ended();
            // That a processor has ended is noticed at one moment or another.
            errors = errors.Replace("usage: /usr/bin/", "usage: ", StringComparison.Ordinal);
            errors = Tai().Replace(Date().Replace(errors, "DATE"), "@TAI").Replace("svlogd: info: sigchild received.\n", "", StringComparison.Ordinal);
            left.Add($"status {status}\n{errors}\n{Left(which)}");
        }
        Assert.Equal(left[0], left[1]);
    }

    [Theory]
    [InlineData("missing", false)]
    [InlineData("missing log", true)]
    public async Task A_directory_that_is_not_there_is_named_and_the_others_are_used(string directories, bool works)
    {
        var left = new List<string>();
        foreach (Which which in Enum.GetValues<Which>())
        {
            MakeLog(which, null);
            using Running svlogd = Start(which, "", directories.Split(' '));
            (int status, string errors) = await svlogd.Ended();
            Assert.Equal(works, status == 0);
            left.Add($"{status} {errors}");
        }
        Assert.Equal(left[0], left[1]);
    }

    [Fact]
    public async Task A_directory_that_another_svlogd_has_is_left_to_it()
    {
        MakeLog(Which.Debians, null);
        using Running first = Start(Which.Debians, "", "log");
        await Wait.Until(() => File.Exists(Path.Combine(Place(Which.Debians), "log/current")), "the first one is there", Sandbox.Patience);
        using Running second = new(Which.Ours, Place(Which.Debians), ["log"]);
        (int status, string errors) = await second.Ended();
        Assert.Equal((111, "svlogd: warning: unable to lock directory: log: temporary failure\nsvlogd: fatal: no functional log directories.\n"), (status, errors));
        Assert.Equal(0, (await first.Ended()).Status);
    }

    [Theory]
    [InlineData(Which.Debians)]
    [InlineData(Which.Ours)]
    public async Task ALRM_rotates_HUP_reads_the_configuration_again_and_TERM_ends(Which which)
    {
        MakeLog(which, null);
        string log = Path.Combine(Place(which), "log");
        using Running svlogd = Start(which, "", "log");
        svlogd.Feed("one\n"u8.ToArray());
        await Until("one\n");
        Sandbox.Signal(svlogd.Pid, Sig.Alrm);
        await Wait.Until(() => Directory.GetFiles(log, "@*.s").Length == 1, "current was rotated", Sandbox.Patience);
        File.WriteAllText(Path.Combine(log, "config"), "pnew: \n");
        Sandbox.Signal(svlogd.Pid, Sig.Hup);
        // What comes before the signal is handled has no prefix yet.
        await Wait.Until(
            () =>
            {
                svlogd.Feed("two\n"u8.ToArray());
                return Current().Contains("new: two\n", StringComparison.Ordinal);
            }, "the prefix is there", Sandbox.Patience);
        Sandbox.Signal(svlogd.Pid, Sig.Term);
        Assert.Equal(0, (await svlogd.Ended(closeInput: false)).Status);

        Task Until(string text) => Wait.Until(() => Current() == text, $"current is {text}", Sandbox.Patience);

        // Between two files there is a moment without one.
        string Current()
        {
            try
            {
                return File.ReadAllText(Path.Combine(log, "current"));
            }
            catch (FileNotFoundException)
            {
                return "";
            }
        }
    }

    [Theory]
    [InlineData(Which.Debians)]
    [InlineData(Which.Ours)]
    public async Task A_current_that_is_old_enough_is_rotated(Which which)
    {
        MakeLog(which, "t1\n");
        using Running svlogd = Start(which, "", "log");
        svlogd.Feed("one\n"u8.ToArray());
        await Wait.Until(() => Directory.GetFiles(Path.Combine(Place(which), "log"), "@*.s").Length == 1, "current was rotated", Sandbox.Patience);
        Assert.Equal(0, (await svlogd.Ended()).Status);
    }

    [Theory]
    [InlineData(Which.Debians)]
    [InlineData(Which.Ours)]
    public async Task What_a_killed_one_left_is_kept_apart(Which which)
    {
        MakeLog(which, null);
        string log = Path.Combine(Place(which), "log");
        File.WriteAllText(Path.Combine(log, "current"), "old\n");
        using Running svlogd = Start(which, "", "log");
        svlogd.Feed("new\n"u8.ToArray());
        Assert.Equal(0, (await svlogd.Ended()).Status);
        Assert.Equal("new\n", File.ReadAllText(Path.Combine(log, "current")));
        Assert.Equal("old\n", File.ReadAllText(Directory.GetFiles(log, "@*.u").Single()));
    }

    [Fact]
    public async Task A_last_line_without_its_end_is_kept()
    {
        MakeLog(Which.Ours, null);
        using Running svlogd = Start(Which.Ours, "", "log");
        svlogd.Feed("one\nhalf"u8.ToArray());
        Assert.Equal(0, (await svlogd.Ended()).Status);
        Assert.Equal("one\nhalf\n", await File.ReadAllTextAsync(Path.Combine(Place(Which.Ours), "log/current"), TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData(Which.Debians)]
    [InlineData(Which.Ours)]
    public async Task A_processor_that_fails_is_started_again_and_gets_the_same(Which which)
    {
        MakeLog(which, "s3000\n!read -r line; [ -e ../failed ] || { touch ../failed; exit 1; }; echo \"$line\"; cat\n");
        using Running svlogd = Start(which, "", "log");
        svlogd.Feed(Encoding.ASCII.GetBytes(Lines(300)));
        (int status, string errors) = await svlogd.Ended();
        Assert.Equal((0, "svlogd: warning: processor failed, restart: log\n"), (status, errors));
        string[] old = Directory.GetFiles(Path.Combine(Place(which), "log"), "@*");
        Assert.StartsWith("line 1\nline 2\n", await File.ReadAllTextAsync(old.Single(), TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Which.Debians, "u")]
    [InlineData(Which.Ours, "u")]
    [InlineData(Which.Debians, "U")]
    [InlineData(Which.Ours, "U")]
    public async Task Lines_are_sent_by_udp(Which which, string letter)
    {
        using var receiver = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        int port = ((IPEndPoint)receiver.Client.LocalEndPoint!).Port;
        MakeLog(which, $"{letter}127.0.0.1:{port}\npweb: \n");
        using Running svlogd = Start(which, "", "log");
        svlogd.Feed("one\n"u8.ToArray());
        UdpReceiveResult datagram = await receiver.ReceiveAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(Sandbox.Patience, TestContext.Current.CancellationToken);
        Assert.Equal("web: one\n", Encoding.ASCII.GetString(datagram.Buffer));
        Assert.Equal(0, (await svlogd.Ended()).Status);
        Assert.Equal(letter == "u" ? "web: one\n" : "", await File.ReadAllTextAsync(Path.Combine(Place(which), "log/current"), TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData("-tt -l 20", "pp \n", "a line that is much longer than twenty characters\nshort\n", 2)]
    [InlineData("-ttt", "-*\n+*good*\n", "good\nbad\nvery good\n", 2)]
    [InlineData("-t -r _", "", "a\u0001b\n\n", 2)]
    [InlineData("", "e*\n", "one\ntwo", 1)]
    public async Task The_same_is_sent_by_udp(string options, string config, string input, int datagrams)
    {
        foreach (char letter in "uU")
        {
            var sent = new List<string>();
            foreach (Which which in Enum.GetValues<Which>())
            {
                using var receiver = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
                MakeLog(which, $"{letter}127.0.0.1:{((IPEndPoint)receiver.Client.LocalEndPoint!).Port}\n{config}", $"log{letter}");
                using Running svlogd = Start(which, options, $"log{letter}");
                svlogd.Feed(Encoding.Latin1.GetBytes(input));
                var text = new StringBuilder();
                for (int i = 0; i < datagrams; i++)
                {
                    UdpReceiveResult datagram = await receiver.ReceiveAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(Sandbox.Patience, TestContext.Current.CancellationToken);
                    text.Append(CultureInfo.InvariantCulture, $"{Tai().Replace(Date().Replace(Encoding.Latin1.GetString(datagram.Buffer), "DATE"), "@TAI")}|");
                }
                Assert.Equal(0, receiver.Available);
                // Of the directory only what is whole: of a last line without its end ours keeps more.
                sent.Add(text.ToString());
                svlogd.Feed("\n"u8.ToArray());
                Assert.Equal(0, (await svlogd.Ended()).Status);
                sent[^1] += Left(which, $"log{letter}").Replace($"{which}", "", StringComparison.Ordinal);
            }
            Assert.Equal(WithoutConfig(sent[0]), WithoutConfig(sent[1]));
        }

        // The config has a port of its own.
        static string WithoutConfig(string text) => Regex.Replace(text, "127[.]0[.]0[.]1:[0-9]+", "ADDRESS");
    }

    [Fact]
    public async Task Several_directories_have_each_their_own_configuration()
    {
        var left = new List<string>();
        foreach (Which which in Enum.GetValues<Which>())
        {
            MakeLog(which, "-*\n+*9*\n", "some");
            MakeLog(which, "s2000\nn2\npall: \n", "all");
            using Running svlogd = Start(which, "-tt", "some", "all", "missing");
            svlogd.Feed(Encoding.ASCII.GetBytes(Lines(400)));
            (int status, string errors) = await svlogd.Ended();
            left.Add($"{status} {errors} {Left(which, "some")} {Left(which, "all")}");
        }
        Assert.Equal(left[0], left[1]);
    }

    [Theory]
    [InlineData(Which.Debians)]
    [InlineData(Which.Ours)]
    public async Task An_empty_current_is_not_rotated_by_ALRM_nor_by_age(Which which)
    {
        MakeLog(which, "t1\n");
        using Running svlogd = Start(which, "-v", "log");
        await Wait.Until(() => File.Exists(Path.Combine(Place(which), "log/current")), "it has begun", Sandbox.Patience);
        var watch = Stopwatch.StartNew();
        Sandbox.Signal(svlogd.Pid, Sig.Alrm);
        await Wait.Until(() => watch.Elapsed > TimeSpan.FromSeconds(1.5), "the age is over", Sandbox.Patience);
        Assert.Empty(Directory.GetFiles(Path.Combine(Place(which), "log"), "@*"));
        (int status, string errors) = await svlogd.Ended();
        Assert.Equal(0, status);
        Assert.DoesNotContain("rename", errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_full_disk_stops_nothing_for_good_and_loses_nothing()
    {
        // A file system of 64 KiB in a sandbox of its own; svlogd starts when it is full but for a page.
        await using Sandbox s = new Sandbox().WithCommands().Prepare("mkdir -p var/full && mount -t tmpfs -o size=64k tmpfs var/full && mkdir var/full/log && head -c 61440 /dev/zero >var/full/filler")
            .Service("log", $"exec 2>/tmp/errors; [ -e /tmp/go ] || exec sleep 10000; seq -f 'line %g' 2000 | {Sandbox.Commands}/svlogd /var/full/log; touch /tmp/done; exec sleep 10000");
        s.Write("/tmp/go", "");
        await s.Start();
        await s.WaitForFile("/tmp/errors", "unable to write to current, pausing: /var/full/log: out of disk space");
        Assert.Equal(0, (await s.Exec("rm /var/full/filler")).Status);
        await s.Until(() => s.Exists("/tmp/done"), "svlogd has written all");
        Assert.Equal(string.Concat(Enumerable.Range(1, 2000).Select(n => $"line {n}\n")), (await s.Exec("cat /var/full/log/current")).Out);
    }

    [Fact]
    public async Task No_line_is_lost_when_the_log_of_a_service_is_restarted()
    {
        await using Sandbox s = new Sandbox().WithCommands()
            .Service("web", "i=0; until [ -e /tmp/stop ]; do i=$((i+1)); echo \"line $i\"; done; echo $i >/tmp/last; exec sleep 54321")
            .Script("/etc/service/web/log/run", $"exec {Sandbox.Commands}/svlogd /var/log/web")
            .MakeDirectory("/var/log/web").Write("/var/log/web/config", "s0\n");
        await s.Start();
        for (int i = 0; i < 4; i++)
        {
            ProcessEntry log = await s.RunOf("web/log");
            long before = new FileInfo(s.HostPath("/var/log/web/current")) is { Exists: true } current ? current.Length : 0;
            await s.Until(() => new FileInfo(s.HostPath("/var/log/web/current")) is { Exists: true } file && file.Length > before, "it writes");
            await s.Control("web/log", "t");
            await s.RunOf("web/log", notPid: log.Pid);
        }
        s.Write("/tmp/stop", "");
        await s.WaitForProcess("sleep 54321");
        int last = int.Parse(s.Read("/tmp/last"), CultureInfo.InvariantCulture);
        await s.Until(() => s.Read("/var/log/web/current").EndsWith($"line {last}\n", StringComparison.Ordinal), "the last line is there");
        AssertNumbered(s.ReadLines("/var/log/web/current"), 1, last);
    }

    // How often the consumer is ended; KEELSON_ENDS=1000 takes some minutes.
    private static readonly int s_ends = int.Parse(Environment.GetEnvironmentVariable("KEELSON_ENDS") ?? "40", CultureInfo.InvariantCulture);

    /// <summary>
    /// A producer of numbered lines whose consumers, one after the other on one pipe, get the signal at any moment: every
    /// third while it starts, the others when they have written something. The last one reads to the end. Returns the last
    /// number, and what each consumer has written to the directory that it had for itself.
    /// </summary>
    private async Task<(int Last, string[] Written)> EndAgainAndAgain(string signal)
    {
        // Until it has become svlogd it is a bash, which may take the signal for its own.
        string script = $$"""
            mkfifo never pipe; exec 9<>never 8<>pipe
            (i=0; until [ -e stop ]; do i=$((i+1)); echo "line $i"; done; echo $i >last) >pipe 8>&- &
            producer=$!
            for ((end = 0; end < {{s_ends}}; end++)); do
              mkdir log$end; echo s0 >log$end/config
              "$1" svlogd log$end <pipe 8>&- & svlogd=$!
              until [ /proc/$svlogd/exe -ef "$1" ]; do :; done
              if ((end % 3)); then until [ -s log$end/current ]; do read -rt 0.001 -u 9; done; fi
              printf -v moment '0.%03d' $((RANDOM % 10))
              read -rt $moment -u 9
              kill -{{signal}} $svlogd
              wait $svlogd
              echo $? >>statuses
            done
            touch stop
            mkdir log$end; echo s0 >log$end/config
            "$1" svlogd log$end <pipe 8>&- & svlogd=$!
            wait $producer
            exec 8>&-
            wait $svlogd
            """;
        Directory.CreateDirectory(Place(Which.Ours));
        string[] namespaces = ["--pdeathsig", "KILL", "unshare", "--pid", "--fork", "--mount-proc", "--kill-child"];
        using Process process = await Launcher.Start(new ProcessStartInfo("setpriv", [.. namespaces, "bash", "-c", script, "bash", Machine.Binary]) { WorkingDirectory = Place(Which.Ours), RedirectStandardError = true });
        try
        {
            Task<string> said = process.StandardError.ReadToEndAsync();
            await process.WaitForExitAsync().WaitAsync(Sandbox.Patience + s_ends * TimeSpan.FromSeconds(1));
            Assert.True(process.ExitCode == 0, await said);
        }
        finally
        {
            if (!process.HasExited)
                process.Kill();
        }
        var written = new string[s_ends + 1];
        for (int i = 0; i < written.Length; i++)
        {
            string current = Path.Combine(Place(Which.Ours), $"log{i}/current");
            written[i] = File.Exists(current) ? await File.ReadAllTextAsync(current) : "";
        }
        int last = int.Parse(await File.ReadAllTextAsync(Path.Combine(Place(Which.Ours), "last")), CultureInfo.InvariantCulture);
        TestContext.Current.TestOutputHelper?.WriteLine($"{s_ends} ends, {written.Count(w => w.Length > 0)} consumers have written something, {last} lines");
        return (last, written);
    }

    [Fact]
    public async Task Not_a_byte_is_lost_over_many_ends_by_TERM()
    {
        (int last, string[] written) = await EndAgainAndAgain("TERM");
        AssertNumbered(string.Concat(written).Split('\n', StringSplitOptions.RemoveEmptyEntries), 1, last);
    }

    [Fact]
    public async Task After_KILL_no_more_is_missing_than_was_read_and_not_yet_written()
    {
        const int readAtOnce = 64 * 1024;
        (int last, string[] written) = await EndAgainAndAgain("KILL");
        int next = 1, ends = 0, gaps = 0, mostMissing = 0;
        foreach (string text in written)
        {
            // The last write may have met the KILL, and the first line have lost its beginning to the one before.
            int begin = text.StartsWith("line ", StringComparison.Ordinal) ? 0 : text.IndexOf('\n', StringComparison.Ordinal) + 1;
            int end = text.LastIndexOf('\n') + 1;
            if (end > begin)
            {
                string[] lines = text[begin..end].Split('\n', StringSplitOptions.RemoveEmptyEntries);
                int first = int.Parse(lines[0].AsSpan(5), CultureInfo.InvariantCulture);
                AssertNumbered(lines, first, first + lines.Length - 1);
                Assert.True(first >= next, $"line {first} is there twice");
                int missing = Enumerable.Range(next, first - next).Sum(n => $"line {n}\n".Length);
                gaps += missing > 0 ? 1 : 0;
                mostMissing = Math.Max(mostMissing, missing);
                // On top come a line that was held because it had no end, and the torn ones on both sides.
                Assert.InRange(missing, 0, ends * (readAtOnce + 3 * "line 1234567890\n".Length));
                next = first + lines.Length;
                ends = 0;
            }
            ends++;
        }
        TestContext.Current.TestOutputHelper?.WriteLine($"{gaps} gaps, at most {mostMissing} bytes missing at once");
        Assert.Equal(last + 1, next);
    }

    private static void AssertNumbered(string[] found, int first, int last)
    {
        for (int i = 0; i <= last - first; i++)
            Assert.Equal($"line {first + i}", i < found.Length ? found[i] : "(missing)");
        Assert.Equal(last - first + 1, found.Length);
    }
}
