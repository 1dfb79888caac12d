// What is changed, in runit's order: session, environment, root, directory, nice level, UID and GID, user, lock, limits,
// standard descriptors.
using System.Globalization;
using System.Text;
using Keelson.Linux;

namespace Keelson.Commands.Chpst;

/// <summary>All that chpst may change before it runs a program.</summary>
internal sealed class ProcessState
{
    private const int Failed = 111;

    internal bool OwnSession { get; set; }
    internal ByteString? EnvironmentFrom { get; set; }

    /// <summary>Called as envdir: a directory in the directory is an error, which -e passes over.</summary>
    internal bool IsEnvdir { get; init; }

    internal ByteString? Root { get; set; }
    internal ByteString? WorkingDirectory { get; set; }
    internal int Nice { get; set; }
    internal Identity? NamedUser { get; set; }
    internal Identity? User { get; set; }
    internal ByteString? Lock { get; set; }
    internal bool WaitsForLock { get; set; } = true;

    /// <summary>Where the lock can't be had, nothing is run and all is well (setlock -x).</summary>
    internal bool LockIsOptional { get; set; }

    internal List<(Resource Resource, ulong Value)> SoftLimits { get; } = [];
    internal bool[] Closed { get; } = new bool[3];
    internal ByteString? Argument0 { get; set; }

    /// <summary>Changes and runs; returns only when it can't, with the exit status.</summary>
    /// <param name="image">What the kernel gave this process.</param>
    /// <param name="first">Where the program and its arguments begin in our own.</param>
    internal int Run(ProcessImage image, int first)
    {
        List<ByteString> environment = image.Environment;
        // The search path is the one that we were started with.
        ByteString? searchPath = EnvironmentList.Value(environment, "PATH="u8);
        if (OwnSession)
            _ = Sessions.Begin();
        if (EnvironmentFrom is { } directory && !EnvironmentDirectory.Apply(directory, environment, IsEnvdir, out string problem))
            return Fail(problem);
        if (ChangeDirectories() is { } trouble)
            return Fail(trouble);
        if (Nice != 0 && Sessions.AddNice(Nice) is not Errno.None and var nice)
            return Fail($"unable to set nice level: {ErrorWords.Of(nice)}");
        if (NamedUser is { } named)
        {
            EnvironmentList.Set(environment, "UID="u8, Digits(named.User));
            EnvironmentList.Set(environment, "GID="u8, Digits(named.Groups[0]));
        }
        if (User is { } user && Credentials.Become(user.User, user.Groups[0], user.Groups) is not Errno.None and var error)
            return Fail($"unable to setgroups: {ErrorWords.Of(error)}");
        if (Lock is { } file && TakeLock(file, out int status))
            return status;
        return Execute(image, first, environment, searchPath);
    }

    private string? ChangeDirectories()
    {
        if (Root is { } root)
        {
            Errno error = Sessions.ChangeDirectory(root.Span);
            if (error != Errno.None)
                return $"unable to change directory: {root}: {ErrorWords.Of(error)}";
            error = Sessions.ChangeRootToHere();
            if (error != Errno.None)
                return $"unable to change root directory: {ErrorWords.Of(error)}";
        }
        if (WorkingDirectory is { } directory && Sessions.ChangeDirectory(directory.Span) is not Errno.None and var failed)
            return $"unable to change directory: {directory}: {ErrorWords.Of(failed)}";
        return null;
    }

    /// <summary>True when nothing is to be run, with the exit status. The lock is the program's for as long as it has the descriptor.</summary>
    private bool TakeLock(ByteString file, out int status)
    {
        Result<int> fd = LockFile.Take(file.Span, WaitsForLock, out bool opened);
        status = 0;
        if (fd.Ok)
            return false;
        if (!LockIsOptional)
            status = Fail($"unable to {(opened ? "lock" : "open lock")}: {file}: {ErrorWords.Of(fd.Error)}");
        return true;
    }

    private int Execute(ProcessImage image, int first, List<ByteString> environment, ByteString? searchPath)
    {
        ByteString program = image.Arguments[first];
        Result<ByteString> path = CommandPath.Find(program, searchPath);
        ByteString[] arguments = image.Arguments[first..];
        if (Argument0 is { } name)
            arguments[0] = name;
        Errno error = path.Error;
        if (path.Ok)
        {
            using var exec = new PreparedExec(path.Value, arguments, environment);
            image.GiveBack();
            foreach ((Resource resource, ulong value) in SoftLimits)
            {
                if (Limits.SetSoft(resource, value) is not Errno.None and var limit)
                    return Fail($"unable to set limit: {ErrorWords.Of(limit)}");
            }
            for (int fd = 0; fd < Closed.Length; fd++)
            {
                if (Closed[fd])
                    Files.Close(fd);
            }
            error = exec.Run();
            // To say so takes memory.
            Limits.SetSoft(Resource.Data, ulong.MaxValue);
            Limits.SetSoft(Resource.AddressSpace, ulong.MaxValue);
        }
        return Fail($"unable to run: {program}: {ErrorWords.Of(error)}");
    }

    internal static int Fail(string message) => Say.Fail(Failed, $"chpst: fatal: {message}");

    private static byte[] Digits(uint number) => Encoding.ASCII.GetBytes(number.ToString(CultureInfo.InvariantCulture));
}
