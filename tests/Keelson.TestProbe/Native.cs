// Everything is blocked before the runtime starts (src/EarlyMask.cs), so a signal waits until it is read here.
using System.Runtime.InteropServices;

namespace Keelson.TestProbe;

internal static unsafe partial class Native
{
    [DllImport("libc"), SuppressGCTransition] internal static extern int fork();
    [DllImport("libc"), SuppressGCTransition] internal static extern void _exit(int status);
    [DllImport("libc")] internal static extern int waitpid(int pid, int* status, int options);
    [DllImport("libc")] internal static extern int signalfd(int fd, ulong* mask, int flags);
    [DllImport("libc")] internal static extern nint read(int fd, byte* buffer, nuint count);
    [DllImport("libc")] internal static extern nint write(int fd, byte* buffer, nuint count);

    internal static int AllSignals()
    {
        ulong* mask = stackalloc ulong[16];
        for (int i = 0; i < 16; i++)
            mask[i] = ulong.MaxValue;
        return signalfd(-1, mask, 0);
    }

    internal static void WaitForTerm()
    {
        int fd = AllSignals();
        byte* info = stackalloc byte[128];
        while (read(fd, info, 128) == 128 && *(uint*)info != 15)
        {
        }
    }
}
