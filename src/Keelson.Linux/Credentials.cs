namespace Keelson.Linux;

public static unsafe class Credentials
{
    /// <summary>
    /// Becomes another user for good: supplementary groups, group, user, in the order that can't be undone. Who is that
    /// user already and may not set groups stays as it is.
    /// </summary>
    public static Errno Become(uint user, uint group, List<uint> groups)
    {
        Errno error = SetGroups(user, group, groups);
        if (error != Errno.None)
            return error;
        error = SetGroup(group);
        return error != Errno.None ? error : SetUser(user);
    }

    /// <summary>Sets the supplementary groups. Who is this user and group already and may not set any stays as it is.</summary>
    public static Errno SetGroups(uint user, uint group, List<uint> groups)
    {
        bool alreadyThere = Libc.geteuid() == user && Libc.getuid() == user && Libc.getegid() == group;
        Span<uint> list = groups.ToArray();
        Errno error;
        fixed (uint* p = list)
            error = Libc.Check(Libc.setgroups((nuint)list.Length, p));
        return alreadyThere ? Errno.None : error;
    }

    /// <summary>Becomes another group for good.</summary>
    public static Errno SetGroup(uint group) => Libc.Check(Libc.setresgid(group, group, group));

    /// <summary>Becomes another user for good.</summary>
    public static Errno SetUser(uint user) => Libc.Check(Libc.setresuid(user, user, user));

    /// <summary>
    /// Until it is disposed of, files are accessed as this user and group (setfsuid(2)): for root only, and for this thread,
    /// which in PID 1 is the only one.
    /// </summary>
    public static FileAccess ForFiles(uint user, uint group) => new(user, group);

    public readonly ref struct FileAccess
    {
        private readonly uint _user;
        private readonly uint _group;

        internal FileAccess(uint user, uint group)
        {
            // The group first: only root may change it.
            _group = Libc.setfsgid(group);
            _user = Libc.setfsuid(user);
        }

        public void Dispose()
        {
            _ = Libc.setfsuid(_user);
            _ = Libc.setfsgid(_group);
        }
    }
}
