using System.Text;
using Keelson.Commands.Boot;
using Keelson.Commands.Control;
using Keelson.Commands.Lint;
using Keelson.Commands.MapUser;
using Keelson.Commands.Notify;
using Keelson.Commands.Probe;
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
          sv         control services and ask for their state
          chpst      run a command in a changed process state; also as setuidgid, envuidgid, envdir, pgrphack, setlock,
                     softlimit
          svlogd     write a log and rotate it
          runsv      supervise one service
          runsvdir   supervise a directory of services
          workaround-docker-2267  names of the image in the hosts file of its containers

        Commands, as `keelson COMMAND` only:
          blame      what the boot took long for, the slowest first
          events     what has happened since the boot
          health     whether the container is well
          lint       say what is wrong with scripts and services before they run
          map-user   give a user the ids in $PUID and $PGID
          notify     tell the supervisor that a service is ready, and more
          plot       the boot as a picture
          probe      look whether a server answers
          status     all services at a look

        `keelson APPLET --help` tells more of each.

        """;

    /// <summary>What has no name of its own; null when it is none of them.</summary>
    internal static Func<ProcessImage, int, int>? Subcommand(ReadOnlySpan<byte> name) => name switch
    {
        _ when name.SequenceEqual("blame"u8) => BootCommand.Blame,
        _ when name.SequenceEqual("events"u8) => EventsCommand.Run,
        _ when name.SequenceEqual("health"u8) => HealthCommand.Run,
        _ when name.SequenceEqual("lint"u8) => LintCommand.Run,
        _ when name.SequenceEqual("map-user"u8) => MapUserCommand.Run,
        _ when name.SequenceEqual("notify"u8) => NotifyCommand.Run,
        _ when name.SequenceEqual("plot"u8) => BootCommand.Plot,
        _ when name.SequenceEqual("probe"u8) => ProbeCommand.Run,
        _ when name.SequenceEqual("status"u8) => StatusCommand.Run,
        _ => null,
    };

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
