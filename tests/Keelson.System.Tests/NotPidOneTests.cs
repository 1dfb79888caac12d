using Keelson.SystemTests.Harness;

namespace Keelson.SystemTests;

/// <summary>docker --init, --pid=container:, Kubernetes' shareProcessNamespace: somebody else is PID 1.</summary>
public sealed class NotPidOneTests
{
    [Fact]
    [NotEmulated(NotEmulatedAttribute.NoSubreaper)]
    public async Task Foreign_processes_are_left_alone_and_our_own_tree_is_killed()
    {
        await using Sandbox s = new Sandbox().Timeouts(1, 1).Service("web", "exec sleep 54321");
        await s.StartBash("""
            sleep 10001 &
            setsid sleep 10002 &
            /sbin/my_init -- sh -c 'setsid sleep 20001 & (sleep 20002 &); until ps -e -o args | grep -q "^sleep 54321"; do sleep 0.05; done; exit 3'
            status=$?
            ps -e -o args >/tmp/ps
            exit $status
            """);
        Assert.Equal(3, await s.Exit());
        string[] left = s.ReadLines("/tmp/ps").Where(l => l.StartsWith("sleep", StringComparison.Ordinal)).ToArray();
        Assert.Equal(["sleep 10001", "sleep 10002"], left.Order());
    }

    [Fact]
    [NotEmulated(NotEmulatedAttribute.NoSubreaper)]
    public async Task Orphans_of_its_tree_come_to_it_and_are_reaped()
    {
        await using Sandbox s = new();
        await s.StartBash("/sbin/my_init --skip-runit -- sh -c '(setsid sleep 20001 &); (setsid true &); until [ -e /tmp/go ]; do sleep 0.05; done'; exit $?");
        ProcessEntry orphan = await s.WaitForProcess("sleep 20001");
        ProcessEntry init = s.Processes.Single(p => p.Command.StartsWith("/sbin/my_init", StringComparison.Ordinal));
        Assert.NotEqual(s.HostPid, init.HostPid);
        await s.Until(() => ProcessTable.Read(orphan.HostPid)?.Parent == init.HostPid, "the orphan is a child of my_init");
        await s.Until(() => !s.Processes.Any(p => p.IsZombie), "no zombie is left");
        s.Write("/tmp/go", "");
        Assert.Equal(0, await s.Exit());
    }

    [Fact]
    [NotEmulated(NotEmulatedAttribute.NoSubreaper)]
    public async Task A_tree_that_ignores_TERM_is_killed_and_the_foreign_ones_still_live()
    {
        await using Sandbox s = new Sandbox().Timeouts(1, 1).Script("/root/stubborn", TenBugsTests.IgnoresTerm);
        await s.StartBash("""
            sleep 10001 &
            /sbin/my_init --skip-runit -- sh -c 'setsid sh -c "setsid /root/stubborn & /root/stubborn" & until [ -e /tmp/up ]; do sleep 0.05; done; exit 4'
            status=$?
            ps -e -o args >/tmp/ps
            exit $status
            """);
        Assert.Equal(4, await s.Exit());
        Assert.DoesNotContain(s.ReadLines("/tmp/ps"), l => l.EndsWith("/root/stubborn", StringComparison.Ordinal));
        Assert.Contains("sleep 10001", s.ReadLines("/tmp/ps"));
    }

    [Fact]
    public async Task Standard_input_is_the_main_commands()
    {
        await using Sandbox s = new();
        await s.StartBash("printf hello | /sbin/my_init --quiet --skip-runit -- cat; exit ${PIPESTATUS[1]}");
        Assert.Equal(0, await s.Exit());
        Assert.Equal("hello", s.Out.Text);
    }

    [Fact]
    [NotEmulated(NotEmulatedAttribute.NoSubreaper)]
    public async Task TERM_stops_it()
    {
        await using Sandbox s = new Sandbox().WithHooks().Service("web", "touch /tmp/up; exec sleep 54321");
        await s.StartBash("/sbin/my_init & wait $!; exit $?");
        await s.WaitForFile("/tmp/up");
        Sandbox.Signal(s.Processes.Single(p => p.Command == "/sbin/my_init").HostPid, Sig.Term);
        Assert.Equal(0, await s.Exit());
        Assert.Equal(["pre", "post"], s.ReadLines("/tmp/order"));
    }

    [Fact]
    public async Task Its_own_number_is_in_the_messages()
    {
        await using Sandbox s = new();
        await s.StartBash("/sbin/my_init -- true & echo $!; wait $!");
        Assert.Equal(0, await s.Exit());
        Assert.Contains($"*** Runit started as PID {s.Out.Text.Trim()}", s.Err.Lines);
    }

    [Fact]
    public async Task On_a_terminal_the_shell_that_started_it_gets_the_terminal_back()
    {
        await using Sandbox s = new Sandbox().WithTerminal();
        await s.StartBash("set -m; /sbin/my_init --quiet --skip-runit -- sh -c 'exit 6'; echo status=$?; read line; echo \"read:$line\"; exit 8");
        await s.WaitForLog("status=6");
        s.Terminal!.Type("hello\r");
        await s.WaitForLog("read:hello");
        Assert.Equal(8, await s.Exit());
    }
}
