namespace Keelson.Supervision;

/// <summary>A moment of UTC in the digits of the Gregorian calendar.</summary>
public static class UtcDate
{
    /// <summary>The length of 2026-11-23T17:03:05.</summary>
    public const int Length = 20;

    /// <summary>Writes date, <paramref name="between"/>, time and a dot. A year beyond 9999 loses its first digits.</summary>
    /// <param name="seconds">Since 1970.</param>
    public static void Write(Span<byte> text, long seconds, byte between)
    {
        long day = Math.DivRem(seconds, 86400, out long second);
        if (second < 0)
        {
            second += 86400;
            day--;
        }
        // Days to a date in years that begin in March, so that a leap day is the last.
        long shifted = day + 719468;
        long era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
        long ofEra = shifted - era * 146097;
        long year = (ofEra - ofEra / 1460 + ofEra / 36524 - ofEra / 146096) / 365;
        long ofYear = ofEra - (365 * year + year / 4 - year / 100);
        long month = (5 * ofYear + 2) / 153;
        long dayOfMonth = ofYear - (153 * month + 2) / 5 + 1;
        month = month < 10 ? month + 3 : month - 9;
        year += era * 400 + (month <= 2 ? 1 : 0);
        Digits(text[..4], year);
        text[4] = (byte)'-';
        Digits(text.Slice(5, 2), month);
        text[7] = (byte)'-';
        Digits(text.Slice(8, 2), dayOfMonth);
        text[10] = between;
        Digits(text.Slice(11, 2), second / 3600);
        text[13] = (byte)':';
        Digits(text.Slice(14, 2), second / 60 % 60);
        text[16] = (byte)':';
        Digits(text.Slice(17, 2), second % 60);
        text[19] = (byte)'.';
    }

    /// <summary>The last digits of a number, as many as there is room for, with zeros in front.</summary>
    public static void Digits(Span<byte> text, long number)
    {
        for (int i = text.Length - 1; i >= 0; i--, number /= 10)
            text[i] = (byte)('0' + number % 10);
    }
}
