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
            Assert.Empty(conf.Complaints);
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
        Assert.Empty(conf.Complaints);
        Assert.True(conf.IsEarly);
        Assert.Equal([new(ConditionKind.Environment, true, "DISABLE_SYSLOG=1"), new(ConditionKind.User, false, "root")], conf.Conditions);
        Assert.Equal("/dev/log", conf.ReadySocket);
        Assert.Equal(62_500, conf.StartTimeoutMilliseconds);
    }

    [Fact]
    public void An_empty_value_takes_the_conditions_of_before_away() =>
        Assert.Equal([new(ConditionKind.User, false, "app")], Parse("[Unit]\nConditionEnvironment=A\nConditionUser=\nConditionUser=app").Conditions);

    [Theory]
    [InlineData("[Unit]\r\nDefaultDependencies=perhaps\r\n", "line 2: DefaultDependencies=perhaps is neither yes nor no; taken for yes")]
    [InlineData("DefaultDependencies=no", "line 1: DefaultDependencies= is in no section; write [Unit] or [Service] above it")]
    [InlineData("[Service]\n\nRestrat=no", "line 3: unknown key Restrat in [Service]; it is ignored")]
    [InlineData("[Service]\nX-ReadySocket=log", "line 2: X-ReadySocket=log is no absolute path; nothing is waited for")]
    [InlineData("[Service]\nTimeoutStartSec=soon", "line 2: TimeoutStartSec=soon is no time span; write seconds, or for example 500ms or 1min 30s")]
    [InlineData("[Unit]\n\\\nwhat\n", "line 2: \"what\" is neither [SECTION] nor KEY=VALUE; the line is ignored")]
    public void What_is_wrong_is_named_with_its_line_and_the_rest_holds(string text, string complaint)
    {
        ServiceConf conf = Parse(text + "\n[Unit]\nConditionUser=root\n");
        Assert.Equal([complaint], conf.Complaints);
        Assert.Single(conf.Conditions);
        Assert.False(conf.IsEarly);
    }

    [Theory]
    [InlineData("5", 5000L)]
    [InlineData("0.25", 250L)]
    [InlineData("500ms", 500L)]
    [InlineData("1min 30s", 90_000L)]
    [InlineData("1h30m", 5_400_000L)]
    [InlineData("infinity", 0L)]
    [InlineData("", null)]
    [InlineData("s", null)]
    [InlineData("5 parsec", null)]
    [InlineData("-1", null)]
    [InlineData("99999999999999999999", null)]
    public void Time_spans_are_those_of_systemd(string text, long? milliseconds) => Assert.Equal(milliseconds, ServiceConf.Milliseconds(text));

    [Fact]
    public void Whatever_the_bytes_a_file_is_read() =>
        Gen.Byte.Array[0, 200].Sample(bytes => Assert.NotNull(ServiceConf.Parse(bytes)));

    [Fact]
    public void Whatever_the_lines_every_one_that_is_not_understood_is_named() =>
        Gen.Int[0, s_lines.Length - 1].Select(i => s_lines[i])
            .Array[0, 20].Sample(lines =>
            {
                ServiceConf conf = Parse(string.Join('\n', lines));
                Assert.True(conf.Complaints.Count >= (lines.Contains("what") && !lines.Contains("\\") ? lines.Count(l => l == "what") : 0));
            });
}
