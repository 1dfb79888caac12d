using System.Text;
using Keelson.Supervision;

namespace Keelson.Fuzz;

/// <summary>The control socket: only a request is one, any fields come back from a line, and so does any record.</summary>
internal sealed class ControlSocketTarget : Target
{
    internal override string Name => "control-socket";
    internal override int MaxLength => 300;

    internal override IEnumerable<string> Words =>
        Enum.GetValues<ControlRequest>().Select(r => Text(ControlMessage.Word(r))).Concat(Enum.GetValues<JournalKind>().Select(k => k.ToWord())).Concat(
            ["event\t", "service\t", "boot\t", "end", "error\t", "\\t", "\\n", "\\\\", "2147483648", "-1", "event\t1\tready\tweb\t0\t", "service\tw\trun\tup\tactive\t1\t2\t3\t4\t\t\t"]);

    internal override void Check(ReadOnlySpan<byte> input)
    {
        if (ControlMessage.Request(input) is { } request)
        {
            Assert.Equal(input, ControlMessage.Word(request));
            Assert.True(input.Length < ControlMessage.MaxRequest);
        }
        string text = Encoding.UTF8.GetString(input);
        string[] fields = ControlMessage.Fields(text);
        string line = ControlMessage.Line(fields);
        Assert.Equal(line.Length - 1, line.IndexOf('\n', StringComparison.Ordinal));
        // A first field that is empty has no tab behind it; none of ours is.
        if (fields[0].Length > 0)
            Assert.Equal(fields, ControlMessage.Fields(line[..^1]));
        if (ControlMessage.ParseEvent(fields) is { } entry)
        {
            Assert.Equal(long.Parse(fields[4], System.Globalization.CultureInfo.InvariantCulture), entry.Value);
            Assert.Equal(entry, ControlMessage.ParseEvent(ControlMessage.Fields(ControlMessage.Format(entry)[..^1])));
        }
        if (ControlMessage.ParseService(fields) is { } report)
        {
            Assert.Equal(long.Parse(fields[5], System.Globalization.CultureInfo.InvariantCulture), report.Pid);
            Assert.Equal(report, ControlMessage.ParseService(ControlMessage.Fields(ControlMessage.Format(report)[..^1])));
        }
    }
}
