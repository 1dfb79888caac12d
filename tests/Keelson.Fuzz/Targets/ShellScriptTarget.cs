using System.Text;
using Keelson.Commands.Lint;

namespace Keelson.Fuzz;

/// <summary>What keelson lint makes of a ./run: it reads any script to its end, and every command is on one of its lines.</summary>
internal sealed class ShellScriptTarget : Target
{
    internal override string Name => "shell-script";
    internal override int MaxLength => 300;

    internal override IEnumerable<string> Words =>
    [
        "#!/bin/sh\n", "exec ", "if ", "then ", "else ", "fi", "while ", "do ", "done", "for x in ", "case x in ", "esac", ";;", "{ ", "}", "( ", ")", "$(", "`", "${x:-", "$((", "<<EOF\n",
        "\nEOF\n", "<<-'E'\n", "&&", "||", "|", "&", ">&2", "2>&1", "'", "\"", "\\\n", "f() {", "function f", "trap ", "\t",
    ];

    internal override void Check(ReadOnlySpan<byte> input)
    {
        string text = Encoding.UTF8.GetString(input);
        ShellScript script = ShellScript.Read(text);
        int lines = 1 + text.Count(c => c == '\n');
        Assert.All(script.Commands, c =>
        {
            Assert.InRange(c.Line, 1, lines);
            Assert.True(c.Depth >= 0);
        });
        // No more words than there is text.
        Assert.InRange(script.Commands.Sum(c => c.Words.Count), 0, 2 * text.Length + 1);
    }
}
