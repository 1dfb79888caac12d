namespace Keelson.Linux;

/// <summary>An errno value (errno(3)); <see cref="None"/> is success.</summary>
public enum Errno
{
    None = 0,
    NotPermitted = 1,
    NoEntry = 2,
    NoProcess = 3,
    Interrupted = 4,
    Io = 5,
    NoDeviceOrAddress = 6,
    ArgumentsTooLong = 7,
    ExecFormat = 8,
    BadDescriptor = 9,
    NoChild = 10,
    Again = 11,
    NoMemory = 12,
    Access = 13,
    Busy = 16,
    Exists = 17,
    CrossDevice = 18,
    NoDevice = 19,
    NotDirectory = 20,
    IsDirectory = 21,
    Invalid = 22,
    TooManyFilesInSystem = 23,
    TooManyFiles = 24,
    NotTerminal = 25,
    TextBusy = 26,
    FileTooLarge = 27,
    NoSpace = 28,
    IllegalSeek = 29,
    ReadOnly = 30,
    BrokenPipe = 32,
    NameTooLong = 36,
    NoSystemCall = 38,
    NotEmpty = 39,
    Loop = 40,
    NotSocket = 88,
    MessageTooLong = 90,
    WrongSocketType = 91,
    NoAddressFamily = 97,
    AddressInUse = 98,
    NoAddress = 99,
    NetworkUnreachable = 101,
    ConnectionReset = 104,
    TimedOut = 110,
    ConnectionRefused = 111,
    HostUnreachable = 113,
    InProgress = 115,
    QuotaExceeded = 122,
}

/// <summary>What a system call returned: a value, or the errno that says why there is none.</summary>
public readonly struct Result<T>(T value, Errno error)
{
    public T Value { get; } = value;
    public Errno Error { get; } = error;
    public bool Ok => Error == Errno.None;
}

public static class ErrnoWords
{
    /// <summary>Whether it is about the machine, which is short of something at this moment, and not about what was asked.</summary>
    public static bool IsPassing(this Errno error) =>
        error is Errno.Again or Errno.NoMemory or Errno.TooManyFiles or Errno.TooManyFilesInSystem or Errno.TextBusy or Errno.Io;

    /// <summary>Whether it says for certain that nothing is there under that name (a link that leads round is nothing).</summary>
    public static bool IsAbsence(this Errno error) => error is Errno.NoEntry or Errno.NotDirectory or Errno.Loop;

    /// <summary>The error in words, as strerror(3) has them.</summary>
    public static string Words(this Errno error) => error switch
    {
        Errno.None => "no error",
        Errno.NotPermitted => "operation not permitted",
        Errno.NoEntry => "no such file or directory",
        Errno.NoProcess => "no such process",
        Errno.Interrupted => "interrupted",
        Errno.Io => "input/output error",
        Errno.NoDeviceOrAddress => "no such device or address",
        Errno.ArgumentsTooLong => "argument list too long (arguments and environment together exceed the kernel's limit)",
        Errno.ExecFormat => "exec format error (built for another kind of processor, or not a program)",
        Errno.BadDescriptor => "bad file descriptor",
        Errno.NoChild => "no child process",
        Errno.Again => "resource temporarily unavailable (is the container's --pids-limit or ulimit reached?)",
        Errno.NoMemory => "cannot allocate memory",
        Errno.Access => "permission denied",
        Errno.Busy => "device or resource busy",
        Errno.Exists => "file exists",
        Errno.CrossDevice => "invalid cross-device link",
        Errno.NoDevice => "no such device",
        Errno.NotDirectory => "not a directory",
        Errno.IsDirectory => "is a directory",
        Errno.Invalid => "invalid argument",
        Errno.TooManyFilesInSystem => "too many open files in system",
        Errno.TooManyFiles => "too many open files",
        Errno.NotTerminal => "not a terminal",
        Errno.TextBusy => "text file busy (it is still open for writing)",
        Errno.FileTooLarge => "file too large",
        Errno.NoSpace => "no space left on device",
        Errno.IllegalSeek => "illegal seek",
        Errno.ReadOnly => "read-only file system",
        Errno.BrokenPipe => "broken pipe",
        Errno.NameTooLong => "file name too long",
        Errno.NoSystemCall => "function not implemented",
        Errno.NotEmpty => "directory not empty",
        Errno.Loop => "too many levels of symbolic links",
        Errno.NotSocket => "not a socket",
        Errno.MessageTooLong => "message too long",
        Errno.WrongSocketType => "wrong type of socket",
        Errno.NoAddressFamily => "address family not supported",
        Errno.AddressInUse => "address already in use",
        Errno.NoAddress => "cannot assign requested address",
        Errno.NetworkUnreachable => "network is unreachable",
        Errno.ConnectionReset => "connection reset by the other side",
        Errno.TimedOut => "timed out",
        Errno.ConnectionRefused => "connection refused",
        Errno.HostUnreachable => "no route to host",
        Errno.InProgress => "operation now in progress",
        Errno.QuotaExceeded => "disk quota exceeded",
        _ => "error " + ((int)error).ToString(System.Globalization.CultureInfo.InvariantCulture),
    };
}
