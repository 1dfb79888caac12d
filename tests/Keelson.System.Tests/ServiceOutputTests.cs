using System.Text.Json;
using Keelson.SystemTests.Harness;

namespace Keelson.SystemTests;

/// <summary>What services without a log write, and how it reaches the container's log (KEELSON_LOG).</summary>
public sealed class ServiceOutputTests
{
    private static string[] Lines(Capture capture, string beginning) =>
        [.. capture.Text.Split('\n').Where(l => l.StartsWith(beginning, StringComparison.Ordinal))];

    [Fact]
    public async Task Prefix_puts_the_name_before_each_line_on_the_stream_that_it_was_written_to()
    {
        await using Sandbox s = new Sandbox().Env("KEELSON_LOG", "prefix")
            .Service("web", "echo one; echo two >&2; echo; exec sleep 10000")
            .Service("db", "echo three; exec sleep 10000");
        await s.Start();
        await s.Until(() => Lines(s.Out, "[web] ").Length == 2 && Lines(s.Err, "[web] ").Length == 1 && Lines(s.Out, "[db] ").Length == 1, "all lines are there");
        Assert.Equal(["[web] one", "[web] "], Lines(s.Out, "[web]"));
        Assert.Equal(["[web] two"], Lines(s.Err, "[web]"));
        Assert.Equal(["[db] three"], Lines(s.Out, "[db]"));
    }

    [Fact]
    public async Task A_last_line_without_its_end_is_written_when_the_service_ends()
    {
        await using Sandbox s = new Sandbox().Env("KEELSON_LOG", "prefix").Service("web", "printf half; [ -e /tmp/ran ] && exec sleep 10000; touch /tmp/ran");
        await s.Start();
        await s.Until(() => Lines(s.Out, "[web] half").Length > 0, "the line is there");
        Assert.Equal("[web] half", Lines(s.Out, "[web]")[0]);
    }

    [Theory]
    [InlineData(Stdio.Pipe, "prefix", "[web] half")]
    [InlineData(Stdio.Terminal, "prefix", "[web] half")]
    [InlineData(Stdio.Pipe, "json", "\"message\":\"half\"}")]
    [InlineData(Stdio.Terminal, "json", "\"message\":\"half\"}")]
    public async Task A_last_line_without_its_end_is_written_at_the_containers_end(Stdio stdio, string mode, string expected)
    {
        await using Sandbox s = Sandbox.On(stdio).Env("KEELSON_LOG", mode).Service("web", "printf half; touch /tmp/written; exec sleep 10000");
        await s.Start();
        Capture captured = s.Terminal?.Screen ?? s.Out;
        await s.WaitForFile("/tmp/written");
        await s.RunOf("web");
        Assert.DoesNotContain("half", captured.Text, StringComparison.Ordinal);
        Assert.Equal(0, (await s.Stop()).Status);
        Assert.Single(captured.Lines, l => l.EndsWith(expected, StringComparison.Ordinal));
    }

