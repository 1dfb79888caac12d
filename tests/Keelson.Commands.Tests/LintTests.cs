using System.Text;
using System.Text.Json;
using CsCheck;
using Keelson.Commands.Lint;
using Keelson.Linux;

namespace Keelson.Commands.Tests;

/// <summary>keelson-lint(8): each finding from real files, and that nothing is found where nothing is wrong.</summary>
public sealed class LintTests : IDisposable
{
    private const UnixFileMode Runnable = (UnixFileMode)0b111_101_101;
    private const UnixFileMode Plain = (UnixFileMode)0b110_100_100;

    private readonly string _root = Directory.CreateTempSubdirectory("keelson-lint-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    private LintTests Write(string path, string content, UnixFileMode mode = Runnable)
    {
        string file = Path.Combine(_root, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, content);
        File.SetUnixFileMode(file, mode);
        return this;
    }

    private LintTests Link(string path, string target)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(_root, path))!);
        File.CreateSymbolicLink(Path.Combine(_root, path), target);
        return this;
    }

    /// <summary>What is found below a directory of the root, paths shown from there.</summary>
    private string[] Lint(string directory = "") =>
        Linter.Check(ByteString.Of(Path.Combine(_root, directory))).Select(f => f.ToString().Replace(_root + "/", "", StringComparison.Ordinal)).ToArray();

    private void Finds(string expected, string directory = "") => Assert.Equal([expected], Lint(directory));

    private void FindsNothing(string directory = "") => Assert.Empty(Lint(directory));

    private LintTests Run(string body) => Write("etc/service/web/run", "#!/bin/sh\n" + body + "\n");

    [Fact]
    public void A_service_and_a_script_that_are_right_are_clean()
    {
        Run("exec memcached -u memcache").Write("etc/service/web/finish", "#!/bin/sh\n").Write("etc/service/web/log/run", "#!/bin/sh\nexec svlogd .\n").Write("etc/service/web/down", "", Plain)
            .Write("etc/service/web/control/t", "#!/bin/sh\n").Write("etc/service/web/service.conf", "[Service]\nType=simple\n", Plain)
            .Write("etc/my_init.d/10_x.sh", "#!/bin/sh\ntrue\n").Write("etc/my_init.d/README", "text", Plain).Write("etc/rc.local", "#!/bin/sh -e\nexit 0\n");
        FindsNothing();
        FindsNothing("etc/service");
        FindsNothing("etc/service/web");
        FindsNothing("etc/my_init.d");
    }

    [Theory]
    [InlineData("etc/service/web/run", "etc/service/web/run: error: not executable, so the service can't start; chmod +x etc/service/web/run")]
    [InlineData("etc/service/web/log/run", "etc/service/web/log/run: error: not executable, so the service can't start; chmod +x etc/service/web/log/run")]
    [InlineData("etc/service/web/finish", "etc/service/web/finish: warning: not executable, so it is ignored; chmod +x etc/service/web/finish")]
    [InlineData("etc/service/web/check", "etc/service/web/check: warning: not executable, so it is ignored; chmod +x etc/service/web/check")]
    [InlineData("etc/service/web/control/t", "etc/service/web/control/t: warning: not executable, so it is ignored; chmod +x etc/service/web/control/t")]
    [InlineData("etc/my_init.d/a", "etc/my_init.d/a: error: not executable, so it is skipped; chmod +x etc/my_init.d/a")]
    [InlineData("etc/my_init.pre_shutdown.d/a", "etc/my_init.pre_shutdown.d/a: error: not executable, so it is skipped; chmod +x etc/my_init.pre_shutdown.d/a")]
    [InlineData("etc/my_init.post_shutdown.d/a", "etc/my_init.post_shutdown.d/a: error: not executable, so it is skipped; chmod +x etc/my_init.post_shutdown.d/a")]
    [InlineData("etc/rc.local", "etc/rc.local: error: not executable, so it is skipped; chmod +x etc/rc.local")]
    [InlineData("etc/cron.daily/a", "etc/cron.daily/a: error: not executable, so it is skipped; chmod +x etc/cron.daily/a")]
    public void A_missing_execute_bit_is_found_wherever_one_is_needed(string path, string expected)
    {
        Run("exec memcached").Write("etc/service/web/log/run", "#!/bin/sh\nexec svlogd .\n").Write(path, "#!/bin/sh\nexec true\n", Plain);
        Finds(expected);
    }

    [Theory]
    [InlineData("#!/bin/sh\r\nexec true\r\n", "1: error: CRLF line ends, so the kernel looks for \"/bin/sh\\r\"; sed -i 's/\\r$//' etc/service/web/run")]
    [InlineData("#!/bin/sh\ntrue\nexec true\r\n", "3: error: a carriage return at the line's end, which the shell takes for a part of the last word; sed -i 's/\\r$//' etc/service/web/run")]
    [InlineData("exec true\n", "1: warning: no interpreter line, so it is left to /bin/sh; write #!/bin/sh as its first line")]
    [InlineData("\uFEFF#!/bin/sh\nexec true\n", "1: error: a byte order mark stands in front, so the first line names no interpreter; sed -i '1s/^\\xEF\\xBB\\xBF//' etc/service/web/run")]
    [InlineData("#!\nexec true\n", "1: error: #! names no interpreter; write #!/bin/sh")]
    [InlineData("#!bin/sh\nexec true\n", "1: error: the interpreter bin/sh is no absolute path; write #!/bin/sh")]
    [InlineData("", " error: empty; write the script, or remove the file")]
    public void What_is_wrong_with_the_text_is_found_with_its_line(string content, string expected)
    {
        Write("etc/service/web/run", content);
        Finds("etc/service/web/run:" + expected);
    }

    [Fact]
    public void Programs_are_no_scripts() => Write("etc/service/web/run", "\u007fELF\0\0rest\r\n").FindsNothing();

    [Theory]
    [InlineData("#!/bin/sh", null)]
    [InlineData("#!/usr/bin/env -i python3", null)]
    [InlineData("#!/usr/bin/env -S A=b python3 -u", null)]
    [InlineData("#!/usr/bin/bash", "no such interpreter /usr/bin/bash; install it in the image, or name another")]
    [InlineData("#!/usr/bin/env node", "no directory of PATH has the interpreter node; install it in the image, or name another")]
    [InlineData("#!/etc/issue", "the interpreter /etc/issue is no program; name another")]
    public void A_missing_interpreter_is_found_below_the_root_of_the_image_with_its_links(string line, string? expected)
    {
        // A link as Debian has it, which leads out of the image when it is followed from here.
        Write("usr/bin/dash", "x").Link("usr/bin/sh", "dash").Link("bin", "/usr/bin").Write("usr/bin/env", "x").Write("usr/bin/python3.11", "x").Link("usr/bin/python3", "/etc/alternatives/python3")
            .Link("etc/alternatives/python3", "../../usr/bin/python3.11").Write("etc/issue", "x", Plain).Write("etc/service/web/run", line + "\nexec true\n");
        foreach (string directory in new[] { "", "etc/service", "etc/service/web" })
        {
            if (expected is null)
                FindsNothing(directory);
            else
                Finds("etc/service/web/run:1: error: " + expected, directory);
        }
    }

    [Fact]
    public void In_a_part_of_an_image_no_interpreter_is_missed() => Write("etc/service/web/run", "#!/opt/ours/python\nx").FindsNothing();

    [Theory]
    [InlineData("exec nginx", "nginx", "write nginx -g 'daemon off;'")]
    [InlineData("exec /usr/sbin/nginx -c /etc/nginx/nginx.conf", "nginx", "write nginx -g 'daemon off;'")]
    [InlineData("memcached -d -u memcache", "memcached", "leave out -d")]
    [InlineData("exec setuser memcache memcached -vd", "memcached", "leave out -d")]
    [InlineData("exec /usr/sbin/sshd -e", "sshd", "add -D")]
    [InlineData("exec chpst -u root:root -o 1024 cron", "cron", "add -f (crond of cronie: -n)")]
    [InlineData("exec php-fpm8.3", "php-fpm8.3", "add --nodaemonize")]
    [InlineData("exec redis-server /etc/redis.conf --daemonize yes", "redis-server", "leave out --daemonize yes")]
    [InlineData("apache2ctl start", "apache2ctl", "write apache2ctl -D FOREGROUND")]
    [InlineData("exec apache2 -k start", "apache2", "add -DFOREGROUND")]
    [InlineData("exec env LANG=C nice -n 5 syslog-ng --no-caps", "syslog-ng", "add --foreground")]
    [InlineData("exec rsyslogd", "rsyslogd", "add -n")]
    [InlineData("mysqld --daemonize", "mysqld", "leave out --daemonize")]
    [InlineData("pg_ctl start -D /data", "pg_ctl", "write exec postgres -D DIRECTORY")]
    [InlineData("haproxy -f /etc/haproxy.cfg -D", "haproxy", "write haproxy -W -db")]
    [InlineData("dnsmasq", "dnsmasq", "add --keep-in-foreground")]
    [InlineData("service nginx start", "service", "start the daemon itself, in the foreground")]
    [InlineData("systemctl start nginx", "systemctl", "start the daemon itself, in the foreground")]
    [InlineData("if true; then\n  postfix start\nfi", "postfix", "write postfix start-fg", 3)]
    public void A_daemon_that_goes_to_the_background_is_found(string body, string daemon, string cure, int line = 2)
    {
        Run(body);
        Finds($"etc/service/web/run:{line}: error: {daemon} goes to the background like this, and is started again and again; {cure}");
    }

    [Theory]
    [InlineData("nginx -t || exit\nexec nginx -g 'pid /run/x; daemon off;'")]
    [InlineData("exec nginx -g \"daemon off;\"")]
    [InlineData("exec sshd -De")]
    [InlineData("exec sshd -D -e")]
    [InlineData("exec apache2 -DFOREGROUND")]
    [InlineData("exec apache2ctl -D FOREGROUND")]
    [InlineData("exec redis-server --daemonize no")]
    [InlineData("exec php-fpm8.3 -F")]
    [InlineData("exec cron -f -L 4")]
    [InlineData("exec syslog-ng -F --no-caps")]
    [InlineData("exec postfix start-fg")]
    [InlineData("# nginx\necho 'nginx'; cat <<X\nnginx\nX\nexec true")]
    [InlineData("case $1 in\n  cron|sshd) true;;\n  nginx) true;;\nesac\nexec true")]
    [InlineData("for daemon in nginx cron; do echo $daemon; done\nexec true")]
    public void A_daemon_in_the_foreground_is_none(string body) => Run(body).FindsNothing();

    [Fact]
    public void What_nginx_has_in_its_configuration_counts() =>
        Write("bin/sh", "x").Write("etc/nginx/nginx.conf", "user x;\n  daemon  off;\n", Plain).Run("exec nginx").FindsNothing();

    [Theory]
    [InlineData("memcached -u x", "2: warning: the shell waits for memcached, and gets the signals in its place; write exec in front of it")]
    [InlineData("export A=b\nA=b setuser app /opt/app/server --port 80 2>&1", "3: warning: the shell waits for server, and gets the signals in its place; write exec in front of it")]
    [InlineData("cd /opt && ./server", "2: warning: the shell waits for server, and gets the signals in its place; write exec in front of it")]
    [InlineData("memcached &", "2: error: memcached is left in the background, so the script ends and is started again and again; write exec in front of it, and no & behind it")]
    [InlineData("server 2>&1 | logger -t web", "2: warning: the shell waits for a pipeline, and gets the signals in its place; exec the daemon, and read its output in log/run")]
    public void A_shell_that_does_not_exec_its_daemon_is_found(string body, string expected)
    {
        Run(body);
        Finds("etc/service/web/run:" + expected);
    }

    [Theory]
    [InlineData("exec server")]
    [InlineData("exec 2>&1\nexec setuser app server")]
    [InlineData("if [ -n \"$A\" ]; then exec a; else exec b; fi")]
    [InlineData("while :; do job; sleep 60; done")]
    [InlineData("server & pid=$!\ntrap 'kill $pid' TERM\nwait $pid")]
    [InlineData("main() {\n  exec server\n}\nmain \"$@\"")]
    [InlineData("main ()\n{ exec server; }\nmain")]
    [InlineData("function main { exec server; }\nmain")]
    [InlineData("exec server <<EOF\nserver &\nEOF")]
    [InlineData("test -x /usr/bin/server || exit 1; exec server")]
    [InlineData("case $A in (x) exec a;; *) exec b;; esac")]
    public void A_shell_that_execs_or_waits_on_purpose_is_none(string body) => Run(body).FindsNothing();

    [Fact]
    public void A_oneshot_need_not_exec() => Run("migrate --all").Write("etc/service/web/service.conf", "[Service]\nType=oneshot\n", Plain).FindsNothing();

    [Theory]
    [InlineData("run.sh")]
    [InlineData("Run")]
    [InlineData("start")]
    [InlineData("start.sh")]
    public void A_service_whose_script_has_another_name_is_found(string name)
    {
        Write($"etc/service/web/{name}", "#!/bin/sh\nexec true\n");
        Finds($"etc/service/web/{name}: error: nobody looks for this name: a service's script is called run; mv etc/service/web/{name} etc/service/web/run");
    }

    [Theory]
    [InlineData("finish.sh", "finish")]
    [InlineData("Check", "check")]
    [InlineData("service.cfg", "service.conf")]
    [InlineData("web.service", "service.conf")]
    public void Other_names_that_nobody_looks_for_are_found(string name, string wanted)
    {
        Run("exec true").Write($"etc/service/web/{name}", "#!/bin/sh\n");
        Finds($"etc/service/web/{name}: warning: nobody looks for this name: it is to be {wanted}; mv etc/service/web/{name} etc/service/web/{wanted}");
    }

    [Fact]
    public void A_service_without_a_script_is_found_and_one_with_ExecStart_is_not()
    {
        Write("etc/service/web/env/A", "b", Plain);
        Finds("etc/service/web: error: no script run; write the start of the daemon, in the foreground, into etc/service/web/run");
        Write("etc/service/web/service.conf", "[Service]\nExecStart=/usr/bin/memcached\n", Plain).FindsNothing();
    }

    [Fact]
    public void A_file_in_place_of_a_service_is_found()
    {
        Write("etc/service/web", "#!/bin/sh\nexec true\n").Write("etc/service/README", "text", Plain);
        Finds("etc/service/web: error: a file, and a service is a directory with a script run in it; mv etc/service/web etc/service/web.sh; mkdir etc/service/web; mv etc/service/web.sh etc/service/web/run");
    }

    [Fact]
    public void Links_that_lead_nowhere_are_found_and_those_that_lead_into_the_image_are_followed()
    {
        Write("etc/sv/web/run", "#!/bin/sh\nexec true\n").Link("etc/service/web", "/etc/sv/web").Link("etc/service/gone", "/etc/sv/gone").Link("etc/my_init.d/gone", "nowhere");
        Assert.Equal(["etc/my_init.d/gone: error: a link that leads nowhere; mend or remove it", "etc/service/gone: error: a link that leads nowhere; mend or remove it"], Lint());
    }

    [Fact]
    public void A_service_behind_a_dot_is_found()
    {
        Write("etc/service/.web/run", "#!/bin/sh\nexec true\n");
        Finds("etc/service/.web: warning: its name begins with a dot, so it is no service; rename or remove it");
    }

    [Theory]
    [InlineData("10_a.sh~")]
    [InlineData("10_a.sh.bak")]
    [InlineData(".10_a.sh.swp")]
    [InlineData("10_a.dpkg-old")]
    public void What_an_editor_or_a_package_left_among_the_startup_scripts_is_found(string name)
    {
        Write($"etc/my_init.d/{name}", "#!/bin/sh\ntrue\n");
        Finds($"etc/my_init.d/{name}: warning: it looks like what an editor or a package left behind, and runs all the same; rm etc/my_init.d/{name}");
    }

    [Theory]
    [InlineData("cron.d/a.cron", "cron")]
    [InlineData("cron.d/a~", "cron")]
    [InlineData("cron.hourly/a.sh", "run-parts")]
    public void Names_that_cron_ignores_are_found(string path, string who)
    {
        Run("exec true").Write("etc/" + path, "#!/bin/sh\n").Write("etc/cron.d/.placeholder", "", Plain);
        Finds($"etc/{path}: warning: {who} ignores names with other characters than letters, digits, - and _; rename it");
    }

    [Fact]
    public void Logs_are_looked_at_as_services_are()
    {
        Run("exec true").Write("etc/service/web/log/run.sh", "#!/bin/sh\n");
        Finds("etc/service/web/log/run.sh: error: nobody looks for this name: a service's script is called run; mv etc/service/web/log/run.sh etc/service/web/log/run");
        Write("etc/service/web/log/run", "#!/bin/sh\nsvlogd /var/log/web\n");
        Finds("etc/service/web/log/run:2: warning: the shell waits for svlogd, and gets the signals in its place; write exec in front of it");
    }

    [Fact]
    public void A_log_that_is_no_directory_is_found()
    {
        Run("exec true").Write("etc/service/web/log", "#!/bin/sh\n");
        Finds("etc/service/web/log: error: not a directory, so nobody reads what the service writes; make it one, with the reader as etc/service/web/log/run");
    }

    [Theory]
    [InlineData("T")]
    [InlineData("term")]
    [InlineData("z")]
    public void Scripts_of_control_that_no_command_runs_are_found(string name)
    {
        Run("exec true").Write($"etc/service/web/control/{name}", "#!/bin/sh\n");
        Finds($"etc/service/web/control/{name}: warning: no command of sv has this letter, so it never runs; name it by one of u t c p h a i q 1 2 k d x");
    }

    [Fact]
    public void What_a_supervisor_left_behind_is_found()
    {
        Run("exec true").Write("etc/service/web/supervise/lock", "", Plain);
        Finds("etc/service/web/supervise: warning: left by a supervisor that has ended, and no part of an image; rm -r etc/service/web/supervise");
    }

    [Fact]
    public void What_is_wrong_in_service_conf_is_found_with_its_line()
    {
        Run("exec true").Write("etc/service/web/service.conf", "[Service]\nRestrat=always\nType=forking\n", Plain);
        string[] found = Lint();
        Assert.Contains("etc/service/web/service.conf:3: error: Type=forking can't be; write simple, notify, oneshot", found);
        string unknown = Assert.Single(found, f => f.Contains("Restrat", StringComparison.Ordinal));
        Assert.StartsWith("etc/service/web/service.conf:2: warning: ", unknown, StringComparison.Ordinal);
        Assert.Contains("Restart", unknown, StringComparison.Ordinal);
        Assert.Equal(2, found.Length);
    }

    [Fact]
    public void Names_of_services_that_do_not_exist_are_found_with_the_nearest_that_does()
    {
        Run("exec true").Write("etc/service/postgres/run", "#!/bin/sh\nexec true\n")
            .Write("etc/service/web/service.conf", "[Unit]\nAfter=postgres\nRequires=postgers\nWants=cache.service\nAfter=network.target\n", Plain);
        Assert.Equal(
            ["etc/service/web/service.conf:3: error: Requires=postgers: there is no such service; write postgres, or add the service",
                "etc/service/web/service.conf:4: warning: Wants=cache: there is no such service; add the service, or remove the name"],
            Lint());
        // Of one service alone it is not known which others there are.
        FindsNothing("etc/service/web");
    }

    [Fact]
    public void A_circle_in_the_order_is_found_once_with_its_path()
    {
        void Service(string name, string conf) => Write($"etc/service/{name}/run", "#!/bin/sh\nexec true\n").Write($"etc/service/{name}/service.conf", "[Unit]\n" + conf, Plain);
        Service("a", "After=b\n");
        Service("b", "Requires=c\n");
        Service("c", "");
        Service("d", "Before=d2\nAfter=a\n");
        Service("d2", "");
        FindsNothing();
        Service("c", "Wants=x a\n");
        Service("x", "");
        Finds("etc/service: error: services wait for each other in a circle: a -> b -> c -> a; a does not wait for b; take one of the names out of After, Before, Requires or Wants");
        Service("c", "After=c\n");
        Finds("etc/service: error: services wait for each other in a circle: c -> c; c does not wait for c; a service can't wait for itself; take one of the names out of After, Before, Requires or Wants");
    }

    [Fact]
    public void In_any_other_directory_the_scripts_alone_are_looked_at()
    {
        Write("example/Dockerfile", "FROM x\n", Plain).Write("example/memcached.sh", "#!/bin/sh\nexec memcached -d\n", Plain).Write("example/deep/web/run", "#!/bin/sh\nmemcached\n").Write("example/notes.txt", "memcached -d\r\n", Plain);
        Assert.Equal(
            ["example/deep/web/run:2: warning: the shell waits for memcached, and gets the signals in its place; write exec in front of it",
                "example/memcached.sh:2: error: memcached goes to the background like this, and is started again and again; leave out -d"],
            Lint("example"));
    }

    [Fact]
    public void The_image_itself_and_the_examples_are_clean()
    {
        string top = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(top, "Keelson.slnx")))
            top = Path.GetDirectoryName(top.TrimEnd('/'))!;
        foreach (string directory in new[] { "image/rootfs", "examples" })
            Assert.Empty(Linter.Check(ByteString.Of(Path.Combine(top, directory))).Select(f => f.ToString()));
    }

    [Fact]
    public void Json_has_every_finding_whatever_is_in_its_names() =>
        Gen.Select(Gen.String, Gen.Int[0, 9999], Gen.Bool, Gen.String).Array[0, 4].Sample(all =>
        {
            // What is no Unicode can't be in the bytes of a path that we made from text.
            (string Path, int Line, bool IsError, string What)[] wanted = all.Select(a => (Sound(a.Item1), a.Item2, a.Item3, Sound(a.Item4))).ToArray();
            string json = LintCommand.Json(wanted.Select(f => new Finding(ByteString.Of(f.Path), f.Line, f.IsError, f.What, "cure \"x\"\n\\")).ToArray());
            using var document = JsonDocument.Parse(json);
            Assert.Equal(
                wanted.Select(f => (f.Path, f.Line, f.IsError ? "error" : "warning", f.What, "cure \"x\"\n\\")),
                document.RootElement.EnumerateArray().Select(e => (e.GetProperty("path").GetString()!, e.GetProperty("line").GetInt32(), e.GetProperty("severity").GetString()!, e.GetProperty("what").GetString()!, e.GetProperty("cure").GetString()!)));
        });

    private static string Sound(string text) => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));

    [Fact]
    public void Whatever_a_script_says_it_is_read_to_its_end()
    {
        Gen<string> piece = Gen.OneOf(
            Gen.Const("if "), Gen.Const("fi "), Gen.Const("case x in "), Gen.Const("esac"), Gen.Const(";;"), Gen.Const("a) "), Gen.Const("(b) "), Gen.Const("<<E\n"), Gen.Const("E\n"), Gen.Const("$("), Gen.Const(")"), Gen.Const("`"), Gen.Const("'"),
            Gen.Const("\""), Gen.Const("\\"), Gen.Const("{ "), Gen.Const("}"), Gen.Const("\n"), Gen.Const("&"), Gen.Const("|"), Gen.Const("function "), Gen.Const("f()"), Gen.Const("exec "), Gen.Const("nginx "), Gen.Const("2>&1 "), Gen.Const("#"), Gen.Const("for i in "), Gen.String[0, 3]);
        piece.Array[0, 30].Sample(pieces =>
        {
            string text = string.Concat(pieces);
            var script = ShellScript.Read(text);
            int lines = text.Count(c => c == '\n') + 1;
            foreach (ShellCommand command in script.Commands)
            {
                Assert.InRange(command.Line, 1, lines);
                Assert.NotEmpty(command.Words);
                _ = Daemons.Leaving(StartedProgram.Of(command.Words));
            }
        });
    }

    [Theory]
    [InlineData("a `b \\\nc`\nd\n", 3)]
    [InlineData("a $(b \\\nc)\nd\n", 3)]
    [InlineData("d\\", 1)]
    public void A_command_has_the_number_of_its_line_whatever_goes_on_before_it(string text, int line) =>
        Assert.Equal(("d", line), ShellScript.Read(text).Commands.Select(c => (c.Words[0], c.Line)).Last());

    [Fact]
    public void Plain_commands_come_back_word_for_word()
    {
        Gen<string> word = Gen.String[Gen.Char["abxyz09._/:%+@-"], 1, 6].Where(w => w is not ("if" or "do"));
        Gen.Select(word.Array[1, 4], Gen.Int[0, 3]).Array[1, 5].Sample(commands =>
        {
            var text = new StringBuilder("# x\n");
            foreach ((string[] words, int style) in commands)
                text.AppendJoin(' ', words.Select(w => style switch { 1 => $"'{w}'", 2 => $"\"{w}\"", 3 => w + "\\\n", _ => w })).Append(" 2>&1 >/dev/null # comment ; no\n");
            var script = ShellScript.Read(text.ToString());
            Assert.Equal(commands.Select(c => string.Join(' ', c.Item1)), script.Commands.Select(c => string.Join(' ', c.Words)));
        });
    }
}
