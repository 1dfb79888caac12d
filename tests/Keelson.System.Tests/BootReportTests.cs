using System.Xml.Linq;
using Keelson.SystemTests.Harness;

namespace Keelson.SystemTests;

/// <summary>keelson-blame(8) and keelson-plot(8) of a real boot; what they make of a journal is tested with them.</summary>
public sealed class BootReportTests
{
    [Fact]
    public async Task What_the_boot_took_is_told_slowest_first_and_drawn()
    {
        await using Sandbox s = new Sandbox().Startup("10_slow", "sleep 0.5").Startup("20_quick", "true").Service("web", "exec sleep 10000");
        await s.Start();
        await s.WaitForProcess("sleep 10000");
        (int status, string blame) = await s.Exec("/opt/keelson/keelson blame 2>&1");
        Assert.True(status == 0, blame);
        string[] names = blame.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => l.Split("  ", StringSplitOptions.RemoveEmptyEntries)[^1].Trim().Split(' ')[0]).ToArray();
        Assert.Equal("/etc/my_init.d/10_slow", names[0]);
        Assert.Equal(["/etc/my_init.d/10_slow", "/etc/my_init.d/20_quick", "web"], names.Order(StringComparer.Ordinal));
        (status, string plot) = await s.Exec("/opt/keelson/keelson plot 2>&1");
        Assert.True(status == 0, plot);
        string[] texts = XDocument.Parse(plot).Descendants().Where(e => e.Name.LocalName == "text").Select(e => string.Concat(e.Nodes().OfType<XText>().Select(t => t.Value))).ToArray();
        foreach (string name in names)
            Assert.Contains(name, texts);
    }

    [Theory]
    [InlineData("blame")]
    [InlineData("plot")]
    public async Task Wrong_usage_is_status_2_and_help_is_on_standard_output(string command)
    {
        (await Command.Keelson([command, "now"])).Must(run => run is { Status: 2, Out: "" } && run.Err.Contains($"keelson {command} --help", StringComparison.Ordinal));
        (await Command.Keelson([command, "--help"])).Must(run => run is { Status: 0, Err: "" });
    }
}
