using System.Text;
using Keelson.Linux;

namespace Keelson.Commands.Sv;

/// <summary>
/// Lines with names in them that may be any bytes: one character a byte, in and out, so that a name leaves as it came.
/// </summary>
internal static class SvText
{
    internal static string Of(ReadOnlySpan<byte> bytes) => Encoding.Latin1.GetString(bytes);

    internal static void Out(string text) => Stdio.Write(Stdio.Out, Encoding.Latin1.GetBytes(text));

    internal static void Error(string text) => Stdio.Write(Stdio.Error, Encoding.Latin1.GetBytes(text));
}
