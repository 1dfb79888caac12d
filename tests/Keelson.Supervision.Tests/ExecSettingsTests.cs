using System.Globalization;
using System.Text;
using CsCheck;

namespace Keelson.Supervision.Tests;

public sealed class ExecSettingsTests
{
    private static readonly string[] s_keys = [.. KnownKeys.Process, "ExecStart", "ExecStartPre", "ExecStartPost", "ExecStop", "ExecReload", "HealthCheck"];

    private static readonly string[] s_pieces =
    [
        "~", "-", "/", "/bin/x", " ", "\"", "'", "\\", "\\x41", "\\q", "%", "%n", "%h", "$A", "${A}", "$$", ";", "\\;", "@", "+", "!", ":", "A=b", "=", "CAP_CHOWN",
        "10", "infinity", "9999999999999999999999", "-5", "1.5G", "5min", "0022", "yes", "app", "*", "\0", "\u00e4", "\uD800", "\r", "\t",
    ];

    private static ExecSettings Parse(string lines) => ExecSettings.Parse(Encoding.UTF8.GetBytes("[Service]\n" + lines), "web");

    private static string Text(byte[] bytes) => Encoding.Latin1.GetString(bytes);

    private static string[] Texts(IEnumerable<byte[]> all) => [.. all.Select(Text)];

    /// <summary>A file without errors.</summary>
    private static ExecSettings Good(string lines)
    {
        ExecSettings settings = Parse(lines);
        Assert.Empty(settings.Errors);
        Assert.Empty(ServiceConf.Parse(Encoding.UTF8.GetBytes("[Service]\nType=oneshot\n" + lines)).Errors);
        return settings;
    }

    [Fact]
    public void Every_key_of_the_process_is_read()
    {
        ExecSettings settings = Good("""
            User=app
            Group=1001
            SupplementaryGroups=audio "video"
            SupplementaryGroups=docker audio
            WorkingDirectory=-/srv/%n
            Environment="A=two words" B=\x41 'C="'
            Environment=D=%p%%
            EnvironmentFile=/etc/default/web
            EnvironmentFile=-/etc/default/%N
            UMask=0027
            LimitNOFILE=1024:4096
            LimitCORE=infinity
            LimitCORE=0
            Nice=-5
            OOMScoreAdjust=-500
            CapabilityBoundingSet=CAP_CHOWN cap_kill
            CapabilityBoundingSet=CAP_NET_BIND_SERVICE
            AmbientCapabilities=CAP_NET_BIND_SERVICE
            NoNewPrivileges=yes
            """);
        Assert.Equal(("app", "1001"), (settings.User, settings.Group));
        Assert.Equal(["audio", "video", "docker"], settings.SupplementaryGroups);
        Assert.Equal(("/srv/web", true), (Text(settings.WorkingDirectory), settings.WorkingDirectoryIsOptional));
        Assert.Equal(["A=two words", "B=A", "C=\"", "D=web%"], Texts(settings.Environment));
        Assert.Equal(["/etc/default/web False", "/etc/default/web True"], settings.EnvironmentFiles.Select(f => $"{Text(f.Path)} {f.IsOptional}"));
        Assert.Equal(23u, settings.UMask);
        Assert.Equal([new ResourceLimit(7, 1024, 4096), new ResourceLimit(4, 0, 0)], settings.Limits);
        Assert.Equal((-5, -500), (settings.Nice, settings.OomScoreAdjust));
        Assert.Equal(1UL << 0 | 1UL << 5 | 1UL << 10, settings.BoundingSet);
        Assert.Equal(1UL << 10, settings.AmbientSet);
        Assert.True(settings.NoNewPrivileges);
    }

    [Fact]
    public void Without_a_line_nothing_is_changed()
    {
        ExecSettings settings = Good("Type=simple\nKillMode=mixed\n[Unit]\nUser=root");
        Assert.Equal(("", "", 0), (settings.User, settings.Group, settings.WorkingDirectory.Length));
        Assert.Equal((null, null, null), (settings.UMask, settings.Nice, settings.OomScoreAdjust));
        Assert.Equal((Capabilities.All, 0UL, false), (settings.BoundingSet, settings.AmbientSet, settings.NoNewPrivileges));
        Assert.Empty(settings.Limits);
        Assert.Empty(settings.Environment);
        Assert.Empty(settings.EnvironmentFiles);
        Assert.Empty(settings.SupplementaryGroups);
        foreach (ExecKind kind in Enum.GetValues<ExecKind>())
            Assert.Empty(settings.Commands(kind));
    }

