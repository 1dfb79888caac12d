namespace Keelson.Image.Tests;

/// <summary>logrotate: "rotates and compresses logs on a regular basis".</summary>
[Trait("Base", "Each")]
public sealed class LogrotateTests
{
    [Fact]
    public void The_system_log_is_rotated_without_losing_a_line()
    {
        using Container container = Container.Start(Docker.Image);
        container.UntilLogged("Runit started as PID 1");
        // Numbers go on while it is rotated three times.
        container.Shell("(i=0; while [ ! -e /tmp/enough ]; do i=$((i + 1)); logger -t talker \"number $i.\"; done; echo $i >/tmp/last) >/dev/null 2>&1 &").Must();
        for (int round = 1; round <= 3; round++)
        {
            string has = $"[ $(grep -c talker /var/log/syslog) -gt 20 ]";
            container.Until("there is something to rotate", () => container.Shell(has).Status == 0);
            container.Exec("logrotate", "--force", "/etc/logrotate.d/syslog-ng").Must();
        }
        container.Shell("touch /tmp/enough").Must();
        container.Until("the talker has ended", () => container.Exec("cat", "/tmp/last").Status == 0);
        string last = container.Exec("cat", "/tmp/last").Output.Trim();
        const string all = "zcat -f /var/log/syslog.*.gz; cat /var/log/syslog.1 /var/log/syslog";
        container.Until("the last is there", () => container.Shell(all).Output.Contains($"number {last}.", StringComparison.Ordinal));
        string[] numbers = [.. container.Shell("ls -1rt /var/log/syslog* >/dev/null; zcat -f /var/log/syslog.3.gz /var/log/syslog.2.gz; cat /var/log/syslog.1 /var/log/syslog").Output
            .Split('\n').Where(l => l.Contains(" talker: number ", StringComparison.Ordinal)).Select(l => l[(l.LastIndexOf(' ') + 1)..])];
        Assert.Equal(Enumerable.Range(1, int.Parse(last, System.Globalization.CultureInfo.InvariantCulture)).Select(n => $"{n}."), numbers);
        Outcome mode = container.Exec("stat", "-c", "%a %U:%G", "/var/log/syslog");
        container.Must(mode.Output == "640 root:adm\n", mode.ToString());
    }

    [Fact]
    public void The_hourly_job_rotates_a_log_that_is_too_large_and_leaves_a_small_one_alone()
    {
        using Container container = Container.Start(Docker.Image);
        container.UntilLogged("Runit started as PID 1");
        const string first = "logger before; until grep -q before /var/log/syslog; do sleep 0.05; done; /etc/cron.hourly/logrotate; ls /var/log";
        container.Must(!container.Shell(first).Output.Contains("syslog.1", StringComparison.Ordinal), "rotated though small and new");
        container.Shell("head -c 60000000 /dev/zero | tr '\\0' '\\n' >>/var/log/syslog; /etc/cron.hourly/logrotate; ls /var/log/syslog.1").Must();
    }
}
