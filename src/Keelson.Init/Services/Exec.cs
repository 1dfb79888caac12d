namespace Keelson.Init.Services;

/// <summary>The commands of a service.conf, each kind run by `keelson exec-service KIND` with the service's settings.</summary>
internal enum Exec
{
    None,

    /// <summary>ExecStartPre=, before ./run.</summary>
    StartPre,

    /// <summary>ExecStartPost=, once ./run is ready.</summary>
    StartPost,

    /// <summary>ExecStop=, before KillSignal=.</summary>
    Stop,

    /// <summary>ExecReload=, instead of HUP.</summary>
    Reload,

    /// <summary>HealthCheck=</summary>
    Health,

    /// <summary>./run itself, or ExecStart=.</summary>
    Run,
}

internal static class ExecKinds
{
    internal static ReadOnlySpan<byte> Word(this Exec kind) => kind switch
    {
        Exec.StartPre => "start-pre"u8,
        Exec.StartPost => "start-post"u8,
        Exec.Stop => "stop"u8,
        Exec.Reload => "reload"u8,
        Exec.Health => "health"u8,
        _ => "run"u8,
    };

    internal static string Key(this Exec kind) => kind switch
    {
        Exec.StartPre => "ExecStartPre",
        Exec.StartPost => "ExecStartPost",
        Exec.Stop => "ExecStop",
        Exec.Reload => "ExecReload",
        Exec.Health => "HealthCheck",
        _ => "ExecStart",
    };
}
