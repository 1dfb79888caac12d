// What the words of docs/places.md mean that are no options of docker run, and which cells do not say "yes".
namespace Keelson.Image.Tests.Places;

/// <summary>How a container is brought to its place.</summary>
public sealed record Way
{
    /// <summary>Options of docker run.</summary>
    public string[] Options { get; init; } = [];

    /// <summary>A shell command that leads to my_init, whose command line is in "$@".</summary>
    public string Launch { get; init; } = "exec \"$@\"";

    /// <summary>A shell command before that, for the container that runs services alone.</summary>
    public string Prepare { get; init; } = "";

    /// <summary>Without /proc Docker can execute nothing in it.</summary>
    public bool HasExec { get; init; } = true;

    /// <summary>Another container whose PID namespace it shares.</summary>
    public bool HasCompany { get; init; }

    /// <summary>What happens to the container that runs a command.</summary>
    public Action<Container>? ToCommand { get; init; }

    /// <summary>What happens to the container that runs services alone, before it is stopped.</summary>
    public Action<Container>? ToServices { get; init; }
}

public static class Ways
{
    private static readonly string[] s_noLog = ["no `/proc`", "nothing open at all", "a full pipe that nobody reads", "the same with `-e KEELSON_LOG=prefix`", "a full disk (`/dev/full`)"];

    private const string NeedsRoot = "it takes a container that runs as root (docker run --user root)";

    // Docker mounts more below /proc than one.
    private static readonly string[] s_mayUnmount = ["--cap-add", "SYS_ADMIN", "--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"];

    public static IReadOnlyDictionary<string, Way> All { get; } = new Dictionary<string, Way>
    {
        ["`--pid=container:OTHER`, `--pid=host`"] = new() { HasCompany = true },
        ["no `/proc`"] = new() { Options = s_mayUnmount, Launch = "umount -l /proc; exec \"$@\"", HasExec = false },
        ["standard output closed"] = new() { Launch = "exec \"$@\" >&-" },
        ["nothing open at all"] = new() { Launch = "exec \"$@\" <&- >&- 2>&-" },
        ["a full pipe that nobody reads"] = new() { Launch = FullPipe },
        ["the same with `-e KEELSON_LOG=prefix`"] = new() { Options = ["-e", "KEELSON_LOG=prefix"], Launch = FullPipe },
        ["a full disk (`/dev/full`)"] = new() { Launch = "exec \"$@\" >/dev/full 2>&1" },
        ["killed and started ten times, and restarted"] = new() { ToCommand = RunAgain, ToServices = KillAndStart },
        [Pause.Place] = new() { Prepare = Pause.Services, ToCommand = Pause.Command, ToServices = Pause.OfServices },
        [Podman] = new() { Options = ["--network", "none"] },
    };

    /// <summary>This row is podman's own test's.</summary>
    public const string Podman = "podman";

    private const string FullPipe = "mkfifo /report/full; sleep 1000 </report/full & exec 9>/report/full; head -c 65536 /dev/zero >&9; exec \"$@\" >&9 2>&9 9>&-";

    /// <summary>Which cells say no, with which words, and the message that shows it: in the log, or in what the test's command saw.</summary>
    public static IReadOnlyDictionary<(string Place, string Column), (string Cell, string Message)> Exceptions { get; } = Enumerable.SelectMany<(string Place, string Column, string Cell, string Message)[], (string Place, string Column, string Cell, string Message)>([
        ReadOnly("--read-only --tmpfs /run --tmpfs /tmp"),
        ReadOnly("--read-only --tmpfs /run:noexec --tmpfs /tmp"),
        ReadOnly("--read-only --tmpfs /run"),
        [("`--read-only --tmpfs /run`", "cron", "no: it needs a `tmpfs` on `/tmp`", "cron stays down: ConditionPathIsReadWrite=/tmp in its service.conf does not hold; mount something there that can be written (docker run --tmpfs /tmp)")],
        ReadOnly("--read-only"),
        [("`--read-only`", "cron", "no: it needs a `tmpfs` on `/run` and `/tmp`", "cron stays down: ConditionPathIsReadWrite=/run in its service.conf does not hold; mount something there that can be written (docker run --tmpfs /run)")],
        NoRoot("--user 12345:0"),
        NoRoot("--user nobody"),
        NoRoot("--read-only --user 12345:0 --cap-drop ALL --security-opt no-new-privileges"),
        [
            ("`--cap-drop ALL --security-opt no-new-privileges`", "cron", "no: see the next row", "cron stays down: ConditionCapability=CAP_SETGID in its service.conf does not hold; it takes that capability (docker run --cap-add SETGID)"),
            ("`--cap-drop ALL --security-opt no-new-privileges`", "SSH", "no: see the next row", "sshd stays down: ConditionCapability=CAP_SYS_CHROOT in its service.conf does not hold; it takes that capability (docker run --cap-add SYS_CHROOT)"),
            ("`--pids-limit 8 -e DISABLE_CRON=1`", "cron", "no: it takes more to start", "cron stays down: ConditionEnvironment=!DISABLE_CRON=1"),
            ("`--pids-limit 8 -e DISABLE_CRON=1`", "SSH", "no: it takes more", "cannot start /etc/service/sshd/run: resource temporarily unavailable (is the container's --pids-limit or ulimit reached?)"),
            ("a full pipe that nobody reads", "SSH", "no: sshd waits for the reader", "timed out"),
        ],
        [.. s_noLog.Select(place => (place, "syslog in `docker logs`", "no: in `/var/log/syslog`", "/var/log/syslog: hello from look"))],
    ], cells => cells).ToDictionary(c => (c.Place, c.Column), c => (c.Cell, c.Message));

    private static (string Place, string Column, string Cell, string Message)[] ReadOnly(string options) =>
    [
        ($"`{options}`", "variables as files", "no: processes have them", "*** cannot write to /etc/container_environment: read-only file system; Docker's variables reach all processes, but not these files"),
        ($"`{options}`", "SSH", "no: mount host keys", "Make /etc/ssh writable, or mount a key there (docker run -v KEY:/etc/ssh/ssh_host_ed25519_key:ro)"),
    ];

    private static (string Place, string Column, string Cell, string Message)[] NoRoot(string options) =>
    [
        ($"`{options}`", "syslog in `docker logs`", "no: it needs root", "syslog-ng stays down: ConditionUser=root in its service.conf does not hold; " + NeedsRoot),
        ($"`{options}`", "variables as files", "no: they are root's; processes have Docker's", "*** cannot read /etc/container_environment: permission denied; going on with the variables that are known"),
        ($"`{options}`", "cron", "no: it needs root", "cron stays down: ConditionUser=root in its service.conf does not hold; " + NeedsRoot),
        ($"`{options}`", "SSH", "no: it needs root", "sshd stays down: ConditionUser=root in its service.conf does not hold; " + NeedsRoot),
    ];

    /// <summary>A command that has ended is run again by docker start, as often as one likes.</summary>
    private static void RunAgain(Container container)
    {
        container.Do("wait").Must();
        container.Do("start").Must();
    }

    private static void KillAndStart(Container container)
    {
        for (int times = 1; times <= 10; times++)
        {
            container.Do("kill").Must();
            container.Do("start").Must();
            int expected = times + 1;
            container.Until($"web was started {expected} times", () => Count(container, "web is up") == expected);
        }
        container.Do("restart").Must();
        container.Until("web was started once more", () => Count(container, "web is up") == 12);
        container.Must(Count(container, "Killing all processes") == 1, "the restart did not stop it in order");
    }

    private static int Count(Container container, string text) => container.Logs().Split(text).Length - 1;
}
