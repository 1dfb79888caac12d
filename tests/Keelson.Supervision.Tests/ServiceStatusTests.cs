namespace Keelson.Supervision.Tests;

/// <summary>The records are what runsv of runit 2.1.2 wrote on x86-64, and the lines what its sv said of them at 1795452048.</summary>
public sealed class ServiceStatusTests
{
    private const long Now = 1795452048;

    [Theory]
    [InlineData("400000006b046c911f58f8940c00000000750001", "run: web: (pid 12) 9s")]
    [InlineData("400000006b046c911f58f8940c00000001750001", "run: web: (pid 12) 9s, paused")]
    [InlineData("400000006b046c911f8417a40e00000000640101", "run: web: (pid 14) 9s, want down, got TERM")]
    [InlineData("400000006b046c950a39457c4600000000640001", "run: web: (pid 70) 5s, want down")]
    [InlineData("400000006b046c911f730c5c1000000000750002", "finish: web: (pid 16) 9s")]
    [InlineData("400000006b046c911f730c5c1000000000640002", "finish: web: (pid 16) 9s, want down")]
    [InlineData("400000006b046c932622812c0000000000640000", "down: web: 7s, normally up")]
    public void A_record_of_runsv_is_read_as_sv_reads_it_and_written_back_byte_for_byte(string record, string line)
    {
        byte[] bytes = Convert.FromHexString(record);
        var status = ServiceStatus.Parse(bytes);
        Assert.Equal(line, status.Describe("web", Now, normallyUp: true));
        var written = new byte[ServiceStatus.Size];
        status.Format(written);
        Assert.Equal(record, Convert.ToHexStringLower(written));
    }

    [Fact]
    public void A_record_has_every_field_in_its_place()
    {
        var status = ServiceStatus.Parse(Convert.FromHexString("400000006b046c911f8417a40e00000000640101"));
        Assert.Equal((1795452039, 528750500u, 14), (status.Seconds, status.Nanoseconds, status.Pid));
        Assert.Equal((false, Want.Down, true, RunState.Run), (status.Paused, status.Want, status.GotTerm, status.State));
    }

    [Theory]
    [InlineData(0, true, Want.Down, "down: web: 0s, normally up")]
    [InlineData(0, false, Want.Up, "down: web: 0s, want up")]
    [InlineData(0, true, Want.Up, "down: web: 0s, normally up, want up")]
    [InlineData(7, false, Want.Up, "run: web: (pid 7) 0s, normally down")]
    [InlineData(7, false, Want.Exit, "run: web: (pid 7) 0s, normally down, want down")]
    public void What_is_normal_and_what_is_wanted_are_said_when_they_differ_from_what_is(int pid, bool normallyUp, Want want, string line)
    {
        var status = new ServiceStatus { Seconds = Now + 5, Pid = pid, Want = want, State = pid == 0 ? RunState.Down : RunState.Run };
        Assert.Equal(line, status.Describe("web", Now, normallyUp));
    }

    // Records that no supervisor writes, and what sv of runit says of them.
    [Theory]
    [InlineData(0, 0, 'u', RunState.Run, "run: web: (pid 0) 9s, normally up, want up")]
    [InlineData(5, 1, 'd', RunState.Down, "down: web: 9s, paused, want down, got TERM")]
    [InlineData(0, 1, 'd', RunState.Down, "down: web: 9s, normally up")]
    [InlineData(5, 1, 'u', (RunState)7, "web: (pid 5) 9s, paused, got TERM")]
    public void An_odd_record_is_told_as_runit_tells_it(byte pid, byte flags, char want, RunState state, string line)
    {
        byte[] record = Convert.FromHexString("400000006b046c911f58f8940c00000000750001");
        (record[12], record[16], record[17], record[18], record[19]) = (pid, flags, (byte)want, flags, (byte)state);
        Assert.Equal(line, ServiceStatus.Parse(record).Describe("web", Now, normallyUp: true));
    }

    [Fact]
    public void Too_short_a_record_is_a_service_that_is_down() =>
        Assert.Equal(RunState.Down, ServiceStatus.Parse(new byte[ServiceStatus.Size - 1]).State);
}
