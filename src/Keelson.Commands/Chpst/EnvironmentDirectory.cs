using Keelson.Linux;

namespace Keelson.Commands.Chpst;

/// <summary>-e: a variable for each file of a directory, as daemontools' envdir has it.</summary>
internal static class EnvironmentDirectory
{
    private const int MostBytes = 1024 * 1024;

    /// <summary>Sets and unsets the variables; false when it can't, and what to say of it in <paramref name="problem"/>.</summary>
    internal static bool Apply(ByteString directory, List<ByteString> environment, bool isEnvdir, out string problem)
    {
        problem = "";
        Result<List<ByteString>> names = Files.List(directory.Span);
        if (!names.Ok)
        {
            problem = $"unable to switch to directory: {directory}: {ErrorWords.Of(names.Error)}";
            return false;
        }
        foreach (ByteString name in names.Value)
        {
            if (name.Span[0] == '.' || name.Span.Contains((byte)'='))
                continue;
            Result<byte[]> file = Files.ReadAll(ByteString.Join(directory.Span, "/"u8, name.Span).Span, MostBytes);
            if (!isEnvdir && file.Error is Errno.IsDirectory or Errno.Invalid)
                continue;
            if (!file.Ok)
            {
                problem = $"unable to read {directory}/{name}: {ErrorWords.Of(file.Error)}";
                return false;
            }
            var variable = ByteString.Join(name.Span, "="u8);
            if (file.Value.Length == 0)
                EnvironmentList.Unset(environment, variable.Span);
            else
                EnvironmentList.Set(environment, variable.Span, Value(file.Value));
        }
        return true;
    }

    /// <summary>The first line without the blanks at its end; a NUL in it stands for a newline.</summary>
    private static ReadOnlySpan<byte> Value(byte[] content)
    {
        int end = Array.IndexOf(content, (byte)'\n');
        Span<byte> line = content.AsSpan(0, end < 0 ? content.Length : end).TrimEnd(" \t"u8);
        line.Replace((byte)0, (byte)'\n');
        return line;
    }
}
