namespace Keelson.Image.Tests;

/// <summary>cron: jobs run, with the container's environment where they ask for it, and what goes wrong is in docker logs.</summary>
[Trait("Base", "Each")]
public sealed class CronTests
{
    private static Container With(string prepare, params string[] options) =>
        Container.Start([.. options, Docker.Image, "sh", "-c", prepare + "\nexec /sbin/my_init"]);

    [Fact]
    public void A_job_sees_the_environment_of_the_container_and_its_output_and_failure_are_in_docker_logs()
    {
        // The value is odd on purpose.
        using Container container = With(
            """
            {
              echo 'SHELL=/usr/lib/keelson/cron-shell'
              echo 'OWN=of the crontab'
              echo 'HELLO=overridden'
              echo '@reboot root echo "$WORDS|$HELLO|$OWN|$HOME|$SHELL|$PATH|$(id -un)" >/tmp/job; echo the words of the job; exit 3'
            } >/etc/cron.d/job
            """,
            "-e", "WORDS=it's \"odd\"", "-e", "HELLO=container", "-e", "PATH=/opt/own/bin:/usr/bin:/bin", "-e", "HOME=/elsewhere");
        container.Until("the job has run", () => container.Exec("cat", "/tmp/job").Status == 0);
        Outcome job = container.Exec("cat", "/tmp/job");
        container.Must(job.Output == "it's \"odd\"|overridden|of the crontab|/root|/bin/sh|/opt/own/bin:/usr/bin:/bin|root\n", job.Output);
        container.UntilLogged("the words of the job");
        container.UntilLogged("failed with exit status 3");
    }

    [Fact]
    public void Jobs_of_a_user_run_every_minute_as_that_user_and_without_secrets()
    {
        using Container container = With(
            """
            useradd -m app
            echo 'SHELL=/usr/lib/keelson/cron-shell
            * * * * * echo "$(id -un):$SECRET" >>/tmp/job' | crontab -u app -
            """,
            "-e", "SECRET=42");
        var clock = System.Diagnostics.Stopwatch.StartNew();
        while (container.Exec("cat", "/tmp/job").Output is not { Length: > 0 })
        {
            container.Must(clock.Elapsed < TimeSpan.FromMinutes(2), "no job has run within two minutes");
            Thread.Sleep(500);
        }
        container.Must(container.Exec("head", "-n", "1", "/tmp/job").Output == "app:\n", container.Exec("cat", "/tmp/job").Output);
    }

    [Fact]
    public void What_cron_would_silently_refuse_is_mended_or_named()
    {
        using Container container = With("""
            for name in linked writable owned odd.name; do
              echo "@reboot root touch /tmp/$name" >/etc/cron.d/$name
            done
            ln /etc/cron.d/linked /root/other-link
            chmod 666 /etc/cron.d/writable
            chown daemon /etc/cron.d/owned
            """);
        container.Until("all but one have run", () => container.Exec("ls", "/tmp/linked", "/tmp/writable", "/tmp/owned").Status == 0);
        container.UntilLogged("cron ignores /etc/cron.d/odd.name: only letters, digits, - and _ may be in its name");
        container.UntilLogged("/etc/cron.d/linked had several hard links");
        container.Must(container.Exec("ls", "/tmp/odd.name").Status != 0, "the odd name");
    }

    [Fact]
    public void Jobs_of_reboot_run_once_for_each_start_of_the_container()
    {
        using Container container = With("echo '@reboot root echo run >>/tmp/runs' >/etc/cron.d/job");
        int Runs() => container.Exec("cat", "/tmp/runs").Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length;
        container.Until("it has run", () => Runs() == 1);
        // Another cron in the same container: not again.
        string Pid() => container.Exec("cat", "/etc/service/cron/supervise/pid").Output.Trim();
        string pid = Pid();
        container.Exec("kill", "-KILL", pid).Must();
        container.Until("another cron runs", () => Pid() is { Length: > 0 } now && now != pid);
        container.UntilLogged("Skipping @reboot jobs -- not system startup", inFile: "/var/log/syslog");
        container.Must(Runs() == 1, "runs");
        Docker.Run("restart", container.Id).Must();
        container.Until("it has run again", () => Runs() == 2);
    }

    [Fact]
    public void Only_useful_jobs_are_there_and_the_daemon_can_be_left_out()
    {
        Outcome run = Docker.MyInit(["-e", "DISABLE_CRON=1"], "sh", "-c", "sv status cron; run-parts --test /etc/cron.hourly; run-parts --test /etc/cron.daily; run-parts --test /etc/cron.weekly; ls /etc/cron.d");
        run.Must(System.Text.RegularExpressions.Regex.IsMatch(run.Output, "^down: cron: [0-9]+s, normally up\n/etc/cron.hourly/logrotate\n$"));
    }
}
