// What a newcomer sees first: a container boots, a killed service comes back, the container stops. Every line is a fact
// that was checked; the first deviation ends it with the reason, the container's log and exit status 1.
using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using Docker.DotNet;
using Keelson.Host.Engine;
using Spectre.Console;

namespace Keelson.Host.Commands;

internal sealed class DemoCommand
{
    private const int Port = 11211;
    private const string Key = "greeting";
    private const string Value = "hello from memcached";
    private const int Interrupted = 130;

    // A service that ran for less than a second is started again a second after its start; show the other case.
    private static readonly TimeSpan s_young = TimeSpan.FromMilliseconds(1100);
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

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
        // System.CommandLine attends to Ctrl-C only once we have returned to it for the first time.
        await Task.Yield();
        try
        {
            using DockerEngine engine = await DockerEngine.ConnectAsync(cancel).ConfigureAwait(false);
            try
            {
                await ShowAsync(engine.Client, image, cancel).ConfigureAwait(false);
                return 0;
            }
            catch (Exception e) when (IsDeviation(e) && _container is not null)
            {
                Fail(e);
                await PrintLogsAsync(CancellationToken.None).ConfigureAwait(false);
                return 1;
            }
            finally
            {
                if (_container is not null)
                    await _container.DisposeAsync().ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            Terminal.Out.MarkupLine(_container is null ? "[yellow]interrupted[/]" : "[yellow]interrupted[/]; the container is removed");
            return Interrupted;
        }
        catch (Exception e) when (IsDeviation(e))
        {
            Fail(e);
            return 1;
        }
    }

    private static bool IsDeviation(Exception e) =>
        e is DockerApiException or InvalidOperationException or IOException or TimeoutException or HttpRequestException or SocketException;

    private static void Fail(Exception e)
    {
        string reason = e is DockerApiException refusal ? $"the engine says: {DockerEngine.MessageOf(refusal)}" : e.Message;
        Terminal.Out.MarkupLineInterpolated($"[red]failed[/]     {reason}");
    }

    private async Task ShowAsync(DockerClient engine, string image, CancellationToken cancel)
    {
        Terminal.Out.MarkupLineInterpolated($"[bold]{image}[/]");
        var clock = Stopwatch.StartNew();
        _container = await Container.StartAsync(engine, image, Port, cancel).ConfigureAwait(false);
        var memcached = new MemcachedClient(await _container.PublishedPortAsync(Port, cancel).ConfigureAwait(false));
        string version = await memcached.WaitAsync(s_patience, cancel).ConfigureAwait(false);
        Say("started", $"container {_container.Id[..12]}; memcached {version} answers", clock.Elapsed);
        clock.Restart();

        string init = (await ShellAsync("tr '\\0' ' ' </proc/1/cmdline; sed -n 's/^Pss: *//p' /proc/1/smaps_rollup", cancel).ConfigureAwait(false)).Trim();
        Say("process 1", $"{init} of memory");

        await StoreAndFetchAsync(memcached, cancel).ConfigureAwait(false);
        Say("stored", $"and fetched \"{Value}\"");

        if (clock.Elapsed < s_young)
            await Task.Delay(s_young - clock.Elapsed, cancel).ConfigureAwait(false);
        int before = await MemcachedPidAsync(cancel).ConfigureAwait(false);
        clock.Restart();
        await ShellAsync($"kill -KILL {before}", cancel).ConfigureAwait(false);
        await memcached.WaitAsync(s_patience, cancel).ConfigureAwait(false);
        TimeSpan back = clock.Elapsed;
        int after = await MemcachedPidAsync(cancel).ConfigureAwait(false);
        Expect(after != before, $"memcached is still process {before}: it was not killed");
        Say("killed", $"memcached ({before}) by SIGKILL; it answers again ({after})", back);

        // It keeps all in memory: a new process can't have the value.
        Expect(await memcached.GetAsync(Key, cancel).ConfigureAwait(false) is null, "the value survived the kill: this is not a new memcached");
        await StoreAndFetchAsync(memcached, cancel).ConfigureAwait(false);
        Say("new", "it has lost the value, and takes and returns it again");

        clock.Restart();
        long status = await _container.StopAsync(cancel).ConfigureAwait(false);
        TimeSpan stop = clock.Elapsed;
        Expect(status == 0, $"the container was stopped and has exit status {status}, not 0");
        Say("stopped", "with exit status 0", stop);
        await PrintLogsAsync(cancel).ConfigureAwait(false);
    }

    private static async Task StoreAndFetchAsync(MemcachedClient memcached, CancellationToken cancel)
    {
        string stored = (await memcached.SetAsync(Key, Value, cancel).ConfigureAwait(false)).Trim();
        Expect(stored == "STORED", $"memcached answered \"{stored}\" to set");
        string? fetched = await memcached.GetAsync(Key, cancel).ConfigureAwait(false);
        Expect(fetched == Value, $"memcached returned \"{fetched}\" for \"{Value}\"");
    }

    private Task<string> ShellAsync(string script, CancellationToken cancel) => _container!.ExecuteAsync(["/bin/sh", "-c", script], cancel);

    private async Task<int> MemcachedPidAsync(CancellationToken cancel)
    {
        const string find = "for d in /proc/[0-9]*; do read -r name <$d/comm && [ \"$name\" = memcached ] && echo ${d#/proc/}; done; true";
        string pid = (await ShellAsync(find, cancel).ConfigureAwait(false)).Trim();
        return int.TryParse(pid, NumberStyles.None, CultureInfo.InvariantCulture, out int number)
            ? number
            : throw new InvalidOperationException($"expected one memcached in the container, found \"{pid}\"");
    }

    private async Task PrintLogsAsync(CancellationToken cancel)
    {
        (string output, string error) = await _container!.LogsAsync(cancel).ConfigureAwait(false);
        Terminal.Out.MarkupLine("[bold]docker logs[/]");
        foreach (string line in (output + error).Split('\n', StringSplitOptions.RemoveEmptyEntries))
            Terminal.Out.MarkupLineInterpolated($"  [grey]{line}[/]");
    }

    private static void Say(string what, string text, TimeSpan? time = null)
    {
        string duration = time is { } t ? string.Create(CultureInfo.InvariantCulture, $" after {t.TotalMilliseconds:0} ms") : "";
        Terminal.Out.MarkupLineInterpolated($"[green]{what,-10}[/] {text}[bold]{duration}[/]");
    }

    private static void Expect(bool fact, string otherwise)
    {
        if (!fact)
            throw new InvalidOperationException(otherwise);
    }
}
