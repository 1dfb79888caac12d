// runsv(8) and runsvdir(8): the supervision of process number 1 on its own, nested below another supervisor or instead of
// my_init. One process, whatever the number of services.
using Keelson.Init.Boot;
using Keelson.Init.Output;
using Keelson.Linux;

namespace Keelson.Init.Services;

public sealed class Standalone : ISignalHandler
{
    private const int Fatal = 111;

    // KILL for ./finish and for what is left behind; ./run itself is waited for, as under runsv.
    private const long PatienceMilliseconds = 5000;

    private readonly EventLoop _loop;
    private readonly ServiceSet _services;
    private readonly bool _isDirectory;
    private Signal _signal;

    private Standalone(EventLoop loop, ByteString directory, bool isDirectory)
    {
        _loop = loop;
        _isDirectory = isDirectory;
        _services = new ServiceSet(loop, directory.Span, () => PatienceMilliseconds) { IsSingle = !isDirectory };
        loop.SignalHandler = this;
    }

    /// <summary>Supervises one service until it has ended after TERM or the command x: 0; 111 when it can't be supervised.</summary>
    public static int Runsv(EventLoop loop, ByteString directory, IReadOnlyList<ByteString> environment)
    {
        Result<FileStatus> status = Files.Status(directory.Span);
        if (!status.Ok || status.Value.Kind != FileKind.Directory)
        {
            string why = status.Ok ? Errno.NotDirectory.Words() : status.Error.Words();
            Log.Warn($"fatal: unable to change to directory {directory}: {why}");
            return Fatal;
        }
        return Run(loop, directory, isDirectory: false, environment);
    }

    /// <summary>
    /// Supervises all service directories in one until TERM, 0, or HUP, 111. Both end the services; under Debian's
    /// runsvdir they survive a TERM, which one process for all of them can't let them.
    /// </summary>
    /// <param name="title">What is to show standard error from now on; null: it stays as it is.</param>
    public static int Runsvdir(EventLoop loop, ByteString directory, IReadOnlyList<ByteString> environment, ArgumentText? title)
    {
        if (title is not null && TitleLog.Begin(loop, title) is not Errno.None and var error)
            Log.Warn($"the log in the title is disabled: unable to make a pipe for it: {error.Words()}");
        if (Files.Status(directory.Span) is { Ok: false } status)
            Log.Warn($"unable to read {directory}: {status.Error.Words()}; waiting for it");
        return Run(loop, directory, isDirectory: true, environment);
    }

    private static int Run(EventLoop loop, ByteString directory, bool isDirectory, IReadOnlyList<ByteString> environment)
    {
        try
        {
            return new Standalone(loop, directory, isDirectory).Run(environment);
        }
        catch (Exception e)
        {
            _ = LastResort.Take(e);
            return Fatal;
        }
    }

    private int Run(IReadOnlyList<ByteString> environment)
    {
        if (Processes.OwnId != 1)
            // What services leave behind comes to us, to be ended and reaped. Without that it goes to our parent.
            _ = Processes.BecomeSubreaper();
        _ = Pipes.LetEverybodyWrite(Stdio.Out);
        _ = Pipes.LetEverybodyWrite(Stdio.Error);
        _services.OutputMode = ServiceOutput.ModeOf(EnvironmentList.Value(environment, "KEELSON_LOG="u8));
        _services.Start(environment);
        if (_services.IsLockedElsewhere)
            return Fatal;
        _loop.Until(() => _signal != Signal.None || !_isDirectory && _services.IsEmpty);
        _services.ExitAll();
        _loop.Until(() => _services.IsEmpty);
        return _isDirectory && _signal == Signal.Hup ? Fatal : 0;
    }

    bool ISignalHandler.Received(in ReceivedSignal received)
    {
        if (_signal == Signal.None && received.Signal is Signal.Term or Signal.Hup or Signal.Interrupt or Signal.Quit)
            _signal = received.Signal;
        return true;
    }
}
