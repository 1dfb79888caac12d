namespace Keelson.TestProbe;

/// <summary>Processes that nobody but PID 1 can wait for.</summary>
internal static unsafe class Orphans
{
    // So many of one parent: to wait for a parent each would measure how fast the machine wakes a processor up.
    private const int Siblings = 25;

    internal static int Run(int count)
    {
        for (int made = 0; made < count; made += Siblings)
        {
            int child = Native.fork();
            if (child < 0)
                return Failed();
            if (child == 0)
                Parent(Math.Min(Siblings, count - made)); // does not return
            int status;
            if (Native.waitpid(child, &status, 0) != child || status != 0)
                return Failed();
        }
        Output.Number("made "u8, count, "\n"u8);
        Native.WaitForTerm();
        return 0;
    }

    // Runs in a forked child: system calls only, nothing that could allocate or wait for another thread.
    private static void Parent(int count)
    {
        for (; count > 0; count--)
        {
            int orphan = Native.fork();
            // One that has ended before its parent is PID 1's to reap as well, when that has ended.
            if (orphan == 0)
                Native._exit(0);
            if (orphan < 0)
                Native._exit(1);
        }
        Native._exit(0);
    }

    private static int Failed()
    {
        Output.Line("fork or waitpid failed"u8);
        return 1;
    }
}
