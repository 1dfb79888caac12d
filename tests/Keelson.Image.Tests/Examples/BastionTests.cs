namespace Keelson.Image.Tests.Examples;

/// <summary>examples/ssh-bastion: passes connections on for who has the key, and nothing else.</summary>
public sealed class BastionTests : IDisposable
{
    private readonly string _home = Directory.CreateTempSubdirectory("keelson-bastion-").FullName;
    private readonly string _name = $"keelson-bastion-{Environment.ProcessId}-{Guid.NewGuid():N}"[..40];
    private static readonly string s_image = Docker.Example("ssh-bastion");

    public BastionTests()
    {
        Docker.Run("network", "create", "--label", Docker.Label, _name).Must();
        Docker.Run("volume", "create", "--label", Docker.Label, _name).Must();
        foreach (string key in new[] { "mine", "other" })
            Docker.Execute("ssh-keygen", "", "-q", "-t", "ed25519", "-N", "", "-f", $"{_home}/{key}").Must();
        // What is published is not only not the user's: it lets nobody in here.
        File.Copy(Path.Combine(Docker.Top, "image/rootfs/etc/insecure_key"), $"{_home}/insecure");
        File.SetUnixFileMode($"{_home}/insecure", UnixFileMode.UserRead);
    }

    public void Dispose()
    {
        Docker.Run("network", "rm", _name);
        Docker.Run("volume", "rm", "-f", _name);
        Directory.Delete(_home, recursive: true);
    }

    private Container Bastion(params string[] options) =>
        Container.Start(["--network", _name, "-p", "127.0.0.1::22", "-v", $"{_name}:/etc/ssh/bastion", .. options, s_image]);

    // ssh's own options for one host, in a file: those of the way are the same.
    private Outcome Ssh(Container bastion, string key, params string[] arguments)
    {
        File.WriteAllText($"{_home}/config", $"""
            Host bastion
              HostName 127.0.0.1
              Port {bastion.Port(22)}
              HostKeyAlias bastion
              IdentityFile {_home}/{key}
            Host target
              IdentityFile {_home}/mine
            Host *
              IdentitiesOnly yes
              IdentityAgent none
              BatchMode yes
              ConnectTimeout 20
              LogLevel ERROR
              UserKnownHostsFile {_home}/known
              StrictHostKeyChecking accept-new

            """);
        return Docker.Execute("ssh", "", ["-F", $"{_home}/config", .. arguments]);
    }

    [Fact]
    public void It_passes_on_to_a_container_that_cannot_be_reached_otherwise_and_gives_nobody_a_shell()
    {
        string key = File.ReadAllText($"{_home}/mine.pub").Trim();
        using Container target = Container.Start("--network", _name, "--network-alias", "target", "-e", $"KEY={key}", Docker.Image, "sh", "-c",
            "echo \"$KEY\" >/root/.ssh/authorized_keys; rm /etc/service/sshd/down; exec /sbin/my_init");
        Container bastion = Bastion("-e", $"AUTHORIZED_KEYS={key}");
        try
        {
            bastion.Until("it passes on", () => Ssh(bastion, "mine", "-J", "jump@bastion", "root@target", "true").Status == 0);
            Outcome run = Ssh(bastion, "mine", "-J", "jump@bastion", "root@target", "hostname; exit 3");
            run.Must(run.Status == 3 && run.Output == target.Id[..12] + "\n");

            run = Ssh(bastion, "mine", "jump@bastion", "id");
            run.Must(run.Status == 1 && !run.Output.Contains("uid=", StringComparison.Ordinal));
            foreach ((string other, string user) in new[] { ("other", "jump"), ("insecure", "jump"), ("mine", "root"), ("insecure", "root") })
            {
                run = Ssh(bastion, other, $"{user}@bastion", "-W", "target:22");
                run.Must(run.Status == 255 && run.Error.Contains("Permission denied (publickey)", StringComparison.Ordinal));
            }
            bastion.Stop();
            bastion.Must(bastion.ExitStatus == 0, "exit status");
        }
        finally
        {
            bastion.Dispose();
        }
        // Its successor has the keys from the volume, and is the host that known_hosts knows.
        using Container next = Bastion();
        next.Until("it passes on", () => Ssh(next, "mine", "-J", "jump@bastion", "root@target", "true").Status == 0);
    }

    [Fact]
    public void Without_a_key_it_does_not_start_and_says_why()
    {
        using Container bastion = Bastion();
        bastion.Until("it has ended", () => bastion.Inspect("{{.State.Running}}") == "false");
        bastion.Must(bastion.ExitStatus == 1 && bastion.Logs().Contains("*** nobody could log in: set AUTHORIZED_KEYS", StringComparison.Ordinal), "the reason");
    }
}
