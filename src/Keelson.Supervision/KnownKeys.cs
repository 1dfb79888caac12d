namespace Keelson.Supervision;

/// <summary>The keys of service.conf, each with its section.</summary>
public static class KnownKeys
{
    /// <summary>What says when and in which order a service runs.</summary>
    public static readonly string[] Unit =
    [
        "After", "Before", "ConditionCapability", "ConditionEnvironment", "ConditionPathIsReadWrite", "ConditionUser", "DefaultDependencies",
        "Description", "Documentation", "FailureAction", "Requires", "StartLimitBurst", "StartLimitIntervalSec", "SuccessAction", "Wants",
    ];

    /// <summary>What says how its processes are run and ended.</summary>
    public static readonly string[] Service =
    [
        "ExecReload", "ExecStart", "ExecStartPost", "ExecStartPre", "ExecStop",
        "HealthCheck", "HealthIntervalSec", "HealthRetries", "HealthTimeoutSec",
        "KillMode", "KillSignal", "NotifyAccess", "Restart", "RestartMaxDelaySec", "RestartSec", "RestartSteps",
        "TimeoutSec", "TimeoutStartSec", "TimeoutStopSec", "Type", "WatchdogSec", "WatchdogSignal", "X-ReadySocket",
        .. Process,
    ];

    /// <summary>Those of [Service] that change the process itself before its program runs (systemd.exec(5)).</summary>
    public static string[] Process =>
    [
        "AmbientCapabilities", "CapabilityBoundingSet", "Environment", "EnvironmentFile", "Group", "LimitAS", "LimitCORE", "LimitCPU",
        "LimitDATA", "LimitFSIZE", "LimitLOCKS", "LimitMEMLOCK", "LimitMSGQUEUE", "LimitNICE", "LimitNOFILE", "LimitNPROC", "LimitRSS",
        "LimitRTPRIO", "LimitRTTIME", "LimitSIGPENDING", "LimitSTACK", "Nice", "NoNewPrivileges", "OOMScoreAdjust",
        "SupplementaryGroups", "UMask", "User", "WorkingDirectory",
    ];

    /// <summary>What to say of a key that does not exist in a section: where it belongs, or the nearest that exists.</summary>
    public static string Advice(string section, string key)
    {
        string other = section == "Unit" ? "Service" : "Unit";
        string[] here = section == "Unit" ? Unit : Service;
        string[] there = section == "Unit" ? Service : Unit;
        if (Array.IndexOf(there, key) >= 0)
            return $"{key} belongs in [{other}]; it is ignored here";
        string nearest = "";
        int least = Math.Max(key.Length / 3, 1) + 1;
        foreach (string known in (string[])[.. here, .. there])
        {
            int distance = Distance(key, known, least);
            if (distance < least)
                (least, nearest) = (distance, known);
        }
        return $"unknown key {key} in [{section}]; it is ignored{(nearest.Length > 0 ? $" (is {nearest} meant?)" : "")}";
    }

    /// <summary>How many letters differ (Levenshtein, without regard to case); <paramref name="most"/> when it is so many or more for sure.</summary>
    public static int Distance(string a, string b, int most)
    {
        if (Math.Abs(a.Length - b.Length) >= most)
            return most;
        Span<int> row = stackalloc int[b.Length + 1];
        for (int j = 0; j <= b.Length; j++)
            row[j] = j;
        for (int i = 1; i <= a.Length; i++)
        {
            int corner = row[0];
            row[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                int above = row[j];
                int change = char.ToLowerInvariant(a[i - 1]) == char.ToLowerInvariant(b[j - 1]) ? corner : corner + 1;
                row[j] = Math.Min(change, Math.Min(above, row[j - 1]) + 1);
                corner = above;
            }
        }
        return row[b.Length];
    }
}
