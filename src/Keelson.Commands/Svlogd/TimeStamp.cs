using Keelson.Supervision;

namespace Keelson.Commands.Svlogd;

/// <summary>What -t, -tt and -ttt write before a line, and what old files are called by.</summary>
public static class TimeStamp
{
    /// <summary>@ and 24 hexadecimal digits.</summary>
    public const int TaiLength = 25;

    /// <summary>2005-12-18_09:13:50.97618</summary>
    public const int DateLength = 25;

    /// <summary>TAI64N as runit counts it: UTC and ten seconds.</summary>
    public static void Tai(Span<byte> to, long seconds, uint nanoseconds)
    {
        to[0] = (byte)'@';
        Hex(to.Slice(1, 16), 0x400000000000000AUL + (ulong)seconds);
        Hex(to.Slice(17, 8), nanoseconds);
    }

    public static void Date(Span<byte> to, long seconds, uint nanoseconds, byte between)
    {
        UtcDate.Write(to, seconds, between);
        UtcDate.Digits(to.Slice(UtcDate.Length, 5), nanoseconds / 10_000);
    }

    private static void Hex(Span<byte> to, ulong value)
    {
        for (int i = to.Length - 1; i >= 0; i--, value >>= 4)
            to[i] = "0123456789abcdef"u8[(int)(value & 15)];
    }
}
