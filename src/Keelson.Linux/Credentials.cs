namespace Keelson.Linux;

public static unsafe class Credentials
{
    /// <summary>
    /// Becomes another user for good: supplementary groups, group, user, in the order that can't be undone. Who is that
    /// user already and may not set groups stays as it is.
    /// </summary>
    public static Errno Become(User user, List<uint> groups)
    {
        bool alreadyThere = Libc.geteuid() == user.Id && Libc.getuid() == user.Id && Libc.getegid() == user.Group;
        Span<uint> list = groups.ToArray();
        Errno error;
        fixed (uint* p = list)
            error = Libc.Check(Libc.setgroups((nuint)list.Length, p));
        if (error != Errno.None)
            return alreadyThere ? Errno.None : error;
        error = Libc.Check(Libc.setresgid(user.Group, user.Group, user.Group));
        return error != Errno.None ? error : Libc.Check(Libc.setresuid(user.Id, user.Id, user.Id));
    }
}
