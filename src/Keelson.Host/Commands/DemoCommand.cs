// What a newcomer sees first: a container boots, a killed service comes back, the container stops. Every line is a fact
// that was checked; the first deviation ends it with the container's log and exit status 1.
using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Docker.DotNet;
using Keelson.Host.Engine;
using Spectre.Console;

namespace Keelson.Host.Commands;

internal sealed class DemoCommand
{
    private const int Port = 11211;
    private const string Key = "greeting";
    private const string Value = "hello from memcached";

    private Container? _container;

    internal static Command Create()
    {
        var image = new Option<string>("--image") { Description = "the memcached example's image", Required = true };
        var command = new Command("demo", "Boot memcached under Keelson, kill it, watch it come back, stop the container") { image };
        command.SetAction((parsed, cancel) => new DemoCommand().RunAsync(parsed.GetRequiredValue(image), cancel));
        return command;
    }

    private async Task<int> RunAsync(string image, CancellationToken cancel)
    {
        DockerClientBuilder builder = new();
        if (Environment.GetEnvironmentVariable("DOCKER_HOST") is { Length: > 0 } host)
            builder = builder.WithEndpoint(new Uri(host));
        using DockerClient engine = builder.Build();
        try
        {
            await ShowAsync(engine, image, cancel).ConfigureAwait(false);
            return 0;
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            AnsiConsole.MarkupLine("[yellow]interrupted[/]");
            return 130;
        }
        catch (Exception e) when (e is DockerApiException or InvalidOperationException or IOException or TimeoutException or HttpRequestException)
        {
            AnsiConsole.MarkupLineInterpolated($"[red]failed:[/] {e.Message}");
            if (_container is not null)
                await PrintLogsAsync(CancellationToken.None).ConfigureAwait(false);
            return 1;
        }
        finally
        {
            if (_container is not null)
                await _container.DisposeAsync().ConfigureAwait(false);
        }
    }

    private async Task ShowAsync(DockerClient engine, string image, CancellationToken cancel)
    {
        AnsiConsole.MarkupLineInterpolated($"[bold]{image}[/]");
        var clock = Stopwatch.StartNew();
        _container = await Container.StartAsync(engine, image, Port, cancel).ConfigureAwait(false);
        var memcached = new MemcachedClient(await _container.PublishedPortAsync(Port, cancel).ConfigureAwait(false));
        string version = await memcached.WaitAsync(cancel).ConfigureAwait(false);
        Say("started", $"container {_container.Id[..12]}; memcached {version} answers", clock.Elapsed);
        clock.Restart();

        string init = (await _container.ExecuteAsync(["/bin/sh", "-c", "tr '\\0' ' ' </proc/1/cmdline; sed -n 's/^Pss: *//p' /proc/1/smaps_rollup"], cancel).ConfigureAwait(false)).Trim();
        Say("process 1", $"{init} of memory");

        string stored = (await memcached.SetAsync(Key, Value, cancel).ConfigureAwait(false)).Trim();
        Expect(stored == "STORED", $"memcached answered \"{stored}\" to set");
        string? fetched = await memcached.GetAsync(Key, cancel).ConfigureAwait(false);
        Expect(fetched == Value, $"memcached returned \"{fetched}\"");
        Say("stored", $"and fetched \"{fetched}\"");

        // A service that ran for less than a second is started again a second later; show the other case.
        TimeSpan young = TimeSpan.FromMilliseconds(1100) - clock.Elapsed;
        if (young > TimeSpan.Zero)
            await Task.Delay(young, cancel).ConfigureAwait(false);
        int before = await MemcachedPidAsync(cancel).ConfigureAwait(false);
        clock.Restart();
        await _container.ExecuteAsync(["/bin/sh", "-c", $"kill -KILL {before}"], cancel).ConfigureAwait(false);
        await memcached.WaitAsync(cancel).ConfigureAwait(false);
        TimeSpan back = clock.Elapsed;
        int after = await MemcachedPidAsync(cancel).ConfigureAwait(false);
        Expect(after != before, "memcached was not killed");
        Expect(await memcached.GetAsync(Key, cancel).ConfigureAwait(false) is null, "the value survived the kill, so it was another memcached");
        Say("killed", $"memcached ({before}) by SIGKILL; it answers again ({after})", back);

        clock.Restart();
        long status = await _container.StopAsync(cancel).ConfigureAwait(false);
        TimeSpan stop = clock.Elapsed;
        await PrintLogsAsync(cancel).ConfigureAwait(false);
        Say("stopped", $"with exit status {status}", stop);
        Expect(status == 0, $"a graceful stop has exit status 0, not {status}");
    }

    private async Task<int> MemcachedPidAsync(CancellationToken cancel)
    {
        const string find = "for d in /proc/[0-9]*; do read -r name <$d/comm && [ \"$name\" = memcached ] && echo ${d#/proc/}; done; true";
        string pid = (await _container!.ExecuteAsync(["/bin/sh", "-c", find], cancel).ConfigureAwait(false)).Trim();
        return int.TryParse(pid, NumberStyles.None, CultureInfo.InvariantCulture, out int number)
            ? number
            : throw new InvalidOperationException($"expected one memcached in the container, found \"{pid}\"");
    }

    private async Task PrintLogsAsync(CancellationToken cancel)
    {
        (string output, string error) = await _container!.LogsAsync(cancel).ConfigureAwait(false);
        AnsiConsole.MarkupLine("[bold]docker logs[/]");
        foreach (string line in (output + error).Split('\n', StringSplitOptions.RemoveEmptyEntries))
            AnsiConsole.MarkupLineInterpolated($"  [grey]{line}[/]");
    }

    private static void Say(string what, string text, TimeSpan? time = null)
    {
        string duration = time is { } t ? string.Create(CultureInfo.InvariantCulture, $" after {t.TotalMilliseconds:0} ms") : "";
        AnsiConsole.MarkupLineInterpolated($"[green]{what,-10}[/] {text}[bold]{duration}[/]");
    }

    private static void Expect(bool fact, string otherwise)
    {
        if (!fact)
            throw new InvalidOperationException(otherwise);
    }
}
