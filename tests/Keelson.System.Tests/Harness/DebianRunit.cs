// Debian's runit as the peer: its runsvdir supervises the services of a sandbox, and its sv and ours look at them.
using System.Text.RegularExpressions;

namespace Keelson.SystemTests.Harness;

/// <summary>Which sv.</summary>
public enum Sv
{
    Debians,
    Ours,
}

/// <summary>What a run of sv left: exit status, standard output and standard error with pids and seconds made alike.</summary>
public sealed record SvRun(int Status, string Out, string Err)
{
    public override string ToString() => $"[{Status}] {Out}{(Err.Length > 0 ? "stderr: " + Err : "")}";
}

internal static partial class DebianRunit
{
    private const string Debians = "/opt/debian";
    private const string Ours = "/opt/keelson/bin";

    /// <summary>The names that sv is linked to, beside its own.</summary>
    private static readonly string[] s_names = ["sv", "web", "nothing"];

    internal static Sandbox Sandbox()
    {
        if (!File.Exists("/usr/bin/runsvdir"))
            throw new InvalidOperationException("missing on this machine: runsvdir (package runit)");
        var s = new Sandbox();
        foreach (string name in s_names)
        {
            Directory.CreateDirectory(s.HostPath(Debians));
            Directory.CreateDirectory(s.HostPath(Ours));
            File.CreateSymbolicLink(s.HostPath($"{Debians}/{name}"), "/usr/bin/sv");
            File.CreateSymbolicLink(s.HostPath($"{Ours}/{name}"), "/opt/keelson/keelson");
        }
        return s;
    }

    internal static Task<Sandbox> StartRunsvdir(this Sandbox s) => s.StartCommand("/usr/bin/runsvdir", "-P", "/etc/service");

    /// <summary>Waits until supervise/stat of the service says so, and supervise/status and supervise/ok go with it.</summary>
    internal static Task WaitForStat(this Sandbox s, string service, string stat) =>
        s.Until(() => Text(s.HostPath($"/etc/service/{service}/supervise/stat")) == stat + "\n" && s.StatusAgrees(service) && s.IsServed(service, "ok"), $"{service} is \"{stat}\", not \"{Text(s.HostPath($"/etc/service/{service}/supervise/stat"))}\"");

    /// <summary>The pid of ./run in the sandbox, "" when there is none.</summary>
    internal static string PidOf(this Sandbox s, string service) => Text(s.HostPath($"/etc/service/{service}/supervise/pid")).Trim();

    /// <summary>
    /// Runs a command line that begins with a link's name: `sv status web`, `web status`. What is waited for has half a
    /// minute, for a machine under load, unless the command line says otherwise.
    /// </summary>
    internal static async Task<SvRun> Sv(this Sandbox s, Sv which, string commandLine, string environment = "SVWAIT=30")
    {
        (int status, string output) = await s.Exec($"{environment} {(which == Harness.Sv.Ours ? Ours : Debians)}/{commandLine} 2>/tmp/sv.err");
        return new SvRun(status, Alike(output), Alike(s.Read("/tmp/sv.err")));
    }

    private static string Alike(string text) => Seconds().Replace(Pid().Replace(text, "(pid N)"), " Ns");

    private static string Text(string hostPath)
    {
        try
        {
            return File.ReadAllText(hostPath);
        }
        catch (IOException)
        {
            return "";
        }
    }

    [GeneratedRegex(@"\(pid \d+\)")]
    private static partial Regex Pid();

    [GeneratedRegex(@" \d+s")]
    private static partial Regex Seconds();
}
