using Keelson.Linux;

namespace Keelson.Init.Boot;

/// <summary>
/// When process 1 can't go on because of a mistake of ours: the container's processes get TERM, time, and KILL, and the
/// exit status says 70. Nothing of what was before is used, neither services nor hooks nor the loop: they may be the reason.
/// </summary>
public sealed class LastResort : ISignalHandler
{
    /// <summary>EX_SOFTWARE of sysexits(3).</summary>
    public const int InternalError = 70;

    // Of Docker's ten seconds, should it have been asked to stop just now.
    private const long PatienceMilliseconds = 5000;
    private const long AfterKillMilliseconds = 500;

    private bool _hastened;

    private LastResort()
    {
    }

    /// <summary>Ends all processes of the container (as another process than 1, all below it) and returns 70.</summary>
    public static int Take(Exception e)
    {
        try
        {
            Exception mistake = e is MishapsWithoutEndException { InnerException: { } last } ? last : e;
            Log.Warn($"internal error, can't go on: {Mishaps.Describe(mistake)}; all processes get TERM, and KILL after {Seconds.Of(PatienceMilliseconds)}. Please report this line.");
            new LastResort().EndAll();
        }
        catch (Exception)
        {
            // No memory, most likely. The kernel ends the rest of the container with process 1; elsewhere we do, as far as it goes.
            if (Processes.OwnId == 1)
                Everybody.Signal(Signal.Kill, []);
        }
        return InternalError;
    }

    private void EndAll()
    {
        Everybody.Signal(Signal.Term, []);
        Everybody.Signal(Signal.Cont, []);
        // A new one has no handlers but ours, and reaps whoever ends.
        EventLoop? loop = EventLoop.Create().Value;
        loop?.SignalHandler = this;
        loop?.Until(() => loop.NoChildren || _hastened, loop.Now + PatienceMilliseconds);
        Everybody.Signal(Signal.Kill, []);
        loop?.Until(() => loop.NoChildren, loop.Now + AfterKillMilliseconds);
    }

    bool ISignalHandler.Received(in ReceivedSignal signal)
    {
        _hastened |= signal.Signal is Signal.Term or Signal.Interrupt;
        return true;
    }
}
