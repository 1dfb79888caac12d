using System.Globalization;
using System.Xml.Linq;
using CsCheck;
using Keelson.Commands.Boot;
using Keelson.Supervision;

namespace Keelson.Commands.Tests;

/// <summary>keelson blame and keelson plot, from journals.</summary>
public sealed class BootTests
{
    private const string Journal =
        """
        0 boot
        5 started syslog-ng
        15 ready syslog-ng
        20 script-started /etc/my_init.d/10_slow
        1220 script-ended /etc/my_init.d/10_slow 0
        1225 script-started /etc/my_init.d/20_quick
        1230 script-ended /etc/my_init.d/20_quick 0
        1231 started cron
        1231 ready cron
        1232 waiting web 0 waits for db
        1232 started db
        1232 services-started
        3500 ready db
        3501 started web
        3601 ready web
        3700 failed broken 1 gave up
        3602 main-started bash 7
        9000 ended cron 1
        9001 started cron
        9002 ready cron
        9999 stop
        10000 started late
        """;

    private static List<JournalEntry> Parse(string text) => text.Split('\n').Select(line =>
    {
        string[] fields = line.Trim().Split(' ', 5);
        return new JournalEntry(long.Parse(fields[0], CultureInfo.InvariantCulture), JournalKinds.OfWord(fields[1])!.Value, fields.Length > 2 ? fields[2] : "",
            fields.Length > 3 ? int.Parse(fields[3], CultureInfo.InvariantCulture) : 0, fields.Length > 4 ? fields[4] : "");
    }).ToList();

    private static BootTimeline Read(string text, long now = 20_000) => BootTimeline.Read(Parse(text), now);

    [Fact]
    public void Blame_lists_the_slowest_first_without_the_time_in_which_it_waited() => Assert.Equal(
        """
           2.268 s  db
           1.200 s  /etc/my_init.d/10_slow
           0.100 s  web (after waiting 2.269 s)
           0.010 s  syslog-ng
           0.005 s  /etc/my_init.d/20_quick
           0.000 s  broken (failed: gave up)
           0.000 s  cron

        """, BlameText.Write(Read(Journal)));

    [Fact]
    public void What_ends_badly_during_the_boot_after_it_was_ready_is_not_shown_as_well()
    {
        BootTimeline timeline = Read("10 started web 5\n10 ready web\n11 started app 6\n11 ready app\n20 ended web 3\n21 ended app 143\n90 started db 7\n91 ready db\n95 ended db 1");
        Assert.Equal("   0.001 s  db\n   0.000 s  app\n   0.000 s  web (then failed)\n", BlameText.Write(timeline));
        XElement red = XDocument.Parse(BootPlot.Write(timeline)).Root!.Elements().Single(e => (string?)e.Attribute("class") == "bad" && e.HasElements);
        Assert.Equal("ended", red.Value);
    }

    [Fact]
    public void What_is_not_done_is_said_with_the_time_so_far() => Assert.Equal(
        """
           9.900 s  db (not ready yet)
           9.000 s  slow.sh (runs)
           0.000 s  web (waits: for db)

        """, BlameText.Write(Read("0 boot\n100 started db\n150 waiting web 0 for db\n1000 script-started slow.sh", 10_000)));

    [Fact]
    public void The_critical_path_goes_back_from_what_was_done_last()
    {
        BootTimeline timeline = Read(Journal);
        var path = new List<string>();
        for (BootItem? item = timeline.Items.Single(i => i.Kind == BootItemKind.Main); item is not null; item = item.Cause)
            path.Add(item.Name);
        Assert.Equal(["bash", "web", "db", "/etc/my_init.d/20_quick", "/etc/my_init.d/10_slow", "syslog-ng"], path);
        Assert.Equal(3700, timeline.End);
        Assert.False(timeline.IsUnfinished);
    }

    [Fact]
    public void The_picture_has_a_row_for_each_with_its_name_and_its_time()
    {
        XElement svg = XDocument.Parse(BootPlot.Write(Read(Journal))).Root!;
        string[] texts = Texts(svg).Select(t => t.Text).ToArray();
        foreach (string expected in new[] { "Booted in 3.700 s", "2 startup scripts, 5 services, 1 failed", "/etc/my_init.d/10_slow", "1.200 s", "db", "2.268 s", "web", "0.100 s", "bash", "at 3.602 s", "0.000 s failed" })
            Assert.Contains(expected, texts);
        // The critical path, and only that, is bold.
        Assert.Equal(6, svg.Descendants().Count(e => e.Name.LocalName == "text" && (string?)e.Attribute("class") == "b" && (string?)e.Attribute("text-anchor") == "end"));
        Check(svg);
    }

