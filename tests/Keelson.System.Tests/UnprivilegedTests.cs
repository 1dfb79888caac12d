using Keelson.SystemTests.Harness;

namespace Keelson.SystemTests;

/// <summary>Non-root, without capabilities, and read-only: what is impossible is said once, the rest is done.</summary>
public sealed class UnprivilegedTests
{
    [Fact]
    public async Task Where_the_store_can_not_be_written_dockers_variables_still_win_after_a_startup_script()
    {
        await using Sandbox s = new Sandbox { ReadOnlyEtc = true }
            .Write("/etc/container_environment/FOO", "image").Write("/etc/container_environment/BAR", "image").Startup("script", "true");
        s.Env("FOO", "docker");
        Assert.Equal(0, await s.Run("--", "sh", "-c", "echo $FOO $BAR"));
        Assert.Equal("docker image\n", s.Out.Text);
        Assert.Single(s.Said("cannot write"));
    }

    private const string Uid = "12345"; // no entry in the container's passwd

    [Theory]
    [InlineData(Stdio.Pipe)]
    [InlineData(Stdio.Terminal)]
    public async Task A_uid_without_a_passwd_entry_boots_and_runs_everything(Stdio stdio)
    {
        await using Sandbox s = Sandbox.On(stdio)
            .AsUser(Uid)
            .Env("FOO", "bar")
            .Startup("1", "echo startup >>/tmp/order")
            .Startup("2", "true")
            .Service("web", "touch /tmp/up; exec sleep 54321")
            .WithHooks();
        Assert.Equal(3, await s.Run("--", "sh", "-c", "until [ -e /tmp/up ]; do sleep 0.05; done; echo \"$(id -u) $FOO\" >/tmp/main; exit 3"));
        Assert.Equal(Uid + " bar\n", s.Read("/tmp/main"));
        Assert.Equal(["startup", "pre", "post"], s.ReadLines("/tmp/order"));
        AssertWarnedOnceEach(s);
    }

    [Fact]
    public async Task A_plain_user_can_be_stopped()
    {
        await using Sandbox s = new Sandbox().AsUser(Uid).Service("web", "touch /tmp/up; exec sleep 54321");
        await s.Start();
        await s.WaitForFile("/tmp/up");
        Assert.Equal(0, (await s.Stop()).Status);
    }

    [Fact]
    public async Task A_plain_user_with_a_passwd_entry_gets_the_HOME_and_USER_of_that_entry()
    {
        await using Sandbox s = new Sandbox().AsUser("1000");
        Assert.Equal(0, await s.Run("--skip-runit", "--", "sh", "-c", "echo $HOME $USER"));
        Assert.Equal("/home/app app\n", s.Out.Text);
    }

    [Fact]
    public async Task A_store_that_a_plain_user_may_not_read_is_said_once()
    {
        await using Sandbox s = new Sandbox()
            .AsUser(Uid)
            .Startup("1", "true")
            .Startup("2", "true")
            .Prepare("mkdir -m 750 etc/container_environment; echo x >etc/container_environment/SECRET");
        Assert.Equal(3, await s.Run("--skip-runit", "--", "sh", "-c", "exit 3"));
        Assert.NotEmpty(s.Said("container_environment"));
        AssertWarnedOnceEach(s);
    }

    [Fact]
    public async Task A_file_of_the_store_that_a_plain_user_may_not_read_is_named_once_and_the_others_count()
    {
        await using Sandbox s = new Sandbox()
            .AsUser(Uid)
            .Startup("1", "true")
            .Prepare("mkdir -m 755 etc/container_environment; cd etc/container_environment; echo x >SECRET; chmod 600 SECRET; echo y >OPEN; cd ../..");
        Assert.Equal(0, await s.Run("--skip-runit", "--", "sh", "-c", "echo $OPEN"));
        Assert.Equal("y\n", s.Out.Text);
        Assert.Single(s.Said("container_environment/SECRET"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_read_only_etc_boots_with_or_without_a_store(bool withStore)
    {
        await using Sandbox s = new Sandbox { ReadOnlyEtc = true };
        s.Env("FOO", "bar").Startup("1", "true").Startup("2", "true").Service("web", "touch /tmp/up; exec sleep 54321").WithHooks();
        if (withStore)
            s.Write("/etc/container_environment/STORED", "yes\n");
        Assert.Equal(3, await s.Run("--", "sh", "-c", "until [ -e /tmp/up ]; do sleep 0.05; done; echo $FOO ${STORED-no}; exit 3"));
        Assert.Equal(withStore ? "bar yes\n" : "bar no\n", s.Out.Text);
        Assert.Equal(["pre", "post"], s.ReadLines("/tmp/order"));
        Assert.NotEmpty(s.Said("container_environment"));
        AssertWarnedOnceEach(s);
    }

    [Fact]
    public async Task A_container_without_passwd_and_group_boots()
    {
        await using Sandbox s = new();
        File.Delete(s.HostPath("/etc/passwd"));
        File.Delete(s.HostPath("/etc/group"));
        Assert.Equal(3, await s.Run("--", "sh", "-c", "exit 3"));
        AssertWarnedOnceEach(s);
    }

    [Fact]
    public async Task A_container_without_proc_boots_and_stops()
    {
        await using Sandbox s = new Sandbox().Prepare("umount proc").Service("web", "touch /tmp/up; exec sleep 54321").WithHooks();
        Assert.Equal(3, await s.Run("--", "sh", "-c", "until [ -e /tmp/up ]; do sleep 0.05; done; exit 3"));
        Assert.Equal(["pre", "post"], s.ReadLines("/tmp/order"));
    }

    [Fact]
    public async Task Closed_standard_descriptors_do_no_harm()
    {
        await using Sandbox s = new();
        s.Script("/root/launch", "#!/bin/bash\nexec /sbin/my_init -- sh -c 'echo hello >/tmp/main; exit 3' <&- >&- 2>&-\n");
        await s.StartCommand("/root/launch");
        Assert.Equal(3, await s.Exit());
        Assert.Equal("hello\n", s.Read("/tmp/main"));
        Assert.DoesNotContain("***", s.Read("/etc/container_environment.sh"), StringComparison.Ordinal);
    }

    private static void AssertWarnedOnceEach(Sandbox s)
    {
        string[] said = s.Log.Lines.Where(l => l.StartsWith("***", StringComparison.Ordinal)).ToArray();
        Assert.Equal(said.Distinct(), said);
    }
}
