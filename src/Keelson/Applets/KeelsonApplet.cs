using System.Text;
using Keelson.Linux;

namespace Keelson.Applets;

/// <summary>`keelson` without an applet, and names that are none.</summary>
internal static class KeelsonApplet
{
    private const int WrongUsage = 2;

    private const string Help =
        """
        Usage: keelson APPLET [ARGUMENTS...]
           or: APPLET [ARGUMENTS...], by a link of that name to this file

        Applets:
          my_init    the init system of a container
          setuser    run a command as another user

        `keelson APPLET --help` tells more of each.

        """;

    internal static int Run(ReadOnlySpan<byte> applet)
    {
        if (applet.SequenceEqual("--version"u8))
            return Print($"keelson {ProductVersion.Text}\n");
        if (applet.SequenceEqual("--help"u8) || applet.SequenceEqual("-h"u8) || applet.SequenceEqual("keelson"u8))
            return Print(Help);
        Stdio.Write(Stdio.Error, Encoding.UTF8.GetBytes($"keelson: no applet \"{Encoding.UTF8.GetString(applet)}\"; `keelson --help` lists them\n"));
        return WrongUsage;
    }

    internal static int Print(string text)
    {
        Stdio.Write(Stdio.Out, Encoding.UTF8.GetBytes(text));
        return 0;
    }
}
