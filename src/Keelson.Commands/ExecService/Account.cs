using System.Globalization;
using System.Text;
using Keelson.Linux;
using Keelson.Supervision;

namespace Keelson.Commands.ExecService;

/// <summary>Who the process becomes: User=, Group= and SupplementaryGroups=, found in /etc/passwd and /etc/group.</summary>
/// <param name="User">The user id; null when it stays.</param>
/// <param name="Group">The group id; null when it stays.</param>
/// <param name="Groups">The supplementary groups; null when they stay.</param>
/// <param name="Entry">The user's entry, where there is one.</param>
internal sealed record Account(uint? User, uint? Group, List<uint>? Groups, User? Entry)
{
    /// <summary>Null, with the trouble, when there is no such user or group.</summary>
    internal static Account? Find(ExecSettings settings, out Trouble trouble)
    {
        trouble = default;
        User? entry = settings.User.Length == 0 ? null : Users.Find(Encoding.UTF8.GetBytes(settings.User));
        uint? user = entry?.Id ?? Number(settings.User);
        if (settings.User.Length > 0 && user is null)
        {
            trouble = new(ExitStatus.User, $"User={settings.User}", "/etc/passwd has no such user; create it, or correct the name");
            return null;
        }
        uint? group = entry?.Group;
        if (settings.Group.Length > 0 && (group = GroupOf(settings.Group)) is null)
        {
            trouble = new(ExitStatus.Group, $"Group={settings.Group}", "/etc/group has no such group; create it, or correct the name");
            return null;
        }
        if (user is not null && group is null)
        {
            trouble = new(ExitStatus.User, $"User={settings.User}", "/etc/passwd has no user with this number, so its group is not known; write Group= too");
            return null;
        }
        List<uint>? groups = entry is not null ? Users.GroupsOf(entry with { Group = group!.Value }) : user is not null ? [group!.Value] : null;
        foreach (string name in settings.SupplementaryGroups)
        {
            if (GroupOf(name) is not { } id)
            {
                trouble = new(ExitStatus.Group, $"SupplementaryGroups={name}", "/etc/group has no such group; create it, or correct the name");
                return null;
            }
            groups ??= [];
            if (!groups.Contains(id))
                groups.Add(id);
        }
        return new(user, group, groups, entry);
    }

    private static uint? GroupOf(string name) => Users.GroupId(Encoding.UTF8.GetBytes(name)) ?? Number(name);

    private static uint? Number(string text) => uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out uint id) ? id : null;

    /// <summary>The user's HOME, USER, LOGNAME and SHELL. A shell that lets nobody in is none.</summary>
    internal void SetVariables(List<ByteString> environment)
    {
        if (Entry is null)
            return;
        EnvironmentList.Set(environment, "USER="u8, Entry.Name.Span);
        EnvironmentList.Set(environment, "LOGNAME="u8, Entry.Name.Span);
        SetOrUnset(environment, "HOME="u8, Entry.Home.Span);
        ReadOnlySpan<byte> shell = Entry.Shell.Span;
        ReadOnlySpan<byte> name = shell[(shell.LastIndexOf((byte)'/') + 1)..];
        SetOrUnset(environment, "SHELL="u8, name.SequenceEqual("nologin"u8) || name.SequenceEqual("false"u8) || name.SequenceEqual("true"u8) ? default : shell);
    }

    private static void SetOrUnset(List<ByteString> environment, ReadOnlySpan<byte> nameAndEquals, ReadOnlySpan<byte> value)
    {
        if (value.IsEmpty)
            EnvironmentList.Unset(environment, nameAndEquals);
        else
            EnvironmentList.Set(environment, nameAndEquals, value);
    }
}
