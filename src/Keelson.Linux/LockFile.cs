namespace Keelson.Linux;

/// <summary>A file that is locked for as long as somebody has it open (flock(2)). Unlike other descriptors of ours it is inherited.</summary>
public static class LockFile
{
    /// <summary>Makes the file if need be (0600) and locks it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="wait">Wait until it is free; else <see cref="Errno.Again"/> when it is not.</param>
    /// <param name="opened">Whether it could be opened, so that the error is of the lock.</param>
    public static Result<int> Take(ReadOnlySpan<byte> path, bool wait, out bool opened)
    {
        const int append = 0x400, exclusive = 2, withoutWaiting = 4;
        Result<int> file = Files.OpenAt(Files.AtCwd, path, Files.WriteOnly | Files.Create | Files.NonBlock | append, 0x180);
        opened = file.Ok;
        if (!file.Ok)
            return file;
        Errno error;
        do
            error = Libc.Check(Libc.flock(file.Value, exclusive | (wait ? 0 : withoutWaiting)));
        while (error == Errno.Interrupted);
        return new(file.Value, error);
    }
}
