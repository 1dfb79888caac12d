using System.Diagnostics;
using System.Globalization;
using System.Text;
using Keelson.Linux;
using Keelson.SystemTests.Harness;

namespace Keelson.SystemTests.Faults;

/// <summary>A call that fails, once or for as long as its phase lasts.</summary>
internal sealed record Fault(FaultWorld World, Phase Phase, MetSite Site, Errno Error, bool Lasts)
{
    /// <summary>For KEELSON_FAULTS.</summary>
    internal string Name => string.Create(CultureInfo.InvariantCulture, $"{World.Name}/{Phase}/{Site.Function}/{Error}{(Lasts ? "/lasts" : "")}/{Site.Hash:x}");

    internal string Stack => string.Join(" < ", Site.Frames.Take(9).Select(Symbols.Name));

    /// <summary>The one place where the start may fail: without an event loop there is no process 1.</summary>
    internal bool EndsTheStart => IsIn("EventLoop.Create");

    /// <summary>A startup script, or the main command, may not be executed: that is no boot.</summary>
    internal bool EndsTheBoot => Site.Function == "posix_spawn" && Error == Errno.Access && IsIn("Child.Start");

    internal bool IsIn(string method) => Site.Frames.Any(f => Symbols.Name(f).Contains(method, StringComparison.Ordinal));
}

/// <summary>Boot, work and stop of one container, during which at most one thing fails.</summary>
internal sealed class FaultRun
{
    private const int CallDepth = 6;
    private const int CannotStart = 70;
    private static readonly TimeSpan s_outage = TimeSpan.FromSeconds(1.2);
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    // Of a run without faults: some 6,000 calls and 50 ms. A loop that spins makes hundreds of thousands in a second.
    private const long MostCalls = 60_000;
    private static readonly TimeSpan s_mostProcessorTime = TimeSpan.FromSeconds(1.5);
    private const int MostRepetitions = 3;

    private readonly FaultWorld _world;
    private readonly Fault? _fault;
    private readonly List<string> _problems = [];

    private FaultRun(FaultWorld world, Fault? fault)
    {
        _world = world;
        _fault = fault;
    }

    internal bool WasHit { get; private set; }
    internal long Calls { get; private set; }
    internal TimeSpan ProcessorTime { get; private set; }
    internal List<MetSite> Met { get; private set; } = [];
    internal TimeSpan Took { get; private set; }

    /// <summary>What was not as it must be, with all that tells why; empty when all was well.</summary>
    internal string Report { get; private set; } = "";

    internal static async Task<FaultRun> Of(FaultWorld world, Fault? fault)
    {
        var run = new FaultRun(world, fault);
        var watch = Stopwatch.StartNew();
        await using Sandbox s = world.Make();
        using var file = new FaultFile(s.HostPath(FaultFile.Path), CallDepth);
        if (fault is not null)
            file.Arm(fault.Site.Hash, (int)fault.Error, fault.Phase, fault.Lasts ? int.MaxValue : 1);
        try
        {
            await run.Live(s, file);
        }
        catch (Exception e) when (e is Xunit.Sdk.XunitException or IOException or InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            run._problems.Add(e.Message);
        }
        run.WasHit = file.Hits > 0;
        run.Calls = file.Calls;
        run.Met = file.Met();
        run.Took = watch.Elapsed;
        run.CheckLog(s);
        if (file.Calls > MostCalls)
            run._problems.Add($"{file.Calls} calls of libc: does it spin?");
        if (run._problems.Count > 0)
            run.Report = $"{fault?.Name ?? world.Name}\n  {fault?.Stack}\n  failed {file.Hits} times; {file.Calls} calls, {run.ProcessorTime.TotalMilliseconds} ms\n{string.Join('\n', run._problems.Select(p => "  ! " + p))}\n{Indent(s.Evidence())}\n--- /tmp/tried\n{Indent(s.Read("/tmp/tried"))}";
        return run;
    }

    private static string Indent(string text) => "    " + text.Replace("\n", "\n    ", StringComparison.Ordinal);

    private bool FailsIn(Phase phase) => _fault?.Phase == phase;

