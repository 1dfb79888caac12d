using System.Runtime.InteropServices;
using Keelson.Linux;

namespace Keelson.Fuzz;

/// <summary>
/// passwd(5) and group(5) against glibc, which reads the same bytes: fgetpwent(3) and fgetgrent(3) are what getent(1) uses for
/// files. The first line is whom to look for, the others are the file.
/// </summary>
internal sealed unsafe partial class UsersTarget : Target
{
    internal override string Name => "users";
    internal override int MaxLength => 200;

    internal override IEnumerable<string> Words =>
        ["root:x:0:0:root:/root:/bin/sh", "web:x:33:33::/:", "\n", ":", ":x:", "+", "-", "#", "+::::::", "4294967295", "4294967296", " 0", "+0", "adm:x:4:web,root", ",", "a\na:x:1:2:::\n", "a\na:x:1:a\n"];

    internal override void Check(ReadOnlySpan<byte> input)
    {
        int newline = input.IndexOf((byte)'\n');
        ReadOnlySpan<byte> name = newline < 0 ? input : input[..newline];
        ReadOnlySpan<byte> file = newline < 0 ? default : input[(newline + 1)..];
        User? user = Users.ByName(file, name);
        uint? group = Users.GroupId(file, name);
        Assert.True(user is null || user.Name.Is(name));
        // A C string ends where a NUL is.
        if (input.Contains((byte)0) || file.IsEmpty)
            return;
        var wanted = new ByteString(name);
        // glibc 2.36 sees letters twice in a last line that begins with blanks and has no newline.
        if (!file.EndsWith("\n"u8))
            file = (byte[])[.. file, (byte)'\n'];
        // No name is nobody's, for us.
        if (!name.IsEmpty)
        {
            Assert.Equal(UserOfGlibc(file, u => u.Name.SequenceEqual(wanted.Span)), user);
            Assert.Equal(GroupOfGlibc(file, name), group);
        }
        uint id = user?.Id ?? 33;
        Assert.Equal(UserOfGlibc(file, u => u.Id == id), Users.ById(file, id));
        user ??= new User(wanted, id, id, default, default);
        Assert.Equal(GroupsOfGlibc(file, user), Users.GroupsOf(file, user));
    }

    private readonly ref struct Entry
    {
        internal required ReadOnlySpan<byte> Name { get; init; }
        internal required uint Id { get; init; }
    }

    private delegate bool Wanted(Entry entry);

    private static User? UserOfGlibc(ReadOnlySpan<byte> file, Wanted isWanted)
    {
        User? found = null;
        fixed (byte* bytes = file)
        {
            nint stream = fmemopen(bytes, (nuint)file.Length, "r"u8);
            for (Passwd* p; found is null && (p = fgetpwent(stream)) is not null;)
            {
                if (!IsOfNis(p->Name) && isWanted(new Entry { Name = Bytes(p->Name), Id = p->Id }))
                    found = new User(new ByteString(Bytes(p->Name)), p->Id, p->Group, new ByteString(Bytes(p->Home)), new ByteString(Bytes(p->Shell)));
            }
            _ = fclose(stream);
        }
        // This id means "leave it as it is" to setuid(2) and its kin: nobody can be it.
        return found is { Id: uint.MaxValue } or { Group: uint.MaxValue } ? null : found;
    }

    private static uint? GroupOfGlibc(ReadOnlySpan<byte> file, ReadOnlySpan<byte> name)
    {
        uint? found = null;
        fixed (byte* bytes = file)
        {
            nint stream = fmemopen(bytes, (nuint)file.Length, "r"u8);
            for (Group* g; found is null && (g = fgetgrent(stream)) is not null;)
            {
                if (!IsOfNis(g->Name) && Bytes(g->Name).SequenceEqual(name))
                    found = g->Id;
            }
            _ = fclose(stream);
        }
        return found == uint.MaxValue ? null : found;
    }

    private static List<uint> GroupsOfGlibc(ReadOnlySpan<byte> file, User user)
    {
        var groups = new List<uint> { user.Group };
        fixed (byte* bytes = file)
        {
            nint stream = fmemopen(bytes, (nuint)file.Length, "r"u8);
            for (Group* g; (g = fgetgrent(stream)) is not null;)
            {
                if (groups.Contains(g->Id) || g->Id == uint.MaxValue || IsOfNis(g->Name))
                    continue;
                for (byte** member = g->Members; *member is not null; member++)
                {
                    if (Bytes(*member).SequenceEqual(user.Name.Span))
                    {
                        groups.Add(g->Id);
                        break;
                    }
                }
            }
            _ = fclose(stream);
        }
        return groups;
    }

    private static bool IsOfNis(byte* name) => *name is (byte)'+' or (byte)'-';

    private static ReadOnlySpan<byte> Bytes(byte* text) => MemoryMarshal.CreateReadOnlySpanFromNullTerminated(text);

    // glibc fills these in.
#pragma warning disable CS0649
    private struct Passwd
    {
        internal byte* Name;
        internal byte* Password;
        internal uint Id;
        internal uint Group;
        internal byte* Comment;
        internal byte* Home;
        internal byte* Shell;
    }

    private struct Group
    {
        internal byte* Name;
        internal byte* Password;
        internal uint Id;
        internal byte** Members;
    }
#pragma warning restore CS0649

    private static nint fmemopen(byte* bytes, nuint size, ReadOnlySpan<byte> mode)
    {
        fixed (byte* m = mode)
            return fmemopen(bytes, size, m);
    }

    [LibraryImport("libc.so.6")]
    private static partial nint fmemopen(byte* bytes, nuint size, byte* mode);

    [LibraryImport("libc.so.6")]
    private static partial int fclose(nint stream);

    [LibraryImport("libc.so.6")]
    private static partial Passwd* fgetpwent(nint stream);

    [LibraryImport("libc.so.6")]
    private static partial Group* fgetgrent(nint stream);
}
