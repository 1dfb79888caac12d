namespace Keelson.TestProbe;

/// <summary>Processes that nobody but PID 1 can wait for.</summary>
internal static unsafe class Orphans
{
    internal static int Run(int count)
    {
        for (int i = 0; i < count; i++)
        {
            int child = Native.fork();
            if (child < 0)
                return Failed();
            if (child == 0)
                Parent(); // does not return
            int status;
            if (Native.waitpid(child, &status, 0) != child || status != 0)
                return Failed();
        }
        Output.Number("made "u8, count, "\n"u8);
        Native.WaitForTerm();
        return 0;
    }

    // Runs in a forked child: system calls only, nothing that could allocate or wait for another thread.
    private static void Parent()
    {
        int self = Native.getpid();
        int orphan = Native.fork();
        if (orphan == 0)
        {
            while (Native.getppid() == self)
                _ = Native.sched_yield();
            Native._exit(0);
        }
        Native._exit(orphan < 0 ? 1 : 0);
    }

    private static int Failed()
    {
        Output.Line("fork or waitpid failed"u8);
        return 1;
    }
}
