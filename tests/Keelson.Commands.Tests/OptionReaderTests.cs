using Keelson.Linux;

namespace Keelson.Commands.Tests;

public sealed class OptionReaderTests
{
    [Theory]
    [InlineData("-v -w 5 status web", "v w=5", "status web")]
    [InlineData("-vw5 status", "v w=5", "status")]
    [InlineData("-- -v", "", "-v")]
    [InlineData("- x", "", "- x")]
    [InlineData("status -v", "", "status -v")]
    [InlineData("-w", "? w lacks a value", "")]
    [InlineData("-vx y", "v ? x", "y")]
    [InlineData("", "", "")]
    public void Options_are_read_as_getopt_reads_them(string line, string options, string rest)
    {
        ByteString[] arguments = [.. line.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(ByteString.Of)];
        var reader = new OptionReader(arguments, 0, "vw:");
        var seen = new List<string>();
        for (char letter = reader.Next(); letter != OptionReader.End; letter = reader.Next())
        {
            seen.Add(letter switch
            {
                OptionReader.Problem => $"? {reader.Culprit}{(reader.LacksValue ? " lacks a value" : "")}",
                'w' => $"w={reader.Value}",
                _ => letter.ToString(),
            });
        }
        Assert.Equal(options, string.Join(' ', seen));
        Assert.Equal(rest, string.Join(' ', arguments[reader.Index..]));
    }
}