    [Fact]
    public void An_empty_value_takes_the_lines_above_away()
    {
        ExecSettings settings = Good("""
            User=app
            User=
            Nice=5
            Nice=
            UMask=077
            UMask=
            OOMScoreAdjust=7
            OOMScoreAdjust=
            WorkingDirectory=/srv
            WorkingDirectory=
            Environment=A=1
            Environment=
            Environment=B=2
            EnvironmentFile=/etc/a
            EnvironmentFile=
            SupplementaryGroups=audio
            SupplementaryGroups=
            LimitNPROC=5
            LimitNPROC=
            NoNewPrivileges=yes
            NoNewPrivileges=
            AmbientCapabilities=CAP_CHOWN
            AmbientCapabilities=
            ExecStartPre=/bin/a
            ExecStartPre=
            ExecStartPre=/bin/b
            """);
        Assert.Equal(("", null, null, null, 0), (settings.User, settings.Nice, settings.UMask, settings.OomScoreAdjust, settings.WorkingDirectory.Length));
        Assert.Equal(["B=2"], Texts(settings.Environment));
        Assert.Empty(settings.EnvironmentFiles);
        Assert.Empty(settings.SupplementaryGroups);
        Assert.Empty(settings.Limits);
        Assert.Equal((false, 0UL), (settings.NoNewPrivileges, settings.AmbientSet));
        Assert.Equal("/bin/b", Text(Assert.Single(settings.Commands(ExecKind.StartPre)).Program));
    }

    [Theory]
    [InlineData("CAP_CHOWN CAP_KILL|CAP_KILL CAP_SETUID", "CAP_CHOWN CAP_KILL CAP_SETUID")]
    [InlineData("CAP_CHOWN CAP_KILL|~CAP_KILL CAP_SETUID", "CAP_CHOWN")]
    [InlineData("CAP_CHOWN|", "")]
    [InlineData("5 cap_chown", "CAP_CHOWN CAP_KILL")]
    public void Lists_of_capabilities_are_merged_as_in_systemd(string lines, string names)
    {
        foreach (string key in new[] { "CapabilityBoundingSet", "AmbientCapabilities" })
        {
            ExecSettings settings = Good(string.Join('\n', lines.Split('|').Select(v => $"{key}={v}")));
            Assert.Equal(names, Capabilities.Names(key[0] == 'C' ? settings.BoundingSet : settings.AmbientSet));
        }
    }

    [Fact]
    public void A_list_behind_a_tilde_is_all_others()
    {
        Assert.Equal(Capabilities.All & ~1UL, Good("CapabilityBoundingSet=~CAP_CHOWN").BoundingSet);
        Assert.Equal(Capabilities.All, Good("CapabilityBoundingSet=CAP_CHOWN\nCapabilityBoundingSet=~").BoundingSet);
        Assert.Equal(Capabilities.All & ~1UL, Good("AmbientCapabilities=~CAP_CHOWN").AmbientSet);
    }

