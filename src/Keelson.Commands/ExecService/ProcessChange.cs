// The process is changed in systemd's order, in which each step still has the rights that it needs: OOM score, nice level,
// file mode mask, limits, groups, capabilities, user, working directory, no new privileges. What a container often may not
// (a better OOM score, a better nice level, a higher limit) comes as near as it may and is said; anything else that fails
// ends the process.
using System.Globalization;
using System.Text;
using Keelson.Linux;
using Keelson.Supervision;

namespace Keelson.Commands.ExecService;

/// <summary>Changes this process before its program runs.</summary>
/// <param name="service">Whose settings.</param>
/// <param name="account">Who it becomes.</param>
/// <param name="command">What is run, whose signs make exceptions; null for ./run.</param>
internal sealed class ProcessChange(ServiceFile service, Account account, ExecCommand? command)
{
    // Limits that our own runtime would feel before the program runs: data, stack, address space.
    private static readonly int[] s_late = [2, 3, 9];

    private readonly ExecSettings _settings = service.Settings;
    private readonly List<ResourceLimit> _lateLimits = [];

    /// <summary>All but the limits that come last; null when it worked.</summary>
    internal Trouble? Apply()
    {
        bool hasAllRights = command is { IsFullyPrivileged: true };
        bool keepsUser = hasAllRights || command is { KeepsUser: true };
        Trouble? trouble = SetOomScore() ?? SetNice();
        if (trouble is not null)
            return trouble;
        if (_settings.UMask is { } mask)
            Sessions.SetFileModeMask(mask);
        if (!hasAllRights)
            trouble = SetLimits();
        if (!keepsUser)
            trouble ??= SetGroups();
        if (!hasAllRights)
            trouble ??= PrepareCapabilities(keepsUser);
        if (!keepsUser)
            trouble ??= SetUser();
        if (!hasAllRights)
            trouble ??= RaiseAmbient();
        trouble ??= ChangeDirectory();
        if (trouble is null && !hasAllRights && _settings.NoNewPrivileges && CapabilitySets.ForbidNewPrivileges() is not Errno.None and var error)
            trouble = new(ExitStatus.NoNewPrivileges, "NoNewPrivileges=yes", error.Words());
        return trouble;
    }

    private Trouble? SetOomScore()
    {
        if (_settings.OomScoreAdjust is not { } score)
            return null;
        string text = score.ToString(CultureInfo.InvariantCulture);
        string about = $"OOMScoreAdjust={text}";
        Errno error = Files.WriteOnce("/proc/self/oom_score_adj"u8, Encoding.ASCII.GetBytes(text));
        if (error is Errno.NotPermitted or Errno.Access)
            service.Tell(about, $"{error.Words()}, the score stays as it is; a lower score needs docker run --cap-add SYS_RESOURCE, or --oom-score-adj");
        else if (error != Errno.None)
            return new(ExitStatus.OomAdjust, about, $"/proc/self/oom_score_adj can't be written: {error.Words()}");
        return null;
    }

    private Trouble? SetNice()
    {
        if (_settings.Nice is not { } level)
            return null;
        string about = string.Create(CultureInfo.InvariantCulture, $"Nice={level}");
        Result<int> now = Sessions.SetNice(level);
        if (!now.Ok)
            return new(ExitStatus.Nice, about, now.Error.Words());
        if (now.Value != level)
            service.Tell(about, string.Create(CultureInfo.InvariantCulture, $"operation not permitted, the level is {now.Value}; docker run --cap-add SYS_NICE permits it"));
        return null;
    }

    private Trouble? SetLimits()
    {
        foreach (ResourceLimit limit in _settings.Limits)
        {
            ResourceLimit wanted = limit;
            if (Array.IndexOf(s_late, limit.Resource) >= 0)
            {
                // A higher hard limit is set while we still may; all else waits.
                _lateLimits.Add(limit);
                if (limit.Hard <= Limits.Hard(limit.Resource))
                    continue;
                wanted = limit with { Soft = limit.Hard };
            }
            if (Set(wanted, isLast: wanted == limit) is { } trouble)
                return trouble;
        }
        return null;
    }

    /// <summary>Directly before the program runs, when all that takes memory is done.</summary>
    internal Trouble? SetLateLimits()
    {
        foreach (ResourceLimit limit in _lateLimits)
        {
            if (Set(limit, isLast: true) is { } trouble)
                return trouble;
        }
        return null;
    }

    private Trouble? Set(ResourceLimit limit, bool isLast)
    {
        Result<(ulong Soft, ulong Hard)> now = Limits.Set(limit.Resource, limit.Soft, limit.Hard);
        if (!now.Ok)
            return new(ExitStatus.Limits, About(limit.Resource, limit.Soft, limit.Hard), now.Error.Words());
        if (isLast && now.Value != (limit.Soft, limit.Hard))
        {
            service.Tell(
                About(limit.Resource, limit.Soft, limit.Hard),
                $"operation not permitted, the limit is {Text(now.Value.Soft, now.Value.Hard)}; docker run --ulimit raises it, --cap-add SYS_RESOURCE lets the service do so");
        }
        return null;
    }

