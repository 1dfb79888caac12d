using System.Diagnostics;
using Keelson.SystemTests.Harness;

namespace Keelson.SystemTests;

/// <summary>
/// tools/fuzz, a little while: `make fuzz` has more. KEELSON_FUZZ_SECONDS says for how long each target, 6 by default. What
/// does harm is kept below build/fuzz and tried first the next time, so that it is not forgotten when its test runs again.
/// </summary>
public sealed class CoverageFuzzTests
{
    [Fact, NotEmulated("it is this machine's runtime that reads here, not the emulated binary")]
    public async Task No_input_that_a_fuzzer_finds_does_harm_to_what_reads_it()
    {
        // The other tests come first.
        var start = new ProcessStartInfo("nice", ["-n", "10", Machine.Find("KEELSON_FUZZ", "tools/fuzz", "run the tests in a checkout"), Environment.GetEnvironmentVariable("KEELSON_FUZZ_SECONDS") ?? "6"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        CancellationToken cancelled = TestContext.Current.CancellationToken;
        Task<string> output = process.StandardOutput.ReadToEndAsync(cancelled), errors = process.StandardError.ReadToEndAsync(cancelled);
        await process.WaitForExitAsync(cancelled);
        TestContext.Current.TestOutputHelper?.WriteLine(await output + await errors);
        Assert.True(process.ExitCode == 0, await output + await errors);
        // A table, of which each line has its number of executions.
        string[] lines = [.. (await output).Split('\n', StringSplitOptions.RemoveEmptyEntries).Skip(1)];
        Assert.True(lines.Length >= 10, await output);
        Assert.All(lines, line => Assert.True(long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], System.Globalization.CultureInfo.InvariantCulture) > 0, line));
    }
}
