using CsCheck;
using Keelson.Linux;

namespace Keelson.Commands.Tests;

public sealed class LongOptionsTests
{
    private const string Names = "ready status= pid?";

    private static string Read(params string[] arguments)
    {
        var options = new LongOptions([.. arguments.Select(ByteString.Of)], 0, Names);
        var seen = new List<string>();
        while (options.Next() is { } name)
            seen.Add(options.Value is { } value ? $"{name}={value}" : name);
        return string.Join(' ', seen.Concat(options.Operands.Select(o => $"({o})"))) + (options.Problem is { } problem ? $" ! {problem}" : "");
    }

    [Theory]
    [InlineData("--ready", "ready")]
    [InlineData("--status=x", "status=x")]
    [InlineData("--status= ", "status=")]
    [InlineData("--status x y", "status=x (y)")]
    [InlineData("--status --ready", "status=--ready")]
    [InlineData("--pid 5", "pid (5)")]
    [InlineData("--pid=5", "pid=5")]
    [InlineData("a --ready b", "ready (a) (b)")]
    [InlineData("-- --ready -x", "(--ready) (-x)")]
    [InlineData("- -h", "help (-)")]
    [InlineData("--help", "help")]
    [InlineData("--status=a=b", "status=a=b")]
    [InlineData("--status", " ! --status needs a value")]
    [InlineData("--ready=1", " ! --ready takes no value")]
    [InlineData("--read", " ! unknown option --read")]
    [InlineData("--=x", " ! unknown option --")]
    [InlineData("-x=y", " ! unknown option -x")]
    [InlineData("--ready --bad --status=x", "ready ! unknown option --bad")]
    public void Options_are_read_wherever_they_stand(string line, string expected) => Assert.Equal(expected, Read(line.TrimEnd().Split(' ')));

    [Fact]
    public void Whatever_is_given_each_argument_is_an_option_an_operand_a_value_or_a_problem() =>
        Gen.OneOf(Gen.Const("--ready"), Gen.Const("--status"), Gen.Const("--"), Gen.Const("-h"), Gen.String[Gen.Char["-=ahr ?"], 0, 6], Gen.String[0, 4]).Array[0, 6].Sample(arguments =>
        {
            var options = new LongOptions([.. arguments.Select(ByteString.Of)], 0, Names);
            int found = 0;
            while (options.Next() is not null)
                found++;
            Assert.True(options.Problem is not null || found + options.Operands.Count <= arguments.Length);
        });
}
