// What a service leaves behind when it ends: daemons that left its process group, children of children. Where we may make
// control groups, they are in the service's. Elsewhere they are found by the mark in their environment (INVOCATION_ID, as
// systemd.exec(5) has it: here 16 digits of this boot, 8 of the service, 8 of the start), by the session of ./run, and by
// having been below ./run when it was told to end. Not found is then what had left all three: an orphan of before, in a
// session of its own, with an empty environment.
//
// One look at /proc, at the end of a round, serves all services that ended in it: a look before would miss what was forked
// up to the death that it is about. Where no process of ours is a stranger, there is no look at all.
using System.Globalization;
using System.Text;
using Keelson.Linux;

namespace Keelson.Init.Services;

/// <summary>Who may leave processes behind.</summary>
internal interface ILeaver
{
    /// <summary>Its number in the mark of its processes.</summary>
    uint Number { get; }

    /// <summary>The session of its last ./run, 0 before the first.</summary>
    int Session { get; }

    /// <summary>./run, 0 when it does not run.</summary>
    int RunningPid { get; }

    /// <summary>When ./run ended, as <see cref="ProcessTree.Now"/> has it.</summary>
    ulong EndedTicks { get; }

    /// <summary>All that was left has ended; the names of what it was, empty when there was nothing.</summary>
    void NothingLeft(string ended);
}

internal sealed class Leftovers
{
    private const long KillAgainMilliseconds = 50;
    private const int MostKills = 40;

    // A process that is in the middle of an execve(2) shows no environment.
    private const long DoubtMilliseconds = 10;
    private const ulong YoungTicks = 20;
    private const int MostDoubts = 20;
    private const int MostNamed = 10;

    private readonly EventLoop _loop;
    private readonly byte[] _boot;
    private readonly List<Ending> _endings = [];
    private readonly Queue<Ending> _begun = [];
    private readonly Dictionary<uint, List<(int Pid, ulong Started)>> _remembered = [];
    private readonly Timer _look;
    private Cgroup? _groups;
    private bool _lookedForGroups;
    private ProcessTree? _tree;
    private HashSet<int>? _parents;
    private long _treeRound = -1;
    private long _notBefore;

    internal Leftovers(EventLoop loop)
    {
        _loop = loop;
        _look = new Timer(Look);
        Span<byte> random = stackalloc byte[8];
        RandomBytes.Fill(random);
        _boot = Encoding.ASCII.GetBytes("INVOCATION_ID=" + Convert.ToHexStringLower(random));
    }

    /// <summary>A service that is being rid of what it left.</summary>
    private sealed class Ending(ILeaver who)
    {
        internal ILeaver Who { get; } = who;
        internal HashSet<int> Signalled { get; } = [];
        internal StringBuilder Names { get; } = new();
        internal bool Kill { get; set; }
        internal int Kills { get; set; }
        internal int Doubts { get; set; }
    }

    /// <summary>Before services start: the environment of all of them, with room for the mark at its end.</summary>
    internal CStringArray Environment(IReadOnlyList<ByteString> variables)
    {
        var all = new List<ByteString>(variables.Count + 1);
        foreach (ByteString variable in variables)
        {
            if (!variable.Span.StartsWith("INVOCATION_ID="u8))
                all.Add(variable);
        }
        all.Add(ByteString.Join(_boot, "0000000000000000"u8));
        return new CStringArray(all);
    }

    /// <summary>The number of the service whose mark a process bears; 0 for none.</summary>
    internal uint MarkOf(int pid) => ProcessTree.MarkOf(pid, _boot);

    /// <summary>Makes the mark in the environment that of a service's next start.</summary>
    internal void Mark(CStringArray environment, uint service, uint start)
    {
        Span<byte> digits = environment.Last[_boot.Length..];
        _ = service.TryFormat(digits, out _, "x8", CultureInfo.InvariantCulture);
        _ = start.TryFormat(digits[8..], out _, "x8", CultureInfo.InvariantCulture);
    }

    /// <summary>./run is about to be told to end: what is below it now is its own, wherever it goes.</summary>
    internal void Remember(ILeaver who)
    {
        // While what it left is being ended there is no ./run, and below 0 is everybody.
        if (who.RunningPid == 0 || Tree() is not { } tree || !_parents!.Contains(who.RunningPid))
            return;
        HashSet<int> below = [who.RunningPid];
        tree.AddDescendants(below);
        var list = new List<(int, ulong)>();
        foreach (ProcessEntry entry in tree.All)
        {
            if (entry.Pid != who.RunningPid && below.Contains(entry.Pid))
                list.Add((entry.Pid, entry.Started));
        }
        _remembered[who.Number] = list;
    }

