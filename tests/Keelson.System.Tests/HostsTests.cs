using Keelson.SystemTests.Harness;

namespace Keelson.SystemTests;

/// <summary>workaround-docker-2267(8): names of the image in the container's own /etc/hosts.</summary>
public sealed class HostsTests
{
    private const string Docker = "127.0.0.1\tlocalhost\n172.17.0.2\tcontainer\n";
    private const string Program = "/usr/bin/env -i PATH=/usr/bin:/bin /opt/keelson/keelson workaround-docker-2267";

    // As in a container: a mount of its own, which can't be renamed over. /usr/bin is the host's: the service's ./run is
    // made to find the program elsewhere.
    private static Sandbox WithHosts(string options = "size=1m") => new Sandbox()
        .Write("/etc/hosts", "")
        .Prepare($"mkdir -p mnt; mount -t tmpfs -o {options} tmpfs mnt; printf '{Docker.Replace("\n", "\\n", StringComparison.Ordinal).Replace("\t", "\\t", StringComparison.Ordinal)}' >mnt/hosts; mount --bind mnt/hosts etc/hosts");

    private static async Task UntilHosts(Sandbox s, string contains)
    {
        string last = "";
        for (var clock = System.Diagnostics.Stopwatch.StartNew(); !last.Contains(contains, StringComparison.Ordinal);)
        {
            Assert.True(clock.Elapsed < Sandbox.Patience, $"/etc/hosts has no \"{contains}\":\n{last}\n{s.Evidence()}");
            last = (await s.Exec("cat /etc/hosts")).Out;
        }
        Assert.StartsWith(Docker, last, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Names_resolve_at_once_and_after_each_change_in_place_or_by_rename()
    {
        await using Sandbox s = WithHosts();
        await s.Start();
        await s.WaitForLog("Runit started");
        (int status, string text) = await s.Exec($"{Program} 2>&1; sed -i s:/usr/bin/workaround-docker-2267:'/opt/keelson/keelson workaround-docker-2267': /etc/service/workaround-docker-2267/run; cat /etc/service/workaround-docker-2267/run");
        Assert.True(status == 0 && text == "#!/bin/sh\nexec /opt/keelson/keelson workaround-docker-2267 --watch\n", text);
        Assert.Equal(Docker, (await s.Exec("cat /etc/hosts")).Out);
        await s.Exec("echo 10.1.2.3 first.example >>/etc/workaround-docker-2267/hosts");
        await UntilHosts(s, "10.1.2.3 first.example\n");
        Assert.StartsWith("10.1.2.3 ", (await s.Exec("getent hosts first.example")).Out, StringComparison.Ordinal);
        await s.Exec("echo 10.1.2.4 second.example >/etc/workaround-docker-2267/new; mv /etc/workaround-docker-2267/new /etc/workaround-docker-2267/hosts");
        await UntilHosts(s, "10.1.2.4 second.example\n");
        Assert.DoesNotContain("first.example", (await s.Exec("cat /etc/hosts")).Out, StringComparison.Ordinal);
        Assert.Equal(0, (await s.Stop()).Status);
    }

    [Fact]
    public async Task Run_twice_it_changes_nothing()
    {
        await using Sandbox s = WithHosts();
        await s.Start("--skip-runit");
        (int status, string text) = await s.Exec($"{Program} 2>&1 && echo 10.1.2.3 a >/etc/workaround-docker-2267/hosts && {Program} 2>&1 && md5sum /etc/hosts /etc/service/workaround-docker-2267/run >/tmp/sums && {Program} 2>&1 && md5sum -c --quiet /tmp/sums && cat /etc/hosts");
        Assert.True(status == 0 && text.StartsWith(Docker, StringComparison.Ordinal) && text.Contains("10.1.2.3 a\n", StringComparison.Ordinal), text);
    }

    [Fact]
    public async Task Where_etc_hosts_can_not_be_written_it_says_so_and_what_helps()
    {
        await using Sandbox s = WithHosts().Prepare("mount -o remount,bind,ro etc/hosts").Write("/etc/workaround-docker-2267/hosts", "10.1.2.3 a\n");
        await s.Start("--skip-runit");
        (int status, string text) = await s.Exec($"{Program} --once 2>&1");
        Assert.True(status == 1 && text == "workaround-docker-2267: cannot write /etc/hosts: it is read-only; run the container without --read-only, or give names with docker run --add-host NAME:ADDRESS\n", text);
    }

    [Fact]
    public async Task On_a_full_disk_the_file_stays_as_it_is()
    {
        // A page for the file, and none for more.
        await using Sandbox s = WithHosts("nr_blocks=2").Prepare("head -c 4096 /dev/zero >mnt/full 2>/dev/null || true");
        await s.Start("--skip-runit");
        string names = string.Concat(Enumerable.Range(0, 500).Select(i => $"10.1.2.3 name{i}.example\n"));
        s.Write("/etc/workaround-docker-2267/hosts", names);
        (int status, string text) = await s.Exec($"{Program} --once 2>&1; echo status $?; cat /etc/hosts");
        Assert.True(status == 0 && text.EndsWith($"status 1\n{Docker}", StringComparison.Ordinal) && text.Contains("no space left on device", StringComparison.Ordinal), text);
    }

    [Fact]
    public async Task A_file_that_is_far_too_large_is_refused()
    {
        await using Sandbox s = WithHosts().Write("/etc/workaround-docker-2267/hosts", new byte[2 * 1024 * 1024]);
        await s.Start("--skip-runit");
        (int status, string text) = await s.Exec($"{Program} --once 2>&1");
        Assert.True(status == 1 && text.Contains("cannot read /etc/workaround-docker-2267/hosts: it is larger than 1 MiB; /etc/hosts stays as it is", StringComparison.Ordinal), text);
    }
}
