using System.Buffers.Binary;

namespace Keelson.Linux;

/// <summary>struct sockaddr_un of unix(7).</summary>
public static class UnixAddress
{
    internal const int Size = 110;
    internal const int Family = 1;

    // Family in front, NUL behind.
    private const int MostBytes = Size - 3;

    /// <summary>The abstract address at which process number 1 of our PID namespace listens: of that namespace only.</summary>
    public static Result<ByteString> OfInit(ReadOnlySpan<byte> purpose)
    {
        Result<ByteString> own = Files.ReadLink("/proc/self/ns/pid"u8);
        // Without its name it would be the address of every container that shares our network.
        return own.Ok ? new(ByteString.Join(ByteString.Join("@"u8, purpose).Span, "/"u8, own.Value.Span), Errno.None) : own;
    }

    /// <summary>
    /// Writes the address of a path, or of an abstract name, which begins with @ as in $NOTIFY_SOCKET. The error when it
    /// is neither, or too long.
    /// </summary>
    internal static Errno Write(ReadOnlySpan<byte> name, Span<byte> address, out uint length)
    {
        length = 0;
        if (name.Length < 2 || name[0] is not ((byte)'/' or (byte)'@') || name.Contains((byte)0))
            return Errno.Invalid;
        if (name.Length > MostBytes)
            return Errno.NameTooLong;
        address.Clear();
        BinaryPrimitives.WriteUInt16LittleEndian(address, Family);
        name.CopyTo(address[2..]);
        bool isAbstract = name[0] == (byte)'@';
        if (isAbstract)
            address[2] = 0;
        length = (uint)(2 + name.Length + (isAbstract ? 0 : 1));
        return Errno.None;
    }
}
