// Children are made by posix_spawn(3): no managed code ever runs in a forked child. Each starts with an empty signal
// mask and default dispositions, whatever the runtime has set for us (it ignores SIGPIPE), and without our descriptors.
namespace Keelson.Linux;

/// <summary>Where a child stands among sessions and process groups (credentials(7)).</summary>
public enum Placement
{
    /// <summary>In a process group of its own.</summary>
    OwnGroup,

    /// <summary>As OwnGroup, and in the foreground of the terminal on standard input.</summary>
    Foreground,

    /// <summary>In a session of its own, without a terminal.</summary>
    OwnSession,

    /// <summary>In our process group: what the terminal signals, it gets too.</summary>
    OurGroup,
}

/// <summary>What to start and how.</summary>
public readonly ref struct SpawnRequest
{
    /// <summary>The file, looked up relative to <see cref="Directory"/>.</summary>
    public required ReadOnlySpan<byte> Path { get; init; }
    public required CStringArray Arguments { get; init; }
    public required CStringArray Environment { get; init; }
    public required Placement Placement { get; init; }

    /// <summary>Working directory; empty: ours.</summary>
    public ReadOnlySpan<byte> Directory { get; init; }

    /// <summary>Working directory by its descriptor, whatever is called <see cref="Directory"/> by now; 0: by its name.</summary>
    public int DirectoryFd { get; init; }

    /// <summary>What the child has as standard input; 0 or less: ours.</summary>
    public int StandardInput { get; init; }

    /// <summary>What the child has as standard output; 0 or less: ours.</summary>
    public int StandardOutput { get; init; }

    /// <summary>What the child has as standard error; 0 or less: ours.</summary>
    public int StandardError { get; init; }

    /// <summary>The child has no standard output at all.</summary>
    public bool CloseStandardOutput { get; init; }

    /// <summary>What the child has as <see cref="ExtraNumber"/>; 0 or less: nothing.</summary>
    public int Extra { get; init; }
    public int ExtraNumber { get; init; }

    /// <summary>What the child has as 4 and 5, numbered above them; 0: neither.</summary>
    public int Fourth { get; init; }
    public int Fifth { get; init; }
}

public static unsafe class Spawner
{
    private const short SetGroup = 2;
    private const short SetSignalDefaults = 4;
    private const short SetSignalMask = 8;
    private const short SetSession = 0x80;

    /// <summary>
    /// The new child's process id, or why there is none, which is the child's own exec error where it came that far.
    /// A missing directory and a missing interpreter are <see cref="Errno.NoEntry"/> too: ExecFailure finds out which.
    /// </summary>
    public static Result<int> Start(in SpawnRequest request)
    {
        Span<byte> path = stackalloc byte[CString.Size];
        Span<byte> directory = stackalloc byte[CString.Size];
        Errno error = CString.Write(request.Path, path);
        if (error == Errno.None)
            error = CString.Write(request.Directory, directory);
        if (error != Errno.None)
            return new(0, error);

        // Larger than glibc has them on any architecture (336 and 80 bytes).
        byte* attributes = stackalloc byte[512];
        byte* actions = stackalloc byte[256];
        _ = Libc.posix_spawnattr_init(attributes);
        _ = Libc.posix_spawn_file_actions_init(actions);
        try
        {
            ulong* set = stackalloc ulong[16];
            new Span<ulong>(set, 16).Clear();
            _ = Libc.posix_spawnattr_setsigmask(attributes, set);
            new Span<ulong>(set, 16).Fill(ulong.MaxValue);
            _ = Libc.posix_spawnattr_setsigdefault(attributes, set);
            short flags = SetSignalDefaults | SetSignalMask;
            if (request.Placement == Placement.OwnSession)
            {
                flags |= SetSession;
            }
            else if (request.Placement != Placement.OurGroup)
            {
                flags |= SetGroup;
                _ = Libc.posix_spawnattr_setpgroup(attributes, 0);
            }
            _ = Libc.posix_spawnattr_setflags(attributes, flags);

            int failed = 0;
            if (request.Placement == Placement.Foreground)
                failed |= Libc.posix_spawn_file_actions_addtcsetpgrp_np(actions, Stdio.In);
            if (request.StandardInput > Stdio.In)
                failed |= Libc.posix_spawn_file_actions_adddup2(actions, request.StandardInput, Stdio.In);
            if (request.StandardOutput > Stdio.In)
                failed |= Libc.posix_spawn_file_actions_adddup2(actions, request.StandardOutput, Stdio.Out);
            if (request.StandardError > Stdio.In)
                failed |= Libc.posix_spawn_file_actions_adddup2(actions, request.StandardError, Stdio.Error);
            if (request.DirectoryFd > 0)
                failed |= Libc.posix_spawn_file_actions_addfchdir_np(actions, request.DirectoryFd);
            if (request.CloseStandardOutput)
                failed |= Libc.posix_spawn_file_actions_addclose(actions, Stdio.Out);
            if (request.Fourth > 0)
                failed |= Libc.posix_spawn_file_actions_adddup2(actions, request.Fourth, 4) | Libc.posix_spawn_file_actions_adddup2(actions, request.Fifth, 5);
            // Ours below it close by themselves, as all of them do; closing them here is for what libraries may have left.
            if (request.Extra > 0)
                failed |= Libc.posix_spawn_file_actions_adddup2(actions, request.Extra, request.ExtraNumber);
            failed |= Libc.posix_spawn_file_actions_addclosefrom_np(actions, request.Fourth > 0 ? 6 : request.Extra > 0 ? Math.Max(request.ExtraNumber + 1, 3) : 3);
            fixed (byte* d = directory)
            fixed (byte* p = path)
            {
                if (!request.Directory.IsEmpty && request.DirectoryFd <= 0)
                    failed |= Libc.posix_spawn_file_actions_addchdir_np(actions, d);
                if (failed != 0)
                    return new(0, Errno.NoMemory);
                DescriptorLimit.SetTheirs();
                int pid;
                error = (Errno)Libc.posix_spawn(&pid, p, actions, attributes, request.Arguments.Pointer, request.Environment.Pointer);
                return error == Errno.ExecFormat ? ByShell(p, actions, attributes, request) : new(pid, error);
            }
        }
        finally
        {
            DescriptorLimit.SetOurs();
            _ = Libc.posix_spawn_file_actions_destroy(actions);
            _ = Libc.posix_spawnattr_destroy(attributes);
        }
    }

    /// <summary>A file without an interpreter line is a script of /bin/sh, as shells and execvp(3) have it.</summary>
    private static Result<int> ByShell(byte* path, byte* actions, byte* attributes, in SpawnRequest request)
    {
        ByteString file = request.Directory.IsEmpty || request.Path is [(byte)'/', ..]
            ? new ByteString(request.Path)
            : ByteString.Join(request.Directory, "/"u8, request.Path);
        if (!Files.MayBeShellScript(file.Span))
            return new(0, Errno.ExecFormat);
        var argv = new byte*[request.Arguments.Count + 2];
        fixed (byte* shell = "/bin/sh\0"u8)
        fixed (byte** array = argv)
        {
            array[0] = shell;
            array[1] = path;
            for (int i = 1; i < request.Arguments.Count; i++)
                array[i + 1] = request.Arguments.Pointer[i];
            int pid;
            Errno error = (Errno)Libc.posix_spawn(&pid, shell, actions, attributes, array, request.Environment.Pointer);
            // That there is no /bin/sh is not what is wrong with the file.
            return error is Errno.NoEntry ? new(0, Errno.ExecFormat) : new(pid, error);
        }
    }
}
