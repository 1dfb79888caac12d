// The files of EnvironmentFile= (systemd.exec(5)): NAME=VALUE lines much as a shell would read them, without expansion.
// Pure: bytes in, NAME=VALUE out.
using System.Text;

namespace Keelson.Supervision;

public static class EnvironmentFile
{
    private enum Place
    {
        BeforeName,
        Name,
        BeforeValue,
        Value,
        ValueEscape,
        SingleQuoted,
        DoubleQuoted,
        DoubleQuotedEscape,
        Comment,
        CommentEscape,
    }

    /// <summary>All assignments in their order, each NAME=VALUE. What has no possible name is left out, and named.</summary>
    /// <param name="file">The file's bytes.</param>
    /// <param name="complaints">Gets "line 3: ...; CURE".</param>
    public static List<byte[]> Parse(ReadOnlySpan<byte> file, List<string> complaints)
    {
        var found = new List<byte[]>();
        var name = new List<byte>();
        var value = new List<byte>();
        // What is left of the value when the blanks at its end go; those in quotes stay.
        int kept = 0;
        int line = 1;
        int first = 1;
        var place = Place.BeforeName;
        if (file.StartsWith("\uFEFF"u8))
            file = file[3..];
        foreach (byte c in file)
        {
            bool ends = c is (byte)'\n' or (byte)'\r';
            line += c == '\n' ? 1 : 0;
            switch (place)
            {
                case Place.BeforeName:
                    if (c is (byte)'#' or (byte)';')
                        place = Place.Comment;
                    else if (!ExecWords.IsBlank(c))
                        (place, first) = Begin(c, name, line);
                    break;
                case Place.Name:
                    if (ends)
                    {
                        complaints.Add($"line {first}: \"{Text(name)}\" is not NAME=VALUE; the line is ignored");
                        place = Place.BeforeName;
                    }
                    else if (c == '=')
                    {
                        place = Place.BeforeValue;
                        value.Clear();
                        kept = 0;
                    }
                    else
                    {
                        name.Add(c);
                    }
                    break;
                case Place.BeforeValue or Place.Value when ends:
                    Keep(name, value, kept, first, found, complaints);
                    place = Place.BeforeName;
                    break;
                case Place.BeforeValue when c is (byte)'\'' or (byte)'"':
                    place = c == '"' ? Place.DoubleQuoted : Place.SingleQuoted;
                    break;
                case Place.BeforeValue or Place.Value when c == '\\':
                    place = Place.ValueEscape;
                    break;
                case Place.BeforeValue when ExecWords.IsBlank(c):
                    break;
                case Place.BeforeValue or Place.Value:
                    value.Add(c);
                    kept = ExecWords.IsBlank(c) ? kept : value.Count;
                    place = Place.Value;
                    break;
                case Place.ValueEscape:
                    if (!ends)
                        value.Add(c);
                    kept = value.Count;
                    place = Place.Value;
                    break;
                case Place.SingleQuoted when c == '\'':
                case Place.DoubleQuoted when c == '"':
                    kept = value.Count;
                    place = Place.BeforeValue;
                    break;
                case Place.DoubleQuoted when c == '\\':
                    place = Place.DoubleQuotedEscape;
                    break;
                case Place.DoubleQuotedEscape:
                    if (c is not ((byte)'"' or (byte)'\\' or (byte)'`' or (byte)'$' or (byte)'\n'))
                        value.Add((byte)'\\');
                    if (c != '\n')
                        value.Add(c);
                    place = Place.DoubleQuoted;
                    break;
                case Place.SingleQuoted or Place.DoubleQuoted:
                    value.Add(c);
                    break;
                case Place.Comment:
                    place = ends ? Place.BeforeName : c == '\\' ? Place.CommentEscape : Place.Comment;
                    break;
                default:
                    place = ends ? Place.BeforeName : Place.Comment;
                    break;
            }
        }
        if (place == Place.Name)
            complaints.Add($"line {first}: \"{Text(name)}\" is not NAME=VALUE; the line is ignored");
        else if (place is >= Place.BeforeValue and <= Place.DoubleQuotedEscape)
            Keep(name, value, place is Place.SingleQuoted or Place.DoubleQuoted or Place.DoubleQuotedEscape ? value.Count : kept, first, found, complaints);
        return found;
    }

    private static (Place Place, int Line) Begin(byte c, List<byte> name, int line)
    {
        name.Clear();
        name.Add(c);
        return (Place.Name, line);
    }

    private static void Keep(List<byte> name, List<byte> value, int kept, int line, List<byte[]> found, List<string> complaints)
    {
        while (ExecWords.IsBlank(name[^1]))
            name.RemoveAt(name.Count - 1);
        if (!IsName([.. name]))
            complaints.Add($"line {line}: \"{Text(name)}\" can't be the name of a variable; write letters, digits and _ only (no \"export\")");
        else if (value.IndexOf(0) >= 0)
            complaints.Add($"line {line}: {Text(name)} has a NUL in its value; remove it");
        else
            found.Add([.. name, (byte)'=', .. value.GetRange(0, kept)]);
    }

    private static string Text(List<byte> bytes) => Encoding.UTF8.GetString([.. bytes]);

    /// <summary>Letters, digits and underscores, no digit first.</summary>
    internal static bool IsName(ReadOnlySpan<byte> name)
    {
        foreach (byte c in name)
        {
            if (c != '_' && !char.IsAsciiLetterOrDigit((char)c))
                return false;
        }
        return !name.IsEmpty && !char.IsAsciiDigit((char)name[0]);
    }
}
