using Keelson.Linux;

namespace Keelson.Commands.MapUser;

/// <summary>The numbers that a user has and is to have, and what becomes of both files. Pure.</summary>
public sealed class UserMap
{
    private UserMap(byte[] passwd, byte[] group) => (Passwd, Group) = (passwd, group);

    /// <summary>The new /etc/passwd and /etc/group.</summary>
    public byte[] Passwd { get; private set; }
    public byte[] Group { get; private set; }

    public (uint User, uint Group) Before { get; private set; }
    public (uint User, uint Group) After { get; private set; }

    public bool ChangesAnything => Before != After;

    /// <param name="passwd">/etc/passwd as it is.</param>
    /// <param name="group">/etc/group as it is.</param>
    /// <param name="name">The user.</param>
    /// <param name="user">The wanted user id; null: as it is.</param>
    /// <param name="primary">The wanted id of the primary group; null: as it is.</param>
    /// <param name="shares">Whether ids that others have are taken all the same.</param>
    /// <param name="problem">Why there is none, with the cure.</param>
    public static UserMap? Make(byte[] passwd, byte[] group, ByteString name, uint? user, uint? primary, bool shares, out string problem)
    {
        problem = "";
        ReadOnlySpan<byte> key = name.Span;
        if (IdFile.Number(passwd, key, IdFile.Id) is not { } oldUser || IdFile.Number(passwd, key, IdFile.PrimaryGroup) is not { } oldGroup)
            problem = $"/etc/passwd has no user \"{name}\"; make it when the image is built, with useradd --system {name}";
        else if (oldUser == 0)
            problem = $"{name} is root and stays so; make a user for the service, with useradd --system NAME";
        else if (user == 0 || primary == 0)
            problem = $"{name} can't become root (id 0); to run the service as root, leave out setuser";
        else
            return From(passwd, group, name, (oldUser, oldGroup), (user ?? oldUser, primary ?? oldGroup), shares, out problem);
        return null;
    }

    private static UserMap? From(byte[] passwd, byte[] group, ByteString name, (uint User, uint Group) before, (uint User, uint Group) after, bool shares, out string problem)
    {
        problem = "";
        var map = new UserMap(passwd, group) { Before = before, After = after };
        if (after.User != before.User)
        {
            if (!shares && IdFile.NameOf(passwd, IdFile.Id, after.User, name.Span) is { } other)
            {
                problem = $"user id {after.User} is {other}'s already; remove that user when the image is built (userdel {other}), or share the id with --non-unique";
                return null;
            }
            map.Passwd = IdFile.With(map.Passwd, name.Span, IdFile.Id, after.User);
        }
        if (after.Group != before.Group)
        {
            ByteString? holder = IdFile.NameOf(group, IdFile.Id, after.Group, default);
            if (!shares && holder is { } other)
            {
                problem = $"group id {after.Group} is {other}'s already; remove that group when the image is built (groupdel {other}), or have {name} join it with --non-unique";
                return null;
            }
            // A group that others are in by their entry stays theirs; so does root's.
            ByteString? own = IdFile.NameOf(group, IdFile.Id, before.Group, default);
            bool isOwn = before.Group != 0 && IdFile.NameOf(passwd, IdFile.PrimaryGroup, before.Group, name.Span) is null;
            if (own is { } moved && isOwn && holder is null)
                map.Group = IdFile.With(group, moved.Span, IdFile.Id, after.Group);
            map.Passwd = IdFile.With(map.Passwd, name.Span, IdFile.PrimaryGroup, after.Group);
        }
        return map;
    }
}
