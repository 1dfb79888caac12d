// A container without an engine: the real binary as PID 1 of its own PID and mount namespace.
//
// The constraint: my_init's paths are fixed, tests run in parallel, and the host's /etc must stay as it is. The scheme:
// a root directory of its own for each test, on the host's disk, with the host's /usr and /dev bound into it. What the
// container writes is read from the host under Root, also after its end. A bash prologue inside `unshare` makes the
// mounts and execs into the binary, so that PID 1 is the binary and has exactly the environment that the test gave.
using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Keelson.SystemTests.Harness;

public sealed class Sandbox : IAsyncDisposable
{
    /// <summary>How long a fact may take to come true: generous, for a machine under load.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private const UnixFileMode Readable = (UnixFileMode)0b110_100_100;
    private const UnixFileMode Runnable = (UnixFileMode)0b111_101_101;

    private static readonly string[] s_systemDirectories = ["bin", "lib", "lib64", "lib32", "libx32"];

    // What PID 1 is before it is what the test wants; nothing at all in the middle of an exec.
    private static readonly string[] s_prologuePrograms = ["bash", "setsid", "chroot", "/usr/bin/setpriv", "/usr/bin/env", ""];

    private readonly string _directory;
    private readonly List<byte[]> _environment = [];
    private readonly StringBuilder _preparation = new();
    private Process? _process;
    private Task _captures = Task.CompletedTask;
    private string? _pidNamespace;
    private string _commandLine = "(not started)";
    private bool _setsid = true;
    private string? _binary;
    private string? _ignoredSignals;

    public Sandbox()
    {
        Machine.Check();
        _directory = Directory.CreateTempSubdirectory("keelson-test-").FullName;
        Root = Path.Combine(_directory, "root");
        foreach (string d in new[] { "dev", "proc", "sys", "usr", "sbin", "run", "var/log", "root", "home/app", "opt/keelson", "etc/my_init.d", "etc/service" })
            MakeDirectory(d);
        MakeDirectory("tmp", (UnixFileMode)0x3ff); // 1777
        foreach (string name in s_systemDirectories)
        {
            FileSystemInfo host = new DirectoryInfo("/" + name);
            if (host.LinkTarget is { } target)
                File.CreateSymbolicLink(Path.Combine(Root, name), target);
            else if (host.Exists)
                MakeDirectory(name);
        }
        foreach (string applet in new[] { "my_init", "setuser" })
            File.CreateSymbolicLink(Path.Combine(Root, "sbin", applet), "/opt/keelson/keelson");
        Write("/opt/keelson/keelson", "");
        Write("/opt/keelson/probe", "");
        Write("/etc/passwd", """
            root:x:0:0:root:/root:/bin/bash
            daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
            app:x:1000:1001:An App,,,:/home/app:/bin/sh
            nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin

            """);
        Write("/etc/group", """
            root:x:0:
            daemon:x:1:
            apps:x:1001:
            extra:x:2000:nobody,app
            more:x:2001:app
            docker_env:x:8377:
            nogroup:x:65534:

            """);
        Env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    }

    public string Root { get; }

    /// <summary>Standard output and standard error of PID 1 and of all that inherit them, apart. Empty on a terminal.</summary>
    public Capture Out { get; } = new();
    public Capture Err { get; } = new();

    /// <summary>What the container said: standard error, or the screen when it has a terminal.</summary>
    public Capture Log => Terminal is { } terminal ? terminal.Screen : Err;

    public Pty? Terminal { get; private set; }

    /// <summary>The number of PID 1 as the host has it.</summary>
    public int HostPid { get; private set; }

    /// <summary>Since the exec of PID 1 was released.</summary>
    public Stopwatch SinceStart { get; } = new();

    public string? User { get; private set; }
    public bool ReadOnlyEtc { get; set; }

    /// <summary>One of many of a test that tells itself what is worth telling: no evidence in the test's output.</summary>
    public bool IsOneOfMany { get; set; }

