using Keelson.Linux;
using Keelson.Supervision;

namespace Keelson.Init.Boot;

/// <summary>
/// Whether the container is to stop, and the time it has for that. TERM or INT asks; asked again while stopping, all
/// waiting ends and KILL is sent.
/// </summary>
public sealed class StopRequest(EventLoop loop, Timeouts timeouts)
{
    private StopBudget? _budget;

    /// <summary>The signal that asked, none when the stop has another reason or there is none.</summary>
    public Signal Signal { get; private set; }

    public bool Requested => Signal != Signal.None;

    public bool Hastened => _budget?.Hastened == true;

    /// <summary>The budget of the stop that is under way; it begins with the request or, without one, when first asked for.</summary>
    public StopBudget Budget => _budget ??= Begin();

    /// <summary>The time-out of a single process, in milliseconds.</summary>
    public long ProcessTimeout => timeouts.Process;

    private StopBudget Begin()
    {
        loop.CountsAll = true;
        return new StopBudget(loop.Now, timeouts.Process, timeouts.AllProcesses);
    }

    public void Received(Signal signal)
    {
        // The first one during a stop that has another reason (the main command ended) changes nothing.
        if (!Requested)
        {
            Signal = signal;
            _ = Budget;
            return;
        }
        if (!Hastened)
            Log.Warn($"Asked to stop again by signal {Signals.Describe(signal)}: killing what is left.");
        Budget.Hasten(loop.Now);
    }
}
