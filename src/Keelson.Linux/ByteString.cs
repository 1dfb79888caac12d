using System.Text;

namespace Keelson.Linux;

/// <summary>
/// Bytes as Linux has them: a path, an environment name or value. Linux never promised UTF-8, so nothing here decodes;
/// <see cref="ToString"/> is for messages only. Ordered by unsigned byte value.
/// </summary>
public readonly struct ByteString(byte[] bytes) : IEquatable<ByteString>, IComparable<ByteString>
{
    private readonly byte[]? _bytes = bytes;

    public ByteString(ReadOnlySpan<byte> bytes) : this(bytes.ToArray())
    {
    }

    public ReadOnlySpan<byte> Span => _bytes;
    public int Length => _bytes?.Length ?? 0;

    public bool Equals(ByteString other) => Span.SequenceEqual(other.Span);
    public bool Is(ReadOnlySpan<byte> other) => Span.SequenceEqual(other);
    public override bool Equals(object? obj) => obj is ByteString other && Equals(other);
    public int CompareTo(ByteString other) => Span.SequenceCompareTo(other.Span);

    public override int GetHashCode()
    {
        // FNV-1a: the keys are short, and HashCode would draw a random seed from the kernel.
        uint hash = 2166136261;
        foreach (byte b in Span)
            hash = (hash ^ b) * 16777619;
        return (int)hash;
    }

    public override string ToString() => Encoding.UTF8.GetString(Span);

    public static ByteString Of(string text) => new(Encoding.UTF8.GetBytes(text));

    /// <summary>One string of the parts, in order.</summary>
    public static ByteString Join(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b, ReadOnlySpan<byte> c = default)
    {
        var all = new byte[a.Length + b.Length + c.Length];
        a.CopyTo(all);
        b.CopyTo(all.AsSpan(a.Length));
        c.CopyTo(all.AsSpan(a.Length + b.Length));
        return new ByteString(all);
    }

    public static bool operator ==(ByteString a, ByteString b) => a.Equals(b);
    public static bool operator !=(ByteString a, ByteString b) => !a.Equals(b);
    public static bool operator <(ByteString a, ByteString b) => a.CompareTo(b) < 0;
    public static bool operator >(ByteString a, ByteString b) => a.CompareTo(b) > 0;
    public static bool operator <=(ByteString a, ByteString b) => a.CompareTo(b) <= 0;
    public static bool operator >=(ByteString a, ByteString b) => a.CompareTo(b) >= 0;
}

/// <summary>A path as a C string on the stack: the callee's buffer, ended by NUL.</summary>
internal static class CString
{
    /// <summary>PATH_MAX of Linux, its NUL included.</summary>
    internal const int Size = 4096;

    /// <summary>Copies <paramref name="path"/> and a NUL; an error when it is too long or has a NUL of its own.</summary>
    internal static Errno Write(ReadOnlySpan<byte> path, Span<byte> buffer)
    {
        if (path.Length >= buffer.Length)
            return Errno.NameTooLong;
        if (path.Contains((byte)0))
            return Errno.Invalid;
        path.CopyTo(buffer);
        buffer[path.Length] = 0;
        return Errno.None;
    }
}
