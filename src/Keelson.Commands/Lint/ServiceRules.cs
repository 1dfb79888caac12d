using System.Text;
using Keelson.Linux;
using Keelson.Supervision;

namespace Keelson.Commands.Lint;

/// <summary>What is wrong with a service's directory: names that nobody looks for, and what is in those that somebody does.</summary>
internal sealed class ServiceRules(Findings findings, ImageRoot root, ScriptRules scripts)
{
    // Those that a script can stand for: runsv(8).
    private const string ControlLetters = "utcphaiq12kdx";

    /// <summary>Looks at a service and returns its service.conf; the default one when it has none or it can't be read.</summary>
    internal ServiceConf Check(ByteString directory)
    {
        ByteString real = root.Follow(directory) ?? directory;
        List<ByteString> names = Files.List(real.Span).Value;
        names.Sort();
        ServiceConf conf = ReadConf(directory, names);
        if (Has(names, "run"u8))
            scripts.Check(Below(directory, "run"u8), conf.Type == ServiceType.OneShot ? ScriptRole.OneShot : ScriptRole.Run);
        else if (!conf.HasStart)
            MissingRun(directory, names);
        foreach (ByteString name in names)
            CheckEntry(directory, name, names);
        return conf;
    }

    private static ByteString Below(ByteString directory, ReadOnlySpan<byte> name) => ByteString.Join(directory.Span, "/"u8, name);

    private static bool Has(List<ByteString> names, ReadOnlySpan<byte> name)
    {
        foreach (ByteString known in names)
        {
            if (known.Is(name))
                return true;
        }
        return false;
    }

    private ServiceConf ReadConf(ByteString directory, List<ByteString> names)
    {
        ByteString path = Below(directory, "service.conf"u8);
        if (!Has(names, "service.conf"u8) || root.Follow(path) is not { } file)
            return ServiceConf.Default;
        Result<byte[]> content = Files.ReadAll(file.Span, ServiceConf.MaxBytes);
        if (!content.Ok)
        {
            findings.Error(path, 0, content.Error == Errno.ArgumentsTooLong ? "larger than 64 KiB" : $"can't be read: {content.Error.Words()}", "write a smaller regular file");
            return ServiceConf.Default;
        }
        var conf = ServiceConf.Parse(content.Value);
        foreach (string error in conf.Errors)
            AddFromConf(path, error, isError: true);
        foreach (string warning in conf.Warnings)
            AddFromConf(path, warning, isError: false);
        return conf;
    }

    /// <summary>"line 3: WHAT; CURE", as service.conf's reader says it.</summary>
    private void AddFromConf(ByteString path, string text, bool isError)
    {
        int line = 0, colon = text.IndexOf(": ", StringComparison.Ordinal);
        if (text.StartsWith("line ", StringComparison.Ordinal) && colon > 0 && int.TryParse(text.AsSpan(5, colon - 5), out line))
            text = text[(colon + 2)..];
        int semicolon = text.LastIndexOf("; ", StringComparison.Ordinal);
        string what = semicolon < 0 ? text : text[..semicolon], cure = semicolon < 0 ? "see service.conf(5)" : text[(semicolon + 2)..];
        if (isError)
            findings.Error(path, line, what, cure);
        else
            findings.Warning(path, line, what, cure);
    }

    private void MissingRun(ByteString directory, List<ByteString> names)
    {
        foreach (ByteString name in names)
        {
            if (!IsLike(name, "run") && !IsLike(name, "start") && !IsLike(name, "service"))
                continue;
            findings.Error(Below(directory, name.Span), 0, "nobody looks for this name: a service's script is called run", $"mv {Below(directory, name.Span)} {Below(directory, "run"u8)}");
            return;
        }
        findings.Error(directory, 0, "no script run", $"write the start of the daemon, in the foreground, into {Below(directory, "run"u8)}");
    }

