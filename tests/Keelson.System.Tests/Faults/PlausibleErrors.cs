using Keelson.Linux;

namespace Keelson.SystemTests.Faults;

/// <summary>With what a call of libc can fail on a Linux that is in trouble, though nothing is wrong with the call (man-pages, section 2).</summary>
internal static class PlausibleErrors
{
    private const uint AddToEpoll = 1;
    private const uint CreateFile = 0x40;

    // Nothing that process 1 does can make these fail, or they can't.
    private static readonly HashSet<string> s_sure =
    [
        "clock_gettime", "getpid", "getppid", "geteuid", "getegid", "getuid", "getpgrp", "getauxval", "umask", "_exit", "setfsuid", "setfsgid",
        "pthread_sigmask", "sigaction", "posix_spawnattr_init", "posix_spawnattr_destroy", "posix_spawnattr_setflags", "posix_spawnattr_setsigmask",
        "posix_spawnattr_setsigdefault", "posix_spawnattr_setpgroup", "posix_spawn_file_actions_init", "posix_spawn_file_actions_destroy",
    ];

    /// <summary>Those of one call site; none where there can be none.</summary>
    internal static Errno[] Of(MetSite site) => site.Function switch
    {
        // A file that is made needs room, and an image may not be written.
        "openat" when (site.Third & CreateFile) != 0 => [Errno.TooManyFiles, Errno.NoMemory, Errno.Io, Errno.Access, Errno.Interrupted, Errno.NoSpace, Errno.ReadOnly],
        "openat" => [Errno.TooManyFiles, Errno.TooManyFilesInSystem, Errno.NoMemory, Errno.Io, Errno.Access, Errno.Interrupted],
        "read" => [Errno.Io, Errno.Interrupted],
        "write" or "pwrite" => [Errno.NoSpace, Errno.Io, Errno.Interrupted, Errno.Again, Errno.BrokenPipe],
        "close" => [Errno.Io, Errno.Interrupted],
        "getdents64" => [Errno.Io, Errno.NoMemory],
        "statx" or "faccessat" or "readlink" or "readlinkat" => [Errno.Io, Errno.NoMemory, Errno.Access],
        "rename" or "renameat" => [Errno.NoSpace, Errno.Io, Errno.ReadOnly, Errno.Busy],
        "unlink" or "unlinkat" => [Errno.Io, Errno.ReadOnly, Errno.NotPermitted],
        "mkdir" or "mkdirat" or "mkfifoat" or "symlinkat" => [Errno.NoSpace, Errno.Io, Errno.ReadOnly, Errno.NotPermitted],
        "chmod" or "chown" or "fchmod" or "fchown" => [Errno.NotPermitted, Errno.ReadOnly, Errno.Io],
        "fsync" or "ftruncate" => [Errno.Io, Errno.NoSpace],
        "flock" => [Errno.Interrupted, Errno.NoMemory],
        "fcntl" => [Errno.NotPermitted],
        "pipe2" => [Errno.TooManyFiles, Errno.TooManyFilesInSystem],
        "dup2" => [Errno.Busy, Errno.Interrupted],
        "socket" => [Errno.TooManyFiles, Errno.NoMemory, Errno.NotPermitted],
        "bind" => [Errno.AddressInUse, Errno.Access, Errno.ReadOnly, Errno.NoSpace],
        "listen" => [Errno.AddressInUse, Errno.NoMemory],
        "accept4" => [Errno.TooManyFiles, Errno.NoMemory, Errno.Interrupted],
        "getsockopt" or "setsockopt" => [Errno.NoMemory],
        "connect" => [Errno.ConnectionRefused, Errno.Again],
        "sendto" or "sendmsg" => [Errno.Again, Errno.BrokenPipe, Errno.NoMemory, Errno.Interrupted],
        "recv" or "recvmsg" => [Errno.Interrupted, Errno.NoMemory, Errno.Again],
        "epoll_create1" or "signalfd" => [Errno.TooManyFiles, Errno.NoMemory],
        "epoll_ctl" => site.Second == AddToEpoll ? [Errno.NoMemory, Errno.NoSpace] : [],
        "epoll_wait" => [Errno.Interrupted],
        "poll" => [Errno.Interrupted, Errno.NoMemory],
        "inotify_init1" => [Errno.TooManyFiles, Errno.NoMemory],
        "inotify_add_watch" => [Errno.NoSpace, Errno.NoMemory, Errno.Access],
        "inotify_rm_watch" => [Errno.Invalid],
        "kill" => [Errno.NotPermitted, Errno.NoProcess],
        "sigqueue" => [Errno.Again, Errno.NotPermitted, Errno.NoProcess],
        "waitpid" => [Errno.Interrupted],
        "prctl" or "capget" or "capset" or "prlimit" => [Errno.NotPermitted],
        "getrandom" => [Errno.Again, Errno.Interrupted],
        "madvise" or "mincore" => [Errno.NoMemory, Errno.Again],
        "posix_spawn" => [Errno.Again, Errno.NoMemory, Errno.Access, Errno.TooManyFiles, Errno.Io, Errno.TextBusy],
        "tcgetpgrp" or "tcsetpgrp" or "tcgetattr" or "tcsetattr" => [Errno.Io, Errno.NotTerminal],
        _ when site.Function.StartsWith("posix_spawn_file_actions_add", StringComparison.Ordinal) => [Errno.NoMemory],
        _ when s_sure.Contains(site.Function) => [],
        _ => throw new InvalidOperationException($"{site.Function} is called by process 1: say with what it can fail"),
    };

    /// <summary>Whether trouble of this kind can go on for a while: a disk stays full, an interruption is over.</summary>
    internal static bool CanLast(string function, Errno error) =>
        error is not (Errno.Interrupted or Errno.NoProcess or Errno.BrokenPipe or Errno.TextBusy or Errno.ConnectionRefused) && (error, function) is not (Errno.Again, not "posix_spawn") &&
        // Readable and not to be read, for ever: no kernel does that.
        function is not ("read" or "recv" or "recvmsg" or "poll" or "close" or "kill" or "sigqueue");
}
