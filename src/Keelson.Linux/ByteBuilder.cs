namespace Keelson.Linux;

/// <summary>Bytes that are put together piece by piece.</summary>
public sealed class ByteBuilder
{
    private byte[] _bytes = new byte[256];
    private int _length;

    public void Append(ReadOnlySpan<byte> bytes)
    {
        while (_length + bytes.Length > _bytes.Length)
            Array.Resize(ref _bytes, _bytes.Length * 2);
        bytes.CopyTo(_bytes.AsSpan(_length));
        _length += bytes.Length;
    }

    public void Append(byte b) => Append([b]);

    public int Length => _length;

    public ReadOnlySpan<byte> Span => _bytes.AsSpan(0, _length);

    public void Clear() => _length = 0;

    public byte[] ToArray() => _bytes.AsSpan(0, _length).ToArray();
}
