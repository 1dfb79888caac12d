// One command of ExecStart= and the like: systemd.service(5), "COMMAND LINES".
using System.Text;

namespace Keelson.Supervision;

public sealed class ExecCommand
{
    private readonly List<byte[]> _words = [];

    private ExecCommand()
    {
    }

    /// <summary>The program: an absolute path, or a name to be looked up in PATH.</summary>
    public byte[] Program { get; private set; } = [];

    /// <summary>"-": what it ends with does not matter.</summary>
    public bool IgnoresFailure { get; private set; }

    /// <summary>"+": User=, Group=, SupplementaryGroups=, Limit...=, NoNewPrivileges= and both sets of capabilities are not applied.</summary>
    public bool IsFullyPrivileged { get; private set; }

    /// <summary>"!": User=, Group= and SupplementaryGroups= are not applied.</summary>
    public bool KeepsUser { get; private set; }

    /// <summary>":": variables are left as they are.</summary>
    public bool HasNoVariables { get; private set; }

    /// <summary>argv, with the variables' values for the variables.</summary>
    /// <param name="value">The value of a variable of the environment; null when there is none of the name.</param>
    public List<byte[]> Arguments(Func<byte[], byte[]?> value)
    {
        var arguments = new List<byte[]>();
        var word = new List<byte>();
        foreach (byte[] given in _words)
        {
            if (HasNoVariables)
            {
                arguments.Add(given);
            }
            else if (given is [(byte)'$', ..] and not [(byte)'$', (byte)'{' or (byte)'$', ..])
            {
                // All of a word: as many words as the value has.
                ReadOnlySpan<byte> rest = value(given[1..]);
                while (ExecWords.NextOfValue(ref rest, word))
                    arguments.Add([.. word]);
            }
            else
            {
                arguments.Add(Replace(given, value));
            }
        }
        return arguments;
    }

    /// <summary>${NAME} becomes the value, $$ a dollar sign, and nothing else changes.</summary>
    private static byte[] Replace(byte[] word, Func<byte[], byte[]?> value)
    {
        if (Array.IndexOf(word, (byte)'$') < 0)
            return word;
        var result = new List<byte>();
        ReadOnlySpan<byte> rest = word;
        while (!rest.IsEmpty)
        {
            int end = rest.StartsWith("${"u8) ? rest.IndexOf((byte)'}') : -1;
            if (end > 0)
            {
                result.AddRange(value(rest[2..end].ToArray()) ?? []);
                rest = rest[(end + 1)..];
                continue;
            }
            result.Add(rest[0]);
            rest = rest[(rest.StartsWith("$$"u8) ? 2 : 1)..];
        }
        return [.. result];
    }

    /// <summary>Adds the commands of one line, between which a word ; stands.</summary>
    /// <param name="line">The value of the key.</param>
    /// <param name="name">The service's name, for specifiers.</param>
    /// <param name="commands">Gets them.</param>
    /// <returns>What is wrong, and the cure; null when nothing is.</returns>
    internal static string? Parse(string line, string name, List<ExecCommand> commands)
    {
        ReadOnlySpan<byte> rest = Encoding.UTF8.GetBytes(line);
        ExecWords.SkipBlanks(ref rest);
        while (!rest.IsEmpty)
        {
            var command = new ExecCommand();
            if (command.Read(ref rest, name) is { } wrong)
                return wrong;
            commands.Add(command);
        }
        return null;
    }

    private string? Read(ref ReadOnlySpan<byte> rest, string name)
    {
        var word = new List<byte>();
        if (NextWord(ref rest, name, word, expand: false) is { } wrong)
            return wrong;
        bool namesItself = Prefixes(word);
        if (ExecWords.Specifiers(word, name) is { } unknown)
            return unknown;
        Program = [.. word];
        if (BadProgram(Program) is { } bad)
            return bad;
        if (!namesItself)
            _words.Add(Program);
        while (!rest.IsEmpty)
        {
            if (IsWord(rest, ";"u8))
            {
                rest = rest[1..];
                ExecWords.SkipBlanks(ref rest);
                break;
            }
            if (IsWord(rest, "\\;"u8))
            {
                _words.Add(";"u8.ToArray());
                rest = rest[2..];
                ExecWords.SkipBlanks(ref rest);
                continue;
            }
            if (NextWord(ref rest, name, word, expand: true) is { } trouble)
                return trouble;
            _words.Add([.. word]);
        }
        return _words.Count == 0 ? "has a program behind @, but no name for it to be called by; write the name behind it" : null;
    }

    private static string? NextWord(ref ReadOnlySpan<byte> rest, string name, List<byte> word, bool expand) =>
        ExecWords.Next(ref rest, keepsUnknownEscapes: true, word) == WordKind.OpenQuote
            ? "has a quote that is not closed; close it, or write \\\" for the sign itself"
            : expand ? ExecWords.Specifiers(word, name) : null;

    private static bool IsWord(ReadOnlySpan<byte> text, ReadOnlySpan<byte> word) =>
        text.StartsWith(word) && (text.Length == word.Length || ExecWords.IsBlank(text[word.Length]));

    /// <summary>Takes the signs before the program off; whether @ is among them.</summary>
    private bool Prefixes(List<byte> word)
    {
        bool namesItself = false;
        int count = 0;
        for (bool more = true; more && count < word.Count;)
        {
            switch ((char)word[count])
            {
                case '-' when !IgnoresFailure:
                    IgnoresFailure = true;
                    break;
                case '@' when !namesItself:
                    namesItself = true;
                    break;
                case ':' when !HasNoVariables:
                    HasNoVariables = true;
                    break;
                case '+' when !IsFullyPrivileged && !KeepsUser:
                    IsFullyPrivileged = true;
                    break;
                case '!' when !IsFullyPrivileged && !KeepsUser:
                    // !! is for kernels without ambient capabilities, and does nothing on ours.
                    bool twice = count + 1 < word.Count && word[count + 1] == '!';
                    KeepsUser = !twice;
                    count += twice ? 1 : 0;
                    break;
                default:
                    more = false;
                    continue;
            }
            count++;
        }
        word.RemoveRange(0, count);
        return namesItself;
    }

    private static string? BadProgram(byte[] program)
    {
        foreach (byte c in program)
        {
            if (c < ' ')
                return "has a control character in the program's name; remove it";
        }
        bool isName = Array.IndexOf(program, (byte)'/') < 0 && program is not ([] or [(byte)';'] or [(byte)'.'] or [(byte)'.', (byte)'.']);
        if (program is [(byte)'/', .., not (byte)'/'] || isName)
            return null;
        return program is [] ? "names no program; write its path, or its name in PATH" :
            program is [.., (byte)'/'] ? "names a directory; write the path of a program" :
            $"begins with {Encoding.UTF8.GetString(program)}, which is neither an absolute path nor a name in PATH; write one of them";
    }
}
