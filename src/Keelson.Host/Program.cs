using System.CommandLine;
using Keelson.Host.Commands;

var root = new RootCommand("Tools for the Docker host of Keelson containers")
{
    DemoCommand.Create(),
};
// Removing a container takes its time on a busy machine; the default of two seconds would leave it behind.
var configuration = new InvocationConfiguration { ProcessTerminationTimeout = TimeSpan.FromSeconds(30) };
return await root.Parse(args).InvokeAsync(configuration).ConfigureAwait(false);
