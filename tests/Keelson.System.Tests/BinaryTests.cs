using System.Text.RegularExpressions;
using Keelson.SystemTests.Harness;

namespace Keelson.SystemTests;

/// <summary>What the linker made of the binary, as docs/security.md says it.</summary>
public sealed partial class BinaryTests
{
    private static async Task<CommandRun> Look(string option)
    {
        CommandRun run = await Command.Run("readelf", [option, "-W", Machine.Binary]);
        run.Must(run.Status == 0);
        return run;
    }

    [Fact]
    public async Task No_memory_of_the_program_is_both_written_and_executed_and_the_stack_is_not_executed()
    {
        CommandRun run = await Look("--program-headers");
        MatchCollection segments = Segment().Matches(run.Out);
        run.Must(segments.Count(m => m.Groups["type"].Value == "LOAD") >= 4);
        run.Must(segments.Any(m => m.Groups["flags"].Value == "R E"));
        run.Must(!segments.Any(m => m.Groups["flags"].Value.Contains('W') && m.Groups["flags"].Value.Contains('E')));
        run.Must(segments.Single(m => m.Groups["type"].Value == "GNU_STACK").Groups["flags"].Value.Trim() == "RW");
    }

    [Fact]
    public async Task All_addresses_that_calls_go_through_are_read_only_once_it_runs()
    {
        CommandRun headers = await Look("--program-headers"), sections = await Look("--section-headers");
        Match relro = Assert.Single(Segment().Matches(headers.Out), m => m.Groups["type"].Value == "GNU_RELRO");
        ulong begin = Convert.ToUInt64(relro.Groups["address"].Value, 16), end = begin + Convert.ToUInt64(relro.Groups["size"].Value, 16);
        // With -z now there is one table, and it is in RELRO; .got.plt would be one that is filled in while it runs.
        (string Name, ulong Address, ulong Size)[] tables = [.. Section().Matches(sections.Out)
            .Where(m => m.Groups["name"].Value is ".got" or ".got.plt" or ".init_array" or ".fini_array" or ".data.rel.ro")
            .Select(m => (m.Groups["name"].Value, Convert.ToUInt64(m.Groups["address"].Value, 16), Convert.ToUInt64(m.Groups["size"].Value, 16)))];
        sections.Must(tables.Any(t => t.Name == ".got") && tables.Any(t => t.Name == ".data.rel.ro"));
        sections.Must(tables.All(t => t.Address >= begin && t.Address + t.Size <= end));
    }

    [Fact]
    public async Task It_is_one_static_file_without_a_loader_or_libraries()
    {
        CommandRun headers = await Look("--program-headers"), kind = await Look("--file-header");
        headers.Must(!Segment().Matches(headers.Out).Any(m => m.Groups["type"].Value is "INTERP" or "DYNAMIC"));
        kind.Must(Regex.IsMatch(kind.Out, @"Type:\s+EXEC"));
    }

    [Fact]
    [NotEmulated("the emulator writes the code that it executes")]
    public async Task The_running_process_1_has_no_memory_that_is_both_written_and_executed()
    {
        await using Sandbox s = new Sandbox().Service("web", "exec sleep 54321");
        await s.Start();
        await s.WaitForProcess("sleep 54321");
        string[] maps = await File.ReadAllLinesAsync($"/proc/{s.HostPid}/maps", TestContext.Current.CancellationToken);
        Assert.Contains(maps, m => m.Contains(" r-xp ", StringComparison.Ordinal));
        Assert.DoesNotContain(maps, m => m.Contains(" rwx", StringComparison.Ordinal));
        Assert.Equal(0, (await s.Stop()).Status);
    }

    [GeneratedRegex(@"^  (?<type>[A-Z_]+) +0x[0-9a-f]+ 0x(?<address>[0-9a-f]+) 0x[0-9a-f]+ 0x[0-9a-f]+ 0x(?<size>[0-9a-f]+) (?<flags>[R ][W ][E ]) ", RegexOptions.Multiline)]
    private static partial Regex Segment();

    [GeneratedRegex(@"^  \[ *\d+\] (?<name>\S+) +[A-Z_]+ +(?<address>[0-9a-f]+) [0-9a-f]+ (?<size>[0-9a-f]+) ", RegexOptions.Multiline)]
    private static partial Regex Section();
}
