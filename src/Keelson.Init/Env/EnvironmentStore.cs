// The environment of everything that my_init starts, and its dumps (seed: "Environment variables"). Values are bytes.
//
// At start Docker's variables win over the files of /etc/container_environment. They are then written there, and from
// then on the directory is the truth: what a startup script adds, changes or removes there is so for all that comes
// later. What could not be written (a read-only file system, a name longer than a file's may be) is kept here and
// joins what is read.
using System.Text;
using Keelson.Linux;

namespace Keelson.Init.Env;

public sealed class EnvironmentStore
{
    // execve(2) refuses a single string longer than 128 KiB, and with it every program.
    private const int MaxString = 128 * 1024 - 1;
    private const uint DockerEnvGroup = 8377;
    private const uint FileMode = 0x1a0; // 0640
    private const uint OthersRead = 4;
    private const uint DirectoryMode = 0x1e8; // 0750

    // Its = keeps it from ever being taken for a variable, should we end between writing and renaming.
    private static ReadOnlySpan<byte> Temporary => ".keelson=new"u8;

    private readonly ByteString _directory;
    private readonly SortedDictionary<ByteString, ByteString> _variables = [];
    private readonly SortedDictionary<ByteString, Unwritten> _unwritten = [];
    private readonly HashSet<ByteString> _ignored = [];
    private readonly HashSet<string> _warned = [];
    private uint _group = DockerEnvGroup;

    // Whether the last look at the directory worked; if not, what is known stays.
    private bool _readable = true;

    /// <summary>A variable that could not be written, and what its file held instead, null without a file.</summary>
    private readonly record struct Unwritten(ByteString Value, ByteString? File);

    /// <param name="directory">/etc/container_environment; the dumps stand beside it as DIRECTORY.sh and DIRECTORY.json.</param>
    public EnvironmentStore(ReadOnlySpan<byte> directory) => _directory = new ByteString(directory);

    /// <summary>The variables in the order of their bytes.</summary>
    public IReadOnlyCollection<KeyValuePair<ByteString, ByteString>> Variables => _variables;

    /// <summary>The value of a variable, null when it is not set.</summary>
    public ByteString? this[ReadOnlySpan<byte> name] =>
        _variables.TryGetValue(new ByteString(name), out ByteString value) ? value : null;

    /// <summary>
    /// Takes Docker's variables, adds those of the directory that Docker did not set, reads those that come as files
    /// (<see cref="FileVariables"/>), and writes all dumps. Returns what is wrong with those that come as files.
    /// </summary>
    public IReadOnlyList<string> Import(IEnumerable<ByteString> docker)
    {
        foreach (ByteString entry in docker)
        {
            int equals = entry.Span.IndexOf((byte)'=');
            if (equals <= 0)
            {
                WarnOnce(entry, "an environment entry without a name is left out");
                continue;
            }
            var name = new ByteString(entry.Span[..equals]);
            if (IsPerUser(name.Span))
                continue;
            if (WhyNotAVariable(name.Span) is { } reason)
                WarnOnce(name, $"environment variable \"{name}\" is left out: {reason}");
            else
                _variables[name] = new ByteString(entry.Span[(equals + 1)..]);
        }
        var files = new Dictionary<ByteString, ByteString>(ReadDirectory());
        var fromDirectory = new HashSet<ByteString>();
        foreach ((ByteString name, ByteString value) in files)
        {
            if (_variables.TryAdd(name, value))
                fromDirectory.Add(name);
        }
        var used = new List<ByteString>();
        List<string> problems = FileVariables.Read(_variables, fromDirectory, used);
        foreach (ByteString name in used)
            Forget(name, files.ContainsKey(name));
        _group = Users.GroupId("docker_env"u8) ?? DockerEnvGroup;
        WriteDirectory(files);
        WriteDumps();
        return problems;
    }

    /// <summary>The file of a variable that is no more; where it can't be removed, it is not looked at again.</summary>
    private void Forget(ByteString name, bool hasFile)
    {
        if (hasFile && Files.Remove(PathOf(name).Span) != Errno.None)
            _ignored.Add(name);
    }

    /// <summary>After a startup script: the directory is the truth.</summary>
    public void Reload()
    {
        List<KeyValuePair<ByteString, ByteString>> files = ReadDirectory();
        if (!_readable)
            return;
        _variables.Clear();
        foreach ((ByteString name, Unwritten kept) in _unwritten)
            _variables[name] = kept.Value;
        foreach ((ByteString name, ByteString value) in files)
        {
            // A file that we could not replace is still Docker's to override, until a script changes it.
            bool stale = _unwritten.TryGetValue(name, out Unwritten kept) && kept.File == value;
            if (!stale)
                _variables[name] = value;
        }
        WriteDumps();
    }

    /// <summary>The environment block of a child that runs as <paramref name="user"/>, with that user's HOME and USER where the store has none.</summary>
    public CStringArray BlockFor(User? user)
    {
        var block = Entries();
        if (this["HOME"u8] is null)
            block.Add(ByteString.Join("HOME="u8, user is { Home.Length: > 0 } ? user.Home.Span : "/"u8));
        if (this["USER"u8] is null && user is not null)
            block.Add(ByteString.Join("USER="u8, user.Name.Span));
        return new CStringArray(block);
    }

    /// <summary>The environment of a service: the store and nothing else.</summary>
    public List<ByteString> Entries()
    {
        var entries = new List<ByteString>(_variables.Count + 2);
        foreach ((ByteString name, ByteString value) in _variables)
            entries.Add(ByteString.Join(name.Span, "="u8, value.Span));
        return entries;
    }

