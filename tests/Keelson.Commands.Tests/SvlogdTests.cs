using System.Text;
using Keelson.Commands.Svlogd;

namespace Keelson.Commands.Tests;

public sealed class SvlogdTests
{
    [Theory]
    [InlineData("*", "anything", true)]
    [InlineData("", "", true)]
    [InlineData("", "a", false)]
    [InlineData("*b", "acb", true)]
    [InlineData("*b", "abb", false)]
    [InlineData("a+b", "abbb", true)]
    [InlineData("a+b", "a", false)]
    [InlineData("a+b", "abc", false)]
    [InlineData("+b*c", "b", true)]
    [InlineData("*pid*", "tcpsvd: info: pid 1977", false)]
    [InlineData("*: *: pid *", "tcpsvd: info: pid 1977", true)]
    public void A_pattern_matches_as_runit_matches_it(string pattern, string line, bool matches) =>
        Assert.Equal(matches, Pattern.Matches(Encoding.UTF8.GetBytes(pattern), Encoding.UTF8.GetBytes(line)));

    [Fact]
    public void Time_stamps_have_the_forms_of_the_man_page()
    {
        var text = new byte[TimeStamp.TaiLength];
        TimeStamp.Tai(text, 0x6b046e03, 0x3b3e773c);
        Assert.Equal("@400000006b046e0d3b3e773c", Encoding.UTF8.GetString(text));
        TimeStamp.Date(text, 951782400, 13_570_000, (byte)'T');
        Assert.Equal("2000-02-29T00:00:00.01357", Encoding.UTF8.GetString(text));
    }

    [Theory]
    [InlineData("s2000", 2000, 0)]
    [InlineData("s2k", 2048, 0)]
    [InlineData("s2m", 2 * 1024 * 1024, 0)]
    [InlineData("t7", 1000000, 7)]
    [InlineData("t2m", 1000000, 120)]
    [InlineData("t2h", 1000000, 7200)]
    [InlineData("t2d", 1000000, 2)]
    public void Sizes_and_ages_have_the_units_of_runit(string line, int size, int age)
    {
        Config config = Config.Parse(Encoding.UTF8.GetBytes(line));
        Assert.Equal(((ulong)size, (ulong)age), (config.Size, config.Age));
    }

    [Theory]
    [InlineData("s18014398509481984k")]
    [InlineData("s99999999999999999999")]
    [InlineData("t99999999999999999h")]
    public void A_number_that_is_too_large_is_neither_none_nor_in_the_past(string line)
    {
        Config config = Config.Parse(Encoding.UTF8.GetBytes(line));
        ulong number = line[0] == 's' ? config.Size : config.Age;
        Assert.Equal(1UL << 52, number);
        Assert.True((long)number * 1000 > 0);
    }

    [Fact]
    public void The_config_is_read_line_by_line()
    {
        Config config = Config.Parse("#c\n\ns12k\nn3\nN2\nt5\n!cat\nu10.0.0.1:99\npP: \n-*\n+a"u8);
        Assert.Equal((12UL * 1024, 3UL, 2UL, 5UL), (config.Size, config.Keep, config.KeepWhenFull, config.Age));
        Assert.Equal((0x0a000001u, (ushort)99, true), (config.Address, config.Port, config.Udp));
        Assert.Equal("cat|P: |2", $"{config.Processor}|{config.Prefix}|{config.Patterns.Count}");
    }
}
