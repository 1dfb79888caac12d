using System.Diagnostics;
using Xunit.Sdk;

namespace Keelson.SystemTests.Harness;

internal static class Wait
{
    internal static async Task Until(Func<bool> fact, string what, TimeSpan within)
    {
        var watch = Stopwatch.StartNew();
        while (!fact())
        {
            if (watch.Elapsed > within)
                throw Failure($"not within {within}: {what}");
            await Task.Delay(2);
        }
    }

    /// <summary>The evidence is in the test's output: the sandbox writes it when it is disposed.</summary>
    internal static XunitException Failure(string what) => new(what);
}
