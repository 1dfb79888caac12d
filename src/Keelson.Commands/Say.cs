using System.Text;
using Keelson.Linux;

namespace Keelson.Commands;

/// <summary>Lines of a command on its standard output and standard error, one write each. Names in them may be any bytes.</summary>
public static class Say
{
    public static void Out(string text) => Stdio.Write(Stdio.Out, Encoding.UTF8.GetBytes(text));

    public static void Error(string text) => Stdio.Write(Stdio.Error, Encoding.UTF8.GetBytes(text));

    /// <summary>Says the line on standard error and hands the status on: `return Say.Fail(100, "...")`.</summary>
    public static int Fail(int status, string line)
    {
        Error(line + "\n");
        return status;
    }
}
