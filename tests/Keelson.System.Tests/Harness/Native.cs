// The system calls that .NET has no name for: signals with values, terminals.
using System.Runtime.InteropServices;

namespace Keelson.SystemTests.Harness;

public static class Sig
{
    public const int Hup = 1;
    public const int Int = 2;
    public const int Quit = 3;
    public const int Kill = 9;
    public const int Usr1 = 10;
    public const int Usr2 = 12;
    public const int Alrm = 14;
    public const int Term = 15;
    public const int Cont = 18;
    public const int Stop = 19;
    public const int Winch = 28;
    public const int Pwr = 30;

    /// <summary>SIGRTMIN as programs see it; 32 and 33 are glibc's own.</summary>
    public const int RtMin = 34;
    public const int RtMax = 64;
}

internal static unsafe partial class Native
{
    internal const int ENxIo = 6;
    internal const int EAgain = 11;
    internal const int WriteOnlyNoWait = 1 | 0x800 | OpenCloseOnExec;
    internal const int OpenReadWrite = 2;
    internal const int OpenNoTerminal = 0x100;
    internal const int OpenCloseOnExec = 0x80000;
    internal const short PollIn = 1;

    [LibraryImport("libc")] internal static partial uint geteuid();
    [LibraryImport("libc", SetLastError = true)] internal static partial int kill(int pid, int signal);
    [LibraryImport("libc", SetLastError = true)] internal static partial int sigqueue(int pid, int signal, nint value);

    [LibraryImport("libc", SetLastError = true)] internal static partial int posix_openpt(int flags);
    [LibraryImport("libc", SetLastError = true)] internal static partial int grantpt(int fd);
    [LibraryImport("libc", SetLastError = true)] internal static partial int unlockpt(int fd);
    [LibraryImport("libc")] internal static partial int ptsname_r(int fd, byte* buffer, nuint size);
    [LibraryImport("libc", SetLastError = true)] internal static partial int tcgetpgrp(int fd);
    [LibraryImport("libc", SetLastError = true)] internal static partial int tcgetattr(int fd, byte* settings);
    [LibraryImport("libc", SetLastError = true)] internal static partial int ioctl(int fd, nuint request, void* argument);
    [LibraryImport("libc", SetLastError = true)] internal static partial int poll(ulong* entries, nuint count, int timeout);
    [LibraryImport("libc", SetLastError = true)] internal static partial nint read(int fd, byte* buffer, nuint count);
    [LibraryImport("libc", SetLastError = true)] internal static partial nint write(int fd, byte* buffer, nuint count);
    [LibraryImport("libc", SetLastError = true)] internal static partial int close(int fd);
    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)] internal static partial int open(string path, int flags);

    /// <summary>Writes without waiting; false when nobody has the FIFO open for reading, or it is not there.</summary>
    internal static bool WriteFifo(string path, byte[] bytes)
    {
        int fd = open(path, WriteOnlyNoWait);
        if (fd < 0)
            return false;
        fixed (byte* p = bytes)
        {
            nint n = bytes.Length == 0 ? 0 : write(fd, p, (nuint)bytes.Length);
            _ = close(fd);
            return n == bytes.Length;
        }
    }

    /// <summary>0, or why the FIFO can't be opened for writing without waiting for a reader.</summary>
    internal static int WriterError(string path)
    {
        int fd = open(path, WriteOnlyNoWait);
        if (fd < 0)
            return Marshal.GetLastPInvokeError();
        _ = close(fd);
        return 0;
    }
}
