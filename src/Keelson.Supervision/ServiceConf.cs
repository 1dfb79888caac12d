// service.conf beside ./run: the syntax and the words of systemd's units (systemd.unit(5), systemd.service(5),
// systemd.exec(5), systemd.kill(5)). A directory without the file behaves as under runit. A pure parser: what is wrong
// comes back as text that names the line. A key that does not exist is a warning, and the rest holds; a value that can't
// be is an error, and the service is not run with a guess instead.
//
// What concerns the process alone (User=, Limit...=, Environment=, the commands) is only looked at here (ExecSettings.cs):
// the process reads the file again when it begins (`keelson exec-service`), and supervision forgets it.
using System.Globalization;

namespace Keelson.Supervision;

/// <summary>What a condition asks about.</summary>
public enum ConditionKind
{
    /// <summary>ConditionEnvironment=NAME or NAME=VALUE.</summary>
    Environment,

    /// <summary>ConditionUser=NAME or UID: who PID 1 runs as.</summary>
    User,

    /// <summary>ConditionCapability=CAP_...: it is in the bounding set of PID 1.</summary>
    Capability,

    /// <summary>ConditionPathIsReadWrite=PATH: it is there, and not on a file system that is mounted read-only.</summary>
    PathIsReadWrite,
}

/// <summary>A line Condition...=, which with a leading ! asks for the opposite.</summary>
public readonly record struct ServiceCondition(ConditionKind Kind, bool Negated, string Value);

/// <summary>Type=: when a service counts as started.</summary>
public enum ServiceType
{
    /// <summary>When ./run runs, or when one of the other signs of readiness that the directory has is there.</summary>
    Simple,

    /// <summary>When it has sent READY=1.</summary>
    Notify,

    /// <summary>When ./run has ended with 0.</summary>
    OneShot,
}

/// <summary>Restart=: after which ends ./run is started again.</summary>
public enum RestartMode
{
    Always,
    OnFailure,
    No,
}

/// <summary>KillMode=: who is ended with a service.</summary>
public enum KillMode
{
    /// <summary>KillSignal= to the main process; what is left afterwards gets TERM, then KILL.</summary>
    Mixed,

    /// <summary>KillSignal= to all, then KILL to all.</summary>
    ControlGroup,

    /// <summary>The main process alone; what it leaves behind stays.</summary>
    Process,
}

/// <summary>NotifyAccess=: whose messages count.</summary>
public enum NotifyAccess
{
    None,
    Main,
    All,
}

public sealed class ServiceConf
{
    /// <summary>The file is refused beyond this size in bytes.</summary>
    public const int MaxBytes = 64 * 1024;

    private const long DefaultStartTimeoutMilliseconds = 90_000;
    private const long DefaultEarlyTimeoutMilliseconds = 5000;

    private long? _startTimeout;
    private NotifyAccess? _notifyAccess;
    private RestartMode? _restart;

    /// <summary>What a directory without service.conf has.</summary>
    public static ServiceConf Default { get; } = new();

    /// <summary>There is a service.conf.</summary>
    public bool Exists { get; private set; }

    /// <summary>
    /// DefaultDependencies=no: the service runs before the first startup script and until everything else has ended, as
    /// with systemd what all others may rely on.
    /// </summary>
    public bool IsEarly { get; private set; }

    /// <summary>All must hold, else the service stays down.</summary>
    public IReadOnlyList<ServiceCondition> Conditions { get; private set; } = [];

    /// <summary>Names of services, as <see cref="Before"/>, <see cref="Requires"/> and <see cref="Wants"/>.</summary>
    public IReadOnlyList<string> After { get; private set; } = [];
    public IReadOnlyList<string> Before { get; private set; } = [];

    /// <summary>These must be ready; the service is started after them.</summary>
    public IReadOnlyList<string> Requires { get; private set; } = [];

    /// <summary>The service is started after these, whatever becomes of them.</summary>
    public IReadOnlyList<string> Wants { get; private set; } = [];

    public ServiceType Type { get; private set; }

    /// <summary>Restart=: always, as under runit, but for a oneshot: no. One that succeeded is never started again by itself.</summary>
    public RestartMode Restart => _restart ?? (Type == ServiceType.OneShot ? RestartMode.No : RestartMode.Always);

    /// <summary>RestartSec= in milliseconds; null: runit's pace, a second after the end of what ran for less than one.</summary>
    public long? RestartMilliseconds { get; private set; }

    /// <summary>RestartSteps=: in how many restarts the pause grows to <see cref="RestartMaxMilliseconds"/>; 0 when it does not.</summary>
    public int RestartSteps { get; private set; }

