// A static binary can't use NSS (it needs dlopen), so /etc/passwd and /etc/group are read here: passwd(5), group(5).
using System.Buffers.Text;

namespace Keelson.Linux;

/// <summary>An entry of passwd(5).</summary>
public sealed record User(ByteString Name, uint Id, uint Group, ByteString Home, ByteString Shell);

public static class Users
{
    private const int Limit = 16 * 1024 * 1024;

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
    public static uint? GroupId(ReadOnlySpan<byte> name)
    {
        foreach (var line in new Lines(Files.ReadAll("/etc/group"u8, Limit).Value))
        {
            if (Field(line, 0).SequenceEqual(name) && TryNumber(Field(line, 2), out uint id))
                return id;
        }
        return null;
    }

    /// <summary>All groups of a user, the primary one first, as initgroups(3) finds them.</summary>
    public static List<uint> GroupsOf(User user)
    {
        var groups = new List<uint> { user.Group };
        foreach (var line in new Lines(Files.ReadAll("/etc/group"u8, Limit).Value))
        {
            if (!TryNumber(Field(line, 2), out uint id) || groups.Contains(id))
                continue;
            foreach (Range member in Field(line, 3).Split((byte)','))
            {
                if (Field(line, 3)[member].SequenceEqual(user.Name.Span))
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
                return user;
        }
        return null;
    }

    internal static User? ById(ReadOnlySpan<byte> file, uint id)
    {
        foreach (var line in new Lines(file))
        {
            if (Parse(line) is { } user && user.Id == id)
                return user;
        }
        return null;
    }

    private static User? Parse(ReadOnlySpan<byte> line) =>
        TryNumber(Field(line, 2), out uint id) && TryNumber(Field(line, 3), out uint group)
            ? new User(new ByteString(Field(line, 0)), id, group, new ByteString(Field(line, 5)), new ByteString(Field(line, 6)))
            : null;

    private static ReadOnlySpan<byte> Field(ReadOnlySpan<byte> line, int index)
    {
        for (; index > 0; index--)
        {
            int colon = line.IndexOf((byte)':');
            if (colon < 0)
                return default;
            line = line[(colon + 1)..];
        }
        int end = line.IndexOf((byte)':');
        return end < 0 ? line : line[..end];
    }

    private static bool TryNumber(ReadOnlySpan<byte> text, out uint number) =>
        Utf8Parser.TryParse(text, out number, out int used) && used == text.Length && number != uint.MaxValue;

    /// <summary>The lines of a file without their newlines; comments and empty ones come as they are.</summary>
    private ref struct Lines(ReadOnlySpan<byte> rest)
    {
        private ReadOnlySpan<byte> _rest = rest;

        public ReadOnlySpan<byte> Current { get; private set; }

        public readonly Lines GetEnumerator() => this;

        public bool MoveNext()
        {
            if (_rest.IsEmpty)
                return false;
            int end = _rest.IndexOf((byte)'\n');
            Current = end < 0 ? _rest : _rest[..end];
            _rest = end < 0 ? default : _rest[(end + 1)..];
            return true;
        }
    }
}
