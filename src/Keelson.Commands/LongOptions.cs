using System.Text;
using Keelson.Linux;
using Keelson.Supervision;

namespace Keelson.Commands;

/// <summary>
/// Options by their long names, as getopt_long(3) reads them: --name, --name=VALUE, and --name VALUE where a value is
/// needed; before, between and behind the operands, until --. Names are not abbreviated. -h is --help.
/// </summary>
/// <param name="arguments">The whole command line.</param>
/// <param name="first">The first argument to look at.</param>
/// <param name="names">The names that exist, a blank between them; = behind one that needs a value, ? behind one that may have one.</param>
public sealed class LongOptions(ByteString[] arguments, int first, string names)
{
    private const long LongestMilliseconds = 366L * 24 * 3600 * 1000;

    private readonly List<ByteString> _operands = [];
    private int _index = first;

    /// <summary>What is no option, so far.</summary>
    public IReadOnlyList<ByteString> Operands => _operands;

    /// <summary>What is wrong with the command line, null when nothing is: "unknown option --x".</summary>
    public string? Problem { get; private set; }

    /// <summary>The value of the option that was returned last; null where it has none.</summary>
    public ByteString? Value { get; private set; }

    /// <summary>The next option's name, null behind the last one and at a problem.</summary>
    public string? Next()
    {
        Value = null;
        while (Problem is null && _index < arguments.Length)
        {
            ByteString argument = arguments[_index++];
            if (argument.Is("--"u8))
            {
                _operands.AddRange(arguments[_index..]);
                _index = arguments.Length;
            }
            else if (argument.Is("-h"u8))
            {
                return "help";
            }
            else if (argument.Length > 1 && argument.Span[0] == (byte)'-')
            {
                return Option(argument);
            }
            else
            {
                _operands.Add(argument);
            }
        }
        return null;
    }

    /// <summary>The value as a time span of systemd.time(7), in milliseconds; null, and a problem, when it is none.</summary>
    public long? Milliseconds(string option)
    {
        string text = Value?.ToString() ?? "";
        if (TimeSpans.Milliseconds(text) is > 0 and <= LongestMilliseconds and var milliseconds)
            return milliseconds;
        Problem = $"--{option}={text} is no time span of up to a year; {TimeSpans.Cure}";
        return null;
    }

    private string? Option(ByteString argument)
    {
        string text = Encoding.UTF8.GetString(argument.Span);
        int equals = text.IndexOf('=', StringComparison.Ordinal);
        string name = text.StartsWith("--", StringComparison.Ordinal) ? text[2..(equals < 0 ? text.Length : equals)] : "";
        if (name == "help")
            return name;
        if (Kind(name) is not { } kind)
        {
            Problem = $"unknown option {(equals < 0 ? text : text[..equals])}";
            return null;
        }
        if (equals >= 0)
            Value = new ByteString(argument.Span[(argument.Span.IndexOf((byte)'=') + 1)..]);
        else if (kind == '=' && _index < arguments.Length)
            Value = arguments[_index++];
        if (kind == '=' && Value is null)
            Problem = $"--{name} needs a value";
        else if (kind == ' ' && Value is not null)
            Problem = $"--{name} takes no value";
        return Problem is null ? name : null;
    }

    /// <summary>= or ? or a blank, as behind the name in the list; null when there is no such name.</summary>
    private char? Kind(string name)
    {
        foreach (Range range in names.AsSpan().Split(' '))
        {
            ReadOnlySpan<char> known = names.AsSpan()[range];
            char last = known[^1] is '=' or '?' ? known[^1] : ' ';
            if (known.TrimEnd("=?").SequenceEqual(name))
                return last;
        }
        return null;
    }
}
