// What sv and process number 1 say to each other where there is no supervise/ on any file system: one datagram each way.
// A service is named by its directory's device and inode, which sv finds where it would have looked for supervise/.
using System.Buffers.Binary;

namespace Keelson.Supervision;

public static class SuperviseMessage
{
    /// <summary>Where process number 1 listens, followed by what names its PID namespace.</summary>
    public static ReadOnlySpan<byte> Address => "keelson/supervise"u8;

    /// <summary>Device and inode.</summary>
    public const int RequestHead = 16;

    /// <summary>The longest request: as many letters as sv ever writes at once, and some.</summary>
    public const int MaxRequest = RequestHead + 16;

    /// <summary>A request: the directory, then the letters for supervise/control, none to ask for the status only.</summary>
    public static int WriteRequest(Span<byte> message, ulong device, ulong inode, ReadOnlySpan<byte> letters)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(message, device);
        BinaryPrimitives.WriteUInt64LittleEndian(message[8..], inode);
        letters.CopyTo(message[RequestHead..]);
        return RequestHead + letters.Length;
    }

    /// <summary>False when it is too short to be one.</summary>
    public static bool ReadRequest(ReadOnlySpan<byte> message, out (ulong Device, ulong Inode) directory, out ReadOnlySpan<byte> letters)
    {
        directory = default;
        letters = default;
        if (message.Length < RequestHead)
            return false;
        directory = (BinaryPrimitives.ReadUInt64LittleEndian(message), BinaryPrimitives.ReadUInt64LittleEndian(message[8..]));
        letters = message[RequestHead..];
        return true;
    }
}
