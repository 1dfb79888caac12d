using System.Text;
using CsCheck;

namespace Keelson.Supervision.Tests;

public sealed class ServiceConfTests
{
    private static readonly string[] s_lines = ["[Unit]", "[Service]", "DefaultDependencies=no", "X-ReadySocket=/a", "what", "=", "A=B", "\\", "TimeoutStartSec=1s"];

    private static ServiceConf Parse(string text) => ServiceConf.Parse(Encoding.UTF8.GetBytes(text));

    [Fact]
    public void Without_a_file_a_service_is_as_under_runit()
    {
        foreach (ServiceConf conf in new[] { ServiceConf.Default, Parse(""), Parse("# a comment\n; another\n\n[Unit]\n[Service]\n") })
        {
            Assert.False(conf.IsEarly);
            Assert.Empty(conf.Conditions);
            Assert.Empty(conf.ReadySocket);
            Assert.Empty(conf.Warnings);
            Assert.Empty(conf.Errors);
        }
    }

    [Fact]
    public void All_keys_are_read_in_the_syntax_of_systemd()
    {
        ServiceConf conf = Parse("""
            [Unit]
            Description=System logging
            DefaultDependencies = no
            ConditionEnvironment=!DISABLE_SYSLOG=1
            ConditionUser=\
              root

            [Service]
            X-ReadySocket=/dev/log
            TimeoutStartSec=1min 2.5s
            X-Of-Somebody-Else=is nobody's business
            [Install]
            WantedBy=multi-user.target
            """);
        Assert.Empty(conf.Warnings);
        Assert.Empty(conf.Errors);
        Assert.True(conf.IsEarly);
        Assert.Equal([new(ConditionKind.Environment, true, "DISABLE_SYSLOG=1"), new(ConditionKind.User, false, "root")], conf.Conditions);
        Assert.Equal("/dev/log", conf.ReadySocket);
        Assert.Equal(62_500, conf.StartTimeoutMilliseconds);
    }

    [Fact]
    public void An_empty_value_takes_the_conditions_of_before_away() =>
        Assert.Equal([new(ConditionKind.User, false, "app")], Parse("[Unit]\nConditionEnvironment=A\nConditionUser=\nConditionUser=app").Conditions);

    [Theory]
    [InlineData("DefaultDependencies=no", "line 1: DefaultDependencies= is in no section; write [Unit] or [Service] above it")]
    [InlineData("[Service]\n\nRestrat=no", "line 3: unknown key Restrat in [Service]; it is ignored (is Restart meant?)")]
    [InlineData("[Service]\nexecstart=no", "line 2: unknown key execstart in [Service]; it is ignored (is ExecStart meant?)")]
    [InlineData("[Service]\nPrivateTmp=yes", "line 2: unknown key PrivateTmp in [Service]; it is ignored")]
    [InlineData("[Unit]\nRestart=no", "line 2: Restart belongs in [Service]; it is ignored here")]
    [InlineData("[Unit]\n\\\nwhat\n", "line 2: \"what\" is neither [SECTION] nor KEY=VALUE; the line is ignored")]
    public void What_means_nothing_is_named_with_its_line_and_the_rest_holds(string text, string warning)
    {
        ServiceConf conf = Parse(text + "\n[Unit]\nConditionUser=root\n");
        Assert.Equal([warning], conf.Warnings);
        Assert.Empty(conf.Errors);
        Assert.Single(conf.Conditions);
        Assert.False(conf.IsEarly);
    }

    [Theory]
    [InlineData("[Unit]\r\nDefaultDependencies=perhaps\r\n", "line 2: DefaultDependencies=perhaps is neither yes nor no; write one of them")]
    [InlineData("[Unit]\nConditionPathIsReadWrite=!run", "line 2: ConditionPathIsReadWrite=!run is no absolute path; write one")]
    [InlineData("[Unit]\nConditionCapability=NET_ADMIN", "line 2: ConditionCapability=NET_ADMIN is no capability; write a name of capabilities(7), for example CAP_NET_ADMIN")]
    [InlineData("[Service]\nX-ReadySocket=log", "line 2: X-ReadySocket=log is no absolute path; write one")]
    [InlineData("[Service]\nTimeoutStartSec=soon", "line 2: TimeoutStartSec=soon is no time span; write seconds, or for example 500ms or 1min 30s")]
    [InlineData("[Service]\nType=forking", "line 2: Type=forking can't be; write simple, notify, oneshot")]
    [InlineData("[Service]\nRestart=sometimes", "line 2: Restart=sometimes can't be; write always, on-failure, no")]
    [InlineData("[Service]\nKillMode=none", "line 2: KillMode=none can't be; write mixed, control-group, process")]
    [InlineData("[Service]\nKillSignal=SIGWHAT", "line 2: KillSignal=SIGWHAT is no signal; write a name of signal(7), for example SIGQUIT")]
    [InlineData("[Unit]\nStartLimitBurst=-1", "line 2: StartLimitBurst=-1 is no whole number; write one that is 0 or more")]
    [InlineData("[Unit]\nFailureAction=reboot", "line 2: FailureAction=reboot can't be; write none, exit")]
    [InlineData("[Service]\nHealthIntervalSec=1ms", "line 2: HealthIntervalSec=1ms is too short; write 100ms or more")]
    public void A_value_that_can_not_be_is_an_error_with_its_cure(string text, string error) =>
        Assert.Equal([error], Parse(text + "\n").Errors);