    public bool HasEnded => _process is { HasExited: true };

    // ---- what is in the container, before it starts ----

    public Sandbox Env(string name, string value) => Env(Encoding.UTF8.GetBytes($"{name}={value}"));

    /// <summary>One string of the environment, NAME=VALUE, in bytes. It replaces an earlier one of the same name.</summary>
    public Sandbox Env(ReadOnlySpan<byte> entry)
    {
        byte[] name = entry[..(entry.IndexOf((byte)'=') + 1)].ToArray();
        _environment.RemoveAll(e => e.AsSpan().StartsWith(name));
        _environment.Add(entry.ToArray());
        return this;
    }

    public Sandbox Timeouts(int process, int all) =>
        Env("KILL_PROCESS_TIMEOUT", Shell.Format(process)).Env("KILL_ALL_PROCESSES_TIMEOUT", Shell.Format(all));

    /// <summary>A sandbox on a pipe, as docker run, or on a terminal, as docker run -t.</summary>
    public static Sandbox On(Stdio stdio) => stdio == Stdio.Terminal ? new Sandbox().WithTerminal() : new Sandbox();

    public Sandbox WithTerminal()
    {
        Terminal = new Pty();
        return this;
    }

    /// <summary>PID 1 stays in the session it was started from, as `unshare` does without setsid: its process group is then outside (0).</summary>
    public Sandbox WithoutOwnSession()
    {
        _setsid = false;
        return this;
    }

    /// <summary>Starts PID 1 with these signals (PIPE,XFSZ) ignored.</summary>
    public Sandbox Ignoring(string signals)
    {
        _ignoredSignals = signals;
        return this;
    }

    /// <summary>As docker run --user UID --cap-drop ALL --security-opt no-new-privileges.</summary>
    public Sandbox AsUser(string user)
    {
        User = user;
        return this;
    }

    public string HostPath(string path) => Path.Combine(Root, path.TrimStart('/'));

    public Sandbox MakeDirectory(string path, UnixFileMode mode = Runnable)
    {
        string host = HostPath(path);
        Directory.CreateDirectory(host, mode);
        File.SetUnixFileMode(host, mode);
        return this;
    }

    public Sandbox Write(string path, string content, UnixFileMode mode = Readable) => Write(path, Encoding.UTF8.GetBytes(content), mode);

    public Sandbox Write(string path, byte[] content, UnixFileMode mode = Readable)
    {
        string host = HostPath(path);
        Directory.CreateDirectory(Path.GetDirectoryName(host)!, Runnable);
        File.WriteAllBytes(host, content);
        File.SetUnixFileMode(host, mode);
        return this;
    }

    /// <summary>An executable file; #!/bin/sh unless the body begins with an interpreter of its own.</summary>
    public Sandbox Script(string path, string body) =>
        Write(path, body.StartsWith("#!", StringComparison.Ordinal) ? body : "#!/bin/sh\n" + body + "\n", Runnable);

    public Sandbox Startup(string name, string body) => Script("/etc/my_init.d/" + name, body);

    public Sandbox Service(string name, string run, string? finish = null)
    {
        Script($"/etc/service/{name}/run", run);
        if (finish is not null)
            Script($"/etc/service/{name}/finish", finish);
        return this;
    }

    /// <summary>Has both shutdown hooks write their names to /tmp/order.</summary>
    public Sandbox WithHooks() => PreShutdown("note", "echo pre >>/tmp/order").PostShutdown("note", "echo post >>/tmp/order");

    public Sandbox PreShutdown(string name, string body) => Script("/etc/my_init.pre_shutdown.d/" + name, body);
    public Sandbox PostShutdown(string name, string body) => Script("/etc/my_init.post_shutdown.d/" + name, body);