    /// <summary>Starts a child of the service, in its control group where there are any.</summary>
    internal Result<int> Start(ILeaver who, in SpawnRequest request, IParent parent)
    {
        // Not before there is a service: to enter a group and leave it again takes as long as to start a process.
        if (!_lookedForGroups)
            _groups = Cgroup.Find();
        _lookedForGroups = true;
        bool entered = _groups?.Enter(who.Number) == Errno.None;
        Result<int> child = _loop.Start(request, parent);
        if (entered)
            _ = _groups!.Return();
        return child;
    }

    /// <summary>The service has gone, and its control group with it.</summary>
    internal void Remove(ILeaver who)
    {
        Forget(who);
        _groups?.Remove(who.Number);
    }

    internal void Forget(ILeaver who)
    {
        _remembered.Remove(who.Number);
        _endings.RemoveAll(e => e.Who == who);
    }

    /// <summary>TERM and CONT to all that is left, at the end of this round, and <see cref="ILeaver.NothingLeft"/> when that has ended.</summary>
    internal void End(ILeaver who)
    {
        var ending = new Ending(who);
        _endings.Add(ending);
        _begun.Enqueue(ending);
    }

    internal void RoundEnded()
    {
        if (_begun.Count == 0)
            return;
        bool strangers = _groups is not null || AnyStrangers();
        if (strangers && _loop.Now < _notBefore)
        {
            // Looked a moment ago, and a look takes its time: somebody who stops and starts a service as fast as he can
            // must not keep us looking.
            _begun.Clear();
            _loop.Timers.Arm(_look, _notBefore);
            return;
        }
        _treeRound = -1;
        long begin = Clock.Milliseconds;
        // What is done may begin the next: after a sweep without a ./finish comes what is left of all, in the same state.
        while (_begun.TryDequeue(out Ending? ending))
        {
            if (!_endings.Contains(ending))
                continue;
            if (strangers)
                Settle(ending);
            else
                Done(ending);
        }
        RestAfter(begin);
    }

    /// <summary>KILL to all that is left, until nothing is.</summary>
    internal void Kill(ILeaver who)
    {
        foreach (Ending ending in _endings.ToArray())
        {
            if (ending.Who != who)
                continue;
            ending.Kill = true;
            _treeRound = -1;
            Settle(ending);
        }
    }

    /// <summary>What is left of a service now: "sleep (PID 12), nginx (PID 20)".</summary>
    internal string NamesOf(ILeaver who)
    {
        var names = new StringBuilder();
        int count = 0;
        foreach (int pid in Find(who))
            AddName(names, pid, count++);
        return names.ToString();
    }

    /// <summary>Children were reaped: what we wait for may have been among them.</summary>
    internal void ChildrenReaped()
    {
        if (_endings.Count > 0 && !_look.Armed)
            _loop.Timers.Arm(_look, Math.Max(_loop.Now, _notBefore));
    }

    private void Look()
    {
        long begin = Clock.Milliseconds;
        _treeRound = -1;
        foreach (Ending ending in _endings.ToArray())
        {
            if (_endings.Contains(ending))
                Settle(ending);
        }
        RestAfter(begin);
    }

    /// <summary>Where a look takes long, deaths that follow upon each other are looked at together.</summary>
    private void RestAfter(long begin)
    {
        long took = Clock.Milliseconds - begin;
        _notBefore = _loop.Now + took + Math.Min(2 * took, 100);
    }

    /// <summary>Signals what is newly found, or tells that nothing is left.</summary>
    private void Settle(Ending ending)
    {
        List<int> left = Find(ending.Who);
        if (left.Count == 0 && IsDoubtful() && ending.Doubts++ < MostDoubts)
        {
            _loop.Timers.Arm(_look, _loop.Now + DoubtMilliseconds);
            return;
        }
        if (left.Count == 0 || ending.Kills >= MostKills)
        {
            Done(ending);
            return;
        }
        foreach (int pid in left)
        {
            if (ending.Signalled.Add(pid))
            {
                AddName(ending.Names, pid, ending.Signalled.Count - 1);
                _ = Signals.Send(pid, Signal.Term);
                _ = Signals.Send(pid, Signal.Cont);
            }
            if (ending.Kill)
                _ = Signals.Send(pid, Signal.Kill);
        }
        if (ending.Kill)
        {
            // What forks while it is killed needs more than one look, and its end need not be told to us.
            ending.Kills++;
            _loop.Timers.Arm(_look, _loop.Now + KillAgainMilliseconds);
        }
    }

