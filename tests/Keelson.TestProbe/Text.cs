using System.Buffers.Text;

namespace Keelson.TestProbe;

/// <summary>The arguments as main had them.</summary>
internal static unsafe class Arguments
{
    internal static ReadOnlySpan<byte> At(int index) =>
        index < EarlyMask.Argc ? global::System.Runtime.InteropServices.MemoryMarshal.CreateReadOnlySpanFromNullTerminated(EarlyMask.Argv[index]) : default;

    internal static int Number(int index) => Utf8Parser.TryParse(At(index), out int number, out _) ? number : 0;
}

/// <summary>Standard output without System.Console, which would take over signals.</summary>
internal static unsafe class Output
{
    internal static void Write(ReadOnlySpan<byte> bytes)
    {
        fixed (byte* p = bytes)
            _ = Native.write(1, p, (nuint)bytes.Length);
    }

    internal static void Line(ReadOnlySpan<byte> text)
    {
        Write(text);
        Write("\n"u8);
    }

    internal static void Number(ReadOnlySpan<byte> before, int number, ReadOnlySpan<byte> after)
    {
        Span<byte> digits = stackalloc byte[16];
        _ = Utf8Formatter.TryFormat(number, digits, out int length);
        Write(before);
        Write(digits[..length]);
        Write(after);
    }
}
