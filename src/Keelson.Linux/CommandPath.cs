namespace Keelson.Linux;

/// <summary>Finds the file of a command as execvp(3) does, and says why there is none.</summary>
public static class CommandPath
{
    private static ReadOnlySpan<byte> DefaultPath => "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"u8;

    /// <summary>
    /// The path to execute: the command itself when it has a slash, else the first executable file of that name in
    /// <paramref name="searchPath"/>. What is there and not executable, or can't be looked at, is returned too when nothing better is: exec says why.
    /// </summary>
    public static Result<ByteString> Find(ByteString command, ByteString? searchPath)
    {
        if (command.Length == 0)
            return new(default, Errno.NoEntry);
        if (command.Span.Contains((byte)'/'))
            return new(command, Errno.None);
        ByteString? second = null;
        ReadOnlySpan<byte> path = searchPath is { } given ? given.Span : DefaultPath;
        foreach (Range part in path.Split((byte)':'))
        {
            // An empty element is the current directory.
            ReadOnlySpan<byte> directory = path[part].IsEmpty ? "."u8 : path[part];
            var candidate = ByteString.Join(directory, "/"u8, command.Span);
            Result<FileStatus> status = Files.Status(candidate.Span);
            if (status.Ok ? status.Value.Kind == FileKind.Directory : status.Error is Errno.NoEntry or Errno.NotDirectory)
                continue;
            // What the kernel can't describe now may be the one all the same.
            if (Files.CanExecute(candidate.Span) == Errno.None)
                return new(candidate, Errno.None);
            if (status.Error is not (Errno.Access or Errno.Loop))
                second ??= candidate;
        }
        return second is { } found ? new(found, Errno.None) : new(default, Errno.NoEntry);
    }

    /// <summary>Why a command that <see cref="Find"/> did not find can't be run.</summary>
    public static ExecFailure NotFound(ByteString command) =>
        command.Length == 0 ? new(127, "the command is empty") : new(127, "command not found in PATH");
}