    /// <summary>Bash that runs before PID 1 does, in the root directory, as root: for names and files that .NET can't spell.</summary>
    public Sandbox Prepare(string bash)
    {
        _preparation.Append(bash).Append('\n');
        return this;
    }

    // ---- running ----

    /// <summary>Starts /sbin/my_init with these arguments as PID 1; returns when it has been exec'ed.</summary>
    public Task<Sandbox> Start(params string[] arguments) => StartCommand(["/sbin/my_init", .. arguments]);

    /// <summary>Starts a bash script as PID 1, which may start my_init as another process.</summary>
    public Task<Sandbox> StartBash(string script) => StartCommand(["/usr/bin/bash", "-c", script]);

    public async Task<Sandbox> StartCommand(params string[] command)
    {
        await StartHeld(command);
        Release();
        await Wait.Until(() => HasEnded || !s_prologuePrograms.Contains(ProcessTable.FirstArgument(HostPid)), $"the prologue execs {command[0]}", Patience);
        return this;
    }

    /// <summary>Makes everything ready up to the last exec, which waits for <see cref="Release"/>.</summary>
    public async Task StartHeld(params string[] command)
    {
        string prologue = Path.Combine(_directory, "prologue");
        await File.WriteAllTextAsync(prologue, Prologue(command));
        _commandLine = string.Join(' ', command);
        // The script does not run with bash's own environment of the test run, only with a search path.
        // Should the test run be killed, the kernel kills unshare, and unshare's end PID 1.
        var start = new ProcessStartInfo("setpriv", ["--pdeathsig", "KILL", "unshare", "--pid", "--mount", "--fork", "--kill-child", "bash", prologue])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["PATH"] = (start.Environment["PATH"] ?? "") + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        _process = await Launcher.Start(start);
        Survivors.Add(this);
        _captures = Err.Drain(_process.StandardError.BaseStream);
        HostPid = await ReadPid(_process.StandardOutput.BaseStream);
        _captures = Task.WhenAll(_captures, Out.Drain(_process.StandardOutput.BaseStream));
        if (HostPid == 0)
            throw new InvalidOperationException("the namespace could not be made (are you root, with CAP_SYS_ADMIN?)\n" + await Ended());
        _pidNamespace = ProcessTable.NamespaceOf(HostPid);
    }

    public void Release()
    {
        SinceStart.Start();
        Stream gate = _process!.StandardInput.BaseStream;
        gate.WriteByte((byte)'\n');
        gate.Flush();
        gate.Dispose();
    }

    private async Task<string> Ended()
    {
        await _process!.WaitForExitAsync();
        await _captures;
        return Err.Text;
    }

    private static async Task<int> ReadPid(Stream stream)
    {
        int pid = 0;
        var one = new byte[1];
        while (await stream.ReadAsync(one) == 1)
        {
            if (one[0] == '\n')
                return pid;
            pid = pid * 10 + (one[0] - '0');
        }
        return 0;
    }

