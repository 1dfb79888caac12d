// service.conf beside ./run: the syntax and the words of systemd's units (systemd.unit(5), systemd.syntax(7)), as much of
// them as is built. A directory without the file behaves as under runit. A pure parser: what is wrong comes back as text
// that names the line, and the rest of the file holds.
using System.Globalization;
using System.Text;

namespace Keelson.Supervision;

/// <summary>What a condition asks about.</summary>
public enum ConditionKind
{
    /// <summary>ConditionEnvironment=NAME or NAME=VALUE.</summary>
    Environment,

    /// <summary>ConditionUser=NAME or UID: who PID 1 runs as.</summary>
    User,
}

/// <summary>A line Condition...=, which with a leading ! asks for the opposite.</summary>
public readonly record struct ServiceCondition(ConditionKind Kind, bool Negated, string Value);

public sealed class ServiceConf
{
    /// <summary>The file is refused beyond this size in bytes.</summary>
    public const int MaxBytes = 64 * 1024;

    private const long DefaultStartTimeoutMilliseconds = 5000;

    private readonly List<ServiceCondition> _conditions = [];
    private readonly List<string> _complaints = [];

    /// <summary>What a directory without service.conf has.</summary>
    public static ServiceConf Default { get; } = new();

    /// <summary>
    /// DefaultDependencies=no: the service runs before the first startup script and until everything else has ended, as
    /// with systemd what all others may rely on.
    /// </summary>
    public bool IsEarly { get; private set; }

    /// <summary>All must hold, else the service stays down.</summary>
    public IReadOnlyList<ServiceCondition> Conditions => _conditions;

    /// <summary>X-ReadySocket=: the service is ready once something listens on this Unix socket; empty when nothing is waited for.</summary>
    public string ReadySocket { get; private set; } = "";

    /// <summary>TimeoutStartSec= in milliseconds: how long readiness is waited for. 0 (infinity) is <see cref="long.MaxValue"/>.</summary>
    public long StartTimeoutMilliseconds { get; private set; } = DefaultStartTimeoutMilliseconds;

    /// <summary>What is wrong with the file: "line 3: ...; CURE".</summary>
    public IReadOnlyList<string> Complaints => _complaints;

    public static ServiceConf Parse(ReadOnlySpan<byte> file)
    {
        var conf = new ServiceConf();
        string section = "";
        // A byte order mark and carriage returns come from editors of elsewhere, and mean nothing.
        string[] lines = Encoding.UTF8.GetString(file).TrimStart('\uFEFF').Replace("\r\n", "\n", StringComparison.Ordinal).Split('\n');
        for (int i = 0; i < lines.Length; i++)
        {
            int first = i + 1;
            string line = lines[i];
            while (line.EndsWith('\\') && i + 1 < lines.Length)
                line = string.Concat(line.AsSpan(0, line.Length - 1), " ", lines[++i]);
            line = line.Trim();
            if (line.Length == 0 || line[0] is '#' or ';')
                continue;
            if (line[0] == '[' && line[^1] == ']')
                section = line[1..^1];
            else if (line.IndexOf('=') is > 0 and var equals)
                conf.Set(section, line[..equals].TrimEnd(), line[(equals + 1)..].TrimStart(), first);
            else
                conf.Complain(first, $"\"{line}\" is neither [SECTION] nor KEY=VALUE; the line is ignored");
        }
        return conf;
    }

    private void Set(string section, string key, string value, int line)
    {
        switch (section, key)
        {
            case ("Unit", "DefaultDependencies"):
                if (Flag(value) is { } on)
                    IsEarly = !on;
                else
                    Complain(line, $"DefaultDependencies={value} is neither yes nor no; taken for yes");
                break;
            case ("Unit", "ConditionEnvironment"):
                AddCondition(ConditionKind.Environment, value);
                break;
            case ("Unit", "ConditionUser"):
                AddCondition(ConditionKind.User, value);
                break;
            case ("Unit", "Description" or "Documentation"):
                break;
            case ("Service", "TimeoutStartSec"):
                if (Milliseconds(value) is { } milliseconds)
                    StartTimeoutMilliseconds = milliseconds == 0 ? long.MaxValue : milliseconds;
                else
                    Complain(line, $"TimeoutStartSec={value} is no time span; write seconds, or for example 500ms or 1min 30s");
                break;
            case ("Service", "X-ReadySocket"):
                if (value.Length == 0 || value[0] == '/')
                    ReadySocket = value;
                else
                    Complain(line, $"X-ReadySocket={value} is no absolute path; nothing is waited for");
                break;
            case ("Unit" or "Service", _):
                if (!key.StartsWith("X-", StringComparison.Ordinal))
                    Complain(line, $"unknown key {key} in [{section}]; it is ignored");
                break;
            case ("", _):
                Complain(line, $"{key}= is in no section; write [Unit] or [Service] above it");
                break;
            default:
                break;
        }
    }

    /// <summary>An empty value takes all conditions of before away, as with systemd.</summary>
    private void AddCondition(ConditionKind kind, string value)
    {
        if (value.Length == 0)
            _conditions.Clear();
        else
            _conditions.Add(value[0] == '!' ? new(kind, true, value[1..].TrimStart()) : new(kind, false, value));
    }

    private void Complain(int line, string what) => _complaints.Add($"line {line}: {what}");

    private static bool? Flag(string value) => value.ToLowerInvariant() switch
    {
        "1" or "yes" or "y" or "true" or "t" or "on" => true,
        "0" or "no" or "n" or "false" or "f" or "off" => false,
        _ => null,
    };

    /// <summary>A time span of systemd.time(7) in milliseconds: numbers with units, seconds without; null when it is none.</summary>
    public static long? Milliseconds(string text)
    {
        const long most = 1_000_000_000;
        ReadOnlySpan<char> rest = text.AsSpan().Trim();
        if (rest is "infinity")
            return 0;
        if (rest.IsEmpty)
            return null;
        long sum = 0;
        while (!rest.IsEmpty)
        {
            int digits = CountOf(rest, char.IsAsciiDigit);
            if (digits == 0 || !long.TryParse(rest[..digits], out long number) || number > most)
                return null;
            rest = rest[digits..];
            ReadOnlySpan<char> fraction = rest is ['.', ..] ? rest.Slice(1, CountOf(rest[1..], char.IsAsciiDigit)) : default;
            rest = rest[(fraction.IsEmpty ? 0 : fraction.Length + 1)..].TrimStart();
            int letters = CountOf(rest, char.IsAsciiLetterLower);
            if (Unit(rest[..letters]) is not { } unit)
                return null;
            rest = rest[letters..].TrimStart();
            // Thousandths are enough for a unit of days.
            sum += number * unit + (fraction.IsEmpty ? 0 : long.Parse((fraction.ToString() + "00")[..3], CultureInfo.InvariantCulture) * unit / 1000);
        }
        return sum;
    }

    private static int CountOf(ReadOnlySpan<char> text, Func<char, bool> kind)
    {
        int count = 0;
        while (count < text.Length && kind(text[count]))
            count++;
        return count;
    }

    private static long? Unit(ReadOnlySpan<char> name) => name switch
    {
        "ms" or "msec" => 1,
        "" or "s" or "sec" or "second" or "seconds" => 1000,
        "m" or "min" or "minute" or "minutes" => 60_000,
        "h" or "hr" or "hour" or "hours" => 3_600_000,
        "d" or "day" or "days" => 86_400_000,
        _ => null,
    };
}
