namespace Keelson.Image.Tests;

[Trait("Base", "Each")]
public sealed class ImageTests
{
    [Fact]
    public void One_file_is_all_programs_and_my_init_is_the_command()
    {
        Outcome run = Docker.MyInit("sh", "-c", "cd /; readlink -f /sbin/my_init /sbin/setuser /usr/bin/keelson; stat -c '%a %U:%G' /usr/lib/keelson/keelson; ls -A /usr/lib/keelson; ls -d /etc/service /etc/my_init.d /etc/my_init.pre_shutdown.d /etc/my_init.post_shutdown.d");
        run.Must(run.Status == 0);
        const string keelson = "/usr/lib/keelson/keelson\n";
        run.Must(run.Output == keelson + keelson + keelson + "755 root:root\ncron-shell\nkeelson\nssh-host-keys\n/etc/my_init.d\n/etc/my_init.post_shutdown.d\n/etc/my_init.pre_shutdown.d\n/etc/service\n");
        Outcome image = Docker.Run("image", "inspect", "--format", "{{json .Config.Cmd}} {{index .Config.Labels \"org.opencontainers.image.licenses\"}}", Docker.Image);
        image.Must(image.Output == "[\"/sbin/my_init\"] MIT\n");
    }

    [Fact]
    public void Names_in_workaround_docker_2267_resolve_when_that_was_run_in_the_Dockerfile_and_after_an_edit()
    {
        string image = $"keelson-test-hosts-{Environment.ProcessId}";
        Docker.RunWithInput(
            $"""
            FROM {Docker.Image}
            RUN /usr/bin/workaround-docker-2267
            RUN echo 127.0.0.9 of-the-image.example >> /etc/workaround-docker-2267/hosts
            CMD ["/sbin/my_init"]

            """, "build", "--label", Docker.Label, "-t", image, "-").Must();
        using Container container = Container.Start(image);
        bool Resolves(string name) => container.Exec("getent", "hosts", name).Output.StartsWith("127.0.0.9 ", StringComparison.Ordinal);
        container.Until("the name of the image resolves", () => Resolves("of-the-image.example"));
        container.Shell("echo 127.0.0.9 of-now.example >>/etc/workaround-docker-2267/hosts").Must();
        container.Until("the new name resolves", () => Resolves("of-now.example"));
        container.Must(Resolves("of-the-image.example") && container.Shell("getent hosts $(hostname)").Status == 0, "the others still do");
        Docker.Run("restart", container.Id).Must();
        container.Until("they do after a restart", () => Resolves("of-now.example"));
    }

    [Fact]
    public void Install_clean_installs_and_leaves_nothing_of_apt_behind()
    {
        Outcome run = Docker.MyInit("sh", "-c", "install_clean -o Dpkg::Options::=--force-confold 'bc' >/dev/null && bc --version | head -n 1; find /var/lib/apt/lists /var/cache/apt -type f ! -name lock");
        run.Must(run.Status == 0 && run.Output.StartsWith("bc ", StringComparison.Ordinal) && run.Output.Count(c => c == '\n') == 1);
    }

    [Fact]
    public void Install_clean_has_the_exit_status_of_apt_and_removes_the_lists_all_the_same()
    {
        Outcome run = Docker.MyInit("sh", "-c", "install_clean no-such-package 'less; touch /injected' >/dev/null; echo $?; find /var/lib/apt/lists -type f ! -name lock; ls /injected");
        run.Must(run.Output == "100\n" && run.Error.Contains("no-such-package", StringComparison.Ordinal));
    }

    [Fact]
    public void Install_clean_takes_recommended_packages_only_when_told_to_wherever_the_option_stands()
    {
        static int Packages(params string[] arguments)
        {
            Outcome run = Docker.MyInit(["install_clean", .. arguments]);
            run.Must(run.Status == 0);
            return run.Output.Split('\n').Count(l => l.StartsWith("Inst ", StringComparison.Ordinal));
        }

        int without = Packages("--simulate", "git");
        int first = Packages("--install-recommends", "--simulate", "git");
        int last = Packages("--simulate", "git", "--install-recommends");
        Assert.True(without > 0 && first > without && last == first, $"{without}, {first}, {last} packages");
    }
}