    [Theory]
    [InlineData("User=a b", "is neither a name nor a number; write one of them")]
    [InlineData("User=4294967295", "is the number that means nobody at all; write another one")]
    [InlineData("Group=a:b", "is neither a name nor a number; write one of them")]
    [InlineData("SupplementaryGroups=audio a,b", "has a,b, which is neither a name nor a number; write one of them")]
    [InlineData("User=%u", "has the specifier %u, which is not known here; write the value itself, or %% for a percent sign")]
    [InlineData("WorkingDirectory=srv", "is no absolute path; write one, or ~ for the home directory of User=")]
    [InlineData("Environment=A", "has \"A\", which is not NAME=VALUE; write so, and quotes round all of it where it has blanks: \"NAME=a b\"")]
    [InlineData("Environment=A=1 1B=2", "has \"1B=2\", which is not NAME=VALUE; write so, and quotes round all of it where it has blanks: \"NAME=a b\"")]
    [InlineData("Environment=A=\"b", "has a quote that is not closed; close it, or write \\\" for the sign itself")]
    [InlineData("Environment=A=\\d+", "has a backslash before what is no escape; write two for the sign itself")]
    [InlineData("EnvironmentFile=etc/default/a", "is no absolute path; write one")]
    [InlineData("EnvironmentFile=/etc/default/*", "is a pattern, which is not supported here; write a line for each file")]
    [InlineData("UMask=8", "is no file mode mask; write octal digits, for example 0022")]
    [InlineData("UMask=1777", "is no file mode mask; write octal digits, for example 0022")]
    [InlineData("LimitNOFILE=many", "is no limit; write a number, infinity, or SOFT:HARD")]
    [InlineData("LimitNOFILE=1:2:3", "is no limit; write a number, infinity, or SOFT:HARD")]
    [InlineData("LimitAS=1X", "is no limit; write bytes, for example 512M, infinity, or SOFT:HARD")]
    [InlineData("LimitCPU=soon", "is no limit; write seconds, or for example 5min, infinity, or SOFT:HARD")]
    [InlineData("LimitNICE=50", "is no limit; write 0 to 40, or a nice level from -20 to +19 with its sign, infinity, or SOFT:HARD")]
    [InlineData("LimitRTTIME=x", "is no limit; write microseconds, or for example 500ms, infinity, or SOFT:HARD")]
    [InlineData("LimitNPROC=20:10", "has a soft limit above the hard one; write the smaller one first")]
    [InlineData("Nice=20", "is no whole number from -20 to 19; write one")]
    [InlineData("OOMScoreAdjust=x", "is no whole number from -1000 to 1000; write one")]
    [InlineData("AmbientCapabilities=CAP_NET_BIND", "has CAP_NET_BIND, which is no capability; write names of capabilities(7), for example CAP_NET_BIND_SERVICE")]
    [InlineData("CapabilityBoundingSet=~99", "has 99, which is no capability; write names of capabilities(7), for example CAP_NET_BIND_SERVICE")]
    [InlineData("NoNewPrivileges=perhaps", "is neither yes nor no; write one of them")]
    [InlineData("ExecStart=-@", "names no program; write its path, or its name in PATH")]
    [InlineData("ExecStart=@/bin/true", "has a program behind @, but no name for it to be called by; write the name behind it")]
    [InlineData("ExecStop=bin/true", "begins with bin/true, which is neither an absolute path nor a name in PATH; write one of them")]
    [InlineData("ExecReload=/bin/", "names a directory; write the path of a program")]
    [InlineData("ExecStartPre=echo 'a", "has a quote that is not closed; close it, or write \\\" for the sign itself")]
    [InlineData("ExecStartPost=echo ; ;", "begins with ;, which is neither an absolute path nor a name in PATH; write one of them")]
    [InlineData("HealthCheck=a\\tb", "has a control character in the program's name; remove it")]
    public void A_value_that_can_not_be_is_an_error_for_the_process_and_for_process_1(string line, string wrong)
    {
        string[] errors = [$"line 2: {line} {wrong}"];
        Assert.Equal(errors, Parse(line).Errors);
        Assert.Equal(errors, ServiceConf.Parse(Encoding.UTF8.GetBytes("[Service]\n" + line)).Errors);
    }

    [Fact]
    public void What_is_not_UTF_8_is_not_run_with_other_bytes()
    {
        byte[] file = [.. "[Service]\nEnvironment=A="u8, 0xff];
        Assert.Equal(["line 2: Environment=A=\uFFFD is not UTF-8; write it so, or such a byte as \\xHH"], ExecSettings.Parse(file, "web").Errors);
        Assert.Equal(new byte[] { (byte)'A', (byte)'=', 0xff }, Good("Environment=A=\\xff").Environment[0]);
    }

    [Fact]
    public void What_no_line_alone_is_to_blame_for_is_an_error_too()
    {
        Assert.Equal(
            ["AmbientCapabilities= has CAP_KILL, which CapabilityBoundingSet= takes away; add it there too"],
            Parse("AmbientCapabilities=CAP_KILL CAP_CHOWN\nCapabilityBoundingSet=CAP_CHOWN").Errors);
        Assert.Equal(
            ["ExecStart= has more than one command, which Type=oneshot alone may have; keep one, or move the others to ExecStartPre="],
            ServiceConf.Parse("[Service]\nExecStart=a ; b\n"u8).Errors);
    }

    [Theory]
    [InlineData("/bin/true", "/bin/true", "/bin/true", "")]
    [InlineData("-true a", "true", "true a", "-")]
    [InlineData("@/bin/sh login a", "/bin/sh", "login a", "")]
    [InlineData("+:-@sh -x", "sh", "-x", "-+:")]
    [InlineData("!!sh", "sh", "sh", "")]
    [InlineData("!sh", "sh", "sh", "!")]
    [InlineData("\"/a b\" 'c d'\\x20e \"\"", "/a b", "/a b c d e ", "")]
    [InlineData("echo %n %% %F \\;", "echo", "echo web % %F ;", "")]
    public void A_command_has_a_program_arguments_and_signs_before_them(string line, string program, string arguments, string signs)
    {
        ExecCommand command = Assert.Single(Good("ExecStart=" + line).Commands(ExecKind.Start));
        Assert.Equal(program, Text(command.Program));
        Assert.Equal(arguments, string.Join(' ', Texts(command.Arguments(_ => null))));
        Assert.Equal(signs, (command.IgnoresFailure ? "-" : "") + (command.IsFullyPrivileged ? "+" : "") + (command.HasNoVariables ? ":" : "") + (command.KeepsUser ? "!" : ""));
    }

