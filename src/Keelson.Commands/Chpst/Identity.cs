using System.Buffers.Text;
using Keelson.Linux;

namespace Keelson.Commands.Chpst;

/// <summary>What -u and -U name: `user`, `user:group:group...`, or `:uid:gid:gid...`.</summary>
/// <param name="User">The user id.</param>
/// <param name="Groups">The group ids; the first is the process's own.</param>
internal sealed record Identity(uint User, List<uint> Groups)
{
    /// <summary>Null when a name or a number is none.</summary>
    internal static Identity? Find(ReadOnlySpan<byte> text) =>
        text is [(byte)':', ..] ? OfNumbers(text[1..]) : OfNames(text);

    /// <summary>An account with its own group and no other.</summary>
    internal static Identity? FindAccount(ReadOnlySpan<byte> name) =>
        Users.FindByName(name) is { } user ? new Identity(user.Id, [user.Group]) : null;

    private static Identity? OfNames(ReadOnlySpan<byte> text)
    {
        int colon = text.IndexOf((byte)':');
        if (colon < 0)
            return FindAccount(text);
        if (Users.FindByName(text[..colon]) is not { } user)
            return null;
        var groups = new List<uint>();
        ReadOnlySpan<byte> names = text[(colon + 1)..];
        foreach (Range name in names.Split((byte)':'))
        {
            if (Users.GroupId(names[name]) is not { } id)
                return null;
            groups.Add(id);
        }
        return new Identity(user.Id, groups);
    }

    private static Identity? OfNumbers(ReadOnlySpan<byte> text)
    {
        var numbers = new List<uint>();
        foreach (Range part in text.Split((byte)':'))
        {
            if (!Utf8Parser.TryParse(text[part], out uint number, out int used) || used != text[part].Length)
                return null;
            numbers.Add(number);
        }
        return numbers.Count < 2 ? null : new Identity(numbers[0], numbers.GetRange(1, numbers.Count - 1));
    }
}
