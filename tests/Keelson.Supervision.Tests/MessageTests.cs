using System.Text;
using CsCheck;

namespace Keelson.Supervision.Tests;

/// <summary>What services send (sd_notify(3)), and what is said at the control socket.</summary>
public sealed class MessageTests
{
    private static NotifyMessage Notify(string text) => NotifyMessage.Parse(Encoding.UTF8.GetBytes(text));

    [Fact]
    public void All_lines_of_sd_notify_that_mean_something_are_read_and_others_passed_over()
    {
        NotifyMessage message = Notify("READY=1\nSTATUS=Serving \u001b[31m5\u0007\nMAINPID=42\nX_OTHER=1\nEXTEND_TIMEOUT_USEC=2500000\nWATCHDOG=1\nnonsense\n=");
        Assert.True(message.IsReady);
        Assert.True(message.IsAlive);
        Assert.False(message.IsStopping || message.IsReloading || message.IsHung);
        Assert.Equal(("Serving  [31m5 ", 42, 2500L), (message.Status, message.MainPid, message.ExtendMilliseconds));
        Assert.True(Notify("STOPPING=1").IsStopping);
        Assert.True(Notify("RELOADING=1\nMONOTONIC_USEC=5").IsReloading);
        Assert.True(Notify("WATCHDOG=trigger").IsHung);
    }

    [Theory]
    [InlineData("READY=0")]
    [InlineData("READY=11")]
    [InlineData("ready=1")]
    [InlineData("MAINPID=-1")]
    [InlineData("MAINPID=99999999999999")]
    [InlineData("EXTEND_TIMEOUT_USEC=x")]
    public void What_is_not_to_the_letter_means_nothing(string text) => Assert.Equal(default, Notify(text));

    [Fact]
    public void Whatever_the_bytes_a_message_is_read_and_its_text_is_bounded() =>
        Gen.Byte.Array[0, 400].Sample(bytes => Assert.True((NotifyMessage.Parse(bytes).Status?.Length ?? 0) <= 200));

    [Fact]
    public void A_status_that_is_too_long_is_not_cut_within_a_character() =>
        Assert.Equal(new string('a', 199), Notify("STATUS=" + new string('a', 199) + "\U0001F600").Status);

    private static readonly Gen<string> s_text = Gen.Char["\t\n\\ abä\u0001"].Array[0, 12].Select(c => new string(c));

    [Fact]
    public void A_record_comes_back_as_it_was_whatever_its_text_holds() =>
        Gen.Select(s_text, s_text, s_text, Gen.Int, Gen.Enum<JournalKind>()).Sample((a, b, c, number, kind) =>
        {
            var entry = new JournalEntry(Math.Abs((long)number), kind, a, number, b);
            string line = ControlMessage.Format(entry);
            Assert.Equal(line.Length - 1, line.IndexOf('\n'));
            Assert.Equal(entry, ControlMessage.ParseEvent(ControlMessage.Fields(line[..^1])));
            var report = new ServiceReport
            {
                Name = a,
                Run = "run",
                Want = "up",
                Active = "active",
                Pid = number,
                Session = 3,
                Since = 4,
                Starts = 5,
                LastStatus = number % 2 == 0 ? null : number,
                Text = b,
                Reason = c,
            };
            line = ControlMessage.Format(report);
            Assert.Equal(line.Length - 1, line.IndexOf('\n'));
            Assert.Equal(report, ControlMessage.ParseService(ControlMessage.Fields(line[..^1])));
        });

    [Fact]
    public void Whatever_the_line_nothing_is_taken_for_a_record_that_is_none() =>
        s_text.Sample(text =>
        {
            _ = ControlMessage.ParseEvent(ControlMessage.Fields(text));
            _ = ControlMessage.ParseService(ControlMessage.Fields("service\t" + text));
            Assert.Null(ControlMessage.Request(Encoding.UTF8.GetBytes(text)));
        });

    [Fact]
    public void What_is_no_number_of_its_field_makes_no_record()
    {
        Assert.Null(ControlMessage.ParseEvent(ControlMessage.Fields("event\t1\tready\tweb\t2147483648\t")));
        Assert.Null(ControlMessage.ParseService(ControlMessage.Fields("service\tweb\trun\tup\tactive\t4294967297\t1\t1\t1\t\t\t")));
        Assert.NotNull(ControlMessage.ParseService(ControlMessage.Fields("service\tweb\trun\tup\tactive\t1\t1\t1\t1\t\t\t")));
    }

    [Fact]
    public void Every_request_and_every_kind_of_event_has_its_word()
    {
        foreach (ControlRequest request in Enum.GetValues<ControlRequest>())
            Assert.Equal(request, ControlMessage.Request(ControlMessage.Word(request)));
        foreach (JournalKind kind in Enum.GetValues<JournalKind>())
            Assert.Equal(kind, JournalKinds.OfWord(kind.ToWord()));
    }
}
