using System.CommandLine;
using System.CommandLine.Completions;
using Docker.DotNet;
using Docker.DotNet.Models;
using Keelson.Host.Engine;

namespace Keelson.Host.Commands;

/// <summary>What the subcommands of `keelson` have in common.</summary>
internal static class Tool
{
    internal const int Failed = 1;
    private const int Interrupted = 130;

    internal static Option<bool> Json() => new("--json") { Description = "one JSON document, for programs" };

    internal static Argument<string> Container(string description) => Completed(new Argument<string>("container") { Description = description });

    /// <summary>The names of running containers, for the shell's completion.</summary>
    internal static Argument<string> Completed(Argument<string> argument)
    {
        argument.CompletionSources.Add(_ => Names());
        return argument;
    }

    private static CompletionItem[] Names()
    {
        try
        {
            return Task.Run(async () =>
            {
                using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(1));
                using DockerEngine engine = await DockerEngine.ConnectAsync(patience.Token).ConfigureAwait(false);
                IList<ContainerListResponse> all = await engine.Client.Containers.ListContainersAsync(new ContainersListParameters(), patience.Token).ConfigureAwait(false);
                return all.Select(c => new CompletionItem(KeelsonContainers.NameOf(c))).ToArray();
            }).GetAwaiter().GetResult();
        }
        catch (Exception e) when (e is InvalidOperationException || DockerEngine.IsSilence(e))
        {
            // A Tab key is no place for a message.
            return [];
        }
    }

    /// <summary>Runs it with an engine; what goes wrong is one message on standard error and exit status 1.</summary>
    internal static async Task<int> RunAsync(Func<DockerEngine, Task<int>> action, CancellationToken cancel)
    {
        await Task.Yield();
        string complaint;
        try
        {
            using DockerEngine engine = await DockerEngine.ConnectAsync(cancel).ConfigureAwait(false);
            return await action(engine).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            return Interrupted;
        }
        catch (Refusal e)
        {
            complaint = e.Text;
        }
        catch (DockerApiException e)
        {
            complaint = $"the engine says: {DockerEngine.MessageOf(e)}";
        }
        catch (Exception e) when (e is InvalidOperationException or IOException or UnauthorizedAccessException or HttpRequestException or TimeoutException or System.Net.Sockets.SocketException)
        {
            complaint = e.Message;
        }
        await Console.Error.WriteLineAsync($"keelson: {complaint}").ConfigureAwait(false);
        return Failed;
    }
}
