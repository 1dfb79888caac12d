using Spectre.Console;

namespace Keelson.Host;

/// <summary>Our two streams. Colours and line breaks of ours are for a terminal's reader; a pipe gets each line as it is.</summary>
internal static class Terminal
{
    internal static IAnsiConsole Out { get; } = Create(Console.Out, Console.IsOutputRedirected);

    /// <summary>For progress, which a program that reads our output does not want.</summary>
    internal static IAnsiConsole Err { get; } = Create(Console.Error, Console.IsErrorRedirected);

    private static IAnsiConsole Create(TextWriter writer, bool isRedirected)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = isRedirected ? AnsiSupport.No : AnsiSupport.Detect,
            Interactive = isRedirected ? InteractionSupport.No : InteractionSupport.Detect,
            Out = new AnsiConsoleOutput(writer),
            // Some CI systems' pipes would be taken for terminals.
            Enrichment = new ProfileEnrichment { UseDefaultEnrichers = false },
        });
        if (isRedirected)
            console.Profile.Width = 10_000;
        return console;
    }
}
