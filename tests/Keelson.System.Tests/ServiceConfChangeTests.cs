using Keelson.SystemTests.Harness;

namespace Keelson.SystemTests;

/// <summary>A service.conf that is changed while the container runs counts from the service's next start on (service.conf(5)).</summary>
public sealed class ServiceConfChangeTests
{
    private const string Conf = "/etc/service/web/service.conf";

    private static Sandbox Web() => new Sandbox().WithCommands().Service("web", "exec sleep 54321");

    private static async Task Write(Sandbox s, string text) => Assert.Equal(0, (await s.Exec($"printf '{text}' >{Conf}.new && mv {Conf}.new {Conf}")).Status);

    [Fact]
    public async Task A_bad_one_is_mended_and_sv_up_starts_the_service_and_what_requires_it()
    {
        await using Sandbox s = Web().Write(Conf, "[Service]\nRestart=sometimes\n")
            .Service("shop", "exec sleep 54322").Write("/etc/service/shop/service.conf", "[Unit]\nRequires=web\n");
        await s.Start();
        await s.WaitForLog("the service is not started (mend it, then `sv up web`)");
        await s.WaitForLog("*** shop is not started: it requires web, which is failed");
        await s.Until(() => s.OurSv("status web").Result.Out.StartsWith("down: web", StringComparison.Ordinal), "sv knows it");
        await Write(s, "[Service]\\nRestart=no\\n");
        Assert.Equal(0, (await s.OurSv("up web")).Status);
        await s.WaitForProcess("sleep 54321");
        await s.WaitForProcess("sleep 54322");
        Assert.Equal(0, (await s.Stop()).Status);
    }

    [Fact]
    public async Task The_way_it_is_restarted_changes_with_it()
    {
        await using Sandbox s = Web();
        await s.Start();
        ProcessEntry first = await s.WaitForProcess("sleep 54321");
        await Write(s, "[Service]\\nRestart=no\\n");
        Sandbox.Signal(first.HostPid, Sig.Kill);
        ProcessEntry second = await s.WaitForProcess("sleep 54321", notHostPid: first.HostPid);
        Sandbox.Signal(second.HostPid, Sig.Kill);
        await s.WaitForLog("*** web has failed: ./run was terminated by signal 9 (SIGKILL); it is not started again (`sv up web` starts it)");
        Assert.Equal(0, (await s.Stop()).Status);
    }

    [Fact]
    public async Task A_service_that_is_to_come_after_another_from_now_on_waits_for_it_at_its_next_start()
    {
        await using Sandbox s = Web().Service("db", "exec sleep 54322").Write("/etc/service/db/down", "");
        await s.Start();
        ProcessEntry first = await s.WaitForProcess("sleep 54321");
        await Write(s, "[Unit]\\nRequires=db\\n");
        Sandbox.Signal(first.HostPid, Sig.Kill);
        await s.WaitForLog("*** web is not started: it requires db, which is inactive (`sv up db` starts it)");
        Assert.Equal(0, (await s.OurSv("up db")).Status);
        await s.WaitForProcess("sleep 54321", notHostPid: first.HostPid);
        Assert.Equal(0, (await s.Stop()).Status);
    }

    [Fact]
    public async Task One_that_is_wrong_at_a_restart_is_said_once_and_the_service_waits_until_it_is_mended()
    {
        await using Sandbox s = Web().Write(Conf, "[Service]\nRestartSec=0\n");
        await s.Start();
        ProcessEntry first = await s.WaitForProcess("sleep 54321");
        await Write(s, "[Service]\\nKillSignal=SIGNONE\\n");
        Sandbox.Signal(first.HostPid, Sig.Kill);
        await s.WaitForLog("the service is not started (mend it, then `sv up web`)");
        await s.Until(() => s.Exec("/opt/keelson/keelson health").Result is (1, var text) && text.StartsWith("unhealthy: web: failed: service.conf: line 2:", StringComparison.Ordinal), "health names it");
        Assert.Single(s.Said("KillSignal"));
        Assert.Null(s.Find("sleep 54321"));
        await Write(s, "");
        Assert.Equal(0, (await s.OurSv("up web")).Status);
        await s.WaitForProcess("sleep 54321");
        Assert.Equal(0, (await s.Stop()).Status);
    }
}
