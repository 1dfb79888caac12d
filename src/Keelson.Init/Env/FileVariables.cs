// Secrets come as files (docker secret, Kubernetes): NAME_FILE=/path, as in Docker's official images, and FILE__NAME=/path,
// as in LinuxServer's. Here what is in the file becomes NAME, before anything else sees the environment.
using Keelson.Linux;

namespace Keelson.Init.Env;

/// <summary>What KEELSON_FILE_ENV asks for. It reads files and changes the variables it is given; messages are the caller's.</summary>
public static class FileVariables
{
    private const int MaxString = 128 * 1024 - 1;

    private static ReadOnlySpan<byte> Switch => "KEELSON_FILE_ENV"u8;
    private static ReadOnlySpan<byte> Suffix => "_FILE"u8;
    private static ReadOnlySpan<byte> Prefix => "FILE__"u8;

    /// <summary>
    /// Replaces NAME_FILE and FILE__NAME by NAME with the contents of the file, one newline at its end left out.
    /// KEELSON_FILE_ENV=1: all of them; a list of names with commas between: those; anything else that is empty or 0: none.
    /// Variables without a value count as not set.
    /// </summary>
    /// <param name="variables">All variables.</param>
    /// <param name="weaker">Names that the environment did not set, but the directory did: they give way.</param>
    /// <param name="used">The variables that named a file, which are gone now.</param>
    /// <returns>What is wrong, each with its cure; nothing when all is well.</returns>
    public static List<string> Read(SortedDictionary<ByteString, ByteString> variables, IReadOnlySet<ByteString> weaker, List<ByteString> used)
    {
        var problems = new List<string>();
        if (!variables.TryGetValue(new ByteString(Switch), out ByteString wanted) || wanted.Length == 0 || wanted.Is("0"u8))
            return problems;
        var sources = new SortedDictionary<ByteString, ByteString>();
        foreach ((ByteString variable, ByteString path) in variables)
        {
            if (NameIn(variable.Span) is not { } name || path.Length == 0 || !IsWanted(wanted.Span, name.Span))
                continue;
            if (sources.TryGetValue(name, out ByteString other))
                problems.Add($"both {other} and {variable} are set; keep one of them");
            else
                sources[name] = variable;
        }
        foreach ((ByteString name, ByteString variable) in sources)
        {
            bool alsoDirect = variables.TryGetValue(name, out ByteString direct) && direct.Length > 0;
            // What the directory says is older than what the environment says: it gives way, whichever of the two it is.
            bool directIsOlder = weaker.Contains(name), fileIsOlder = weaker.Contains(variable);
            if (alsoDirect && directIsOlder == fileIsOlder)
                problems.Add($"both {name} and {variable} are set; keep one of them");
            else if (alsoDirect && fileIsOlder)
                used.Add(variable);
            else if (ReadFile(variables[variable], out ByteString value) is { } reason)
                problems.Add($"cannot read {variables[variable]}, which {variable} names: {reason}");
            else
            {
                variables[name] = value;
                used.Add(variable);
            }
        }
        foreach (ByteString variable in used)
            variables.Remove(variable);
        return problems;
    }

    /// <summary>NAME in NAME_FILE and FILE__NAME; null when the variable is neither, or the switch itself.</summary>
    private static ByteString? NameIn(ReadOnlySpan<byte> variable)
    {
        if (variable.StartsWith(Prefix) && variable.Length > Prefix.Length)
            return new ByteString(variable[Prefix.Length..]);
        return variable.EndsWith(Suffix) && variable.Length > Suffix.Length ? new ByteString(variable[..^Suffix.Length]) : null;
    }

    private static bool IsWanted(ReadOnlySpan<byte> wanted, ReadOnlySpan<byte> name)
    {
        if (wanted.SequenceEqual("1"u8))
            return true;
        foreach (Range range in wanted.Split((byte)','))
        {
            if (wanted[range].Trim((byte)' ').SequenceEqual(name))
                return true;
        }
        return false;
    }

    private static string? ReadFile(ByteString path, out ByteString value)
    {
        value = default;
        if (path.Span[0] != (byte)'/')
            return "not an absolute path; write one, or name in KEELSON_FILE_ENV the variables that are to be read, as in KEELSON_FILE_ENV=DB_PASSWORD,API_KEY";
        Result<byte[]> file = Files.ReadAll(path.Span, MaxString);
        if (!file.Ok)
        {
            return file.Error switch
            {
                Errno.NoEntry => "no such file; mount the secret there, or name in KEELSON_FILE_ENV the variables that are to be read",
                Errno.Access or Errno.NotPermitted => $"permission denied; let user {Processes.UserId} read it",
                Errno.IsDirectory => "is a directory; name the file in it",
                Errno.Invalid => "not a regular file; put the secret into one",
                Errno.ArgumentsTooLong => "longer than an environment variable can be (128 KiB); have the program read the file itself",
                _ => $"{file.Error.Words()}; mend that, or unset the variable",
            };
        }
        ReadOnlySpan<byte> content = file.Value;
        if (content.Contains((byte)0))
            return "it contains a NUL byte, which no environment variable can; have the program read the file itself";
        value = new ByteString(content.EndsWith("\n"u8) ? content[..^1] : content);
        return null;
    }
}
