using System.Text.RegularExpressions;

namespace Keelson.Image.Tests.Pages;

/// <summary>Each sentence of docs/security.md that says what can not be done names its test, and the test is there.</summary>
public sealed partial class ClaimsTests
{
    private static readonly string[] s_withoutTests = ["What is not defended", "Narrowing it further"];

    private static IEnumerable<string> Claims()
    {
        string section = "";
        var claim = new System.Text.StringBuilder();
        foreach (string line in File.ReadLines(Path.Combine(Docker.Top, "docs/security.md")).Append(""))
        {
            bool goesOn = line.StartsWith("  ", StringComparison.Ordinal) && claim.Length > 0;
            if (!goesOn && claim.Length > 0)
            {
                yield return claim.ToString();
                claim.Clear();
            }
            if (line.StartsWith("## ", StringComparison.Ordinal))
                section = line[3..];
            if (goesOn || line.StartsWith("* ", StringComparison.Ordinal) && !s_withoutTests.Contains(section))
                claim.Append(line).Append('\n');
        }
    }

    /// <summary>CLASS.METHOD of all tests; those of the Image suite with Image in front, because other suites have classes of that name.</summary>
    private static HashSet<string> Tests()
    {
        var tests = new HashSet<string>(StringComparer.Ordinal);
        foreach (string file in Directory.EnumerateFiles(Path.Combine(Docker.Top, "tests"), "*Tests.cs", SearchOption.AllDirectories))
        {
            string prefix = file.Contains("Keelson.Image.Tests", StringComparison.Ordinal) ? "Image." : "";
            foreach (Match test in Test().Matches(File.ReadAllText(file)))
                tests.Add($"{prefix}{Path.GetFileNameWithoutExtension(file)}.{test.Groups[1].Value}");
        }
        return tests;
    }

    [Fact]
    public void Every_claim_about_security_names_a_test_that_exists()
    {
        HashSet<string> tests = Tests();
        string[] claims = [.. Claims()];
        var wrong = new List<string>();
        foreach (string claim in claims)
        {
            string[] named = [.. Marker().Matches(claim).SelectMany(m => m.Groups[1].Value.Split(' '))];
            if (named.Length == 0)
                wrong.Add($"no test: {claim}");
            // CLASS.* is all of its tests, of which there has to be one.
            wrong.AddRange(named.Where(n => !(n.EndsWith(".*", StringComparison.Ordinal) ? tests.Any(t => t.StartsWith(n[..^1], StringComparison.Ordinal)) : tests.Contains(n))).Select(n => $"there is no test {n}"));
        }
        Docker.Figure($"claims in docs/security.md: {claims.Length}, each with a test");
        Assert.Empty(wrong);
        Assert.True(claims.Length > 20, $"only {claims.Length} claims were found");
        // Nobody tests what is said nowhere.
        string page = File.ReadAllText(Path.Combine(Docker.Top, "docs/security.md"));
        Assert.DoesNotContain(tests, t => t.StartsWith("SecurityTests.", StringComparison.Ordinal) && !page.Contains(t, StringComparison.Ordinal));
    }

    [GeneratedRegex(@"\[(?:Fact|Theory)[^\n]*\]\n(?:\s*\[[^\n]*\n)*\s*public (?:async )?(?:Task|void) (\w+)\(")]
    private static partial Regex Test();

    [GeneratedRegex("<!-- test: ([^>]*) -->")]
    private static partial Regex Marker();
}
