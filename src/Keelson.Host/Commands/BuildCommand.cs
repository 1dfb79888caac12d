// `keelson build`: `docker build`, quiet while it goes well, and a look at what came out: the mistakes that make an image
// boot without its services are found before it is run.
using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Docker.DotNet.Models;
using Keelson.Host.Engine;
using Spectre.Console;

namespace Keelson.Host.Commands;

internal static class BuildCommand
{
    internal static Command Create()
    {
        var directory = new Argument<string>("directory") { Description = "where the Dockerfile is", DefaultValueFactory = _ => "." };
        var tag = new Option<string?>("--tag", "-t") { Description = "the image's name; the directory's by default", HelpName = "name" };
        var arguments = new Option<string[]>("--build-arg") { Description = "NAME=VALUE for the Dockerfile", HelpName = "argument" };
        var file = new Option<string?>("--file", "-f") { Description = "another Dockerfile than the one in the directory", HelpName = "file" };
        var command = new Command("build", "Build an image, and check that it boots with its services") { tag, arguments, file, directory };
        command.SetAction((parsed, cancel) => Tool.RunAsync(
            engine => RunAsync(engine, parsed.GetRequiredValue(directory), parsed.GetValue(tag), parsed.GetValue(file), parsed.GetValue(arguments) ?? [], cancel), cancel));
        return command;
    }

    private static async Task<int> RunAsync(DockerEngine engine, string directory, string? tag, string? file, string[] given, CancellationToken cancel)
    {
        string dockerfile = file ?? Path.Combine(directory, "Dockerfile");
        if (!File.Exists(dockerfile))
            throw new Refusal($"there is no {dockerfile}", "keelson build DIRECTORY");
        string name = tag ?? new DirectoryInfo(directory).Name.ToLowerInvariant();
        List<string> arguments = ["--host", engine.Endpoint.ToString().TrimEnd('/'), "build", "-t", name, "-f", dockerfile];
        foreach (string argument in given)
            arguments.AddRange(["--build-arg", argument]);
        arguments.Add(directory);

        var clock = Stopwatch.StartNew();
        (int status, string log) = await Terminal.Err.Status().StartAsync($"building {Markup.Escape(name)}", c => DockerAsync(arguments, line => c.Status(Markup.Escape(line)), cancel)).ConfigureAwait(false);
        if (status != 0)
        {
            await Console.Error.WriteAsync(log).ConfigureAwait(false);
            await Console.Error.WriteLineAsync($"keelson: docker build ended with status {status}; its output is above").ConfigureAwait(false);
            return Tool.Failed;
        }
        ImageInspectResponse image = await engine.Client.Images.InspectImageAsync(name, cancel).ConfigureAwait(false);
        Terminal.Out.MarkupLineInterpolated($"[green]built[/]    {name} in {clock.Elapsed.TotalSeconds.ToString("0.0", CultureInfo.InvariantCulture)} s, {image.Size / 1_000_000} MB");
        if (image.Config?.Labels?.ContainsKey(KeelsonContainers.Label) != true)
            Warn("it is not based on Keelson", "FROM keelson/baseimage");
        string first = (image.Config?.Entrypoint ?? []).Concat(image.Config?.Cmd ?? []).FirstOrDefault() ?? "";
        if (Path.GetFileName(first) != "my_init")
            Warn($"it starts {(first.Length > 0 ? first : "nothing")}, not my_init: no startup script and no service will run", "CMD [\"/sbin/my_init\"] at the end of the Dockerfile");
        return 0;
    }

    private static void Warn(string text, string cure)
    {
        Terminal.Out.MarkupLineInterpolated($"[yellow]warning[/]  {text}");
        Terminal.Out.MarkupLineInterpolated($"         [grey]cure:[/] {cure}");
    }

    private static async Task<(int Status, string Log)> DockerAsync(List<string> arguments, Action<string> tell, CancellationToken cancel)
    {
        var log = new StringBuilder();
        using var docker = new Process { StartInfo = new ProcessStartInfo("docker", arguments) { RedirectStandardOutput = true, RedirectStandardError = true } };
        void Take(object sender, DataReceivedEventArgs line)
        {
            if (line.Data is null)
                return;
            lock (log)
                log.AppendLine(line.Data);
            if (line.Data.StartsWith("Step ", StringComparison.Ordinal) || line.Data.StartsWith('#'))
                tell(line.Data);
        }
        docker.OutputDataReceived += Take;
        docker.ErrorDataReceived += Take;
        try
        {
            docker.Start();
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new Refusal($"the docker command can't be started: {e.Message}", "apt-get install docker.io");
        }
        docker.BeginOutputReadLine();
        docker.BeginErrorReadLine();
        try
        {
            await docker.WaitForExitAsync(cancel).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            docker.Kill();
            throw;
        }
        return (docker.ExitCode, log.ToString());
    }
}
