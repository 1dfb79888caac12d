namespace Keelson.Image.Tests.Places;

/// <summary>A row of the table in docs/places.md.</summary>
/// <param name="Place">The first cell: options of docker run in backticks, or words that <see cref="Ways"/> knows.</param>
/// <param name="Cells">The others, by the heads of their columns.</param>
public sealed record Row(string Place, IReadOnlyDictionary<string, string> Cells);

/// <summary>The table of docs/places.md.</summary>
public static class Matrix
{
    public const string Page = "docs/places.md";

    public static string[] Columns { get; } = ["services, `sv`", "`my_init -- COMMAND`", "`keelson status`, `health`", "syslog in `docker logs`", "variables as files", "cron", "SSH", "`docker stop`"];

    public static IReadOnlyList<Row> Rows { get; } = Read();

    private static List<Row> Read()
    {
        string[][] table = [.. File.ReadLines(Path.Combine(Docker.Top, Page)).Where(l => l.StartsWith("| ", StringComparison.Ordinal)).Select(Cells)];
        Assert.Equal(["where", .. Columns], table[0]);
        Assert.All(table, row => Assert.Equal(table[0].Length, row.Length));
        return [.. table.Skip(1).Select(row => new Row(row[0], Columns.Zip(row.Skip(1)).ToDictionary(c => c.First, c => c.Second)))];
    }

    private static string[] Cells(string line) => [.. line.Trim().Trim('|').Split('|').Select(cell => cell.Trim())];
}