    [Fact]
    public async Task On_a_terminal_that_is_full_again_and_again_no_line_is_torn_or_lost()
    {
        const int writers = 3, lines = 1500;
        await using Sandbox s = new Sandbox().WithTerminal().WithCommands().Env("KEELSON_LOG", "prefix");
        for (int i = 0; i < writers; i++)
        {
            // To both of its streams, which are one terminal; one writes lines that are longer than a piece.
            string text = i == 0 ? new string('x', 5000) : "with some more text to make it longer";
            s.Service($"w{i}", $"[ -e /tmp/done{i} ] && exec sleep 10000; touch /tmp/done{i}; seq -f 'err %g {text}' {(i == 0 ? 20 : lines)} >&2 & seq -f 'out %g {text}' {(i == 0 ? 20 : lines)}; wait");
        }
        // Our own messages are among them: this one can't be started.
        s.Service("broken", "#!/no/such/interpreter\n");
        await s.Start();
        Pty terminal = s.Terminal!;
        int seen = -1;
        await s.Until(() =>
        {
            // A reader that stops for a while whenever it has read something.
            terminal.Held = !terminal.Held;
            seen = terminal.Screen.Lines.Count(l => l.StartsWith("[w1] ", StringComparison.Ordinal) || l.StartsWith("[w2] ", StringComparison.Ordinal));
            return seen >= 4 * lines && terminal.Screen.Lines.Count(l => l.StartsWith("[w0] ", StringComparison.Ordinal)) >= 80;
        }, "all lines have come", TimeSpan.FromSeconds(60));
        terminal.Held = false;
        string[] all = terminal.Screen.Lines;
        foreach (string line in all.Where(l => !l.StartsWith("[w0] ", StringComparison.Ordinal)))
            Assert.Matches("""^(\[w[12]\] (out|err) [0-9]+ with some more text to make it longer|\*\*\* .*)$""", line);
        foreach (int i in new[] { 1, 2 })
        {
            foreach (string stream in new[] { "out", "err" })
            {
                string[] expected = [.. Enumerable.Range(1, lines).Select(n => $"[w{i}] {stream} {n} with some more text to make it longer")];
                Assert.Equal(expected, all.Where(l => l.StartsWith($"[w{i}] {stream} ", StringComparison.Ordinal)));
            }
        }
        Assert.All(all.Where(l => l.StartsWith("[w0] ", StringComparison.Ordinal)), l => Assert.Matches(@"^\[w0\] ((out|err) [0-9]+ )?x+$", l));
        Assert.Equal(40 * 5000, all.Where(l => l.StartsWith("[w0] ", StringComparison.Ordinal)).Sum(l => l.Count(c => c == 'x')));
        Assert.Single(all, l => l.StartsWith("*** cannot start /etc/service/broken/run", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Lines_of_several_writers_are_neither_torn_nor_lost()
    {
        const int writers = 4, lines = 3000;
        await using Sandbox s = new Sandbox().Env("KEELSON_LOG", "prefix");
        for (int i = 0; i < writers; i++)
            s.Service($"w{i}", $"[ -e /tmp/done{i} ] && exec sleep 10000; touch /tmp/done{i}; exec seq -f 'line %g of {i} with some more text to make it longer' {lines}");
        await s.Start();
        await s.Until(() => Lines(s.Out, "[w").Length >= writers * lines, "all lines have come");
        for (int i = 0; i < writers; i++)
        {
            string[] expected = [.. Enumerable.Range(1, lines).Select(n => $"[w{i}] line {n} of {i} with some more text to make it longer")];
            Assert.Equal(expected, Lines(s.Out, $"[w{i}]"));
        }
    }

    [Fact]
    public async Task A_long_line_comes_in_pieces_that_pipes_do_not_tear()
    {
        await using Sandbox s = new Sandbox().Env("KEELSON_LOG", "prefix").Service("web", "head -c 20000 /dev/zero | tr '\\0' x; echo; echo end; exec sleep 10000");
        await s.Start();
        await s.Until(() => Lines(s.Out, "[web] end").Length > 0, "the line behind it is there");
        string[] pieces = Lines(s.Out, "[web] x");
        Assert.All(pieces, p => Assert.InRange(p.Length + 1, 1, 4096));
        Assert.Equal(20000, pieces.Sum(p => p.Length - "[web] ".Length));
    }

    [Fact]
    [NotEmulated(NotEmulatedAttribute.NoExecErrors)]
    public async Task Json_is_one_object_a_line_with_odd_bytes_and_our_own_messages_too()
    {
        await using Sandbox s = new Sandbox().Env("KEELSON_LOG", "json")
            .Service("web", "printf 'tab\\there \"quoted\" \\\\ \\377 \\303\\244\\n'; echo err >&2; exec sleep 10000")
            .Service("broken", "#!/no/such/interpreter\n");
        await s.Start();
        await s.Until(() => s.Out.Text.Contains("quoted", StringComparison.Ordinal) && s.Err.Text.Contains("no/such", StringComparison.Ordinal) && s.Err.Text.Contains("\"err\"", StringComparison.Ordinal), "all has been said");
        JsonElement line = JsonDocument.Parse(s.Out.Lines.Single()).RootElement;
        Assert.Equal("web", line.GetProperty("service").GetString());
        Assert.Equal("stdout", line.GetProperty("stream").GetString());
        Assert.Equal("tab\there \"quoted\" \\ \ufffd ä", line.GetProperty("message").GetString());
        Assert.InRange(DateTimeOffset.Parse(line.GetProperty("time").GetString()!, System.Globalization.CultureInfo.InvariantCulture), DateTimeOffset.UtcNow.AddMinutes(-10), DateTimeOffset.UtcNow.AddMinutes(1));
        // What was said before the services were started is still text.
        JsonElement[] errors = [.. s.Err.Lines.Where(l => l.StartsWith('{')).Select(l => JsonDocument.Parse(l).RootElement)];
        Assert.Contains(errors, e => e.GetProperty("service").GetString() == "web" && e.GetProperty("message").GetString() == "err");
        Assert.Contains(errors, e => e.GetProperty("service").GetString() == "my_init" && e.GetProperty("message").GetString()!.Contains("/no/such/interpreter", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_mode_that_does_not_exist_is_named_and_changes_nothing()
    {
        await using Sandbox s = new Sandbox().Env("KEELSON_LOG", "xml").Service("web", "echo hello; exec sleep 10000");
        await s.Start();
        await s.Until(() => s.Out.Text == "hello\n", "the line comes as it is");
        Assert.Single(s.Said("KEELSON_LOG"));
    }

    [Fact]
    public async Task Nobody_who_reads_hinders_services_not_process_1()
    {
        await using Sandbox s = new Sandbox().WithCommands().Env("KEELSON_LOG", "prefix")
            .Service("loud", "seq 1 200000; touch /tmp/written; exec sleep 10000")
            .Service("quiet", "exec sleep 54321");
        // A FIFO that is open and never read.
        await s.StartBash("mkfifo /root/nobody; exec 9<>/root/nobody; exec /sbin/my_init >/root/nobody 2>&1");
        await s.WaitForProcess("sleep 54321");
        await s.WaitForProcess("seq");
        ProcessEntry first = s.Find("sleep 54321")!;
        Sandbox.Signal(first.HostPid, Sig.Kill);
        await s.WaitForProcess("sleep 54321", notHostPid: first.HostPid);
        Assert.False(s.Exists("/tmp/written"));
        (int status, string text) = await s.OurSv("stop quiet");
        Assert.Equal((0, "ok: down: quiet: Ns, normally up\n"), (status, System.Text.RegularExpressions.Regex.Replace(text, "\\d+s", "Ns")));
        Assert.Equal(0, (await s.Stop()).Status);
    }

    [Theory]
    [InlineData(Stdio.Pipe)]
    [InlineData(Stdio.Terminal)]
    public async Task Another_user_can_open_dev_stdout(Stdio stdio)
    {
        await using Sandbox s = Sandbox.On(stdio).Service("web", "exec setuser app sh -c 'echo from-app >/dev/stdout; echo err-app >/dev/stderr; exec sleep 10000'");
        await s.Start();
        Capture captured = s.Terminal?.Screen ?? s.Out;
        await s.Until(() => captured.Text.Contains("from-app", StringComparison.Ordinal) && s.Log.Text.Contains("err-app", StringComparison.Ordinal), "both lines are there");
    }

    [Fact]
    public async Task Another_user_can_open_dev_stdout_of_a_pipe_of_ours()
    {
        await using Sandbox s = new Sandbox().Env("KEELSON_LOG", "prefix")
            .Service("web", "exec setuser app sh -c 'echo from-app >/dev/stdout; exec sleep 10000'")
            .Service("logged", "exec setuser app sh -c 'echo for-log >/dev/stdout; exec sleep 10000'")
            .Script("/etc/service/logged/log/run", "exec cat >/tmp/log");
        await s.Start();
        await s.Until(() => s.Out.Text.Contains("[web] from-app\n", StringComparison.Ordinal), "the line is there");
        await s.WaitForFile("/tmp/log", "for-log\n");
    }
}
