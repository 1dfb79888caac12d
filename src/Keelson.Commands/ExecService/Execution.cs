using System.Globalization;
using Keelson.Linux;
using Keelson.Supervision;

namespace Keelson.Commands.ExecService;

/// <summary>Makes this process a service's ./run or one of its commands.</summary>
/// <param name="image">What the kernel gave this process.</param>
/// <param name="service">The service.</param>
internal sealed class Execution(ProcessImage image, ServiceFile service)
{
    private const int EnvironmentFileLimit = 4 * 1024 * 1024;

    /// <summary>Returns only when it can't, with the exit status, of which it has said why.</summary>
    /// <param name="command">The command; null for ./run.</param>
    internal int Run(ExecCommand? command)
    {
        if (Account.Find(service.Settings, out Trouble trouble) is not { } account)
            return service.Fail(trouble);
        List<ByteString> environment = image.Environment;
        account.SetVariables(environment);
        if (AddVariables(environment) is { } missing)
            return service.Fail(missing);

        ByteString program = command is null ? new("./run"u8) : new(command.Program);
        List<ByteString> arguments = command is null ? [program] : Arguments(command, environment);
        string about = command is null ? "./run" : program.ToString();
        if (arguments.Count == 0)
            return service.Fail(new(ExitStatus.Exec, about, "is to be called by a variable that is empty; write a name"));
        Result<ByteString> path = command is null ? new(RunPath(), Errno.None) : CommandPath.Find(program, EnvironmentList.Value(environment, "PATH="u8));
        if (!path.Ok)
            return service.Fail(new(ExitStatus.Exec, about, "there is no such program in PATH; install it, or write its path"));

        var change = new ProcessChange(service, account, command);
        if (change.Apply() is { } failed)
            return service.Fail(failed);
        using var exec = new PreparedExec(path.Value, arguments, environment);
        image.GiveBack();
        Trouble? limits = change.SetLateLimits();
        if (limits is not null)
            return service.Fail(limits.Value);
        Errno error = exec.Run();
        string reason = ExecFailure.Explain(path.Value.Span, error).Reason;
        return service.Fail(new(ExitStatus.Exec, about, $"can't be run{(account.Entry is { } user ? $" as {user.Name}" : "")}: {reason}"));
    }

    /// <summary>In a working directory of its own the process no longer finds ./run by that name.</summary>
    private ByteString RunPath() => service.Settings.WorkingDirectory.Length == 0
        ? new ByteString("./run"u8)
        : ByteString.Join(service.Directory.Span, "/run"u8);

    private static List<ByteString> Arguments(ExecCommand command, List<ByteString> environment)
    {
        byte[]? Value(byte[] name) => EnvironmentList.Value(environment, ByteString.Join(name, "="u8).Span) is { } value ? value.Span.ToArray() : null;
        var arguments = new List<ByteString>();
        foreach (byte[] argument in command.Arguments(Value))
            arguments.Add(new(argument));
        return arguments;
    }

    /// <summary>Environment=, then the files over it.</summary>
    private Trouble? AddVariables(List<ByteString> environment)
    {
        foreach (byte[] entry in service.Settings.Environment)
            Add(environment, entry);
        foreach ((byte[] path, bool isOptional) in service.Settings.EnvironmentFiles)
        {
            Result<byte[]> file = Files.ReadAll(path, EnvironmentFileLimit);
            string about = $"EnvironmentFile={new ByteString(path)}";
            if (!file.Ok && isOptional && file.Error is Errno.NoEntry or Errno.NotDirectory)
                continue;
            if (!file.Ok)
                return new(ExitStatus.Configuration, about, $"can't be read: {ServiceFile.WhyNot(file.Error)}{(file.Error == Errno.NoEntry ? "; create it, or write - before it to begin without it" : "")}");
            var complaints = new List<string>();
            foreach (byte[] entry in EnvironmentFile.Parse(file.Value, complaints))
                Add(environment, entry);
            foreach (string complaint in complaints)
                service.Tell(about, complaint);
        }
        return null;
    }

    private static void Add(List<ByteString> environment, byte[] entry)
    {
        int value = Array.IndexOf(entry, (byte)'=') + 1;
        EnvironmentList.Set(environment, entry.AsSpan(0, value), entry.AsSpan(value));
    }

    /// <summary>
    /// Runs the commands one after the other. The last one that counts this process becomes itself; a child, which reads
    /// the settings again, becomes each of the others.
    /// </summary>
    internal int RunAll(ReadOnlySpan<byte> kind, IReadOnlyList<ExecCommand> commands)
    {
        for (int i = 0; i < commands.Count; i++)
        {
            if (i == commands.Count - 1 && !commands[i].IgnoresFailure)
                return Run(commands[i]);
            int status = RunChild(kind, i, out bool wasToldToEnd);
            if (wasToldToEnd)
                return status != 0 ? status : 128 + (int)Signal.Term;
            if (status != 0 && !commands[i].IgnoresFailure)
                return status;
        }
        return 0;
    }

    private int RunChild(ReadOnlySpan<byte> kind, int index, out bool wasToldToEnd)
    {
        wasToldToEnd = false;
        var number = ByteString.Of(index.ToString(CultureInfo.InvariantCulture));
        using var arguments = new CStringArray([new("keelson"u8), new("exec-service"u8), new(kind), number]);
        using var environment = new CStringArray(image.Environment);
        Result<int> child = Spawner.Start(new SpawnRequest { Path = "/proc/self/exe"u8, Arguments = arguments, Environment = environment, Placement = Placement.OurGroup });
        if (!child.Ok)
            return service.Fail(new(ExitStatus.Exec, "/proc/self/exe", $"can't be run: {child.Error.Words()}"));
        return Children.WaitFor(child.Value, out wasToldToEnd).ShellCode;
    }
}
