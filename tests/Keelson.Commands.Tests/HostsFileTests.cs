using System.Text;
using CsCheck;
using Keelson.Commands.Hosts;

namespace Keelson.Commands.Tests;

public sealed class HostsFileTests
{
    private const string Begin = "# begin of /etc/workaround-docker-2267/hosts\n";
    private const string End = "# end of /etc/workaround-docker-2267/hosts\n";
    private const string Docker = "127.0.0.1\tlocalhost\n172.17.0.2\t0f3a\n";

    private static string Merge(string file, string names) =>
        Encoding.Latin1.GetString(HostsFile.Merge(Encoding.Latin1.GetBytes(file), Encoding.Latin1.GetBytes(names)));

    [Theory]
    [InlineData(Docker, "10.0.0.1 db\n", Docker + Begin + "10.0.0.1 db\n" + End)]
    [InlineData(Docker, "10.0.0.1 db", Docker + Begin + "10.0.0.1 db\n" + End)]
    [InlineData("127.0.0.1 localhost", "10.0.0.1 db", "127.0.0.1 localhost\n" + Begin + "10.0.0.1 db\n" + End)]
    [InlineData("", "10.0.0.1 db\n", Begin + "10.0.0.1 db\n" + End)]
    [InlineData(Docker, "", Docker)]
    [InlineData(Docker, "# nothing yet\n\n  \t\n", Docker)]
    [InlineData(Docker + Begin + "10.0.0.1 db\n" + End, "10.0.0.2 db\n", Docker + Begin + "10.0.0.2 db\n" + End)]
    [InlineData(Docker + Begin + "10.0.0.1 db\n" + End + "10.9.9.9 later\n", "10.0.0.2 db\n", Docker + "10.9.9.9 later\n" + Begin + "10.0.0.2 db\n" + End)]
    [InlineData(Docker + Begin + "10.0.0.1 db\n" + End, "", Docker)]
    [InlineData(Docker + Begin + "10.0.0.1 db\n", "10.0.0.2 db\n", Docker + Begin + "10.0.0.1 db\n" + Begin + "10.0.0.2 db\n" + End)]
    [InlineData("1.1.1.1 \u00e9\u0000\n", "2.2.2.2 \u00ff\n", "1.1.1.1 \u00e9\u0000\n" + Begin + "2.2.2.2 \u00ff\n" + End)]
    public void Our_part_is_at_the_end_and_everything_else_is_kept(string file, string names, string expected) =>
        Assert.Equal(expected, Merge(file, names));

    [Fact]
    public void Merged_again_nothing_changes_and_without_names_the_file_is_what_it_was() =>
        Gen.Select(Gen.Char["a1 .\n#"].Array[0, 60], Gen.Char["b2 .\n#"].Array[0, 60]).Sample((file, names) =>
        {
            string before = new(file);
            string merged = Merge(before, new string(names));
            Assert.Equal(merged, Merge(merged, new string(names)));
            Assert.StartsWith(before, merged, StringComparison.Ordinal);
            Assert.Equal(before.TrimEnd('\n'), Merge(merged, "").TrimEnd('\n'));
        });
}
