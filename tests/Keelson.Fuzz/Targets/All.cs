namespace Keelson.Fuzz;

internal static class Targets
{
    internal static Target[] All() =>
    [
        new ServiceConfTarget(), new EnvironmentFileTarget(), new ControlTarget(), new NotifyTarget(), new ControlSocketTarget(),
        new UsersTarget(), new SvlogdConfigTarget(), new DumpsTarget(), new EnvironmentStoreTarget(), new LineFormatTarget(), new ShellScriptTarget(),
    ];
}
