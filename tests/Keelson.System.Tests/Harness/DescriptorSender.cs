// Descriptors in a message (SCM_RIGHTS, unix(7)): .NET has no name for them.
using System.ComponentModel;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Keelson.SystemTests.Harness;

/// <summary>Sends the writing end of a pipe, as often as asked for, and tells when nobody has it any more.</summary>
internal sealed unsafe partial class DescriptorSender : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
    private readonly int _reader;
    private int _writer;

    internal DescriptorSender(string address)
    {
        int* ends = stackalloc int[2];
        if (pipe(ends) != 0)
            throw new Win32Exception(Marshal.GetLastPInvokeError(), "pipe");
        (_reader, _writer) = (ends[0], ends[1]);
        _socket.Connect(new UnixDomainSocketEndPoint(address));
    }

    /// <summary>One message with so many descriptors, 253 at most.</summary>
    internal void Send(int count)
    {
        byte letter = (byte)'x';
        nuint* part = stackalloc nuint[2];
        part[0] = (nuint)(&letter);
        part[1] = 1;
        // struct cmsghdr: length 8, level 4 (SOL_SOCKET 1), type 4 (SCM_RIGHTS 1); then the descriptors
        int length = 16 + 4 * count;
        byte* control = stackalloc byte[(length + 7) & ~7];
        *(nuint*)control = (nuint)length;
        *(int*)(control + 8) = 1;
        *(int*)(control + 12) = 1;
        new Span<int>(control + 16, count).Fill(_writer);
        // struct msghdr: name, its length, parts, their number, control, its length, flags
        nuint* header = stackalloc nuint[7];
        new Span<nuint>(header, 7).Clear();
        header[2] = (nuint)part;
        header[3] = 1;
        header[4] = (nuint)control;
        header[5] = (nuint)length;
        if (sendmsg((int)_socket.Handle, header, 0) < 0)
            throw new Win32Exception(Marshal.GetLastPInvokeError(), "sendmsg");
    }

    /// <summary>Closes our own, and waits for the end of the pipe.</summary>
    internal void UntilNobodyHasThem()
    {
        _ = Native.close(_writer);
        _writer = -1;
        ulong entry = (uint)_reader | (ulong)Native.PollIn << 32;
        byte one;
        if (Native.poll(&entry, 1, (int)Sandbox.Patience.TotalMilliseconds) != 1 || Native.read(_reader, &one, 1) != 0)
            throw Wait.Failure($"somebody still has what was sent, after {Sandbox.Patience}");
    }

    public void Dispose()
    {
        _socket.Dispose();
        if (_writer >= 0)
            _ = Native.close(_writer);
        _ = Native.close(_reader);
    }

    [LibraryImport("libc", SetLastError = true)] private static partial int pipe(int* ends);
    [LibraryImport("libc", SetLastError = true)] private static partial nint sendmsg(int fd, void* message, int flags);
}
