using System.Diagnostics;

namespace Keelson.Image.Tests.Examples;

/// <summary>examples/postgres: stops at once with clients connected, and what was written is there again.</summary>
public sealed class PostgresTests : IDisposable
{
    private readonly string _volume = $"keelson-postgres-{Environment.ProcessId}-{Guid.NewGuid():N}"[..40];
    private static readonly string s_image = Docker.Example("postgres");

    public PostgresTests() => Docker.Run("volume", "create", "--label", Docker.Label, _volume).Must();

    public void Dispose() => Docker.Run("volume", "rm", "-f", _volume);

    private Container Start(params string[] options)
    {
        var container = Container.Start(["-v", $"{_volume}:/var/lib/postgresql/data", .. options, s_image]);
        // It makes its database first, on a machine that may have much else to do.
        var clock = Stopwatch.StartNew();
        while (container.Exec("sv", "check", "postgres").Status != 0)
        {
            container.Must(clock.Elapsed < TimeSpan.FromMinutes(2) && container.Inspect("{{.State.Running}}") == "true", "it does not start");
            Thread.Sleep(100);
        }
        return container;
    }

    private static Outcome Query(Container container, string query) => container.Exec("setuser", "postgres", "psql", "-qAtc", query);

    [Fact]
    public void A_stop_ends_sessions_and_writes_everything_and_the_data_outlives_the_container()
    {
        using (Container first = Start("-e", "POSTGRES_PASSWORD=it's secret"))
        {
            Query(first, "create table kept as select generate_series(1, 1000) as n").Must();
            // Over the network a password is asked for, and this is the one.
            Outcome login = first.Exec("env", "PGPASSWORD=it's secret", "psql", "-h", "127.0.0.1", "-U", "postgres", "-Atc", "select count(*) from kept");
            login.Must(login is { Status: 0, Output: "1000\n" });
            login = first.Exec("env", "PGPASSWORD=wrong", "psql", "-h", "127.0.0.1", "-U", "postgres", "-Atc", "select 1");
            login.Must(login.Status == 2 && login.Error.Contains("password authentication failed", StringComparison.Ordinal));

            // A client that stays: on TERM, postgres would wait for it.
            Docker.Run("exec", "-d", first.Id, "setuser", "postgres", "psql", "-c", "select pg_sleep(1000)").Must();
            first.Until("the client is in its session", () => Query(first, "select count(*) from pg_stat_activity where query like 'select pg_sleep%'").Output == "1\n");
            TimeSpan took = first.Stop("-t", "70");
            string log = first.Logs();
            foreach (string expected in new[] { "received fast shutdown request", "database system is shut down" })
                first.Must(log.Contains(expected, StringComparison.Ordinal), expected);
            first.Must(first.ExitStatus == 0 && took < TimeSpan.FromSeconds(30), $"exit status; it took {took}");
            Docker.Figure($"examples/postgres: stopped with a session open: {took.TotalSeconds:0.0} s");
        }
        using Container second = Start();
        Outcome kept = Query(second, "select count(*) from kept");
        kept.Must(kept is { Status: 0, Output: "1000\n" });
        string started = second.Logs();
        second.Must(started.Contains("database system was shut down at", StringComparison.Ordinal) && !started.Contains("was not properly shut down", StringComparison.Ordinal), "it was to need no recovery");
        second.Until("Docker calls it healthy", () => second.Inspect("{{.State.Health.Status}}") == "healthy");
        // sv uses the same door.
        second.Exec("sv", "-w", "30", "restart", "postgres").Must();
        second.Must(second.Logs().Contains("received fast shutdown request", StringComparison.Ordinal), "the restart");
    }

    [Fact]
    public void Without_a_password_it_does_not_start_and_says_so()
    {
        using var container = Container.Start("-v", $"{_volume}:/var/lib/postgresql/data", s_image);
        container.Until("it has ended", () => container.Inspect("{{.State.Running}}") == "false");
        container.Must(container.ExitStatus == 1 && container.Logs().Contains("POSTGRES_PASSWORD: is to be the password", StringComparison.Ordinal), "the reason");
    }
}
