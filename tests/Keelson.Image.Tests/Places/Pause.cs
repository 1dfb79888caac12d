using System.Globalization;

namespace Keelson.Image.Tests.Places;

/// <summary>A minute of docker pause: nobody could speak meanwhile, and nobody is punished for it or comes in a burst afterwards.</summary>
internal static class Pause
{
    internal const string Place = "`docker pause` for a minute";

    private static readonly TimeSpan s_minute = TimeSpan.FromSeconds(60);

    /// <summary>Services with a time for something that is shorter than the pause, one that is started again all the time, and a job of each minute.</summary>
    internal const string Services = """
        make() { mkdir /etc/service/$1; printf '#!/bin/sh\n%s\n' "$2" >/etc/service/$1/run; printf '[Service]\n%b\n' "$3" >/etc/service/$1/service.conf; chmod +x /etc/service/$1/run; }
        make dog 'keelson notify READY=1; while keelson notify WATCHDOG=1; do echo alive >>/report/dog; sleep 1; done' 'Type=notify\nWatchdogSec=10'
        make slow 'until [ -e /report/go ]; do sleep 0.1; done; keelson notify READY=1; exec sleep 1000' 'Type=notify\nTimeoutStartSec=30'
        make checked 'exec sleep 1000' 'HealthCheck=/usr/local/bin/check\nHealthIntervalSec=1\nHealthTimeoutSec=30\nHealthRetries=1'
        make crash 'exec sleep 1' 'RestartSec=2'
        printf '#!/bin/sh\necho checked >>/report/checked; until [ -e /report/go ]; do sleep 0.1; done\n' >/usr/local/bin/check
        chmod +x /usr/local/bin/check
        echo '* * * * * root echo job >>/report/jobs' >/etc/cron.d/jobs

        """;

    /// <summary>The one that runs a command is paused in the middle of it.</summary>
    internal static void Command(Container container)
    {
        container.Until("the command runs", () => container.Exec("test", "-e", "/report/look").Status == 0);
        Freeze(container);
    }

    internal static void OfServices(Container container)
    {
        container.Until("all have begun", () => Lines(container, "dog") > 0 && Lines(container, "checked") > 0 && Events(container).Contains("  crash", StringComparison.Ordinal));
        Freeze(container);
        int alive = Lines(container, "dog");
        container.Until("the watchdog's service goes on", () => Lines(container, "dog") > alive + 2);
        container.Shell("touch /report/go").Must();
        container.Until("the slow one is ready, the checked one asked again", () => Events(container).Contains(" ready             slow", StringComparison.Ordinal) && Lines(container, "checked") > 1);
        string events = Events(container);
        container.Must(!events.Contains("unhealthy", StringComparison.Ordinal), $"the health check was counted as too slow:\n{events}");
        foreach (string service in (string[])["dog", "slow", "checked", "syslog-ng", "cron", "web"])
            container.Must(!events.Split('\n').Any(e => e.Contains(" ended ", StringComparison.Ordinal) && e.Contains($" {service} ", StringComparison.Ordinal)), $"{service} was ended:\n{events}");
        string logs = container.Logs();
        container.Must(!logs.Contains("hung", StringComparison.Ordinal) && !logs.Contains("not ready", StringComparison.Ordinal), "somebody was said to be late");
        double[] starts = [.. events.Split('\n').Where(e => e.Contains(" started ", StringComparison.Ordinal) && e.Contains(" crash ", StringComparison.Ordinal)).Select(e => double.Parse(e.Trim().Split(' ')[0], CultureInfo.InvariantCulture))];
        container.Must(starts.Zip(starts.Skip(1), (a, b) => b - a).All(pause => pause > 1.9), $"crash was started in a burst:\n{events}");
        // cron itself makes up for the minutes it has missed; not more often than they were.
        double minutes = double.Parse(events.TrimEnd('\n').Split('\n')[^1].Trim().Split(' ')[0], CultureInfo.InvariantCulture) / 60;
        container.Must(Lines(container, "jobs") <= minutes + 1, $"{Lines(container, "jobs")} jobs in {minutes} minutes");
    }

    private static void Freeze(Container container)
    {
        // runc freezes who forks all the time at the second try, or the third.
        container.Until("it is paused", () => container.Do("pause").Status == 0);
        Thread.Sleep(s_minute);
        container.Do("unpause").Must();
    }

    private static int Lines(Container container, string report) => container.Shell($"cat /report/{report} 2>/dev/null").Output.Count(c => c == '\n');

    private static string Events(Container container) => container.Exec("keelson", "events").Output;
}
