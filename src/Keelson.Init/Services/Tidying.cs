// What a start needed is not needed afterwards: the heap shrinks to what the services are, and code that has run goes back.
using Keelson.Linux;

namespace Keelson.Init.Services;

internal sealed class Tidying
{
    private const long SoonMilliseconds = 2000;
    private const int TimesSoon = 20;
    private const long LaterMilliseconds = 20_000;
    private const long BehindTheFinalizerMilliseconds = 50;

    private readonly EventLoop _loop;
    private readonly Timer _collect;
    private readonly Timer _giveBack = new(ProgramText.GiveBack);
    private int _times;

    internal Tidying(EventLoop loop)
    {
        _loop = loop;
        _collect = new Timer(Now);
    }

    internal void Now()
    {
        _times++;
        GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        // The collection wakes the runtime's finalizer thread, whose code is half a megabyte: it has run before the pages go.
        _loop.Timers.Arm(_giveBack, _loop.Now + BehindTheFinalizerMilliseconds);
    }

    /// <summary>In two seconds; where a service is started again and again for days, every twenty seconds.</summary>
    /// <param name="isAnew">Somebody's doing, not such a service: the times so far don't count.</param>
    internal void Later(bool isAnew = false)
    {
        if (isAnew)
            _times = 0;
        if (!_collect.Armed)
            _loop.Timers.Arm(_collect, _loop.Now + (_times < TimesSoon ? SoonMilliseconds : LaterMilliseconds));
    }
}
