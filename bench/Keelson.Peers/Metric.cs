namespace Keelson.Peers;

/// <summary>What is measured.</summary>
internal sealed record Metric(string Key, string Title, string Unit, bool LessIsBetter, string About)
{
    internal const string OneShot = "one-shot", Boot = "boot", Idle = "memory-idle", Memory = "memory", Restart = "restart", Reaping = "reaping", Stop = "stop", Logging = "logging";

    internal static IReadOnlyList<Metric> All(int services) =>
    [
        new(OneShot, "One-shot command", "ms", true, "`true` as its one command: a new PID namespace is made, runs it and is gone"),
        new(Boot, $"Boot to {services} services", "ms", true, "from the start of the program to the last service's first line of code"),
        new(Restart, "Restart", "ms", true, "from KILL of a service that was up for more than a second until it runs again"),
        new(Stop, $"Stop with {services} services", "ms", true, "from the signal until the last service and the supervision are gone"),
        new(Memory, $"Memory, {services} services", "kB", true, "PSS of all processes of the supervision"),
        new(Logging, "Logging", "MB/s", false, "lines of 100 bytes through the logger into files of 16 MB, all of them read back by their size"),
        new(Idle, "Memory, one process", "kB", true, "PSS of the init or supervisor with one process below it"),
        new(Reaping, "Reaping", "orphans/s", false, $"{Bench.Orphans} orphans that have ended, while process 1 was stopped, until it has reaped the last, for five seconds at most"),
    ];
}
