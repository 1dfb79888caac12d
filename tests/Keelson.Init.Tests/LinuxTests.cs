using System.Text;
using Keelson.Linux;

namespace Keelson.Init.Tests;

public sealed class LinuxTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("keelson-linux-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    private byte[] Make(string name, string content, bool executable = true)
    {
        string path = Path.Combine(_root, name);
        File.WriteAllText(path, content);
        if (executable)
            File.SetUnixFileMode(path, (UnixFileMode)0x1ed);
        return Encoding.UTF8.GetBytes(path);
    }

    [Theory]
    [InlineData("#!/bin/nothing -x\n", Errno.NoEntry, "no such interpreter \"/bin/nothing\"")]
    [InlineData("#!/bin/sh\r\necho\r\n", Errno.NoEntry, "CRLF")]
    [InlineData("#! /bin\n", Errno.Access, "interpreter \"/bin\" is not a program")]
    [InlineData("", Errno.ExecFormat, "is empty")]
    public void Why_a_script_can_not_be_run_is_said_in_words_with_status_126(string content, Errno error, string words)
    {
        ExecFailure failure = ExecFailure.Explain(Make("script", content), error);
        Assert.Equal(126, failure.Status);
        Assert.Contains(words, failure.Reason);
    }

    [Fact]
    public void A_missing_execute_bit_and_a_directory_are_126_and_a_missing_file_is_127()
    {
        Assert.Contains("execute bit", ExecFailure.Explain(Make("plain", "#!/bin/sh\n", executable: false), Errno.Access).Reason);
        Assert.Equal((126, "is a directory"), ((int, string))(ExecFailure.Explain(Encoding.UTF8.GetBytes(_root), Errno.Access) is var f ? (f.Status, f.Reason) : default));
        Assert.Equal(127, ExecFailure.Explain(Encoding.UTF8.GetBytes(_root + "/missing"), Errno.NoEntry).Status);
    }

    [Fact]
    public void File_status_matches_what_the_runtime_says()
    {
        byte[] path = Make("file", "12345");
        FileStatus status = Files.Status(path).Value;
        Assert.Equal((FileKind.Regular, 0x1edu, 5L), (status.Kind, status.Mode, status.Size));
        Assert.Equal(FileKind.Directory, Files.Status(Encoding.UTF8.GetBytes(_root)).Value.Kind);
        Assert.Equal(Errno.NoEntry, Files.Status("/no/such/file"u8).Error);
        Assert.Equal(Errno.Invalid, Files.Status("/etc\0/passwd"u8).Error);
        Assert.Equal(Errno.NameTooLong, Files.Status(new byte[5000].Select(_ => (byte)'a').ToArray()).Error);
    }

    [Fact]
    public void A_directory_is_listed_whole()
    {
        for (int i = 0; i < 3000; i++)
            File.WriteAllText(Path.Combine(_root, $"a-name-of-some-length-{i}"), "");
        Assert.Equal(3000, Files.List(Encoding.UTF8.GetBytes(_root)).Value.Count);
    }

    [Fact]
    public void A_replaced_file_is_the_old_or_the_new_one_to_every_reader()
    {
        byte[] path = Make("target", "old");
        byte[] temporary = Encoding.UTF8.GetBytes(Path.Combine(_root, "target.new"));
        using FileStream reader = File.OpenRead(Path.Combine(_root, "target"));
        Assert.Equal(Errno.None, Files.Replace(path, temporary, "new contents"u8, 0x180, Processes.UserId, Processes.GroupId));
        Assert.Equal("old", new StreamReader(reader).ReadToEnd());
        Assert.Equal("new contents", File.ReadAllText(Path.Combine(_root, "target")));
        Assert.False(File.Exists(Path.Combine(_root, "target.new")));
    }

    [Fact]
    public void Users_are_found_by_name_and_number_with_their_groups()
    {
        byte[] passwd = "root:x:0:0:root:/root:/bin/sh\n# comment\n\nbroken:x:notanumber:0::/:\n+nis\n1234:x:55:55::/home/odd:\nlast:x:1234:77::/home/last:/bin/sh"u8.ToArray();
        Assert.Equal("/root", Users.ByName(passwd, "root"u8)!.Home.ToString());
        Assert.Null(Users.ByName(passwd, "broken"u8));
        Assert.Null(Users.ByName(passwd, ""u8));
        Assert.Equal(55u, Users.ByName(passwd, "1234"u8)!.Id);
        Assert.Equal("last", Users.ById(passwd, 1234)!.Name.ToString());
        Assert.Null(Users.ById(passwd, 99));
        User daemon = Users.Find("daemon"u8)!;
        Assert.Contains(daemon.Group, Users.GroupsOf(daemon));
    }

    [Fact]
    public void A_malformed_file_of_users_gives_nobody_whom_other_programs_do_not_know()
    {
        byte[] passwd = "#web:x:7:7::/:\n+web:x:8:8::/:\n \tweb:x: +9:9::/srv:/bin/sh:-x\nweb:x:10:10::/:\nnobody:x:4294967295:5::/:\nfar:x:4294967296:5::/:\n:x:11:11::/:\n"u8.ToArray();
        User web = Users.ByName(passwd, "web"u8)!;
        Assert.Equal((9u, "/srv", "/bin/sh:-x"), (web.Id, web.Home.ToString(), web.Shell.ToString()));
        Assert.Null(Users.ById(passwd, 7));
        Assert.Null(Users.ByName(passwd, "+web"u8));
        Assert.Null(Users.ByName(passwd, "nobody"u8));
        Assert.Null(Users.ByName(passwd, "far"u8));
        byte[] group = "#web:x:7:web\n+:x:8:web\nweb:x:20: web,\nempty:x:21:\nall:x:4294967295:web\nweb:x:22:other:x,web"u8.ToArray();
        Assert.Equal([9u, 20u, 22u], Users.GroupsOf(group, web));
        Assert.Equal(20u, Users.GroupId(group, "web"u8));
        Assert.Null(Users.GroupId(group, "all"u8));
        // Who has no name is in no group: that without members is not theirs.
        Assert.Equal([11u], Users.GroupsOf(group, Users.ById(passwd, 11)!));
    }

    [Theory]
    [InlineData(3 << 8, true, 3, 3)]
    [InlineData(9, false, 0, 137)]
    [InlineData(0x80 | 11, false, 0, 139)]
    [InlineData(255 << 8, true, 255, 255)]
    public void A_wait_status_is_read_as_wait_has_it(int raw, bool exited, int code, int shellCode)
    {
        var status = new WaitStatus(raw);
        Assert.Equal((exited, code, shellCode), (status.Exited, status.ExitCode, status.ShellCode));
    }
}