    /// <summary>RestartMaxDelaySec= in milliseconds.</summary>
    public long RestartMaxMilliseconds { get; private set; }

    /// <summary>StartLimitBurst=: so many starts within the interval, then no more; 0 without a limit.</summary>
    public int StartLimitBurst { get; private set; }

    /// <summary>StartLimitIntervalSec= in milliseconds.</summary>
    public long StartLimitMilliseconds { get; private set; } = 10_000;

    /// <summary>X-ReadySocket=: the service is ready once something listens on this Unix socket; empty when nothing is waited for.</summary>
    public string ReadySocket { get; private set; } = "";

    /// <summary>TimeoutStartSec= in milliseconds: how long readiness is waited for; <see cref="TimeSpans.Infinite"/> for ever.</summary>
    public long StartTimeoutMilliseconds =>
        _startTimeout ?? (IsEarly ? DefaultEarlyTimeoutMilliseconds : Type == ServiceType.OneShot ? TimeSpans.Infinite : DefaultStartTimeoutMilliseconds);

    /// <summary>TimeoutStopSec= in milliseconds; null: as long as it takes when sv asks, KILL_PROCESS_TIMEOUT at the container's stop.</summary>
    public long? StopTimeoutMilliseconds { get; private set; }

    /// <summary>KillSignal=, a number of signal(7); TERM by default.</summary>
    public int KillSignal { get; private set; } = 15;

    public KillMode KillMode { get; private set; }

    /// <summary>SuccessAction=exit: the container ends when the service has ended well and is not started again.</summary>
    public bool ExitsOnSuccess { get; private set; }

    /// <summary>FailureAction=exit: the container ends when the service has failed and is not started again.</summary>
    public bool ExitsOnFailure { get; private set; }

    /// <summary>WatchdogSec= in milliseconds: without a WATCHDOG=1 for so long the service is hung, and ended; 0 for no watch.</summary>
    public long WatchdogMilliseconds { get; private set; }

    /// <summary>WatchdogSignal=, a number of signal(7); ABRT by default.</summary>
    public int WatchdogSignal { get; private set; } = 6;

    /// <summary>Whose messages at NOTIFY_SOCKET count; None: the service gets no such socket.</summary>
    public NotifyAccess NotifyAccess =>
        _notifyAccess ?? (Type == ServiceType.Notify || WatchdogMilliseconds > 0 ? NotifyAccess.All : NotifyAccess.None);

    /// <summary>There are commands of this kind.</summary>
    public bool HasStart { get; private set; }
    public bool HasStartPre { get; private set; }
    public bool HasStartPost { get; private set; }
    public bool HasStop { get; private set; }
    public bool HasReload { get; private set; }
    public bool HasHealthCheck { get; private set; }

    /// <summary>HealthIntervalSec=, HealthTimeoutSec= in milliseconds, HealthRetries=: Docker's words and values.</summary>
    public long HealthIntervalMilliseconds { get; private set; } = 30_000;
    public long HealthTimeoutMilliseconds { get; private set; } = 30_000;
    public int HealthRetries { get; private set; } = 3;

    /// <summary>The process is changed before ./run runs, or ExecStart= stands for it.</summary>
    public bool ChangesProcess { get; private set; }

    /// <summary>ExecStart=-...: however the main process ends, the service has not failed.</summary>
    public bool IgnoresStartFailure { get; private set; }

    /// <summary>Values that can't be: "line 3: ...; CURE". With one of them the service is not started.</summary>
    public IReadOnlyList<string> Errors { get; private set; } = [];

    /// <summary>What else is wrong: "line 3: ...; CURE".</summary>
    public IReadOnlyList<string> Warnings { get; private set; } = [];

