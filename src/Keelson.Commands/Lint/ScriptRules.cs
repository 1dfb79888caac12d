using System.Text;
using Keelson.Linux;

namespace Keelson.Commands.Lint;

/// <summary>What a script is for.</summary>
internal enum ScriptRole
{
    /// <summary>./run and log/run: it becomes the daemon.</summary>
    Run,

    /// <summary>./run of Type=oneshot: it ends.</summary>
    OneShot,

    /// <summary>finish, check, control/LETTER: not there when it is not executable.</summary>
    Helper,

    /// <summary>/etc/my_init.d and its like: what is not executable is skipped.</summary>
    Startup,

    /// <summary>Somewhere else: whether it is to be executable is not known.</summary>
    Loose,
}

/// <summary>What is wrong with one script.</summary>
internal sealed class ScriptRules(Findings findings, ImageRoot root)
{
    private const int MaxBytes = 1024 * 1024;
    private const int ShownBytes = 256;

    private readonly bool _rootIsWhole = root.IsWhole;

    internal void Check(ByteString path, ScriptRole role)
    {
        if (root.Follow(path) is not { } file)
        {
            findings.Error(path, 0, "a link that leads nowhere", "mend or remove it");
            return;
        }
        FileStatus status = Files.Status(file.Span).Value;
        if (status.Kind != FileKind.Regular)
        {
            findings.Error(path, 0, status.Kind == FileKind.Directory ? "a directory, where a script is wanted" : "not a regular file", "put the script there");
            return;
        }
        Result<byte[]> content = Files.ReadAll(file.Span, MaxBytes);
        if (!content.Ok && content.Error != Errno.ArgumentsTooLong)
        {
            findings.Error(path, 0, $"can't be read: {content.Error.Words()}", "run this as somebody who may");
            return;
        }
        byte[] bytes = content.Value;
        bool looksLikeScript = bytes.AsSpan().StartsWith("#!"u8);
        if ((status.Mode & Files.AnyExecute) == 0 && !CheckMode(path, role, looksLikeScript))
            return;
        if (content.Ok && status.Size == 0)
            findings.Error(path, 0, "empty", "write the script, or remove the file");
        else if (content.Ok && !bytes.AsSpan(0, Math.Min(bytes.Length, ShownBytes)).Contains((byte)0))
            CheckText(path, role, bytes);
    }

    /// <summary>What has no execute bit; false when nothing more is to be said of it.</summary>
    private bool CheckMode(ByteString path, ScriptRole role, bool looksLikeScript)
    {
        string cure = $"chmod +x {path}";
        switch (role)
        {
            case ScriptRole.Run or ScriptRole.OneShot:
                findings.Error(path, 0, "not executable, so the service can't start", cure);
                return true;
            case ScriptRole.Helper:
                findings.Warning(path, 0, "not executable, so it is ignored", cure);
                return true;
            case ScriptRole.Startup:
                // A README is no mistake.
                if (looksLikeScript)
                    findings.Error(path, 0, "not executable, so it is skipped", cure);
                return looksLikeScript;
            default:
                return looksLikeScript;
        }
    }

    private void CheckText(ByteString path, ScriptRole role, byte[] bytes)
    {
        ReadOnlySpan<byte> text = bytes;
        if (text.StartsWith("\uFEFF"u8))
        {
            findings.Error(path, 1, "a byte order mark stands in front, so the first line names no interpreter", $"sed -i '1s/^\\xEF\\xBB\\xBF//' {path}");
            text = text[3..];
        }
        string interpreter = "sh";
        if (text.StartsWith("#!"u8))
            interpreter = CheckInterpreter(path, text);
        else if (role != ScriptRole.Loose)
            findings.Warning(path, 1, "no interpreter line, so it is left to /bin/sh", "write #!/bin/sh as its first line");
        if (interpreter is "sh" or "bash" or "dash" or "ash" or "ksh" or "zsh")
            CheckShell(path, role, Encoding.UTF8.GetString(text));
    }

    /// <summary>Looks at the first line and returns the name of the interpreter.</summary>
    private string CheckInterpreter(ByteString path, ReadOnlySpan<byte> text)
    {
        int end = text.IndexOf((byte)'\n');
        string line = Encoding.UTF8.GetString((end < 0 ? text : text[..end])[2..]);
        if (line.EndsWith('\r'))
        {
            findings.Error(path, 1, $"CRLF line ends, so the kernel looks for \"{line.Trim()}\\r\"", $"sed -i 's/\\r$//' {path}");
            line = line[..^1];
        }
        string[] words = line.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
        if (words.Length == 0)
        {
            findings.Error(path, 1, "#! names no interpreter", "write #!/bin/sh");
            return "";
        }
        if (words[0][0] != '/')
            findings.Error(path, 1, $"the interpreter {words[0]} is no absolute path", $"write #!/bin/{words[0][(words[0].LastIndexOf('/') + 1)..]}");
        else if (_rootIsWhole)
            CheckExists(path, words[0]);
        string name = words[0][(words[0].LastIndexOf('/') + 1)..];
        if (name != "env")
            return name;
        int at = 1;
        while (at < words.Length && (words[at][0] == '-' || words[at].Contains('=', StringComparison.Ordinal)))
            at++;
        if (at >= words.Length)
            return "";
        if (_rootIsWhole && !IsInPath(words[at]))
            findings.Error(path, 1, $"no directory of PATH has the interpreter {words[at]}", "install it in the image, or name another");
        return words[at];
    }

