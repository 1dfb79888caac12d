// What a supervised ./run has besides ./run and ./finish: the scripts control/LETTER, which say what a command of sv does, and
// the commands of service.conf that stand for them. One at a time: whatever else happens waits until it has ended.
using Keelson.Linux;
using Keelson.Supervision;

namespace Keelson.Init.Services;

internal sealed partial class Supervised
{
    /// <summary>What the end of a script control/LETTER is waited for with.</summary>
    private enum Script
    {
        None,

        /// <summary>control/u: then ./run starts.</summary>
        Prepare,

        /// <summary>ExecStartPre=: then ./run starts, unless it failed.</summary>
        StartPre,

        /// <summary>ExecStartPost=: then the service is ready, unless it failed.</summary>
        StartPost,

        /// <summary>control/t or ExecStop=: then TERM, if it did not do it.</summary>
        Term,

        /// <summary>control/d or control/x, which come last and have no say.</summary>
        AfterTerm,

        /// <summary>control/p, h, a, i, q, 1, 2, c, k: then the signal, if it did not do it.</summary>
        Signal,
    }

    private Script _script;
    private bool _wasCommands;
    private Signal _scriptSignal;
    private int _scriptPid;

    private static (byte Letter, Signal Signal) SignalOf(Effect effect) => effect switch
    {
        Effect.SendCont => ((byte)'c', Signal.Cont),
        Effect.SendStop => ((byte)'p', Signal.Stop),
        Effect.SendHup => ((byte)'h', Signal.Hup),
        Effect.SendAlarm => ((byte)'a', Signal.Alrm),
        Effect.SendInterrupt => ((byte)'i', Signal.Interrupt),
        Effect.SendQuit => ((byte)'q', Signal.Quit),
        Effect.SendUsr1 => ((byte)'1', Signal.Usr1),
        Effect.SendUsr2 => ((byte)'2', Signal.Usr2),
        Effect.SendKill => ((byte)'k', Signal.Kill),
        _ => throw new ArgumentOutOfRangeException(nameof(effect)),
    };

    /// <summary>Runs the script for a command if there is one, and goes on with the command afterwards, or now.</summary>
    private void RunScript(Script script, byte letter, Signal signal)
    {
        ReadOnlySpan<byte> name = [.. "control/"u8, letter];
        _scriptSignal = signal;
        _wasCommands = false;
        if (_isLog || !_directory.HasExecutable(name))
        {
            if (CommandsFor(script, letter) is not { } commands || !StartScript(script, commands))
                ScriptEnded(script, new WaitStatus(1 << 8));
            return;
        }
        using var arguments = new CStringArray([new ByteString(name)]);
        Result<int> child = Start(name, arguments, null, this);
        if (!child.Ok)
        {
            Log.Warn($"cannot start {PathOf(name)}: {ExecFailure.Explain(PathOf(name).Span, child.Error).Reason}");
            ScriptEnded(script, new WaitStatus(1 << 8));
            return;
        }
        ScriptStarted(script, child.Value);
    }

    /// <summary>The commands of service.conf that stand for a script control/LETTER that is not there.</summary>
    private ExecKind? CommandsFor(Script script, byte letter) =>
        script == Script.Term && IsEnding && Conf.HasStop ? ExecKind.Stop
        : script == Script.Signal && letter == 'h' && Conf.HasReload ? ExecKind.Reload
        : null;

    /// <summary>Runs commands of service.conf, during which nothing else happens to the service. False when there are none, or they can't be started.</summary>
    private bool StartScript(Script script, ExecKind commands)
    {
        Result<int> child = StartCommandsFor(commands, this);
        if (!child.Ok)
        {
            Log.Warn($"cannot run {commands.Key()} of {Path}/service.conf: {child.Error.Words()}");
            return false;
        }
        _wasCommands = true;
        ScriptStarted(script, child.Value);
        return true;
    }

    private void ScriptStarted(Script script, int pid)
    {
        _script = script;
        _scriptPid = pid;
        // Its bytes wait where they are; a FIFO that stays readable must not keep the loop awake.
        if (_supervise is not null)
            Loop.Unwatch(_supervise.Control);
    }

    /// <summary>ExecStartPost=, if there is one: true, and <see cref="ServiceLife.PostEnded"/> follows.</summary>
    internal bool StartPostCommands() => Conf.HasStartPost && _script == Script.None && StartScript(Script.StartPost, ExecKind.StartPost);

    /// <summary>A script of the service was reaped.</summary>
    private void ScriptReaped(WaitStatus status)
    {
        Script script = _script;
        _script = Script.None;
        _scriptPid = 0;
        ScriptEnded(script, status);
        // Bytes of control come behind what happened meanwhile.
        while (_script == Script.None && _deferred is { Count: > 0 })
        {
            Event e = _deferred[0];
            _deferred.RemoveAt(0);
            Handle(e);
        }
        if (_script == Script.None && _supervise is not null)
            _ = Loop.KeepWatching(_supervise.Control, this);
    }

    private void ScriptEnded(Script script, WaitStatus status)
    {
        bool suppressed = status is { Exited: true, ExitCode: 0 };
        switch (script)
        {
            case Script.Prepare:
                _failedPre = null;
                if (Life is not null)
                    Life.Beginning();
                if (Conf.HasStartPre && _state.Want is Want.Up or Want.Once && StartScript(Script.StartPre, ExecKind.StartPre))
                    break;
                Handle(Event.Prepared);
                break;
            case Script.StartPre:
                _failedPre = suppressed ? null : status;
                Handle(Event.Prepared);
                break;
            case Script.StartPost:
                Life?.PostEnded(status);
                break;
            case Script.Term:
                // ExecStop= comes before the signal, a script control/t instead of it.
                if (!suppressed || _wasCommands)
                {
                    SendStopSignal();
                    Handle(Event.TermSent);
                }
                if (_state.Want == Want.Up)
                    break;
                Send(Signal.Cont);
                RunScript(Script.AfterTerm, _state.Want == Want.Exit ? (byte)'x' : (byte)'d', Signal.None);
                break;
            case Script.Signal:
                if (_wasCommands && !suppressed)
                    Log.Warn($"{ExecKind.Reload.Key()} of {Path}/service.conf {status.Failure}");
                else if (!suppressed)
                    Send(_scriptSignal);
                // As runsv: paused it is called, whoever paused it.
                if (_scriptSignal == Signal.Stop)
                    Handle(Event.StopSent);
                break;
            default:
                break;
        }
    }
}
