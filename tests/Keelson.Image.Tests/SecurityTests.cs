namespace Keelson.Image.Tests;

/// <summary>What somebody who looks for a way in finds.</summary>
[Trait("Base", "Each")]
public sealed class SecurityTests
{
    private const string Walk = "find / -xdev \\( -path /proc -o -path /sys -o -path /dev \\) -prune -o ";

    [Fact]
    public void No_file_can_be_written_by_everybody_but_in_the_sticky_directories()
    {
        Outcome run = Docker.Start(Docker.Image, "sh", "-c", Walk + "-perm -2 ! -type l -print | sort");
        Docker.Figure($"what everybody can write: {string.Join(' ', run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries))}, all sticky");
        run.Must(run.Output == "/run/lock\n/tmp\n/var/tmp\n");
        Outcome sticky = Docker.Start(Docker.Image, "stat", "-c", "%a", "/run/lock", "/tmp", "/var/tmp");
        sticky.Must(sticky.Output == "1777\n1777\n1777\n");
    }

    [Fact]
    public void Programs_that_give_rights_are_those_of_the_base_and_of_cron_and_ssh()
    {
        Outcome run = Docker.Start(Docker.Image, "sh", "-c", Walk + "-type f -perm /6000 -printf '%f\\n' | sort -u");
        string[] found = run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Docker.Figure($"setuid and setgid programs: {string.Join(' ', found)}");
        // Of base-passwd, login, passwd, util-linux; crontab, ssh-agent and ssh-keysign come with what we install.
        string[] known = ["chage", "chfn", "chsh", "crontab", "expiry", "gpasswd", "mount", "newgrp", "passwd", "ssh-agent", "ssh-keysign", "su", "umount", "unix_chkpwd"];
        run.Must(found.Length > 0 && !found.Except(known).Any());
    }

    [Fact]
    public void No_key_and_no_password_is_in_the_image()
    {
        Outcome run = Docker.Start(Docker.Image, "sh", "-c", "ls /etc/ssh/ssh_host* 2>/dev/null; cat /root/.ssh/authorized_keys; awk -F: '$2 !~ /^[*!]/ { print $1 }' /etc/shadow; awk -F: '$3 == 0 { print $1 }' /etc/passwd");
        run.Must(run.Output == "root\n");
    }

    [Fact]
    public void Nothing_listens_on_the_network()
    {
        using Container container = Container.Start(Docker.Image);
        container.UntilLogged("Runit started as PID 1");
        container.Until("cron runs", () => container.Exec("sv", "status", "cron").Output.StartsWith("run: ", StringComparison.Ordinal));
        Outcome tcp = container.Shell("cat /proc/net/tcp /proc/net/tcp6 /proc/net/udp /proc/net/udp6 | grep -v local_address | awk '$4 == \"0A\" || $4 == \"07\"'");
        container.Must(tcp.Output == "", tcp.ToString());
    }

    [Fact]
    public void The_list_of_updates_that_wait_is_in_the_output()
    {
        // "Inst NAME [OLD] (NEW SUITES [ARCHITECTURE])": what comes from the security suite mends a known hole (debsecan asks a
        // server of its own, which is no package registry).
        Outcome run = Docker.Start(Docker.Image, "sh", "-c", "apt-get update -qq && apt-get -s -qq dist-upgrade | grep '^Inst '; dpkg-query -W -f 'p\\n' | wc -l; grep -rhoE '[a-z]+-security' /etc/apt/sources.list* | sort -u");
        run.Must();
        string[] lines = run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        string[] waiting = [.. lines.Where(l => l.StartsWith("Inst ", StringComparison.Ordinal))];
        static string List(IEnumerable<string> packages) => packages.Any() ? string.Join(", ", packages.Select(l => string.Join(' ', l.Split(' ')[1..4]))) : "none";
        Docker.Figure($"packages in the image: {lines[waiting.Length]}; with security updates waiting: {List(waiting.Where(IsSecurity))}; with others: {List(waiting.Where(l => !IsSecurity(l)))}");
        // It was looked for where security updates are.
        run.Must(lines.Length > waiting.Length + 1);
    }

    private static bool IsSecurity(string line) => line.Contains("-Security:", StringComparison.OrdinalIgnoreCase) || line.Contains("-security", StringComparison.Ordinal);

    [Fact]
    public void The_bill_of_materials_names_every_package()
    {
        string path = Path.Combine(Docker.Top, "build", "sbom", Docker.Image.Replace('/', '-').Replace(':', '-') + ".spdx.json");
        Assert.True(File.Exists(path), $"{path} is missing: `make build` writes it");
        using var bill = System.Text.Json.JsonDocument.Parse(File.ReadAllBytes(path));
        Assert.Equal("SPDX-2.3", bill.RootElement.GetProperty("spdxVersion").GetString());
        var named = bill.RootElement.GetProperty("packages").EnumerateArray()
            .Select(p => $"{p.GetProperty("name").GetString()} {p.GetProperty("versionInfo").GetString()}").ToHashSet();
        Outcome run = Docker.Start(Docker.Image, "dpkg-query", "-W", "-f", "${Package} ${Version}\\n");
        run.Must();
        Assert.Empty(run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Except(named));
        Assert.Contains(named, n => n.StartsWith("keelson ", StringComparison.Ordinal));
    }
}
