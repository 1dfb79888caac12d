using System.Diagnostics;
using System.Globalization;
using System.Text;
using Keelson.Image.Tests;

[assembly: AssemblyFixture(typeof(Leftovers))]

namespace Keelson.Image.Tests;

/// <summary>What a command printed and how it ended.</summary>
public sealed record Outcome(int Status, string Output, string Error)
{
    /// <summary>Fails with all of this as evidence.</summary>
    public void Must(bool fact) => Assert.True(fact, ToString());

    /// <summary>It has succeeded.</summary>
    public void Must() => Must(Status == 0);

    public override string ToString() => $"exit status {Status}\n--- stdout\n{Output}\n--- stderr\n{Error}";
}

/// <summary>The docker command. Everything is bounded; what a test starts it removes.</summary>
public static class Docker
{
    // Long, for a package index over a slow line. Nothing here takes a tenth of it on a quick one.
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(3);

    /// <summary>What all containers of this run carry, so that what a test that failed half-way left can be found.</summary>
    public static string Label { get; } = $"org.keelson.test={Environment.MachineName}-{Environment.ProcessId}-{Stopwatch.GetTimestamp()}";

    /// <summary>The checkout.</summary>
    public static string Top { get; } = FindTop();

    private static string FindTop()
    {
        for (string? at = AppContext.BaseDirectory; at is not null; at = Path.GetDirectoryName(at))
        {
            if (File.Exists(Path.Combine(at, "Keelson.slnx")))
                return at;
        }
        throw new InvalidOperationException($"{AppContext.BaseDirectory} is not in a checkout of Keelson");
    }

    /// <summary>KEELSON_IMAGE, or NAME:VERSION as the Makefile sets them.</summary>
    public static string Image { get; } = Find("KEELSON_IMAGE", "");

    /// <summary>The example on it (tools/build-image example).</summary>
    public static string MemcachedImage => s_memcachedImage.Value;

    private static readonly Lazy<string> s_memcachedImage = new(() => Find("KEELSON_MEMCACHED_IMAGE", "-memcached"));

    /// <summary>The image of a directory in examples/, as `make examples` calls it.</summary>
    public static string Example(string name) => Find($"KEELSON_{name.ToUpperInvariant()}_IMAGE", $"-{name}");

    /// <summary>Of this checkout.</summary>
    public static string Version { get; } = System.Text.RegularExpressions.Regex.Match(File.ReadAllText(Path.Combine(Top, "Directory.Build.props")), "<Version>(.*)</Version>").Groups[1].Value;

    /// <summary>Something measured that is worth a line in the output of a run that passed: tools/run-tests prints them.</summary>
    public static void Figure(string text)
    {
        if (Environment.GetEnvironmentVariable("KEELSON_FIGURES") is { Length: > 0 } path)
            File.AppendAllText(path, text + "\n");
    }

    private static string Find(string variable, string suffix)
    {
        string name = Environment.GetEnvironmentVariable("NAME") ?? "keelson/baseimage";
        string version = Environment.GetEnvironmentVariable("VERSION") ?? "latest";
        string image = Environment.GetEnvironmentVariable(variable) ?? $"{name}{suffix}:{version}";
        Outcome found = Run("image", "inspect", "--format", "{{.Id}}", image);
        return found.Status == 0
            ? image
            : throw new InvalidOperationException($"No image {image}: run `make examples`, and point DOCKER_HOST at its engine (`tools/engine env`).\n{found}");
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
        Start([.. options, Image, "/sbin/my_init", "--", .. command]);

    /// <summary>`docker run --rm ARGUMENTS`, image and command among them.</summary>
    public static Outcome Start(params string[] arguments) => Run(["run", "--rm", "--label", Label, .. arguments]);

    /// <summary>The same on a terminal: what it prints comes as one stream with CR LF.</summary>
    /// <param name="options">"-t" or "-it".</param>
    /// <param name="command">The rest of a shell's command line, from the image's name on.</param>
    public static Outcome StartOnTerminal(string options, string command) =>
        Execute("script", "", "-qec", $"docker run --rm --label {Label} {options} {Image} {command}", "/dev/null");

    public static Outcome MyInit(params string[] command) => MyInit([], command);
}

/// <summary>A detached container that is removed with its test.</summary>
public sealed class Container : IDisposable
{
    private readonly string[] _engine;

