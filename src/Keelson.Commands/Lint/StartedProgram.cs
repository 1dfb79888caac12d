namespace Keelson.Commands.Lint;

/// <summary>
/// What a command starts in the end: behind exec, env, setuser, chpst and other programs that become what their arguments
/// say. Pure.
/// </summary>
/// <param name="name">The program without its directory; empty when there is none.</param>
/// <param name="arguments">What stands behind it.</param>
/// <param name="isExec">The shell becomes it.</param>
public sealed class StartedProgram(string name, IReadOnlyList<string> arguments, bool isExec)
{
    public string Name => name;
    public IReadOnlyList<string> Arguments => arguments;
    public bool IsExec => isExec;

    public static StartedProgram Of(IReadOnlyList<string> words)
    {
        bool execs = false;
        int at = 0;
        while (at < words.Count)
        {
            string program = BaseName(words[at]);
            int next = program switch
            {
                _ when IsAssignment(words[at]) => at + 1,
                "exec" => Behind(words, at + 1, "a"),
                "env" => Behind(words, at + 1, "uCS"),
                "setuser" or "gosu" or "su-exec" => at + 2,
                "chpst" => Behind(words, at + 1, "uUbe/CnlLmdopfcrtsa"),
                "nice" => Behind(words, at + 1, "n"),
                "ionice" => Behind(words, at + 1, "cnt"),
                "stdbuf" => Behind(words, at + 1, "ioe"),
                "timeout" => Behind(words, at + 1, "ks") + 1,
                "nohup" or "setsid" or "setpriv" or "command" or "builtin" or "tini" or "dumb-init" or "pgrphack" => Behind(words, at + 1, ""),
                _ => -1,
            };
            if (next < 0)
                return new(program, Rest(words, at + 1), execs);
            execs |= program == "exec";
            at = next;
        }
        return new("", [], execs);
    }

    /// <summary>The index behind options; these letters take a value, in the next word where it is not attached.</summary>
    private static int Behind(IReadOnlyList<string> words, int at, string withValue)
    {
        while (at < words.Count && words[at].Length > 1 && words[at][0] == '-')
        {
            string option = words[at++];
            if (option == "--")
                break;
            if (option.Length == 2 && withValue.Contains(option[1], StringComparison.Ordinal))
                at++;
        }
        return at;
    }

    private static string[] Rest(IReadOnlyList<string> words, int from)
    {
        var rest = new string[Math.Max(words.Count - from, 0)];
        for (int i = 0; i < rest.Length; i++)
            rest[i] = words[from + i];
        return rest;
    }

    private static bool IsAssignment(string word)
    {
        int equals = word.IndexOf('=', StringComparison.Ordinal);
        if (equals < 1 || char.IsAsciiDigit(word[0]))
            return false;
        for (int i = 0; i < equals; i++)
        {
            if (!char.IsAsciiLetterOrDigit(word[i]) && word[i] != '_')
                return false;
        }
        return true;
    }

    private static string BaseName(string word) => word[(word.LastIndexOf('/') + 1)..];
}
