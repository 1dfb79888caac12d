using Keelson.SystemTests.Harness;

namespace Keelson.SystemTests;

/// <summary>Services with DefaultDependencies=no, as syslog is one: first up, last down; and conditions (service.conf(5)).</summary>
public sealed class EarlyServiceTests
{
    private const string Early = "[Unit]\nDefaultDependencies=no\n";

    // Notes when it begins to listen, what it is sent, and when it is told to end, after all that was sent before.
    private const string Listener = """
        #!/usr/bin/perl
        use Socket;
        sub note { open my $f, ">>", "/tmp/order" or die; syswrite $f, "$_[0]\n"; }
        # By its own queue: a signal between a message's arrival and its note must not come first.
        $SIG{TERM} = sub { socket(my $self, PF_UNIX, SOCK_DGRAM, 0) or die; defined send($self, "log-down", 0, sockaddr_un("/run/log.sock")) or exit 0 };
        unlink "/run/log.sock";
        socket($s, PF_UNIX, SOCK_DGRAM, 0) or die;
        note("log-up");
        bind($s, sockaddr_un("/run/log.sock")) or die;
        while (1) { next unless defined recv($s, $m, 1000, 0) && length $m; note($m); exit 0 if $m eq "log-down"; }
        """;

    // Sends its arguments to the listener.
    private const string Say = """
        #!/usr/bin/perl
        use Socket;
        socket(my $s, PF_UNIX, SOCK_DGRAM, 0) or die;
        defined send($s, "@ARGV", 0, sockaddr_un("/run/log.sock")) or die "nobody listens: $!";
        """;

    private static Sandbox WithListener(string more = "") => new Sandbox()
        .WithCommands()
        .Script("/etc/service/log/run", Listener)
        .Write("/etc/service/log/service.conf", $"{Early}[Service]\nX-ReadySocket=/run/log.sock\nTimeoutStartSec=30\n{more}")
        .Script("/tmp/say", Say);

