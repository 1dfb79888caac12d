using System.Buffers.Text;
using Keelson.Linux;

namespace Keelson.Commands.Chpst;

/// <summary>chpst(8), and the commands of daemontools that it is by their names.</summary>
public static class ChpstCommand
{
    private const int WrongUsage = 100;

    private const string Usage = "usage: chpst [-vVP012] [-u user[:group]] [-U user[:group]] [-b argv0] [-e dir] [-/ root] [-C pwd] [-n nice] [-l|-L lock] [-m n] [-d n] [-o n] [-p n] [-f n] [-c n] [-t n] prog\n";
    private const string SetLockUsage = "usage: setlock [ -nNxX ] file program [ arg ... ]\n";
    private const string SoftLimitUsage = "usage: softlimit [-a allbytes] [-c corebytes] [-d databytes] [-f filebytes] [-l lockbytes] [-m membytes] [-o openfiles] [-p processes] [-r residentbytes] [-s stackbytes] [-t cpusecs] child\n";

    private const string Help =
        """

        Changes the process state and runs prog in it.

          -u user[:group...]  become this user, with the group of its passwd entry or with these groups; -u :uid:gid... in numbers
          -U user[:group]     set UID and GID to those of the user
          -b argv0            the name that prog is called by
          -e dir              set a variable for each file in dir to its first line; an empty file unsets
          -/ root             change the root directory, and to it
          -C pwd              change the working directory, below root
          -n inc              add to the nice level
          -l lock, -L lock    lock this file; wait for it, or fail when another has it
          -m bytes            limit data, stack, locked memory and address space, each to so much
          -d -f -c bytes      limit data, file size, core size
          -o -p number        limit open files, processes of the user
          -t seconds          limit the processor time
          -P                  run prog in a session of its own
          -0 -1 -2            close standard input, output, error

        By the names setuidgid, envuidgid, envdir, pgrphack, setlock and softlimit it is those commands.
        Exit status: that of prog; 100 for wrong usage, 111 when something failed.

        """;

    /// <param name="image">What the kernel gave this process.</param>
    /// <param name="first">Where the arguments begin, behind the command's own name.</param>
    /// <param name="name">The name that it was called by.</param>
    public static int Run(ProcessImage image, int first, ReadOnlySpan<byte> name)
    {
        if (image.Arguments.Length > first && image.Arguments[first].Is("--help"u8))
        {
            Say.Out(Usage + Help);
            return 0;
        }
        if (name.StartsWith("d"u8))
            name = name[1..];
        if (name.SequenceEqual("setuidgid"u8))
            return Account(image, first, "setuidgid", (state, who) => state.User = who);
        if (name.SequenceEqual("envuidgid"u8))
            return Account(image, first, "envuidgid", (state, who) => state.NamedUser = who);
        if (name.SequenceEqual("envdir"u8))
            return image.Arguments.Length < first + 2 ? Wrong("usage: envdir dir child\n") : new ProcessState { IsEnvdir = true, EnvironmentFrom = image.Arguments[first] }.Run(image, first + 1);
        if (name.SequenceEqual("pgrphack"u8))
            return image.Arguments.Length < first + 1 ? Wrong("usage: pgrphack child\n") : new ProcessState { OwnSession = true }.Run(image, first);
        if (name.SequenceEqual("setlock"u8))
            return SetLock(image, first);
        return name.SequenceEqual("softlimit"u8) ? SoftLimit(image, first) : Chpst(image, first);
    }

    private static int Wrong(string usage, OptionReader? problem = null, string name = "")
    {
        if (problem is not null)
            Say.Error(problem.LacksValue ? $"{name}: option requires an argument -- {problem.Culprit}\n" : $"{name}: illegal option -- {problem.Culprit}\n");
        return Say.Fail(WrongUsage, usage);
    }

    private static int Account(ProcessImage image, int first, string name, Action<ProcessState, Identity> use)
    {
        if (image.Arguments.Length < first + 2)
            return Wrong($"usage: {name} account child\n");
        if (Identity.FindAccount(image.Arguments[first].Span) is not { } identity)
            return ProcessState.Fail($"unknown account: {image.Arguments[first]}");
        var state = new ProcessState();
        use(state, identity);
        return state.Run(image, first + 1);
    }

