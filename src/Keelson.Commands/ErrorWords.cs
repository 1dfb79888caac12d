using Keelson.Linux;

namespace Keelson.Commands;

/// <summary>
/// Errors in runit's words, which differ from strerror(3)'s. Scripts and people read them in the output of sv and chpst.
/// </summary>
public static class ErrorWords
{
    public static string Of(Errno error) => error switch
    {
        Errno.Interrupted => "interrupted system call",
        Errno.NoMemory => "out of memory",
        Errno.NoEntry => "file does not exist",
        Errno.TextBusy => "text busy",
        Errno.Io => "input/output error",
        Errno.Exists => "file already exists",
        Errno.Again => "temporary failure",
        Errno.BrokenPipe => "broken pipe",
        Errno.NotPermitted => "permission denied",
        Errno.Access => "access denied",
        Errno.NoDeviceOrAddress => "device not configured",
        Errno.IsDirectory => "is a directory",
        Errno.NoProcess => "no such process",
        Errno.ArgumentsTooLong => "argument list too long",
        Errno.ExecFormat => "exec format error",
        Errno.BadDescriptor => "file descriptor not open",
        Errno.NoChild => "no child processes",
        Errno.Busy => "device busy",
        Errno.CrossDevice => "cross-device link",
        Errno.NoDevice => "device does not support operation",
        Errno.NotDirectory => "not a directory",
        Errno.Invalid => "invalid argument",
        Errno.TooManyFilesInSystem => "system cannot open more files",
        Errno.TooManyFiles => "process cannot open more files",
        Errno.NotTerminal => "not a tty",
        Errno.NoSpace => "out of disk space",
        Errno.ReadOnly => "read-only file system",
        Errno.NameTooLong => "file name too long",
        Errno.Loop => "symbolic link loop",
        Errno.NotEmpty => "directory not empty",
        _ => "unknown error",
    };
}
