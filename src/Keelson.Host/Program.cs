using System.CommandLine;
using Keelson.Host.Commands;
using Keelson.Host.Shells;

// One file with three names: docker-ssh and docker-bash are links to it.
string called = Path.GetFileName(Environment.GetCommandLineArgs()[0]);
Command root = called switch
{
    "docker-ssh" => Rooted(SshCommand.Create("ssh")),
    "docker-bash" => Rooted(BashCommand.Create("bash")),
    _ => new RootCommand("Tools for the Docker host of Keelson containers")
    {
        BuildCommand.Create(),
        RunCommand.Create(),
        PsCommand.Create(),
        LogsCommand.Create(),
        DoctorCommand.Create(),
        SshCommand.Create("ssh"),
        BashCommand.Create("bash"),
        DemoCommand.Create(),
        CompletionCommand.Create(),
    },
};
string[] given = args switch
{
    // [suggest] is a shell that completes, see CompletionCommand.
    [['[', ..], ..] => args,
    ["ssh" or "bash" or "run", ..] when root is RootCommand { Subcommands.Count: > 0 } => [args[0], .. Shell.Separate(root.Subcommands.First(c => c.Name == args[0]), args[1..])],
    _ when called is "docker-ssh" or "docker-bash" => Shell.Separate(root, args),
    _ => args,
};
// Removing a container takes its time on a busy machine; the default of two seconds would leave it behind. What has
// handed the terminal on leaves its keys to who has it.
bool isShell = called is "docker-ssh" or "docker-bash" || args is ["ssh" or "bash", ..];
var configuration = new InvocationConfiguration { ProcessTerminationTimeout = isShell ? null : TimeSpan.FromSeconds(30) };
// An argument that begins with @ is no file of arguments: it may be the container's.
return await root.Parse(given, new ParserConfiguration { ResponseFileTokenReplacer = null }).InvokeAsync(configuration).ConfigureAwait(false);

// The same command as a program of its own.
static RootCommand Rooted(Command command)
{
    var root = new RootCommand(command.Description!);
    foreach (Option option in command.Options)
        root.Add(option);
    foreach (Argument argument in command.Arguments)
        root.Add(argument);
    root.Action = command.Action;
    return root;
}
