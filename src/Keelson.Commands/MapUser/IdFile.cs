using System.Buffers.Text;
using System.Globalization;
using System.Text;
using Keelson.Linux;

namespace Keelson.Commands.MapUser;

/// <summary>
/// passwd(5) and group(5) as bytes: lines of fields with colons between, the name in the first and a number in the third.
/// All that is not changed stays byte for byte. Pure.
/// </summary>
public static class IdFile
{
    /// <summary>The user or group id, in both files.</summary>
    public const int Id = 2;

    /// <summary>The primary group's id, in passwd(5).</summary>
    public const int PrimaryGroup = 3;

    /// <summary>The first name whose field has this number, without <paramref name="except"/>; null when there is none.</summary>
    public static ByteString? NameOf(ReadOnlySpan<byte> file, int field, uint number, ReadOnlySpan<byte> except)
    {
        foreach (Range range in file.Split((byte)'\n'))
        {
            ReadOnlySpan<byte> line = file[range];
            if (NumberIn(line, field) == number && !NameIn(line).SequenceEqual(except))
                return new ByteString(NameIn(line));
        }
        return null;
    }

    /// <summary>The number in a field of the first line of this name; null when there is no such line.</summary>
    public static uint? Number(ReadOnlySpan<byte> file, ReadOnlySpan<byte> name, int field)
    {
        foreach (Range range in file.Split((byte)'\n'))
        {
            if (NameIn(file[range]).SequenceEqual(name) && NumberIn(file[range], field) is { } number)
                return number;
        }
        return null;
    }

    /// <summary>The file with another number in a field of the first line of this name.</summary>
    public static byte[] With(ReadOnlySpan<byte> file, ReadOnlySpan<byte> name, int field, uint number)
    {
        int start = 0;
        foreach (Range range in file.Split((byte)'\n'))
        {
            ReadOnlySpan<byte> line = file[range];
            if (NameIn(line).SequenceEqual(name) && NumberIn(line, field) is not null)
            {
                (int from, int length) = Field(line, field);
                return [.. file[..(start + from)], .. Encoding.ASCII.GetBytes(number.ToString(CultureInfo.InvariantCulture)), .. file[(start + from + length)..]];
            }
            start += line.Length + 1;
        }
        return file.ToArray();
    }

    private static ReadOnlySpan<byte> NameIn(ReadOnlySpan<byte> line)
    {
        (int from, int length) = Field(line, 0);
        return line.Slice(from, length);
    }

    private static uint? NumberIn(ReadOnlySpan<byte> line, int field)
    {
        (int from, int length) = Field(line, field);
        ReadOnlySpan<byte> text = line.Slice(from, length);
        return Utf8Parser.TryParse(text, out uint number, out int used) && used == text.Length ? number : null;
    }

    private static (int From, int Length) Field(ReadOnlySpan<byte> line, int index)
    {
        int from = 0;
        for (; index > 0; index--)
        {
            int colon = line[from..].IndexOf((byte)':');
            if (colon < 0)
                return (line.Length, 0);
            from += colon + 1;
        }
        int end = line[from..].IndexOf((byte)':');
        return (from, end < 0 ? line.Length - from : end);
    }
}
