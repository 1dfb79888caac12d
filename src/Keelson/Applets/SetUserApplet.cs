using System.Text;
using Keelson.Init.Boot;
using Keelson.Linux;

namespace Keelson.Applets;

/// <summary>setuser USER COMMAND: runs a command as another user, with that user's HOME.</summary>
internal static class SetUserApplet
{
    private const int Failure = 1;

    private const string Help =
        """
        Usage: setuser USER COMMAND [ARGUMENTS...]

        Runs COMMAND as USER, a name or a number from /etc/passwd: with its user id, group id and supplementary groups,
        and with HOME, USER and UID set. The rest of the environment stays.

        Exit status: the command's own; 1 when USER is unknown or we may not become it, 127 when COMMAND was not
        found, 126 when it could not be executed.

        """;

    internal static int Run(ProcessImage image, int first)
    {
        ByteString[] arguments = image.Arguments;
        if (arguments.Length > first && (arguments[first].Is("--help"u8) || arguments[first].Is("-h"u8)))
            return KeelsonApplet.Print(Help);
        if (arguments.Length < first + 2)
            return Fail(Failure, "Usage: setuser USER COMMAND [ARGUMENTS...]");

        if (Users.Find(arguments[first].Span) is not { } user)
            return Fail(Failure, $"setuser: unknown user \"{arguments[first]}\": /etc/passwd has neither this name nor this number");
        Errno error = Credentials.Become(user.Id, user.Group, Users.GroupsOf(user));
        if (error != Errno.None)
            return Fail(Failure, $"setuser: cannot become {user.Name}: {error.Words()}{(error == Errno.NotPermitted ? " (only root can)" : "")}");

        ByteString command = arguments[first + 1];
        List<ByteString> environment = image.Environment;
        EnvironmentList.Set(environment, "HOME="u8, user.Home.Span);
        EnvironmentList.Set(environment, "USER="u8, user.Name.Span);
        EnvironmentList.Set(environment, "UID="u8, Encoding.ASCII.GetBytes(user.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)));
        Result<ByteString> path = CommandPath.Find(command, EnvironmentList.Value(environment, "PATH="u8));
        ExecFailure failure = path.Ok
            ? ExecFailure.Explain(path.Value.Span, image.Execute(path.Value.Span, first + 1, environment))
            : CommandPath.NotFound(command);
        return Fail(failure.Status, $"setuser: cannot run {command}: {failure.Reason}");
    }

    private static int Fail(int status, string message)
    {
        Stdio.Write(Stdio.Error, Encoding.UTF8.GetBytes(message + "\n"));
        return status;
    }
}
