using System.Diagnostics;
using System.Globalization;
using Keelson.SystemTests.Harness;

namespace Keelson.SystemTests;

/// <summary>keelson-notify(8), to a real socket and beside Debian's systemd-notify(1).</summary>
public sealed class NotifyTests
{
    private const string Barrier = "BARRIER=1";

    /// <summary>Runs the program and takes its messages, the barrier too, closing what came with them.</summary>
    private static async Task<(CommandRun Run, List<Notification> Messages)> TakeFrom(string program, NotifyReceiver receiver, params string[] arguments)
    {
        Task<CommandRun> run = Command.Run(program, arguments, receiver.Variable);
        var messages = new List<Notification>();
        do
        {
            await receiver.UntilSomethingCame(run);
            messages.Add(receiver.Receive());
            NotifyReceiver.Close(messages[^1]);
        }
        while (messages[^1].Text != Barrier);
        return (await run, messages);
    }

    private static Task<(CommandRun Run, List<Notification> Messages)> Take(NotifyReceiver receiver, params string[] arguments) =>
        TakeFrom(Machine.Binary, receiver, ["notify", .. arguments]);

    [Theory]
    [InlineData("--ready", "READY=1")]
    [InlineData("--stopping", "STOPPING=1")]
    [InlineData("--watchdog", "WATCHDOG=1")]
    [InlineData("--status=half way there: 50 %", "STATUS=half way there: 50 %")]
    [InlineData("--status=", "STATUS=")]
    [InlineData("--extend=2.5", "EXTEND_TIMEOUT_USEC=2500000")]
    [InlineData("--extend=1min", "EXTEND_TIMEOUT_USEC=60000000")]
    [InlineData("--pid=4711", "MAINPID=4711")]
    [InlineData("FDSTORE=1", "FDSTORE=1")]
    [InlineData("--watchdog --status=x --ready --stopping X=y", "READY=1\nSTOPPING=1\nSTATUS=x\nWATCHDOG=1\nX=y")]
    public async Task Each_option_is_its_assignment_and_several_are_one_message(string options, string expected)
    {
        using var receiver = new NotifyReceiver();
        string[] arguments = options.StartsWith("--status=h", StringComparison.Ordinal) ? [options] : options.Split(' ');
        (CommandRun run, List<Notification> messages) = await Take(receiver, arguments);
        run.Must(run is { Status: 0, Text: "" });
        Assert.Equal([expected, Barrier], messages.Select(m => m.Text));
    }

    [Fact]
    public async Task Reloading_says_at_which_time_of_the_monotonic_clock()
    {
        using var receiver = new NotifyReceiver();
        long before = Stopwatch.GetTimestamp();
        (CommandRun run, List<Notification> messages) = await Take(receiver, "--reloading", "--status=again");
        run.Must(run.Status == 0);
        string[] lines = messages[0].Text.Split('\n');
        Assert.Equal(("RELOADING=1", "STATUS=again"), (lines[0], lines[2]));
        Assert.StartsWith("MONOTONIC_USEC=", lines[1], StringComparison.Ordinal);
        long microseconds = long.Parse(lines[1]["MONOTONIC_USEC=".Length..], CultureInfo.InvariantCulture);
        Assert.InRange(microseconds, before / 1000, Stopwatch.GetTimestamp() / 1000);
    }

    [Fact]
    public async Task Without_a_number_the_main_process_is_the_shell_that_called()
    {
        using var receiver = new NotifyReceiver();
        (CommandRun run, List<Notification> messages) = await TakeFrom("/bin/sh", receiver, "-c", $"echo $$; {Machine.Binary} notify --pid; exit $?");
        run.Must(run.Status == 0);
        Assert.Equal($"MAINPID={run.Out.Trim()}", messages[0].Text);
    }

    [Theory]
    [InlineData("--ready")]
    [InlineData("--status=a b")]
    [InlineData("--ready --status=x --pid=4711")]
    [InlineData("--pid=4711 --ready")]
    [InlineData("--ready EXTEND_TIMEOUT_USEC=5000000 STATUS=x")]
    [InlineData("WATCHDOG=1")]
    public async Task Its_messages_are_those_of_systemd_notify_byte_for_byte(string options)
    {
        using var receiver = new NotifyReceiver();
        string[] arguments = options.StartsWith("--status", StringComparison.Ordinal) ? [options] : options.Split(' ');
        (CommandRun theirRun, List<Notification> theirs) = await TakeFrom("/usr/bin/systemd-notify", receiver, arguments);
        theirRun.Must(theirRun.Status == 0);
        (CommandRun ourRun, List<Notification> ours) = await Take(receiver, arguments);
        ourRun.Must(ourRun.Status == 0);
        Assert.Equal(theirs.Select(m => (m.Text, m.Descriptor >= 0)), ours.Select(m => (m.Text, m.Descriptor >= 0)));
        Assert.Equal([false, true], ours.Select(m => m.Descriptor >= 0));
    }

