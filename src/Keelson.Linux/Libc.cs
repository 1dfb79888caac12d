using System.Runtime.InteropServices;

namespace Keelson.Linux;

/// <summary>
/// Every libc function that Keelson calls, once. Only this assembly sees it: the files beside it turn each return value
/// into a <see cref="Result{T}"/> or an <see cref="Errno"/> at once.
/// </summary>
internal static unsafe partial class Libc
{
    private const string C = "libc";

    internal static Errno LastError => (Errno)Marshal.GetLastSystemError();

    /// <summary>The errno when <paramref name="result"/> is negative, else none.</summary>
    internal static Errno Check(nint result) => result < 0 ? LastError : Errno.None;

    // Signals
    [LibraryImport(C)] internal static partial int pthread_sigmask(int how, ulong* set, ulong* old);
    [LibraryImport(C, SetLastError = true)] internal static partial int sigaction(int signal, void* set, void* old);
    [LibraryImport(C, SetLastError = true)] internal static partial int signalfd(int fd, ulong* mask, int flags);
    [LibraryImport(C, SetLastError = true)] internal static partial int kill(int pid, int signal);
    [LibraryImport(C, SetLastError = true)] internal static partial int sigqueue(int pid, int signal, nint value);
    [LibraryImport(C, SetLastError = true)] internal static partial int sigwaitinfo(ulong* set, void* information);

    // Waiting
    [LibraryImport(C, SetLastError = true)] internal static partial int epoll_create1(int flags);
    [LibraryImport(C, SetLastError = true)] internal static partial int epoll_ctl(int epoll, int operation, int fd, void* ev);
    [LibraryImport(C, SetLastError = true)] internal static partial int epoll_wait(int epoll, void* events, int max, int timeout);
    [LibraryImport(C, SetLastError = true)] internal static partial int poll(void* fds, nuint count, int timeout);
    [LibraryImport(C, SetLastError = true)] internal static partial int clock_gettime(int clock, long* time);
    [LibraryImport(C, SetLastError = true)] internal static partial int inotify_init1(int flags);
    [LibraryImport(C, SetLastError = true)] internal static partial int inotify_add_watch(int fd, byte* path, uint mask);
    [LibraryImport(C, SetLastError = true)] internal static partial int inotify_rm_watch(int fd, int watch);

    // Processes
    [LibraryImport(C, SetLastError = true)] internal static partial int waitpid(int pid, int* status, int options);
    [LibraryImport(C)] internal static partial int getpid();
    [LibraryImport(C)] internal static partial int getppid();
    [LibraryImport(C)] internal static partial uint geteuid();
    [LibraryImport(C)] internal static partial uint getegid();
    [LibraryImport(C)] internal static partial uint getuid();
    [LibraryImport(C)] internal static partial int getpgrp();
    [LibraryImport(C)] internal static partial void _exit(int status);
    [LibraryImport(C, SetLastError = true)] internal static partial int prctl(int option, nuint a, nuint b, nuint c, nuint d);
    [LibraryImport(C, SetLastError = true)] internal static partial int capget(void* header, void* sets);
    [LibraryImport(C, SetLastError = true)] internal static partial int capset(void* header, void* sets);
    [LibraryImport(C)] internal static partial uint umask(uint mask);
    [LibraryImport(C, SetLastError = true)] internal static partial int execve(byte* path, byte** argv, byte** envp);
    [LibraryImport(C, SetLastError = true)] internal static partial int setgroups(nuint count, uint* groups);
    [LibraryImport(C, SetLastError = true)] internal static partial int setsid();
    [LibraryImport(C, SetLastError = true)] internal static partial int chroot(byte* path);
    [LibraryImport(C, SetLastError = true)] internal static partial int chdir(byte* path);
    [LibraryImport(C, SetLastError = true)] internal static partial int getpriority(int which, uint who);
    [LibraryImport(C, SetLastError = true)] internal static partial int setpriority(int which, uint who, int priority);
    [LibraryImport(C, SetLastError = true)] internal static partial int prlimit(int pid, int resource, ulong* set, ulong* old);
    [LibraryImport(C)] internal static partial uint setfsuid(uint id);
    [LibraryImport(C)] internal static partial uint setfsgid(uint id);
    [LibraryImport(C, SetLastError = true)] internal static partial int setresgid(uint real, uint effective, uint saved);
    [LibraryImport(C, SetLastError = true)] internal static partial int setresuid(uint real, uint effective, uint saved);

    [LibraryImport(C, SetLastError = true)] internal static partial int dup2(int from, int to);
    [LibraryImport(C)] internal static partial nuint getauxval(nuint type);
    [LibraryImport(C, SetLastError = true)] internal static partial int madvise(void* start, nuint length, int advice);
    [LibraryImport(C, SetLastError = true)] internal static partial int mincore(void* start, nuint length, byte* vector);
    [LibraryImport(C, SetLastError = true)] internal static partial nint getrandom(void* buffer, nuint count, uint flags);

