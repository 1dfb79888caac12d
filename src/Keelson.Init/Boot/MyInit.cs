// The life of a container, top to bottom: environment, startup scripts, services, main command, and the way back.
using Keelson.Init.Control;
using Keelson.Init.Env;
using Keelson.Init.Output;
using Keelson.Init.Services;
using Keelson.Linux;
using Keelson.Supervision;

namespace Keelson.Init.Boot;

public sealed class MyInit : ISignalHandler
{
    private const int StartupFailed = 1;

    // After KILL the kernel needs a moment; what does not even go then (a process stuck in the kernel) is left to it.
    private const long AfterKillMilliseconds = 500;

    private readonly EventLoop _loop;
    private readonly Options _options;
    private readonly EnvironmentStore _environment = new("/etc/container_environment"u8);
    private readonly Timeouts _timeouts;
    private readonly StopRequest _stop;
    private readonly Terminal? _terminal = Terminal.Find();
    private readonly Scripts _scripts;
    private readonly ServiceSet _services;
    private Child? _main;

    private MyInit(EventLoop loop, Options options)
    {
        _loop = loop;
        _options = options;
        _timeouts = new Timeouts(_environment);
        _stop = new StopRequest(loop, _timeouts);
        _scripts = new Scripts(loop, _environment, _stop, _terminal);
        _services = new ServiceSet(loop, "/etc/service"u8, () => _timeouts.Process);
        loop.SignalHandler = this;
    }

    private static bool IsPid1 => Processes.OwnId == 1;

    /// <summary>Runs the container and returns its exit status; <see cref="LastResort.InternalError"/> when a mistake of ours ends it.</summary>
    /// <param name="environment">What Docker gave, NAME=VALUE.</param>
    public static int Run(EventLoop loop, Options options, IEnumerable<ByteString> environment)
    {
        try
        {
            return new MyInit(loop, options).Run(environment);
        }
        catch (Exception e)
        {
            return LastResort.Take(e);
        }
    }

    private int Run(IEnumerable<ByteString> environment)
    {
        if (!IsPid1 && Processes.BecomeSubreaper() is not Errno.None and var error)
            Log.Warn($"cannot become subreaper: {error.Words()}; orphans of services will not be reaped here");
        if (_options.WasNested)
            Log.Warn("The main command is my_init itself: ignored. ENTRYPOINT and CMD need not both name it.");
        _ = Pipes.LetEverybodyWrite(Stdio.Out);
        _ = Pipes.LetEverybodyWrite(Stdio.Error);
        Journal.Add(JournalKind.Boot);
        IReadOnlyList<string> problems = _environment.Import(environment);
        foreach (string problem in problems)
            Log.Warn($"KEELSON_FILE_ENV: {problem}");
        _timeouts.Check();

        int status = problems.Count > 0 ? StartupFailed : BootAndServe();
        Shutdown();
        return status;
    }

    private int BootAndServe()
    {
        if (!Boot())
            return _stop.Requested ? StatusOfStop() : _services.ExitStatus ?? StartupFailed;
        if (_options.MainCommand.Length > 0)
            return RunMainCommand();
        _loop.Until(() => IsStopping);
        return _stop.Requested ? 0 : _services.ExitStatus ?? 0;
    }

    /// <summary>Somebody asked for it, or a service has ended that takes the container along.</summary>
    private bool IsStopping => _stop.Requested || _services.ExitStatus is not null;

    private bool Boot()
    {
        _services.OutputMode = ServiceOutput.ModeOf(_environment["KEELSON_LOG"u8]);
        // What startup scripts and services rely on, syslog for one. Who skips both has no use for it.
        if (!_options.SkipStartupFiles || !_options.SkipRunit)
        {
            ControlSocket.Open(_loop, _services);
            _services.StartEarly(_environment.Entries(), _stop);
        }
        if (_options.EnableInsecureKey && !_scripts.RunStartupScript(new ByteString("/usr/sbin/enable_insecure_key"u8)))
            return false;
        if (!_options.SkipStartupFiles && !_scripts.RunStartup())
            return false;
        _timeouts.Check();
        if (IsStopping)
            return false;
        if (!_options.SkipRunit)
        {
            Log.Info("Booting runit daemon...");
            _services.Start(_environment.Entries());
            Log.Info($"Runit started as PID {Processes.OwnId}");
        }
        else
        {
            _services.StartNoMore();
        }
        if (_options.WaitReadyMilliseconds is { } patience && !_services.AwaitAllReady(_stop, patience))
        {
            if (!IsStopping)
                Log.Warn($"Not all services are ready; giving up (--wait-ready{(patience == TimeSpans.Infinite ? "" : ", " + Seconds.Of(patience))}).");
            return false;
        }
        return !IsStopping;
    }

    /// <summary>A stop before the main command ran is not its success.</summary>
    private int StatusOfStop() => _options.MainCommand.Length > 0 ? 128 + (int)_stop.Signal : 0;