    private void Done(Ending ending)
    {
        _endings.Remove(ending);
        _remembered.Remove(ending.Who.Number);
        if (ending.Kills >= MostKills)
            Log.Warn($"not even KILL ended {ending.Names}; going on without");
        ending.Who.NothingLeft(ending.Names.ToString());
    }

    private List<int> Find(ILeaver who)
    {
        var left = new List<int>();
        if (Tree() is not { } tree)
        {
            // Without /proc there is the process group, which has the session's number.
            if (who.Session > 0 && who.RunningPid == 0 && Signals.Send(-who.Session, Signal.None) == Errno.None)
                left.Add(-who.Session);
            return left;
        }
        _ = _remembered.TryGetValue(who.Number, out List<(int, ulong)>? remembered);
        var members = new HashSet<int>();
        foreach (ProcessEntry entry in tree.All)
        {
            if (!_loop.IsChild(entry.Pid) && IsOf(who, entry, remembered))
                members.Add(entry.Pid);
        }
        if (_groups?.Members(who.Number) is { } group)
        {
            foreach (int pid in group)
            {
                if (!_loop.IsChild(pid))
                    members.Add(pid);
            }
        }
        tree.AddDescendants(members);
        foreach (ProcessEntry entry in tree.All)
        {
            if (!entry.IsZombie && members.Contains(entry.Pid) && entry.Pid != Processes.OwnId)
                left.Add(entry.Pid);
        }
        return left;
    }

    /// <summary>
    /// Whether the look may have missed something: a process went meanwhile, or an orphan that has just been made shows no
    /// environment, so that it can't be told whose it is. That is over in a moment, or it never had one.
    /// </summary>
    private bool IsDoubtful()
    {
        if (_tree is null)
            return false;
        if (!_tree.IsComplete)
            return true;
        ulong now = ProcessTree.Now;
        foreach (ProcessEntry entry in _tree.All)
        {
            if (entry.IsBlank && entry.Parent == Processes.OwnId && entry.Started + YoungTicks > now && !_loop.IsChild(entry.Pid))
                return true;
        }
        return false;
    }

    private static bool IsOf(ILeaver who, in ProcessEntry entry, List<(int, ulong)>? remembered) =>
        entry.Mark != 0 ? entry.Mark == who.Number
        // A session's number is used again once all of it have gone; who started later than ./run ended is of another.
        : entry.Session == who.Session && who.Session > 0 && entry.Started <= who.EndedTicks ||
            remembered is not null && remembered.Contains((entry.Pid, entry.Started));

    /// <summary>The processes as they are in this round of the loop.</summary>
    private ProcessTree? Tree()
    {
        if (_treeRound == _loop.Rounds)
            return _tree;
        _treeRound = _loop.Rounds;
        _tree = ProcessTree.Look(_boot);
        if (_tree is not null)
        {
            _parents = [];
            foreach (ProcessEntry entry in _tree.All)
                _parents.Add(entry.Parent);
        }
        return _tree;
    }

    /// <summary>
    /// Whether we have a child that we did not start: only orphans can be left of a service whose ./run has ended. (In a
    /// control group there may be others: who entered it from elsewhere.)
    /// </summary>
    private bool AnyStrangers()
    {
        if (ProcessTree.OwnChildren() is not { } children)
            return true;
        foreach (int pid in children)
        {
            if (!_loop.IsChild(pid))
                return true;
        }
        return false;
    }

    private static void AddName(StringBuilder names, int pid, int before)
    {
        if (before > MostNamed)
            return;
        names.Append(before == 0 ? "" : ", ");
        if (before == MostNamed)
            names.Append("...");
        else
            names.Append(CultureInfo.InvariantCulture, $"{Processes.NameOf(Math.Abs(pid))} (PID {Math.Abs(pid)})");
    }
}