    private string Prologue(string[] command)
    {
        var s = new StringBuilder();
        void Line(string text) => s.Append(text).Append('\n');
        Line("set -eu");
        // The host's /proc is still mounted: this is our own number there, and every exec below keeps it.
        Line("read -r pid _ </proc/self/stat");
        Line($"cd {Shell.Quote(Root)}");
        Line("mount --rbind /usr usr");
        Line("mount --rbind /dev dev");
        foreach (string name in s_systemDirectories)
        {
            if (new DirectoryInfo("/" + name) is { Exists: true, LinkTarget: null })
                Line($"mount --rbind /{name} {name}");
        }
        Line("mount -t proc proc proc");
        Line($"mount --bind {Shell.Quote(_binary ?? Machine.Binary)} opt/keelson/keelson");
        if (File.Exists(HostPath("/opt/keelson/wants-probe")))
            Line($"mount --bind {Shell.Quote(Machine.Probe)} opt/keelson/probe");
        s.Append(_preparation);
        if (ReadOnlyEtc)
        {
            Line("mount --bind etc etc");
            Line("mount -o remount,bind,ro etc");
        }
        Line("echo \"$pid\"");
        Line("read -r _");
        if (Terminal is { } terminal)
        {
            string slave = Shell.Quote(terminal.SlavePath);
            Line($"exec <{slave} >{slave} 2>&1");
        }
        else
        {
            Line("exec </dev/null");
        }
        s.Append("exec ");
        if (_setsid)
            s.Append(Terminal is null ? "setsid " : "setsid --ctty ");
        s.Append("chroot . ");
        if (User is { } user)
            s.Append("/usr/bin/setpriv --reuid ").Append(user).Append(" --regid ").Append(user).Append(" --clear-groups --pdeathsig KILL --bounding-set=-all --inh-caps=-all --no-new-privs ");
        // The test runner ignores SIGPIPE, which no container engine does.
        s.Append("/usr/bin/env -i --default-signal");
        if (_ignoredSignals is { } ignored)
            s.Append(" --ignore-signal=").Append(ignored);
        foreach (byte[] entry in _environment)
            s.Append(' ').Append(Shell.Quote(entry));
        foreach (string word in command)
            s.Append(' ').Append(Shell.Quote(word));
        Line("");
        return s.ToString();
    }

    /// <summary>Where the commands of runit are ours; /usr/bin may have Debian's.</summary>
    public const string Commands = "/opt/keelson/bin";

    /// <summary>Makes links for our own commands in <see cref="Commands"/>.</summary>
    public Sandbox WithCommands()
    {
        MakeDirectory(Commands);
        foreach (string name in (string[])["sv", "chpst", "svlogd", "runsv", "runsvdir", "setuser"])
            File.CreateSymbolicLink(HostPath($"{Commands}/{name}"), "/opt/keelson/keelson");
        return this;
    }

    /// <summary>Our sv in the container: its status, and what it prints. It waits half a minute, for a machine under load.</summary>
    public Task<(int Status, string Out)> OurSv(string arguments) => Exec($"SVWAIT=30 {Commands}/sv {arguments} 2>&1");

    /// <summary>Makes the probe (tests/Keelson.TestProbe) /opt/keelson/probe in the container.</summary>
    public Sandbox WithProbe()
    {
        _ = Machine.Probe;
        return Write("/opt/keelson/wants-probe", "");
    }

    /// <summary>The binary that was linked without the early signal mask.</summary>
    public Sandbox WithoutEarlyMask()
    {
        _binary = Machine.BinaryWithoutEarlyMask;
        return this;
    }

    /// <summary>The probe as my_init, with a mistake in it (tests/Keelson.TestProbe/Mistakes.cs).</summary>
    public Sandbox WithMistake(string mistake)
    {
        _binary = Machine.Probe;
        return Env("KEELSON_MISTAKE", mistake);
    }

    /// <summary>The binary whose calls of libc can be made to fail (<see cref="Faults.FaultFile"/>).</summary>
    public Sandbox WithFaults()
    {
        _binary = Machine.BinaryWithFaults;
        return this;
    }

    public void Signal(int signal) => Signal(HostPid, signal);

    public static void Signal(int hostPid, int signal)
    {
        if (Native.kill(hostPid, signal) != 0)
            throw new Win32Exception(Marshal.GetLastPInvokeError(), $"kill({hostPid}, {signal})");
    }

    /// <summary>Queues the signal with a value; false when the queue of pending signals is full at the moment.</summary>
    public bool TryQueue(int signal, int value)
    {
        if (Native.sigqueue(HostPid, signal, value) == 0)
            return true;
        int error = Marshal.GetLastPInvokeError();
        return error == Native.EAgain ? false : throw new Win32Exception(error, $"sigqueue({HostPid}, {signal})");
    }