    /// <summary>What Docker says of the user it starts is wrong for the users that services run as (seed: "We ignore HOME, SHELL, USER").</summary>
    private static bool IsPerUser(ReadOnlySpan<byte> name) =>
        name.SequenceEqual("HOME"u8) || name.SequenceEqual("USER"u8) || name.SequenceEqual("GROUP"u8) ||
        name.SequenceEqual("UID"u8) || name.SequenceEqual("GID"u8) || name.SequenceEqual("SHELL"u8);

    private static string? WhyNotAVariable(ReadOnlySpan<byte> name) =>
        name.IsEmpty ? "its name is empty"
        : name.Contains((byte)'/') ? "its name has a slash, so it can't be kept as a file"
        : name.Contains((byte)'=') ? "its name has an equals sign"
        : name.SequenceEqual("."u8) || name.SequenceEqual(".."u8) ? "its name can't be a file's"
        : null;

    private List<KeyValuePair<ByteString, ByteString>> ReadDirectory()
    {
        var found = new List<KeyValuePair<ByteString, ByteString>>();
        Result<List<ByteString>> names = Files.List(_directory.Span);
        _readable = names.Ok;
        if (!names.Ok)
        {
            if (names.Error != Errno.NoEntry)
                WarnOnce(_directory, $"cannot read {_directory}: {names.Error.Words()}; going on with the variables that are known");
            return found;
        }
        names.Value.Sort();
        foreach (ByteString name in names.Value)
        {
            if (name.Is(Temporary) || _ignored.Contains(name))
                continue;
            string? reason = WhyNotAVariable(name.Span);
            if (reason is null && ReadVariable(name, out reason) is { } value)
                found.Add(new(name, value));
            else
                WarnOnce(name, $"{PathOf(name)} is skipped: {reason}");
        }
        return found;
    }

    private ByteString? ReadVariable(ByteString name, out string? reason)
    {
        Result<byte[]> file = Files.ReadAll(PathOf(name).Span, MaxString);
        reason = file.Error switch
        {
            Errno.None => null,
            Errno.NoEntry => "a link that leads nowhere",
            Errno.IsDirectory => "a directory",
            Errno.Invalid => "not a regular file",
            Errno.ArgumentsTooLong => "longer than an environment variable can be (128 KiB)",
            _ => file.Error.Words(),
        };
        if (reason is not null)
            return null;
        ReadOnlySpan<byte> value = file.Value;
        if (value.Contains((byte)0))
        {
            reason = "it contains a NUL byte, which no environment variable can";
            return null;
        }
        if (value.EndsWith("\n"u8))
            value = value[..^1];
        if (name.Length + 1 + value.Length > MaxString)
        {
            reason = "longer than an environment variable can be (128 KiB)";
            return null;
        }
        return new ByteString(value);
    }

    /// <param name="files">What the directory holds already.</param>
    private void WriteDirectory(Dictionary<ByteString, ByteString> files)
    {
        Errno made = Files.MakeDirectory(_directory.Span, DirectoryMode);
        if (made == Errno.None)
            _ = Files.SetAccess(_directory.Span, DirectoryMode, Processes.UserId, _group);
        Errno firstError = made == Errno.Exists ? Errno.None : made;
        foreach ((ByteString name, ByteString value) in _variables)
        {
            ByteString? there = files.TryGetValue(name, out ByteString file) ? file : null;
            if (there == value)
                continue;
            // Reading strips one newline: a value that ends in one gets another.
            var content = value.Span.EndsWith("\n"u8) ? ByteString.Join(value.Span, "\n"u8) : value;
            Errno error = Write(PathOf(name), ByteString.Join(_directory.Span, "/"u8, Temporary), content.Span);
            if (error == Errno.None)
                continue;
            _unwritten[name] = new Unwritten(value, there);
            if (firstError == Errno.None && error != Errno.NameTooLong)
                firstError = error;
        }
        if (firstError != Errno.None)
            WarnOnce(_directory, $"cannot write to {_directory}: {firstError.Words()}; Docker's variables reach all processes, but not these files");
    }

    private void WriteDumps()
    {
        WriteDump(".sh"u8, ShellDump.Write(_variables));
        WriteDump(".json"u8, JsonDump.Write(_variables));
    }

    private void WriteDump(ReadOnlySpan<byte> suffix, byte[] content)
    {
        var path = ByteString.Join(_directory.Span, suffix);
        Errno error = Write(path, ByteString.Join(path.Span, ".new"u8), content);
        if (error != Errno.None)
            WarnOnce(_directory, $"cannot write {path}: {error.Words()}; going on without it");
    }

    /// <summary>A directory that somebody made readable for everybody (the manual says how) means its new files too.</summary>
    private uint NewFileMode => FileMode | (Files.Status(_directory.Span).Value.Mode & OthersRead);

    /// <summary>New, then renamed, with owner and mode of the file that is there. A file that says the same already is left as it is.</summary>
    private Errno Write(ByteString path, ByteString temporary, ReadOnlySpan<byte> content)
    {
        Result<FileStatus> old = Files.Status(path.Span);
        if (old.Ok && old.Value.Size == content.Length && Files.ReadAll(path.Span, content.Length).Value.AsSpan().SequenceEqual(content))
            return Errno.None;
        return old.Ok && old.Value.Kind == FileKind.Regular
            ? Files.Replace(path.Span, temporary.Span, content, old.Value.Mode, old.Value.User, old.Value.Group)
            : Files.Replace(path.Span, temporary.Span, content, NewFileMode, Processes.UserId, _group);
    }

    private ByteString PathOf(ByteString name) => ByteString.Join(_directory.Span, "/"u8, name.Span);

    private void WarnOnce(ByteString subject, string message)
    {
        if (_warned.Add(subject.ToString()))
            Log.Warn(message);
    }
}
