using System.Text.Json;

namespace Keelson.Image.Tests;

/// <summary>"Building the image yourself".</summary>
public sealed class BuildTests
{
    private static string[] Layers(string image) =>
        JsonSerializer.Deserialize<string[]>(Docker.Run("image", "inspect", "--format", "{{json .RootFS.Layers}}", image).Output)!;

    private static Outcome Tool(string script) => Docker.Execute("bash", "", "-euc", $"cd '{Docker.Top}'; {script}");

    [Fact]
    public void The_layers_are_few_build_steps_packages_and_our_own_files()
    {
        string[] all = Layers(Docker.Image);
        string[] based = Layers(Docker.Run("image", "inspect", "--format", "{{index .Config.Labels \"org.opencontainers.image.base.name\"}}", Docker.Image).Output.Trim());
        Assert.Equal(based, all[..based.Length]);
        Assert.Equal(based.Length + 3, all.Length);
    }

    [Fact]
    public void The_same_input_gives_our_layer_with_the_same_digest()
    {
        string image = $"keelson-test-again-{Environment.ProcessId}";
        string work = Directory.CreateTempSubdirectory("keelson-build-").FullName;
        try
        {
            // Staged a second time, in another place, and put on another base without any cache.
            Tool($"""
                tools/stage build/keelson '{work}/rootfs'
                tar --sort=name --format=gnu --owner=0 --group=0 --numeric-owner -C '{work}/rootfs' -cf '{work}/rootfs.tar' etc usr
                printf 'FROM %s\nADD rootfs.tar /\n' "$(docker image inspect --format '{"{{index .Config.Labels \"org.opencontainers.image.base.name\"}}"}' {Docker.Image})" >'{work}/Dockerfile'
                DOCKER_BUILDKIT=0 docker build --no-cache --label {Docker.Label} -t {image} '{work}'
                """).Must();
            Assert.Equal(Layers(Docker.Image)[^1], Layers(image)[^1]);
        }
        finally
        {
            Directory.Delete(work, recursive: true);
        }
    }

    [Fact]
    public void Services_can_be_left_out()
    {
        string name = $"keelson-test-without-{Environment.ProcessId}";
        string work = Directory.CreateTempSubdirectory("keelson-build-").FullName;
        try
        {
            // One as the manual says, in image/buildconfig; the others by the variables, which become build arguments.
            Tool($"""
                mkdir '{work}/build'
                cp -R image docs tools '{work}'
                cp build/keelson '{work}/build'
                cd '{work}'
                sed -i 's/^export DISABLE_SSH=.*/export DISABLE_SSH=1/' image/buildconfig
                NAME={name} DISABLE_SYSLOG=1 DISABLE_CRON=1 tools/build-image base
                """).Must();
            string image = $"{name}:{Environment.GetEnvironmentVariable("VERSION") ?? "latest"}";
            Outcome run = Docker.Start(image, "/sbin/my_init", "--", "sh", "-c", "ls /etc/service /etc/my_init.d; command -v syslog-ng cron sshd enable_insecure_key logrotate; ls -d /etc/insecure_key /etc/crontab");
            run.Must(run.Output == "/etc/my_init.d:\n\n/etc/service:\n");
        }
        finally
        {
            Directory.Delete(work, recursive: true);
            Docker.Run("rmi", "-f", $"{name}:{Environment.GetEnvironmentVariable("VERSION")}", $"{name}:latest");
        }
    }

    [Fact]
    public void The_image_is_labelled()
    {
        using var labels = JsonDocument.Parse(Docker.Run("image", "inspect", "--format", "{{json .Config.Labels}}", Docker.Image).Output);
        foreach (string label in new[] { "title", "description", "licenses", "version", "base.name" })
            Assert.True(labels.RootElement.TryGetProperty($"org.opencontainers.image.{label}", out JsonElement value) && value.GetString() is { Length: > 0 }, label);
    }
}