    private Container(string id, params string[] engine)
    {
        Id = id;
        _engine = engine;
    }

    public string Id { get; }

    /// <summary>A container that was made otherwise.</summary>
    /// <param name="engine">Options that lead docker to another engine than the tests' own.</param>
    public static Container Of(string id, params string[] engine) => new(id, engine);

    /// <summary>docker VERB, of this container.</summary>
    public Outcome Do(string verb) => Docked(verb, Id);

    private Outcome Docked(params string[] arguments) => Docker.Run([.. _engine, .. arguments]);

    /// <summary>docker run -d ARGUMENTS, image and command among them.</summary>
    public static Container Start(params string[] arguments)
    {
        Outcome started = Docker.Run(["run", "-d", "--label", Docker.Label, .. arguments]);
        started.Must(started.Status == 0);
        return new Container(started.Output.Trim());
    }

    public Outcome Exec(params string[] command) => Docked(["exec", Id, .. command]);

    public Outcome Shell(string script) => Exec("sh", "-c", script);

    public string Inspect(string format) => Docked("inspect", "--format", format, Id).Output.Trim();

    /// <summary>Where a port that was published with "-p 127.0.0.1::PORT" is.</summary>
    public int Port(int port) => int.Parse(Inspect($"{{{{(index (index .NetworkSettings.Ports \"{port}/tcp\") 0).HostPort}}}}"), CultureInfo.InvariantCulture);

    public int ExitStatus => int.Parse(Inspect("{{.State.ExitCode}}"), CultureInfo.InvariantCulture);

    /// <summary>Standard output and standard error together, for evidence and for waiting.</summary>
    public string Logs()
    {
        Outcome logs = Do("logs");
        return logs.Output + logs.Error;
    }

    /// <summary>docker stop; returns how long it took.</summary>
    public TimeSpan Stop(params string[] options)
    {
        var clock = Stopwatch.StartNew();
        Outcome stopped = Docked(["stop", .. options, Id]);
        stopped.Must(stopped.Status == 0);
        return clock.Elapsed;
    }

    /// <summary>Fails with the container's state, processes and log.</summary>
    public void Must(bool fact, string what = "")
    {
        if (!fact)
            Assert.Fail($"{what}\nstate: {Inspect("{{json .State}}")}\nprocesses:\n{Do("top").Output}\nlog:\n{Logs()}");
    }

    /// <summary>Waits for a fact, half a minute at most, and fails with the container's log.</summary>
    public void Until(string what, Func<bool> fact)
    {
        var clock = Stopwatch.StartNew();
        while (!fact())
        {
            if (clock.Elapsed > TimeSpan.FromSeconds(30))
                Must(false, $"waited 30 s in vain: {what}");
            Thread.Sleep(20);
        }
    }

    /// <summary>Waits for a text in docker logs, or in a file of the container.</summary>
    public void UntilLogged(string text, string? inFile = null) => Until(
        $"\"{text}\" in {inFile ?? "the log"}",
        () => (inFile is null ? Logs() : Exec("cat", inFile).Output).Contains(text, StringComparison.Ordinal));

    public void Dispose() => Docked("rm", "-f", "-v", Id);
}

/// <summary>Removes what tests that failed half-way left running.</summary>
public sealed class Leftovers : IDisposable
{
    public void Dispose()
    {
        Remove(["ps", "-aq"], "rm", "-f", "-v");
        Remove(["images", "-q"], "rmi", "-f");
        Remove(["volume", "ls", "-q"], "volume", "rm", "-f");
        Remove(["network", "ls", "-q"], "network", "rm");
    }

    private static void Remove(string[] list, params string[] remove)
    {
        string[] left = Docker.Run([.. list, "--filter", $"label={Docker.Label}"]).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        if (left.Length > 0)
            Docker.Run([.. remove, .. left]);
    }
}
