using Keelson.Supervision;

namespace Keelson.Fuzz;

/// <summary>service.conf is read twice: by process 1, and by the process of the service. Neither fails, and they agree.</summary>
internal sealed class ServiceConfTarget : Target
{
    internal override string Name => "service-conf";
    internal override int MaxLength => 1024;

    internal override IEnumerable<string> Words =>
        KnownKeys.Unit.Concat(KnownKeys.Service).Select(k => k + "=").Concat(
        [
            "[Unit]", "[Service]", "\\\n", "%%", "${X}", "$X", "$$", "infinity", "1h 2min", "yes", "no", "0x10", "CAP_NET_BIND_SERVICE", "~CAP_KILL",
            "99999999999999999999", "\\x41", "\\u00e9", "\\U0001F600", "\\101", " ; ", "SIGTERM", "on-failure", "always", "notify", "oneshot", "mixed",
            "control-group", "4G", "1:2", "\uFEFF", "-/etc/x",
        ]);

    internal override void Check(ReadOnlySpan<byte> input)
    {
        ServiceConf conf = ServiceConf.Parse(input, "web");
        ExecSettings settings = ExecSettings.Parse(input, "web");
        // What the process would not begin with, process 1 does not start; it knows of all commands.
        Assert.All(settings.Errors, error => Assert.Contains(error, conf.Errors));
        Assert.Equal(conf.HasStart, settings.Commands(ExecKind.Start).Count > 0);
        Assert.Equal(conf.HasHealthCheck, settings.Commands(ExecKind.Health).Count > 0);
        Assert.True(conf.StartTimeoutMilliseconds >= 0 && conf.StopTimeoutMilliseconds is not < 0 && conf.RestartMilliseconds is not < 0 && conf.WatchdogMilliseconds >= 0);
        Assert.True(conf.RestartMaxMilliseconds >= 0 && conf.RestartSteps >= 0 && conf.StartLimitBurst >= 0 && conf.StartLimitMilliseconds >= 0);
        Assert.InRange(conf.KillSignal, 1, 64);
        Assert.InRange(conf.WatchdogSignal, 1, 64);
        Assert.All(settings.Limits, l => Assert.True(l.Soft <= l.Hard));
        Assert.All(settings.Environment, e => Assert.Matches("^[A-Za-z_][A-Za-z0-9_]*=[^\0]*$", Text(e)));
        foreach (ExecKind kind in Enum.GetValues<ExecKind>())
        {
            foreach (ExecCommand command in settings.Commands(kind))
            {
                Assert.NotEmpty(command.Program);
                Assert.All(command.Arguments(name => name.Length % 2 == 0 ? name : null), a => Assert.DoesNotContain((byte)0, a));
            }
        }
    }
}
