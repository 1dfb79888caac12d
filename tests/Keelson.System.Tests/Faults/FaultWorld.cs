using System.Globalization;
using Keelson.SystemTests.Harness;

namespace Keelson.SystemTests.Faults;

/// <summary>A container that uses much of what process 1 can do, and what must be true of it at all times.</summary>
/// <param name="Name">For reports.</param>
/// <param name="Output">KEELSON_LOG.</param>
/// <param name="IsEtcWritable">Else supervise/ is below /run.</param>
/// <param name="IsRunWritable">Else the services are controlled by a socket.</param>
/// <param name="HasMain">There is a main command; else the container ends with 0.</param>
/// <param name="IsOnTerminal">As with docker run -t.</param>
internal sealed record FaultWorld(string Name, string Output, bool IsEtcWritable, bool IsRunWritable, bool HasMain, bool IsOnTerminal)
{
    internal static readonly FaultWorld[] All =
    [
        new("services", "prefix", IsEtcWritable: true, IsRunWritable: true, HasMain: false, IsOnTerminal: false),
        new("main", "json", IsEtcWritable: false, IsRunWritable: true, HasMain: true, IsOnTerminal: false),
        new("closed", "plain", IsEtcWritable: false, IsRunWritable: false, HasMain: true, IsOnTerminal: true),
    ];

    private const string Main = """
        trap 'echo usr1 >>/tmp/got' USR1
        trap 'echo rt >>/tmp/got' 40
        trap 'exit 7' TERM
        touch /tmp/main
        while :; do sleep 0.05; done
        """;

    /// <summary>What runs whatever fails; the second word is different for each.</summary>
    internal static readonly string[] Always = ["sleep 70001", "sleep 70002", "sleep 70003", "sleep 70004", "sleep 70006"];

    /// <summary>What runs when one can tell another that it is ready.</summary>
    internal const string Later = "sleep 70005";

    internal const string Killed = "sleep 70002";
    internal const string Leftover = "sleep 71001";
    /// <summary>What one that is restarted says at each start.</summary>
    internal const string Words = "talk runs";

    internal const string Added = "sleep 70007";

    /// <summary>With what it ends after TERM.</summary>
    internal int Status => HasMain ? 7 : 0;

    internal string[] Arguments => HasMain ? ["--", "sh", "-c", Main] : [];

    internal Sandbox Make()
    {
        Sandbox s = (IsOnTerminal ? new Sandbox().WithTerminal() : new Sandbox()).WithFaults().WithCommands().Timeouts(5, 1).Env("KEELSON_LOG", Output);
        s.IsOneOfMany = true;
        s.ReadOnlyEtc = !IsEtcWritable;
        if (!IsRunWritable)
            s.Prepare("mount --bind run run; mount -o remount,bind,ro run");
        s.Service("early", "exec sleep 70001").Write("/etc/service/early/service.conf", "[Unit]\nDefaultDependencies=no\n");
        s.Service("web", "echo web runs; echo web complains >&2; exec sleep 70002", "exit 0").Script("/etc/service/web/log/run", "exec cat >/dev/null").Script("/etc/service/web/control/t", "exit 1");
        s.Service("talk", $"echo {Words}; exec sleep 70003");
        s.Service("told", "/opt/keelson/keelson notify --ready; exec sleep 70004");
        s.Write("/etc/service/told/service.conf", "[Service]\nType=notify\nTimeoutStartSec=infinity\nExecStartPre=/bin/true\nExecStop=/bin/true\nHealthCheck=/bin/true\nHealthIntervalSec=200ms\n");
        s.Service("after", "echo >&5; exec sleep 70005").Write("/etc/service/after/notification-fd", "5\n");
        s.Write("/etc/service/after/service.conf", "[Unit]\nRequires=told\n");
        s.Service("stray", "setsid sleep 71001 & exec sleep 70006").Script("/etc/service/stray/check", "exit 0").Script("/etc/service/stray/control/t", "exit 1");
        s.Write("/etc/service/stray/service.conf", "[Unit]\nAfter=talk\n");
        s.Script("/root/added/run", "exec sleep 70007");
        // An orphan that ends soon; and with a main command one that ends by KILL only.
        s.Startup("10", "echo given >/etc/container_environment/GIVEN; setsid sh -c 'sleep 0.05' & " + (HasMain ? "setsid sh -c 'trap \"\" TERM; while :; do sleep 0.1; done' >/dev/null 2>&1 & " : "") + "exit 0");
        s.WithHooks();
        return s;
    }

    /// <summary>What somebody does in a running container: a line each of what it is and the exit status.</summary>
    internal string Script => $"""
        export SVWAIT=7
        try() (name=$1; shift; "$@" >>/tmp/tried 2>&1; echo "$name $?")
        sv=/opt/keelson/bin/sv
        {(IsEtcWritable ? "[ ! -e /root/added ] || mv /root/added /etc/service/added" : "")}
        try status /opt/keelson/keelson status &
        try events /opt/keelson/keelson events &
        try sv-restart $sv restart stray talk &
        # It runs; but its status says so at the end of the round only, and sv goes by that.
        (try sv-begin $sv start after; try sv-stop $sv stop after; try sv-start $sv start after) &
        try sv-status $sv status web told early
        wait
        """;

    /// <summary>The children of process 1, orphans included: number and command line; that of a zombie is empty.</summary>
    internal static List<(int HostPid, string Command)> Children(int hostPid)
    {
        var all = new List<(int, string)>();
        try
        {
            foreach (string pid in File.ReadAllText($"/proc/{hostPid}/task/{hostPid}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries))
            {
                try
                {
                    all.Add((int.Parse(pid, CultureInfo.InvariantCulture), File.ReadAllText($"/proc/{pid}/cmdline").Replace('\0', ' ').TrimEnd()));
                }
                catch (IOException)
                {
                    // It is gone.
                }
            }
        }
        catch (IOException)
        {
            // Process 1 is.
        }
        return all;
    }

    /// <summary>Whether process 1 has begun to watch for changes.</summary>
    internal static bool Watches(int hostPid)
    {
        try
        {
            return Directory.GetFileSystemEntries($"/proc/{hostPid}/fd").Any(fd => new FileInfo(fd).LinkTarget == "anon_inode:inotify");
        }
        catch (IOException)
        {
            return false;
        }
    }

    /// <summary>The processor time of process 1 so far.</summary>
    internal static TimeSpan ProcessorTime(int hostPid)
    {
        try
        {
            string[] stat = File.ReadAllText($"/proc/{hostPid}/stat").Split(") ")[^1].Split(' ');
            return TimeSpan.FromMilliseconds(10 * (long.Parse(stat[11], CultureInfo.InvariantCulture) + long.Parse(stat[12], CultureInfo.InvariantCulture)));
        }
        catch (IOException)
        {
            return TimeSpan.Zero;
        }
    }
}
