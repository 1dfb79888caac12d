// What a program says by sd_notify(3), for shell scripts. The words are systemd-notify(1)'s, which works here as well, but
// is no part of a container's image.
using System.Buffers.Text;
using Keelson.Linux;

namespace Keelson.Commands.Notify;

/// <summary>keelson-notify(8).</summary>
public static class NotifyCommand
{
    private const int Failed = 1;
    private const int WrongUsage = 2;
    private const int PatienceMilliseconds = 5000;
    private const string Try = "Try `keelson notify --help`.";
    private const string Help =
        """
        usage: keelson notify [OPTIONS] [VARIABLE=VALUE...]

        Tells who supervises this service how it is, by the socket $NOTIFY_SOCKET (sd_notify(3)), and waits until that has
        been read, 5 seconds at most.

          --ready           the service is ready; after --reloading, ready again
          --reloading       it reads its configuration anew
          --stopping        it is about to end
          --status=TEXT     what it does, in one line
          --watchdog        it is alive (WatchdogSec=)
          --extend=SECONDS  it needs so much longer to start, to stop or to be ready
          --pid[=PID]       its main process; without PID, the one that called this
          --no-block        do not wait
          --help            print this and exit

        Several at once are one message.

        Exit status: 0; 1 when it could not be said, or was not read in time; 2 for wrong usage.

        """;

    /// <param name="image">What the kernel gave this process.</param>
    /// <param name="first">Where the arguments begin.</param>
    public static int Run(ProcessImage image, int first)
    {
        image.RestoreSignals();
        var wanted = new Wanted();
        var options = new LongOptions(image.Arguments, first, "ready reloading stopping status= watchdog extend= pid? no-block");
        while (options.Next() is { } option)
        {
            if (option == "help")
            {
                Say.Out(Help);
                return 0;
            }
            if (wanted.Set(option, options) is { } wrong)
                return Say.Fail(WrongUsage, $"keelson notify: {wrong}\n{Try}");
        }
        var message = new NotifyMessage();
        string? problem = options.Problem ?? wanted.WriteTo(message);
        for (int i = 0; i < options.Operands.Count && problem is null; i++)
            problem = message.Add(options.Operands[i].Span);
        if (problem is null && message.IsEmpty)
            problem = "nothing to say";
        if (problem is not null)
            return Say.Fail(WrongUsage, $"keelson notify: {problem}\n{Try}");
        return EnvironmentList.Value(image.Environment, "NOTIFY_SOCKET="u8) is { Length: > 0 } address
            ? Send(address, message.ToArray(), wanted.Waits)
            : Say.Fail(Failed, "keelson notify: NOTIFY_SOCKET is not set, so nobody waits for this; run it in a service whose service.conf says Type=notify");
    }

    private static int Send(ByteString address, byte[] message, bool waits)
    {
        Errno error = NotifySocket.Send(address.Span, message, PatienceMilliseconds);
        if (error == Errno.None && waits)
        {
            error = NotifySocket.Barrier(address.Span, PatienceMilliseconds);
            if (error == Errno.TimedOut)
                return Say.Fail(Failed, $"keelson notify: sent to {address}, but not read within 5 s; --no-block does not wait");
        }
        return error == Errno.None ? 0 : Say.Fail(Failed, $"keelson notify: cannot send to {address} (NOTIFY_SOCKET): {Reason(error)}");
    }

    private static string Reason(Errno error) => error switch
    {
        Errno.Invalid => "neither an absolute path nor @NAME",
        Errno.NoEntry => "no such socket; has the supervisor ended?",
        Errno.ConnectionRefused => "nobody listens there; has the supervisor ended?",
        Errno.Access or Errno.NotPermitted => $"{error.Words()}; run it as the service's user or as root",
        _ => error.Words(),
    };

    private sealed class Wanted
    {
        private bool _ready, _reloading, _stopping, _watchdog;
        private ByteString? _status;
        private long? _extendMilliseconds;
        private int? _pid;

        internal bool Waits { get; private set; } = true;

        /// <summary>What is wrong with the option's value, null when nothing is.</summary>
        internal string? Set(string option, LongOptions options)
        {
            switch (option)
            {
                case "ready":
                    _ready = true;
                    break;
                case "reloading":
                    _reloading = true;
                    break;
                case "stopping":
                    _stopping = true;
                    break;
                case "watchdog":
                    _watchdog = true;
                    break;
                case "status":
                    _status = options.Value;
                    break;
                case "extend":
                    _extendMilliseconds = options.Milliseconds(option);
                    return options.Problem;
                case "pid":
                    return SetPid(options.Value);
                default:
                    Waits = false;
                    break;
            }
            return null;
        }

        private string? SetPid(ByteString? value)
        {
            if (value is not { } text)
            {
                // Started by the supervisor itself, it is the main process.
                _pid = Processes.ParentId > 1 ? Processes.ParentId : Processes.OwnId;
                return null;
            }
            if (!Utf8Parser.TryParse(text.Span, out int pid, out int used) || used != text.Length || pid < 1)
                return $"--pid={text} is no process id";
            _pid = pid;
            return null;
        }

        /// <summary>In the order of systemd-notify(1).</summary>
        internal string? WriteTo(NotifyMessage message)
        {
            if (_reloading)
            {
                // A supervisor tells by the time which reload this belongs to.
                _ = message.Add("RELOADING=1"u8);
                _ = message.Add("MONOTONIC_USEC"u8, Clock.Microseconds);
            }
            if (_ready)
                _ = message.Add("READY=1"u8);
            if (_stopping)
                _ = message.Add("STOPPING=1"u8);
            string? problem = _status is { } status ? message.Add("STATUS"u8, status.Span) : null;
            if (_pid is { } pid)
                _ = message.Add("MAINPID"u8, pid);
            if (_watchdog)
                _ = message.Add("WATCHDOG=1"u8);
            if (_extendMilliseconds is { } milliseconds)
                _ = message.Add("EXTEND_TIMEOUT_USEC"u8, milliseconds * 1000);
            return problem;
        }
    }
}
