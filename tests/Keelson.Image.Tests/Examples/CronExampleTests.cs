namespace Keelson.Image.Tests.Examples;

/// <summary>examples/cron.</summary>
public sealed class CronExampleTests
{
    // A job runs within a minute.
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(2);

    [Fact]
    public void The_job_sees_the_environment_of_the_container_and_its_failure_is_in_the_log()
    {
        string image = Docker.Example("cron");
        using Container well = Container.Start("-e", "GREETING=Hello, world", image);
        using Container ill = Container.Start("-e", "GREETING=fail", image);
        var clock = System.Diagnostics.Stopwatch.StartNew();
        foreach ((Container container, string expected) in new[] { (well, "Hello, world from root, it is "), (ill, "failed with exit status 1") })
        {
            while (!container.Logs().Contains(expected, StringComparison.Ordinal))
            {
                container.Must(clock.Elapsed < s_patience, $"no \"{expected}\" in the log within {s_patience.TotalMinutes} min");
                Thread.Sleep(200);
            }
        }
    }
}
