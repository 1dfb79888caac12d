// Every call of libc by process 1 fails, at each place that it is made from, with each error that it plausibly can: once, or
// for as long as the boot, a second of its life, or the stop lasts.
//
// The constraint: thousands of combinations, a second each. The scheme: a run without faults takes down which call sites
// it passes (tests/Keelson.Faults); the combinations are sorted, and every n-th is tried. KEELSON_FAULTS=all tries all of
// them, KEELSON_FAULTS="boot/openat accept4" those whose names have one of the texts in them; a failure reports its name.
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Keelson.Linux;
using Keelson.SystemTests.Faults;
using Keelson.SystemTests.Harness;

namespace Keelson.SystemTests;

/// <summary>Whatever system call fails: process 1 lives, does not spin, does not block, and says it once.</summary>
public sealed class SystemCallFaultTests
{
    private const int Sample = 60;
    private const int MostReported = 10;

    private static readonly Lazy<Task<List<Fault>>> s_faults = new(FindAll);

    [Fact]
    [NotEmulated(NotEmulatedAttribute.NoFaults)]
    public async Task Each_call_site_fails_with_each_plausible_error_and_the_container_lives_and_stops_as_it_should()
    {
        List<Fault> faults = await s_faults.Value;
        string wanted = Environment.GetEnvironmentVariable("KEELSON_FAULTS") ?? "";
        Fault[] chosen = [.. wanted switch
        {
            "" => faults.Where((_, i) => i * Sample / faults.Count != (i + 1) * Sample / faults.Count),
            "all" => faults,
            _ => faults.Where(f => wanted.Split(' ').Any(text => f.Name.Contains(text, StringComparison.OrdinalIgnoreCase))),
        }];
        // In no order: what is slow, or alike, does not come all at once.
        new Random(1).Shuffle(chosen);
        int sites = faults.Select(f => (f.Site.Hash, f.Phase)).Distinct().Count();
        Progress($"{faults.Count} faults at {sites} call sites, {chosen.Length} of them are tried");

        var watch = Stopwatch.StartNew();
        var reports = new ConcurrentQueue<string>();
        int tried = 0, hit = 0;
        // Four fifths of the time of a run is waiting.
        await Parallel.ForEachAsync(chosen, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount * 3 }, async (fault, _) =>
        {
            FaultRun run = await FaultRun.Of(fault.World, fault);
            if (run.WasHit)
                Interlocked.Increment(ref hit);
            if (run.Report.Length > 0)
                reports.Enqueue(run.Report);
            if (run.Report.Length > 0 || Interlocked.Increment(ref tried) % 100 == 0)
                Progress($"{tried} tried in {watch.Elapsed.TotalSeconds:0} s {run.Report}");
        });
        string figure = string.Create(CultureInfo.InvariantCulture, $"system calls that fail: {hit} of {faults.Count} faults at {sites} call sites of process 1 in {watch.Elapsed.TotalSeconds:0} s");
        Progress(figure);
        if (wanted is "" or "all")
        {
            if (Environment.GetEnvironmentVariable("KEELSON_FIGURES") is { Length: > 0 } path)
                await File.AppendAllTextAsync(path, figure + "\n", TestContext.Current.CancellationToken);
            // Not all: what depends on the moment, one run passes and another does not.
            Assert.True(hit > chosen.Length * 3 / 4, $"only {hit} of {chosen.Length} faults came to pass");
        }
        Assert.True(reports.IsEmpty, $"{reports.Count} of {chosen.Length} faults:\n{string.Join("\n\n", reports.Take(MostReported))}");
    }

    /// <summary>What once was not as it must be.</summary>
    [Theory]
    [NotEmulated(NotEmulatedAttribute.NoFaults)]
    // The services were ended as if their directories had gone.
    [InlineData("services", Phase.Run, "statx", "ServiceSet.Look", Errno.NoMemory, true)]
    // The boot ended with 1.
    [InlineData("services", Phase.Boot, "posix_spawn", "Scripts.RunStartupScript", Errno.Again, true)]
    [InlineData("services", Phase.Boot, "posix_spawn_file_actions_addclosefrom_np", "Scripts.RunStartupScript", Errno.NoMemory, false)]
    [InlineData("main", Phase.Boot, "posix_spawn", "MyInit.RunMainCommand", Errno.Again, true)]
    // It was left out, and called not executable.
    [InlineData("services", Phase.Stop, "faccessat", "Scripts.ExecutablesIn", Errno.NoMemory, true)]
    // sv could not control anything, and nothing said why.
    [InlineData("closed", Phase.Boot, "socket", "Switchboard.Open", Errno.TooManyFiles, true)]
    [InlineData("closed", Phase.Boot, "readlink", "UnixAddress.OfInit", Errno.Io, true)]
    // Woken again and again for somebody who can't be let in.
    [InlineData("services", Phase.Run, "accept4", "Listener.Accept", Errno.TooManyFiles, true)]
    // Nobody listened to sv any more.
    [InlineData("services", Phase.Run, "epoll_ctl", "Supervised.ScriptReaped", Errno.NoMemory, false)]
    // The service ran without what its file says, as another user perhaps.
    [InlineData("services", Phase.Boot, "openat", "ServiceSet.ReadConf", Errno.TooManyFiles, true)]
    // As if the directory had no log.
    [InlineData("services", Phase.Boot, "statx", "Service.OpenLog", Errno.Io, true)]
    // "Noticed within 5 s", and never was.
    [InlineData("services", Phase.Boot, "inotify_add_watch", "ServiceWatches.AddDirectory", Errno.NoSpace, true)]
    // sv called it "runsv not running" until something else happened to the service.
    [InlineData("services", Phase.Boot, "mkfifoat", "Supervise.Publish", Errno.Io, true)]
    [InlineData("closed", Phase.Boot, "statx", "Supervised.ControlBySocket", Errno.NoMemory, true)]
    // The main command was not found.
    [InlineData("main", Phase.Boot, "statx", "CommandPath.Find", Errno.Io, true)]
    // A hook was left out.
    [InlineData("services", Phase.Stop, "statx", "Scripts.ExecutablesIn", Errno.Access, true)]
    // Lines of services were lost, and nobody knew.
    [InlineData("services", Phase.Run, "write", "OutputStream.Flush", Errno.NoSpace, true)]
    internal async Task What_once_did_harm_does_none(string world, Phase phase, string function, string caller, Errno error, bool lasts)
    {
        Fault[] faults = [.. (await s_faults.Value).Where(f => f.World.Name == world && f.Phase == phase && f.Site.Function == function && f.Error == error && f.Lasts == lasts && f.IsIn(caller))];
        Assert.NotEmpty(faults);
        bool isHit = false;
        foreach (Fault fault in faults)
        {
            FaultRun run = await FaultRun.Of(fault.World, fault);
            Assert.True(run.Report.Length == 0, run.Report);
            isHit |= run.WasHit;
        }
        Assert.True(isHit, "it did not come to pass");
    }

    /// <summary>All of them, in the order of their names, which stay the same from build to build as far as the code does.</summary>
    private static async Task<List<Fault>> FindAll()
    {
        var met = new HashSet<(ulong, Phase)>();
        var faults = new List<Fault>();
        foreach (FaultWorld world in FaultWorld.All)
        {
            FaultRun plain = await FaultRun.Of(world, null);
            Assert.True(plain.Report.Length == 0, plain.Report);
            Progress($"{world.Name}: {plain.Calls} calls from {plain.Met.Count} places, {plain.ProcessorTime.TotalMilliseconds} ms of the processor, {plain.Took.TotalSeconds:0.0} s");
            foreach (MetSite site in plain.Met)
            {
                foreach (Phase phase in Enum.GetValues<Phase>())
                {
                    if (site.Calls[(int)phase] > 0 && met.Add((site.Hash, phase)))
                        faults.AddRange(FaultsAt(world, phase, site));
                }
            }
        }
        return [.. faults.OrderBy(f => $"{f.Site.Function} {f.Stack} {f.Phase} {f.Error} {f.Lasts}", StringComparer.Ordinal)];
    }

    private static IEnumerable<Fault> FaultsAt(FaultWorld world, Phase phase, MetSite site)
    {
        foreach (Errno error in PlausibleErrors.Of(site))
        {
            yield return new Fault(world, phase, site, error, Lasts: false);
            if (PlausibleErrors.CanLast(site.Function, error))
                yield return new Fault(world, phase, site, error, Lasts: true);
        }
    }

    /// <summary>For a run of an hour: KEELSON_FAULTS_LOG names a file that tells how far it is.</summary>
    private static void Progress(string text)
    {
        TestContext.Current.TestOutputHelper?.WriteLine(text);
        if (Environment.GetEnvironmentVariable("KEELSON_FAULTS_LOG") is { Length: > 0 } path)
        {
            lock (s_faults)
                File.AppendAllText(path, text + "\n");
        }
    }
}
