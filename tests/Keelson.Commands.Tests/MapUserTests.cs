using System.Text;
using CsCheck;
using Keelson.Commands.MapUser;
using Keelson.Linux;

namespace Keelson.Commands.Tests;

/// <summary>keelson-map-user(8): what becomes of passwd(5) and group(5).</summary>
public sealed class MapUserTests
{
    private const string Passwd = "root:x:0:0:root:/root:/bin/bash\n# kept\napp:x:999:998:An App,,,:/home/app:/bin/sh\nubuntu:x:1000:1000:Ubuntu:/home/ubuntu:/bin/bash\nwww-data:x:33:33::/var/www:\nhelper:x:34:33::/:\n+::::::\n";
    private const string Group = "root:x:0:\napps:x:998:www-data\nubuntu:x:1000:\nwww-data:x:33:\nusers:x:100:\n";

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    private static string Map(string name, uint? user, uint? group, bool shares = false, string passwd = Passwd, string groups = Group)
    {
        if (UserMap.Make(Bytes(passwd), Bytes(groups), ByteString.Of(name), user, group, shares, out string problem) is not { } map)
            return problem;
        string newPasswd = Encoding.UTF8.GetString(map.Passwd), newGroup = Encoding.UTF8.GetString(map.Group);
        return string.Join('\n', newPasswd.Split('\n').Where(l => l.StartsWith(name + ":", StringComparison.Ordinal)).Concat(newGroup.Split('\n').Except(groups.Split('\n'))));
    }

    [Theory]
    [InlineData("app", 1234u, 5678u, "app:x:1234:5678:An App,,,:/home/app:/bin/sh\napps:x:5678:www-data")]
    [InlineData("app", 1234u, null, "app:x:1234:998:An App,,,:/home/app:/bin/sh")]
    [InlineData("app", null, 5678u, "app:x:999:5678:An App,,,:/home/app:/bin/sh\napps:x:5678:www-data")]
    [InlineData("app", 999u, 998u, "app:x:999:998:An App,,,:/home/app:/bin/sh")]
    [InlineData("app", 4294967294u, null, "app:x:4294967294:998:An App,,,:/home/app:/bin/sh")]
    // The group that others are in stays theirs.
    [InlineData("www-data", null, 5678u, "www-data:x:33:5678::/var/www:")]
    [InlineData("app", 1000u, null, "user id 1000 is ubuntu's already; remove that user when the image is built (userdel ubuntu), or share the id with --non-unique")]
    [InlineData("app", null, 100u, "group id 100 is users's already; remove that group when the image is built (groupdel users), or have app join it with --non-unique")]
    [InlineData("nobody", 1u, null, "/etc/passwd has no user \"nobody\"; make it when the image is built, with useradd --system nobody")]
    [InlineData("ap", 1u, null, "/etc/passwd has no user \"ap\"; make it when the image is built, with useradd --system ap")]
    [InlineData("root", 1234u, null, "root is root and stays so; make a user for the service, with useradd --system NAME")]
    [InlineData("app", 0u, null, "app can't become root (id 0); to run the service as root, leave out setuser")]
    [InlineData("app", null, 0u, "app can't become root (id 0); to run the service as root, leave out setuser")]
    public void A_user_gets_its_numbers_or_a_reason(string name, uint? user, uint? group, string expected) => Assert.Equal(expected, Map(name, user, group));

    [Fact]
    public void With_non_unique_an_id_is_shared_and_a_group_is_joined() =>
        Assert.Equal("app:x:1000:100:An App,,,:/home/app:/bin/sh", Map("app", 1000, 100, shares: true));

    [Fact]
    public void A_primary_group_without_an_entry_changes_in_passwd_alone() =>
        Assert.Equal("app:x:999:5678:An App,,,:/home/app:/bin/sh", Map("app", null, 5678, groups: "root:x:0:\n"));

    [Fact]
    public void The_group_of_root_stays_when_a_user_leaves_it() =>
        Assert.Equal("app:x:5:6::/:", Map("app", 5, 6, passwd: "app:x:5:0::/:"));

    [Fact]
    public void Only_the_fields_of_that_name_change_and_doing_it_twice_changes_nothing_more()
    {
        Gen<string> line = Gen.OneOf(
            Gen.Select(Gen.OneOf(Gen.Const("a"), Gen.Const("b"), Gen.Const("c"), Gen.Const("ab"), Gen.Const("")), Gen.Int[0, 5], Gen.Int[0, 5], Gen.String[Gen.Char["/x: é"], 0, 5]).Select((name, user, group, rest) => $"{name}:x:{user}:{group}:{rest}"),
            Gen.String[Gen.Char["ab:01 #"], 0, 8]);
        Gen.Select(line.Array[0, 6], line.Array[0, 6], Gen.OneOf(Gen.Const("a"), Gen.Const("b"), Gen.Const("ab")), Gen.Int[1, 9], Gen.Int[1, 9], Gen.Bool).Sample((passwdLines, groupLines, name, user, group, shares) =>
        {
            byte[] passwd = Bytes(string.Join('\n', passwdLines)), groups = Bytes(string.Join('\n', groupLines));
            if (UserMap.Make(passwd, groups, ByteString.Of(name), (uint)user, (uint)group, shares, out string problem) is not { } map)
            {
                Assert.NotEqual("", problem);
                return;
            }
            string[] after = Encoding.UTF8.GetString(map.Passwd).Split('\n');
            int changed = Enumerable.Range(0, after.Length).Count(i => after[i] != (passwdLines.Length == 0 ? "" : passwdLines[i]));
            Assert.InRange(changed, 0, 1);
            Assert.Equal(((uint)user, (uint)group), (IdFile.Number(map.Passwd, Bytes(name), IdFile.Id)!.Value, IdFile.Number(map.Passwd, Bytes(name), IdFile.PrimaryGroup)!.Value));
            UserMap again = UserMap.Make(map.Passwd, map.Group, ByteString.Of(name), (uint)user, (uint)group, shares, out _)!;
            Assert.False(again.ChangesAnything);
            Assert.Equal((map.Passwd, map.Group), (again.Passwd, again.Group));
        });
    }

    [Theory]
    [InlineData("/home/app", false)]
    [InlineData("/var/lib/app", false)]
    [InlineData("/data", false)]
    [InlineData("/", true)]
    [InlineData("", true)]
    [InlineData("relative", true)]
    [InlineData("/usr/sbin", true)]
    [InlineData("//usr/", true)]
    [InlineData("/home/", true)]
    [InlineData("/lib64", true)]
    [InlineData("/home/../etc", true)]
    [InlineData("/root", true)]
    [InlineData("/var/./", true)]
    public void What_is_the_systems_is_no_ones_home(string path, bool isSystem) => Assert.Equal(isSystem, SystemDirectories.Contains(Bytes(path)));
}
