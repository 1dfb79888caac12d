// `keelson logs`: docker logs, and of one service alone where KEELSON_LOG names the service of each line.
using System.Buffers;
using System.CommandLine;
using System.Text;
using System.Text.Json;
using Docker.DotNet;
using Docker.DotNet.Models;
using Keelson.Host.Engine;

namespace Keelson.Host.Commands;

internal static class LogsCommand
{
    internal static Command Create()
    {
        Argument<string> container = Tool.Container("its name, its id or the beginning of it");
        var service = new Argument<string?>("service") { Description = "only lines of this service (the container needs KEELSON_LOG=prefix or json)", Arity = ArgumentArity.ZeroOrOne };
        var follow = new Option<bool>("--follow", "-f") { Description = "go on until the container ends" };
        var tail = new Option<string>("--tail", "-n") { Description = "only this many of the last lines", DefaultValueFactory = _ => "all", HelpName = "lines" };
        var timestamps = new Option<bool>("--timestamps", "-t") { Description = "with the time of each line" };
        var command = new Command("logs", "Show the log of a container, or of one of its services") { follow, tail, timestamps, container, service };
        command.SetAction((parsed, cancel) => Tool.RunAsync(
            async engine =>
            {
                Found found = await Found.FindAsync(engine, parsed.GetRequiredValue(container), cancel).ConfigureAwait(false);
                return await RunAsync(engine, found, parsed.GetValue(service), parsed.GetValue(follow), parsed.GetValue(tail)!, parsed.GetValue(timestamps), cancel).ConfigureAwait(false);
            },
            cancel));
        return command;
    }

    private static async Task<int> RunAsync(DockerEngine engine, Found container, string? service, bool follow, string tail, bool timestamps, CancellationToken cancel)
    {
        if (service is not null && container.State.Config?.Env?.Any(e => e is "KEELSON_LOG=prefix" or "KEELSON_LOG=json") != true)
            throw new Refusal($"the lines of {container.Name} do not say which service wrote them", "docker run -e KEELSON_LOG=prefix ...");
        using MultiplexedStream stream = await engine.Client.Containers.GetContainerLogsAsync(
            container.Id, new ContainerLogsParameters { ShowStdout = true, ShowStderr = true, Follow = follow, Tail = tail, Timestamps = timestamps }, cancel).ConfigureAwait(false);
        await using Stream output = Console.OpenStandardOutput();
        await using Stream error = Console.OpenStandardError();
        await PumpAsync(stream, new LineSink(output, service), new LineSink(error, service), cancel).ConfigureAwait(false);
        return 0;
    }

    internal static async Task PumpAsync(MultiplexedStream stream, LineSink output, LineSink error, CancellationToken cancel)
    {
        var buffer = new byte[64 * 1024];
        while (true)
        {
            MultiplexedStream.ReadResult read = await stream.ReadOutputAsync(buffer, 0, buffer.Length, cancel).ConfigureAwait(false);
            if (read.EOF)
                break;
            await (read.Target == MultiplexedStream.TargetStream.StandardError ? error : output).WriteAsync(buffer.AsMemory(0, read.Count), cancel).ConfigureAwait(false);
        }
        await output.EndAsync(cancel).ConfigureAwait(false);
        await error.EndAsync(cancel).ConfigureAwait(false);
    }
}

/// <summary>Passes bytes on; with a service, only whole lines that are its own.</summary>
internal sealed class LineSink(Stream to, string? service)
{
    private readonly ArrayBufferWriter<byte> _line = new();

    internal async Task WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancel)
    {
        if (service is null)
        {
            await to.WriteAsync(bytes, cancel).ConfigureAwait(false);
            return;
        }
        while (bytes.Span.IndexOf((byte)'\n') is >= 0 and var end)
        {
            _line.Write(bytes.Span[..(end + 1)]);
            await EndAsync(cancel).ConfigureAwait(false);
            bytes = bytes[(end + 1)..];
        }
        _line.Write(bytes.Span);
    }

    internal async Task EndAsync(CancellationToken cancel)
    {
        if (_line.WrittenCount > 0 && IsOf(Encoding.UTF8.GetString(_line.WrittenSpan)))
            await to.WriteAsync(_line.WrittenMemory, cancel).ConfigureAwait(false);
        _line.ResetWrittenCount();
    }

    // "[web] text", or an object whose member "service" is "web"; either may come behind the engine's time.
    private bool IsOf(string line)
    {
        if (line.Length > 20 && char.IsAsciiDigit(line[0]) && line.IndexOf(' ', StringComparison.Ordinal) is > 0 and var end)
            line = line[(end + 1)..];
        if (line.StartsWith($"[{service}] ", StringComparison.Ordinal))
            return true;
        if (!line.StartsWith('{'))
            return false;
        try
        {
            using JsonDocument parsed = JsonDocument.Parse(line);
            return parsed.RootElement.TryGetProperty("service", out JsonElement name) && name.ValueEquals(service);
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