    // posix_spawn: these return the error instead of setting errno
    [LibraryImport(C)] internal static partial int posix_spawn(int* pid, byte* path, void* actions, void* attributes, byte** argv, byte** envp);
    [LibraryImport(C)] internal static partial int posix_spawnattr_init(void* attributes);
    [LibraryImport(C)] internal static partial int posix_spawnattr_destroy(void* attributes);
    [LibraryImport(C)] internal static partial int posix_spawnattr_setflags(void* attributes, short flags);
    [LibraryImport(C)] internal static partial int posix_spawnattr_setsigmask(void* attributes, void* set);
    [LibraryImport(C)] internal static partial int posix_spawnattr_setsigdefault(void* attributes, void* set);
    [LibraryImport(C)] internal static partial int posix_spawnattr_setpgroup(void* attributes, int group);
    [LibraryImport(C)] internal static partial int posix_spawn_file_actions_init(void* actions);
    [LibraryImport(C)] internal static partial int posix_spawn_file_actions_destroy(void* actions);
    [LibraryImport(C)] internal static partial int posix_spawn_file_actions_adddup2(void* actions, int from, int to);
    [LibraryImport(C)] internal static partial int posix_spawn_file_actions_addchdir_np(void* actions, byte* path);
    [LibraryImport(C)] internal static partial int posix_spawn_file_actions_addfchdir_np(void* actions, int fd);
    [LibraryImport(C)] internal static partial int posix_spawn_file_actions_addclosefrom_np(void* actions, int from);
    [LibraryImport(C)] internal static partial int posix_spawn_file_actions_addclose(void* actions, int fd);
    [LibraryImport(C)] internal static partial int posix_spawn_file_actions_addtcsetpgrp_np(void* actions, int terminal);

    // Terminal
    [LibraryImport(C, SetLastError = true)] internal static partial int tcgetpgrp(int fd);
    [LibraryImport(C, SetLastError = true)] internal static partial int tcsetpgrp(int fd, int group);
    [LibraryImport(C, SetLastError = true)] internal static partial int tcgetattr(int fd, void* settings);
    [LibraryImport(C, SetLastError = true)] internal static partial int tcsetattr(int fd, int when, void* settings);

    // Files
    [LibraryImport(C, SetLastError = true)] internal static partial int close(int fd);
    [LibraryImport(C, SetLastError = true)] internal static partial nint read(int fd, void* buffer, nuint count);
    [LibraryImport(C, SetLastError = true)] internal static partial nint write(int fd, void* buffer, nuint count);
    [LibraryImport(C, SetLastError = true)] internal static partial nint getdents64(int fd, void* buffer, nuint count);
    [LibraryImport(C, SetLastError = true)] internal static partial nint readlink(byte* path, byte* buffer, nuint size);
    [LibraryImport(C, SetLastError = true)] internal static partial int statx(int dir, byte* path, int flags, uint mask, void* buffer);
    [LibraryImport(C, SetLastError = true)] internal static partial int faccessat(int dir, byte* path, int mode, int flags);
    [LibraryImport(C, SetLastError = true)] internal static partial int rename(byte* from, byte* to);
    [LibraryImport(C, SetLastError = true)] internal static partial int unlink(byte* path);
    [LibraryImport(C, SetLastError = true)] internal static partial int mkdir(byte* path, uint mode);
    [LibraryImport(C, SetLastError = true)] internal static partial int chmod(byte* path, uint mode);
    [LibraryImport(C, SetLastError = true)] internal static partial int chown(byte* path, uint user, uint group);
    [LibraryImport(C, SetLastError = true)] internal static partial int fchmod(int fd, uint mode);
    [LibraryImport(C, SetLastError = true)] internal static partial int fchown(int fd, uint user, uint group);
    [LibraryImport(C, SetLastError = true)] internal static partial int fsync(int fd);
    [LibraryImport(C, SetLastError = true)] internal static partial int ftruncate(int fd, long length);
    [LibraryImport(C, SetLastError = true)] internal static partial nint pwrite(int fd, byte* buffer, nuint count, long at);
    [LibraryImport(C, SetLastError = true)] internal static partial int flock(int fd, int operation);
    [LibraryImport(C, SetLastError = true)] internal static partial int fcntl(int fd, int command, nint argument);
    [LibraryImport(C, SetLastError = true)] internal static partial int pipe2(int* ends, int flags);

    // Files below a directory's descriptor
    [LibraryImport(C, SetLastError = true)] internal static partial int openat(int dir, byte* path, int flags, uint mode);
    [LibraryImport(C, SetLastError = true)] internal static partial int mkdirat(int dir, byte* path, uint mode);
    [LibraryImport(C, SetLastError = true)] internal static partial int mkfifoat(int dir, byte* path, uint mode);
    [LibraryImport(C, SetLastError = true)] internal static partial int unlinkat(int dir, byte* path, int flags);
    [LibraryImport(C, SetLastError = true)] internal static partial int symlinkat(byte* target, int dir, byte* path);
    [LibraryImport(C, SetLastError = true)] internal static partial int renameat(int fromDir, byte* from, int toDir, byte* to);
    [LibraryImport(C, SetLastError = true)] internal static partial nint readlinkat(int dir, byte* path, byte* buffer, nuint size);

    // Sockets
    [LibraryImport(C, SetLastError = true)] internal static partial int socket(int family, int type, int protocol);
    [LibraryImport(C, SetLastError = true)] internal static partial int bind(int fd, void* address, uint length);
    [LibraryImport(C, SetLastError = true)] internal static partial int listen(int fd, int backlog);
    [LibraryImport(C, SetLastError = true)] internal static partial int accept4(int fd, void* address, uint* length, int flags);
    [LibraryImport(C, SetLastError = true)] internal static partial int getsockopt(int fd, int level, int option, void* value, uint* length);
    [LibraryImport(C, SetLastError = true)] internal static partial int connect(int fd, void* address, uint length);
    [LibraryImport(C, SetLastError = true)] internal static partial int setsockopt(int fd, int level, int option, void* value, uint length);
    [LibraryImport(C, SetLastError = true)] internal static partial nint sendto(int fd, void* buffer, nuint count, int flags, void* address, uint length);
    [LibraryImport(C, SetLastError = true)] internal static partial nint recvmsg(int fd, void* message, int flags);
    [LibraryImport(C, SetLastError = true)] internal static partial nint sendmsg(int fd, void* message, int flags);
    [LibraryImport(C, SetLastError = true)] internal static partial nint recv(int fd, void* buffer, nuint count, int flags);
}
