// bench/peers: Keelson beside runit, s6, supervisord, tini, dumb-init, catatonit, and the init of Baseimage-docker where
// PEER_BASEIMAGE names a checkout of that. Writes bench/results.
using System.CommandLine;
using System.Text.Json;
using Keelson.Peers;
using Spectre.Console;

var rounds = new Option<int>("--rounds") { Description = "how often each measurement is made", DefaultValueFactory = _ => 3 };
var services = new Option<int>("--services") { Description = "how many services a supervisor has", DefaultValueFactory = _ => 100 };
var megabytes = new Option<int>("--megabytes") { Description = "how much each logger gets", DefaultValueFactory = _ => 200 };
var output = new Option<string>("--output") { Description = "the directory for peers.md, peers.json and the charts", DefaultValueFactory = _ => "bench/results" };
var render = new Option<bool>("--render") { Description = "measure nothing: make table and charts of the peers.json that is there" };
var command = new RootCommand("Measures Keelson and its peers on this machine") { rounds, services, megabytes, output, render };
command.SetAction(parsed =>
{
    if (parsed.GetValue(rounds) < 1 || parsed.GetValue(services) is < 1 or > 1000 || parsed.GetValue(megabytes) < 1)
        return Refuse("at least one round, one megabyte, and from 1 to 1000 services");
    string directory = parsed.GetValue(output)!;
    Directory.CreateDirectory(directory);
    string data = Path.Combine(directory, "peers.json");
    Figures? figures = parsed.GetValue(render) ? JsonSerializer.Deserialize(File.ReadAllText(data), Json.Plain.Figures)
        : Measure(parsed.GetValue(rounds), parsed.GetValue(services), parsed.GetValue(megabytes));
    if (figures is null)
        return 1;
    File.WriteAllText(data, JsonSerializer.Serialize(figures, Json.Plain.Figures) + "\n");
    string page = Page.Render(figures);
    File.WriteAllText(Path.Combine(directory, "peers.md"), page);
    foreach (Theme theme in Theme.All)
        File.WriteAllText(Path.Combine(directory, $"peers-{theme.Name}.svg"), Charts.Render(figures, theme));
    Console.Write(page);
    return 0;
});
return command.Parse(args).Invoke();

static int Refuse(string reason)
{
    Console.Error.WriteLine($"peers: {reason}");
    return 1;
}

static Figures? Measure(int rounds, int services, int megabytes)
{
    string repository = Directory.GetCurrentDirectory();
    string? original = Environment.GetEnvironmentVariable("PEER_BASEIMAGE");
    string version = Environment.GetEnvironmentVariable("VERSION") ?? "dev";
    var peers = new List<Peer>();
    var missing = new List<string>();
    foreach (Peer peer in Peer.All(version, string.IsNullOrEmpty(original) ? null : Path.GetFullPath(original)))
    {
        string? installed = peer.Package is null ? peer.Version : Peer.Installed(peer.Package);
        if (installed is null)
            missing.Add(peer.Package!);
        peers.Add(peer with { Version = installed });
    }
    if (Peer.Installed("hyperfine") is null)
        missing.Add("hyperfine");
    string? wrong = missing.Count > 0 ? $"these packages are missing: {string.Join(' ', missing)}. Install them: apt-get install --no-install-recommends {string.Join(' ', missing)}"
        : Native.EffectiveUser() != 0 ? "it needs root, for namespaces"
        : peers.Find(p => p.Needs is not null && !File.Exists(p.Needs)) is { } absent ? $"PEER_BASEIMAGE is {original}, and there is no {absent.Needs}"
        : Array.Find(["build/keelson", "build/probe/keelson-probe"], f => !File.Exists(f)) is { } unbuilt ? $"{unbuilt} is missing: make {unbuilt}"
        : null;
    if (wrong is not null)
    {
        Refuse(wrong);
        return null;
    }
    // bench/peers makes this a file system in memory that goes with the process.
    string work = Environment.GetEnvironmentVariable("PEERS_WORK") ?? throw new InvalidOperationException("start it as bench/peers");
    var bench = new Bench(work, repository, services, megabytes);
    var values = new Dictionary<(string, string), List<double>>();
    void Add(Peer peer, string key, double value)
    {
        if (!values.TryGetValue((peer.Name, key), out List<double>? list))
            values[(peer.Name, key)] = list = [];
        list.Add(value);
    }
    Peer[] simple = [.. peers.Where(p => p.OneShot is not null)], supervisors = [.. peers.Where(p => p.Supervise is not null)], loggers = [.. peers.Where(p => p.Log is not null)];
    AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) }).Progress()
        .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new RemainingTimeColumn())
        .Start(context =>
        {
            ProgressTask task = context.AddTask("warming up", maxValue: supervisors.Length + rounds * (1 + peers.Count + supervisors.Length + loggers.Length));
            void Step(string what, Action act)
            {
                task.Description = what;
                act();
                task.Increment(1);
            }
            // Every program has been read once before it counts.
            foreach (Peer peer in supervisors)
                Step($"warming up {peer.Name}", () => _ = bench.Services(peer).First());
            for (int round = 0; round < rounds; round++)
            {
                string Of(string what) => $"round {round + 1}: {what}";
                Step(Of("one-shot commands"), () =>
                {
                    Dictionary<string, double> found = bench.OneShot(Turned(simple, round), 60);
                    foreach (Peer peer in simple)
                        Add(peer, Metric.OneShot, found[peer.Name]);
                });
                foreach (Peer peer in Turned(supervisors, round))
                    Step(Of($"services, {peer.Name}"), () => { foreach ((string key, double value) in bench.Services(peer)) Add(peer, key, value); });
                foreach (Peer peer in Turned([.. peers], round))
                    Step(Of($"orphans, {peer.Name}"), () => { foreach ((string key, double value) in bench.OneProcess(peer)) Add(peer, key, value); });
                foreach (Peer peer in Turned(loggers, round))
                    Step(Of($"logger, {peer.Name}"), () => Add(peer, Metric.Logging, bench.Logging(peer)));
            }
        });
    return Figures.Of(peers, values, services, rounds, bench.Impolite);
}

// Each round begins with another, so that none is always first.
static Peer[] Turned(Peer[] peers, int round) => [.. peers.Skip(round % peers.Length), .. peers.Take(round % peers.Length)];