    [Fact]
    public async Task An_abstract_address_serves_as_well()
    {
        using var receiver = new NotifyReceiver(isAbstract: true);
        (CommandRun run, List<Notification> messages) = await Take(receiver, "--ready");
        run.Must(run.Status == 0);
        Assert.Equal("READY=1", messages[0].Text);
    }

    [Fact]
    public async Task The_sender_lives_until_the_receiver_has_let_go_of_the_barrier()
    {
        using var receiver = new NotifyReceiver();
        using Process process = await Command.Start(Machine.Binary, ["notify", "--ready"], receiver.Variable);
        Notification ready = receiver.Receive();
        Assert.Equal(process.Id, ready.Sender);
        Notification barrier = receiver.Receive();
        Assert.Equal((Barrier, process.Id), (barrier.Text, barrier.Sender));
        Assert.True(barrier.Descriptor >= 0);
        // It sleeps in poll(2), for us.
        await Wait.Until(() => Shell.StateOf(process.Id) == 'S', "the sender waits", Sandbox.Patience);
        Assert.False(process.HasExited);
        NotifyReceiver.Close(barrier);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(Sandbox.Patience, TestContext.Current.CancellationToken);
        Assert.Equal(0, process.ExitCode);
    }

    [Fact]
    public async Task When_nobody_reads_it_gives_up_after_five_seconds_and_says_what_helps()
    {
        using var receiver = new NotifyReceiver();
        var clock = Stopwatch.StartNew();
        CommandRun run = await Command.Keelson(["notify", "--ready"], receiver.Variable);
        run.Must(run.Status == 1 && run.Err == $"keelson notify: sent to {receiver.Address}, but not read within 5 s; --no-block does not wait\n");
        Assert.True(clock.Elapsed >= TimeSpan.FromSeconds(4.5), clock.Elapsed.ToString());
        Assert.Equal("READY=1", receiver.Receive().Text);
    }

    [Fact]
    public async Task No_block_sends_and_does_not_wait()
    {
        using var receiver = new NotifyReceiver();
        CommandRun run = await Command.Keelson(["notify", "--ready", "--no-block"], receiver.Variable);
        run.Must(run is { Status: 0, Text: "" });
        Assert.Equal("READY=1", receiver.Receive().Text);
    }

    [Theory]
    [InlineData("", "NOTIFY_SOCKET is not set, so nobody waits for this; run it in a service whose service.conf says Type=notify")]
    [InlineData("NOTIFY_SOCKET=", "NOTIFY_SOCKET is not set")]
    [InlineData("NOTIFY_SOCKET=/nowhere/notify", "cannot send to /nowhere/notify (NOTIFY_SOCKET): no such socket; has the supervisor ended?")]
    [InlineData("NOTIFY_SOCKET=@keelson-nobody-listens-here", "nobody listens there")]
    [InlineData("NOTIFY_SOCKET=relative", "neither an absolute path nor @NAME")]
    [InlineData("NOTIFY_SOCKET=/etc/passwd", "cannot send to /etc/passwd (NOTIFY_SOCKET): nobody listens there")]
    public async Task Where_nobody_waits_it_fails_and_says_why(string environment, string expected)
    {
        CommandRun run = await Command.Keelson(["notify", "--ready"], environment.Length > 0 ? [environment] : []);
        run.Must(run.Status == 1 && run.Out.Length == 0 && run.Err.Contains(expected, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("nothing to say")]
    [InlineData("unknown option --redy", "--redy")]
    [InlineData("--status needs a value", "--status")]
    [InlineData("--ready takes no value", "--ready=1")]
    [InlineData("--extend=soon is no time span", "--extend=soon")]
    [InlineData("--pid=0 is no process id", "--pid=0")]
    [InlineData("\"word\" is no VARIABLE=VALUE", "word")]
    [InlineData("the value of STATUS has a newline", "--status=a\nMAINPID=1")]
    public async Task Wrong_usage_is_said_and_nothing_is_sent(string expected, params string[] arguments)
    {
        using var receiver = new NotifyReceiver();
        CommandRun run = await Command.Keelson(["notify", .. arguments], receiver.Variable);
        run.Must(run.Status == 2 && run.Err.Contains(expected, StringComparison.Ordinal) && run.Err.Contains("keelson notify --help", StringComparison.Ordinal));
        Assert.True(receiver.IsEmpty);
    }

    [Fact]
    public async Task Help_is_on_standard_output()
    {
        CommandRun run = await Command.Keelson(["notify", "--help"]);
        run.Must(run is { Status: 0, Err: "" } && run.Out.StartsWith("usage: keelson notify ", StringComparison.Ordinal));
    }
}
