using System.Globalization;
using System.Text;
using Keelson.SystemTests.Harness;

namespace Keelson.SystemTests;

/// <summary>
/// `keelson exec-service` in a service's directory: what the settings of service.conf make of the process, read from the
/// kernel, and what the commands do.
/// </summary>
public sealed class ExecServiceTests
{
    private const string Directory = "/etc/service/web";
    private const string Conf = Directory + "/service.conf";
    private const string Keelson = "/opt/keelson/keelson";

    /// <summary>A service, with a run script that becomes sleep where none is given.</summary>
    private static Sandbox Service(string conf, string? run = "exec sleep 54321")
    {
        var s = new Sandbox();
        s.Write(Conf, "[Service]\n" + conf + "\n");
        return run is null ? s : s.Script(Directory + "/run", run);
    }

    /// <summary>What process 1 does to start it, as the container's PID 1.</summary>
    private static Task<Sandbox> Execute(Sandbox s, string kind = "run", string before = "", string wrapper = "") =>
        s.StartBash($"cd {Directory}; {before}\nexec {wrapper} {Keelson} exec-service {kind}");

    private static async Task<int> Run(Sandbox s, string kind = "run", string before = "", string wrapper = "")
    {
        await Execute(s, kind, before, wrapper);
        return await s.Exit();
    }

    private static async Task<int> Sleeping(Sandbox s)
    {
        await Execute(s);
        await s.WaitForProcess("sleep 54321");
        return s.HostPid;
    }

    private static string Limit(int pid, string name) =>
        string.Join(' ', File.ReadLines($"/proc/{pid}/limits").First(l => l.StartsWith(name, StringComparison.Ordinal))[name.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries).Take(2));

