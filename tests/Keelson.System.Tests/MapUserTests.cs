using Keelson.SystemTests.Harness;

namespace Keelson.SystemTests;

/// <summary>keelson-map-user(8) in a container: /etc/passwd, /etc/group, and what services run as.</summary>
public sealed class MapUserTests
{
    private const string Program = "/opt/keelson/keelson map-user";

    private static async Task<(int Status, string Out)> Run(Sandbox s, string arguments, string environment = "") => await s.Exec($"{environment} {Program} {arguments} 2>&1");

    [Fact]
    public async Task A_startup_script_maps_the_user_and_the_service_runs_with_the_ids_of_the_volume()
    {
        await using Sandbox s = new Sandbox().Env("PUID", "4321").Env("PGID", "8765")
            .Startup("10_map_user", $"exec {Program} app")
            .Service("web", "exec /sbin/setuser app sh -c 'id -u >/tmp/web.new; id -g >>/tmp/web.new; id -G >>/tmp/web.new; mv /tmp/web.new /tmp/web; exec sleep 10000'");
        await s.Start();
        await s.WaitForFile("/tmp/web");
        Assert.Equal("4321\n8765\n8765 2000 2001\n", s.Read("/tmp/web"));
        Assert.Contains("app:x:4321:8765:An App,,,:/home/app:/bin/sh\n", s.Read("/etc/passwd"), StringComparison.Ordinal);
        Assert.Contains("apps:x:8765:\n", s.Read("/etc/group"), StringComparison.Ordinal);
        await s.WaitForLog("keelson map-user: app is 4321:8765 (was 1000:1001)");
        // As after docker restart.
        Assert.Equal((0, ""), await Run(s, "app", "PUID=4321 PGID=8765"));
    }

    [Fact]
    public async Task The_files_keep_mode_and_owner_and_nothing_is_left_beside_them()
    {
        await using Sandbox s = new Sandbox().Prepare("chmod 600 etc/passwd; chmod 640 etc/group; chown 7:8 etc/group; cp etc/passwd etc/passwd.keelson-new");
        await s.Start("--skip-runit");
        Assert.Equal((0, "keelson map-user: app is 5000:6000 (was 1000:1001)\n"), await Run(s, "app --uid=5000 --gid=6000", "PUID=1 PGID=1"));
        Assert.Equal("600 0 0\n640 7 8\n", (await s.Exec("stat -c '%a %u %g' /etc/passwd /etc/group")).Out);
        Assert.DoesNotContain(Directory.GetFiles(s.HostPath("/etc")), f => Path.GetFileName(f).Contains("keelson", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Nothing_set_is_nothing_done()
    {
        await using Sandbox s = new();
        await s.Start("--skip-runit");
        Assert.Equal((0, ""), await Run(s, "app"));
        Assert.Equal((0, ""), await Run(s, "no-such-user --home", "PUID= PGID="));
    }

    [Fact]
    public async Task The_home_directory_changes_hands_when_asked_and_nothing_in_it()
    {
        await using Sandbox s = new Sandbox().Write("/home/app/file", "x");
        await s.Start("--skip-runit");
        const string look = "stat -c '%u:%g' /home/app /home/app/file | tr '\\n' ' '";
        await Run(s, "app --uid=5000");
        Assert.Equal("0:0 0:0 ", (await s.Exec(look)).Out);
        Assert.Equal((0, ""), await Run(s, "app --uid=5000 --home"));
        Assert.Equal("5000:1001 0:0 ", (await s.Exec(look)).Out);
        (int status, string text) = await Run(s, "daemon --uid=77 --home");
        Assert.True(status == 1 && text.Contains("the home directory of daemon is /usr/sbin, which is the system's; give the user one of its own, with usermod --home DIR daemon", StringComparison.Ordinal), text);
        (status, text) = await Run(s, "nobody --uid=78 --home");
        Assert.True(status == 1 && text.Contains("the home directory /nonexistent of nobody does not exist; make it, or leave out --home", StringComparison.Ordinal), text);
    }

    [Theory]
    [InlineData("root --uid=5", 1, "root is root and stays so")]
    [InlineData("app --uid=1", 1, "user id 1 is daemon's already; remove that user when the image is built (userdel daemon), or share the id with --non-unique")]
    [InlineData("app --gid=2000", 1, "group id 2000 is extra's already")]
    [InlineData("app --uid=0", 1, "app can't become root")]
    [InlineData("app --uid=ten", 2, "--uid=ten is no user id; write a number from 1 to 4294967294")]
    [InlineData("app --gid=-1", 2, "--gid=-1 is no group id")]
    [InlineData("app other --uid=5", 2, "give the name of one user")]
    [InlineData("--uid=5", 2, "give the name of one user")]
    [InlineData("app --recursive", 2, "unknown option --recursive")]
    public async Task What_can_not_be_is_refused_and_changes_nothing(string arguments, int expected, string reason)
    {
        await using Sandbox s = new();
        await s.Start("--skip-runit");
        (string passwd, string group) = (s.Read("/etc/passwd"), s.Read("/etc/group"));
        (int status, string text) = await Run(s, arguments);
        Assert.True(status == expected && text.StartsWith("keelson map-user: " + reason, StringComparison.Ordinal), text);
        Assert.Equal((passwd, group), (s.Read("/etc/passwd"), s.Read("/etc/group")));
    }

    [Fact]
    public async Task A_bad_variable_is_named()
    {
        await using Sandbox s = new();
        await s.Start("--skip-runit");
        Assert.Equal((2, "keelson map-user: PUID=me is no user id; write a number from 1 to 4294967294\nTry `keelson map-user --help`.\n"), await Run(s, "app", "PUID=me"));
    }

    [Fact]
    public async Task A_read_only_etc_is_said_with_what_helps()
    {
        await using Sandbox s = new Sandbox { ReadOnlyEtc = true };
        await s.Start("--skip-runit");
        (int status, string text) = await Run(s, "app --uid=5000");
        Assert.Equal((1, "keelson map-user: cannot write /etc/passwd: it is read-only; run the container without --read-only, or as the user that is wanted (docker run --user)\n"), (status, text));
    }

    [Fact]
    public async Task Another_user_than_root_is_told_so()
    {
        await using Sandbox s = new Sandbox().AsUser("1000").Env("PUID", "5000").Startup("map", $"exec {Program} app");
        Assert.Equal(1, await s.Run("--", "true"));
        Assert.Contains("keelson map-user: cannot write /etc/passwd: permission denied; run this as root, or the container as the user that is wanted (docker run --user)", s.Err.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Where_the_files_are_mounts_of_their_own_they_change_in_place()
    {
        await using Sandbox s = new Sandbox().Prepare("mkdir -p mnt; for f in passwd group; do cp etc/$f mnt/$f; mount --bind mnt/$f etc/$f; done");
        await s.Start("--skip-runit");
        Assert.Equal(0, (await Run(s, "app --uid=5000 --gid=6000")).Status);
        Assert.Contains("app:x:5000:6000:", s.Read("/mnt/passwd"), StringComparison.Ordinal);
        Assert.Contains("apps:x:6000:", s.Read("/mnt/group"), StringComparison.Ordinal);
    }
}
