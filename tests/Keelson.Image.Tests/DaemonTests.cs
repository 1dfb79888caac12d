using System.Text.Json;

namespace Keelson.Image.Tests;

/// <summary>Daemons of the distribution that speak sd_notify(3), in order and watched over by service.conf(5).</summary>
public sealed class DaemonTests
{
    private static readonly Lazy<string> s_image = new(() =>
    {
        string image = $"keelson-test-daemons-{Environment.ProcessId}";
        Docker.RunWithInput(
            $"""
            FROM {Docker.Image}
            RUN install_clean redis-server haproxy knot-resolver
            # The package's own unit, but for what a container has not and what takes too long here.
            RUN mkdir /etc/service/kresd && \
                sed -e '/^\(Slice\|ExecStopPost\|LimitNOFILE\)=/d' -e 's/%i/1/' -e 's/^WatchdogSec=.*/WatchdogSec=3s/' -e 's/on-abnormal/on-failure/' /lib/systemd/system/kresd@.service >/etc/service/kresd/service.conf && \
                install -d -o knot-resolver /run/knot-resolver/control /var/cache/knot-resolver /var/lib/knot-resolver
            RUN mkdir -p /etc/service/redis /etc/service/haproxy && cd /etc/service && \
                printf '[Service]\nType=notify\nExecStart=/usr/bin/redis-server --supervised systemd --daemonize no --save "" --dir /tmp\nUser=redis\nHealthCheck=/usr/bin/redis-cli ping\nRestartSec=100ms\nHealthIntervalSec=1\n' >redis/service.conf && \
                printf 'defaults\n mode tcp\n timeout connect 1s\n timeout client 9s\n timeout server 9s\nlisten redis\n bind 127.0.0.1:7000\n server one 127.0.0.1:6379\n' >/etc/haproxy/keelson.cfg && \
                printf '[Unit]\nRequires=redis\n[Service]\nType=notify\nExecStart=/usr/sbin/haproxy -Ws -f /etc/haproxy/keelson.cfg\nKillSignal=SIGUSR1\nTimeoutStopSec=2\n' >haproxy/service.conf

            """, "build", "--label", Docker.Label, "-t", image, "-").Must();
        return image;
    });

    private static List<JsonElement> Events(Container container) =>
        [.. container.Exec("keelson", "events", "--json").Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement)];

    private static long Time(List<JsonElement> events, string kind, string name) =>
        events.First(e => e.GetProperty("event").GetString() == kind && e.TryGetProperty("name", out JsonElement n) && n.GetString() == name).GetProperty("ms").GetInt64();

    [Fact]
    public void Redis_and_haproxy_are_started_in_order_say_when_they_are_ready_and_come_back()
    {
        using Container container = Container.Start(s_image.Value);
        container.Until("all is well", () => container.Exec("keelson", "health").Status == 0);
        List<JsonElement> events = Events(container);
        container.Must(Time(events, "started", "redis") <= Time(events, "ready", "redis") && Time(events, "ready", "redis") <= Time(events, "started", "haproxy")
            && Time(events, "started", "haproxy") <= Time(events, "ready", "haproxy"), string.Join('\n', events));
        Outcome ping = container.Exec("redis-cli", "-p", "7000", "ping");
        container.Must(ping.Output == "PONG\n", $"through haproxy: {ping}");
        container.Must(container.Shell("ps -o user= -p $(pgrep -o redis-server) || stat -c %U /proc/$(pgrep -o redis-server)").Output.Trim() == "redis", "redis runs as its own user");
        JsonElement redis = JsonDocument.Parse(container.Exec("keelson", "status", "--json", "redis").Output).RootElement[0];
        container.Must(redis.GetProperty("status").GetString() == "Ready to accept connections", redis.ToString());

        container.Must(container.Shell("pkill -KILL redis-server").Status == 0, "redis is killed");
        container.Until("redis is back and ready", () => Events(container).Count(e => e.GetProperty("event").GetString() == "ready" && e.GetProperty("name").GetString() == "redis") == 2);
        container.Until("it answers again", () => container.Exec("redis-cli", "-p", "7000", "ping").Output == "PONG\n");

        container.Stop("-t", "20");
        container.Must(container.ExitStatus == 0, "it stopped well");
    }

    [Fact]
    public void Knot_resolver_runs_by_the_unit_of_its_package_and_is_ended_and_started_again_when_it_hangs()
    {
        using Container container = Container.Start(s_image.Value);
        container.Until("all is well", () => container.Exec("keelson", "health").Status == 0);
        int Count(string kind) => Events(container).Count(e => e.GetProperty("event").GetString() == kind && e.TryGetProperty("name", out JsonElement n) && n.GetString() == "kresd");
        // Three times the time that it has between two signs of life.
        long begun = Time(Events(container), "ready", "kresd");
        container.Until("it lives on", () => container.Exec("keelson", "status", "--json", "kresd") is { Status: 0 } && DateTimeOffset.UtcNow > DateTimeOffset.Parse(container.Inspect("{{.State.StartedAt}}"), System.Globalization.CultureInfo.InvariantCulture).AddMilliseconds(begun + 9000));
        container.Must(Count("started") == 1, "a daemon that sends WATCHDOG=1 is left alone");
        container.Must(container.Shell("ps -o user= -C kresd").Output.Trim() == "knot-resolver", "User= of the unit");
        container.Must(container.Shell("pkill -STOP kresd").Status == 0, "it hangs");
        container.Until("it is back and ready", () => Count("ready") == 2);
        container.Must(container.Logs().Contains("*** kresd is hung: no WATCHDOG=1 for 3 s; it is ended by SIGABRT", StringComparison.Ordinal), "the log says why");
        container.Stop("-t", "20");
        container.Must(container.ExitStatus == 0, "it stopped well");
    }

    [Fact]
    public void Docker_says_healthy_of_the_image_once_its_services_are_ready()
    {
        using Container container = Container.Start("--health-interval", "1s", s_image.Value);
        container.Until("docker says healthy", () => container.Inspect("{{.State.Health.Status}}") == "healthy");
        container.Must(container.Exec("sv", "down", "redis").Status == 0, "redis is down on purpose");
        container.Until("redis is down", () => container.Exec("sv", "status", "redis").Output.StartsWith("down: redis", StringComparison.Ordinal));
        container.Must(container.Exec("keelson", "health").Status == 0, "what is down on purpose is well");
    }
}
