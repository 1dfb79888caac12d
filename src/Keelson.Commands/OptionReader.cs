using Keelson.Linux;

namespace Keelson.Commands;

/// <summary>
/// Options as getopt(3) reads them for runit's commands: single letters, several behind one dash, a value attached or in
/// the next argument, ended by -- or by the first argument that is none.
/// </summary>
/// <param name="arguments">The whole command line.</param>
/// <param name="first">The first argument to look at.</param>
/// <param name="letters">The letters that exist, each that takes a value followed by a colon.</param>
public sealed class OptionReader(ByteString[] arguments, int first, string letters)
{
    /// <summary>What <see cref="Next"/> returns behind the last option.</summary>
    public const char End = '\0';

    /// <summary>What <see cref="Next"/> returns for a letter that does not exist, or whose value is missing.</summary>
    public const char Problem = '?';

    private int _inside;

    /// <summary>The first argument behind the options, once <see cref="Next"/> has returned <see cref="End"/>.</summary>
    public int Index { get; private set; } = first;

    /// <summary>The value of the option that was returned last.</summary>
    public ByteString Value { get; private set; }

    /// <summary>The letter that <see cref="Problem"/> is about.</summary>
    public char Culprit { get; private set; }

    /// <summary>Whether the culprit exists and lacks its value.</summary>
    public bool LacksValue { get; private set; }

    public char Next()
    {
        if (_inside == 0)
        {
            if (Index >= arguments.Length || arguments[Index].Length < 2 || arguments[Index].Span[0] != '-')
                return End;
            if (arguments[Index].Is("--"u8))
            {
                Index++;
                return End;
            }
            _inside = 1;
        }
        ByteString argument = arguments[Index];
        char letter = (char)argument.Span[_inside++];
        int at = letter == ':' ? -1 : letters.IndexOf(letter);
        bool takesValue = at >= 0 && at + 1 < letters.Length && letters[at + 1] == ':';
        if (takesValue && _inside < argument.Length)
        {
            Value = new ByteString(argument.Span[_inside..]);
            _inside = argument.Length;
        }
        else if (takesValue && Index + 1 < arguments.Length)
        {
            Value = arguments[++Index];
            _inside = arguments[Index].Length;
        }
        else if (takesValue || at < 0)
        {
            Culprit = letter;
            LacksValue = takesValue;
            letter = Problem;
        }
        if (_inside >= arguments[Index].Length)
        {
            Index++;
            _inside = 0;
        }
        return letter;
    }
}
