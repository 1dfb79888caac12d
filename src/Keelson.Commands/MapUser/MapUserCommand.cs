// PUID and PGID: a named user of the image gets the numbers that own the files of a volume. Two files change, and nothing is
// walked through: who owns 100,000 files already is not to wait for chown at each start.
using System.Buffers.Text;
using Keelson.Linux;

namespace Keelson.Commands.MapUser;

/// <summary>keelson-map-user(8).</summary>
public static class MapUserCommand
{
    private const int Failed = 1;
    private const int WrongUsage = 2;
    private const int MaxBytes = 16 * 1024 * 1024;
    private const string Try = "Try `keelson map-user --help`.";
    private const string Help =
        """
        usage: keelson map-user NAME [--uid=N] [--gid=N] [--home] [--non-unique]

        Gives a user of /etc/passwd another user id and its primary group another id, for a startup script. No file changes
        its owner.

          --uid=N       the user id; without it $PUID
          --gid=N       the group id; without it $PGID
          --home        give the user its home directory, the directory alone and nothing in it
          --non-unique  take ids that others have as well; a group that has the id already is joined
          --help        print this and exit

        With neither ids nor variables it does nothing. The user root, and the id 0, are refused.

        Exit status: 0; 1 when it could not be done, and a message says why and what helps; 2 for wrong usage.

        """;

    private static ReadOnlySpan<byte> PasswdPath => "/etc/passwd"u8;
    private static ReadOnlySpan<byte> GroupPath => "/etc/group"u8;

    /// <param name="image">What the kernel gave this process.</param>
    /// <param name="first">Where the arguments begin.</param>
    public static int Run(ProcessImage image, int first)
    {
        image.RestoreSignals();
        ByteString? uid = EnvironmentList.Value(image.Environment, "PUID="u8);
        ByteString? gid = EnvironmentList.Value(image.Environment, "PGID="u8);
        string uidName = "PUID", gidName = "PGID";
        bool home = false, shares = false;
        var options = new LongOptions(image.Arguments, first, "uid= gid= home non-unique");
        while (options.Next() is { } option)
        {
            switch (option)
            {
                case "help":
                    Say.Out(Help);
                    return 0;
                case "uid":
                    (uid, uidName) = (options.Value, "--uid");
                    break;
                case "gid":
                    (gid, gidName) = (options.Value, "--gid");
                    break;
                case "home":
                    home = true;
                    break;
                default:
                    shares = true;
                    break;
            }
        }
        string? problem = options.Problem;
        if (problem is not null)
            return Wrong(problem);
        if (options.Operands is not [{ Length: > 0 } name])
            return Wrong("give the name of one user");
        if (!Number(uid, out uint? user))
            return Wrong($"{uidName}={uid} is no user id; write a number from 1 to 4294967294");
        if (!Number(gid, out uint? group))
            return Wrong($"{gidName}={gid} is no group id; write a number from 1 to 4294967294");
        if (user is null && group is null)
            return 0;
        problem = Map(name, user, group, shares) ?? (home ? GiveHome(name) : null);
        return problem is null ? 0 : Say.Fail(Failed, $"keelson map-user: {problem}");
    }

    private static int Wrong(string what) => Say.Fail(WrongUsage, $"keelson map-user: {what}\n{Try}");

    /// <summary>A variable without a value is not set.</summary>
    private static bool Number(ByteString? text, out uint? number)
    {
        number = null;
        if (text is not { Length: > 0 } given)
            return true;
        if (!Utf8Parser.TryParse(given.Span, out uint value, out int used) || used != given.Length || value == uint.MaxValue || given.Span[0] == (byte)'+')
            return false;
        number = value;
        return true;
    }

    /// <summary>What hinders, null when nothing does.</summary>
    private static string? Map(ByteString name, uint? user, uint? group, bool shares)
    {
        Result<byte[]> passwd = Files.ReadAll(PasswdPath, MaxBytes);
        Result<byte[]> groups = Files.ReadAll(GroupPath, MaxBytes);
        if (!passwd.Ok)
            return $"cannot read /etc/passwd: {passwd.Error.Words()}";
        if (!groups.Ok && groups.Error != Errno.NoEntry)
            return $"cannot read /etc/group: {groups.Error.Words()}";
        if (UserMap.Make(passwd.Value, groups.Value, name, user, group, shares, out string problem) is not { } map)
            return problem;
        // The group first: should the second not succeed, the next run still finds what is left to do.
        string? trouble = Write(GroupPath, "/etc/group.keelson-new"u8, groups.Value, map.Group) ?? Write(PasswdPath, "/etc/passwd.keelson-new"u8, passwd.Value, map.Passwd);
        if (trouble is null && map.ChangesAnything)
            Say.Error($"keelson map-user: {name} is {map.After.User}:{map.After.Group} (was {map.Before.User}:{map.Before.Group})\n");
        return trouble;
    }

    private static string? Write(ReadOnlySpan<byte> path, ReadOnlySpan<byte> temporary, byte[] before, byte[] after)
    {
        if (before.AsSpan().SequenceEqual(after))
            return null;
        FileStatus status = Files.Status(path).Value;
        Errno error = Files.Replace(path, temporary, after, status.Mode, status.User, status.Group);
        return error switch
        {
            Errno.None => null,
            Errno.ReadOnly => $"cannot write {new ByteString(path)}: it is read-only; run the container without --read-only, or as the user that is wanted (docker run --user)",
            Errno.Access or Errno.NotPermitted => $"cannot write {new ByteString(path)}: {error.Words()}; run this as root, or the container as the user that is wanted (docker run --user)",
            _ => $"cannot write {new ByteString(path)}: {error.Words()}",
        };
    }

    /// <summary>What hinders, null when nothing does.</summary>
    private static string? GiveHome(ByteString name)
    {
        if (Users.FindByName(name.Span) is not { } user || user.Id == 0)
            return $"/etc/passwd has no user \"{name}\" other than root";
        if (SystemDirectories.Contains(user.Home.Span))
            return $"the home directory of {name} is {user.Home}, which is the system's; give the user one of its own, with usermod --home DIR {name}";
        Errno error = Files.GiveDirectory(user.Home.Span, user.Id, user.Group);
        return error switch
        {
            Errno.None => null,
            Errno.NoEntry => $"the home directory {user.Home} of {name} does not exist; make it, or leave out --home",
            _ => $"cannot give {user.Home} to {name}: {error.Words()}",
        };
    }
}
