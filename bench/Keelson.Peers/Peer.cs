using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Keelson.Peers;

/// <summary>
/// One that is compared, and how it is started. Commands are shell text; in them $W is the directory of the run and
/// $REPO the checkout. What a peer does not do at all has the reason in its place, and is not measured.
/// </summary>
internal sealed partial record Peer(string Name)
{
    /// <summary>The Debian package; none is built here or given as a directory.</summary>
    public string? Package { get; init; }

    /// <summary>The version of what is no package.</summary>
    public string? Version { get; init; }

    /// <summary>Runs one command as its child: COMMAND is appended.</summary>
    public string? OneShot { get; init; }

    /// <summary>Supervises the services in $W/etc/service as process 1.</summary>
    public string? Supervise { get; init; }

    /// <summary>The same where process 1 of the peer would leave its services to the kernel when it is told to stop.</summary>
    public string? SuperviseBelow { get; init; }

    /// <summary>The signal that ends it and its services.</summary>
    public Signal StopSignal { get; init; } = Signal.Term;

    /// <summary>Writes $W/input into $W/log; ends when all is there.</summary>
    public string? Log { get; init; }

    /// <summary>Runs as long as its log is written by itself: there is no program of its own for it.</summary>
    public bool LogsItself { get; init; }

    /// <summary>Has to be there for the peer to run at all.</summary>
    public string? Needs { get; init; }

    /// <summary>Why something is not measured, by the key of the metric.</summary>
    public IReadOnlyDictionary<string, string> Without { get; init; } = new Dictionary<string, string>();

    internal bool IsKeelson => Name == Keelson;

    internal const string Keelson = "Keelson";
    internal const string Original = "Baseimage-docker";

    /// <summary>All of them; that whose directory is not given is left out.</summary>
    internal static IReadOnlyList<Peer> All(string version, string? original)
    {
        const string noServices = "runs one command, supervises no services";
        const string noLogger = "has no logger";
        const string noCommand = "runs services, not one command";
        var simple = new Dictionary<string, string> { [Metric.Boot] = noServices, [Metric.Memory] = noServices, [Metric.Restart] = noServices, [Metric.Stop] = noServices, [Metric.Logging] = noLogger };
        var supervisor = new Dictionary<string, string> { [Metric.OneShot] = noCommand };
        List<Peer> peers =
        [
            new(Keelson)
            {
                Version = version,
                OneShot = "$W/bin/my_init --skip-startup-files --skip-runit --quiet --",
                Supervise = "$W/bin/my_init --quiet",
                Log = "$W/bin/svlogd $W/log <$W/input",
            },
            new("runit")
            {
                Package = "runit",
                Supervise = "runsvdir -P $W/etc/service",
                SuperviseBelow = "tini -- sh -c '(runsvdir -P $W/etc/service &); exec tail -f /dev/null'",
                StopSignal = Signal.Hup,
                Log = "svlogd $W/log <$W/input",
                Without = supervisor,
            },
            new("s6") { Package = "s6", Supervise = "s6-svscan -c 2000 $W/etc/service", Log = "s6-log n1000 s16777216 $W/log <$W/input", Without = supervisor },
            new("supervisord") { Package = "supervisor", Supervise = "supervisord -c $W/supervisord.conf", LogsItself = true, Log = "supervisord -c $W/supervisord.conf", Without = supervisor },
            new("tini") { Package = "tini", OneShot = "tini --", Without = simple },
            new("dumb-init") { Package = "dumb-init", OneShot = "dumb-init --", Without = simple },
            new("catatonit") { Package = "catatonit", OneShot = "catatonit --", Without = simple },
        ];
        if (original is not null)
        {
            string init = Path.Combine(original, "image/bin/my_init");
            peers.Add(new(Original)
            {
                Version = VersionLine().Match(File.Exists(Path.Combine(original, "Makefile")) ? File.ReadAllText(Path.Combine(original, "Makefile")) : "") is { Success: true } m ? m.Groups[1].Value : "?",
                OneShot = $"{init} --skip-startup-files --skip-runit --quiet --",
                Supervise = $"{init} --quiet",
                Needs = init,
                Without = new Dictionary<string, string> { [Metric.Logging] = "has runit's" },
            });
        }
        return peers;
    }

    /// <summary>The version of the package, or null when it is not installed.</summary>
    internal static string? Installed(string package)
    {
        var start = new ProcessStartInfo("dpkg-query", ["-W", "-f", "${Status}\t${Version}", package]) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process query = Process.Start(start)!;
        string[] said = query.StandardOutput.ReadToEnd().Split('\t');
        query.WaitForExit();
        return said is ["install ok installed", var version] ? version : null;
    }

    [GeneratedRegex(@"^VERSION \?= (\S+)", RegexOptions.Multiline)]
    private static partial Regex VersionLine();
}
