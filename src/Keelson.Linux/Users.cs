// A static binary can't use NSS (it needs dlopen), so /etc/passwd and /etc/group are read here: passwd(5), group(5). What is
// malformed is read as glibc reads it, so that nobody is somebody else for us than for all other programs: blanks at the
// beginning of a line and of a number do not count, a line that begins with # is none, names with + or - are NIS's.
using System.Buffers.Text;

namespace Keelson.Linux;

/// <summary>An entry of passwd(5).</summary>
public sealed record User(ByteString Name, uint Id, uint Group, ByteString Home, ByteString Shell);

public static class Users
{
    private const int Limit = 16 * 1024 * 1024;

    // To setuid(2) and its kin this means "leave it as it is": nobody can be it.
    private const uint NoId = uint.MaxValue;

    private static ReadOnlySpan<byte> Blanks => " \t\v\f\r"u8;

    /// <summary>The user with this name or, when no name matches and it is a number, with this id; null when there is none.</summary>
    public static User? Find(ReadOnlySpan<byte> nameOrId)
    {
        var file = Files.ReadAll("/etc/passwd"u8, Limit).Value;
        return ByName(file, nameOrId) ?? (TryNumber(nameOrId, out uint id) ? ById(file, id) : null);
    }

    /// <summary>The user with this name; null when there is none.</summary>
    public static User? FindByName(ReadOnlySpan<byte> name) => ByName(Files.ReadAll("/etc/passwd"u8, Limit).Value, name);

    public static User? Find(uint id) => ById(Files.ReadAll("/etc/passwd"u8, Limit).Value, id);

    /// <summary>The id of a group; null when /etc/group has no such group.</summary>
    public static uint? GroupId(ReadOnlySpan<byte> name) => GroupId(Files.ReadAll("/etc/group"u8, Limit).Value, name);

    internal static uint? GroupId(ReadOnlySpan<byte> file, ReadOnlySpan<byte> name)
    {
        foreach (var line in new Lines(file))
        {
            if (Field(line, 0).SequenceEqual(name) && !name.IsEmpty && TryId(Field(line, 2), out uint id))
                return id == NoId ? null : id;
        }
        return null;
    }

    /// <summary>All groups of a user, the primary one first, as initgroups(3) finds them.</summary>
    public static List<uint> GroupsOf(User user) => GroupsOf(Files.ReadAll("/etc/group"u8, Limit).Value, user);

    internal static List<uint> GroupsOf(ReadOnlySpan<byte> file, User user)
    {
        var groups = new List<uint> { user.Group };
        foreach (var line in new Lines(file))
        {
            if (!TryId(Field(line, 2), out uint id) || id == NoId || groups.Contains(id))
                continue;
            ReadOnlySpan<byte> members = From(line, 3);
            foreach (Range member in members.Split((byte)','))
            {
                ReadOnlySpan<byte> name = members[member].TrimStart(Blanks);
                if (!name.IsEmpty && name.SequenceEqual(user.Name.Span))
                {
                    groups.Add(id);
                    break;
                }
            }
        }
        return groups;
    }

    internal static User? ByName(ReadOnlySpan<byte> file, ReadOnlySpan<byte> name)
    {
        foreach (var line in new Lines(file))
        {
            if (Field(line, 0).SequenceEqual(name) && !name.IsEmpty && Parse(line) is { } user)
                return user.Id == NoId || user.Group == NoId ? null : user;
        }
        return null;
    }

    internal static User? ById(ReadOnlySpan<byte> file, uint id)
    {
        foreach (var line in new Lines(file))
        {
            if (Parse(line) is { } user && user.Id == id)
                return user.Id == NoId || user.Group == NoId ? null : user;
        }
        return null;
    }

    private static User? Parse(ReadOnlySpan<byte> line) =>
        TryId(Field(line, 2), out uint id) && TryId(Field(line, 3), out uint group)
            ? new User(new ByteString(Field(line, 0)), id, group, new ByteString(Field(line, 5)), new ByteString(From(line, 6)))
            : null;

    private static ReadOnlySpan<byte> Field(ReadOnlySpan<byte> line, int index)
    {
        line = From(line, index);
        int end = line.IndexOf((byte)':');
        return end < 0 ? line : line[..end];
    }

    /// <summary>The line from a field on: the last one may hold colons.</summary>
    private static ReadOnlySpan<byte> From(ReadOnlySpan<byte> line, int index)
    {
        for (; index > 0; index--)
        {
            int colon = line.IndexOf((byte)':');
            if (colon < 0)
                return default;
            line = line[(colon + 1)..];
        }
        return line;
    }

    private static bool TryNumber(ReadOnlySpan<byte> text, out uint number) =>
        Utf8Parser.TryParse(text, out number, out int used) && used == text.Length && number != NoId;

    /// <summary>A number as glibc reads it, which is strtoul(3): blanks and a sign in front, and no more than 32 bits.</summary>
    private static bool TryId(ReadOnlySpan<byte> text, out uint id)
    {
        id = 0;
        text = text.TrimStart(Blanks);
        bool isNegative = text is [(byte)'-', ..];
        if (text is [(byte)'-' or (byte)'+', ..])
            text = text[1..];
        if (!Utf8Parser.TryParse(text, out ulong value, out int used) || used != text.Length)
            return false;
        if (isNegative)
            value = 0 - value;
        id = (uint)value;
        return value <= uint.MaxValue;
    }

    /// <summary>The lines of a file that are entries, without newlines and the blanks in front.</summary>
    private ref struct Lines(ReadOnlySpan<byte> rest)
    {
        private ReadOnlySpan<byte> _rest = rest;

        public ReadOnlySpan<byte> Current { get; private set; }

        public readonly Lines GetEnumerator() => this;

        public bool MoveNext()
        {
            while (!_rest.IsEmpty)
            {
                int end = _rest.IndexOf((byte)'\n');
                Current = (end < 0 ? _rest : _rest[..end]).TrimStart(Blanks);
                _rest = end < 0 ? default : _rest[(end + 1)..];
                if (Current is not ([] or [(byte)'#' or (byte)'+' or (byte)'-', ..]))
                    return true;
            }
            return false;
        }
    }
}
