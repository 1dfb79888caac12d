using System.Globalization;
using System.Text;

namespace Keelson.SystemTests.Harness;

/// <summary>Text and bytes as bash reads them back, byte for byte.</summary>
internal static class Shell
{
    internal static string Quote(string text) => Quote(Encoding.UTF8.GetBytes(text));

    internal static string Quote(ReadOnlySpan<byte> bytes)
    {
        var quoted = new StringBuilder("$'");
        foreach (byte b in bytes)
        {
            if (b is >= (byte)'a' and <= (byte)'z' or >= (byte)'A' and <= (byte)'Z' or >= (byte)'0' and <= (byte)'9' or (byte)'/' or (byte)'-' or (byte)'_' or (byte)'.' or (byte)'=' or (byte)' ')
                quoted.Append((char)b);
            else
                quoted.Append('\\').Append(Convert.ToString(b, 8).PadLeft(3, '0'));
        }
        return quoted.Append('\'').ToString();
    }

    /// <summary>The state of a process as proc_pid_stat(5) has it; a blank when there is none.</summary>
    internal static char StateOf(int pid)
    {
        try
        {
            string stat = File.ReadAllText($"/proc/{Format(pid)}/stat");
            return stat[stat.LastIndexOf(')') + 2];
        }
        catch (IOException)
        {
            return ' ';
        }
    }

    internal static string Format(IFormattable value) => value.ToString(null, CultureInfo.InvariantCulture);
}
