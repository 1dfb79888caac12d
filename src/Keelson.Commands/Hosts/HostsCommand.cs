// Docker gives each container an /etc/hosts of its own, which the image can't contain. The original patched libnss_files.so
// so that another file was read in its place, until the next upgrade of libc. Here the names of that file are written into
// /etc/hosts, at each start and whenever the file changes, by a small service.
using Keelson.Linux;

namespace Keelson.Commands.Hosts;

/// <summary>workaround-docker-2267(8).</summary>
public static class HostsCommand
{
    private const int MaxBytes = 1024 * 1024;
    private const int WithoutWatchMilliseconds = 5000;
    private const string Usage =
        """
        usage: workaround-docker-2267 [--once | --watch]

        Makes names in /etc/workaround-docker-2267/hosts resolve: they are written into /etc/hosts now, at each start of
        the container, and whenever the file changes. Docker's own lines in /etc/hosts are kept.

          --once   write the names into /etc/hosts now, nothing else
          --watch  the same, and again at each change; what the service /etc/service/workaround-docker-2267 runs
          --help   print this and exit

        """;

    private static ReadOnlySpan<byte> Directory => "/etc/workaround-docker-2267"u8;
    private static ReadOnlySpan<byte> Names => "/etc/workaround-docker-2267/hosts"u8;
    private static ReadOnlySpan<byte> Hosts => "/etc/hosts"u8;
    private static ReadOnlySpan<byte> ServiceName => "workaround-docker-2267"u8;

    /// <param name="image">What the kernel gave this process.</param>
    /// <param name="first">Where the arguments begin.</param>
    public static int Run(ProcessImage image, int first)
    {
        ReadOnlySpan<ByteString> arguments = image.Arguments.AsSpan(first);
        if (arguments.Length > 1)
            return Say.Fail(2, Usage.TrimEnd());
        if (arguments.IsEmpty)
            return Install();
        if (arguments[0].Is("--once"u8))
            return Complain(Merge()) ? 1 : 0;
        if (arguments[0].Is("--watch"u8))
            return Watch();
        if (!arguments[0].Is("--help"u8) && !arguments[0].Is("-h"u8))
            return Say.Fail(2, $"workaround-docker-2267: unknown option {arguments[0]}\n{Usage.TrimEnd()}");
        Say.Out(Usage);
        return 0;
    }

    private static int Install()
    {
        bool failed = Complain(MakeNames());
        failed |= Complain(MakeService());
        failed |= Complain(Merge());
        return failed ? 1 : 0;
    }

    private static int Watch()
    {
        Signals.Mask = default;
        Result<Inotify?> inotify = Inotify.Open();
        Errno error = inotify.Value is null ? inotify.Error : inotify.Value.Watch(Directory).Error;
        if (error != Errno.None)
            Complain($"cannot watch {new ByteString(Directory)}: {error.Words()}; changes are noticed within 5 s");
        string? said = null;
        var changes = new List<WatchEvent>();
        while (true)
        {
            string? problem = Merge();
            // Each trouble once, not at every change.
            if (problem != said)
                Complain(problem);
            said = problem;
            if (error == Errno.None)
            {
                _ = LogFiles.Wait(inotify.Value!.Fd, -1, -1);
                inotify.Value.Read(changes);
                changes.Clear();
            }
            else
            {
                Clock.Sleep(WithoutWatchMilliseconds);
            }
        }
    }

    /// <summary>Brings /etc/hosts up to date; what hinders, null when nothing does.</summary>
    private static string? Merge()
    {
        Result<byte[]> names = Files.ReadAll(Names, MaxBytes);
        if (!names.Ok && names.Error != Errno.NoEntry)
            return $"cannot read {new ByteString(Names)}: {Reason(names.Error)}; /etc/hosts stays as it is";
        Result<byte[]> hosts = Files.ReadAll(Hosts, MaxBytes);
        if (!hosts.Ok && hosts.Error != Errno.NoEntry)
            return $"cannot read /etc/hosts: {Reason(hosts.Error)}; it stays as it is";
        Errno error = InPlace.Change(Hosts, hosts.Value, HostsFile.Merge(hosts.Value, names.Value));
        return error switch
        {
            Errno.None => null,
            Errno.NoEntry => "cannot write /etc/hosts: there is none; make one (touch /etc/hosts)",
            Errno.NoSpace or Errno.QuotaExceeded => $"cannot write /etc/hosts: {error.Words()}; it stays as it is, make room where Docker keeps its containers",
            Errno.ReadOnly => "cannot write /etc/hosts: it is read-only; run the container without --read-only, or give names with docker run --add-host NAME:ADDRESS",
            _ => $"cannot write /etc/hosts: {error.Words()}; run this as root, or give names with docker run --add-host NAME:ADDRESS",
        };
    }

    private static string Reason(Errno error) => error == Errno.ArgumentsTooLong ? "it is larger than 1 MiB" : error.Words();

    private static string? MakeNames()
    {
        if (Files.Status(Names).Ok)
            return null;
        _ = Files.MakeDirectory(Directory, 0x1ed);
        Result<DirectoryFd?> directory = DirectoryFd.Open(Directory);
        Errno error = directory.Value?.Publish(
            "hosts"u8, "hosts.new"u8, "# Names of this container, as in hosts(5). They are copied into /etc/hosts at once.\n"u8, 0x1a4) ?? directory.Error;
        directory.Value?.Close();
        return error == Errno.None ? null : $"cannot make {new ByteString(Names)}: {error.Words()}";
    }

    /// <summary>Made under a hidden name and renamed, so that nobody sees it without its ./run.</summary>
    private static string? MakeService()
    {
        Result<DirectoryFd?> services = DirectoryFd.Open("/etc/service"u8);
        Errno error = services.Error;
        if (services.Value is { } all)
        {
            ReadOnlySpan<byte> hidden = ".workaround-docker-2267.new"u8;
            if (!all.Has(ServiceName))
            {
                error = all.MakeDirectory(hidden, 0x1ed);
                if (error is Errno.None or Errno.Exists)
                {
                    Result<DirectoryFd?> service = all.Open(new ByteString(hidden));
                    error = service.Value?.Publish("run"u8, "run.new"u8, "#!/bin/sh\nexec /usr/bin/workaround-docker-2267 --watch\n"u8, 0x1ed) ?? service.Error;
                    service.Value?.Close();
                    if (error == Errno.None)
                        error = all.Rename(hidden, ServiceName);
                }
            }
            all.Close();
        }
        return error == Errno.None ? null : $"cannot make /etc/service/workaround-docker-2267: {error.Words()}; changes are not noticed, run this again after each";
    }

    private static bool Complain(string? problem)
    {
        if (problem is not null)
            Say.Error($"workaround-docker-2267: {problem}\n");
        return problem is not null;
    }
}
