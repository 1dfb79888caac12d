// What service.conf says of the process: systemd.exec(5), and the commands of systemd.service(5). A pure parser. Process 1
// uses it to find what is wrong at boot; `keelson exec-service` reads the file again when a process is to be started, and
// applies it.
using System.Globalization;
using System.Text;

namespace Keelson.Supervision;

public sealed class ExecSettings
{
    private readonly string _name;
    private readonly List<ExecCommand>[] _commands = [[], [], [], [], [], []];
    private readonly List<ResourceLimit> _limits = [];
    private readonly List<byte[]> _environment = [];
    private readonly List<(byte[] Path, bool IsOptional)> _environmentFiles = [];
    private readonly List<string> _supplementaryGroups = [];
    private ulong _bounding = Capabilities.All;
    private ulong _ambient;

    /// <param name="name">The service's name, which specifiers may stand for.</param>
    public ExecSettings(string name) => _name = name;

    /// <summary>User=, a name or a number; empty when it is not given, as Group=.</summary>
    public string User { get; private set; } = "";
    public string Group { get; private set; } = "";
    public IReadOnlyList<string> SupplementaryGroups => _supplementaryGroups;

    /// <summary>WorkingDirectory=: an absolute path, or ~ for the home directory of User=; empty when it is not given.</summary>
    public byte[] WorkingDirectory { get; private set; } = [];

    /// <summary>WorkingDirectory=-...: where there is none, the process stays in the service's.</summary>
    public bool WorkingDirectoryIsOptional { get; private set; }

    /// <summary>Environment=, each NAME=VALUE; the later one of a name counts.</summary>
    public IReadOnlyList<byte[]> Environment => _environment;

    /// <summary>EnvironmentFile=, read in this order; what they say goes over Environment=.</summary>
    public IReadOnlyList<(byte[] Path, bool IsOptional)> EnvironmentFiles => _environmentFiles;

    public uint? UMask { get; private set; }

    /// <summary>Limit...=, each resource once.</summary>
    public IReadOnlyList<ResourceLimit> Limits => _limits;

    public int? Nice { get; private set; }
    public int? OomScoreAdjust { get; private set; }

    /// <summary>CapabilityBoundingSet=, bit n for capability n; <see cref="Capabilities.All"/> when nothing is taken away.</summary>
    public ulong BoundingSet => _bounding;

    /// <summary>AmbientCapabilities=, as <see cref="BoundingSet"/>.</summary>
    public ulong AmbientSet => _ambient;

    public bool NoNewPrivileges { get; private set; }

    /// <summary>What is wrong: "line 3: KEY=VALUE ...; CURE".</summary>
    public IReadOnlyList<string> Errors { get; private set; } = [];

    public IReadOnlyList<ExecCommand> Commands(ExecKind kind) => _commands[(int)kind];

    /// <summary>Reads all of a service.conf that concerns the process, and passes over the rest.</summary>
    /// <param name="file">The file's bytes.</param>
    /// <param name="name">The service's name.</param>
    public static ExecSettings Parse(ReadOnlySpan<byte> file, string name)
    {
        var settings = new ExecSettings(name);
        var errors = new List<string>();
        foreach (ConfLine line in ConfSyntax.Read(file, []))
        {
            if (line.Section == "Service" && settings.Set(line.Key, line.Value) is { } wrong)
                errors.Add($"line {line.Number}: {line.Key}={line.Value} {wrong}");
        }
        if (settings.Contradiction() is { } contradiction)
            errors.Add(contradiction);
        settings.Errors = errors;
        return settings;
    }

    /// <summary>Takes one more line. A key that is none of the process is nobody's business here.</summary>
    /// <returns>What is wrong, and the cure; null when nothing is.</returns>
    internal string? Set(string key, string value)
    {
        // What the file's bytes were is lost behind the one, and no argument and no path goes on behind the other.
        if (HasAny(value, "\uFFFD\0") && (ExecKinds.OfKey(key) is not null || Array.IndexOf(KnownKeys.Process, key) >= 0))
            return value.Contains('\0', StringComparison.Ordinal) ? "has a NUL; remove it" : "is not UTF-8; write it so, or such a byte as \\xHH";
        if (ExecKinds.OfKey(key) is { } kind)
            return AddCommands(_commands[(int)kind], value);
        if (ResourceLimits.Find(key) is >= 0 and var resource)
            return SetLimit(resource, value);
        switch (key)
        {
            case "User":
                return Account(value, out string user) ?? Set(User = user);
            case "Group":
                return Account(value, out string group) ?? Set(Group = group);
            case "SupplementaryGroups":
                return AddGroups(value);
            case "WorkingDirectory":
                return SetDirectory(value);
            case "Environment":
                return AddEnvironment(value);
            case "EnvironmentFile":
                return AddEnvironmentFile(value);
            case "UMask":
                return SetMask(value);
            case "Nice":
                return Between(value, -20, 19, out int? nice) ?? Set(Nice = nice);
            case "OOMScoreAdjust":
                return Between(value, -1000, 1000, out int? score) ?? Set(OomScoreAdjust = score);
            case "CapabilityBoundingSet":
                return Capabilities.Merge(value, Capabilities.All, ref _bounding);
            case "AmbientCapabilities":
                return Capabilities.Merge(value, 0, ref _ambient);
            case "NoNewPrivileges":
                bool on = false;
                return (value.Length == 0 ? null : ServiceConf.Flag(value, out on)) ?? Set(NoNewPrivileges = on);
            default:
                return null;
        }
    }

