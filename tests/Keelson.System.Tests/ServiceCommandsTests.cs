using Keelson.SystemTests.Harness;

namespace Keelson.SystemTests;

/// <summary>ExecStart=, ExecStartPre=, ExecStartPost=, ExecStop=, ExecReload= and HealthCheck= under process number 1 (service.conf(5)).</summary>
public sealed class ServiceCommandsTests
{
    private static Sandbox With(string conf) => new Sandbox().WithCommands().Write("/etc/service/web/service.conf", "[Service]\n" + conf);

    private static string Note(string what) => $"/bin/sh -c \"echo {what} >>/tmp/order\"\n";

    [Fact]
    public async Task Without_run_ExecStart_serves_and_sv_controls_it()
    {
        await using Sandbox s = With("ExecStart=/usr/bin/sleep 54321\nUMask=0027\n");
        await s.Start();
        ProcessEntry web = await s.WaitForProcess("/usr/bin/sleep 54321");
        await s.Until(() => s.OurSv("status web").Result.Out.StartsWith($"run: web: (pid {web.Pid})", StringComparison.Ordinal), "sv knows it");
        Assert.Equal(0, (await s.OurSv("stop web")).Status);
        Assert.Null(s.Find("/usr/bin/sleep 54321"));
        Assert.Equal(0, (await s.Stop()).Status);
    }

    [Fact]
    public async Task Commands_come_before_the_start_after_it_and_before_the_end()
    {
        await using Sandbox s = With($"""
            ExecStartPre={Note("pre-1")}ExecStartPre={Note("pre-2")}ExecStartPost={Note("post")}ExecStop={Note("stop")}
            """)
            .Script("/etc/service/web/run", "#!/bin/sh\necho run >>/tmp/order\ntrap 'echo term >>/tmp/order; exit 0' TERM\nwhile :; do sleep 0.02; done")
            .Script("/etc/service/web/check", "grep -q run /tmp/order");
        await s.Start();
        await s.Until(() => s.ReadLines("/tmp/order").SequenceEqual(["pre-1", "pre-2", "run", "post"]), "it was started with all of them");
        Assert.Equal(0, (await s.OurSv("stop web")).Status);
        Assert.Equal(["pre-1", "pre-2", "run", "post", "stop", "term"], s.ReadLines("/tmp/order"));
        Assert.Equal(0, (await s.Stop()).Status);
    }

    [Fact]
    public async Task When_ExecStartPre_fails_run_is_not_started()
    {
        await using Sandbox s = With("ExecStartPre=/bin/sh -c \"exit 9\"\nRestart=no\n").Script("/etc/service/web/run", "#!/bin/sh\ntouch /tmp/run");
        await s.Start();
        await s.WaitForLog("*** web is not started: ExecStartPre of /etc/service/web/service.conf failed with status 9");
        await s.WaitForLog("*** web has failed: ./run ended with 9");
        Assert.False(s.Exists("/tmp/run"));
        Assert.Equal(0, (await s.Stop()).Status);
    }

    [Fact]
    public async Task A_failure_that_a_dash_in_front_ignores_is_none()
    {
        await using Sandbox s = With("Type=oneshot\nExecStart=-/bin/sh -c \"exit 9\"\n").Service("next", "touch /tmp/next; exec sleep 54321").Write("/etc/service/next/service.conf", "[Unit]\nRequires=web\n");
        await s.Start();
        await s.WaitForFile("/tmp/next");
        Assert.DoesNotContain("failed", s.Err.Text, StringComparison.Ordinal);
        Assert.Equal(0, (await s.Stop()).Status);
    }

    [Fact]
    public async Task ExecReload_is_what_sv_hup_and_reload_do_and_it_knows_the_main_process()
    {
        await using Sandbox s = With("ExecReload=/bin/sh -c \"echo $MAINPID >/tmp/reloaded\"\n")
            .Script("/etc/service/web/run", "#!/bin/sh\ntrap 'touch /tmp/hup' HUP\necho $$ >/tmp/pid\nwhile :; do sleep 0.02; done");
        await s.Start();
        await s.WaitForFile("/tmp/pid", "\n");
        Assert.Equal(0, (await s.OurSv("reload web")).Status);
        await s.WaitForFile("/tmp/reloaded", "\n");
        Assert.Equal(s.Read("/tmp/pid"), s.Read("/tmp/reloaded"));
        Assert.False(s.Exists("/tmp/hup"));
        Assert.Equal(0, (await s.Stop()).Status);
    }

    [Fact]
    public async Task A_HealthCheck_that_fails_as_often_as_it_may_makes_it_unhealthy_and_one_success_healthy()
    {
        await using Sandbox s = With("ExecStart=/usr/bin/sleep 54321\nHealthCheck=/bin/sh -c \"[ -e /tmp/well ]\"\nHealthIntervalSec=100ms\nHealthRetries=2\n");
        await s.Start();
        await s.Until(() => s.Exec("/opt/keelson/keelson health").Result is (1, "unhealthy: web: unhealthy: HealthCheck failed with status 1\n"), "it is unhealthy");
        Assert.Equal(0, (await s.Exec("touch /tmp/well")).Status);
        await s.Until(() => s.Exec("/opt/keelson/keelson health").Result is (0, "healthy\n"), "it is healthy again");
        string events = (await s.Exec("/opt/keelson/keelson events web")).Out;
        Assert.Contains("unhealthy", events, StringComparison.Ordinal);
        Assert.Equal(0, (await s.Stop()).Status);
    }

    [Fact]
    public async Task Without_services_it_is_healthy_once_the_startup_scripts_are_done()
    {
        await using Sandbox s = new Sandbox().Startup("slow", "until [ -e /tmp/go ]; do sleep 0.02; done");
        await s.Start("--skip-runit");
        await s.Until(() => s.Exec("/opt/keelson/keelson health").Result is (1, "unhealthy: the container is still starting\n"), "it still starts");
        Assert.Equal(0, (await s.Exec("touch /tmp/go")).Status);
        await s.Until(() => s.Exec("/opt/keelson/keelson health").Result is (0, "healthy\n"), "it is healthy");
        Assert.Equal(0, (await s.Stop()).Status);
    }
}
