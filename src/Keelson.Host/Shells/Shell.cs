using System.CommandLine;
using Docker.DotNet;
using Keelson.Host.Engine;

namespace Keelson.Host.Shells;

/// <summary>What docker-ssh and docker-bash have in common: their arguments, and how they fail.</summary>
internal static class Shell
{
    /// <summary>All behind the container's name is the command's, options too.</summary>
    /// <param name="command">Which options take a value.</param>
    /// <param name="arguments">As they were given.</param>
    internal static string[] Separate(Command command, string[] arguments)
    {
        for (int i = 0; i < arguments.Length; i++)
        {
            string argument = arguments[i];
            if (argument == "--")
                return arguments;
            if (!argument.StartsWith('-'))
            {
                string[] rest = arguments[(i + 1)..];
                return [.. arguments[..(i + 1)], "--", .. rest is ["--", ..] ? rest[1..] : rest];
            }
            bool takesValue = command.Options.Any(o => (o.Name == argument || o.Aliases.Contains(argument)) && o.ValueType != typeof(bool) && o.Arity.MinimumNumberOfValues > 0);
            if (takesValue)
                i++;
        }
        return arguments;
    }

    /// <summary>Runs it; what goes wrong is told in the command's name, and gives <paramref name="failed"/>.</summary>
    internal static async Task<int> RunAsync(string name, int failed, Func<Task<int>> action)
    {
        try
        {
            return await action().ConfigureAwait(false);
        }
        catch (Refusal e)
        {
            await Console.Error.WriteLineAsync($"{name}: {e.Text}").ConfigureAwait(false);
        }
        catch (DockerApiException e)
        {
            await Console.Error.WriteLineAsync($"{name}: the engine says: {DockerEngine.MessageOf(e)}").ConfigureAwait(false);
        }
        catch (Exception e) when (e is InvalidOperationException or IOException or UnauthorizedAccessException or HttpRequestException or TimeoutException)
        {
            await Console.Error.WriteLineAsync($"{name}: {e.Message}").ConfigureAwait(false);
        }
        return failed;
    }
}