    /// <summary>What no single line is to blame for; null when there is nothing.</summary>
    internal string? Contradiction() => (_ambient & ~_bounding) is > 0 and var missing && !Capabilities.IsOpenEnded(_ambient)
        ? $"AmbientCapabilities= has {Capabilities.Names(missing)}, which CapabilityBoundingSet= takes away; add it there too"
        : null;

    /// <summary>An assignment is no complaint.</summary>
    private static string? Set<T>(T _) => null;

    private string? AddCommands(List<ExecCommand> commands, string value)
    {
        // An empty value takes those of the lines above away, here and below.
        if (value.Length > 0)
            return ExecCommand.Parse(value, _name, commands);
        commands.Clear();
        return null;
    }

    private string? SetLimit(int resource, string value)
    {
        ResourceLimit limit = default;
        if (value.Length > 0 && ResourceLimits.Parse(resource, value, out limit) is { } wrong)
            return wrong;
        _limits.RemoveAll(l => l.Resource == resource);
        if (value.Length > 0)
            _limits.Add(limit);
        return null;
    }

    /// <summary>A name or a number: no name is a path, a list, or begins with a dash.</summary>
    private string? Account(string value, out string account)
    {
        if (Expand(value, out account) is { } wrong)
            return wrong;
        if (HasAny(account, " \t/:,\"") || account.StartsWith('-'))
            return "is neither a name nor a number; write one of them";
        return account == "4294967295" ? "is the number that means nobody at all; write another one" : null;
    }

    private string? AddGroups(string value)
    {
        if (value.Length == 0)
            _supplementaryGroups.Clear();
        foreach (string word in ConfSyntax.Words(value))
        {
            if (Account(word, out string group) is { } wrong)
                return $"has {word}, which {wrong}";
            if (group.Length > 0 && !_supplementaryGroups.Contains(group))
                _supplementaryGroups.Add(group);
        }
        return null;
    }

    private string? SetDirectory(string value)
    {
        bool isOptional = value.StartsWith('-');
        if (Expand(isOptional ? value[1..] : value, out string path) is { } wrong)
            return wrong;
        if (path.Length > 0 && path != "~" && !IsAbsolute(path))
            return "is no absolute path; write one, or ~ for the home directory of User=";
        WorkingDirectory = Encoding.UTF8.GetBytes(path);
        WorkingDirectoryIsOptional = isOptional;
        return null;
    }

    private static bool HasAny(string text, string letters)
    {
        foreach (char c in text)
        {
            if (letters.Contains(c))
                return true;
        }
        return false;
    }

    private static bool IsAbsolute(string path) => path.StartsWith('/');

    private string? AddEnvironment(string value)
    {
        if (value.Length == 0)
            _environment.Clear();
        ReadOnlySpan<byte> rest = Encoding.UTF8.GetBytes(value);
        var word = new List<byte>();
        var added = new List<byte[]>();
        while (true)
        {
            switch (ExecWords.Next(ref rest, keepsUnknownEscapes: false, word))
            {
                case WordKind.End:
                    _environment.AddRange(added);
                    return null;
                case WordKind.OpenQuote:
                    return "has a quote that is not closed; close it, or write \\\" for the sign itself";
                case WordKind.UnknownEscape:
                    return "has a backslash before what is no escape; write two for the sign itself";
                default:
                    break;
            }
            if (ExecWords.Specifiers(word, _name) is { } wrong)
                return wrong;
            int equals = word.IndexOf((byte)'=');
            if (equals < 0 || !EnvironmentFile.IsName([.. word.GetRange(0, equals)]))
                return $"has \"{Encoding.UTF8.GetString([.. word])}\", which is not NAME=VALUE; write so, and quotes round all of it where it has blanks: \"NAME=a b\"";
            added.Add([.. word]);
        }
    }

    private string? AddEnvironmentFile(string value)
    {
        if (value.Length == 0)
        {
            _environmentFiles.Clear();
            return null;
        }
        bool isOptional = value.StartsWith('-');
        if (Expand(isOptional ? value[1..] : value, out string path) is { } wrong)
            return wrong;
        if (!IsAbsolute(path))
            return "is no absolute path; write one";
        if (HasAny(path, "*?["))
            return "is a pattern, which is not supported here; write a line for each file";
        _environmentFiles.Add((Encoding.UTF8.GetBytes(path), isOptional));
        return null;
    }

    private string? SetMask(string value)
    {
        uint mask = 0;
        foreach (char c in value)
        {
            mask = c is >= '0' and <= '7' && mask <= 0x1ff ? mask * 8 + (uint)(c - '0') : uint.MaxValue;
        }
        if (mask > 0x1ff)
            return "is no file mode mask; write octal digits, for example 0022";
        UMask = value.Length == 0 ? null : mask;
        return null;
    }

    private static string? Between(string value, int least, int most, out int? number)
    {
        number = null;
        if (value.Length == 0)
            return null;
        if (!int.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int given) || given < least || given > most)
            return string.Create(CultureInfo.InvariantCulture, $"is no whole number from {least} to {most}; write one");
        number = given;
        return null;
    }

    private string? Expand(string value, out string expanded)
    {
        var bytes = new List<byte>(Encoding.UTF8.GetBytes(value));
        string? wrong = ExecWords.Specifiers(bytes, _name);
        expanded = Encoding.UTF8.GetString([.. bytes]);
        return wrong;
    }
}
