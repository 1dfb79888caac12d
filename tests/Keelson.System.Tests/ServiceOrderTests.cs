using Keelson.SystemTests.Harness;

namespace Keelson.SystemTests;

/// <summary>After=, Before=, Requires= and Wants= of service.conf(5): who starts after whom, and ends before whom.</summary>
public sealed class ServiceOrderTests
{
    /// <summary>A service that notes when it comes and goes, and is ready once the file /tmp/NAME.go is there.</summary>
    private static Sandbox Noting(Sandbox sandbox, string name, string unit, bool readyAtOnce = true) => sandbox
        .Service(name, $"echo {name}-up >>/tmp/order; trap 'echo {name}-down >>/tmp/order; exit 0' TERM; while :; do sleep 0.02; done")
        .Write($"/etc/service/{name}/service.conf", $"[Unit]\n{unit}\n")
        .Script($"/etc/service/{name}/check", readyAtOnce ? "exit 0" : $"[ -e /tmp/{name}.go ]");

    private static Task WaitFor(Sandbox s, params string[] order) =>
        s.Until(() => s.ReadLines("/tmp/order").SequenceEqual(order), $"/tmp/order is {string.Join(' ', order)}, not {s.Read("/tmp/order")}");

    [Fact]
    public async Task A_service_starts_when_what_it_needs_is_ready_and_ends_before_it()
    {
        await using var s = new Sandbox();
        Noting(s, "a-web", "Requires=m-app");
        Noting(s, "m-app", "After=z-db", readyAtOnce: false);
        Noting(s, "z-db", "", readyAtOnce: false);
        await s.Start();
        await WaitFor(s, "z-db-up");
        Assert.Equal(0, (await s.Exec("touch /tmp/z-db.go")).Status);
        await WaitFor(s, "z-db-up", "m-app-up");
        Assert.Equal(0, (await s.Exec("touch /tmp/m-app.go")).Status);
        await WaitFor(s, "z-db-up", "m-app-up", "a-web-up");
        Assert.Equal(0, (await s.Stop()).Status);
        Assert.Equal(["z-db-up", "m-app-up", "a-web-up", "a-web-down", "m-app-down", "z-db-down"], s.ReadLines("/tmp/order"));
    }

    [Fact]
    public async Task Before_is_After_from_the_other_side_and_a_directory_without_service_conf_can_be_waited_for()
    {
        await using var s = new Sandbox();
        s.Service("plain", "until [ -e /tmp/plain.go ]; do sleep 0.02; done; exec sleep 54321").Script("/etc/service/plain/check", "[ -e /tmp/plain.go ]");
        Noting(s, "first", "Before=plain", readyAtOnce: false);
        Noting(s, "last", "After=plain");
        await s.Start();
        await WaitFor(s, "first-up");
        Assert.Null(s.Find("/bin/sh ./run", notHostPid: s.Find("first")?.HostPid ?? 0) is { } other && other.Command.Contains("plain", StringComparison.Ordinal) ? other : null);
        Assert.Equal(0, (await s.Exec("touch /tmp/first.go; touch /tmp/plain.go")).Status);
        await s.WaitForProcess("sleep 54321");
        await WaitFor(s, "first-up", "last-up");
        Assert.Equal(0, (await s.Stop()).Status);
    }

    [Fact]
    public async Task Whose_required_service_fails_waits_and_starts_when_it_is_ready_after_all_and_nobody_else_waits()
    {
        await using var s = new Sandbox();
        s.WithCommands().Service("db", "[ -e /tmp/mended ] || exit 3; exec sleep 54321").Script("/etc/service/db/check", "[ -e /tmp/mended ]");
        Noting(s, "web", "Requires=db");
        Noting(s, "wish", "Wants=db");
        Noting(s, "after", "After=db");
        await s.Start();
        await s.Until(() => s.ReadLines("/tmp/order").Order().SequenceEqual(["after-up", "wish-up"]), "those that do not require it start");
        await s.WaitForLog("*** web is not started: it requires db, which is restarting; `sv up web` starts it all the same");
        Assert.Equal(0, (await s.Exec("touch /tmp/mended")).Status);
        await s.WaitForProcess("sleep 54321");
        await s.WaitForFile("/tmp/order", "web-up");
        Assert.Equal(0, (await s.Stop()).Status);
    }

    [Fact]
    public async Task Who_waits_is_down_for_sv_and_sv_up_starts_it_all_the_same()
    {
        await using var s = new Sandbox();
        s.WithCommands();
        Noting(s, "web", "Requires=ghost");
        await s.Start();
        await s.WaitForLog("*** web is not started: it requires ghost, and there is no such service (make it, or take the name out of Requires in its service.conf)");
        (int status, string answer) = await s.OurSv("status web");
        Assert.StartsWith("down: web: ", answer, StringComparison.Ordinal);
        Assert.Equal(0, status);
        Assert.Equal(0, (await s.OurSv("up web")).Status);
        await s.WaitForFile("/tmp/order", "web-up");
        Assert.Equal(0, (await s.Stop()).Status);
    }

    [Fact]
    public async Task A_circle_is_named_and_hinders_nobody()
    {
        await using var s = new Sandbox();
        Noting(s, "a", "After=b");
        Noting(s, "b", "Requires=a");
        await s.Start();
        await s.WaitForLog("*** services wait for each other in a circle: a -> b -> a; a does not wait for b");
        await WaitFor(s, "a-up", "b-up");
        Assert.Equal(0, (await s.Stop()).Status);
        Assert.Equal(["a-up", "b-up", "b-down", "a-down"], s.ReadLines("/tmp/order"));
    }

    [Fact]
    public async Task One_that_does_not_end_is_killed_and_those_that_it_came_after_still_end_in_order()
    {
        await using Sandbox s = new Sandbox().Timeouts(1, 1);
        s.Service("web", "trap '' TERM; echo web-up >>/tmp/order; while :; do sleep 0.05; done").Write("/etc/service/web/service.conf", "[Unit]\nAfter=db\n");
        Noting(s, "db", "");
        await s.Start();
        await WaitFor(s, "db-up", "web-up");
        Assert.Equal(0, (await s.Stop()).Status);
        Assert.Equal(["db-up", "web-up", "db-down"], s.ReadLines("/tmp/order"));
        Assert.Contains("web did not stop within", s.Err.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_service_that_appears_later_is_put_into_the_order()
    {
        await using var s = new Sandbox();
        Noting(s, "db", "", readyAtOnce: false);
        await s.Start();
        await s.WaitUntilWatching();
        Assert.Equal(0, (await s.Exec("""
            mkdir /root/web; printf '[Unit]\nRequires=db\n' >/root/web/service.conf
            printf '#!/bin/sh\necho web-up >>/tmp/order; exec sleep 54321\n' >/root/web/run; chmod +x /root/web/run; mv /root/web /etc/service/
            """)).Status);
        await s.Until(() => s.Exists("/etc/service/web/supervise/stat"), "web was found");
        Assert.Equal(["db-up"], s.ReadLines("/tmp/order"));
        Assert.Equal(0, (await s.Exec("touch /tmp/db.go")).Status);
        await WaitFor(s, "db-up", "web-up");
        Assert.Equal(0, (await s.Stop()).Status);
    }
}
