using System.Text;
using CsCheck;
using Keelson.Init.Env;
using Keelson.Linux;

namespace Keelson.Init.Tests;

/// <summary>KEELSON_FILE_ENV: variables that come as files.</summary>
public sealed class FileVariablesTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("keelson-files-").FullName;

    private string Store => Path.Combine(_root, "container_environment");

    public void Dispose() => Directory.Delete(_root, recursive: true);

    private string Secret(string name, byte[] content)
    {
        string path = Path.Combine(_root, name);
        File.WriteAllBytes(path, content);
        return path;
    }

    private string Secret(string name, string content) => Secret(name, Encoding.UTF8.GetBytes(content));

    /// <summary>Imports into a store and returns its variables as NAME=VALUE, then the problems.</summary>
    private (string[] Variables, string[] Problems) Import(params string[] docker)
    {
        var store = new EnvironmentStore(Encoding.UTF8.GetBytes(Store));
        IReadOnlyList<string> problems = store.Import(docker.Select(ByteString.Of));
        return (store.Variables.Where(v => !v.Key.Is("KEELSON_FILE_ENV"u8)).Select(v => $"{v.Key}={v.Value}").ToArray(), problems.ToArray());
    }

    [Fact]
    public void Both_spellings_become_the_variable_and_are_gone()
    {
        string a = Secret("a", "alpha\n"), b = Secret("b", "beta");
        (string[] variables, string[] problems) = Import("KEELSON_FILE_ENV=1", $"DB_PASSWORD_FILE={a}", $"FILE__API_KEY={b}", "X=1");
        Assert.Empty(problems);
        Assert.Equal(["API_KEY=beta", "DB_PASSWORD=alpha", "X=1"], variables);
        Assert.Equal(["API_KEY", "DB_PASSWORD", "KEELSON_FILE_ENV", "X"], Directory.GetFiles(Store).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal));
        Assert.Equal("alpha", File.ReadAllText(Path.Combine(Store, "DB_PASSWORD")));
    }

    [Theory]
    [InlineData("")]
    [InlineData("KEELSON_FILE_ENV=")]
    [InlineData("KEELSON_FILE_ENV=0")]
    [InlineData("KEELSON_FILE_ENV=OTHER, THIRD")]
    public void Unasked_for_nothing_is_read(string asked)
    {
        (string[] variables, string[] problems) = Import(asked.Length > 0 ? [asked, "A_FILE=/nowhere", "FILE__B=/nowhere"] : ["A_FILE=/nowhere", "FILE__B=/nowhere"]);
        Assert.Empty(problems);
        Assert.Equal(["A_FILE=/nowhere", "FILE__B=/nowhere"], variables);
    }

    [Fact]
    public void A_list_of_names_leaves_other_variables_alone()
    {
        string a = Secret("a", "alpha");
        (string[] variables, string[] problems) = Import("KEELSON_FILE_ENV=TOKEN, DB", $"DB_FILE={a}", "SSL_CERT_FILE=/etc/ssl/cert.pem", $"FILE__TOKEN={a}");
        Assert.Empty(problems);
        Assert.Equal(["DB=alpha", "SSL_CERT_FILE=/etc/ssl/cert.pem", "TOKEN=alpha"], variables);
    }

    [Theory]
    [InlineData("x", "x")]
    [InlineData("x\n", "x")]
    [InlineData("x\n\n", "x\n")]
    [InlineData("", "")]
    [InlineData("\n", "")]
    [InlineData("a\nb\n", "a\nb")]
    [InlineData("x\r\n", "x\r")]
    public void One_newline_at_the_end_is_left_out(string content, string value)
    {
        string a = Secret("a", content);
        Assert.Equal([$"A={value}"], Import("KEELSON_FILE_ENV=1", $"A_FILE={a}").Variables);
    }

    [Fact]
    public void Every_value_that_a_variable_can_have_comes_through() =>
        Gen.Byte.Array[0, 40].Sample(bytes =>
        {
            byte[] content = bytes.Select(b => b == 0 ? (byte)1 : b).ToArray();
            string path = Secret("any", [.. content, (byte)'\n']);
            var variables = new SortedDictionary<ByteString, ByteString> { [ByteString.Of("KEELSON_FILE_ENV")] = ByteString.Of("1"), [ByteString.Of("A_FILE")] = ByteString.Of(path) };
            Assert.Empty(FileVariables.Read(variables, new HashSet<ByteString>(), []));
            Assert.Equal(content, variables[ByteString.Of("A")].Span.ToArray());
        }, iter: 200, threads: 1);

    [Fact]
    public void What_can_not_be_read_is_named_with_variable_file_and_cure()
    {
        string nul = Secret("nul", [(byte)'a', 0]), large = Secret("large", new byte[200_000]), good = Secret("good", "x");
        (string, string)[] cases =
        [
            ("A_FILE=/nowhere/a", "cannot read /nowhere/a, which A_FILE names: no such file; mount the secret there"),
            ($"FILE__A={_root}", $"cannot read {_root}, which FILE__A names: is a directory; name the file in it"),
            ("A_FILE=/dev/null", "cannot read /dev/null, which A_FILE names: not a regular file"),
            ("A_FILE=run/secrets/a", "cannot read run/secrets/a, which A_FILE names: not an absolute path; write one"),
            ($"A_FILE={nul}", "it contains a NUL byte"),
            ($"A_FILE={large}", "longer than an environment variable can be"),
        ];
        foreach ((string entry, string expected) in cases)
        {
            (string[] variables, string[] problems) = Import("KEELSON_FILE_ENV=1", entry, $"B_FILE={good}");
            Assert.Contains(expected, Assert.Single(problems), StringComparison.Ordinal);
            Assert.Contains("B=x", variables);
            Directory.Delete(Store, recursive: true);
        }
    }

    [Fact]
    public void A_variable_that_is_set_twice_is_refused()
    {
        string a = Secret("a", "x");
        Assert.Equal(["both A and A_FILE are set; keep one of them"], Import("KEELSON_FILE_ENV=1", $"A_FILE={a}", "A=1").Problems);
        Assert.Equal(["both A_FILE and FILE__A are set; keep one of them"], Import("KEELSON_FILE_ENV=1", $"A_FILE={a}", $"FILE__A={a}").Problems);
    }

    [Fact]
    public void A_variable_without_a_value_counts_as_not_set()
    {
        string a = Secret("a", "x");
        Assert.Equal(["A=x", "B_FILE="], Import("KEELSON_FILE_ENV=1", $"A_FILE={a}", "A=", "B_FILE=").Variables);
    }

    [Fact]
    public void When_the_container_starts_again_the_file_is_read_again()
    {
        string a = Secret("a", "old");
        Assert.Equal(["A=old"], Import("KEELSON_FILE_ENV=1", $"A_FILE={a}").Variables);
        File.WriteAllText(a, "new");
        (string[] variables, string[] problems) = Import("KEELSON_FILE_ENV=1", $"A_FILE={a}");
        Assert.Empty(problems);
        Assert.Equal(["A=new"], variables);
    }

    [Fact]
    public void What_the_directory_says_gives_way_to_what_docker_says()
    {
        string a = Secret("a", "from file");
        Directory.CreateDirectory(Store);
        File.WriteAllText(Path.Combine(Store, "A_FILE"), a);
        File.WriteAllText(Path.Combine(Store, "B_FILE"), a);
        (string[] variables, string[] problems) = Import("KEELSON_FILE_ENV=1", "A=docker");
        Assert.Empty(problems);
        Assert.Equal(["A=docker", "B=from file"], variables);
        Assert.False(File.Exists(Path.Combine(Store, "A_FILE")) || File.Exists(Path.Combine(Store, "B_FILE")));
    }
}
