using Keelson.SystemTests.Harness;

namespace Keelson.SystemTests;

public sealed class BootOrderTests
{
    private const string Note = "echo \"${0##*/}\" >>/tmp/order";

    [Theory]
    [InlineData(Stdio.Pipe)]
    [InlineData(Stdio.Terminal)]
    public async Task Everything_happens_in_its_order(Stdio stdio)
    {
        await using Sandbox s = Sandbox.On(stdio)
            .Startup("2-second", Note)
            .Startup("10-first", Note)
            .Script("/etc/rc.local", Note)
            .Service("web", "trap 'echo service-stops >>/tmp/order; exit 0' TERM; echo service >>/tmp/order; while :; do sleep 0.05; done")
            .PreShutdown("b", "echo pre-b >>/tmp/order")
            .PreShutdown("a", "echo pre-a >>/tmp/order")
            .PostShutdown("b", "echo post-b >>/tmp/order")
            .PostShutdown("a", "echo post-a >>/tmp/order");
        const string main = """
            setsid sh -c 'trap "echo rest-stops >>/tmp/order; exit" TERM; echo up >/tmp/rest; while :; do sleep 0.05; done' &
            until [ -e /tmp/rest ] && grep -q service /tmp/order; do sleep 0.05; done
            echo main >>/tmp/order
            """;
        Assert.Equal(0, await s.Run("--", "sh", "-c", main));
        Assert.Equal(
            ["10-first", "2-second", "rc.local", "service", "main", "pre-a", "pre-b", "service-stops", "post-a", "post-b", "rest-stops"],
            s.ReadLines("/tmp/order"));
    }

    [Fact]
    public async Task The_messages_are_those_of_the_original()
    {
        await using Sandbox s = new Sandbox().Startup("10_first", "true").Script("/etc/rc.local", "true");
        Assert.Equal(0, await s.Run("--", "ls", "-d", "/tmp"));
        Assert.Equal(
            [
                "*** Running /etc/my_init.d/10_first...",
                "*** Running /etc/rc.local...",
                "*** Booting runit daemon...",
                "*** Runit started as PID 1",
                "*** Running ls -d /tmp...",
                "*** ls exited with exit code 0.",
                "*** Shutting down runit daemon (PID 1)...",
                "*** Killing all processes...",
            ],
            s.Err.Lines);
    }

    [Fact]
    public async Task Startup_scripts_run_in_byte_order_and_only_executable_ones()
    {
        await using Sandbox s = new Sandbox()
            .Write("/etc/my_init.d/README", "this is no script\n")
            .MakeDirectory("/etc/my_init.d/directory");
        foreach (string name in new[] { "a", "Z", "_x", "10-b", "2-a", "A" })
            s.Startup(name, Note);
        Assert.Equal(0, await s.Run("--skip-runit", "--", "true"));
        Assert.Equal(["10-b", "2-a", "A", "Z", "_x", "a"], s.ReadLines("/tmp/order"));
    }

    [Fact]
    public async Task Another_directory_of_startup_scripts_can_be_given()
    {
        await using Sandbox s = new Sandbox()
            .Env("ENV_INIT_DIRECTORY", "/root/init.d")
            .Script("/root/init.d/other", Note)
            .Startup("usual", Note);
        Assert.Equal(0, await s.Run("--", "true"));
        Assert.Equal(["other"], s.ReadLines("/tmp/order"));
    }

    [Fact]
    public async Task Startup_files_can_be_skipped()
    {
        await using Sandbox s = new Sandbox().Startup("usual", Note).Script("/etc/rc.local", Note);
        Assert.Equal(0, await s.Run("--skip-startup-files", "--", "true"));
        Assert.False(s.Exists("/tmp/order"));
    }

    [Fact]
    public async Task A_container_without_any_of_the_directories_boots()
    {
        await using Sandbox s = new();
        Directory.Delete(s.HostPath("/etc/my_init.d"));
        Directory.Delete(s.HostPath("/etc/service"));
        Assert.Equal(3, await s.Run("--", "sh", "-c", "exit 3"));
    }

    [Theory]
    [InlineData("exit 3", "failed with status 3")]
    [InlineData("kill -9 $$", "was terminated by signal 9 (SIGKILL)")]
    public async Task A_failing_startup_script_ends_the_boot_and_says_how(string body, string words)
    {
        await using Sandbox s = new Sandbox().Startup("1-bad", body).Startup("2-never", Note).WithHooks();
        Assert.Equal(1, await s.Run("--", "touch", "/tmp/main"));
        Assert.Contains($"*** /etc/my_init.d/1-bad {words}", s.Err.Text, StringComparison.Ordinal);
        Assert.False(s.Exists("/tmp/main"));
        Assert.Equal(["pre", "post"], s.ReadLines("/tmp/order"));
    }

    [Fact]
    public async Task A_failing_rc_local_ends_the_boot()
    {
        await using Sandbox s = new Sandbox().Script("/etc/rc.local", "exit 4");
        Assert.Equal(1, await s.Run("--", "true"));
        Assert.Contains("*** /etc/rc.local failed with status 4", s.Err.Text, StringComparison.Ordinal);
    }

    [Fact]
    [NotEmulated(NotEmulatedAttribute.NoExecErrors)]
    public async Task A_startup_script_with_a_missing_interpreter_ends_the_boot_and_is_named()
    {
        await using Sandbox s = new Sandbox().Startup("bad", "#!/no/such/interpreter\n");
        Assert.Equal(1, await s.Run("--", "true"));
        Assert.Contains(s.Said("/etc/my_init.d/bad"), l => l.Contains("/no/such/interpreter", StringComparison.Ordinal));
    }
}
