// Compiled into every executable of ours (StaticBinary.props), because the AOT compiler exports methods by name only
// from the assembly that has Main.
//
// The constraint: the runtime's finalizer thread exists before Main. A signal that this thread does not block is
// handed to it by the kernel, and for PID 1 the default action is to ignore it: the signal is lost. So the mask must
// stand before the runtime starts; every moment before it counts, because a signal that comes then is ignored. The
// scheme: the linker sends libc's call of _init, the first code of a program that it runs, to __wrap__init
// (-Wl,--wrap=_init), which blocks and goes on to the real one; and main to __wrap_main, which keeps its arguments, and
// blocks where a libc calls no _init. Threads inherit the mask. Main checks that it happened
// (ProcessImage.SignalsAreBlocked).
using System.Runtime.InteropServices;

namespace System.Runtime
{
    /// <summary>Found by the AOT compiler by its name: exports the method to the linker under <paramref name="name"/>.</summary>
    [AttributeUsage(AttributeTargets.Method)]
    internal sealed class RuntimeExportAttribute(string name) : Attribute
    {
        public string Name => name;
    }
}

namespace Keelson
{
    /// <summary>Blocks the signals before the runtime exists, keeps what main was given, and hides it from the runtime.</summary>
    internal static unsafe class EarlyMask
    {
        // 4-9, 11: synchronous faults and KILL; 19: STOP; 32-34: glibc's own two and the runtime's. All others are blocked.
        private const ulong Unblocked =
            1UL << 3 | 1UL << 4 | 1UL << 5 | 1UL << 6 | 1UL << 7 | 1UL << 8 | 1UL << 10 | 1UL << 18 | 1UL << 31 | 1UL << 32 | 1UL << 33;

        private static ReadOnlySpan<ulong> Mask => [~Unblocked, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

        // Blittable statics without a constructor: this runs before the runtime does, so nothing here may allocate.
        internal static int Argc;
        internal static byte** Argv;
        internal static byte** Envp;
        internal static ulong InheritedMask;
        internal static nint InheritedSigPipe;
        private static SigSet s_old;
        private static SigAction s_pipe;
        private static bool s_blocked;

        [StructLayout(LayoutKind.Sequential, Size = 128)]
        private struct SigSet
        {
            public ulong Low;
        }

        [StructLayout(LayoutKind.Sequential, Size = 256)]
        private struct SigAction
        {
            public nint Handler;
        }

        [DllImport("libc"), SuppressGCTransition]
        private static extern int pthread_sigmask(int how, ulong* set, SigSet* old);

        [DllImport("libc"), SuppressGCTransition]
        private static extern int sigaction(int signal, void* set, SigAction* old);

        [DllImport("libc"), SuppressGCTransition]
        private static extern int clearenv();

        [DllImport("libc"), SuppressGCTransition]
        private static extern int setenv(byte* name, byte* value, int overwrite);

        [DllImport("realmain", EntryPoint = "__real__init"), SuppressGCTransition]
        private static extern void real_init();

        [DllImport("realmain", EntryPoint = "__real_main"), SuppressGCTransition]
        private static extern int real_main(int argc, byte** argv, byte** envp);

        [System.Runtime.RuntimeExport("__wrap__init")]
        private static void WrapInit()
        {
            Block();
            real_init();
        }

        private static void Block()
        {
            fixed (ulong* set = Mask)
            fixed (SigSet* old = &s_old)
                _ = pthread_sigmask(0, set, old);
            InheritedMask = s_old.Low;
            s_blocked = true;
        }

        [System.Runtime.RuntimeExport("__wrap_main")]
        private static int WrapMain(int argc, byte** argv, byte** envp)
        {
            Argc = argc;
            Argv = argv;
            Envp = envp;
            fixed (SigAction* pipe = &s_pipe)
                _ = sigaction(13, null, pipe);
            InheritedSigPipe = s_pipe.Handler;
            if (!s_blocked)
                Block();
            EarlyLimits.Raise();
            // DOTNET_ variables of the container are meant for the programs in it, not for this runtime. What main was
            // given stays in Envp. A nursery of 256 KiB (hexadecimal) keeps a supervisor that restarts a service a million
            // times at 2 MB, and spares the look at the processor's caches.
            _ = clearenv();
            fixed (byte* name = "DOTNET_GCgen0size\0"u8)
            fixed (byte* value = "40000\0"u8)
                _ = setenv(name, value, 1);
            return real_main(argc, argv, envp);
        }
    }
}
