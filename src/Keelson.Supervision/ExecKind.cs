namespace Keelson.Supervision;

/// <summary>The commands of a service.conf, each kind run by `keelson exec-service WORD` with the service's settings.</summary>
public enum ExecKind
{
    /// <summary>ExecStart=, which stands for ./run where there is none.</summary>
    Start,

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
}

public static class ExecKinds
{
    private static readonly string[] s_words = ["run", "start-pre", "start-post", "stop", "reload", "health"];
    private static readonly string[] s_keys = ["ExecStart", "ExecStartPre", "ExecStartPost", "ExecStop", "ExecReload", "HealthCheck"];

    /// <summary>What exec-service calls it.</summary>
    public static string Word(this ExecKind kind) => s_words[(int)kind];

    /// <summary>What service.conf calls it.</summary>
    public static string Key(this ExecKind kind) => s_keys[(int)kind];

    /// <summary>Null for what is no such word.</summary>
    public static ExecKind? OfWord(string word) => Of(s_words, word);

    /// <summary>Null for what is no key of commands.</summary>
    public static ExecKind? OfKey(string key) => Of(s_keys, key);

    private static ExecKind? Of(string[] names, string name) => Array.IndexOf(names, name) is >= 0 and var kind ? (ExecKind)kind : null;
}
