using Keelson.Linux;

namespace Keelson.Commands.ExecService;

/// <summary>A command that waits for a child hands on what it is told meanwhile.</summary>
internal static class Children
{
    private static readonly Signal[] s_handedOn = [Signal.Hup, Signal.Interrupt, Signal.Quit, Signal.Usr1, Signal.Usr2, Signal.Alrm, Signal.Term];

    /// <param name="child">Its process id.</param>
    /// <param name="wasToldToEnd">TERM came meanwhile, which the child has got too.</param>
    internal static WaitStatus WaitFor(int child, out bool wasToldToEnd)
    {
        // Our signals are blocked since before the runtime began (EarlyMask.cs), so none is lost that came before this.
        var awaited = new SignalSet(Bit(Signal.Child));
        foreach (Signal signal in s_handedOn)
            awaited = new(awaited.Bits | Bit(signal));
        Signals.Mask = SignalSet.Blockable;
        wasToldToEnd = false;
        while (true)
        {
            Result<int> ended = Reaper.Next(out WaitStatus status);
            if (!ended.Ok || ended.Value == child && !status.Stopped)
                return status;
            if (ended.Value != 0)
                continue;
            Signal signal = Signals.WaitFor(awaited);
            if (signal is Signal.Child or Signal.None)
                continue;
            wasToldToEnd |= signal == Signal.Term;
            _ = Signals.Send(child, signal);
        }
    }

    private static ulong Bit(Signal signal) => 1UL << ((int)signal - 1);
}
