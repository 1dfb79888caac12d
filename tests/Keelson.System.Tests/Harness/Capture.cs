using System.Buffers;
using System.Text;

namespace Keelson.SystemTests.Harness;

/// <summary>What a process has written so far. Bytes; the text is for looking things up in it.</summary>
public sealed class Capture
{
    private readonly ArrayBufferWriter<byte> _bytes = new();

    public byte[] Bytes
    {
        get
        {
            lock (_bytes)
                return _bytes.WrittenSpan.ToArray();
        }
    }

    public int Length
    {
        get
        {
            lock (_bytes)
                return _bytes.WrittenCount;
        }
    }

    public string Text => Encoding.UTF8.GetString(Bytes);

    public string[] Lines => Text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    internal void Add(ReadOnlySpan<byte> bytes)
    {
        lock (_bytes)
            _bytes.Write(bytes);
    }

    internal async Task Drain(Stream stream)
    {
        var buffer = new byte[64 * 1024];
        while (true)
        {
            int n = await stream.ReadAsync(buffer);
            if (n == 0)
                return;
            Add(buffer.AsSpan(0, n));
        }
    }
}
