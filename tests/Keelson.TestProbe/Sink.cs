namespace Keelson.TestProbe;

/// <summary>Counts signals, the queued ones by their values.</summary>
internal static unsafe class Sink
{
    private const int Term = 15;
    private const int Child = 17;
    private const int FirstRealTime = 32;

    internal static int Run(int expected)
    {
        var seen = new bool[expected];
        int queued = 0, distinct = 0, others = 0;
        int fd = Native.AllSignals();
        if (fd < 0)
            return 1;
        Output.Line("ready"u8);
        // 128 bytes each: the signal number is the first word, the value (ssi_int) is at 44.
        const int size = 128, batch = 64;
        byte* infos = stackalloc byte[size * batch];
        while (true)
        {
            nint n = Native.read(fd, infos, size * batch);
            if (n < size)
                return 1;
            for (byte* info = infos; info < infos + n; info += size)
            {
                uint signal = *(uint*)info;
                int value = *(int*)(info + 44);
                if (signal == Term)
                {
                    Output.Number("end rt "u8, queued, " distinct "u8);
                    Output.Number(default, distinct, " others "u8);
                    Output.Number(default, others, "\n"u8);
                    return 0;
                }
                if (signal >= FirstRealTime)
                {
                    queued++;
                    if ((uint)value < (uint)expected && !seen[value])
                    {
                        seen[value] = true;
                        distinct++;
                    }
                    if (queued == expected)
                    {
                        Output.Number("rt "u8, queued, " distinct "u8);
                        Output.Number(default, distinct, "\n"u8);
                    }
                }
                else if (signal != Child)
                {
                    others++;
                    Output.Write("."u8);
                }
            }
        }
    }
}