    private static string Fact(Sandbox s, string fact)
    {
        int pid = s.HostPid;
        return fact switch
        {
            "cwd" => new FileInfo($"/proc/{pid}/cwd").LinkTarget!.Replace(s.Root, "", StringComparison.Ordinal),
            "nice" => File.ReadAllText($"/proc/{pid}/stat").Split(' ')[18],
            "oom" => File.ReadAllText($"/proc/{pid}/oom_score_adj").Trim(),
            _ when fact.StartsWith('$') => EnvironmentBlock.Parse(File.ReadAllBytes($"/proc/{pid}/environ")).TryGetValue(fact[1..], out string? value) ? value : "(none)",
            _ when fact.StartsWith("Max", StringComparison.Ordinal) => Limit(pid, fact),
            _ => string.Join(' ', (ProcessTable.Status(pid, fact) ?? "").Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries)),
        };
    }

    [Theory]
    [InlineData("User=app", "Uid|1000 1000 1000 1000", "Gid|1001 1001 1001 1001", "Groups|1001 2000 2001", "$HOME|/home/app", "$USER|app", "$LOGNAME|app", "$SHELL|/bin/sh", "CapEff|0000000000000000", "cwd|/etc/service/web")]
    [InlineData("User=1000", "Uid|1000 1000 1000 1000", "$USER|app")]
    [InlineData("User=nobody", "$SHELL|(none)", "$HOME|/nonexistent")]
    [InlineData("User=4321\nGroup=8765", "Uid|4321 4321 4321 4321", "Gid|8765 8765 8765 8765", "Groups|8765", "$USER|(none)")]
    [InlineData("User=app\nGroup=daemon", "Uid|1000 1000 1000 1000", "Gid|1 1 1 1", "Groups|1 2000 2001")]
    [InlineData("Group=apps", "Uid|0 0 0 0", "Gid|1001 1001 1001 1001")]
    [InlineData("User=app\nSupplementaryGroups=daemon docker_env\nSupplementaryGroups=77", "Groups|1 77 1001 2000 2001 8377")]
    [InlineData("SupplementaryGroups=extra", "Groups|2000", "Gid|0 0 0 0")]
    [InlineData("WorkingDirectory=/home/app", "cwd|/home/app")]
    [InlineData("User=app\nWorkingDirectory=~", "cwd|/home/app")]
    [InlineData("WorkingDirectory=~", "cwd|/root")]
    [InlineData("WorkingDirectory=-/nonexistent", "cwd|/etc/service/web")]
    [InlineData("Environment=A=1 \"B=two words\" C=%n\nEnvironment=A=2 GIVEN=mine\nUser=app\nEnvironment=HOME=/srv", "$A|2", "$B|two words", "$C|web", "$GIVEN|mine", "$HOME|/srv", "$USER|app")]
    [InlineData("Environment=A=1 C=1\nEnvironmentFile=/etc/a\nEnvironmentFile=-/etc/nonexistent\nEnvironmentFile=/etc/b", "$A|of a file", "$B|of b", "$C|1", "$GIVEN|yes")]
    [InlineData("UMask=0027", "Umask|0027")]
    [InlineData("Nice=5", "nice|5")]
    [InlineData("OOMScoreAdjust=300", "oom|300")]
    [InlineData("NoNewPrivileges=yes", "NoNewPrivs|1")]
    [InlineData("NoNewPrivileges=no", "NoNewPrivs|0")]
    [InlineData("CapabilityBoundingSet=CAP_CHOWN CAP_KILL\nCapabilityBoundingSet=CAP_SETUID", "CapBnd|00000000000000a1", "CapEff|00000000000000a1", "CapPrm|00000000000000a1")]
    [InlineData("CapabilityBoundingSet=CAP_CHOWN CAP_SETUID CAP_SETGID\nUser=app", "CapBnd|00000000000000c1", "CapEff|0000000000000000")]
    [InlineData("CapabilityBoundingSet=", "CapBnd|0000000000000000", "CapEff|0000000000000000")]
    [InlineData("User=app\nAmbientCapabilities=CAP_NET_BIND_SERVICE CAP_CHOWN", "CapAmb|0000000000000401", "CapEff|0000000000000401", "CapPrm|0000000000000401", "CapInh|0000000000000401", "Uid|1000 1000 1000 1000")]
    [InlineData("User=app\nAmbientCapabilities=CAP_CHOWN\nCapabilityBoundingSet=CAP_CHOWN\nNoNewPrivileges=yes", "CapAmb|0000000000000001", "CapBnd|0000000000000001", "NoNewPrivs|1")]
    [InlineData("LimitNOFILE=100:200", "Max open files|100 200")]
    [InlineData("LimitCORE=0", "Max core file size|0 0")]
    [InlineData("LimitCPU=1h", "Max cpu time|3600 3600")]
    [InlineData("LimitFSIZE=1M:2M", "Max file size|1048576 2097152")]
    [InlineData("LimitAS=200M:300M", "Max address space|209715200 314572800")]
    [InlineData("LimitDATA=40M", "Max data size|41943040 41943040")]
    [InlineData("LimitSTACK=1M", "Max stack size|1048576 1048576")]
    [InlineData("LimitRSS=1G", "Max resident set|1073741824 1073741824")]
    [InlineData("LimitNPROC=500", "Max processes|500 500")]
    [InlineData("LimitMEMLOCK=32K", "Max locked memory|32768 32768")]
    [InlineData("LimitLOCKS=9", "Max file locks|9 9")]
    [InlineData("LimitSIGPENDING=99", "Max pending signals|99 99")]
    [InlineData("LimitMSGQUEUE=4K", "Max msgqueue size|4096 4096")]
    [InlineData("LimitNICE=0", "Max nice priority|0 0")]
    [InlineData("LimitRTPRIO=0", "Max realtime priority|0 0")]
    [InlineData("LimitRTTIME=5s", "Max realtime timeout|5000000 5000000")]
    [InlineData("User=app\nLimitAS=100M\nLimitNOFILE=50\nUMask=077\nNice=1\nOOMScoreAdjust=10\nWorkingDirectory=/tmp\nNoNewPrivileges=1", "Max address space|104857600 104857600", "Max open files|50 50", "Umask|0077", "nice|1", "oom|10", "cwd|/tmp", "NoNewPrivs|1", "Uid|1000 1000 1000 1000")]
    [NotEmulated(NotEmulatedAttribute.NoLimits)]
    public async Task The_process_is_what_its_settings_ask_for(string conf, params string[] facts)
    {
        await using Sandbox s = Service(conf).Env("GIVEN", "yes")
            .Write("/etc/a", "# comment\nA=\"of a file\"\nB=of a\n").Write("/etc/b", "export X=1\nB=of b # a sign\\\n\nB='of b'");
        await Sleeping(s);
        foreach (string fact in facts)
        {
            string[] parts = fact.Split('|');
            Assert.Equal(fact, $"{parts[0]}|{Fact(s, parts[0])}");
        }
        Assert.DoesNotContain("not permitted", s.Err.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_no_key_changes_is_handed_on_descriptors_and_signals_too()
    {
        await using Sandbox s = Service("Nice=3").Env("A", "1");
        await Execute(s, before: "umask 013; ulimit -Sn 321; ulimit -Sv 300000000; exec 7>/tmp/seven 5</dev/null", wrapper: "env --ignore-signal=USR1");
        await s.WaitForProcess("sleep 54321");
        int pid = s.HostPid;
        Assert.Equal("/tmp/seven", new FileInfo($"/proc/{pid}/fd/7").LinkTarget!.Replace(s.Root, "", StringComparison.Ordinal));
        Assert.EndsWith("/dev/null", new FileInfo($"/proc/{pid}/fd/5").LinkTarget, StringComparison.Ordinal);
        Assert.Equal(("1", "/etc/service/web", "0013"), (Fact(s, "$A"), Fact(s, "cwd"), Fact(s, "Umask")));
        Assert.Equal("321", Limit(pid, "Max open files").Split(' ')[0]);
        Assert.Equal("307200000000", Limit(pid, "Max address space").Split(' ')[0]);
        // 32 to 34 are libc's and the runtime's: they are as whoever started the tests has them.
        Assert.Equal(0x200UL, ulong.Parse(ProcessTable.Status(pid, "SigIgn")!, NumberStyles.HexNumber, CultureInfo.InvariantCulture) & ~(7UL << 31));
        Assert.Equal(0UL, ulong.Parse(ProcessTable.Status(pid, "SigBlk")!, NumberStyles.HexNumber, CultureInfo.InvariantCulture) & 0xffffffff);
        Assert.Empty(s.Err.Text);
    }

    [Theory]
    [InlineData("", "./run a directory /etc/service/web")]
    [InlineData("WorkingDirectory=/tmp", "/etc/service/web/run a directory /tmp")]
    public async Task A_run_script_is_found_from_whatever_directory(string conf, string said)
    {
        await using Sandbox s = Service(conf + "\nExecStart=/bin/false", "echo \"$0 a directory $PWD\"");
        Assert.Equal(0, await Run(s));
        Assert.Equal(said + "\n", s.Out.Text);
    }

    [Theory]
    [InlineData("ExecStart=sh -c 'echo \"$$1 $$2\"; exit 3' x \"a b\" $WORDS", 3, "a b one\n")]
    [InlineData("ExecStart=/bin/echo ${WORDS} $WORDS $NOTHING %n\\x21 ; ", 0, "one two one two web!\n")]
    [InlineData("ExecStart=:echo $WORDS", 0, "$WORDS\n")]
    [InlineData("ExecStart=@sh shell -c 'echo $$0'", 0, "shell\n")]
    [InlineData("ExecStart=-/bin/false", 1, "")]
    [InlineData("Environment=PATH=/opt/mine\nExecStart=tool", 5, "mine\n")]
    [InlineData("ExecStart=echo one ; -/bin/false ; echo two\nExecStart=sh -c 'echo three; exit 4'", 4, "one\ntwo\nthree\n")]
    [InlineData("ExecStart=echo one ; sh -c 'exit 7' ; echo two", 7, "one\n")]
    [InlineData("User=app\nExecStart=+id -u ; !id -u ; id -u", 0, "0\n0\n1000\n")]
    public async Task Without_a_run_file_ExecStart_serves(string conf, int status, string said)
    {
        await using Sandbox s = Service(conf, null).Env("WORDS", "one two").Script("/opt/mine/tool", "echo mine; exit 5");
        Assert.Equal(status, await Run(s));
        Assert.Equal(said, s.Out.Text);
    }

    [Theory]
    [InlineData("start-pre", "ExecStartPre")]
    [InlineData("start-post", "ExecStartPost")]
    [InlineData("stop", "ExecStop")]
    [InlineData("reload", "ExecReload")]
    [InlineData("health", "HealthCheck")]
    public async Task Each_kind_runs_its_own_commands_with_the_settings_of_the_process(string kind, string key)
    {
        await using Sandbox s = Service($"ExecStart=/bin/false\nUser=app\nUMask=0077\n{key}=sh -c 'id -un; umask; echo $$USER $MAINPID' ; +id -un\n{key}=-/bin/false\n{key}=touch /tmp/%n").Env("MAINPID", "99");
        Assert.Equal(0, await Run(s, kind));
        Assert.Equal("app\n0077\napp 99\nroot\n", s.Out.Text);
        Assert.True(s.Exists("/tmp/web"));
    }

    [Theory]
    [InlineData("ExecStop=true ; sh -c 'exit 9' ; touch /tmp/further", 9)]
    [InlineData("ExecStop=sh -c 'kill -9 $$$$' ; touch /tmp/further", 137)]
    [InlineData("ExecStop=-sh -c 'kill -9 $$$$' ; false\nExecStop=touch /tmp/further", 1)]
    [InlineData("ExecStop=sh -c 'exit 9'\nExecStop=", 0)]
    [InlineData("ExecStart=/bin/false", 0)]
    [InlineData("ExecStop=-/nonexistent ; nosuchprogram ; touch /tmp/further", 203)]
    public async Task The_first_command_that_fails_ends_it_with_its_status(string conf, int status)
    {
        await using Sandbox s = Service(conf);
        Assert.Equal(status, await Run(s, "stop"));
        Assert.False(s.Exists("/tmp/further"));
    }

    [Fact]
    public async Task TERM_is_handed_on_to_the_running_command_and_no_further_one_runs()
    {
        await using Sandbox s = Service("ExecStartPre=sh -c 'trap \"echo got TERM; exit 6\" TERM; touch /tmp/up; while :; do sleep 0.1; done'\nExecStartPre=touch /tmp/further")
            .Script("/opt/parent", $"cd {Directory}; {Keelson} exec-service start-pre & echo $! >/tmp/pid; wait $!; echo \"status $?\"");
        await s.StartCommand("/opt/parent");
        await s.WaitForFile("/tmp/up");
        await s.Exec("kill $(cat /tmp/pid)");
        Assert.Equal(0, await s.Exit());
        Assert.Equal("got TERM\nstatus 6\n", s.Out.Text);
        Assert.False(s.Exists("/tmp/further"));
    }

    [Theory]
    [InlineData("User=ghost", 217, "User=ghost: /etc/passwd has no such user; create it, or correct the name")]
    [InlineData("User=4321", 217, "User=4321: /etc/passwd has no user with this number, so its group is not known; write Group= too")]
    [InlineData("User=app\nGroup=ghosts", 216, "Group=ghosts: /etc/group has no such group; create it, or correct the name")]
    [InlineData("SupplementaryGroups=extra ghosts", 216, "SupplementaryGroups=ghosts: /etc/group has no such group; create it, or correct the name")]
    [InlineData("WorkingDirectory=/nonexistent", 200, "WorkingDirectory=/nonexistent: no such file or directory; create it, or write - before it to begin without it")]
    [InlineData("User=app\nWorkingDirectory=/root/closed", 200, "WorkingDirectory=/root/closed: permission denied; correct the path or its permissions")]
    [InlineData("EnvironmentFile=/nonexistent", 78, "EnvironmentFile=/nonexistent: can't be read: no such file or directory; create it, or write - before it to begin without it")]
    [InlineData("LimitNOFILE=many\nNice=50", 78, "line 2: LimitNOFILE=many is no limit; write a number, infinity, or SOFT:HARD|line 3: Nice=50 is no whole number from -20 to 19; write one")]
    [InlineData("ExecStart=/nonexistent", 203, "/nonexistent: can't be run: no such file or directory")]
    [InlineData("User=app\nExecStart=/etc/passwd", 203, "/etc/passwd: can't be run as app: permission denied: it has no execute bit (chmod +x mends it)")]
    [InlineData("ExecStart=nosuchprogram", 203, "nosuchprogram: there is no such program in PATH; install it, or write its path")]
    [InlineData("User=app", 203, "ExecStart=: there is neither this line nor a file run beside service.conf; add one of them")]
    public async Task What_can_not_be_ends_it_with_systemds_status_and_names_file_key_reason_and_cure(string conf, int status, string said)
    {
        await using Sandbox s = Service(conf, conf.Contains("Exec", StringComparison.Ordinal) || conf == "User=app" ? null : "touch /tmp/ran").MakeDirectory("/root/closed", UnixFileMode.None);
        Assert.Equal(status, await Run(s));
        Assert.Equal(said.Split('|').Select(l => $"exec-service: {Conf}: {l}"), s.Err.Lines);
        Assert.False(s.Exists("/tmp/ran"));
    }

    [Theory]
    [InlineData("AmbientCapabilities=CAP_CHOWN", 218, "AmbientCapabilities=CAP_CHOWN: the container has no CAP_CHOWN; docker run --cap-add gives it to it")]
    [InlineData("User=daemon", 216, "User=daemon: can't change the groups: operation not permitted; only root may (and with CAP_SETUID and CAP_SETGID): run the container as root, or remove the line")]
    [InlineData("User=app\nGroup=1000\nNice=-5", 0, "Nice=-5: operation not permitted, the level is 0; docker run --cap-add SYS_NICE permits it")]
    [InlineData("OOMScoreAdjust=-900", 0, "OOMScoreAdjust=-900: permission denied, the score stays as it is; a lower score needs docker run --cap-add SYS_RESOURCE, or --oom-score-adj")]
    [InlineData("LimitNOFILE=100:999999999", 0, "LimitNOFILE=100:999999999: operation not permitted, the limit is 100:200; docker run --ulimit raises it, --cap-add SYS_RESOURCE lets the service do so")]
    public async Task What_a_plain_user_may_not_is_said_and_comes_as_near_as_it_may(string conf, int status, string said)
    {
        await using Sandbox s = Service(conf, "exit 0").AsUser("1000");
        Assert.Equal(status, await Run(s, before: "ulimit -Sn 200; ulimit -Hn 200"));
        Assert.Equal([$"exec-service: {Conf}: {said}"], s.Err.Lines);
    }

    [Fact]
    public async Task A_capability_is_taken_away_only_by_who_may()
    {
        await using Sandbox s = Service("CapabilityBoundingSet=CAP_CHOWN");
        Assert.Equal(218, await Run(s, wrapper: "setpriv --bounding-set=-setpcap"));
        Assert.Equal([$"exec-service: {Conf}: CapabilityBoundingSet=: can't change the capabilities: operation not permitted; this needs CAP_SETPCAP: docker run --cap-add SETPCAP"], s.Err.Lines);
    }

    [Fact]
    public async Task Without_service_conf_run_is_just_run()
    {
        await using Sandbox s = new Sandbox().Script(Directory + "/run", "echo run; exit 5");
        Assert.Equal(5, await Run(s));
        Assert.Equal("run\n", s.Out.Text);
    }

    [Theory]
    [InlineData("")]
    [InlineData("what")]
    [InlineData("run 1 2")]
    public async Task Wrong_usage_is_2(string arguments)
    {
        await using Sandbox s = Service("");
        Assert.Equal(2, await Run(s, arguments));
        Assert.Contains("usage: keelson exec-service", s.Err.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Under_my_init_a_service_lives_by_its_commands_alone()
    {
        await using Sandbox s = Service("""
            ExecStartPre=sh -c 'echo pre $$(id -un) >>/tmp/order'
            ExecStart=sleep 54321
            ExecReload=sh -c 'echo reload $$MAINPID >>/tmp/order'
            ExecStop=+sh -c 'echo stop $$(id -un) $$MAINPID >>/tmp/order'
            User=app
            LimitNOFILE=77
            """, null).WithCommands();
        await s.Start();
        ProcessEntry main = await s.WaitForProcess("sleep 54321");
        Assert.Equal(("1000", "77 77"), (ProcessTable.Status(main.HostPid, "Uid")!.Split('\t')[0], Limit(main.HostPid, "Max open files")));
        Assert.Equal(0, (await s.OurSv("hup web")).Status);
        await s.WaitForFile("/tmp/order", $"reload {main.Pid}\n");
        Assert.Equal(0, (await s.Stop()).Status);
        Assert.Equal(["pre app", $"reload {main.Pid}", $"stop root {main.Pid}"], s.ReadLines("/tmp/order"));
    }

    [Fact]
    public async Task Under_my_init_a_value_that_can_not_be_keeps_its_service_down_and_no_other()
    {
        await using Sandbox s = Service("Nice=77", "touch /tmp/ran; exec sleep 54321").Service("other", "exec sleep 54322");
        await s.Start();
        await s.WaitForProcess("sleep 54322");
        await s.WaitForLog("line 2: Nice=77 is no whole number from -20 to 19; write one");
        await s.WaitUntilWatching();
        Assert.Equal(0, (await s.Stop()).Status);
        Assert.False(s.Exists("/tmp/ran"));
    }

    [Fact]
    public async Task Bytes_that_are_not_UTF_8_reach_the_process_as_they_are()
    {
        await using Sandbox s = Service("Environment=A=\\xff\\x01\nEnvironmentFile=/etc/a\nExecStart=sh -c 'sleep 54321; :' \\xfe", null).Write("/etc/a", [.. "B="u8, 0xfd, (byte)'\n']);
        await Execute(s);
        await s.WaitForProcess("sleep 54321");
        Assert.Equal(("\u00ff\u0001", "\u00fd"), (Fact(s, "$A"), Fact(s, "$B")));
        Assert.EndsWith("\0\u00fe\0", Encoding.Latin1.GetString(File.ReadAllBytes($"/proc/{s.HostPid}/cmdline")), StringComparison.Ordinal);
    }
}
