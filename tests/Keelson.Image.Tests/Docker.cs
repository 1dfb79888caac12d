using System.Diagnostics;
using System.Text;

namespace Keelson.Image.Tests;

/// <summary>What a command printed and how it ended.</summary>
public sealed record Outcome(int Status, string Output, string Error)
{
    public override string ToString() => $"exit status {Status}\n--- stdout\n{Output}\n--- stderr\n{Error}";
}

/// <summary>The docker command. Everything is bounded; what a test starts it removes.</summary>
public static class Docker
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(90);

    /// <summary>KEELSON_IMAGE, or NAME:VERSION as the Makefile sets them.</summary>
    public static string Image { get; } = Find("KEELSON_IMAGE", "");

    public static string MemcachedImage { get; } = Find("KEELSON_MEMCACHED_IMAGE", "-memcached");

    private static string Find(string variable, string suffix)
    {
        string name = Environment.GetEnvironmentVariable("NAME") ?? "keelson/baseimage";
        string version = Environment.GetEnvironmentVariable("VERSION") ?? "latest";
        string image = Environment.GetEnvironmentVariable(variable) ?? $"{name}{suffix}:{version}";
        Outcome found = Run("image", "inspect", "--format", "{{.Id}}", image);
        return found.Status == 0
            ? image
            : throw new InvalidOperationException($"No image {image}: run `make image`, and point DOCKER_HOST at its engine (`tools/engine env`).\n{found}");
    }

    public static Outcome Run(params string[] arguments) => RunWithInput("", arguments);

    public static Outcome RunWithInput(string input, params string[] arguments) => Execute("docker", input, arguments);

    public static Outcome Execute(string program, string input, params string[] arguments)
    {
        using var process = new Process();
        process.StartInfo = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.Latin1,
        };
        var output = new StringBuilder();
        var error = new StringBuilder();
        process.Start();
        Task reading = Task.WhenAll(
            Task.Run(async () => output.Append(await process.StandardOutput.ReadToEndAsync())),
            Task.Run(async () => error.Append(await process.StandardError.ReadToEndAsync())));
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        if (!process.WaitForExit(s_patience))
        {
            process.Kill();
            Assert.Fail($"{program} {string.Join(' ', arguments)}: not done within {s_patience.TotalSeconds} s\n{output}\n{error}");
        }
        Assert.True(reading.Wait(s_patience), "its output did not end");
        return new Outcome(process.ExitCode, output.ToString(), error.ToString());
    }

    /// <summary>`docker run --rm OPTIONS IMAGE /sbin/my_init -- COMMAND`.</summary>
    public static Outcome MyInit(string[] options, params string[] command) =>
        Run(["run", "--rm", .. options, Image, "/sbin/my_init", "--", .. command]);

    public static Outcome MyInit(params string[] command) => MyInit([], command);
}

/// <summary>A detached container that is removed with its test.</summary>
public sealed class Container : IDisposable
{
    private Container(string id) => Id = id;

    public string Id { get; }

    /// <summary>docker run -d ARGUMENTS, image and command among them.</summary>
    public static Container Start(params string[] arguments)
    {
        Outcome started = Docker.Run(["run", "-d", .. arguments]);
        Assert.True(started.Status == 0, started.ToString());
        return new Container(started.Output.Trim());
    }

    public Outcome Exec(params string[] command) => Docker.Run(["exec", Id, .. command]);

    public Outcome Shell(string script) => Exec("sh", "-c", script);

    public string Inspect(string format) => Docker.Run("inspect", "--format", format, Id).Output.Trim();

    public int ExitStatus => int.Parse(Inspect("{{.State.ExitCode}}"), System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>Standard output and standard error together, for evidence and for waiting.</summary>
    public string Logs()
    {
        Outcome logs = Docker.Run("logs", Id);
        return logs.Output + logs.Error;
    }

    /// <summary>docker stop; returns how long it took.</summary>
    public TimeSpan Stop(params string[] options)
    {
        var clock = Stopwatch.StartNew();
        Outcome stopped = Docker.Run(["stop", .. options, Id]);
        Assert.True(stopped.Status == 0, stopped.ToString());
        return clock.Elapsed;
    }

    /// <summary>Waits for a fact, half a minute at most, and fails with the container's log.</summary>
    public void Until(string what, Func<bool> fact)
    {
        var clock = Stopwatch.StartNew();
        while (!fact())
        {
            if (clock.Elapsed > TimeSpan.FromSeconds(30))
                Assert.Fail($"waited 30 s in vain: {what}\nstate: {Inspect("{{json .State}}")}\nprocesses:\n{Docker.Run("top", Id).Output}\nlog:\n{Logs()}");
            Thread.Sleep(20);
        }
    }

    public void UntilLogged(string text) => Until($"\"{text}\" in the log", () => Logs().Contains(text, StringComparison.Ordinal));

    public void Dispose() => Docker.Run("rm", "-f", "-v", Id);
}
