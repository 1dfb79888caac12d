namespace Keelson.Linux;

/// <summary>
/// An execve(2) with everything in memory that it needs, so that limits which leave no room for more can be set between
/// the preparation and <see cref="Run"/>.
/// </summary>
public sealed unsafe class PreparedExec : IDisposable
{
    private readonly ByteString _path;
    private readonly CStringArray _arguments;
    private readonly CStringArray _byShell;
    private readonly CStringArray _environment;

    /// <param name="path">The program's file.</param>
    /// <param name="arguments">All of argv; a file without an interpreter line is run by /bin/sh, as execvp(3) has it.</param>
    /// <param name="environment">All of it.</param>
    public PreparedExec(ByteString path, IReadOnlyList<ByteString> arguments, IReadOnlyList<ByteString> environment)
    {
        _path = path;
        _arguments = new CStringArray(arguments);
        var shell = new List<ByteString> { new("/bin/sh"u8), path };
        for (int i = 1; i < arguments.Count; i++)
            shell.Add(arguments[i]);
        _byShell = new CStringArray(shell);
        _environment = new CStringArray(environment);
    }

    /// <summary>Returns only when it can't.</summary>
    public Errno Run()
    {
        Span<byte> buffer = stackalloc byte[CString.Size];
        Errno error = CString.Write(_path.Span, buffer);
        if (error != Errno.None)
            return error;
        fixed (byte* program = buffer)
        fixed (byte* shell = "/bin/sh\0"u8)
        {
            error = Libc.Check(Libc.execve(program, _arguments.Pointer, _environment.Pointer));
            return error == Errno.ExecFormat && Files.MayBeShellScript(_path.Span)
                ? Libc.Check(Libc.execve(shell, _byShell.Pointer, _environment.Pointer))
                : error;
        }
    }

    public void Dispose()
    {
        _arguments.Dispose();
        _byShell.Dispose();
        _environment.Dispose();
    }
}
