// An order to services: first it is sent to all of them, then all are waited for together.
using System.Text;
using Keelson.Linux;

namespace Keelson.Commands.Sv;

/// <summary>One command that is given to services.</summary>
/// <param name="action">The command.</param>
/// <param name="wait">Seconds that it may take all services together, when it is waited for.</param>
/// <param name="environment">For ./check.</param>
internal sealed class SvOrder(SvAction action, long wait, List<ByteString> environment)
{
    private const int FirstPause = 10;

    // A pause that is late by so many milliseconds.
    private const long Frozen = 1000;
    private const int LongestPause = 100;

    private enum Verdict
    {
        Waiting,
        Done,
        Failed,
    }

    private readonly (long Seconds, uint Nanoseconds) _since = Clock.TimeOfDay;
    private long _deadline = Clock.Milliseconds + wait * 1000;

    /// <summary>How many failed; what there is to say of each is on standard output.</summary>
    internal int GiveTo(List<SvService> services)
    {
        int failures = 0;
        var waiting = new List<SvService>();
        foreach (SvService service in services)
        {
            Verdict verdict = Give(service);
            if (verdict == Verdict.Failed)
                failures++;
            else if (verdict == Verdict.Waiting && action.Waits)
                waiting.Add(service);
        }
        for (int pause = FirstPause; waiting.Count > 0; pause = Math.Min(pause * 3 / 2, LongestPause))
        {
            foreach (SvService service in waiting.ToArray())
            {
                Verdict verdict = Look(service);
                if (verdict == Verdict.Waiting && Clock.Milliseconds >= _deadline)
                    verdict = TimeIsUp(service);
                if (verdict == Verdict.Failed)
                    failures++;
                if (verdict != Verdict.Waiting)
                    waiting.Remove(service);
            }
            if (waiting.Count > 0)
                Sleep(pause);
        }
        return failures;
    }

    /// <summary>A time in which the container was frozen (docker pause), services and all, does not count.</summary>
    private void Sleep(int pause)
    {
        long begin = Clock.Milliseconds;
        int asked = (int)Math.Clamp(_deadline - begin, 0, pause);
        Clock.Sleep(asked);
        if (Clock.Milliseconds - begin - asked is >= Frozen and var late)
            _deadline += late;
    }

    private Verdict Give(SvService service)
    {
        if (!service.TryEnter())
            return Verdict.Failed;
        SvLook look = service.Look(out string complaint);
        if (look == SvLook.Seen && action.Control.Length > 0 && !action.IsWantedAlready(service.Status))
            look = service.Send(Encoding.ASCII.GetBytes(action.Control), out complaint);
        return look == SvLook.Seen ? Verdict.Waiting : Unreachable(service, look, complaint);
    }

    /// <summary>For exit, that no supervisor runs is the success.</summary>
    private Verdict Unreachable(SvService service, SvLook look, string complaint)
    {
        bool gone = look == SvLook.NotRunning && action.IsExit;
        SvText.Out(gone ? $"ok: {service.Name}: runsv not running\n" : complaint);
        if (gone)
            SayWhatWasLeft(service);
        return gone ? Verdict.Done : Verdict.Failed;
    }

    private Verdict Look(SvService service)
    {
        if (!service.TryEnter())
            return Verdict.Failed;
        SvLook look = service.Look(out string complaint);
        if (look != SvLook.Seen)
            return Unreachable(service, look, complaint);
        if (!action.IsDone(service.Status, _since) || action.AsksCheck(service.Status) && !SvCheck.Passes(service, environment, _deadline))
            return Verdict.Waiting;
        SvText.Out($"ok: {service.Describe()}\n");
        SayWhatWasLeft(service);
        return Verdict.Done;
    }

    /// <summary>An addition to runit, where it would still run.</summary>
    private void SayWhatWasLeft(SvService service)
    {
        if (action.Stops && service.Left() is { Length: > 0 } left)
            SvText.Out($"warning: {service.Name}: left processes behind, ended: {left}\n");
    }

    private Verdict TimeIsUp(SvService service)
    {
        SvText.Out($"{(action.Kills ? "kill" : "timeout")}: {service.Describe()}\n");
        if (action.Kills && service.Send("k"u8, out string complaint) != SvLook.Seen)
            SvText.Out(complaint);
        return Verdict.Failed;
    }
}
