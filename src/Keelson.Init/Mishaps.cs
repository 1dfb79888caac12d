using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Keelson.Init;

/// <summary>
/// Exceptions that nobody expected: mistakes of ours. Each is logged with its place in the program, and the caller goes
/// on; when they don't end, <see cref="Of"/> throws, and process 1 ends the container in order
/// (<see cref="Boot.LastResort"/>).
/// </summary>
internal sealed class Mishaps
{
    /// <summary>So many within <see cref="PeriodMilliseconds"/> are too many.</summary>
    internal const int Most = 20;

    internal const long PeriodMilliseconds = 60_000;

    // A descriptor whose reader fails so often in a row is left alone: it would be ready again at once, for ever.
    private const int MostOfDescriptor = 3;

    private const int FramesShown = 8;

    private readonly long[] _times = new long[Most];
    private int _count;
    private int _descriptor = -1;
    private int _ofDescriptor;

    /// <summary>Logs a mishap at the time <paramref name="now"/>, in milliseconds. True when the descriptor is to be left alone.</summary>
    /// <param name="during">What was being handled.</param>
    internal bool Of(Exception e, long now, string during, int descriptor = -1)
    {
        _ofDescriptor = descriptor >= 0 && descriptor == _descriptor ? _ofDescriptor + 1 : 1;
        _descriptor = descriptor;
        bool givesUp = descriptor >= 0 && _ofDescriptor >= MostOfDescriptor;
        Log.Warn($"internal error while handling {during}: {Describe(e)}; {(givesUp ? $"descriptor {descriptor} is left alone from now on" : "going on")}. Please report this line.");
        long oldest = _times[_count % Most];
        _times[_count % Most] = now;
        if (++_count > Most && now - oldest < PeriodMilliseconds)
            throw new MishapsWithoutEndException(e);
        return givesUp;
    }

    /// <summary>
    /// What it is and where: the offsets of the innermost methods in the program, which `addr2line -e keelson.dbg` turns
    /// into names (HACKING.md).
    /// </summary>
    internal static string Describe(Exception e)
    {
        var text = new StringBuilder($"{e.GetType().Name}: {e.Message} at");
        StackFrame[] frames = new StackTrace(e).GetFrames();
        for (int i = 0; i < frames.Length && i < FramesShown; i++)
            text.Append(" 0x").Append(((ulong)frames[i].GetNativeIP()).ToString("x", CultureInfo.InvariantCulture));
        return text.ToString();
    }
}

/// <summary>Mishaps came one after the other: going on is no use.</summary>
internal sealed class MishapsWithoutEndException(Exception last) : Exception("too many internal errors", last);