    private async Task Live(Sandbox s, FaultFile file)
    {
        await s.Start(_world.Arguments);
        bool IsUp(string[] commands)
        {
            List<(int, string Command)> children = FaultWorld.Children(s.HostPid);
            return commands.All(c => children.Exists(child => child.Command == c)) && (!_world.HasMain || s.Exists("/tmp/main"));
        }

        string[] all = [.. FaultWorld.Always, FaultWorld.Later];
        if (FailsIn(Phase.Boot) && _fault!.Lasts)
        {
            await Reach(s, () => IsUp(all) && FaultWorld.Watches(s.HostPid), s_outage);
            file.Mend();
        }
        if (!await Reach(s, () => IsUp(all)))
        {
            if (s.HasEnded && FailsIn(Phase.Boot) && _fault!.EndsTheStart)
            {
                Expect(await s.Exit() == CannotStart && IsNamed(s, "cannot start"), "a start without an event loop ends with 70 and a reason");
                return;
            }
            if (s.HasEnded && FailsIn(Phase.Boot) && _fault!.EndsTheBoot)
            {
                Expect(await s.Exit() is 1 or 126 && IsNamed(s, "Cannot run"), "a boot without its script or its main command ends with 1 or 126 and a reason");
                return;
            }
            if (!IsUp(FaultWorld.Always) || !IsNamed(s))
            {
                _problems.Add("not all runs after the boot: " + string.Join(", ", all.Except(FaultWorld.Children(s.HostPid).Select(c => c.Command))) + (_world.HasMain && !s.Exists("/tmp/main") ? ", main" : ""));
                return;
            }
        }
        bool isComplete = IsUp(all);
        // A quarter of a second after the start it begins to watch for changes, if it can: that belongs to the boot.
        await Reach(s, () => FaultWorld.Watches(s.HostPid), s_outage);

        file.Phase = Phase.Run;
        Task outage = FailsIn(Phase.Run) && _fault!.Lasts ? Task.Delay(s_outage).ContinueWith(_ => file.Mend(), TaskScheduler.Default) : Task.CompletedTask;
        int killed = FaultWorld.Children(s.HostPid).FirstOrDefault(c => c.Command == FaultWorld.Killed).HostPid;
        Expect(killed != 0, "the one to be killed runs");
        if (killed != 0)
            Sandbox.Signal(killed, Sig.Kill);
        if (_world.HasMain)
        {
            s.Signal(Sig.Usr1);
            s.Signal(40);
        }
        string[] failed = await Try(s);
        await outage;
        // A question that was not answered while it was asked is asked again.
        if (failed.Length > 0 && FailsIn(Phase.Run))
        {
            file.Mend();
            failed = await Try(s);
        }
        // Only a feature that is disabled goes on to fail; then the log says so.
        if (failed.Length > 0 && !IsNamed(s))
            _problems.Add("failed, and nothing in the log says why: " + string.Join(", ", failed));
        if (await Reach(s, () => FaultWorld.Children(s.HostPid).Exists(c => c.HostPid != killed && c.Command == FaultWorld.Killed)) is false)
            _problems.Add("the service that was killed did not come back");
        if (isComplete && failed.Length == 0 && !await Reach(s, () => IsUp(all)))
            _problems.Add("not all runs afterwards: " + string.Join(", ", all.Except(FaultWorld.Children(s.HostPid).Select(c => c.Command))));
        if (_world.IsEtcWritable && !await Reach(s, () => FaultWorld.Children(s.HostPid).Exists(c => c.Command == FaultWorld.Added)))
            _problems.Add("a service that was added is not started");
        bool IsHeard(int times) => (s.Terminal is null ? s.Out : s.Log).Text.Split(FaultWorld.Words).Length > times;
        if (failed.Length == 0 && !await Reach(s, () => IsHeard(2), FailsIn(Phase.Run) ? s_outage : null))
        {
            // A line can be lost while the log can't be written, and that is said; the next one is not.
            (int status, _) = await s.Exec("SVWAIT=7 /opt/keelson/bin/sv restart talk");
            if (status != 0 || !await Reach(s, () => IsHeard(2)) || !IsNamed(s))
                _problems.Add("what a service writes does not come through, and nothing in the log says why");
        }
        if (!await Reach(s, () => FaultWorld.Children(s.HostPid).Count(c => c.Command == FaultWorld.Leftover) <= 1))
            _problems.Add("what stray left is still there beside the next");
        if (!await Reach(s, () => !s.HasEnded && FaultWorld.Children(s.HostPid).TrueForAll(c => c.Command.Length > 0)))
            _problems.Add("zombies stay");
        if (_world.HasMain && !await Reach(s, () => s.Read("/tmp/got") is var got && got.Contains("usr1", StringComparison.Ordinal) && got.Contains("rt", StringComparison.Ordinal), FailsIn(Phase.Run) && _fault!.Site.Function is "kill" or "sigqueue" ? TimeSpan.Zero : null) &&
            !(FailsIn(Phase.Run) && _fault!.Site.Function is "kill" or "sigqueue"))
            _problems.Add("signals for the main command did not arrive: " + s.Read("/tmp/got"));
        ProcessorTime = FaultWorld.ProcessorTime(s.HostPid);
        Expect(ProcessorTime < s_mostProcessorTime, $"it took {ProcessorTime.TotalSeconds} s of the processor");
        Expect(!s.HasEnded, "process 1 lives until it is told to end");

        file.Phase = Phase.Stop;
        if (s.HasEnded)
            return;
        (int ended, TimeSpan took) = await s.Stop();
        Expect(ended == _world.Status || FailsIn(Phase.Stop) && _fault!.Site.Function == "kill" && ended == 137, $"it ends with {ended}");
        Expect(took < s_patience, $"the stop takes {took.TotalSeconds} s");
        Expect(s.ReadLines("/tmp/order") is ["pre", "post"] || FailsIn(Phase.Stop) && IsNamed(s), "the hooks ran: " + string.Join(' ', s.ReadLines("/tmp/order")));
    }