    /// <summary>Waits for the end; the status is what docker would report.</summary>
    public async Task<int> Exit(TimeSpan? within = null)
    {
        using var deadline = new CancellationTokenSource(within ?? Patience);
        try
        {
            await _process!.WaitForExitAsync(deadline.Token);
        }
        catch (OperationCanceledException)
        {
            throw Wait.Failure($"{_commandLine} did not end within {within ?? Patience}");
        }
        SinceStart.Stop();
        await _captures.WaitAsync(TimeSpan.FromSeconds(10));
        Terminal?.Finish();
        return _process.ExitCode;
    }

    /// <summary>Starts my_init and waits for its end.</summary>
    public async Task<int> Run(params string[] arguments)
    {
        await Start(arguments);
        return await Exit();
    }

    /// <summary>TERM, as docker stop sends it, and how long it took to end.</summary>
    public async Task<(int Status, TimeSpan Took)> Stop(int signal = Sig.Term)
    {
        var watch = Stopwatch.StartNew();
        Signal(signal);
        int status = await Exit();
        return (status, watch.Elapsed);
    }

    /// <summary>Runs a shell command in the container, as docker exec does.</summary>
    public async Task<(int Status, string Out)> Exec(string command)
    {
        string target = Shell.Format(HostPid);
        var start = new ProcessStartInfo("nsenter", ["-t", target, "-p", "-m", "-r", "-w", "/bin/sh", "-c", command])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        string text = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, text);
    }

    // ---- looking at it ----

    public bool Exists(string path) => File.Exists(HostPath(path));

    public string Read(string path) => Exists(path) ? File.ReadAllText(HostPath(path)) : "";

    /// <summary>The lines of my_init itself that contain the text.</summary>
    public string[] Said(string text) =>
        Log.Lines.Where(l => l.StartsWith("***", StringComparison.Ordinal) && l.Contains(text, StringComparison.OrdinalIgnoreCase)).ToArray();

    public string[] ReadLines(string path) => Read(path).Split('\n', StringSplitOptions.RemoveEmptyEntries);

    public byte[] ReadBytes(string path) => File.ReadAllBytes(HostPath(path));

    public IReadOnlyList<ProcessEntry> Processes => _pidNamespace is null ? [] : ProcessTable.Of(_pidNamespace);

    /// <summary>How many descriptors PID 1 has open.</summary>
    public int Descriptors => Directory.GetFileSystemEntries($"/proc/{HostPid}/fd").Length;

    /// <summary>The process whose command line begins with the text; zombies do not count.</summary>
    public ProcessEntry? Find(string command, int notHostPid = 0) =>
        Processes.FirstOrDefault(p => !p.IsZombie && p.HostPid != notHostPid && p.Command.StartsWith(command, StringComparison.Ordinal));

    public async Task<ProcessEntry> WaitForProcess(string command, int notHostPid = 0)
    {
        ProcessEntry? found = null;
        await Until(() => (found = Find(command, notHostPid)) is not null, $"a process \"{command}\" runs");
        return found!;
    }

    public Task WaitForLog(string text) => Until(() => Log.Text.Contains(text, StringComparison.Ordinal), $"the log says \"{text}\"");

    /// <summary>Waits until PID 1 watches the service directories: that is when its boot is over.</summary>
    public Task WaitUntilWatching() => Until(
        () => Directory.GetFileSystemEntries($"/proc/{HostPid}/fd").Any(fd => new FileInfo(fd).LinkTarget == "anon_inode:inotify"),
        "PID 1 has an inotify descriptor");

    public Task WaitForFile(string path, string containing = "") =>
        Until(() => Exists(path) && Read(path).Contains(containing, StringComparison.Ordinal), $"{path} says \"{containing}\"");

    /// <summary>Waits for the fact, and gives up early when the container has ended and it is still not true.</summary>
    public async Task Until(Func<bool> fact, string what, TimeSpan? within = null)
    {
        var watch = Stopwatch.StartNew();
        TimeSpan limit = within ?? Patience;
        while (true)
        {
            bool over = HasEnded || watch.Elapsed > limit;
            if (fact())
                return;
            if (HasEnded && over)
            {
                await Task.WhenAny(_captures, Task.Delay(TimeSpan.FromSeconds(5)));
                Terminal?.Finish();
                if (fact())
                    return;
                throw Wait.Failure($"PID 1 has ended with status {_process!.ExitCode}, and still not: {what}");
            }
            if (over)
                throw Wait.Failure($"not within {limit}: {what}");
            await Task.Delay(10);
        }
    }

    /// <summary>All that may tell why a test failed.</summary>
    public string Evidence()
    {
        var s = new StringBuilder();
        s.Append("=== ").Append(_commandLine).Append('\n');
        s.Append(CultureInfo.InvariantCulture, $"PID 1 is {HostPid} here; {(_process is null ? "not started" : HasEnded ? $"ended with status {_process.ExitCode}" : "running")}; {SinceStart.Elapsed.TotalSeconds:F2} s since the exec\n");
        void Section(string name, string text)
        {
            if (text.Length > 0)
                s.Append("--- ").Append(name).Append('\n').Append(Shorten(text)).Append('\n');
        }
        Section("standard output", Out.Text);
        Section("standard error", Err.Text);
        if (Terminal is { } terminal)
            Section("terminal", terminal.Screen.Text);
        IReadOnlyList<ProcessEntry> processes = Processes;
        if (processes.Count > 0)
            Section("processes", ProcessTable.Header + "\n" + string.Join('\n', processes.Take(50)) + (processes.Count > 50 ? $"\n... and {processes.Count - 50} more" : ""));
        string[] written = Directory.Exists(HostPath("/tmp")) ? Directory.GetFiles(HostPath("/tmp")) : [];
        foreach (string file in written.Order().Take(10))
            Section("/tmp/" + Path.GetFileName(file), new FileInfo(file) is { LinkTarget: null, Length: > 0 and < 4096 } ? File.ReadAllText(file) : "(not shown)");
        return s.ToString();
    }

    private static string Shorten(string text) => text.Length <= 8000 ? text : text[..4000] + "\n[...]\n" + text[^4000..];

    /// <summary>Ends what is still running, by number.</summary>
    internal void Kill()
    {
        if (_process is not { HasExited: false } process)
            return;
        // PID 1 first, if it is still the one we started: all of its namespace goes with it.
        if (HostPid != 0 && _pidNamespace is not null && ProcessTable.NamespaceOf(HostPid) == _pidNamespace)
            _ = Native.kill(HostPid, Sig.Kill);
        _ = Native.kill(process.Id, Sig.Kill);
    }

    public async ValueTask DisposeAsync()
    {
        if (!IsOneOfMany)
            TestContext.Current.TestOutputHelper?.WriteLine(Printable(Evidence()));
        Kill();
        if (_process is { } process)
        {
            await process.WaitForExitAsync().WaitAsync(Patience);
            await Task.WhenAny(_captures, Task.Delay(TimeSpan.FromSeconds(5)));
            process.Dispose();
        }
        Survivors.Remove(this);
        Terminal?.Dispose();
        // Not Directory.Delete: a name that is not UTF-8 is beyond it.
        using Process remove = Process.Start("rm", ["-rf", "--one-file-system", _directory]);
        await remove.WaitForExitAsync();
    }

    private static string Printable(string text)
    {
        var s = new StringBuilder(text.Length);
        foreach (char c in text)
        {
            if (c is '\n' or '\t' || !char.IsControl(c))
                s.Append(c);
            else if (c != '\r')
                s.Append(CultureInfo.InvariantCulture, $"\\x{(int)c:x2}");
        }
        return s.ToString();
    }
}

public enum Stdio
{
    Pipe,
    Terminal,
}
