using System.Text.RegularExpressions;
using Keelson.Image.Tests.Places;

namespace Keelson.Image.Tests;

/// <summary>The commands of runit in the image, and what an operator sees of services.</summary>
public sealed partial class ServicesTests
{
    private const string Boot = """
        for name in web db; do
          mkdir -p /etc/service/$name
          printf '#!/bin/sh\necho %s is up\nexec sleep 1000\n' $name >/etc/service/$name/run
          chmod +x /etc/service/$name/run
        done
        exec /sbin/my_init
        """;

    [GeneratedRegex("\\(pid [0-9]+\\) [0-9]+s|[0-9]+s")]
    private static partial Regex Figures();

    private static string Alike(string text) => Figures().Replace(text, m => m.Value[0] == '(' ? "(pid P) Ns" : "Ns");

    private static Container Started(params string[] options)
    {
        Container container = Container.Start([.. options, Docker.Image, "sh", "-c", Boot]);
        container.Until("both services run", () => Alike(container.Exec("sv", "status", "web", "db").Output) == "run: web: (pid P) Ns\nrun: db: (pid P) Ns\n");
        return container;
    }

    [Fact]
    public void Services_are_stopped_started_and_asked_by_sv()
    {
        using Container container = Started();
        foreach ((string command, string expected) in new[]
        {
            ("stop web", "ok: down: web: Ns, normally up\n"),
            ("status web", "down: web: Ns, normally up\n"),
            ("start web", "ok: run: web: (pid P) Ns\n"),
            ("restart db", "ok: run: db: (pid P) Ns\n"),
            ("check web", "ok: run: web: (pid P) Ns\n"),
        })
        {
            Outcome outcome = container.Exec(["sv", "-w", "30", .. command.Split(' ')]);
            container.Must(outcome.Status == 0 && Alike(outcome.Output) == expected, $"sv {command}: {outcome}");
        }
        Outcome unknown = container.Exec("sv", "status", "nosuch");
        container.Must(unknown.Status == 1 && unknown.Output == "fail: nosuch: unable to change to service directory: file does not exist\n", unknown.ToString());
    }

    // Other narrow places are in docs/places.md. Here the socket that is no file is not the container's alone.
    [Fact]
    public void Sv_works_where_nothing_can_be_written_in_the_hosts_network()
    {
        using Container container = Container.Start("--network", "host", "--read-only", Place.Image);
        container.Until("the service runs", () => container.Exec("sv", "status", "web").Output.StartsWith("run: web: (pid", StringComparison.Ordinal));
        foreach ((string command, string expected) in new[] { ("stop web", "ok: down: web: Ns, normally up\n"), ("start web", "ok: run: web: (pid P) Ns\n") })
        {
            Outcome outcome = container.Exec(["sv", "-w", "30", .. command.Split(' ')]);
            container.Must(outcome.Status == 0 && Alike(outcome.Output) == expected, $"sv {command}: {outcome}");
        }
        container.Stop();
        container.Must(container.ExitStatus == 0, "exit status");
    }

    [Fact]
    public void A_service_that_sv_restarts_again_and_again_is_healthy()
    {
        using Container container = Started();
        Outcome health = container.Shell("sv -w 30 restart web && sv -w 30 restart web && keelson health");
        container.Must(health.Status == 0, health.ToString());
    }

    [Fact]
    public void Lines_of_services_have_their_names_in_docker_logs()
    {
        using Container container = Container.Start("-e", "KEELSON_LOG=prefix", Docker.Image, "sh", "-c", Boot);
        container.UntilLogged("[web] web is up");
        container.UntilLogged("[db] db is up");
    }

    [Fact]
    public void Another_user_can_write_to_dev_stdout()
    {
        using Container container = Container.Start(Docker.Image, "sh", "-c", """
            mkdir -p /etc/service/web
            printf '#!/bin/sh\nexec setuser nobody sh -c "echo from nobody >/dev/stdout; exec sleep 1000"\n' >/etc/service/web/run
            chmod +x /etc/service/web/run
            exec /sbin/my_init
            """);
        container.UntilLogged("from nobody");
    }

    [Fact]
    public void Logs_are_rotated_by_svlogd_and_daemons_of_chpst_have_another_user()
    {
        using Container container = Container.Start(Docker.Image, "sh", "-c", """
            mkdir -p /etc/service/web/log /var/log/web
            printf '#!/bin/sh\nexec chpst -u nobody sh -c "id -un; exec sleep 1000"\n' >/etc/service/web/run
            printf '#!/bin/sh\nexec svlogd -tt /var/log/web\n' >/etc/service/web/log/run
            chmod +x /etc/service/web/run /etc/service/web/log/run
            exec /sbin/my_init
            """);
        container.Until("the line is in the log", () => container.Exec("cat", "/var/log/web/current").Output.EndsWith(" nobody\n", StringComparison.Ordinal));
        container.Until("both are in the status", () => Alike(container.Exec("sv", "status", "web").Output) == "run: web: (pid P) Ns; run: log: (pid P) Ns\n");
        container.Stop();
        container.Must(container.ExitStatus == 0, "exit status");
    }
}
