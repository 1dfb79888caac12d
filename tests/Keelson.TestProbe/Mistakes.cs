using System;
using System.Collections.Generic;
using System.Text;
using Keelson.Init;
using Keelson.Init.Boot;
using Keelson.Linux;
using Timer = Keelson.Init.Timer;

namespace Keelson.TestProbe;

/// <summary>
/// my_init with a mistake in it. KEELSON_MISTAKE says where and how often, as "timer 5": timer, source (a descriptor),
/// child (its end), round, signal (USR1).
/// </summary>
internal static class Mistakes
{
    private const long PauseMilliseconds = 10;

    internal static unsafe int Run()
    {
        ProcessImage image = ProcessImage.Take(EarlyMask.Argc, EarlyMask.Argv, EarlyMask.Envp, EarlyMask.InheritedMask, EarlyMask.InheritedSigPipe);
        Options options = Options.Parse(image.Arguments, 1, _ => false);
        EventLoop loop = EventLoop.Create().Value!;
        string[] words = Encoding.ASCII.GetString(EnvironmentList.Value(image.Environment, "KEELSON_MISTAKE="u8)!.Value.Span).Split(' ');
        int count = int.Parse(words[1], System.Globalization.CultureInfo.InvariantCulture);
        // As soon as the loop turns, with everything in place.
        loop.Timers.Arm(new Timer(() => Make(loop, words[0], count)), loop.Now);
        return MyInit.Run(loop, options, image.Environment);
    }

    private static void Make(EventLoop loop, string where, int count)
    {
        switch (where)
        {
            case "timer":
                Timer? timer = null;
                timer = new Timer(() =>
                {
                    if (--count > 0)
                        loop.Timers.Arm(timer!, loop.Now + PauseMilliseconds);
                    Fail();
                });
                loop.Timers.Arm(timer, loop.Now);
                break;
            case "source":
                _ = Pipes.Create(out int readEnd, out int writeEnd);
                _ = Stdio.WriteSome(writeEnd, "x"u8);
                _ = loop.Watch(readEnd, new Broken());
                break;
            case "child":
                for (int i = 0; i < count; i++)
                {
                    using var arguments = new CStringArray([new ByteString("true"u8)]);
                    using var environment = new CStringArray([]);
                    _ = loop.Start(new SpawnRequest { Path = "/usr/bin/true"u8, Arguments = arguments, Environment = environment, Placement = Placement.OwnGroup }, new Broken());
                }
                break;
            case "round":
                Action? ended = loop.RoundEnded;
                loop.RoundEnded = () =>
                {
                    ended?.Invoke();
                    if (count-- > 0)
                        Fail();
                };
                break;
            case "signal":
                loop.SignalHandler = new BrokenHandler(loop.SignalHandler!);
                break;
        }
    }

    private static void Fail()
    {
        List<int>? nothing = null;
        _ = nothing!.Count;
    }

    private sealed class Broken : ISource, IParent
    {
        public void Ready(int fd) => Fail();

        public void Ended(int pid, WaitStatus status) => Fail();
    }

    private sealed class BrokenHandler(ISignalHandler inner) : ISignalHandler
    {
        public bool Received(in ReceivedSignal signal)
        {
            if (signal.Signal == Signal.Usr1)
                Fail();
            return inner.Received(signal);
        }
    }
}
