// The words of Environment= and of command lines, as systemd.syntax(7) and systemd.service(5) have them: quotes, C escapes,
// specifiers. Bytes, because \xff is one, and because an argument is whatever the program makes of it.
using System.Text;

namespace Keelson.Supervision;

/// <summary>What <see cref="ExecWords.Next"/> came upon.</summary>
public enum WordKind
{
    /// <summary>A word, which may be empty: "".</summary>
    Word,

    /// <summary>Nothing is left.</summary>
    End,

    /// <summary>A quote that is not closed.</summary>
    OpenQuote,

    /// <summary>A backslash before what is no escape of C, or an escape for the byte 0.</summary>
    UnknownEscape,
}

public static class ExecWords
{
    private const string StandardDirectories = "t/run S/var/lib C/var/cache L/var/log E/etc T/tmp V/var/tmp";

    // Those of systemd.unit(5) that there are neither here nor a meaning for in a container. Any other letter is no
    // specifier, and stays with its percent sign.
    private const string NotHere = "aAbBdfgGhHiIjJlmMoPqsuUvwWyY";

    internal static bool IsBlank(byte c) => c is (byte)' ' or (byte)'\t' or (byte)'\n' or (byte)'\r';

    /// <summary>Takes the next word, unquoted, off the front of the text.</summary>
    /// <param name="rest">The text; afterwards what is behind the word and the blanks after it.</param>
    /// <param name="keepsUnknownEscapes">As in command lines: what is no escape stays as it is, its backslash too.</param>
    /// <param name="word">Gets the word.</param>
    public static WordKind Next(ref ReadOnlySpan<byte> rest, bool keepsUnknownEscapes, List<byte> word)
    {
        word.Clear();
        SkipBlanks(ref rest);
        if (rest.IsEmpty)
            return WordKind.End;
        byte quote = 0;
        while (!rest.IsEmpty)
        {
            byte c = rest[0];
            if (quote == 0 && IsBlank(c))
                break;
            rest = rest[1..];
            if (c == '\\')
            {
                int length = Escape(rest, word);
                if (length == 0 && !keepsUnknownEscapes)
                    return WordKind.UnknownEscape;
                if (length == 0)
                {
                    word.Add(c);
                    length = Math.Min(rest.Length, 1);
                    word.AddRange(rest[..length]);
                }
                rest = rest[length..];
            }
            else if (c == quote)
            {
                quote = 0;
            }
            else if (quote == 0 && c is ((byte)'"' or (byte)'\''))
            {
                quote = c;
            }
            else
            {
                word.Add(c);
            }
        }
        SkipBlanks(ref rest);
        return quote == 0 ? WordKind.Word : WordKind.OpenQuote;
    }

    /// <summary>
    /// The next word of a variable's value, as $NAME alone is split: at blanks, quotes removed, a backslash takes the next
    /// sign as it is. Nothing in it is wrong.
    /// </summary>
    internal static bool NextOfValue(ref ReadOnlySpan<byte> rest, List<byte> word)
    {
        word.Clear();
        SkipBlanks(ref rest);
        if (rest.IsEmpty)
            return false;
        byte quote = 0;
        for (; !rest.IsEmpty && (quote != 0 || !IsBlank(rest[0])); rest = rest[1..])
        {
            byte c = rest[0];
            if (c == '\\')
            {
                rest = rest[1..];
                if (rest.IsEmpty)
                    break;
                word.Add(rest[0]);
            }
            else if (c == quote)
            {
                quote = 0;
            }
            else if (quote == 0 && c is ((byte)'"' or (byte)'\''))
            {
                quote = c;
            }
            else
            {
                word.Add(c);
            }
        }
        return true;
    }

    internal static void SkipBlanks(ref ReadOnlySpan<byte> rest)
    {
        while (!rest.IsEmpty && IsBlank(rest[0]))
            rest = rest[1..];
    }

    /// <summary>Adds what the escape behind a backslash stands for; returns its length, 0 when it is none.</summary>
    private static int Escape(ReadOnlySpan<byte> text, List<byte> word)
    {
        if (text.IsEmpty)
            return 0;
        const string letters = "abfnrtvs\\\"'";
        const string meanings = "\a\b\f\n\r\t\v \\\"'";
        if (letters.IndexOf((char)text[0]) is >= 0 and var at)
        {
            word.Add((byte)meanings[at]);
            return 1;
        }
        return text[0] switch
        {
            (byte)'x' => Number(text, 1, 2, 16, asRune: false, word),
            (byte)'u' => Number(text, 1, 4, 16, asRune: true, word),
            (byte)'U' => Number(text, 1, 8, 16, asRune: true, word),
            >= (byte)'0' and <= (byte)'7' => Number(text, 0, 3, 8, asRune: false, word),
            _ => 0,
        };
    }

    private static int Number(ReadOnlySpan<byte> text, int first, int digits, uint radix, bool asRune, List<byte> word)
    {
        if (text.Length < first + digits)
            return 0;
        uint value = 0;
        foreach (byte c in text.Slice(first, digits))
        {
            uint digit = char.IsAsciiHexDigit((char)c) ? (uint)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10) : radix;
            if (digit >= radix)
                return 0;
            value = value * radix + digit;
        }
        if (value == 0)
            return 0;
        if (!asRune)
        {
            if (value > byte.MaxValue)
                return 0;
            word.Add((byte)value);
            return first + digits;
        }
        if (!Rune.TryCreate(value, out Rune rune))
            return 0;
        Span<byte> buffer = stackalloc byte[4];
        word.AddRange(buffer[..rune.EncodeToUtf8(buffer)]);
        return first + digits;
    }

    /// <summary>
    /// Puts what the specifiers of systemd.unit(5) stand for in their place: %n, %N and %p the service's name, %t /run, %S
    /// /var/lib, %C /var/cache, %L /var/log, %E /etc, %T /tmp, %V /var/tmp, %% a percent sign.
    /// </summary>
    /// <param name="text">The word, changed in place.</param>
    /// <param name="name">The service's name.</param>
    /// <returns>What is wrong, and the cure; null when nothing is.</returns>
    internal static string? Specifiers(List<byte> text, string name)
    {
        for (int at = text.IndexOf((byte)'%'); at >= 0 && at + 1 < text.Count; at = text.IndexOf((byte)'%', at))
        {
            char letter = (char)text[at + 1];
            if (NotHere.Contains(letter))
                return $"has the specifier %{letter}, which is not known here; write the value itself, or %% for a percent sign";
            string? value = letter switch { '%' => "%", 'n' or 'N' or 'p' => name, _ => StandardDirectory(letter) };
            if (value is null)
            {
                at++;
                continue;
            }
            byte[] bytes = Encoding.UTF8.GetBytes(value);
            text.RemoveRange(at, 2);
            text.InsertRange(at, bytes);
            at += bytes.Length;
        }
        return null;
    }

    private static string? StandardDirectory(char letter)
    {
        foreach (string entry in StandardDirectories.Split(' '))
        {
            if (entry[0] == letter)
                return entry[1..];
        }
        return null;
    }
}
