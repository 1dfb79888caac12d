// The syntax of systemd's units (systemd.syntax(7)): sections, KEY=VALUE, comments, lines that go on behind a backslash.
using System.Text;

namespace Keelson.Supervision;

/// <summary>One KEY=VALUE: the section that it stands in ("" before the first), and the number of its first line.</summary>
public readonly record struct ConfLine(string Section, string Key, string Value, int Number);

public static class ConfSyntax
{
    /// <summary>All assignments of a file in their order. What is none is complained about ("line 3: ...") and left out.</summary>
    public static List<ConfLine> Read(ReadOnlySpan<byte> file, List<string> complaints)
    {
        var found = new List<ConfLine>();
        string section = "";
        // A byte order mark and carriage returns come from editors of elsewhere, and mean nothing.
        string[] lines = Encoding.UTF8.GetString(file).TrimStart('\uFEFF').Replace("\r\n", "\n", StringComparison.Ordinal).Split('\n');
        for (int i = 0; i < lines.Length; i++)
        {
            int first = i + 1;
            string line = lines[i];
            if (IsComment(line))
                continue;
            while (line.EndsWith('\\') && i + 1 < lines.Length)
            {
                string next = lines[++i];
                // A comment between the lines is none of them.
                line = IsComment(next) ? line : string.Concat(line.AsSpan(0, line.Length - 1), " ", next);
            }
            line = line.TrimEnd('\\').Trim();
            if (line.Length == 0)
                continue;
            if (line[0] == '[' && line[^1] == ']')
                section = line[1..^1];
            else if (line.IndexOf('=') is > 0 and var equals)
                found.Add(new(section, line[..equals].TrimEnd(), line[(equals + 1)..].TrimStart(), first));
            else
                complaints.Add($"line {first}: \"{line}\" is neither [SECTION] nor KEY=VALUE; the line is ignored");
        }
        return found;
    }

    /// <summary>The words of a value, at white space; quotes keep it: "two words".</summary>
    public static List<string> Words(string value)
    {
        var words = new List<string>();
        var word = new StringBuilder();
        char quote = '\0';
        bool inside = false;
        foreach (char c in value)
        {
            if (quote != '\0')
            {
                if (c == quote)
                    quote = '\0';
                else
                    word.Append(c);
            }
            else if (c is '"' or '\'')
            {
                quote = c;
                inside = true;
            }
            else if (c is ' ' or '\t')
            {
                if (inside)
                    words.Add(word.ToString());
                word.Clear();
                inside = false;
            }
            else
            {
                word.Append(c);
                inside = true;
            }
        }
        if (inside)
            words.Add(word.ToString());
        return words;
    }

    private static bool IsComment(string line) => line.AsSpan().TrimStart() is ['#' or ';', ..];
}
