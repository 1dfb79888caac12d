// The same service directories under Debian's runit and under Keelson: what a test expects must hold for both.
using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Keelson.SystemTests.Harness;

public enum Supervisor
{
    Runit,
    Keelson,
}

/// <summary>The 20 bytes of supervise/status.</summary>
public sealed record StatusRecord(long Seconds, uint Nanoseconds, int Pid, byte Paused, char Want, byte GotTerm, byte State);

internal static class Supervisors
{
    /// <summary>Starts runsvdir, or my_init, as process number 1.</summary>
    internal static Task<Sandbox> StartSupervisor(this Sandbox s, Supervisor which)
    {
        if (which == Supervisor.Keelson)
            return s.Start();
        if (!File.Exists("/usr/bin/runsvdir"))
            throw new InvalidOperationException("missing on this machine: runsvdir (package runit)");
        return s.StartCommand("/usr/bin/runsvdir", "-P", "/etc/service");
    }

    /// <summary>
    /// A line of a script that notes when the kernel made its process (/proc/PID/stat, proc_pid_stat(5)): what the
    /// machine's load does between the fork and a `date` would make an interval look shorter than it was.
    /// </summary>
    internal static string NoteStart(string file) => $"cut -d' ' -f22 /proc/$$/stat >>{file}";

    /// <summary>The seconds between the first and the last of so many starts, once they are there.</summary>
    internal static async Task<double> SecondsOfStarts(this Sandbox s, string file, int starts)
    {
        const double ticksPerSecond = 100;
        await s.Until(() => s.ReadLines(file).Length >= starts, $"{starts} starts");
        double[] ticks = [.. s.ReadLines(file).Select(l => double.Parse(l, CultureInfo.InvariantCulture))];
        return (ticks[starts - 1] - ticks[0]) / ticksPerSecond;
    }

    internal static string Supervise(this Sandbox s, string service, string file) => s.HostPath($"/etc/service/{service}/supervise/{file}");

    private static byte[] ReadBytes(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Not there yet, or still a directory that is in its place.
            return [];
        }
    }

    internal static string Stat(this Sandbox s, string service) => Encoding.ASCII.GetString(ReadBytes(s.Supervise(service, "stat"))).TrimEnd('\n');

    /// <summary>What supervise/pid says, "" when nothing runs.</summary>
    internal static string PidFile(this Sandbox s, string service) => Encoding.ASCII.GetString(ReadBytes(s.Supervise(service, "pid")));

    internal static StatusRecord? Status(this Sandbox s, string service)
    {
        byte[] b = ReadBytes(s.Supervise(service, "status"));
        return b.Length != 20 ? null : new StatusRecord(
            (long)(BinaryPrimitives.ReadUInt64BigEndian(b) - (1UL << 62) - 10), BinaryPrimitives.ReadUInt32BigEndian(b.AsSpan(8)),
            BinaryPrimitives.ReadInt32LittleEndian(b.AsSpan(12)), b[16], (char)b[17], b[18], b[19]);
    }

    /// <summary>The three files are written one after the other: whether status says what stat says.</summary>
    internal static bool StatusAgrees(this Sandbox s, string service)
    {
        if (s.Status(service) is not { } status)
            return false;
        string words = (status.State switch { 1 => "run", 2 => "finish", _ => "down" }) + (status.Paused != 0 ? ", paused" : "") + (status.GotTerm != 0 ? ", got TERM" : "") +
            (status.State != 0 && status.Want == 'd' ? ", want down" : "");
        return words == s.Stat(service).Replace("want exit", "want down", StringComparison.Ordinal);
    }

    internal static Task WaitForStat(this Sandbox s, Supervisor _, string service, string stat) =>
        s.Until(
            () => s.Stat(service) == stat && s.StatusAgrees(service),
            () => $"stat of {service} is \"{stat}\"; it is \"{s.Stat(service)}\", and {s.Status(service)}");

    /// <summary>As Sandbox.Until, with words for the failure that are made when it has failed.</summary>
    private static async Task Until(this Sandbox s, Func<bool> fact, Func<string> what)
    {
        try
        {
            await s.Until(fact, "what was waited for");
        }
        catch (Xunit.Sdk.XunitException e)
        {
            throw Wait.Failure($"{e.Message}: {what()}");
        }
    }

    /// <summary>Writes the letters to supervise/control in one write, once there is a reader.</summary>
    internal static Task Control(this Sandbox s, string service, string letters)
    {
        string control = s.Supervise(service, "control");
        return s.Until(() => Native.WriteFifo(control, Encoding.ASCII.GetBytes(letters)), $"\"{letters}\" could be written to {control}");
    }

    /// <summary>Whether a writer finds somebody at the FIFO.</summary>
    internal static bool IsServed(this Sandbox s, string service, string fifo) => Native.WriteFifo(s.Supervise(service, fifo), []);

    /// <summary>The error of open(2) for writing without waiting: ENXIO when nobody reads, 0 when somebody does.</summary>
    internal static int WriterError(this Sandbox s, string service, string fifo) => Native.WriterError(s.Supervise(service, fifo));

    /// <summary>
    /// The service's process once it runs, as supervise/pid names it. When ./run execs a program it is that program: before,
    /// it is a copy of runsv that still has runsv's handlers, or a shell whose first lines have yet to run.
    /// </summary>
    internal static async Task<ProcessEntry> RunOf(this Sandbox s, string service, int notPid = 0)
    {
        bool execs = s.Read($"/etc/service/{service}/run").Contains("exec ", StringComparison.Ordinal);
        ProcessEntry? found = null;
        await s.Until(
            () =>
            {
                string pid = s.PidFile(service).Trim();
                IReadOnlyList<ProcessEntry> all = s.Processes;
                found = all.FirstOrDefault(p => !p.IsZombie && Shell.Format(p.Pid) == pid && p.Pid != notPid);
                return found is not null &&
                    (!execs || HasBecomeItsProgram(found, all)) &&
                    s.Stat(service).StartsWith("run", StringComparison.Ordinal) && s.StatusAgrees(service) && s.Status(service)?.Pid == found.Pid;
            },
            () => $"{service} runs; it is {s.Status(service)}, and its process is {found}");
        return found!;
    }

    private static bool HasBecomeItsProgram(ProcessEntry process, IReadOnlyList<ProcessEntry> all) =>
        !process.Command.StartsWith('[') && !process.Command.EndsWith(" ./run", StringComparison.Ordinal) &&
        process.Command != all.FirstOrDefault(p => p.HostPid == process.Parent)?.Command;

    /// <summary>Waits until sv can tell how the service is: its process may run before its status is written.</summary>
    internal static Task WaitForSv(this Sandbox s, string service) =>
        s.Until(() => s.OurSv($"status {service}").Result.Status == 0, $"sv knows {service}");

    /// <summary>Lets so much time pass, for what must not happen meanwhile.</summary>
    internal static Task Pass(this Sandbox s, TimeSpan time)
    {
        var watch = Stopwatch.StartNew();
        return s.Until(() => watch.Elapsed > time, "time passes", time + Sandbox.Patience);
    }
}
