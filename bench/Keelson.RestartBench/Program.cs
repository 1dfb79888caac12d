// restart-bench DIRECTORY COUNT: supervises the services in DIRECTORY without a pause between starts until they were
// started COUNT times in all, and prints time and memory on the way. Run it as PID 1 of a namespace of its own.
using System.Buffers.Text;
using System.Globalization;
using System.Text;
using Keelson.Init;
using Keelson.Init.Services;
using Keelson.Linux;

namespace Keelson.RestartBench;

internal static unsafe class Program
{
    private static int Main()
    {
        ProcessImage image = ProcessImage.Take(EarlyMask.Argc, EarlyMask.Argv, EarlyMask.Envp, EarlyMask.InheritedMask, EarlyMask.InheritedSigPipe);
        if (image.Arguments.Length != 3 || !Utf8Parser.TryParse(image.Arguments[2].Span, out long count, out _) || EventLoop.Create().Value is not { } loop)
        {
            Print("usage: restart-bench DIRECTORY COUNT\n");
            return 2;
        }
        var services = new ServiceSet(loop, image.Arguments[1].Span, () => 5000) { PaceMilliseconds = 0 };
        long begin = Clock.Milliseconds;
        services.Start(image.Environment);
        for (int step = 0; step <= 10; step++)
        {
            long target = step == 0 ? Math.Min(1000, count) : count * step / 10;
            loop.Until(() => services.Starts >= target);
            Print(string.Create(CultureInfo.InvariantCulture, $"restarts {services.Starts} seconds {(Clock.Milliseconds - begin) / 1000} pss_kib {Pss()}\n"));
        }
        Processes.Exit(0);
        return 0;
    }

    private static int Pss()
    {
        ReadOnlySpan<byte> text = Files.ReadAll("/proc/self/smaps_rollup"u8, 65536).Value;
        int at = text.IndexOf("\nPss:"u8);
        return at >= 0 && Utf8Parser.TryParse(text[(at + 5)..].TrimStart((byte)' '), out int kib, out _) ? kib : -1;
    }

    private static void Print(string text) => Stdio.Write(Stdio.Out, Encoding.UTF8.GetBytes(text));
}
