using Spectre.Console;

namespace Keelson.Host;

/// <summary>Standard output. Colours and line breaks of ours are for a terminal's reader; a pipe gets each line as it is.</summary>
internal static class Terminal
{
    internal static IAnsiConsole Out { get; } = Create();

    private static IAnsiConsole Create()
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = Console.IsOutputRedirected ? AnsiSupport.No : AnsiSupport.Detect,
            // Some CI systems' pipes would be taken for terminals.
            Enrichment = new ProfileEnrichment { UseDefaultEnrichers = false },
        });
        if (Console.IsOutputRedirected)
            console.Profile.Width = 10_000;
        return console;
    }
}