    [Fact]
    public void Every_key_of_order_and_life_is_read()
    {
        ServiceConf conf = Parse("""
            [Unit]
            After=network.target db.service cache
            After=db log
            Before=web
            Requires=db
            Wants=cache
            StartLimitBurst=3
            StartLimitIntervalSec=1min
            SuccessAction=none
            FailureAction=exit
            [Service]
            Type=notify
            Restart=on-failure
            RestartSec=100ms
            RestartSteps=4
            RestartMaxDelaySec=10
            TimeoutStartSec=20
            TimeoutStopSec=3
            KillSignal=SIGRTMIN+3
            KillMode=control-group
            WatchdogSec=2
            WatchdogSignal=QUIT
            NotifyAccess=main
            HealthCheck=/bin/true
            HealthIntervalSec=1
            HealthTimeoutSec=2
            HealthRetries=5
            ExecStartPre=/bin/a
            ExecStartPost=/bin/b
            ExecStop=/bin/c
            ExecReload=/bin/d
            """);
        Assert.Empty(conf.Errors);
        Assert.Empty(conf.Warnings);
        Assert.Equal(["db", "cache", "log"], conf.After);
        Assert.Equal(["web"], conf.Before);
        Assert.Equal(["db"], conf.Requires);
        Assert.Equal(["cache"], conf.Wants);
        Assert.Equal((3, 60_000L, false, true), (conf.StartLimitBurst, conf.StartLimitMilliseconds, conf.ExitsOnSuccess, conf.ExitsOnFailure));
        Assert.Equal((ServiceType.Notify, RestartMode.OnFailure, 100L, 4, 10_000L), (conf.Type, conf.Restart, conf.RestartMilliseconds, conf.RestartSteps, conf.RestartMaxMilliseconds));
        Assert.Equal((20_000L, 3000L, 37, KillMode.ControlGroup), (conf.StartTimeoutMilliseconds, conf.StopTimeoutMilliseconds, conf.KillSignal, conf.KillMode));
        Assert.Equal((2000L, 3, NotifyAccess.Main), (conf.WatchdogMilliseconds, conf.WatchdogSignal, conf.NotifyAccess));
        Assert.Equal((true, 1000L, 2000L, 5), (conf.HasHealthCheck, conf.HealthIntervalMilliseconds, conf.HealthTimeoutMilliseconds, conf.HealthRetries));
        Assert.Equal((false, true, true, true, true), (conf.HasStart, conf.HasStartPre, conf.HasStartPost, conf.HasStop, conf.HasReload));
        Assert.False(conf.ChangesProcess);
    }

    [Fact]
    public void Every_key_of_the_process_is_known_and_sends_it_through_exec_service()
    {
        foreach (string key in KnownKeys.Process)
        {
            string value = key switch { "CapabilityBoundingSet" or "AmbientCapabilities" => "CAP_CHOWN", "WorkingDirectory" or "EnvironmentFile" => "/srv", "Environment" => "A=1", _ => "1" };
            ServiceConf conf = Parse($"[Service]\n{key}={value}\n");
            Assert.Empty(conf.Errors);
            Assert.Empty(conf.Warnings);
            Assert.True(conf.ChangesProcess, key);
        }
    }

    [Theory]
    [InlineData("5", 5000L)]
    [InlineData("0.25", 250L)]
    [InlineData("500ms", 500L)]
    [InlineData("1min 30s", 90_000L)]
    [InlineData("1h30m", 5_400_000L)]
    [InlineData("infinity", long.MaxValue)]
    [InlineData("", null)]
    [InlineData("s", null)]
    [InlineData("5 parsec", null)]
    [InlineData("-1", null)]
    [InlineData("99999999999999999999", null)]
    [InlineData("1000000000d", null)]
    [InlineData("1000000000h 1000000000h 1000000000h", null)]
    public void Time_spans_are_those_of_systemd(string text, long? milliseconds) => Assert.Equal(milliseconds, TimeSpans.Milliseconds(text));

    [Fact]
    public void Whatever_the_bytes_a_file_is_read() =>
        Gen.Byte.Array[0, 200].Sample(bytes => Assert.NotNull(ServiceConf.Parse(bytes)));

    [Fact]
    public void Whatever_the_lines_every_one_that_is_not_understood_is_named() =>
        Gen.Int[0, s_lines.Length - 1].Select(i => s_lines[i])
            .Array[0, 20].Sample(lines =>
            {
                ServiceConf conf = Parse(string.Join('\n', lines));
                Assert.True(conf.Warnings.Count >= (lines.Contains("what") && !lines.Contains("\\") ? lines.Count(l => l == "what") : 0));
            });
}
