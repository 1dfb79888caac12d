// exec(3) has one errno for many causes: "no such file" is also a missing interpreter, a missing loader, or CRLF behind
// the interpreter's name. This looks again, after the failure, and finds the words that name the cure.
using System.Text;

namespace Keelson.Linux;

/// <summary>Why a program could not be started.</summary>
/// <param name="Status">The exit status for it, as shells have it: 127 not found, 126 found but not executable.</param>
/// <param name="Reason">In words, with the cure where there is one.</param>
public readonly record struct ExecFailure(int Status, string Reason)
{
    private const int NotFound = 127;
    private const int NotExecutable = 126;

    public static ExecFailure Explain(ReadOnlySpan<byte> path, Errno error)
    {
        Result<FileStatus> status = Files.Status(path);
        if (!status.Ok)
        {
            return status.Error is Errno.NoEntry or Errno.NotDirectory
                ? new(NotFound, status.Error.Words())
                : new(NotExecutable, status.Error.Words());
        }
        if (status.Value.Kind == FileKind.Directory)
            return new(NotExecutable, "is a directory");
        if (status.Value.Kind != FileKind.Regular)
            return new(NotExecutable, "is not a regular file");
        if (status.Value.Size == 0)
            return new(NotExecutable, "is empty");
        if ((status.Value.Mode & Files.AnyExecute) == 0)
            return new(NotExecutable, "permission denied: it has no execute bit (chmod +x mends it)");
        return error switch
        {
            Errno.Access => new(NotExecutable, Interpreter(path) is { Length: > 0 } interpreter
                ? InterpreterTrouble(interpreter)
                : "permission denied: we may not execute it, or its file system is mounted noexec"),
            Errno.NoEntry or Errno.NotDirectory or Errno.Loop or Errno.NameTooLong => new(NotExecutable, MissingInterpreter(path)),
            Errno.ExecFormat when Interpreter(path) is { Length: > 0 } interpreter => new(NotExecutable, InterpreterTrouble(interpreter)),
            _ => new(NotExecutable, error.Words()),
        };
    }

    private static string MissingInterpreter(ReadOnlySpan<byte> path)
    {
        byte[] interpreter = Interpreter(path);
        return interpreter.Length > 0
            ? InterpreterTrouble(interpreter)
            : "its loader or interpreter does not exist (a program built for another libc?)";
    }

    private static string InterpreterTrouble(ReadOnlySpan<byte> interpreter)
    {
        string name = Encoding.UTF8.GetString(interpreter.TrimEnd((byte)'\r'));
        if (interpreter.EndsWith("\r"u8))
            return $"CRLF line ends: its first line ends in a carriage return, so the interpreter \"{name}\\r\" does not exist (sed -i 's/\\r$//' mends it)";
        Result<FileStatus> status = Files.Status(interpreter);
        if (!status.Ok)
            return status.Error == Errno.NoEntry ? $"no such interpreter \"{name}\"" : $"interpreter \"{name}\": {status.Error.Words()}";
        if (status.Value.Kind != FileKind.Regular)
            return $"interpreter \"{name}\" is not a program";
        Errno executable = Files.CanExecute(interpreter);
        return executable != Errno.None
            ? $"interpreter \"{name}\": {executable.Words()}"
            : $"interpreter \"{name}\" can't be run, or the file system of the script is mounted noexec";
    }

    /// <summary>What follows #! up to the first blank; empty when the file is no script or can't be read.</summary>
    private static byte[] Interpreter(ReadOnlySpan<byte> path)
    {
        Span<byte> buffer = stackalloc byte[256];
        ReadOnlySpan<byte> line = Files.ReadStart(path, buffer);
        if (!line.StartsWith("#!"u8))
            return [];
        int end = line.IndexOf((byte)'\n');
        line = (end < 0 ? line : line[..end])[2..].TrimStart(" \t"u8);
        int blank = line.IndexOfAny((byte)' ', (byte)'\t');
        return (blank < 0 ? line : line[..blank]).ToArray();
    }
}
