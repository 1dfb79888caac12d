namespace Keelson.Commands.Svlogd;

/// <summary>What -t, -tt and -ttt write before a line, and what old files are called by.</summary>
public static class TimeStamp
{
    /// <summary>@ and 24 hexadecimal digits.</summary>
    public const int TaiLength = 25;

    /// <summary>2005-12-18_09:13:50.97618</summary>
    public const int DateLength = 25;

    /// <summary>TAI64N as runit counts it: UTC and ten seconds.</summary>
    public static void Tai(Span<byte> to, long seconds, int nanoseconds)
    {
        to[0] = (byte)'@';
        Hex(to.Slice(1, 16), 0x400000000000000AUL + (ulong)seconds);
        Hex(to.Slice(17, 8), (uint)nanoseconds);
    }

    public static void Date(Span<byte> to, long seconds, int nanoseconds, byte between)
    {
        long day = Math.DivRem(seconds, 86400, out long second);
        // Days to a date with years that begin in March, so that a leap day is the last.
        long shifted = day + 719468;
        long era = Math.DivRem(shifted, 146097, out long ofEra);
        long year = (ofEra - ofEra / 1460 + ofEra / 36524 - ofEra / 146096) / 365;
        long ofYear = ofEra - (365 * year + year / 4 - year / 100);
        long month = (5 * ofYear + 2) / 153;
        long dayOfMonth = ofYear - (153 * month + 2) / 5 + 1;
        month = month < 10 ? month + 3 : month - 9;
        year += era * 400 + (month <= 2 ? 1 : 0);
        Digits(to[..4], year);
        to[4] = (byte)'-';
        Digits(to.Slice(5, 2), month);
        to[7] = (byte)'-';
        Digits(to.Slice(8, 2), dayOfMonth);
        to[10] = between;
        Digits(to.Slice(11, 2), second / 3600);
        to[13] = (byte)':';
        Digits(to.Slice(14, 2), second / 60 % 60);
        to[16] = (byte)':';
        Digits(to.Slice(17, 2), second % 60);
        to[19] = (byte)'.';
        Digits(to.Slice(20, 5), nanoseconds / 10_000);
    }

    private static void Digits(Span<byte> to, long value)
    {
        for (int i = to.Length - 1; i >= 0; i--, value /= 10)
            to[i] = (byte)('0' + value % 10);
    }

    private static void Hex(Span<byte> to, ulong value)
    {
        for (int i = to.Length - 1; i >= 0; i--, value >>= 4)
            to[i] = "0123456789abcdef"u8[(int)(value & 15)];
    }
}
