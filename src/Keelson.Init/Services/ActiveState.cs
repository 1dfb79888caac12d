namespace Keelson.Init.Services;

/// <summary>Where a service is for those that depend on it; systemd's words where it has them.</summary>
internal enum ActiveState
{
    /// <summary>Down, and not to run.</summary>
    Inactive,

    /// <summary>It waits for another service.</summary>
    Waiting,

    /// <summary>It is being started and not ready yet.</summary>
    Activating,

    /// <summary>Ready; a oneshot: has done its work.</summary>
    Active,

    /// <summary>It has ended, or could not be started, and is started again after a pause.</summary>
    Restarting,

    /// <summary>It was told to end and has not yet.</summary>
    Deactivating,

    /// <summary>It failed, and is not started again by itself.</summary>
    Failed,
}

internal static class ActiveStates
{
    /// <summary>The word of it, for people and for `keelson status`.</summary>
    internal static string Word(this ActiveState state) => state switch
    {
        ActiveState.Inactive => "inactive",
        ActiveState.Waiting => "waiting",
        ActiveState.Activating => "activating",
        ActiveState.Active => "active",
        ActiveState.Restarting => "restarting",
        ActiveState.Deactivating => "deactivating",
        _ => "failed",
    };
}
