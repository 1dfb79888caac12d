using System.Runtime.InteropServices;

namespace Keelson.Peers;

internal enum Signal
{
    Exists = 0,
    Hup = 1,
    Kill = 9,
    Term = 15,
    Cont = 18,
    Stop = 19,
}

internal static partial class Native
{
    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int pid, int signal);

    [LibraryImport("libc", EntryPoint = "mkfifo", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MakeFifo(string path, uint mode);

    [LibraryImport("libc", EntryPoint = "geteuid")]
    internal static partial uint EffectiveUser();

    /// <summary>Whether there was somebody to get it. A process that has ended and was not reaped still counts.</summary>
    internal static bool Send(int pid, Signal signal) =>
        pid > 1 ? Kill(pid, (int)signal) == 0 : throw new ArgumentOutOfRangeException(nameof(pid), pid, "no process of a run");

    internal static void Fifo(string path)
    {
        if (MakeFifo(path, 0x180) != 0)
            throw new IOException($"cannot make the FIFO {path}: {Marshal.GetLastPInvokeErrorMessage()}");
    }
}
