using System.Text.Json;
using System.Text.RegularExpressions;

namespace Keelson.Image.Tests;

/// <summary>`make release-artefacts`: what a release has for download is whole, and says what is in it.</summary>
public sealed partial class ReleaseTests
{
    private static readonly string s_directory = Path.Combine(Docker.Top, "build/release");

    public ReleaseTests() => Assert.True(File.Exists(Path.Combine(s_directory, "SHA256SUMS")), $"{s_directory}/SHA256SUMS is missing: run `make release-artefacts`");

    private static string One(string pattern) => Assert.Single(Directory.EnumerateFiles(s_directory, pattern));

    private static JsonElement Bill(string name)
    {
        using JsonDocument json = JsonDocument.Parse(File.ReadAllText(Path.Combine(s_directory, name)));
        Assert.Equal("CycloneDX", json.RootElement.GetProperty("bomFormat").GetString());
        Assert.Equal(Docker.Version, json.RootElement.GetProperty("metadata").GetProperty("component").GetProperty("version").GetString());
        return json.RootElement.Clone();
    }

    private static HashSet<string> Components(JsonElement bill) =>
        [.. bill.GetProperty("components").EnumerateArray().Select(c => $"{c.GetProperty("name").GetString()} {c.GetProperty("version").GetString()}")];

    [Fact]
    public void Every_file_of_the_release_is_in_its_checksums()
    {
        Docker.Execute("sh", "", "-c", $"cd '{s_directory}' && sha256sum --check --strict SHA256SUMS").Must();
        string[] listed = [.. File.ReadLines(Path.Combine(s_directory, "SHA256SUMS")).Select(l => l.Split("  ")[1])];
        Assert.Equal(Directory.EnumerateFiles(s_directory).Select(f => Path.GetFileName(f)!).Where(f => f != "SHA256SUMS").Order(StringComparer.Ordinal), listed.Order(StringComparer.Ordinal));
        foreach (string pattern in new[] { $"keelson-overlay-{Docker.Version}-*.tar.xz", $"keelson-tools-{Docker.Version}-linux-*.tar.xz", "*.spdx.json" })
            Assert.NotEmpty(Directory.EnumerateFiles(s_directory, pattern));
    }

    [Fact]
    public void The_bills_of_materials_name_every_component()
    {
        // What NuGet restored for the tools, less what works at build time only.
        using JsonDocument assets = JsonDocument.Parse(File.ReadAllText(Path.Combine(Docker.Top, "src/Keelson.Host/obj/project.assets.json")));
        string[] packages = [.. assets.RootElement.GetProperty("libraries").EnumerateObject()
            .Where(l => l.Value.GetProperty("type").GetString() == "package" && !BuildTime().IsMatch(l.Name)).Select(l => l.Name.Replace('/', ' '))];
        Assert.NotEmpty(packages);
        Assert.Empty(packages.Except(Components(Bill($"keelson-tools-{Docker.Version}.cdx.json"))));
        HashSet<string> linked = Components(Bill($"keelson-{Docker.Version}.cdx.json"));
        Assert.Contains(linked, c => c.StartsWith("Microsoft.NETCore.App.Runtime.NativeAOT 10.", StringComparison.Ordinal));
        Assert.Contains(linked, c => Regex.IsMatch(c, @"^glibc 2\.\d+$"));
        // That of the image is looked into by SecurityTests; this is the same one.
        string image = $"{Docker.Image.Replace('/', '-').Replace(':', '-')}.spdx.json";
        Assert.Equal(File.ReadAllText(Path.Combine(Docker.Top, "build/sbom", image)), File.ReadAllText(Path.Combine(s_directory, image)));
    }

    [Fact]
    public void The_archive_of_the_host_tools_runs_where_it_is_unpacked()
    {
        string archive = One($"keelson-tools-{Docker.Version}-linux-*.tar.xz");
        DirectoryInfo there = Directory.CreateTempSubdirectory("keelson-tools-");
        try
        {
            Docker.Execute("tar", "", "-C", there.FullName, "-xf", archive).Must();
            foreach (string tool in new[] { "keelson", "docker-ssh", "docker-bash" })
            {
                Outcome help = Docker.Execute(Path.Combine(there.FullName, "bin", tool), "", "--help");
                help.Must(help.Output.Contains("Usage:", StringComparison.Ordinal));
                Assert.True(File.Exists(Path.Combine(there.FullName, "share/man/man8", $"{tool}.8")), $"no manual page of {tool}");
            }
        }
        finally
        {
            there.Delete(recursive: true);
        }
    }

    [Fact]
    public void The_release_workflow_uploads_all_of_it()
    {
        string workflow = File.ReadAllText(Path.Combine(Docker.Top, ".github/workflows/release.yml"));
        Assert.True(workflow.IndexOf("make release-artefacts", StringComparison.Ordinal) is > 0 and var made
            && made < workflow.IndexOf("gh release create \"$GITHUB_REF_NAME\" --generate-notes build/release/*", StringComparison.Ordinal), workflow);
    }

    [GeneratedRegex("ILCompiler|ILLink|Analyzer", RegexOptions.IgnoreCase)]
    private static partial Regex BuildTime();
}