    [Theory]
    [InlineData("0 boot")]
    [InlineData("0 boot\n0 started a")]
    [InlineData("0 boot\n0 started a\n0 ready a")]
    [InlineData("0 boot\n1 failed a 0 <&\">")]
    [InlineData("0 boot\n5 started a\n86400000 ready a")]
    public void A_picture_of_little_is_one_too(string journal) => Check(XDocument.Parse(BootPlot.Write(Read(journal, 90_000_000))).Root!);

    [Fact]
    public void Whatever_the_journal_no_text_of_the_picture_covers_another_or_leaves_it()
    {
        Gen<string> name = Gen.OneOf(Gen.String[Gen.Char["abc_-é中<&\"\u0001\u202e"], 1, 60], Gen.Const("web"), Gen.Const("db"), Gen.Const("/etc/my_init.d/10_x.sh"));
        Gen<JournalEntry> entry = Gen.Select(Gen.Long[0, 5_000_000], Gen.Int[0, 15], name, Gen.Int[0, 2]).Select((time, kind, n, value) => new JournalEntry(time, (JournalKind)kind, n, value, "why"));
        entry.Array[0, 25].Sample(entries =>
        {
            Array.Sort(entries, (a, b) => a.Milliseconds.CompareTo(b.Milliseconds));
            var timeline = BootTimeline.Read(entries, 6_000_000);
            Check(XDocument.Parse(BootPlot.Write(timeline)).Root!);
            Assert.Equal(timeline.Items.Count(i => i.Kind != BootItemKind.Main), BlameText.Write(timeline).Count(c => c == '\n'));
            Assert.DoesNotContain('\u202e', BootPlot.Write(timeline));
        }, iter: 300);
    }

    private sealed record Box(string Text, double Left, double Top, double Right, double Bottom);

    private static double Attribute(XElement element, string name) => double.Parse(element.Attribute(name)!.Value, CultureInfo.InvariantCulture);

    /// <summary>Where each text stands: a letter of the font of 13 px is 8 wide at most, of the title's 18 px 11.</summary>
    private static IEnumerable<Box> Texts(XElement svg)
    {
        foreach (XElement element in svg.Descendants().Where(e => e.Name.LocalName == "text"))
        {
            string text = string.Concat(element.Nodes().OfType<XText>().Select(t => t.Value));
            (double letter, double size) = (string?)element.Attribute("class") == "t" ? (11, 18) : (8, 13);
            double width = BootPlot.Width(text) * letter, x = Attribute(element, "x"), y = Attribute(element, "y");
            double left = (string?)element.Attribute("text-anchor") switch { "end" => x - width, "middle" => x - width / 2, _ => x };
            yield return new Box(text, left, y - size * 0.8, left + width, y + size * 0.25);
        }
    }

    private static void Check(XElement svg)
    {
        double width = Attribute(svg, "width"), height = Attribute(svg, "height");
        Box[] boxes = Texts(svg).ToArray();
        Assert.NotEmpty(boxes);
        foreach (Box box in boxes)
            Assert.True(box.Left >= 0 && box.Top >= 0 && box.Right <= width && box.Bottom <= height, $"outside of {width}x{height}: {box}");
        for (int i = 0; i < boxes.Length; i++)
        {
            for (int j = i + 1; j < boxes.Length; j++)
            {
                (Box a, Box b) = (boxes[i], boxes[j]);
                Assert.False(a.Left < b.Right && b.Left < a.Right && a.Top < b.Bottom && b.Top < a.Bottom, $"{a} covers {b}");
            }
        }
        XElement[] rectangles = svg.Descendants().Where(e => e.Name.LocalName == "rect" && e.Attribute("x") is not null).ToArray();
        foreach (XElement rectangle in rectangles)
            Assert.True(Attribute(rectangle, "x") >= 0 && Attribute(rectangle, "x") + Attribute(rectangle, "width") <= width + 2, rectangle.ToString());
        // A bar covers no text but its row's own ground.
        foreach (XElement bar in rectangles.Where(r => (string)r.Attribute("class")! is not "r"))
        {
            double left = Attribute(bar, "x"), top = Attribute(bar, "y");
            Assert.DoesNotContain(boxes, b => b.Left < left + Attribute(bar, "width") && left < b.Right && b.Top < top + Attribute(bar, "height") && top < b.Bottom);
        }
    }
}