    [Fact]
    public void Commands_stand_in_several_lines_or_behind_semicolons()
    {
        ExecSettings settings = Good("ExecStop=a ; -b c ;\nExecStop=d 'x' \";\"");
        Assert.Equal(["a", "b c", "d x ;"], settings.Commands(ExecKind.Stop).Select(c => string.Join(' ', Texts(c.Arguments(_ => null)))));
        Assert.Equal([false, true, false], settings.Commands(ExecKind.Stop).Select(c => c.IgnoresFailure));
    }

    [Fact]
    public void Behind_a_colon_variables_stay_as_they_are() =>
        Assert.Equal(["echo", "$A", "${A}", "$$"], Texts(Good("ExecStart=:echo $A ${A} $$").Commands(ExecKind.Start)[0].Arguments(_ => "x"u8.ToArray())));

    [Theory]
    [InlineData("ExecStart=a", true, true, false)]
    [InlineData("ExecStart=-a", true, true, true)]
    [InlineData("ExecStart=-a\nExecStart=", true, false, false)]
    [InlineData("ExecStop=a", false, false, false)]
    [InlineData("User=app", true, false, false)]
    public void Process_1_knows_what_it_needs_of_them(string lines, bool changes, bool hasStart, bool ignores)
    {
        ServiceConf conf = ServiceConf.Parse(Encoding.UTF8.GetBytes("[Service]\n" + lines));
        // An ExecStart= that was taken back changes nothing.
        Assert.Equal((changes && (hasStart || lines[0] == 'U'), hasStart, ignores), (conf.ChangesProcess, conf.HasStart, conf.IgnoresStartFailure));
    }

    // ---- the same as systemd ----

    private static IEnumerable<(string[] Fields, string Line)> Golden(string kind) =>
        from line in File.ReadLines(Path.Combine(AppContext.BaseDirectory, "systemd.golden.txt"))
        let fields = line.Split('|')
        where fields[0] == kind
        select (fields, line);

    private static byte[] Bytes(string field)
    {
        var bytes = new List<byte>();
        for (int i = 0; i < field.Length; i++)
        {
            if (field[i] == '%')
                bytes.Add(byte.Parse(field.AsSpan(i + 1, 2), NumberStyles.HexNumber, CultureInfo.InvariantCulture));
            else
                bytes.Add((byte)field[i]);
            i += field[i] == '%' ? 2 : 0;
        }
        return [.. bytes];
    }

    private static string Field(IEnumerable<byte> bytes)
    {
        string text = string.Concat(bytes.Select(b => b is > 32 and < 127 and not ((byte)'%' or (byte)'|') ? ((char)b).ToString() : "%" + b.ToString("x2", CultureInfo.InvariantCulture)));
        return text.Length == 0 ? "<>" : text;
    }

    private static string Line(string[] fields, List<string> results) => $"{fields[0]}|{fields[1]}|{(results.Count == 0 ? "none" : string.Join('|', results))}";

    [Theory]
    [InlineData("strict")]
    [InlineData("command")]
    public void Words_are_those_of_systemd(string kind)
    {
        int count = 0;
        foreach ((string[] fields, string line) in Golden(kind))
        {
            ReadOnlySpan<byte> rest = Bytes(fields[1]);
            var words = new List<string>();
            var word = new List<byte>();
            WordKind found;
            while ((found = ExecWords.Next(ref rest, kind == "command", word)) == WordKind.Word)
                words.Add(Field(word));
            Assert.Equal(line, found == WordKind.End ? Line(fields, words) : $"{kind}|{fields[1]}|wrong");
            count++;
        }
        Assert.True(count > 80, $"{count} texts");
    }

    [Fact]
    public void Variables_are_replaced_as_by_systemd()
    {
        var environment = new Dictionary<string, string> { ["A"] = "one", ["TWO"] = "two two", ["Q"] = "\"x y\" 'z' a\\ b", ["E"] = "", ["B"] = "  pad  ", ["U"] = "\"open x" };
        int count = 0;
        foreach ((string[] fields, string line) in Golden("variables"))
        {
            string word = string.Concat(Bytes(fields[1]).Select(b => $"\\x{b:x2}"));
            ExecCommand command = Good("ExecStart=x " + word).Commands(ExecKind.Start)[0];
            List<byte[]> arguments = command.Arguments(name => environment.TryGetValue(Text(name), out string? value) ? Encoding.ASCII.GetBytes(value) : null);
            Assert.Equal(line, Line(fields, [.. arguments.Skip(1).Select(a => Field(a))]));
            count++;
        }
        Assert.True(count > 80, $"{count} words");
    }

