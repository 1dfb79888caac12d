using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;

namespace Keelson.SystemTests.Harness;

/// <summary>One message of sd_notify(3) as the kernel handed it over: who sent it, and the descriptor that came along, -1 without.</summary>
public sealed record Notification(string Text, int Sender, int Descriptor);

/// <summary>The receiving side of sd_notify(3), a real socket.</summary>
public sealed partial class NotifyReceiver : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
    private readonly string? _directory;

    public unsafe NotifyReceiver(bool isAbstract = false)
    {
        if (isAbstract)
        {
            Address = "@keelson-test-" + Guid.NewGuid().ToString("N");
            _socket.Bind(new UnixDomainSocketEndPoint("\0" + Address[1..]));
        }
        else
        {
            _directory = Directory.CreateTempSubdirectory("keelson-notify-").FullName;
            Address = Path.Combine(_directory, "notify");
            _socket.Bind(new UnixDomainSocketEndPoint(Address));
        }
        int on = 1;
        if (setsockopt((int)_socket.Handle, 1, 16, &on, sizeof(int)) != 0)
            throw new System.ComponentModel.Win32Exception(Marshal.GetLastPInvokeError(), "SO_PASSCRED");
    }

    public string Address { get; }

    /// <summary>What a sender has in its environment.</summary>
    public string Variable => "NOTIFY_SOCKET=" + Address;

    public bool IsEmpty => _socket.Available == 0;

    /// <summary>Waits for a message, and fails with what the sender said when it ends without one.</summary>
    public async Task UntilSomethingCame(Task<CommandRun> sender)
    {
        await Wait.Until(() => !IsEmpty || sender.IsCompleted, $"something comes to {Address}", Sandbox.Patience);
        if (IsEmpty)
            throw Wait.Failure($"the sender has ended and said nothing to {Address}: {await sender}");
    }

    /// <summary>The next message; the caller closes its descriptor.</summary>
    public unsafe Notification Receive()
    {
        if (!_socket.Poll(Sandbox.Patience, SelectMode.SelectRead))
            throw Wait.Failure($"nothing came to {Address} within {Sandbox.Patience}");
        byte* text = stackalloc byte[4096];
        byte* control = stackalloc byte[256];
        nuint* part = stackalloc nuint[2];
        part[0] = (nuint)text;
        part[1] = 4096;
        // struct msghdr: name, its length, parts, their number, control, its length, flags
        nuint* header = stackalloc nuint[7];
        new Span<nuint>(header, 7).Clear();
        header[2] = (nuint)part;
        header[3] = 1;
        header[4] = (nuint)control;
        header[5] = 256;
        nint n = recvmsg((int)_socket.Handle, header, 0x40000000);
        if (n < 0)
            throw new System.ComponentModel.Win32Exception(Marshal.GetLastPInvokeError(), "recvmsg");
        int sender = 0, descriptor = -1;
        for (nuint at = 0; at + 16 <= header[5];)
        {
            nuint length = *(nuint*)(control + at);
            // SOL_SOCKET: SCM_RIGHTS 1, SCM_CREDENTIALS 2
            if (*(int*)(control + at + 12) == 1)
                descriptor = *(int*)(control + at + 16);
            else
                sender = *(int*)(control + at + 16);
            at += (length + 7) & ~(nuint)7;
        }
        return new Notification(Encoding.UTF8.GetString(text, (int)n), sender, descriptor);
    }

    public static void Close(Notification notification) => _ = Native.close(notification.Descriptor);

    public void Dispose()
    {
        _socket.Dispose();
        if (_directory is not null)
            Directory.Delete(_directory, recursive: true);
    }

    [LibraryImport("libc", SetLastError = true)] private static unsafe partial nint recvmsg(int fd, void* message, int flags);
    [LibraryImport("libc", SetLastError = true)] private static unsafe partial int setsockopt(int fd, int level, int option, void* value, uint length);
}
