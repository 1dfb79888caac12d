using System.Globalization;

namespace Keelson.Linux;

/// <summary>Signal numbers as x86-64 and arm64 Linux have them (signal(7)). Real-time signals are plain numbers, 35 to 64.</summary>
public enum Signal
{
    None = 0,
    Hup = 1,
    Interrupt = 2,
    Quit = 3,
    Abrt = 6,
    Kill = 9,
    Usr1 = 10,
    Segv = 11,
    Usr2 = 12,
    Pipe = 13,
    Alrm = 14,
    Term = 15,
    Child = 17,
    Cont = 18,
    Stop = 19,
    Tstp = 20,
    Ttin = 21,
    Ttou = 22,
    Winch = 28,
    Power = 30,
    /// <summary>The first that a program may use: 32 and 33 are glibc's, 34 is the .NET runtime's.</summary>
    RealTimeFirst = 35,
    RealTimeLast = 64,
}

/// <summary>A set of signals, bit n-1 for signal n, as the kernel has it.</summary>
public readonly record struct SignalSet(ulong Bits)
{
    /// <summary>All that can be waited for: without the synchronous faults, KILL, STOP, and 32-34. The same as EarlyMask's.</summary>
    public static SignalSet Blockable { get; } = new(~(Bit(4) | Bit(5) | Bit(6) | Bit(7) | Bit(8) | Bit(9) | Bit(11) | Bit(19) | Bit(32) | Bit(33) | Bit(34)));

    /// <summary>The real-time signals of <see cref="Blockable"/>.</summary>
    public static SignalSet RealTime { get; } = new(~0UL << ((int)Signal.RealTimeFirst - 1));

    public bool Contains(SignalSet other) => (Bits & other.Bits) == other.Bits;
    public SignalSet Without(SignalSet other) => new(Bits & ~other.Bits);

    private static ulong Bit(int signal) => 1UL << (signal - 1);
}

/// <summary>One signal as signalfd(2) reports it.</summary>
/// <param name="Signal">The number.</param>
/// <param name="Queued">Sent by sigqueue(3), so that <paramref name="Value"/> means something.</param>
/// <param name="Value">The sender's sival_ptr.</param>
public readonly record struct ReceivedSignal(Signal Signal, bool Queued, nint Value);

public static unsafe class Signals
{
    private const int SetMask = 2;

    /// <summary>The calling thread's signal mask.</summary>
    public static SignalSet Mask
    {
        get
        {
            ulong* set = stackalloc ulong[16];
            _ = Libc.pthread_sigmask(SetMask, null, set);
            return new SignalSet(*set);
        }
        set
        {
            ulong* set = stackalloc ulong[16];
            *set = value.Bits;
            _ = Libc.pthread_sigmask(SetMask, set, null);
        }
    }

    /// <summary>kill(2): a negative <paramref name="pid"/> is a process group, -1 everything that may be signalled.</summary>
    public static Errno Send(int pid, Signal signal) => Libc.Check(Libc.kill(pid, (int)signal));

    /// <summary>sigqueue(3): <see cref="Errno.Again"/> when the receiver's queue is full.</summary>
    public static Errno Queue(int pid, Signal signal, nint value) => Libc.Check(Libc.sigqueue(pid, (int)signal, value));

    /// <summary>Waits for one of these signals, which are to be blocked, and takes it (sigwaitinfo(2)).</summary>
    public static Signal WaitFor(SignalSet signals)
    {
        ulong* set = stackalloc ulong[16];
        *set = signals.Bits;
        int signal;
        do
            signal = Libc.sigwaitinfo(set, null);
        while (signal < 0 && Libc.LastError == Errno.Interrupted);
        return signal < 0 ? Signal.None : (Signal)signal;
    }

    /// <summary>Default action for a signal that the runtime may have set to be ignored.</summary>
    public static void SetDefault(Signal signal)
    {
        byte* action = stackalloc byte[256];
        new Span<byte>(action, 256).Clear();
        _ = Libc.sigaction((int)signal, action, null);
    }

    /// <summary>"9 (SIGKILL)", "37 (SIGRTMIN+3)".</summary>
    public static string Describe(Signal signal)
    {
        string number = ((int)signal).ToString(CultureInfo.InvariantCulture);
        return $"{number} ({Name(signal)})";
    }

    /// <summary>The name as kill -l has it, with SIG in front.</summary>
    public static string Name(Signal signal)
    {
        int number = (int)signal;
        if (number > 0 && number < s_names.Length)
            return "SIG" + s_names[number];
        return number switch
        {
            34 => "SIGRTMIN",
            > 34 and <= 64 => "SIGRTMIN+" + (number - 34).ToString(CultureInfo.InvariantCulture),
            _ => "unknown signal",
        };
    }

    private static readonly string[] s_names =
    [
        "", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM",
        "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
    ];
}

/// <summary>Blocked signals as a readable descriptor (signalfd(2)): none is lost that the kernel queued.</summary>
public sealed unsafe class SignalFd
{
    private const int RecordSize = 128;
    private const int Records = 32;
    private readonly byte[] _buffer = new byte[RecordSize * Records];

    private SignalFd(int fd) => Fd = fd;

    public int Fd { get; }

    public static Result<SignalFd?> Open(SignalSet signals)
    {
        const int nonBlock = 0x800, closeOnExec = 0x80000;
        // Sixteen words, though the kernel reads one: glibc's sigset_t is 128 bytes.
        ulong* set = stackalloc ulong[16];
        *set = signals.Bits;
        int fd = Libc.signalfd(-1, set, nonBlock | closeOnExec);
        return fd < 0 ? new(null, Libc.LastError) : new(new SignalFd(fd), Errno.None);
    }

    /// <summary>What has arrived, at most 32; nothing when nothing has.</summary>
    public int Read(Span<ReceivedSignal> signals)
    {
        Result<int> n = Files.Read(Fd, _buffer.AsSpan(0, Math.Min(Records, signals.Length) * RecordSize));
        int count = n.Ok ? n.Value / RecordSize : 0;
        fixed (byte* p = _buffer)
        {
            for (int i = 0; i < count; i++)
            {
                // struct signalfd_siginfo: signo at 0, code at 8 (SI_QUEUE is -1), ptr at 48
                byte* record = p + i * RecordSize;
                signals[i] = new ReceivedSignal((Signal)(*(uint*)record), *(int*)(record + 8) == -1, *(nint*)(record + 48));
            }
        }
        return count;
    }
}
