// A check can hang: it has the rest of the time that sv waits, and is killed then. runit's sv hangs with it.
using Keelson.Linux;

namespace Keelson.Commands.Sv;

/// <summary>./check of a service directory: whether a service that runs is of use yet (sv(8)).</summary>
internal static class SvCheck
{
    /// <summary>Milliseconds that a check may take however late it is: one that never ran can't pass.</summary>
    private const int LeastTime = 1000;

    private const int LongestPause = 20;

    /// <summary>
    /// Runs ./check in the service directory, without a standard output, and kills it when it is not done by the
    /// deadline. There is none: passed. It can't be executed: said on standard error, and passed, as runit has it.
    /// </summary>
    internal static bool Passes(SvService service, List<ByteString> environment, long deadline)
    {
        Errno error = Files.Status(ByteString.Join(service.Directory, "/check"u8).Span).Error;
        if (error == Errno.NoEntry)
            return true;
        if (error != Errno.None)
        {
            SvText.Error($"warning: unable to stat {service.Name}/check: {ErrorWords.Of(error)}\n");
            return false;
        }
        using var arguments = new CStringArray([new ByteString("./check"u8)]);
        using var variables = new CStringArray(environment);
        Result<int> check = Spawner.Start(new SpawnRequest
        {
            Path = "check"u8,
            Arguments = arguments,
            Environment = variables,
            Directory = service.Directory,
            Placement = Placement.OurGroup,
            StandardInput = -1,
            CloseStandardOutput = true,
        });
        if (!check.Ok)
        {
            SvText.Error($"warning: unable to run {service.Name}/check: {ErrorWords.Of(check.Error)}\n");
            return true;
        }
        return Await(check.Value, Math.Max(deadline, Clock.Milliseconds + LeastTime));
    }

    private static bool Await(int check, long deadline)
    {
        for (int pause = 1; ; pause = Math.Min(pause * 2, LongestPause))
        {
            Result<int> ended = Reaper.Next(out WaitStatus status);
            // A check that died of a signal has no exit code, which counts as 0: runit's sv reads it so.
            if (ended.Value == check && !status.Stopped)
                return status.ExitCode == 0;
            if (!ended.Ok)
                return false;
            if (Clock.Milliseconds >= deadline)
            {
                Kill(check);
                return false;
            }
            Clock.Sleep(pause);
        }
    }

    /// <summary>Kills a check and what it has started: it is in our process group, so that ^C ends it with us.</summary>
    private static void Kill(int check)
    {
        List<int> below = Processes.DescendantsOf(check, []);
        _ = Signals.Send(check, Signal.Kill);
        foreach (int pid in below)
            _ = Signals.Send(pid, Signal.Kill);
        while (Reaper.Next(out _) is { Ok: true } next && next.Value != check)
            Clock.Sleep(1);
    }
}