    private static int Chpst(ProcessImage image, int first)
    {
        var state = new ProcessState();
        var options = new OptionReader(image.Arguments, first, "u:U:b:e:m:d:o:p:f:c:t:n:/:C:l:L:vVP012");
        for (char letter = options.Next(); letter != OptionReader.End; letter = options.Next())
        {
            switch (letter)
            {
                case 'u' or 'U':
                    if (Identity.Find(options.Value.Span) is not { } identity)
                        return ProcessState.Fail(options.Value.Span is [(byte)':', ..] ? $"invalid uid/gids: {options.Value.ToString()[1..]}" : $"unknown user/group: {options.Value}");
                    if (letter == 'u')
                        state.User = identity;
                    else
                        state.NamedUser = identity;
                    break;
                case 'b': state.Argument0 = options.Value; break;
                case 'e': state.EnvironmentFrom = options.Value; break;
                case '/': state.Root = options.Value; break;
                case 'C': state.WorkingDirectory = options.Value; break;
                case 'n' when Increment(options.Value.Span) is { } increment: state.Nice = increment; break;
                case 'l' or 'L' when state.Lock is null:
                    state.Lock = options.Value;
                    state.WaitsForLock = letter == 'l';
                    break;
                case 'P': state.OwnSession = true; break;
                case '0' or '1' or '2': state.Closed[letter - '0'] = true; break;
                case 'v': break;
                case 'V':
                    Say.Error("chpst (keelson)\n");
                    return Wrong(Usage);
                case 'm' or 'd' or 'o' or 'p' or 'f' or 'c' or 't' when AddLimit(state, letter, options.Value.Span): break;
                case OptionReader.Problem: return Wrong(Usage, options, "chpst");
                default: return Wrong(Usage);
            }
        }
        return options.Index >= image.Arguments.Length ? Wrong(Usage) : state.Run(image, options.Index);
    }

    private static int SetLock(ProcessImage image, int first)
    {
        var state = new ProcessState();
        var options = new OptionReader(image.Arguments, first, "nNxX");
        for (char letter = options.Next(); letter != OptionReader.End; letter = options.Next())
        {
            switch (letter)
            {
                case 'n' or 'N': state.WaitsForLock = letter == 'N'; break;
                case 'x' or 'X': state.LockIsOptional = letter == 'x'; break;
                default: return Wrong(SetLockUsage, options, "setlock");
            }
        }
        if (image.Arguments.Length < options.Index + 2)
            return Wrong(SetLockUsage);
        state.Lock = image.Arguments[options.Index];
        return state.Run(image, options.Index + 1);
    }

    private static int SoftLimit(ProcessImage image, int first)
    {
        var state = new ProcessState();
        var options = new OptionReader(image.Arguments, first, "a:c:d:f:l:m:o:p:r:s:t:");
        for (char letter = options.Next(); letter != OptionReader.End; letter = options.Next())
        {
            if (letter == OptionReader.Problem)
                return Wrong(SoftLimitUsage, options, "softlimit");
            if (!AddLimit(state, letter, options.Value.Span))
                return Wrong(SoftLimitUsage);
        }
        return options.Index >= image.Arguments.Length ? Wrong(SoftLimitUsage) : state.Run(image, options.Index);
    }

    private static bool AddLimit(ProcessState state, char letter, ReadOnlySpan<byte> text)
    {
        // = is the hard limit, for softlimit.
        ulong value = ulong.MaxValue;
        if (!text.SequenceEqual("="u8) && (!Utf8Parser.TryParse(text, out value, out int used) || used != text.Length))
            return false;
        Resource[] resources = letter switch
        {
            'm' => [Resource.Data, Resource.Stack, Resource.LockedMemory, Resource.AddressSpace],
            'a' => [Resource.AddressSpace],
            'c' => [Resource.Core],
            'd' => [Resource.Data],
            'f' => [Resource.FileSize],
            'l' => [Resource.LockedMemory],
            'o' => [Resource.OpenFiles],
            'p' => [Resource.Processes],
            'r' => [Resource.ResidentSet],
            's' => [Resource.Stack],
            _ => [Resource.Cpu],
        };
        foreach (Resource resource in resources)
            state.SoftLimits.Add((resource, value));
        return true;
    }

    /// <summary>A whole number with or without a sign.</summary>
    private static int? Increment(ReadOnlySpan<byte> text) =>
        Utf8Parser.TryParse(text, out int number, out int used) && used == text.Length ? number : null;
}
