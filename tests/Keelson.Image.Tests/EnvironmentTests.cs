namespace Keelson.Image.Tests;

public sealed class EnvironmentTests
{
    [Fact]
    public void Dockers_variables_are_in_the_store_and_its_dumps_as_the_manual_shows()
    {
        Outcome run = Docker.MyInit(
            ["--env", "FOO=bar", "--env", "HELLO=my beautiful world"],
            "bash", "-c", "cd /etc; ls container_environment; cat container_environment/HELLO; echo; cat container_environment.json; echo; unset HELLO; . ./container_environment.sh; echo $HELLO; stat -c '%a %U:%G' container_environment container_environment.sh container_environment.json container_environment/FOO");
        string[] lines = run.Output.Split('\n');
        Assert.Contains("FOO", lines);
        Assert.Contains("HELLO", lines);
        Assert.DoesNotContain("HOME", lines);
        Assert.Equal(2, lines.Count(l => l == "my beautiful world"));
        Assert.Contains("\"FOO\": \"bar\", \"HELLO\": \"my beautiful world\"", run.Output, StringComparison.Ordinal);
        Assert.EndsWith("750 root:docker_env\n640 root:docker_env\n640 root:docker_env\n640 root:docker_env\n", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Odd_names_and_values_do_not_hinder_the_boot()
    {
        Outcome run = Docker.MyInit(
            ["--env", "A/B=1", "--env", "1abc=x", "--env", "EMPTY=", "--env", "QUOTE=it's", "--env", "LINES=a\nb\n"],
            "bash", "-euc", "dash -euc '. /etc/container_environment.sh'; . /etc/container_environment.sh; printf '%s|' \"$QUOTE\" \"$LINES\" \"$EMPTY\"; env | grep -c ^1abc");
        Assert.True(run.Status == 0 && run.Output == "it's|a\nb\n||1\n", run.ToString());
        Assert.Contains("*** environment variable \"A/B\" is left out", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void The_main_command_has_the_home_of_its_user_and_services_have_none()
    {
        Outcome run = Docker.MyInit(["--env", "HOME=/wrong"], "sh", "-c", "echo $HOME $USER");
        Assert.Equal("/root root\n", run.Output);
    }
}
