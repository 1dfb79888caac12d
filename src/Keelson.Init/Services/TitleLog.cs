// The argument log of runsvdir(8): what is written to standard error is shown by ps(1), in the place of the argument. A
// log for the time when there is no other yet.
using Keelson.Linux;

namespace Keelson.Init.Services;

internal sealed class TitleLog : ISource
{
    private const int ReadsAtOnce = 16;
    private const long DotMilliseconds = 15 * 60 * 1000;

    private readonly EventLoop _loop;
    private readonly ArgumentText _title;
    private readonly Timer _dot;

    private TitleLog(EventLoop loop, ArgumentText title)
    {
        _loop = loop;
        _title = title;
        _dot = new Timer(DotDue);
    }

    /// <summary>Makes a pipe that is read by us our standard error, and so that of all that is started from now on.</summary>
    internal static Errno Begin(EventLoop loop, ArgumentText title)
    {
        Errno error = Pipes.Create(out int readEnd, out int writeEnd);
        if (error != Errno.None)
            return error;
        var log = new TitleLog(loop, title);
        error = Pipes.SetNonBlocking(readEnd);
        if (error == Errno.None)
            error = loop.Watch(readEnd, log);
        if (error == Errno.None)
            error = Stdio.Replace(Stdio.Error, writeEnd);
        Files.Close(writeEnd);
        if (error != Errno.None)
        {
            loop.Unwatch(readEnd);
            Files.Close(readEnd);
            return error;
        }
        log.ArmDot();
        return Errno.None;
    }

    void ISource.Ready(int fd)
    {
        Span<byte> text = stackalloc byte[512];
        for (int i = 0; i < ReadsAtOnce; i++)
        {
            Result<int> n = Files.Read(fd, text);
            if (!n.Ok || n.Value == 0)
                return;
            _title.Append(text[..n.Value]);
        }
    }

    /// <summary>Old messages move on and out.</summary>
    private void DotDue()
    {
        _title.Append("."u8);
        ArmDot();
    }

    private void ArmDot() => _loop.Timers.Arm(_dot, _loop.Now + DotMilliseconds);
}