    /// <param name="file">The file's bytes.</param>
    /// <param name="name">The service's name, for specifiers; none of what is kept depends on it.</param>
    public static ServiceConf Parse(ReadOnlySpan<byte> file, string name = "NAME")
    {
        var warnings = new List<string>();
        var errors = new List<string>();
        var conf = new ServiceConf { Exists = true };
        var process = new ExecSettings(name);
        foreach (ConfLine line in ConfSyntax.Read(file, warnings))
        {
            if (line.Section == "")
                warnings.Add($"line {line.Number}: {line.Key}= is in no section; write [Unit] or [Service] above it");
            else if (line.Section == "Unit" ? Array.IndexOf(KnownKeys.Unit, line.Key) < 0 : line.Section == "Service" && Array.IndexOf(KnownKeys.Service, line.Key) < 0)
                Unknown(line, warnings);
            else if ((line.Section == "Unit" ? conf.SetUnit(line) : line.Section == "Service" ? conf.SetService(line, process) : null) is { } wrong)
                errors.Add($"line {line.Number}: {line.Key}={line.Value} {wrong}");
        }
        conf.Summarize(process, errors);
        if (conf.RestartSteps > 0 != conf.RestartMaxMilliseconds > 0)
            warnings.Add("RestartSteps= and RestartMaxDelaySec= mean something only together; set both");
        if (conf.Type == ServiceType.OneShot && conf.WatchdogMilliseconds > 0)
            warnings.Add("WatchdogSec= means nothing with Type=oneshot; remove one of them");
        // Lists of their own cost memory, and most services have none.
        if (warnings.Count > 0)
            conf.Warnings = warnings;
        if (errors.Count > 0)
            conf.Errors = errors;
        return conf;
    }

    private static void Unknown(ConfLine line, List<string> warnings)
    {
        // Others' keys are nobody's business here.
        if (!line.Key.StartsWith("X-", StringComparison.Ordinal))
            warnings.Add($"line {line.Number}: {KnownKeys.Advice(line.Section, line.Key)}");
    }

    /// <summary>What is wrong with the value, and the cure; null when nothing is.</summary>
    private string? SetUnit(ConfLine line)
    {
        string value = line.Value;
        switch (line.Key)
        {
            case "DefaultDependencies":
                return Flag(value, out bool on) ?? Set(IsEarly = !on);
            case "ConditionEnvironment":
                return AddCondition(ConditionKind.Environment, value);
            case "ConditionUser":
                return AddCondition(ConditionKind.User, value);
            case "ConditionCapability":
                return AddCondition(ConditionKind.Capability, value, v => Capabilities.Number(v) is null ? "is no capability; write a name of capabilities(7), for example CAP_NET_ADMIN" : null);
            case "ConditionPathIsReadWrite":
                return AddCondition(ConditionKind.PathIsReadWrite, value, v => v.StartsWith('/') ? null : "is no absolute path; write one");
            case "After":
                return Set(After = Names(After, value));
            case "Before":
                return Set(Before = Names(Before, value));
            case "Requires":
                return Set(Requires = Names(Requires, value));
            case "Wants":
                return Set(Wants = Names(Wants, value));
            case "StartLimitBurst":
                return Number(value, out int burst) ?? Set(StartLimitBurst = burst);
            case "StartLimitIntervalSec":
                return Span(value, out long interval) ?? Set(StartLimitMilliseconds = interval);
            case "SuccessAction":
                return Action(value, out bool success) ?? Set(ExitsOnSuccess = success);
            case "FailureAction":
                return Action(value, out bool failure) ?? Set(ExitsOnFailure = failure);
            default:
                return null;
        }
    }

    private string? SetService(ConfLine line, ExecSettings process)
    {
        string value = line.Value;
        switch (line.Key)
        {
            case "Type":
                return Word(value, ["simple", "notify", "oneshot"], out int type) ?? Set(Type = (ServiceType)type);
            case "Restart":
                return Word(value, ["always", "on-failure", "no"], out int restart) ?? Set(_restart = (RestartMode)restart);
            case "RestartSec":
                return Span(value, out long pause) ?? Set(RestartMilliseconds = pause);
            case "RestartSteps":
                return Number(value, out int steps) ?? Set(RestartSteps = steps);
            case "RestartMaxDelaySec":
                return Span(value, out long most) ?? Set(RestartMaxMilliseconds = most);
            case "TimeoutStartSec":
                return Span(value, out long start) ?? Set(_startTimeout = start == 0 ? TimeSpans.Infinite : start);
            case "TimeoutStopSec":
                return Span(value, out long stop) ?? Set(StopTimeoutMilliseconds = stop == 0 ? TimeSpans.Infinite : stop);
            case "TimeoutSec":
                return Span(value, out long both) ?? Set(_startTimeout = StopTimeoutMilliseconds = both == 0 ? TimeSpans.Infinite : both);
            case "KillSignal":
                return SignalOf(value, out int kill) ?? Set(KillSignal = kill);
            case "KillMode":
                return Word(value, ["mixed", "control-group", "process"], out int mode) ?? Set(KillMode = (KillMode)mode);
            case "WatchdogSec":
                return Span(value, out long watchdog) ?? Set(WatchdogMilliseconds = watchdog == TimeSpans.Infinite ? 0 : watchdog);
            case "WatchdogSignal":
                return SignalOf(value, out int abort) ?? Set(WatchdogSignal = abort);
            case "NotifyAccess":
                return Word(value, ["none", "main", "all"], out int access) ?? Set(_notifyAccess = (NotifyAccess)access);
            case "X-ReadySocket":
                return value.Length > 0 && value[0] != '/' ? "is no absolute path; write one" : Set(ReadySocket = value);
            case "HealthIntervalSec":
                return Span(value, out long every) ?? (every < 100 ? "is too short; write 100ms or more" : Set(HealthIntervalMilliseconds = every));
            case "HealthTimeoutSec":
                return Span(value, out long patience) ?? Set(HealthTimeoutMilliseconds = patience);
            case "HealthRetries":
                return Number(value, out int retries) ?? Set(HealthRetries = Math.Max(retries, 1));
            default:
                return process.Set(line.Key, value) ?? Set(ChangesProcess |= ExecKinds.OfKey(line.Key) is null);
        }
    }