    [Fact]
    public async Task It_listens_before_the_first_startup_script_and_until_everything_else_has_ended()
    {
        await using Sandbox s = WithListener()
            .Startup("1", "/tmp/say startup")
            .Service("web", "trap '/tmp/say web-down; exit 0' TERM; /tmp/say web-up; while :; do sleep 0.02; done")
            .PreShutdown("1", "/tmp/say pre")
            .PostShutdown("1", "/tmp/say post");
        const string main = """
            setsid sh -c 'trap "/tmp/say rest-down; exit" TERM; touch /tmp/rest; while :; do sleep 0.02; done' &
            until [ -e /tmp/rest ] && grep -q web-up /tmp/order; do sleep 0.02; done
            /tmp/say main
            """;
        Assert.Equal(0, await s.Run("--", "sh", "-c", main));
        Assert.Equal(["log-up", "startup", "web-up", "main", "pre", "web-down", "post", "rest-down", "log-down"], s.ReadLines("/tmp/order"));
        Assert.DoesNotContain("Still running", s.Err.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Killed_it_comes_back_and_sv_knows_it()
    {
        await using Sandbox s = WithListener();
        await s.Start();
        await s.WaitForLog("Runit started");
        ProcessEntry first = await s.WaitForProcess("/usr/bin/perl ./run");
        Sandbox.Signal(first.HostPid, Sig.Kill);
        ProcessEntry second = await s.WaitForProcess("/usr/bin/perl ./run", notHostPid: first.HostPid);
        (int Status, string Out) answer = default;
        string expected = $"run: log: (pid {second.Pid})";
        for (var clock = System.Diagnostics.Stopwatch.StartNew(); !answer.Out?.StartsWith(expected, StringComparison.Ordinal) ?? true;)
        {
            Assert.True(clock.Elapsed < Sandbox.Patience, $"expected {expected}, sv says {answer}\n{s.Evidence()}");
            answer = await s.OurSv("status log");
        }
        Assert.Equal(0, (await s.Stop()).Status);
    }

    [Fact]
    public async Task What_does_not_come_to_listen_is_named_and_the_boot_goes_on()
    {
        await using Sandbox s = new Sandbox()
            .Service("log", "exec sleep 54321")
            .Write("/etc/service/log/service.conf", $"{Early}[Service]\nX-ReadySocket=/run/log.sock\nTimeoutStartSec=300ms\n");
        Assert.Equal(0, await s.Run("--", "true"));
        Assert.Matches(@"\*\*\* log is not ready after 0\.[3-9] s: nothing listens on /run/log\.sock; going on without", s.Err.Text);
    }

    [Fact]
    [NotEmulated(NotEmulatedAttribute.NoExecErrors)]
    public async Task What_can_not_be_started_is_not_waited_for()
    {
        await using Sandbox s = new Sandbox()
            .Service("log", "#!/bin/bsh")
            .Write("/etc/service/log/service.conf", $"{Early}[Service]\nX-ReadySocket=/run/log.sock\nTimeoutStartSec=1h\n");
        Assert.Equal(0, await s.Run("--", "true"));
        Assert.Contains("no such interpreter", s.Err.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stop_while_it_is_waited_for_stops()
    {
        await using Sandbox s = new Sandbox()
            .Service("log", "touch /tmp/up; exec sleep 54321")
            .Write("/etc/service/log/service.conf", $"{Early}[Service]\nX-ReadySocket=/run/log.sock\nTimeoutStartSec=1h\n");
        await s.Start();
        await s.WaitForFile("/tmp/up");
        Assert.Equal(0, (await s.Stop()).Status);
        Assert.Null(s.Find("sleep 54321"));
    }

    [Fact]
    public async Task It_is_killed_when_it_does_not_end()
    {
        await using Sandbox s = new Sandbox()
            .Timeouts(1, 1)
            .Service("log", "trap '' TERM; touch /tmp/up; while :; do sleep 0.05; done")
            .Write("/etc/service/log/service.conf", Early);
        await s.Start();
        await s.WaitForFile("/tmp/up");
        Assert.Equal(0, (await s.Stop()).Status);
        Assert.Contains("log did not stop within", s.Err.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_skips_startup_files_and_services_skips_it_too()
    {
        await using Sandbox s = WithListener();
        Assert.Equal(0, await s.Run("--skip-startup-files", "--skip-runit", "--", "true"));
        Assert.False(s.Exists("/tmp/order"));
    }

    [Theory]
    [InlineData("--skip-startup-files")]
    [InlineData("--skip-runit")]
    public async Task Who_skips_one_of_the_two_has_it(string option)
    {
        await using Sandbox s = WithListener();
        Assert.Equal(0, await s.Run(option, "--quiet", "--", "/tmp/say", "main"));
        Assert.Equal(["log-up", "main", "log-down"], s.ReadLines("/tmp/order"));
        Assert.Empty(s.Err.Text);
    }

    [Theory]
    [InlineData("ConditionEnvironment=!DISABLE_WEB=1", false)]
    [InlineData("ConditionEnvironment=!DISABLE_WEB=2", true)]
    [InlineData("ConditionEnvironment=DISABLE_WEB", true)]
    [InlineData("ConditionEnvironment=!DISABLE_WEB", false)]
    [InlineData("ConditionEnvironment=NOT_SET", false)]
    [InlineData("ConditionUser=root", true)]
    [InlineData("ConditionUser=0", true)]
    [InlineData("ConditionUser=app", false)]
    [InlineData("ConditionUser=!app", true)]
    [InlineData("ConditionCapability=CAP_KILL", true)]
    [InlineData("ConditionCapability=!CAP_KILL", false)]
    [InlineData("ConditionCapability=61", false)]
    [InlineData("ConditionPathIsReadWrite=/tmp", true)]
    [InlineData("ConditionPathIsReadWrite=!/tmp", false)]
    [InlineData("ConditionPathIsReadWrite=/read-only", false)]
    [InlineData("ConditionPathIsReadWrite=!/read-only", true)]
    [InlineData("ConditionPathIsReadWrite=/not-there", false)]
    [InlineData("ConditionUser=root\nConditionEnvironment=NOT_SET", false)]
    public async Task A_service_whose_conditions_do_not_hold_stays_down(string conditions, bool runs)
    {
        await using Sandbox s = new Sandbox()
            .Env("DISABLE_WEB", "1")
            .WithCommands()
            .Service("web", "exec sleep 54321")
            .Write("/etc/service/web/service.conf", $"[Unit]\n{conditions}\n")
            .Prepare("mkdir read-only; mount -t tmpfs -o ro tmpfs read-only")
            .Service("zoo", "exec sleep 54322");
        await s.Start();
        await s.WaitForProcess("sleep 54322");
        if (runs)
        {
            await s.WaitForProcess("sleep 54321");
            return;
        }
        await s.WaitForLog($"*** web stays down: {conditions.Split('\n')[^1]} in its service.conf does not hold");
        Assert.Null(s.Find("sleep 54321"));
        (int status, string text) = await s.OurSv("start web");
        Assert.True(status == 0, text);
        await s.WaitForProcess("sleep 54321");
    }

    [Fact]
    public async Task A_variable_that_a_startup_script_sets_counts()
    {
        await using Sandbox s = new Sandbox()
            .MakeDirectory("/etc/container_environment")
            .Startup("1", "echo 1 >/etc/container_environment/DISABLE_WEB")
            .Service("web", "touch /tmp/web; exec sleep 54321")
            .Write("/etc/service/web/service.conf", "[Unit]\nConditionEnvironment=!DISABLE_WEB=1\n");
        Assert.Equal(0, await s.Run("--", "true"));
        Assert.False(s.Exists("/tmp/web"));
    }

    [Fact]
    public async Task A_service_conf_that_is_wrong_is_named_and_the_service_runs_all_the_same()
    {
        await using Sandbox s = new Sandbox()
            .Service("odd", "exec sleep 54321")
            .Write("/etc/service/odd/service.conf", "[Unit]\nAfter that\n[Service]\nRestrat=no\n")
            .Service("dir", "exec sleep 54322")
            .MakeDirectory("/etc/service/dir/service.conf")
            .Service("huge", "exec sleep 54323")
            .Write("/etc/service/huge/service.conf", new byte[70 * 1024]);
        await s.Start();
        foreach (int n in new[] { 54321, 54322, 54323 })
            await s.WaitForProcess($"sleep {n}");
        await s.WaitForLog("*** /etc/service/odd/service.conf: line 2: \"After that\" is neither");
        await s.WaitForLog("*** /etc/service/odd/service.conf: line 4: unknown key Restrat in [Service]; it is ignored");
        await s.WaitForLog("*** cannot read /etc/service/dir/service.conf: is a directory");
        await s.WaitForLog("*** cannot read /etc/service/huge/service.conf: it is larger than 64 KiB; /etc/service/huge runs as if there were none");
    }
}
