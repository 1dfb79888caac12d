using System.Diagnostics;
using System.Text;
using System.Text.Json;
using CsCheck;
using Keelson.Init.Env;
using Keelson.Linux;

namespace Keelson.Init.Tests;

public sealed class EnvironmentStoreTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("keelson-env-").FullName;

    private string Store => Path.Combine(_root, "container_environment");

    public void Dispose() => Directory.Delete(_root, recursive: true);

    private EnvironmentStore New() => new(Encoding.UTF8.GetBytes(Store));

    private static ByteString Entry(string text) => ByteString.Of(text);

    private static string? Get(EnvironmentStore store, string name) => store[Encoding.UTF8.GetBytes(name)]?.ToString();

    [Fact]
    public void Dockers_variables_win_over_files_at_start_and_files_win_afterwards()
    {
        Directory.CreateDirectory(Store);
        File.WriteAllText(Path.Combine(Store, "A"), "file\n");
        File.WriteAllText(Path.Combine(Store, "B"), "file\n");
        EnvironmentStore store = New();
        store.Import([Entry("A=docker")]);
        Assert.Equal("docker", Get(store, "A"));
        Assert.Equal("file", Get(store, "B"));
        Assert.Equal("docker", File.ReadAllText(Path.Combine(Store, "A")));

        File.WriteAllText(Path.Combine(Store, "A"), "script");
        File.Delete(Path.Combine(Store, "B"));
        File.WriteAllText(Path.Combine(Store, "C"), "new");
        store.Reload();
        Assert.Equal("script", Get(store, "A"));
        Assert.Null(Get(store, "B"));
        Assert.Equal("new", Get(store, "C"));
        Assert.Equal("{\"A\": \"script\", \"C\": \"new\"}", File.ReadAllText(Store + ".json"));
        Assert.Equal("export A='script'\nexport C='new'\n", File.ReadAllText(Store + ".sh"));
    }

    [Fact]
    public void Exactly_one_trailing_newline_is_stripped()
    {
        Directory.CreateDirectory(Store);
        File.WriteAllText(Path.Combine(Store, "ONE"), "x\n");
        File.WriteAllText(Path.Combine(Store, "TWO"), "x\n\n");
        File.WriteAllText(Path.Combine(Store, "EMPTY"), "");
        EnvironmentStore store = New();
        store.Import([]);
        Assert.Equal(("x", "x\n", ""), (Get(store, "ONE"), Get(store, "TWO"), Get(store, "EMPTY")));
        Assert.Equal("x\n", File.ReadAllText(Path.Combine(Store, "ONE")));
    }

    [Fact]
    public void Dockers_per_user_variables_are_neither_passed_on_nor_dumped_unless_the_store_has_them()
    {
        Directory.CreateDirectory(Store);
        File.WriteAllText(Path.Combine(Store, "HOME"), "/data");
        EnvironmentStore store = New();
        store.Import([Entry("HOME=/root"), Entry("USER=root"), Entry("GROUP=g"), Entry("UID=0"), Entry("GID=0"), Entry("SHELL=/bin/sh"), Entry("X=1")]);
        Assert.Equal("/data", Get(store, "HOME"));
        Assert.Equal(["HOME", "X"], store.Variables.Select(v => v.Key.ToString()));
    }

    [Fact]
    public void What_can_be_no_variable_is_skipped_and_the_rest_is_there()
    {
        Directory.CreateDirectory(Path.Combine(Store, "..data"));
        Directory.CreateDirectory(Path.Combine(Store, "subdirectory"));
        File.CreateSymbolicLink(Path.Combine(Store, "DANGLING"), "/nowhere/at/all");
        File.CreateSymbolicLink(Path.Combine(Store, "LINK"), Path.Combine(Store, "GOOD"));
        File.WriteAllBytes(Path.Combine(Store, "NUL"), [(byte)'a', 0, (byte)'b']);
        File.WriteAllText(Path.Combine(Store, "A=B"), "x");
        File.WriteAllText(Path.Combine(Store, "GOOD"), "yes");
        using (var made = Process.Start("mkfifo", Path.Combine(Store, "FIFO")))
            made.WaitForExit();
        EnvironmentStore store = New();
        store.Import([Entry("A/B=1"), Entry("=x"), Entry("nothing"), Entry("..=x"), Entry("FINE=2")]);
        Assert.Equal(["FINE", "GOOD", "LINK"], store.Variables.Select(v => v.Key.ToString()));
        store.Reload();
        Assert.Equal(["FINE", "GOOD", "LINK"], store.Variables.Select(v => v.Key.ToString()));
    }

    [Fact]
    public void What_can_not_be_written_stays_known_and_what_was_interrupted_is_no_variable()
    {
        string longName = new('N', 300);
        Directory.CreateDirectory(Store);
        File.WriteAllText(Path.Combine(Store, ".keelson=new"), "half");
        EnvironmentStore store = New();
        store.Import([Entry(longName + "=kept"), Entry("A=1")]);
        store.Reload();
        Assert.Equal("kept", Get(store, longName));
        Assert.Equal(2, store.Variables.Count);
    }

    [Fact]
    public void Owner_and_mode_of_files_that_exist_are_kept()
    {
        Directory.CreateDirectory(Store, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupExecute);
        File.WriteAllText(Store + ".json", "");
        File.SetUnixFileMode(Store + ".json", UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherRead);
        New().Import([Entry("A=1")]);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherRead, File.GetUnixFileMode(Store + ".json"));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead, File.GetUnixFileMode(Store + ".sh"));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead, File.GetUnixFileMode(Path.Combine(Store, "A")));
    }

    // Values that hurt: quotes, newlines, bytes that are no UTF-8, NUL excluded because no environment can hold it.
    private static readonly Gen<byte[]> s_value =
        Gen.Frequency((3, Gen.Byte[1, 255]), (1, Gen.Int[0, 5].Select(i => "'\n\\\"$`"u8[i]))).Array[0, 40];

    private static readonly Gen<byte[]> s_name =
        Gen.Frequency((4, Gen.Char['A', 'Z'].Select(c => (byte)c)), (1, Gen.Byte[1, 255].Where(b => b is not ((byte)'/' or (byte)'='))))
            .Array[1, 12].Where(n => !n.AsSpan().SequenceEqual("."u8) && !n.AsSpan().SequenceEqual(".."u8));

    [Fact]
    public void Every_byte_survives_the_way_through_the_directory() =>
        Gen.Select(s_name, s_value).Array[0, 10].Sample(
            variables =>
            {
                string directory = Directory.CreateTempSubdirectory("keelson-env-").FullName;
                try
                {
                    var path = Encoding.UTF8.GetBytes(Path.Combine(directory, "store"));
                    var store = new EnvironmentStore(path);
                    store.Import(variables.Select(v => ByteString.Join(v.Item1, "="u8, v.Item2)));
                    var before = store.Variables.ToArray();
                    store.Reload();
                    Assert.Equal(before, store.Variables);
                    var second = new EnvironmentStore(path);
                    second.Import([]);
                    Assert.Equal(before, second.Variables);
                    using var json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(directory, "store.json")));
                    Assert.Equal(before.Length, json.RootElement.EnumerateObject().Count());
                }
                finally
                {
                    // .NET can't delete files whose names are no UTF-8.
                    using var rm = Process.Start("rm", ["-rf", directory]);
                    rm.WaitForExit();
                }
            },
            iter: 200,
            threads: 1);

    [Theory]
    [InlineData("bash")]
    [InlineData("dash")]
    public void Sourced_by_a_shell_the_dump_gives_every_value_byte_for_byte(string shell) =>
        Gen.Select(s_name, s_value).Array[1, 20].Sample(
            variables =>
            {
                var map = new SortedDictionary<ByteString, ByteString>();
                foreach ((byte[] name, byte[] value) in variables)
                    map[new ByteString(name)] = new ByteString(value);
                File.WriteAllBytes(Path.Combine(_root, "dump.sh"), ShellDump.Write(map));
                var start = new ProcessStartInfo(shell, ["-euc", ". \"$0\"; exec env -0", Path.Combine(_root, "dump.sh")])
                {
                    RedirectStandardOutput = true,
                    StandardOutputEncoding = Encoding.Latin1,
                };
                start.Environment.Clear();
                start.Environment["PATH"] = "/usr/bin:/bin";
                using var process = Process.Start(start)!;
                string output = process.StandardOutput.ReadToEnd();
                process.WaitForExit();
                Assert.Equal(0, process.ExitCode);
                var seen = output.Split('\0').ToHashSet();
                foreach ((ByteString name, ByteString value) in map)
                {
                    string text = Encoding.Latin1.GetString(name.Span);
                    // PATH is what finds env; _ is the shell's own last argument.
                    if (text.All(c => char.IsAsciiLetterOrDigit(c) || c == '_') && !char.IsAsciiDigit(text[0]) && text is not ("PATH" or "_"))
                        Assert.Contains(text + "=" + Encoding.Latin1.GetString(value.Span), seen);
                }
            },
            iter: 60,
            threads: 1);

    [Fact]
    public void The_json_dump_is_valid_whatever_the_bytes() =>
        Gen.Select(s_name, s_value).Array[0, 10].Sample(variables =>
        {
            var map = new SortedDictionary<ByteString, ByteString>();
            foreach ((byte[] name, byte[] value) in variables)
                map[new ByteString(name)] = new ByteString(value);
            byte[] dump = JsonDump.Write(map);
            using var json = JsonDocument.Parse(dump);
            foreach ((ByteString name, ByteString value) in map)
            {
                string text = Encoding.UTF8.GetString(name.Span);
                if (Encoding.UTF8.GetBytes(text).AsSpan().SequenceEqual(name.Span))
                    Assert.Equal(Encoding.UTF8.GetString(value.Span), json.RootElement.GetProperty(text).GetString());
            }
        });
}
