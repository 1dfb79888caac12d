namespace Keelson.Image.Tests;

/// <summary>The host tools as they are installed: natively by install-tools.sh, as a .NET tool elsewhere.</summary>
public sealed class InstallTests : IDisposable
{
    private readonly string _prefix = Directory.CreateTempSubdirectory("keelson-install-").FullName;

    public void Dispose() => Directory.Delete(_prefix, recursive: true);

    [Fact]
    public void Install_tools_installs_native_programs_that_need_no_dotnet()
    {
        Outcome installed = Docker.Execute(Path.Combine(Docker.Top, "install-tools.sh"), "", _prefix);
        installed.Must(installed.Status == 0 && installed.Output.Contains($"{_prefix}/bin", StringComparison.Ordinal));
        foreach (string tool in new[] { "docker-ssh", "docker-bash", "keelson" })
        {
            Outcome help = Docker.Execute("env", "", "-i", "DOTNET_ROOT=/nonexistent", $"HOME={_prefix}", $"{_prefix}/bin/{tool}", "--help");
            help.Must(help.Status == 0 && help.Output.Contains($"  {tool} ", StringComparison.Ordinal));
            Assert.True(File.Exists($"{_prefix}/share/man/man8/{tool}.8"));
        }
        Assert.Equal(File.ReadAllBytes($"{_prefix}/bin/keelson").Length, File.ReadAllBytes($"{_prefix}/bin/docker-ssh").Length);
        // Again, over itself.
        Docker.Execute(Path.Combine(Docker.Top, "install-tools.sh"), "", _prefix).Must();
    }

    [Fact]
    public void The_package_installs_as_a_dotnet_tool()
    {
        Outcome packed = Docker.Execute("make", "", "-C", Docker.Top, "tool");
        packed.Must();
        Outcome installed = Docker.Execute("dotnet", "", "tool", "install", "keelson", "--tool-path", _prefix, "--add-source", Path.Combine(Docker.Top, "build", "tool"), "--version", Docker.Version);
        installed.Must();
        Outcome run = Docker.Execute($"{_prefix}/keelson", "", "--version");
        run.Must(run is { Status: 0 } && run.Output.Trim() == Docker.Version);
        Outcome help = Docker.Execute($"{_prefix}/keelson", "", "ssh", "--help");
        help.Must(help.Status == 0 && help.Output.Contains("--identity", StringComparison.Ordinal));
    }
}
