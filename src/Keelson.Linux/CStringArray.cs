using System.Runtime.InteropServices;

namespace Keelson.Linux;

/// <summary>An argv or envp in memory that the garbage collector does not move: pointers, a null, and the strings behind them.</summary>
public sealed unsafe class CStringArray : IDisposable
{
    private byte** _array;
    private byte* _last;
    private int _lastLength;

    public CStringArray(IReadOnlyList<ByteString> list)
    {
        nuint size = (nuint)(list.Count + 1) * (nuint)sizeof(byte*);
        nuint bytes = size;
        foreach (ByteString s in list)
            bytes += (nuint)s.Length + 1;
        _array = (byte**)NativeMemory.AllocZeroed(bytes);
        byte* text = (byte*)_array + size;
        int i = 0;
        foreach (ByteString s in list)
        {
            _array[i++] = text;
            s.Span.CopyTo(new Span<byte>(text, s.Length));
            _last = text;
            _lastLength = s.Length;
            text += s.Length + 1;
        }
        Count = i;
    }

    public int Count { get; }

    /// <summary>The bytes of the last string, to be changed in place between two starts of children.</summary>
    public Span<byte> Last => new(_last, _lastLength);

    internal byte** Pointer => _array;

    public void Dispose()
    {
        NativeMemory.Free(_array);
        _array = null;
    }
}
