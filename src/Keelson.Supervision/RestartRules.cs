namespace Keelson.Supervision;

/// <summary>
/// When and whether a service is started again, by Restart=, RestartSec=, RestartSteps=, RestartMaxDelaySec= and
/// StartLimit...= (systemd.service(5), systemd.unit(5)). All times are milliseconds of one clock.
/// </summary>
public sealed class RestartRules(ServiceConf conf)
{
    // Most services have no limit.
    private readonly Queue<long> _starts = conf.StartLimitBurst > 0 ? new() : s_none;
    private static readonly Queue<long> s_none = [];
    private int _restarts;

    /// <summary>Whether ./run is to run again after such an end.</summary>
    public bool RunsAgain(bool succeeded) => conf.Restart switch
    {
        RestartMode.Always => !(succeeded && conf.Type == ServiceType.OneShot),
        RestartMode.OnFailure => !succeeded,
        _ => false,
    };

    /// <summary>A start; false when there were as many as may be within the interval.</summary>
    public bool MayStart(long now)
    {
        if (conf.StartLimitBurst == 0)
            return true;
        while (_starts.Count > 0 && now - _starts.Peek() >= conf.StartLimitMilliseconds)
            _starts.Dequeue();
        if (_starts.Count >= conf.StartLimitBurst)
            return false;
        _starts.Enqueue(now);
        return true;
    }

    /// <summary>Somebody asks for it: what was counted is forgotten.</summary>
    public void Reset()
    {
        _starts.Clear();
        _restarts = 0;
    }

    /// <summary>When it is started next.</summary>
    /// <param name="started">When ./run was started.</param>
    /// <param name="ended">When it ended.</param>
    /// <param name="pace">runit's pause, which holds without RestartSec=.</param>
    public long NextStart(long started, long ended, long pace)
    {
        // Who ran for long enough begins anew with short pauses.
        if (ended - started > Math.Max(conf.RestartMaxMilliseconds, Pace.Milliseconds))
            _restarts = 0;
        if (conf.RestartMilliseconds is not { } first)
            return Pace.NextStart(started, ended, pace);
        int step = _restarts;
        _restarts = Math.Min(_restarts + 1, conf.RestartSteps);
        return ended + Delay(first, step);
    }

    /// <summary>Grows by the same factor at each step, from RestartSec= to RestartMaxDelaySec=.</summary>
    private long Delay(long first, int step)
    {
        if (conf.RestartSteps == 0 || conf.RestartMaxMilliseconds <= first)
            return first;
        if (step >= conf.RestartSteps)
            return conf.RestartMaxMilliseconds;
        double from = Math.Max(first, 1);
        return (long)Math.Round(from * Math.Pow(conf.RestartMaxMilliseconds / from, (double)step / conf.RestartSteps));
    }
}