    /// <summary>What is left of the process's settings once the file is read.</summary>
    private void Summarize(ExecSettings process, List<string> errors)
    {
        IReadOnlyList<ExecCommand> start = process.Commands(ExecKind.Start);
        HasStart = start.Count > 0;
        HasStartPre = process.Commands(ExecKind.StartPre).Count > 0;
        HasStartPost = process.Commands(ExecKind.StartPost).Count > 0;
        HasStop = process.Commands(ExecKind.Stop).Count > 0;
        HasReload = process.Commands(ExecKind.Reload).Count > 0;
        HasHealthCheck = process.Commands(ExecKind.Health).Count > 0;
        ChangesProcess |= HasStart;
        IgnoresStartFailure = HasStart && start[^1].IgnoresFailure;
        if (start.Count > 1 && Type != ServiceType.OneShot)
            errors.Add("ExecStart= has more than one command, which Type=oneshot alone may have; keep one, or move the others to ExecStartPre=");
        if (process.Contradiction() is { } contradiction)
            errors.Add(contradiction);
    }

    /// <summary>An assignment is no complaint.</summary>
    private static string? Set<T>(T _) => null;

    /// <summary>An empty value takes all conditions of before away, as with systemd.</summary>
    private string? AddCondition(ConditionKind kind, string value, Func<string, string?>? check = null)
    {
        if (value.Length == 0)
        {
            Conditions = [];
            return null;
        }
        ServiceCondition condition = value[0] == '!' ? new(kind, true, value[1..].TrimStart()) : new(kind, false, value);
        Conditions = [.. Conditions, condition];
        return check?.Invoke(condition.Value);
    }

    /// <summary>
    /// Names of services, with or without .service. Targets, sockets and other units of a whole system, which packaged
    /// files name, are no services of a container: always there. An empty value takes the names of before away.
    /// </summary>
    private static string[] Names(IReadOnlyList<string> before, string value)
    {
        if (value.Length == 0)
            return [];
        var names = new List<string>(before);
        foreach (string word in ConfSyntax.Words(value))
        {
            string name = word.EndsWith(".service", StringComparison.Ordinal) ? word[..^8] : word;
            bool isOther = name == word && word.LastIndexOf('.') is > 0 and var dot && word[dot..] is ".target" or ".socket" or ".mount" or ".device" or ".slice" or ".path" or ".timer";
            if (!isOther && !names.Contains(name))
                names.Add(name);
        }
        return [.. names];
    }

    internal static string? Flag(string value, out bool on)
    {
        on = value.ToLowerInvariant() is "1" or "yes" or "y" or "true" or "t" or "on";
        return on || value.ToLowerInvariant() is "0" or "no" or "n" or "false" or "f" or "off" ? null : "is neither yes nor no; write one of them";
    }

    private static string? Number(string value, out int number) =>
        int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out number) ? null : "is no whole number; write one that is 0 or more";

    private static string? Span(string value, out long milliseconds)
    {
        long? span = TimeSpans.Milliseconds(value);
        milliseconds = span ?? 0;
        return span is null ? $"is no time span; {TimeSpans.Cure}" : null;
    }

    private static string? SignalOf(string value, out int signal)
    {
        int? number = SignalNames.Number(value);
        signal = number ?? 0;
        return number is null ? "is no signal; write a name of signal(7), for example SIGQUIT" : null;
    }

    private static string? Action(string value, out bool exit) => Word(value, ["none", "exit"], out int action) is var wrong && (exit = action == 1) ? wrong : wrong;

    private static string? Word(string value, string[] words, out int index)
    {
        index = Array.IndexOf(words, value);
        return index >= 0 ? null : $"can't be; write {string.Join(", ", words)}";
    }
}
