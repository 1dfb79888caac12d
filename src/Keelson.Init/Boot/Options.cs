using Keelson.Linux;
using Keelson.Supervision;

namespace Keelson.Init.Boot;

/// <summary>The command line of my_init.</summary>
public sealed class Options
{
    public const string Help =
        """
        Usage: my_init [OPTIONS] [--] [MAIN_COMMAND [ARGUMENTS...]]

        The init system of a container: runs the startup scripts, supervises the services in /etc/service, runs the
        main command if there is one, and stops everything in order when it ends or when TERM or INT arrives.

        Options:
          --enable-insecure-key    install the insecure SSH key, by running /usr/sbin/enable_insecure_key
          --skip-startup-files     skip /etc/my_init.d/* and /etc/rc.local
          --skip-runit             do not start the services
          --no-kill-all-on-exit    leave other processes alone on exit
          --wait-ready[=SECONDS]   start the main command when all services are ready (service.conf(5)); give up with
                                   status 1 when that takes longer than SECONDS (60)
          --quiet                  print warnings and errors only
          --help                   print this and exit
          --version                print the version and exit
          --                       what follows is the main command

        Environment:
          KILL_PROCESS_TIMEOUT=5        seconds that the main command, each service and each hook get to end
          KILL_ALL_PROCESSES_TIMEOUT=5  seconds that all other processes get after that
          ENV_INIT_DIRECTORY=/etc/my_init.d  where the startup scripts are
          KEELSON_FILE_ENV=1            read NAME_FILE=/path and FILE__NAME=/path into NAME, as secrets come

        Exit status: the main command's own, 128+N when signal N ended it, 127 when it was not found, 126 when it
        could not be executed; 0 after a stop without a main command; 1 when a startup script failed or --wait-ready
        gave up; 2 for wrong usage. A service that ends the container (SuccessAction=, FailureAction=) gives its own.

        """;

    private const long DefaultWaitReadyMilliseconds = 60_000;

    public bool EnableInsecureKey { get; private set; }
    public bool SkipStartupFiles { get; private set; }
    public bool SkipRunit { get; private set; }
    public bool KillAllOnExit { get; private set; } = true;
    public bool Quiet { get; private set; }

    /// <summary>How long services may take to be ready before the main command starts; null when they are not waited for.</summary>
    public long? WaitReadyMilliseconds { get; private set; }
    public bool ShowHelp { get; private set; }
    public bool ShowVersion { get; private set; }

    /// <summary>What is wrong with the command line, null when nothing is.</summary>
    public string? Error { get; private set; }

    /// <summary>Empty when there is none.</summary>
    public ByteString[] MainCommand { get; private set; } = [];

    /// <summary>The main command named my_init itself, as with ENTRYPOINT and CMD both; its arguments were taken for ours.</summary>
    public bool WasNested { get; private set; }

    /// <param name="arguments">The whole command line.</param>
    /// <param name="first">Where the arguments begin, behind the program's own name.</param>
    /// <param name="isMyself">Whether a command is this program under its name my_init.</param>
    public static Options Parse(ByteString[] arguments, int first, Func<ByteString, bool> isMyself)
    {
        var options = new Options();
        int i = first;
        for (; i < arguments.Length && options.Error is null; i++)
        {
            ByteString argument = arguments[i];
            if (!argument.Span.StartsWith("-"u8) || argument.Is("-"u8) || argument.Is("--"u8))
            {
                if (argument.Is("--"u8))
                    i++;
                if (i >= arguments.Length)
                    break;
                if (!isMyself(arguments[i]))
                {
                    options.MainCommand = arguments[i..];
                    break;
                }
                options.WasNested = true;
                continue;
            }
            if (!options.Set(argument))
                options.Error ??= $"unknown option {argument}";
        }
        return options;
    }

    private bool SetWaitReady(string value)
    {
        WaitReadyMilliseconds = TimeSpans.Milliseconds(value);
        if (WaitReadyMilliseconds is null)
            Error = $"--wait-ready={value} is no time: {TimeSpans.Cure}";
        return WaitReadyMilliseconds is not null;
    }

    private bool Set(ByteString argument)
    {
        if (argument.Is("--enable-insecure-key"u8))
            EnableInsecureKey = true;
        else if (argument.Is("--skip-startup-files"u8))
            SkipStartupFiles = true;
        else if (argument.Is("--skip-runit"u8))
            SkipRunit = true;
        else if (argument.Is("--no-kill-all-on-exit"u8))
            KillAllOnExit = false;
        else if (argument.Is("--quiet"u8))
            Quiet = true;
        else if (argument.Is("--wait-ready"u8))
            WaitReadyMilliseconds = DefaultWaitReadyMilliseconds;
        else if (argument.Span.StartsWith("--wait-ready="u8))
            return SetWaitReady(argument.ToString()["--wait-ready=".Length..]);
        else if (argument.Is("--help"u8) || argument.Is("-h"u8))
            ShowHelp = true;
        else if (argument.Is("--version"u8))
            ShowVersion = true;
        else
            return false;
        return true;
    }
}