    private void CheckExists(ByteString path, string interpreter)
    {
        if (root.Resolve(Encoding.UTF8.GetBytes(interpreter)) is not { } file)
            findings.Error(path, 1, $"no such interpreter {interpreter}", "install it in the image, or name another");
        else if (Files.Status(file.Span).Value is var status && (status.Kind != FileKind.Regular || (status.Mode & Files.AnyExecute) == 0))
            findings.Error(path, 1, $"the interpreter {interpreter} is no program", "name another");
    }

    private bool IsInPath(string name)
    {
        if (name.Contains('/', StringComparison.Ordinal))
            return root.Resolve(Encoding.UTF8.GetBytes(name)) is not null;
        foreach (string directory in (string[])["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"])
        {
            if (root.Resolve(Encoding.UTF8.GetBytes($"{directory}/{name}")) is not null)
                return true;
        }
        return false;
    }

    private void CheckShell(ByteString path, ScriptRole role, string text)
    {
        int first = text.IndexOf('\n', StringComparison.Ordinal) + 1;
        int carriage = text.IndexOf("\r\n", first, StringComparison.Ordinal);
        if (carriage >= 0 && !text[..first].EndsWith("\r\n", StringComparison.Ordinal))
            findings.Error(path, LineAt(text, carriage), "a carriage return at the line's end, which the shell takes for a part of the last word", $"sed -i 's/\\r$//' {path}");
        if (role is not (ScriptRole.Run or ScriptRole.OneShot or ScriptRole.Loose))
            return;
        ShellScript script = ShellScript.Read(text.Replace("\r\n", "\n", StringComparison.Ordinal));
        bool leaves = CheckDaemons(path, script);
        if (role == ScriptRole.Run && !leaves)
            CheckLast(path, script);
    }

    private bool CheckDaemons(ByteString path, ShellScript script)
    {
        bool any = false;
        foreach (ShellCommand command in script.Commands)
        {
            var program = StartedProgram.Of(command.Words);
            if (Daemons.Leaving(program) is not { } daemon || IsConfiguredToStay(program))
                continue;
            findings.Error(path, command.Line, $"{program.Name} goes to the background like this, and is started again and again", daemon.Cure);
            any = true;
        }
        return any;
    }

    /// <summary>Whether its configuration file in the image says what its options don't; true too when that can't be looked at.</summary>
    private bool IsConfiguredToStay(StartedProgram program)
    {
        if (program.Name is not ("nginx" or "openresty"))
            return false;
        string file = program.Name == "nginx" ? "/etc/nginx/nginx.conf" : "/usr/local/openresty/nginx/conf/nginx.conf";
        for (int i = 0; i + 1 < program.Arguments.Count; i++)
        {
            if (program.Arguments[i] == "-c")
                file = program.Arguments[i + 1];
        }
        bool isOther = !file.StartsWith("/etc/nginx/", StringComparison.Ordinal) && program.Name == "nginx";
        if (!_rootIsWhole || root.Resolve(Encoding.UTF8.GetBytes(file)) is not { } here || !Files.ReadAll(here.Span, MaxBytes).Ok)
            return isOther;
        foreach (string line in Encoding.UTF8.GetString(Files.ReadAll(here.Span, MaxBytes).Value).Split('\n'))
        {
            if (line.Trim().StartsWith("daemon", StringComparison.Ordinal) && line.Contains("off", StringComparison.Ordinal))
                return true;
        }
        return false;
    }

    private void CheckLast(ByteString path, ShellScript script)
    {
        ShellCommand? last = null;
        foreach (ShellCommand command in script.Commands)
        {
            if (command.Depth == 0)
                last = command;
        }
        if (last is null || last.IsCompound || last.Words[0] == "exec")
            return;
        var program = StartedProgram.Of(last.Words);
        if (program.IsExec || program.Name.Length == 0 || IsShellsOwn(program.Name) || Contains(script.Functions, program.Name))
            return;
        if (last.After == "&")
            findings.Error(path, last.Line, $"{program.Name} is left in the background, so the script ends and is started again and again", "write exec in front of it, and no & behind it");
        else if (last.Before == "|")
            findings.Warning(path, last.Line, "the shell waits for a pipeline, and gets the signals in its place", "exec the daemon, and read its output in log/run");
        else
            findings.Warning(path, last.Line, $"the shell waits for {program.Name}, and gets the signals in its place", "write exec in front of it");
    }

    private static bool Contains(IReadOnlyList<string> names, string name)
    {
        foreach (string known in names)
        {
            if (known == name)
                return true;
        }
        return false;
    }

    /// <summary>What can't be exec'ed, or ends at once whoever waits for it.</summary>
    private static bool IsShellsOwn(string name) => name is
        ":" or "." or "source" or "true" or "false" or "exit" or "return" or "wait" or "kill" or "trap" or "echo" or "printf" or "test" or "[" or "[[" or
        "set" or "export" or "unset" or "cd" or "read" or "eval" or "ulimit" or "umask" or "break" or "continue" or "shift" or "mkdir" or "touch" or "rm" or "cat" or "sv";

    private static int LineAt(string text, int index)
    {
        int line = 1;
        for (int i = 0; i < index; i++)
        {
            if (text[i] == '\n')
                line++;
        }
        return line;
    }
}
