// HealthCheck= of a service that is ready: run every HealthIntervalSec=, and after HealthRetries= failures in a row the
// service is unhealthy, as Docker has it. `keelson health` only reads what is known, so its answer never waits for one.
using Keelson.Init.Boot;
using Keelson.Init.Control;
using Keelson.Linux;
using Keelson.Supervision;

namespace Keelson.Init.Services;

internal sealed class HealthWatch : IParent
{
    private readonly Service _service;
    private readonly EventLoop _loop;
    private readonly Timer _next;
    private readonly Timer _patience;
    private int _pid;
    private int _failures;
    private bool _isLate;
    private bool _begun;

    internal HealthWatch(Service service, EventLoop loop)
    {
        _service = service;
        _loop = loop;
        _next = new Timer(Check);
        _patience = new Timer(TooLate);
    }

    /// <summary>What is wrong; null when nothing is.</summary>
    internal string? Complaint { get; private set; }

    internal void Begin()
    {
        _begun = true;
        _failures = 0;
        Check();
    }

    internal void End()
    {
        _begun = false;
        Complaint = null;
        _loop.Timers.Cancel(_next);
        _loop.Timers.Cancel(_patience);
        if (_pid > 0)
            _ = Signals.Send(-_pid, Signal.Kill);
    }

    private void Check()
    {
        if (!_begun || _pid > 0)
            return;
        _isLate = false;
        Result<int> check = _service.Main.StartCommandsFor(ExecKind.Health, this);
        _pid = check.Value;
        if (check.Ok)
            _loop.Timers.Arm(_patience, _loop.Now + _service.Conf.HealthTimeoutMilliseconds);
        else
            Failed($"cannot start HealthCheck: {check.Error.Words()}");
    }

    private void TooLate()
    {
        _isLate = true;
        _ = Signals.Send(-_pid, Signal.Kill);
    }

    void IParent.Ended(int pid, WaitStatus status)
    {
        _pid = 0;
        _loop.Timers.Cancel(_patience);
        if (!_begun)
            return;
        if (status is { Exited: true, ExitCode: 0 })
            Passed();
        else
            Failed(_isLate ? $"HealthCheck takes longer than {Seconds.Of(_service.Conf.HealthTimeoutMilliseconds)}" : $"HealthCheck {status.Failure}");
    }

    private void Passed()
    {
        _failures = 0;
        if (Complaint is not null)
            Journal.Add(JournalKind.Healthy, _service.Name.ToString());
        Complaint = null;
        Next();
    }

    private void Failed(string why)
    {
        if (++_failures >= _service.Conf.HealthRetries)
        {
            if (Complaint is null)
                Journal.Add(JournalKind.Unhealthy, _service.Name.ToString(), text: why);
            Complaint = why;
        }
        Next();
    }

    private void Next() => _loop.Timers.Arm(_next, _loop.Now + _service.Conf.HealthIntervalMilliseconds);
}
