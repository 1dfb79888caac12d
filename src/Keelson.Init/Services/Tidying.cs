using Keelson.Linux;

namespace Keelson.Init.Services;

/// <summary>What a start needed is not needed afterwards: the heap shrinks to what the services are, and code that has run goes.</summary>
internal sealed class Tidying
{
    private const long AfterMilliseconds = 2000;
    private const int MostTimes = 20;

    private readonly EventLoop _loop;
    private readonly Timer _timer;
    private int _times;

    internal Tidying(EventLoop loop)
    {
        _loop = loop;
        _timer = new Timer(() =>
        {
            _times++;
            Now();
        });
    }

    internal static void Now()
    {
        GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        ProgramText.GiveBack();
    }

    /// <summary>In a while. A service that is started again and again for days must not have us tidy up each time.</summary>
    /// <param name="isAnew">Somebody's doing, not such a service: the times so far don't count.</param>
    internal void Later(bool isAnew = false)
    {
        if (isAnew)
            _times = 0;
        if (_times < MostTimes && !_timer.Armed)
            _loop.Timers.Arm(_timer, _loop.Now + AfterMilliseconds);
    }
}
