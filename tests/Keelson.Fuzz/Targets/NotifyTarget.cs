using System.Text;
using Keelson.Supervision;

namespace Keelson.Fuzz;

/// <summary>
/// Datagrams at NOTIFY_SOCKET: what is kept of one is bounded and printable; two halves mean together what they mean apart.
/// </summary>
internal sealed class NotifyTarget : Target
{
    internal override string Name => "notify";
    internal override int MaxLength => 400;

    internal override IEnumerable<string> Words =>
    [
        "READY=1", "RELOADING=1", "STOPPING=1", "WATCHDOG=1", "WATCHDOG=trigger", "STATUS=", "MAINPID=", "EXTEND_TIMEOUT_USEC=", "MONOTONIC_USEC=",
        "\n", "2147483647", "2147483648", "9223372036854775807", "\U0001F600", "\u0085", "\u202e", "ERRNO=2", "FDSTORE=1", "BARRIER=1",
    ];

    internal override void Check(ReadOnlySpan<byte> input)
    {
        NotifyMessage whole = NotifyMessage.Parse(input);
        Assert.True(whole.MainPid >= 0 && whole.ExtendMilliseconds >= 0);
        if (whole.Status is { } status)
        {
            Assert.InRange(status.Length, 0, 200);
            Assert.DoesNotContain(status, char.IsControl);
            Assert.Equal(status, Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(status)));
        }
        int newline = input.IndexOf((byte)'\n');
        if (newline < 0)
            return;
        NotifyMessage first = NotifyMessage.Parse(input[..newline]), rest = NotifyMessage.Parse(input[(newline + 1)..]);
        Assert.Equal(first.IsReady || rest.IsReady, whole.IsReady);
        Assert.Equal(first.IsReloading || rest.IsReloading, whole.IsReloading);
        Assert.Equal(first.IsStopping || rest.IsStopping, whole.IsStopping);
        Assert.Equal(first.IsAlive || rest.IsAlive, whole.IsAlive);
        Assert.Equal(first.IsHung || rest.IsHung, whole.IsHung);
        Assert.Equal(rest.Status ?? first.Status, whole.Status);
        Assert.Equal(rest.MainPid != 0 ? rest.MainPid : first.MainPid, whole.MainPid);
        Assert.Equal(rest.ExtendMilliseconds != 0 ? rest.ExtendMilliseconds : first.ExtendMilliseconds, whole.ExtendMilliseconds);
    }
}