    private void CheckEntry(ByteString directory, ByteString name, List<ByteString> names)
    {
        ByteString path = Below(directory, name.Span);
        if (name.Is("finish"u8) || name.Is("check"u8))
            scripts.Check(path, ScriptRole.Helper);
        else if (name.Is("log"u8))
            CheckLog(path);
        else if (name.Is("control"u8))
            CheckControl(path);
        else if (name.Is("supervise"u8))
            CheckSupervise(path);
        else
            CheckName(path, name, names);
    }

    private void CheckName(ByteString path, ByteString name, List<ByteString> names)
    {
        foreach (string wanted in (string[])["finish", "check", "down", "log", "control", "service.conf"])
        {
            byte[] bytes = Encoding.UTF8.GetBytes(wanted);
            if (name.Is(bytes) || Has(names, bytes) || !IsLike(name, wanted))
                continue;
            findings.Warning(path, 0, $"nobody looks for this name: it is to be {wanted}", $"mv {path} {path.ToString()[..^name.ToString().Length]}{wanted}");
        }
    }

    /// <summary>The name in other letters, or with an ending: Run, run.sh.</summary>
    private static bool IsLike(ByteString name, string wanted)
    {
        string text = name.ToString();
        if (wanted == "service.conf")
            return text != wanted && (text.Equals(wanted, StringComparison.OrdinalIgnoreCase) || text is "service.cfg" or "service.ini" or "service" || text.EndsWith(".service", StringComparison.Ordinal));
        return text.Equals(wanted, StringComparison.OrdinalIgnoreCase) ||
            text.StartsWith(wanted + ".", StringComparison.OrdinalIgnoreCase) && text[(wanted.Length + 1)..].ToLowerInvariant() is "sh" or "bash" or "py" or "pl" or "rb" or "txt";
    }

    private void CheckLog(ByteString path)
    {
        if (root.Follow(path) is not { } real || Files.Status(real.Span).Value.Kind != FileKind.Directory)
        {
            findings.Error(path, 0, "not a directory, so nobody reads what the service writes", $"make it one, with the reader as {Below(path, "run"u8)}");
            return;
        }
        List<ByteString> names = Files.List(real.Span).Value;
        names.Sort();
        if (Has(names, "run"u8))
            scripts.Check(Below(path, "run"u8), ScriptRole.Run);
        else
            MissingRun(path, names);
        foreach (ByteString name in names)
        {
            if (name.Is("finish"u8) || name.Is("supervise"u8))
                CheckEntry(path, name, names);
        }
    }

    private void CheckControl(ByteString path)
    {
        List<ByteString> names = Files.List((root.Follow(path) ?? path).Span).Value;
        names.Sort();
        foreach (ByteString name in names)
        {
            if (name.Length == 1 && ControlLetters.Contains((char)name.Span[0], StringComparison.Ordinal))
                scripts.Check(Below(path, name.Span), ScriptRole.Helper);
            else
                findings.Warning(Below(path, name.Span), 0, "no command of sv has this letter, so it never runs", "name it by one of " + string.Join(' ', ControlLetters.ToCharArray()));
        }
    }

    /// <summary>What a supervisor has made belongs to the container that it runs in.</summary>
    private void CheckSupervise(ByteString path)
    {
        // A link leads to where it is made anew at each start. Somebody who reads ok supervises this very moment.
        if (Files.ReadLink(path.Span).Ok || Files.Status(path.Span) is not { Ok: true, Value.Kind: FileKind.Directory })
            return;
        Result<int> ok = Files.Status(Below(path, "ok"u8).Span).Value.Kind == FileKind.Fifo ? Files.OpenWrite(Below(path, "ok"u8).Span) : new(-1, Errno.NoEntry);
        Files.Close(ok.Value);
        if (!ok.Ok)
            findings.Warning(path, 0, "left by a supervisor that has ended, and no part of an image", $"rm -r {path}");
    }
}
