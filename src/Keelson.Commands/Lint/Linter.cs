// Which rules hold where: an image's root, a directory of services, one service, a directory of startup scripts, or any
// other directory, whose scripts alone are looked at.
using Keelson.Linux;

namespace Keelson.Commands.Lint;

/// <summary>Looks at a directory and everything below it that a boot would run. It changes nothing.</summary>
public sealed class Linter
{
    private const int MostDepth = 8;

    private readonly Findings _findings;
    private readonly ImageRoot _root;
    private readonly ScriptRules _scripts;
    private readonly ServiceRules _services;

    private Linter(ImageRoot root, Findings findings)
    {
        (_root, _findings) = (root, findings);
        _scripts = new ScriptRules(_findings, root);
        _services = new ServiceRules(_findings, root, _scripts);
    }

    /// <summary>All that is wrong below the directory.</summary>
    public static IReadOnlyList<Finding> Check(ByteString directory)
    {
        ReadOnlySpan<byte> path = directory.Span.Length > 1 ? directory.Span.TrimEnd((byte)'/') : directory.Span;
        // Below the root "/" a path begins with one slash.
        var trimmed = new ByteString(path.SequenceEqual("/"u8) ? default : path);
        if (IsRoot(trimmed))
        {
            var whole = new Linter(new ImageRoot(trimmed), new Findings());
            whole.CheckRoot(trimmed);
            return whole._findings.All;
        }
        var linter = new Linter(RootOf(trimmed), new Findings());
        linter.CheckAny(trimmed);
        return linter._findings.All;
    }

    private static ByteString In(ByteString directory, ReadOnlySpan<byte> name) => ByteString.Join(directory.Span, "/"u8, name);

    private static bool IsDirectory(ByteString path) => Files.Status(path.Span) is { Ok: true, Value.Kind: FileKind.Directory };

    private static bool IsRoot(ByteString directory) =>
        IsDirectory(In(directory, "etc/service"u8)) || IsDirectory(In(directory, "etc/my_init.d"u8)) || IsDirectory(In(directory, "etc/sv"u8));

    /// <summary>What stands in front of /etc, as seen from where we are.</summary>
    private static ImageRoot RootOf(ByteString directory)
    {
        ReadOnlySpan<byte> path = directory.Span;
        if (!path.StartsWith("/"u8))
            path = ByteString.Join(Files.ReadLink("/proc/self/cwd"u8).Value.Span, "/"u8, path).Span;
        int at = path.IndexOf("/etc/"u8);
        return at < 0 ? new ImageRoot(default, isKnown: false) : new ImageRoot(new ByteString(path[..at]));
    }

    private void CheckRoot(ByteString root)
    {
        foreach (string directory in (string[])["etc/my_init.d", "etc/my_init.pre_shutdown.d", "etc/my_init.post_shutdown.d"])
            CheckStartup(ByteString.Of($"{root}/{directory}"));
        ByteString local = In(root, "etc/rc.local"u8);
        if (Files.Status(local.Span).Ok)
            _scripts.Check(local, ScriptRole.Startup);
        if (IsDirectory(In(root, "etc/service"u8)))
            CheckServices(In(root, "etc/service"u8));
        foreach (string directory in (string[])["cron.d", "cron.hourly", "cron.daily", "cron.weekly", "cron.monthly"])
            CheckCron(ByteString.Of($"{root}/etc/{directory}"), directory == "cron.d");
    }

    private void CheckAny(ByteString directory)
    {
        ReadOnlySpan<byte> path = directory.Span;
        ReadOnlySpan<byte> name = path[(path.LastIndexOf((byte)'/') + 1)..];
        if (name.StartsWith("my_init."u8))
            CheckStartup(directory);
        else if (IsService(directory))
            CheckOneService(directory);
        else if (IsServices(directory))
            CheckServices(directory);
        else
            CheckLoose(directory, 0);
    }

    private void CheckOneService(ByteString directory)
    {
        // The others are not known, so neither is whether a name of them is right.
        _ = _services.Check(directory);
    }

    private bool IsService(ByteString directory)
    {
        foreach (string name in (string[])["run", "service.conf", "log/run", "finish", "Run", "run.sh", "supervise"])
        {
            if (_root.Follow(ByteString.Of($"{directory}/{name}")) is not null)
                return true;
        }
        return false;
    }

