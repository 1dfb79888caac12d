using System.Runtime.InteropServices;
using Keelson.Init;
using Keelson.Init.Env;
using Keelson.Linux;

namespace Keelson.Fuzz;

/// <summary>
/// /etc/container_environment, on a real directory below $TMPDIR. The input is entries with a NUL behind each, of which the first
/// byte says what it is: dNAME=VALUE what Docker set, fNAME=VALUE a file that is there at start, sNAME=VALUE one that a script
/// wrote later, rNAME one that it removed, DNAME a directory. What comes out is what a dictionary has.
/// </summary>
internal sealed unsafe partial class EnvironmentStoreTarget : Target
{
    private static readonly ByteString s_root = ByteString.Of(Directory.CreateTempSubdirectory("keelson-fuzz-").FullName);
    private static readonly ByteString s_directory = ByteString.Join(s_root.Span, "/env"u8);

    internal override string Name => "environment";
    internal override int MaxLength => 120;
    internal override IEnumerable<string> Words => ["dA=", "fA=", "sA=", "rA", "DA", "\0", "dHOME=", "fUSER=", "\n", "..", "A=b", "dX_FILE=", "dKEELSON_FILE_ENV=1", "fFILE__X="];

    internal override void Check(ReadOnlySpan<byte> input)
    {
        Log.Quiet = true;
        Empty(s_directory);
        _ = Files.MakeDirectory(s_directory.Span, 0x1ed);
        var docker = new List<ByteString>();
        var later = new List<byte[]>();
        var expected = new SortedDictionary<ByteString, ByteString>();
        var files = new SortedDictionary<ByteString, ByteString>();
        foreach (Range range in input.Split((byte)0))
        {
            ReadOnlySpan<byte> entry = input[range];
            if (entry.Length < 2)
                continue;
            Split(entry[1..], out ByteString name, out ByteString value);
            switch (entry[0])
            {
                case (byte)'d':
                    docker.Add(new ByteString(entry[1..]));
                    if (CanBeFile(name) && entry.Contains((byte)'=') && !IsPerUser(name))
                        expected[name] = value;
                    break;
                case (byte)'f' when CanBeFile(name) && Write(name, value):
                    files[name] = Stripped(value);
                    break;
                case (byte)'D' when CanBeFile(name):
                    if (Files.MakeDirectory(PathOf(name).Span, 0x1ed) == Errno.None)
                        _ = files.Remove(name);
                    break;
                case (byte)'s' or (byte)'r':
                    later.Add(entry.ToArray());
                    break;
                default:
                    break;
            }
        }
        foreach ((ByteString name, ByteString value) in files)
            _ = expected.TryAdd(name, value);
        // Those that name files have tests of their own: here they would read any file of the machine.
        if (expected.TryGetValue(ByteString.Of("KEELSON_FILE_ENV"), out ByteString asked) && asked.Length > 0 && !asked.Is("0"u8))
            return;

        var store = new EnvironmentStore(s_directory.Span);
        store.Import(docker);
        Assert.Equal(expected, store.Variables);
        // Another my_init on the same directory finds the same, and so does this one.
        store.Reload();
        Assert.Equal(expected, store.Variables);
        var second = new EnvironmentStore(s_directory.Span);
        second.Import([]);
        Assert.Equal(expected.Where(v => IsFile(v.Key)), second.Variables);

        foreach (byte[] entry in later)
        {
            Split(entry.AsSpan(1), out ByteString name, out ByteString value);
            if (!CanBeFile(name))
                continue;
            if (entry[0] == 's' && Write(name, value))
                expected[name] = Stripped(value);
            // What could not be written is kept without a file, and can't be removed either.
            else if (entry[0] == 'r' && Files.Remove(PathOf(name).Span) == Errno.None)
                _ = expected.Remove(name);
        }
        store.Reload();
        Assert.Equal(expected, store.Variables);
        Assert.Equal(expected.Select(v => ByteString.Join(v.Key.Span, "="u8, v.Value.Span)), store.Entries());
        Assert.Equal(ShellDump.Write(expected), Files.ReadAll(ByteString.Join(s_directory.Span, ".sh"u8).Span, 1 << 20).Value);
        Assert.Equal(JsonDump.Write(expected), Files.ReadAll(ByteString.Join(s_directory.Span, ".json"u8).Span, 1 << 20).Value);
    }

    private static void Split(ReadOnlySpan<byte> entry, out ByteString name, out ByteString value)
    {
        int equals = entry.IndexOf((byte)'=');
        name = new ByteString(equals < 0 ? entry : entry[..equals]);
        value = new ByteString(equals < 0 ? default : entry[(equals + 1)..]);
    }

    private static bool CanBeFile(ByteString name) => name.Length > 0 && !name.Span.Contains((byte)'/') && !name.Is("."u8) && !name.Is(".."u8);

    private static bool IsPerUser(ByteString name) => name.ToString() is "HOME" or "USER" or "GROUP" or "UID" or "GID" or "SHELL";

    private static bool IsFile(ByteString name) => Files.Status(PathOf(name).Span).Value.Kind == FileKind.Regular;

    private static ByteString Stripped(ByteString value) => value.Span.EndsWith("\n"u8) ? new ByteString(value.Span[..^1]) : value;

    private static ByteString PathOf(ByteString name) => ByteString.Join(s_directory.Span, "/"u8, name.Span);

    private static bool Write(ByteString name, ByteString content) =>
        Files.Replace(PathOf(name).Span, ByteString.Join(s_root.Span, "/new"u8).Span, content.Span, 0x1a4, Processes.UserId, Processes.GroupId) == Errno.None;

    private static void Empty(ByteString directory)
    {
        foreach (ByteString name in Files.List(directory.Span).Value ?? [])
        {
            fixed (byte* path = ByteString.Join(directory.Span, "/"u8, ByteString.Join(name.Span, "\0"u8).Span).Span)
            {
                if (unlink(path) != 0)
                    _ = rmdir(path);
            }
        }
    }

    [LibraryImport("libc")]
    private static partial int unlink(byte* path);

    [LibraryImport("libc")]
    private static partial int rmdir(byte* path);
}
