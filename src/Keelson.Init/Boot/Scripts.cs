// Startup scripts and shutdown hooks: the executable files of a directory in the order of their bytes.
using Keelson.Init.Control;
using Keelson.Init.Env;
using Keelson.Linux;
using Keelson.Supervision;

namespace Keelson.Init.Boot;

public sealed class Scripts(EventLoop loop, EnvironmentStore environment, StopRequest stop, Terminal? terminal)
{
    // Between TERM and KILL for a script that is late, as part of its time.
    private const long GraceMilliseconds = 500;

    private static ReadOnlySpan<byte> DefaultStartupDirectory => "/etc/my_init.d"u8;

    /// <summary>Startup scripts, then rc.local. False when one failed, or a stop was asked for meanwhile.</summary>
    public bool RunStartup()
    {
        ByteString directory = environment["ENV_INIT_DIRECTORY"u8] is { Length: > 0 } given ? given : new ByteString(DefaultStartupDirectory);
        foreach (ByteString script in ExecutablesIn(directory))
        {
            if (!RunStartupScript(script))
                return false;
        }
        var local = new ByteString("/etc/rc.local"u8);
        return !IsScript(local, isThere: false) || RunStartupScript(local);
    }

    /// <summary>One program whose failure ends the boot; afterwards the environment is read again.</summary>
    public bool RunStartupScript(ByteString path)
    {
        if (stop.Requested)
            return false;
        Log.Info($"Running {path}...");
        if (Start(path, terminal, () => stop.Requested) is not { } script)
            return false;
        loop.Until(() => script.HasEnded || stop.Requested);
        NoteEnd(path, script);
        if (!script.HasEnded)
        {
            EndLate(script, stop.Budget.Slice(StopPhase.MainCommand, loop.Now, stop.ProcessTimeout), path.ToString(), "did not stop");
            return false;
        }
        // Ctrl-C on the terminal reached the script instead of us and means the same.
        if (terminal is not null && script.Status.Signal == Signal.Interrupt)
            stop.Received(Signal.Interrupt);
        environment.Reload();
        if (script.Status is { Exited: true, ExitCode: 0 })
            return !stop.Requested;
        if (!stop.Requested)
            Log.Warn($"{path} {script.Status.Failure}");
        return false;
    }

    /// <summary>
    /// Every hook of a directory, each within its time, whatever became of those before it. What fails or hangs is
    /// reported and changes nothing else.
    /// </summary>
    public void RunHooks(ReadOnlySpan<byte> directory, StopPhase phase)
    {
        List<ByteString> hooks = ExecutablesIn(new ByteString(directory));
        for (int i = 0; i < hooks.Count; i++)
        {
            long slice = stop.Budget.HookSlice(phase, loop.Now, stop.ProcessTimeout, hooks.Count - 1 - i);
            Log.Info($"Running {hooks[i]}...");
            // A hook that begins after a second TERM has what is left of that second.
            bool hastened = stop.Hastened;
            long end = loop.Now + slice;
            // In the background of a terminal, so that Ctrl-C is for us and hastens.
            if (Start(hooks[i], null, () => stop.Hastened != hastened || loop.Now >= end) is not { } hook)
                continue;
            long grace = Math.Min(GraceMilliseconds, slice / 4);
            loop.Until(() => hook.HasEnded || stop.Hastened != hastened, end - grace);
            NoteEnd(hooks[i], hook);
            if (!hook.HasEnded)
                EndLate(hook, grace, hooks[i].ToString(), "did not finish", slice);
            else if (hook.Status is not { Exited: true, ExitCode: 0 })
                Log.Warn($"{hooks[i]} {hook.Status.Failure}");
        }
    }

    private Child? Start(ByteString path, Terminal? terminalOfScript, Func<bool> isOver)
    {
        using CStringArray block = environment.BlockFor(Users.Find(Processes.UserId));
        Result<Child?> child = Child.StartPatiently(loop, path, [path], block, terminalOfScript, isOver);
        if (child.Ok)
            Journal.Add(JournalKind.ScriptStarted, path.ToString(), child.Value!.Pid);
        else
            Log.Warn($"Cannot run {path}: {ExecFailure.Explain(path.Span, child.Error).Reason}");
        return child.Value;
    }

    private static void NoteEnd(ByteString path, Child child)
    {
        if (child.HasEnded)
            Journal.Add(JournalKind.ScriptEnded, path.ToString(), child.Status.ShellCode);
    }

    /// <summary>TERM to its group, KILL when <paramref name="patience"/> is over.</summary>
    private void EndLate(Child child, long patience, string name, string what, long? whole = null)
    {
        child.SignalGroup(Signal.Term);
        child.SignalGroup(Signal.Cont);
        bool ended = loop.Until(() => child.HasEnded || stop.Hastened, loop.Now + patience) && child.HasEnded;
        if (ended && whole is null)
            return;
        if (!stop.Hastened)
            Log.Warn($"{name} {what} within {Seconds.Of(whole ?? patience)}; {(ended ? "ended by TERM" : "killed")}.");
        child.SignalGroup(Signal.Kill);
        loop.Until(() => child.HasEnded, loop.Now + GraceMilliseconds);
    }

    private static List<ByteString> ExecutablesIn(ByteString directory)
    {
        Result<List<ByteString>> names = Files.List(directory.Span);
        if (!names.Ok && names.Error != Errno.NoEntry)
            Log.Warn($"cannot read {directory}: {names.Error.Words()}");
        names.Value.Sort();
        var scripts = new List<ByteString>();
        foreach (ByteString name in names.Value)
        {
            var path = ByteString.Join(directory.Span, "/"u8, name.Span);
            if (IsScript(path, isThere: true))
                scripts.Add(path);
        }
        return scripts;
    }

    private static bool IsScript(ByteString path, bool isThere)
    {
        Result<FileStatus> status = Files.Status(path.Span);
        if (!status.Ok && !status.Error.IsAbsence())
        {
            bool isRun = isThere && IsUnseen(status.Error);
            Log.Warn($"cannot look at {path}: {status.Error.Words()}; it is {(isRun ? "run all the same" : "skipped")}");
            return isRun;
        }
        if (!status.Ok || status.Value.Kind != FileKind.Regular)
            return false;
        // That nobody can say whether we may run it is no reason not to try.
        Errno error = Files.CanExecute(path.Span);
        if (error == Errno.None || IsUnseen(error))
            return true;
        // A README is no mistake; a script that nobody runs is one.
        if (LooksLikeAScript(path))
            Log.Warn($"{path} is skipped: it is not executable (chmod +x mends it)");
        return false;
    }

    private static bool IsUnseen(Errno error) => !error.IsAbsence() && error != Errno.Access;

    private static bool LooksLikeAScript(ByteString path)
    {
        Span<byte> buffer = stackalloc byte[2];
        return Files.ReadStart(path.Span, buffer).SequenceEqual("#!"u8);
    }
}