    private static string About(int resource, ulong soft, ulong hard) => $"{ResourceLimits.KeyOf(resource)}={Text(soft, hard)}";

    private static string Text(ulong soft, ulong hard) => soft == hard ? Text(soft) : $"{Text(soft)}:{Text(hard)}";

    private static string Text(ulong limit) => limit == ResourceLimits.Infinity ? "infinity" : limit.ToString(CultureInfo.InvariantCulture);

    private Trouble? SetGroups()
    {
        Errno error = Errno.None;
        string key = _settings.SupplementaryGroups.Count > 0 ? $"SupplementaryGroups={string.Join(' ', _settings.SupplementaryGroups)}" : $"User={_settings.User}";
        if (account.Groups is { } groups)
            error = Credentials.SetGroups(account.User ?? Processes.UserId, account.Group ?? Processes.GroupId, groups);
        if (error == Errno.None && account.Group is { } group)
        {
            key = _settings.Group.Length > 0 ? $"Group={_settings.Group}" : key;
            error = Credentials.SetGroup(group);
        }
        return error == Errno.None ? null : new(ExitStatus.Group, key, $"can't change the groups: {error.Words()}{RootOnly(error)}");
    }

    private Trouble? SetUser()
    {
        if (account.User is not { } user || Credentials.SetUser(user) is not (not Errno.None and var error))
            return null;
        return new(ExitStatus.User, $"User={_settings.User}", $"can't become this user: {error.Words()}{RootOnly(error)}");
    }

    private static string RootOnly(Errno error) =>
        error == Errno.NotPermitted ? "; only root may (and with CAP_SETUID and CAP_SETGID): run the container as root, or remove the line" : "";

    /// <summary>What is wanted of AmbientCapabilities=; of a list of all others, what there is.</summary>
    private ulong Ambient => Capabilities.IsOpenEnded(_settings.AmbientSet) ? _settings.AmbientSet & CapabilitySets.Permitted : _settings.AmbientSet;

    private Trouble? PrepareCapabilities(bool keepsUser)
    {
        ulong ambient = Ambient;
        if ((ambient & ~CapabilitySets.Permitted) is > 0 and var missing)
        {
            return new(ExitStatus.Capabilities, $"AmbientCapabilities={Capabilities.Names(_settings.AmbientSet)}",
                $"the container has no {Capabilities.Names(missing)}; docker run --cap-add gives it to it");
        }
        ulong removed = CapabilitySets.Bounding & ~_settings.BoundingSet;
        Errno error = CapabilitySets.ChangeInheritable(removed, ambient);
        for (int i = 0; i < 64 && error == Errno.None; i++)
        {
            if ((removed >> i & 1) != 0)
                error = CapabilitySets.Drop(i);
        }
        if (error != Errno.None)
        {
            return new(ExitStatus.Capabilities, removed != 0 ? "CapabilityBoundingSet=" : "AmbientCapabilities=",
                $"can't change the capabilities: {error.Words()}{(error == Errno.NotPermitted ? "; this needs CAP_SETPCAP: docker run --cap-add SETPCAP" : "")}");
        }
        if (ambient != 0 && !keepsUser && account.User is not null && CapabilitySets.KeepThroughUserChange() is not Errno.None and var kept)
            return new(ExitStatus.Capabilities, "AmbientCapabilities=", $"can't keep the capabilities: {kept.Words()}");
        return null;
    }

    private Trouble? RaiseAmbient()
    {
        ulong ambient = Ambient;
        for (int i = 0; i < 64; i++)
        {
            if ((ambient >> i & 1) != 0 && CapabilitySets.RaiseAmbient(i) is not Errno.None and var error)
                return new(ExitStatus.Capabilities, "AmbientCapabilities=", $"can't give the process {Capabilities.Name(i)}: {error.Words()}");
        }
        return null;
    }

    private Trouble? ChangeDirectory()
    {
        if (_settings.WorkingDirectory.Length == 0)
            return null;
        ByteString directory = new(_settings.WorkingDirectory);
        if (directory.Is("~"u8))
        {
            directory = (account.Entry ?? Users.Find(Processes.UserId))?.Home ?? default;
            if (directory.Length == 0)
                return _settings.WorkingDirectoryIsOptional ? null : new(ExitStatus.Chdir, "WorkingDirectory=~", "/etc/passwd has no home directory for the user; write a path");
        }
        Errno error = Sessions.ChangeDirectory(directory.Span);
        return error == Errno.None || _settings.WorkingDirectoryIsOptional
            ? null
            : new(ExitStatus.Chdir, $"WorkingDirectory={directory}", $"{error.Words()}; {(error == Errno.NoEntry ? "create it, or write - before it to begin without it" : "correct the path or its permissions")}");
    }
}
