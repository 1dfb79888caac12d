using System.Collections.Concurrent;
using System.Diagnostics;

namespace Keelson.SystemTests.Harness;

/// <summary>Sandboxes that run at this moment: a test run that ends early takes them along.</summary>
internal static class Survivors
{
    private static readonly HashSet<Sandbox> s_running = [];

    static Survivors() => AppDomain.CurrentDomain.ProcessExit += (_, _) =>
    {
        lock (s_running)
        {
            foreach (Sandbox sandbox in s_running)
                sandbox.Kill();
        }
    };

    internal static void Add(Sandbox sandbox)
    {
        lock (s_running)
            s_running.Add(sandbox);
    }

    internal static void Remove(Sandbox sandbox)
    {
        lock (s_running)
            s_running.Remove(sandbox);
    }
}

/// <summary>
/// Starts processes from one thread that lives as long as the test run: the signal that a process gets when its parent
/// dies (PR_SET_PDEATHSIG) comes at the end of the thread that forked it, and the pool's threads come and go.
/// </summary>
internal static class Launcher
{
    private static readonly BlockingCollection<Action> s_work = [];

    static Launcher() => new Thread(() =>
    {
        foreach (Action start in s_work.GetConsumingEnumerable())
            start();
    })
    { IsBackground = true, Name = "launcher" }.Start();

    internal static Task<Process> Start(ProcessStartInfo start)
    {
        var started = new TaskCompletionSource<Process>(TaskCreationOptions.RunContinuationsAsynchronously);
        s_work.Add(() =>
        {
            try
            {
                started.SetResult(Process.Start(start)!);
            }
            catch (Exception e)
            {
                started.SetException(e);
            }
        });
        return started.Task;
    }
}
