using System.Diagnostics;

namespace Keelson.SystemTests.Harness;

/// <summary>What a command left.</summary>
public sealed record CommandRun(int Status, string Out, string Err)
{
    public override string ToString() => $"[{Status}]\n{Out}{(Err.Length > 0 ? "--- standard error\n" + Err : "")}";

    /// <summary>Standard output and error, one behind the other.</summary>
    public string Text => Out + Err;

    public void Must(bool fact) => Assert.True(fact, ToString());

    public void Must(Func<CommandRun, bool> fact) => Must(fact(this));
}

/// <summary>Commands that need no namespace: the binary as `keelson COMMAND`, beside other programs.</summary>
public static class Command
{
    /// <summary>Runs `keelson ARGUMENTS...` with nothing in its environment but what is given here, NAME=VALUE.</summary>
    public static Task<CommandRun> Keelson(string[] arguments, params string[] environment) => Run(Machine.Binary, arguments, environment);

    public static async Task<CommandRun> Run(string program, string[] arguments, params string[] environment)
    {
        using Process process = await Start(program, arguments, environment);
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        using var deadline = new CancellationTokenSource(Sandbox.Patience);
        try
        {
            await process.WaitForExitAsync(deadline.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            throw Wait.Failure($"{program} {string.Join(' ', arguments)} did not end within {Sandbox.Patience}");
        }
        var run = new CommandRun(process.ExitCode, await output, await error);
        TestContext.Current.TestOutputHelper?.WriteLine($"{Path.GetFileName(program)} {string.Join(' ', arguments)} {run}");
        return run;
    }

    /// <summary>As <see cref="Run"/>, to be waited for by the caller.</summary>
    public static Task<Process> Start(string program, string[] arguments, params string[] environment)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        start.Environment.Clear();
        foreach (string entry in environment)
            start.Environment[entry[..entry.IndexOf('=', StringComparison.Ordinal)]] = entry[(entry.IndexOf('=', StringComparison.Ordinal) + 1)..];
        return Launcher.Start(start);
    }
}
