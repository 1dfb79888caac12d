namespace Keelson.Image.Tests;

/// <summary>"Login to the container, or running a command inside it, via SSH". The client is another container.</summary>
[Trait("Base", "Each")]
public sealed class SshTests
{
    private const string Options = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o ConnectTimeout=10";

    // The image's own client, beside the container whose network it shares.
    private static Outcome Client(Container server, string script, params string[] options) =>
        Docker.Start(["--network", $"container:{server.Id}", .. options, Docker.Image, "sh", "-c", script]);

    private static Outcome Login(Container server, string command, string user = "root") =>
        Client(server, $"install -m 600 /etc/insecure_key /tmp/key; ssh -i /tmp/key {Options} {user}@127.0.0.1 {command}");

    private static Container Listening(params string[] arguments)
    {
        Container container = Container.Start(arguments);
        container.UntilLogged("Server listening on 0.0.0.0 port 22.");
        return container;
    }

    private static string[] HostKeys(Container server) =>
        [.. Client(server, "ssh-keyscan -T 10 127.0.0.1 2>/dev/null | grep -v '^#'").Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal)];

    [Fact]
    public void It_is_disabled_by_default_and_no_key_opens_it()
    {
        using Container container = Container.Start(Docker.Image);
        container.UntilLogged("Runit started as PID 1");
        Outcome run = container.Shell("sv status sshd; ls /etc/ssh/ssh_host_* /root/.ssh/authorized_keys; wc -c </root/.ssh/authorized_keys; stat -c '%a %n' /root/.ssh /root/.ssh/authorized_keys");
        container.Must(System.Text.RegularExpressions.Regex.IsMatch(run.Output, "^down: sshd: [0-9]+s\n/root/.ssh/authorized_keys\n0\n700 /root/.ssh\n600 /root/.ssh/authorized_keys\n$"), run.ToString());
        Outcome closed = Login(container, "true");
        container.Must(closed.Status == 255 && closed.Error.Contains("Connection refused", StringComparison.Ordinal), closed.ToString());
    }

    [Fact]
    public void The_insecure_key_for_one_container_only()
    {
        using Container container = Listening(Docker.Image, "/sbin/my_init", "--enable-insecure-key");
        Outcome hello = Login(container, "echo hello world");
        container.Must(hello == new Outcome(0, "hello world\n", ""), hello.ToString());
        Outcome status = Login(container, "'cat; exit 3'");
        container.Must(status.Status == 3, status.ToString());
        container.Must(container.Logs().Contains("DO NOT expose port 22 on the Internet", StringComparison.Ordinal), "the warning");
        // Stopped and started the key is still there, and once.
        string[] keys = HostKeys(container);
        container.Stop();
        Docker.Run("start", container.Id).Must();
        container.Until("it lets us in again", () => Login(container, "true").Status == 0);
        Assert.Equal(keys, HostKeys(container));
        container.Must(container.Shell("grep -c . /root/.ssh/authorized_keys").Output == "1\n", "one key");
        container.Must(container.Logs().Contains("Insecure key has already been added.", StringComparison.Ordinal), "said so");
    }

    [Fact]
    public void The_putty_form_is_the_same_key()
    {
        Outcome run = Docker.MyInit("sh", "-c", "sed -n '/^Public-Lines/{n;N;p}' /etc/insecure_key.ppk | tr -d '\\n'; echo; cut -d' ' -f2 /etc/insecure_key.pub; install -m 600 /etc/insecure_key /tmp/k; ssh-keygen -y -f /tmp/k | cut -d' ' -f2");
        string[] lines = run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        run.Must(lines.Length == 3 && lines[0] == lines[1] && lines[1] == lines[2]);
    }

    [Fact]
    public void Enabled_in_a_Dockerfile_with_ones_own_key()
    {
        string image = $"keelson-test-ssh-{Environment.ProcessId}";
        Docker.RunWithInput(
            $"""
            FROM {Docker.Image}
            RUN rm -f /etc/service/sshd/down
            RUN /etc/my_init.d/00_regen_ssh_host_keys.sh
            RUN ssh-keygen -q -t ed25519 -N '' -f /root/own && cat /root/own.pub >> /root/.ssh/authorized_keys
            CMD ["/sbin/my_init"]

            """, "build", "--label", Docker.Label, "-t", image, "-").Must();
        using Container container = Listening(image);
        string key = container.Exec("cat", "/root/own").Output;
        Outcome hello = Client(container, $"umask 077; printf '%s' \"$KEY\" >/tmp/key; ssh -i /tmp/key {Options} root@127.0.0.1 echo hello world", "-e", $"KEY={key}");
        container.Must(hello == new Outcome(0, "hello world\n", ""), hello.ToString());
        // The insecure key is in no image's authorized_keys.
        container.Must(Login(container, "true").Status == 255, "the insecure key");
        // The host keys are those of the image.
        container.Must(!container.Logs().Contains("No SSH host key", StringComparison.Ordinal), "host keys");
    }

    [Fact]
    public void Enabled_for_one_container_by_a_folder_with_a_startup_script()
    {
        // A volume in the place of the folder: it hides the image's own scripts, as the folder of the manual does.
        Outcome made = Docker.Run("create", "--label", Docker.Label, "--mount", "type=volume,dst=/etc/my_init.d,volume-nocopy=true", Docker.Image, "sh", "-c",
            "printf '#!/bin/sh\\nrm -f /etc/service/sshd/down\\n' >/etc/my_init.d/enable_ssh.sh; chmod +x /etc/my_init.d/enable_ssh.sh; cat /etc/insecure_key.pub >>/root/.ssh/authorized_keys; exec /sbin/my_init");
        made.Must();
        using Container container = Container.Of(made.Output.Trim());
        Docker.Run("start", container.Id).Must();
        container.UntilLogged("Server listening on 0.0.0.0 port 22.");
        Outcome hello = Login(container, "echo hello world");
        container.Must(hello == new Outcome(0, "hello world\n", ""), hello.ToString());
    }

    [Fact]
    public void Passwords_and_challenges_are_refused_even_where_there_is_a_password()
    {
        using Container container = Listening(Docker.Image, "sh", "-c", "echo root:secret | chpasswd; exec /sbin/my_init --enable-insecure-key");
        Outcome refused = Client(container, $"ssh {Options} -o PubkeyAuthentication=no -o PreferredAuthentications=password,keyboard-interactive,none -o BatchMode=no root@127.0.0.1 true </dev/null");
        container.Must(refused.Status == 255 && refused.Error.Contains("Permission denied (publickey).", StringComparison.Ordinal), refused.ToString());
    }

    [Fact]
    public void Its_settings_are_keys_only_root_by_key_and_the_distributions_modern_ones()
    {
        Outcome run = Docker.MyInit("sh", "-c", "/usr/lib/keelson/ssh-host-keys 2>/dev/null; mkdir -p /run/sshd; /usr/sbin/sshd -T");
        string[] settings = run.Output.Split('\n');
        foreach (string setting in new[]
        {
            "pubkeyauthentication yes", "passwordauthentication no", "kbdinteractiveauthentication no", "permitemptypasswords no", "permitrootlogin without-password",
            "x11forwarding no", "hostbasedauthentication no", "hostkey /etc/ssh/ssh_host_ed25519_key", "hostkey /etc/ssh/ssh_host_rsa_key",
        })
            run.Must(settings.Contains(setting));
        foreach (string weak in new[] { "ssh-dss", "diffie-hellman-group1-sha1", "3des-cbc", "arcfour", "hmac-md5" })
            run.Must(!run.Output.Contains(weak, StringComparison.Ordinal));
    }

    [Fact]
    public void Two_containers_have_different_host_keys_of_modern_kinds()
    {
        using Container one = Listening(Docker.Image, "/sbin/my_init", "--enable-insecure-key");
        using Container two = Listening(Docker.Image, "/sbin/my_init", "--enable-insecure-key");
        string[] ones = HostKeys(one);
        Assert.Equal(["ssh-ed25519", "ssh-rsa"], ones.Select(k => k.Split(' ')[1]));
        Assert.Empty(ones.Intersect(HostKeys(two)));
    }

    [Fact]
    public void A_login_has_the_environment_that_its_user_may_read()
    {
        using Container container = Listening("-e", "SECRET=it's 42", "-e", "HOME=/wrong", Docker.Image, "sh", "-c", """
            useradd -m -s /bin/bash -G docker_env inside; useradd -m -s /bin/bash outside
            for user in inside outside; do install -d -m 700 -o $user /home/$user/.ssh; install -m 600 -o $user /etc/insecure_key.pub /home/$user/.ssh/authorized_keys; done
            exec /sbin/my_init --enable-insecure-key
            """);
        foreach ((string user, string expected) in new[] { ("root", "it's 42 /root root\n"), ("inside", "it's 42 /home/inside inside\n"), ("outside", " /home/outside outside\n") })
        {
            Outcome run = Login(container, "'bash -lc \"echo \\$SECRET \\$HOME \\$USER\"'", user);
            container.Must(run.Status == 0 && run.Output.TrimStart() == expected.TrimStart(), $"{user}: {run}");
        }
    }

    [Fact]
    public void Disabled_at_run_time_it_stays_down_though_it_is_enabled_in_the_image()
    {
        Outcome run = Docker.Start("-e", "DISABLE_SSH=1", Docker.Image, "sh", "-c", "rm /etc/service/sshd/down; exec /sbin/my_init -- sh -c 'sv status sshd; ls /etc/ssh'");
        run.Must(run.Output.StartsWith("down: sshd: ", StringComparison.Ordinal) && !run.Output.Contains("ssh_host", StringComparison.Ordinal));
    }

    [Fact]
    public void Where_host_keys_can_not_be_made_it_says_so_and_what_helps()
    {
        Outcome run = Docker.MyInit(["--read-only", "--tmpfs", "/run"], "/usr/lib/keelson/ssh-host-keys");
        run.Must(run.Status == 1 && run.Error.Contains("*** cannot make /etc/ssh/ssh_host_ed25519_key: ", StringComparison.Ordinal));
        run.Must(run.Error.Contains("mount a key there", StringComparison.Ordinal));
    }

    [Fact]
    public void An_image_with_ssh_switched_on_boots_as_another_user_without_it()
    {
        string image = $"keelson-test-ssh-{Environment.ProcessId}";
        Docker.RunWithInput($"FROM {Docker.Image}\nRUN rm /etc/service/sshd/down\n", "build", "--label", Docker.Label, "-t", image, "-").Must();
        Outcome run = Docker.Start("--user", "nobody", image, "/sbin/my_init", "--", "sh", "-c", "exit 7");
        run.Must(run.Status == 7 && run.Error.Contains("sshd stays down: ConditionUser=root", StringComparison.Ordinal));
    }
}