    private int RunMainCommand()
    {
        ByteString command = _options.MainCommand[0];
        Log.Info($"Running {Words(_options.MainCommand)}...");
        Result<ByteString> path = CommandPath.Find(command, _environment["PATH"u8]);
        if (!path.Ok)
            return CannotRun(command, CommandPath.NotFound(command));
        using CStringArray block = _environment.BlockFor(Users.Find(Processes.UserId));
        Result<Child?> main = Child.StartPatiently(_loop, path.Value, _options.MainCommand, block, _terminal, () => IsStopping);
        if (main.Value is null)
            return CannotRun(command, ExecFailure.Explain(path.Value.Span, main.Error));
        _main = main.Value;
        Journal.Add(JournalKind.MainStarted, command.ToString(), _main.Pid);

        _loop.Until(() => _main.HasEnded || IsStopping);
        bool byService = !_main.HasEnded && !_stop.Requested;
        if (!_main.HasEnded)
            StopMainCommand(_main);
        WaitStatus status = _main.Status;
        Journal.Add(JournalKind.MainEnded, command.ToString(), status.ShellCode);
        Log.Info(status.Exited ? $"{command} exited with exit code {status.ExitCode}." : $"{command} {status.Failure}.");
        return byService ? _services.ExitStatus ?? status.ShellCode : status.ShellCode;
    }

    private static string Words(ByteString[] command)
    {
        var text = new System.Text.StringBuilder();
        foreach (ByteString word in command)
            text.Append(text.Length > 0 ? " " : "").Append(word.ToString());
        return text.ToString();
    }

    private static int CannotRun(ByteString command, ExecFailure failure)
    {
        Log.Warn($"Cannot run {command}: {failure.Reason}");
        return failure.Status;
    }

    private void StopMainCommand(Child main)
    {
        long slice = _stop.Budget.Slice(StopPhase.MainCommand, _loop.Now, _timeouts.Process);
        _ = main.Signal(Signal.Term);
        _ = main.Signal(Signal.Cont);
        if (_loop.Until(() => main.HasEnded || _stop.Hastened, _loop.Now + slice) && main.HasEnded)
            return;
        if (!_stop.Hastened)
            Log.Warn($"{_options.MainCommand[0]} did not stop within {Seconds.Of(slice)}; killed.");
        main.SignalGroup(Signal.Kill);
        _loop.Until(() => main.HasEnded, _loop.Now + AfterKillMilliseconds);
    }

    private void Shutdown()
    {
        // From here on TERM and INT hasten.
        _ = _stop.Budget;
        Journal.Add(JournalKind.Stop, text: _stop.Requested ? Signals.Name(_stop.Signal) : "");
        _scripts.RunHooks("/etc/my_init.pre_shutdown.d"u8, StopPhase.PreShutdownHooks);
        if (_services.Started)
        {
            Log.Info($"Shutting down runit daemon (PID {Processes.OwnId})...");
            _services.Stop(_stop);
        }
        _scripts.RunHooks("/etc/my_init.post_shutdown.d"u8, StopPhase.PostShutdownHooks);
        if (_options.KillAllOnExit)
            KillAllProcesses();
        // Nobody is left who could need them.
        if (_services.HasEarly)
            _services.StopEarly(_stop);
    }

    /// <summary>All but early services, which serve the others to the end.</summary>
    private void KillAllProcesses()
    {
        Log.Info("Killing all processes...");
        if (_loop.NoChildren && !IsPid1)
            return;
        // Asked anew each time: one that is restarted is another process.
        List<int> spared = _services.EarlyProcesses();
        bool AllGone() => _loop.NoChildren || _services.HasEarly && !Everybody.HasOthers(spared = _services.EarlyProcesses());
        long slice = _stop.Budget.Slice(StopPhase.Rest, _loop.Now, _timeouts.AllProcesses);
        Everybody.Signal(Signal.Term, spared);
        Everybody.Signal(Signal.Cont, spared);
        if (_loop.Until(() => AllGone() || _stop.Hastened, _loop.Now + slice) && AllGone())
            return;
        if (!_stop.Hastened)
            Log.Warn($"Still running after {Seconds.Of(slice)}; killed: {Everybody.Names(spared)}");
        // What forks while it is killed needs more than one look.
        long end = _loop.Now + AfterKillMilliseconds;
        do
            Everybody.Signal(Signal.Kill, spared);
        while (!_loop.Until(AllGone, Math.Min(end, _loop.Now + AfterKillMilliseconds / 10)) && _loop.Now < end);
    }

    /// <summary>TERM and INT stop; the rest is the main command's (signal(7)).</summary>
    bool ISignalHandler.Received(in ReceivedSignal received)
    {
        Signal signal = received.Signal;
        if (signal is Signal.Term or Signal.Interrupt || _options.MainCommand.Length == 0 && IsStopOfOthers(signal))
        {
            _stop.Received(signal);
            return true;
        }
        if (_main is null || !IsForwarded(signal))
            return true;
        Errno error = received.Queued && signal >= Signal.RealTimeFirst && !_main.HasEnded
            ? Signals.Queue(_main.Pid, signal, received.Value)
            : _main.Signal(signal);
        return error != Errno.Again;
    }

    private static bool IsForwarded(Signal signal) =>
        signal is Signal.Hup or Signal.Usr1 or Signal.Usr2 or Signal.Quit or Signal.Winch or Signal.Alrm or Signal.Cont or >= Signal.RealTimeFirst;

    /// <summary>What images name as STOPSIGNAL besides TERM and INT: nginx's QUIT, systemd's SIGRTMIN+3, and the power failure's.</summary>
    private static bool IsStopOfOthers(Signal signal) => signal is Signal.Quit or Signal.Power or (Signal)37;
}
