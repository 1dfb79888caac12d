namespace Keelson.Image.Tests;

[Trait("Base", "Each")]
public sealed class EnvironmentTests
{
    [Fact]
    public void Dockers_variables_are_in_the_store_and_its_dumps_as_the_manual_shows()
    {
        Outcome run = Docker.MyInit(
            ["--env", "FOO=bar", "--env", "HELLO=my beautiful world"],
            "bash", "-c", "cd /etc; ls container_environment; cat container_environment/HELLO; echo; cat container_environment.json; echo; unset HELLO; . ./container_environment.sh; echo $HELLO; stat -c '%a %U:%G' container_environment container_environment.sh container_environment.json container_environment/FOO; getent group docker_env");
        string[] lines = run.Output.Split('\n');
        run.Must(lines.Contains("FOO") && lines.Contains("HELLO") && !lines.Contains("HOME"));
        run.Must(lines.Count(l => l == "my beautiful world") == 2);
        run.Must(run.Output.Contains("\"FOO\": \"bar\", \"HELLO\": \"my beautiful world\"", StringComparison.Ordinal));
        run.Must(run.Output.EndsWith("\n750 root:docker_env\n640 root:docker_env\n640 root:docker_env\n640 root:docker_env\ndocker_env:x:8377:\n", StringComparison.Ordinal));
    }

    [Fact]
    public void A_file_in_the_store_is_a_variable_without_its_last_newline_and_dockers_value_wins()
    {
        const string make = """
            cd /etc/container_environment
            echo Apachai Hopachai >MY_NAME; printf 'two\n\n' >TWO; echo file >BOTH
            exec /sbin/my_init --quiet -- sh -c 'printf "%s|" "$MY_NAME" "$TWO" "$BOTH"'
            """;
        Outcome run = Docker.Start("--env", "BOTH=docker", Docker.Image, "sh", "-c", make);
        run.Must(run.Status == 0 && run.Output == "Apachai Hopachai|two\n|docker|");
    }

    [Fact]
    public void A_startup_script_changes_the_environment_of_all_that_comes_later()
    {
        const string make = """
            printf '#!/bin/sh\necho new >/etc/container_environment/CHANGED; rm /etc/container_environment/GONE\n' >/etc/my_init.d/10_change
            printf '#!/bin/sh\necho "$CHANGED,$GONE"\n' >/etc/my_init.d/20_see
            chmod +x /etc/my_init.d/*
            exec /sbin/my_init --quiet -- sh -c 'echo "$CHANGED,$GONE"; cat /etc/container_environment.json'
            """;
        Outcome run = Docker.Start("--env", "CHANGED=old", "--env", "GONE=no", Docker.Image, "sh", "-c", make);
        run.Must(run.Status == 0 && run.Output.StartsWith("new,\nnew,\n{\"CHANGED\": \"new\", ", StringComparison.Ordinal));
        run.Must(!run.Output.Contains("GONE", StringComparison.Ordinal));
    }

    [Fact]
    public void Only_members_of_docker_env_can_read_the_store()
    {
        Outcome run = Docker.MyInit(
            ["--env", "SECRET=42"],
            "sh", "-c", "useradd out; useradd -G docker_env in; for u in out in; do setuser $u cat /etc/container_environment/SECRET; echo; setuser $u sh -c '. /etc/container_environment.sh; grep -c SECRET /etc/container_environment.json'; done");
        run.Must(run.Output == "\n42\n1\n");
        run.Must(run.Error.Contains("Permission denied", StringComparison.Ordinal));
    }

    [Fact]
    public void Odd_names_and_values_do_not_hinder_the_boot()
    {
        Outcome run = Docker.MyInit(
            ["--env", "A/B=1", "--env", "1abc=x", "--env", "EMPTY=", "--env", "QUOTE=it's", "--env", "LINES=a\nb\n"],
            "bash", "-euc", "dash -euc '. /etc/container_environment.sh'; . /etc/container_environment.sh; printf '%s|' \"$QUOTE\" \"$LINES\" \"$EMPTY\"; env | grep -c ^1abc");
        run.Must(run.Status == 0 && run.Output == "it's|a\nb\n||1\n");
        run.Must(run.Error.Contains("*** environment variable \"A/B\" is left out", StringComparison.Ordinal));
    }

    [Fact]
    public void The_environment_variable_HOME_can_be_set_for_all_by_a_file_in_the_store()
    {
        Outcome run = Docker.Start(Docker.Image, "sh", "-c", "echo /srv > /etc/container_environment/HOME; exec /sbin/my_init --quiet -- sh -c 'echo $HOME'");
        run.Must(run.Output == "/srv\n");
    }

    [Fact]
    public void Permissions_that_were_relaxed_stay_so_and_everybody_can_read_the_environment()
    {
        const string make = """
            chmod 755 /etc/container_environment
            chmod 644 /etc/container_environment.sh /etc/container_environment.json
            exec /sbin/my_init --quiet -- setuser nobody sh -c 'cat /etc/container_environment/FOO; echo; unset FOO; . /etc/container_environment.sh; echo $FOO; grep -o bar /etc/container_environment.json'
            """;
        Outcome run = Docker.Start("--env", "FOO=bar", Docker.Image, "sh", "-c", make);
        run.Must(run.Output == "bar\nbar\nbar\n");
    }

    [Fact]
    public void Modifying_the_dumps_has_no_effect()
    {
        const string make = """
            printf '#!/bin/sh\necho export FOO=dump >/etc/container_environment.sh; echo {} >/etc/container_environment.json\n' >/etc/my_init.d/10_modify
            chmod +x /etc/my_init.d/10_modify
            exec /sbin/my_init --quiet -- sh -c 'echo $FOO; grep -c dump /etc/container_environment.sh; grep -o bar /etc/container_environment.json'
            """;
        Outcome run = Docker.Start("--env", "FOO=bar", Docker.Image, "sh", "-c", make);
        run.Must(run.Output == "bar\n0\nbar\n");
    }

    [Fact]
    public void The_main_command_has_the_home_of_its_user_and_not_dockers()
    {
        Outcome run = Docker.MyInit(["--env", "HOME=/wrong"], "sh", "-c", "echo $HOME $USER");
        run.Must(run.Output == "/root root\n");
    }
}
