using System.Text;
using System.Text.Json;
using Keelson.SystemTests.Harness;

namespace Keelson.SystemTests;

/// <summary>The environment store /etc/container_environment, its dumps, and who gets what.</summary>
public sealed class EnvironmentTests
{
    [Fact]
    public async Task Variables_for_a_dotnet_runtime_reach_the_programs_and_not_PID_1()
    {
        // Any of these would keep our own runtime from starting.
        await using Sandbox s = new Sandbox().Env("DOTNET_GCHeapHardLimit", "1").Env("DOTNET_GCgen0size", "7");
        Assert.Equal(0, await s.Run("--quiet", "--", "sh", "-c", "echo $DOTNET_GCHeapHardLimit $DOTNET_GCgen0size"));
        Assert.Equal("1 7\n", s.Out.Text);
    }

    private const string Store = "/etc/container_environment/";

    // Values that a shell, a JSON writer or a text decoder would like to change.
    private static readonly (string Name, byte[] Value)[] s_oddValues =
    [
        ("QUOTES", "it's \"quoted\" `touch /tmp/pwned` $(touch /tmp/pwned) ${HOME} $$ \\"u8.ToArray()),
        ("NEWLINES", "a\nb\n\n c"u8.ToArray()),
        ("TRAILING", "x\n"u8.ToArray()),
        ("ONLY_NEWLINES", "\n\n"u8.ToArray()),
        ("EMPTY", []),
        ("UTF8", "žluťoučký kůň 🐎"u8.ToArray()),
        ("ALL_BYTES", Enumerable.Range(1, 255).Select(b => (byte)b).ToArray()),
        ("CUT_UTF8", [(byte)'a', 0xf0, 0x9f, 0x90]),
        ("BLANKS", "  a \t b  "u8.ToArray()),
        ("BANG", "!! !$ ^a^b"u8.ToArray()),
        ("DASH", "-n"u8.ToArray()),
        ("TILDE", "~:~root"u8.ToArray()),
        ("BACKSLASHES", @"\n\\\'\"u8.ToArray()),
        ("EQUALS", "=a=b="u8.ToArray()),
        ("GLOB", "* ? [a-z] {a,b}"u8.ToArray()),
        ("_", "underscore"u8.ToArray()),
        ("lower_case9", "x"u8.ToArray()),
        ("LONG", Encoding.ASCII.GetBytes(new string('x', 100_000))),
    ];

    private static Sandbox WithOddValues()
    {
        Sandbox s = new();
        foreach ((string name, byte[] value) in s_oddValues)
            s.Env([.. Encoding.ASCII.GetBytes(name), (byte)'=', .. value]);
        return s;
    }

    [Fact]
    public async Task The_shell_dump_gives_bash_and_dash_every_value_byte_for_byte()
    {
        await using Sandbox s = WithOddValues();
        const string main = """
            for shell in bash dash; do
              env -i /usr/bin/$shell -e -c '. /etc/container_environment.sh; exec /usr/bin/cat /proc/self/environ' >/tmp/$shell || exit 1
            done
            env -i LC_ALL=C.UTF-8 /usr/bin/bash -e -c '. /etc/container_environment.sh; exec /usr/bin/cat /proc/self/environ' >/tmp/bash-utf8
            """;
        Assert.Equal(0, await s.Run("--skip-runit", "--", "sh", "-c", main));
        foreach (string shell in new[] { "bash", "dash", "bash-utf8" })
        {
            var seen = EnvironmentBlock.Parse(s.ReadBytes("/tmp/" + shell));
            foreach ((string name, byte[] value) in s_oddValues.Where(v => v.Name != "_")) // every shell has a $_ of its own
                Assert.Equal((shell, name, Encoding.Latin1.GetString(value)), (shell, name, seen[name]));
        }
        Assert.False(s.Exists("/tmp/pwned"));
    }

    [Fact]
    public async Task The_json_dump_is_sorted_valid_json_whatever_the_bytes()
    {
        await using Sandbox s = WithOddValues();
        Assert.Equal(0, await s.Run("--skip-runit", "--", "true"));
        using JsonDocument json = JsonDocument.Parse(s.ReadBytes("/etc/container_environment.json"));
        foreach ((string name, byte[] value) in s_oddValues)
            Assert.Equal((name, Encoding.UTF8.GetString(value)), (name, json.RootElement.GetProperty(name).GetString()));
        string[] names = json.RootElement.EnumerateObject().Select(p => p.Name).ToArray();
        Assert.Equal(names.Order(StringComparer.Ordinal), names);
    }

    [Fact]
    public async Task The_json_dump_is_written_as_the_original_wrote_it()
    {
        await using Sandbox s = new Sandbox().Env("PATH", "/usr/bin:/bin").Env("A", "x").Env("B", "y");
        Assert.Equal(0, await s.Run("--skip-runit", "--", "true"));
        Assert.Equal("""{"A": "x", "B": "y", "PATH": "/usr/bin:/bin"}""", s.Read("/etc/container_environment.json").TrimEnd('\n'));
    }

    [Fact]
    public async Task The_store_keeps_every_value_through_a_re_read()
    {
        await using Sandbox s = WithOddValues().Startup("1", "true").Startup("2", "true");
        Assert.Equal(0, await s.Run("--quiet", "--skip-runit", "--", "cat", "/proc/self/environ"));
        var seen = EnvironmentBlock.Parse(s.Out.Bytes);
        foreach ((string name, byte[] value) in s_oddValues)
            Assert.Equal((name, Encoding.Latin1.GetString(value)), (name, seen[name]));
    }

    [Fact]
    public async Task One_trailing_newline_of_a_file_is_stripped_and_one_that_belongs_to_the_value_is_kept()
    {
        await using Sandbox s = new Sandbox()
            .Write(Store + "NONE", "a")
            .Write(Store + "ONE", "a\n")
            .Write(Store + "TWO", "a\n\n")
            .Write(Store + "BLANK", "")
            .Env("FROM_ENGINE", "a\n");
        Assert.Equal(0, await s.Run("--quiet", "--skip-runit", "--", "cat", "/proc/self/environ"));
        var seen = EnvironmentBlock.Parse(s.Out.Bytes);
        Assert.Equal("a", seen["NONE"]);
        Assert.Equal("a", seen["ONE"]);
        Assert.Equal("a\n", seen["TWO"]);
        Assert.Equal("", seen["BLANK"]);
        Assert.Equal("a\n", seen["FROM_ENGINE"]);
        Assert.Equal("a\n\n", s.Read(Store + "FROM_ENGINE"));
    }

    [Fact]
    public async Task The_engines_variables_win_over_files_and_are_stored()
    {
        await using Sandbox s = new Sandbox().Write(Store + "A", "file\n").Write(Store + "B", "file\n").Env("A", "engine");
        Assert.Equal(0, await s.Run("--quiet", "--skip-runit", "--", "sh", "-c", "echo $A $B"));
        Assert.Equal("engine file\n", s.Out.Text);
        Assert.Equal("engine", s.Read(Store + "A").TrimEnd('\n'));
    }

    [Fact]
    public async Task After_each_startup_script_the_store_is_the_truth()
    {
        await using Sandbox s = new Sandbox()
            .Env("CHANGED", "old")
            .Env("REMOVED", "old")
            .Startup("1", """
                echo new >/etc/container_environment/CHANGED
                echo new >/etc/container_environment/ADDED
                rm /etc/container_environment/REMOVED
                """)
            .Startup("2", """
                echo "$CHANGED $ADDED ${REMOVED-none}" >/tmp/second
                cp /etc/container_environment.sh /tmp/second.sh
                cp /etc/container_environment.json /tmp/second.json
                echo rc >/etc/container_environment/CHANGED
                """)
            .Script("/etc/rc.local", "echo \"$CHANGED\" >/tmp/rc; echo main >/etc/container_environment/CHANGED")
            .Service("web", "echo \"$CHANGED $ADDED ${REMOVED-none}\" >/tmp/service; exec sleep 10000");
        Assert.Equal(0, await s.Run("--quiet", "--", "sh", "-c", "until [ -s /tmp/service ]; do sleep 0.05; done; echo $CHANGED $ADDED ${REMOVED-none}"));
        Assert.Equal("new new none\n", s.Read("/tmp/second"));
        Assert.Contains("ADDED", s.Read("/tmp/second.sh"), StringComparison.Ordinal);
        Assert.DoesNotContain("REMOVED", s.Read("/tmp/second.sh"), StringComparison.Ordinal);
        using (JsonDocument json = JsonDocument.Parse(s.Read("/tmp/second.json")))
            Assert.Equal("new", json.RootElement.GetProperty("CHANGED").GetString());
        Assert.Equal("rc\n", s.Read("/tmp/rc"));
        Assert.Equal("main new none\n", s.Out.Text);
        Assert.Equal("main new none\n", s.Read("/tmp/service"));
    }

    [Fact]
    public async Task HOME_and_USER_of_the_engine_are_not_kept_and_the_scripts_and_the_command_get_their_own()
    {
        await using Sandbox s = WithUserVariables()
            .Startup("1", "cat /proc/self/environ >/tmp/startup")
            .Service("web", "touch /tmp/up; exec sleep 54321");
        await s.Start("--", "sleep", "12345");
        await s.WaitForFile("/tmp/up");
        var main = EnvironmentBlock.Parse((await s.WaitForProcess("sleep 12345")).Environment());
        var startup = EnvironmentBlock.Parse(s.ReadBytes("/tmp/startup"));
        foreach (var seen in new[] { main, startup })
        {
            Assert.Equal("/root", seen["HOME"]);
            Assert.Equal("root", seen["USER"]);
            foreach (string name in new[] { "SHELL", "GROUP", "UID", "GID" })
                Assert.DoesNotContain(name, seen.Keys);
        }
        var service = EnvironmentBlock.Parse((await s.WaitForProcess("sleep 54321")).Environment());
        Assert.DoesNotContain("/from/engine", service.Values);
        foreach (string name in new[] { "HOME", "USER", "SHELL", "GROUP", "UID", "GID" })
            Assert.False(s.Exists(Store + name), name);
        Assert.DoesNotContain("/from/engine", s.Read("/etc/container_environment.sh"), StringComparison.Ordinal);
        Assert.DoesNotContain("/from/engine", s.Read("/etc/container_environment.json"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task HOME_and_USER_of_the_store_reach_everyone()
    {
        await using Sandbox s = WithUserVariables()
            .Write(Store + "HOME", "/store\n")
            .Write(Store + "USER", "store\n")
            .Startup("1", "echo $HOME $USER >/tmp/startup")
            .Service("web", "echo $HOME $USER >/tmp/service; exec sleep 10000");
        Assert.Equal(0, await s.Run("--quiet", "--", "sh", "-c", "until [ -s /tmp/service ]; do sleep 0.05; done; echo $HOME $USER"));
        Assert.Equal("/store store\n", s.Read("/tmp/startup"));
        Assert.Equal("/store store\n", s.Read("/tmp/service"));
        Assert.Equal("/store store\n", s.Out.Text);
    }

    private static Sandbox WithUserVariables()
    {
        Sandbox s = new();
        foreach (string name in new[] { "HOME", "USER", "SHELL", "GROUP", "UID", "GID" })
            s.Env(name, "/from/engine");
        return s;
    }

    [Fact]
    public async Task What_is_created_belongs_to_root_and_docker_env_alone()
    {
        await using Sandbox s = new Sandbox().Env("SECRET", "x");
        const string stat = "cd /etc; stat -c '%n %a %u:%g' container_environment container_environment/SECRET container_environment.sh container_environment.json";
        Assert.Equal(0, await s.Run("--quiet", "--skip-runit", "--", "sh", "-c", stat));
        Assert.Equal(
            """
            container_environment 750 0:8377
            container_environment/SECRET 640 0:8377
            container_environment.sh 640 0:8377
            container_environment.json 640 0:8377

            """, s.Out.Text);
    }

    [Fact]
    public async Task In_a_directory_that_everybody_can_read_new_files_can_be_read_by_everybody_too()
    {
        await using Sandbox s = new Sandbox().Env("FOO", "x").Prepare("mkdir -m 755 etc/container_environment");
        Assert.Equal(0, await s.Run("--quiet", "--skip-runit", "--", "stat", "-c", "%a", "/etc/container_environment", "/etc/container_environment/FOO"));
        Assert.Equal("755\n644\n", s.Out.Text);
    }

    [Fact]
    public async Task Owner_and_mode_of_what_exists_are_kept_and_nothing_is_left_behind()
    {
        await using Sandbox s = new Sandbox()
            .Env("A", "x")
            .Startup("1", "true")
            .Prepare("""
                mkdir -m 755 etc/container_environment
                echo old >etc/container_environment.sh; chmod 644 etc/container_environment.sh; chown 1000:1001 etc/container_environment.sh
                echo old >etc/container_environment.json; chmod 604 etc/container_environment.json
                """);
        const string stat = "cd /etc; stat -c '%n %a %u:%g' container_environment container_environment.sh container_environment.json; echo *container_env*";
        Assert.Equal(0, await s.Run("--quiet", "--skip-runit", "--", "sh", "-c", stat));
        Assert.Equal(
            """
            container_environment 755 0:0
            container_environment.sh 644 1000:1001
            container_environment.json 604 0:0
            container_environment container_environment.json container_environment.sh

            """, s.Out.Text);
        Assert.DoesNotContain("old", s.Read("/etc/container_environment.sh"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_reader_never_sees_half_a_dump()
    {
        // While scripts make it dump again and again, a reader parses what it finds.
        await using Sandbox s = new Sandbox().Env("LONG", new string('x', 100_000)).Write("/etc/container_environment.json", "{}");
        for (int i = 0; i < 50; i++)
            s.Startup(Shell.Format(i), "true");
        s.Startup("00-reader", "setsid sh -c 'until [ -e /tmp/done ]; do tail -c 1 /etc/container_environment.json | tr -d \"\\n\" >>/tmp/ends; done' </dev/null >/dev/null 2>&1 &");
        Assert.Equal(0, await s.Run("--skip-runit", "--", "touch", "/tmp/done"));
        Assert.Matches("^}+$", s.Read("/tmp/ends"));
    }

    [Fact]
    public async Task Skipping_the_startup_files_still_imports_and_dumps()
    {
        await using Sandbox s = new Sandbox().Write(Store + "A", "file\n");
        Assert.Equal(0, await s.Run("--quiet", "--skip-startup-files", "--skip-runit", "--", "sh", "-c", "echo $A"));
        Assert.Equal("file\n", s.Out.Text);
        Assert.Contains("A", s.Read("/etc/container_environment.sh"), StringComparison.Ordinal);
    }
}