    /// <summary>Does what somebody does in a running container, and returns what failed.</summary>
    private async Task<string[]> Try(Sandbox s)
    {
        (int status, string tried) = await s.Exec(_world.Script).WaitAsync(s_patience * 3);
        Expect(status == 0, $"the script ends with {status}");
        return [.. tried.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(l => !l.EndsWith(" 0", StringComparison.Ordinal))];
    }

    private void Expect(bool fact, string what)
    {
        if (!fact)
            _problems.Add("not so: " + what);
    }

    /// <summary>Whether the log has the reason in words; what may not be executed is explained at greater length.</summary>
    private bool IsNamed(Sandbox s, string also = "") =>
        _fault is not null && s.Log.Text.Contains(also, StringComparison.Ordinal) &&
        (s.Log.Text.Contains(_fault.Error.Words(), StringComparison.Ordinal) || _fault.Error == Errno.Access && (s.Log.Text.Contains("can't be run", StringComparison.Ordinal) || s.Log.Text.Contains("is not executable", StringComparison.Ordinal)));

    private static async Task<bool> Reach(Sandbox s, Func<bool> fact, TimeSpan? within = null)
    {
        var watch = Stopwatch.StartNew();
        while (true)
        {
            bool over = s.HasEnded || watch.Elapsed > (within ?? s_patience);
            if (fact())
                return true;
            if (over)
                return false;
            await Task.Delay(15);
        }
    }

    /// <summary>Whatever went wrong is said, and not again and again.</summary>
    private void CheckLog(Sandbox s)
    {
        foreach (IGrouping<string, string> line in s.Log.Lines.Where(l => l.Contains("***", StringComparison.Ordinal) || l.Contains("\"my_init\"", StringComparison.Ordinal)).GroupBy(WithoutTime))
        {
            if (line.Count() > MostRepetitions)
                _problems.Add($"said {line.Count()} times: {line.Key}");
        }
        if (s.Log.Text.Contains("internal error", StringComparison.Ordinal))
            _problems.Add("an exception");
    }

    private static string WithoutTime(string line)
    {
        var text = new StringBuilder();
        foreach (char c in line)
            text.Append(char.IsDigit(c) ? '0' : c);
        return text.ToString();
    }
}
