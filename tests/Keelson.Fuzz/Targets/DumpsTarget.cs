using System.Text;
using System.Text.Json;
using Keelson.Init.Env;
using Keelson.Linux;

namespace Keelson.Fuzz;

/// <summary>
/// container_environment.sh and .json: every value comes back, from the one by the rules of a shell's single quotes, from the
/// other by System.Text.Json. The input is an environment as /proc/PID/environ has it.
/// </summary>
internal sealed class DumpsTarget : Target
{
    internal override string Name => "dumps";
    internal override int MaxLength => 200;
    internal override IEnumerable<string> Words => ["A=", "UID=", "OPTIND=", "PPID=", "_=", "\0", "'", "'\\''", "\\", "\"", "\n", "\u2028", "\U0001F600", "\x7f", "="];

    internal override void Check(ReadOnlySpan<byte> input)
    {
        SortedDictionary<ByteString, ByteString> variables = Variables.Sorted(Variables.Of(input));
        SortedDictionary<ByteString, ByteString> sourced = Sourced(ShellDump.Write(variables));
        foreach ((ByteString name, ByteString value) in sourced)
            Assert.Equal(variables[name], value);
        // dash, bash and POSIX agree on what can be a name; these can't be set.
        string[] theirs = ["BASHOPTS", "BASH_VERSINFO", "EUID", "PPID", "SHELLOPTS", "UID", "OPTIND"];
        Assert.Equal(
            variables.Keys.Where(n => System.Text.RegularExpressions.Regex.IsMatch(Target.Text(n.Span), "^[A-Za-z_][A-Za-z0-9_]*\\z") && !theirs.Contains(n.ToString())),
            sourced.Keys);

        using var json = JsonDocument.Parse(JsonDump.Write(variables));
        Assert.Equal(
            variables.Select(v => (Encoding.UTF8.GetString(v.Key.Span), Encoding.UTF8.GetString(v.Value.Span))),
            json.RootElement.EnumerateObject().Select(p => (p.Name, p.Value.GetString()!)));
    }

    /// <summary>What a shell would make of `export NAME='...'\''...'` lines, and of nothing else.</summary>
    private static SortedDictionary<ByteString, ByteString> Sourced(ReadOnlySpan<byte> script)
    {
        var found = new SortedDictionary<ByteString, ByteString>();
        while (!script.IsEmpty)
        {
            Assert.True(script.StartsWith("export "u8));
            int equals = script.IndexOf((byte)'=');
            var name = new ByteString(script["export ".Length..equals]);
            script = script[(equals + 1)..];
            var value = new List<byte>();
            while (script[0] != '\n')
            {
                if (script[0] == '\'')
                {
                    int end = 1 + script[1..].IndexOf((byte)'\'');
                    value.AddRange(script[1..end]);
                    script = script[(end + 1)..];
                }
                else
                {
                    // Outside of quotes there is only the quote that was escaped.
                    Assert.True(script.StartsWith("\\'"u8));
                    value.Add((byte)'\'');
                    script = script[2..];
                }
            }
            script = script[1..];
            found.Add(name, new ByteString(value.ToArray()));
        }
        return found;
    }
}