    private bool IsServices(ByteString directory)
    {
        foreach (ByteString name in Files.List(directory.Span).Value)
        {
            if (!name.Span.StartsWith("."u8) && IsService(In(directory, name.Span)))
                return true;
        }
        return false;
    }

    private void CheckServices(ByteString directory)
    {
        var order = new OrderRules(_findings, directory);
        foreach (ByteString name in Sorted(directory))
        {
            ByteString path = In(directory, name.Span);
            bool isDirectory = _root.Follow(path) is { } real && IsDirectory(real);
            if (name.Span.StartsWith("."u8))
            {
                if (isDirectory && IsService(path))
                    _findings.Warning(path, 0, "its name begins with a dot, so it is no service", "rename or remove it");
            }
            else if (isDirectory)
            {
                order.Add(name, _services.Check(path));
            }
            else if (!Files.Status(path.Span).Ok)
            {
                _findings.Error(path, 0, "a link that leads nowhere", "mend or remove it");
            }
            else if (IsScript(path))
            {
                _findings.Error(path, 0, "a file, and a service is a directory with a script run in it", $"mv {path} {path}.sh; mkdir {path}; mv {path}.sh {path}/run");
            }
        }
        order.Check();
    }

    private void CheckStartup(ByteString directory)
    {
        foreach (ByteString name in Sorted(directory))
        {
            ByteString path = In(directory, name.Span);
            if (_root.Follow(path) is { } real && IsDirectory(real))
                continue;
            _scripts.Check(path, ScriptRole.Startup);
            if (IsLeftOver(name.Span) && Files.Status(path.Span) is { Ok: true } status && (status.Value.Mode & Files.AnyExecute) != 0)
                _findings.Warning(path, 0, "it looks like what an editor or a package left behind, and runs all the same", $"rm {path}");
        }
    }

    private static bool IsLeftOver(ReadOnlySpan<byte> name) =>
        name.StartsWith("."u8) || name.StartsWith("#"u8) || name.EndsWith("~"u8) || name.EndsWith(".bak"u8) || name.EndsWith(".orig"u8) || name.EndsWith(".rej"u8) ||
        name.EndsWith(".swp"u8) || name.EndsWith(".old"u8) || name.IndexOf(".dpkg-"u8) > 0;

    /// <summary>cron(8) and run-parts(8) pass over names with other characters without a word.</summary>
    private void CheckCron(ByteString directory, bool isTables)
    {
        foreach (ByteString name in Sorted(directory))
        {
            ByteString path = In(directory, name.Span);
            // Packages keep directories with one.
            if (name.Is(".placeholder"u8) || IsDirectory(path))
                continue;
            if (HasOtherThanWordCharacters(name.Span))
                _findings.Warning(path, 0, $"{(isTables ? "cron" : "run-parts")} ignores names with other characters than letters, digits, - and _", "rename it");
            else if (!isTables)
                _scripts.Check(path, ScriptRole.Startup);
        }
    }

    private static bool HasOtherThanWordCharacters(ReadOnlySpan<byte> name)
    {
        foreach (byte b in name)
        {
            if (!char.IsAsciiLetterOrDigit((char)b) && b is not ((byte)'-' or (byte)'_'))
                return true;
        }
        return false;
    }

    private void CheckLoose(ByteString directory, int depth)
    {
        foreach (ByteString name in Sorted(directory))
        {
            ByteString path = In(directory, name.Span);
            // A link may lead back.
            if (Files.ReadLink(path.Span).Ok || name.Is(".git"u8))
                continue;
            if (!IsDirectory(path))
            {
                if (IsScript(path))
                    _scripts.Check(path, name.Is("run"u8) ? ScriptRole.Run : ScriptRole.Loose);
            }
            else if (IsRoot(path))
            {
                new Linter(new ImageRoot(path), _findings).CheckRoot(path);
            }
            else if (IsService(path))
            {
                CheckOneService(path);
            }
            else if (depth < MostDepth)
            {
                CheckLoose(path, depth + 1);
            }
        }
    }

    private static bool IsScript(ByteString path)
    {
        Span<byte> buffer = stackalloc byte[2];
        return Files.Status(path.Span) is { Ok: true, Value.Kind: FileKind.Regular } && Files.ReadStart(path.Span, buffer).SequenceEqual("#!"u8);
    }

    private static List<ByteString> Sorted(ByteString directory)
    {
        List<ByteString> names = Files.List(directory.Length == 0 ? "/"u8 : directory.Span).Value;
        names.Sort();
        return names;
    }
}
