using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SharpFuzz.Common;

namespace Keelson.Fuzz;

/// <summary>libFuzzer in this process: it makes the inputs, and learns from the counters which of them came somewhere new.</summary>
internal static unsafe partial class LibFuzzer
{
    private const string Library = "libkeelson-fuzzer.so";
    private const int SigAbrt = 6;

    private static Target s_target = null!;

    /// <summary>To be called before anything instrumented runs: it counts there.</summary>
    internal static void Watch() =>
        Trace.SharedMem = (byte*)NativeLibrary.GetExport(NativeLibrary.Load(Library, typeof(LibFuzzer).Assembly, null), "keelson_counters");

    /// <summary>Does not return: the process ends with 0, or with libFuzzer's status for what it found.</summary>
    /// <param name="target">What is fed.</param>
    /// <param name="command">What starts this program again on the same target; libFuzzer does so to merge.</param>
    /// <param name="options">libFuzzer's own, corpora among them.</param>
    internal static int Run(Target target, string command, IEnumerable<string> options)
    {
        s_target = target;
        // The runtime's handler is in the place where libFuzzer wants its own, to keep the input of a stack overflow.
        _ = signal(SigAbrt, 0);
        string[] arguments = [command, .. options];
        var vector = (byte**)NativeMemory.AllocZeroed((nuint)(arguments.Length + 1), (nuint)sizeof(nint));
        for (int i = 0; i < arguments.Length; i++)
            vector[i] = (byte*)Marshal.StringToCoTaskMemUTF8(arguments[i]);
        int count = arguments.Length;
        return LLVMFuzzerRunDriver(&count, &vector, &TestOneInput);
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int TestOneInput(byte* data, nuint length)
    {
        try
        {
            Trace.PrevLocation = 0;
            s_target.Check(new ReadOnlySpan<byte>(data, (int)length));
        }
        catch (Exception e)
        {
            Console.Error.WriteLine(e);
            // libFuzzer takes an exit for a crash: it keeps the input, and says where.
            exit(1);
        }
        return 0;
    }

    [LibraryImport(Library)]
    private static partial int LLVMFuzzerRunDriver(int* count, byte*** arguments, delegate* unmanaged[Cdecl]<byte*, nuint, int> target);

    [LibraryImport("libc")]
    private static partial nint signal(int number, nint handler);

    [LibraryImport("libc")]
    private static partial void exit(int status);
}
