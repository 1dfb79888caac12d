using System.Text;

namespace Keelson.Commands;

/// <summary>Names and reasons of services may be any bytes; on a terminal and in XML they are text. Pure.</summary>
internal static class Printable
{
    internal static string Of(string text)
    {
        var printable = new StringBuilder(text.Length);
        foreach (Rune rune in text.EnumerateRunes())
        {
            bool isControl = rune.Value < ' ' || rune.Value is >= 0x7f and < 0xa0 or 0x2028 or 0x2029 or >= 0x202a and <= 0x202e or >= 0x2066 and <= 0x2069 or 0xfffe or 0xffff;
            printable.Append(isControl ? "?" : rune.ToString());
        }
        return printable.ToString();
    }
}
