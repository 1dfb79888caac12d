using System.CommandLine;
using Keelson.Host.Commands;

var root = new RootCommand("Tools for the Docker host of Keelson containers")
{
    DemoCommand.Create(),
};
return await root.Parse(args).InvokeAsync().ConfigureAwait(false);
