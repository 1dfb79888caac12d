using System.Text;
using Keelson.Linux;
using Keelson.Supervision;

namespace Keelson.Commands.ExecService;

/// <summary>The exit statuses of systemd.exec(5) for a process that could not be made what its settings ask for.</summary>
internal enum ExitStatus
{
    WrongUsage = 2,

    /// <summary>EX_CONFIG of sysexits(3): the settings themselves can't be, or an environment file can't be read.</summary>
    Configuration = 78,
    Chdir = 200,
    Nice = 201,
    Exec = 203,
    Limits = 205,
    OomAdjust = 206,
    Group = 216,
    User = 217,
    Capabilities = 218,
    NoNewPrivileges = 227,
}

/// <summary>What ends a process before its program runs.</summary>
/// <param name="Status">What it ends with.</param>
/// <param name="About">KEY=VALUE, or what else is concerned.</param>
/// <param name="Reason">Why, and what to do about it.</param>
internal readonly record struct Trouble(ExitStatus Status, string About, string Reason);

/// <summary>./service.conf of the service whose directory is our working directory.</summary>
internal sealed class ServiceFile
{
    private const string Name = "service.conf";

    private ServiceFile(ByteString directory, ExecSettings settings)
    {
        Directory = directory;
        Settings = settings;
    }

    /// <summary>The service's directory, absolute where /proc tells.</summary>
    internal ByteString Directory { get; }

    internal ExecSettings Settings { get; }

    /// <summary>Null when it has been said what is wrong; without the file there are no settings.</summary>
    internal static ServiceFile? Load()
    {
        Result<ByteString> here = Files.ReadLink("/proc/self/cwd"u8);
        ByteString directory = here.Ok ? here.Value : new("."u8);
        Result<byte[]> file = Files.ReadAll(Encoding.UTF8.GetBytes(Name), ServiceConf.MaxBytes);
        if (!file.Ok && file.Error != Errno.NoEntry)
        {
            Say.Error($"exec-service: {directory}/{Name}: can't be read: {WhyNot(file.Error)}\n");
            return null;
        }
        string path = directory.ToString();
        ExecSettings settings = ExecSettings.Parse(file.Value, path[(path.LastIndexOf('/') + 1)..]);
        var loaded = new ServiceFile(directory, settings);
        foreach (string error in settings.Errors)
            Say.Error($"exec-service: {directory}/{Name}: {error}\n");
        return settings.Errors.Count == 0 ? loaded : null;
    }

    /// <summary>Why <see cref="Files.ReadAll"/> read nothing.</summary>
    internal static string WhyNot(Errno error) => error switch
    {
        Errno.ArgumentsTooLong => "it is too large",
        Errno.Invalid => "it is not a regular file",
        _ => error.Words(),
    };

    /// <summary>One line on standard error.</summary>
    internal void Tell(string about, string reason) => Say.Error($"exec-service: {Directory}/{Name}: {about}: {reason}\n");

    /// <summary>Says it, and returns the status.</summary>
    internal int Fail(Trouble trouble)
    {
        Tell(trouble.About, trouble.Reason);
        return (int)trouble.Status;
    }
}