    [Fact]
    public void Environment_files_are_read_as_by_systemd()
    {
        int count = 0;
        foreach ((string[] fields, string line) in Golden("file"))
        {
            // systemd keeps one of a name, in the place of the first.
            var found = new List<byte[]>();
            foreach (byte[] entry in EnvironmentFile.Parse(Bytes(fields[1]), []))
            {
                int at = found.FindIndex(f => Text(f).Split('=')[0] == Text(entry).Split('=')[0]);
                if (at < 0)
                    found.Add(entry);
                else
                    found[at] = entry;
            }
            Assert.Equal(line, Line(fields, [.. found.Select(f => Field(f))]));
            count++;
        }
        Assert.True(count > 120, $"{count} files");
    }

    [Fact]
    public void Limits_are_read_as_by_systemd()
    {
        int count = 0;
        foreach ((string[] fields, string line) in Golden("limit"))
        {
            string text = Encoding.ASCII.GetString(Bytes(fields[1]));
            // Without a value the limit is as it was.
            if (text.EndsWith('='))
                continue;
            ExecSettings settings = Parse(text);
            string Number(ulong value) => value == ResourceLimits.Infinity ? "infinity" : value.ToString(CultureInfo.InvariantCulture);
            Assert.Equal(line, Line(fields, settings.Errors.Count > 0 ? ["wrong"] : [$"{Number(settings.Limits[0].Soft)}:{Number(settings.Limits[0].Hard)}"]));
            count++;
        }
        Assert.True(count > 60, $"{count} limits");
    }

    [Theory]
    [InlineData("export A=1\nB=2", "B=2", "line 1: \"export A\" can't be the name of a variable; write letters, digits and _ only (no \"export\")")]
    [InlineData("\n\nwhat\nB=2", "B=2", "line 3: \"what\" is not NAME=VALUE; the line is ignored")]
    [InlineData("A=\"x\ny\"\nwhat", "A=x\ny", "line 3: \"what\" is not NAME=VALUE; the line is ignored")]
    [InlineData("A=x\0\nB=2", "B=2", "line 1: A has a NUL in its value; remove it")]
    [InlineData("# comment \\\nB=2", "B=2", null)]
    [InlineData("\uFEFFB=2", "B=2", null)]
    public void What_is_wrong_in_an_environment_file_is_named(string file, string entry, string? complaint)
    {
        var complaints = new List<string>();
        Assert.Equal([entry], Texts(EnvironmentFile.Parse(Encoding.UTF8.GetBytes(file), complaints)));
        Assert.Equal(complaint is null ? [] : [complaint], complaints);
    }

    // ---- whatever comes ----

    [Fact]
    public void Whatever_a_key_says_it_is_read_or_an_error_and_process_1_agrees() =>
        Gen.Select(Gen.Int[0, s_keys.Length - 1], Gen.Int[0, s_pieces.Length - 1].Array[0, 8]).Array[1, 6].Sample(lines =>
        {
            string text = "[Service]\nType=oneshot\n" + string.Join('\n', lines.Select(l => $"{s_keys[l.Item1]}={string.Concat(l.Item2.Select(i => s_pieces[i]))}"));
            byte[] file = Encoding.UTF8.GetBytes(text);
            ExecSettings settings = ExecSettings.Parse(file, "web");
            Assert.Equal(settings.Errors, ServiceConf.Parse(file, "web").Errors);
            foreach (ExecKind kind in Enum.GetValues<ExecKind>())
            {
                foreach (ExecCommand command in settings.Commands(kind))
                {
                    Assert.NotEmpty(command.Program);
                    _ = command.Arguments(_ => null);
                    _ = command.Arguments(name => name);
                }
            }
        });

    [Fact]
    public void Whatever_the_bytes_of_an_environment_file_names_are_names() =>
        Gen.OneOf(Gen.Byte, Gen.Int[0, 9].Select(i => (byte)"A=\"'\\\n# ;x"[i])).Array[0, 60].Sample(file =>
        {
            foreach (byte[] entry in EnvironmentFile.Parse(file, []))
                Assert.Matches("^[A-Za-z_][A-Za-z0-9_]*=", Text(entry));
        });
}
