namespace Keelson.Supervision;

/// <summary>What can happen in the life of a container, as `keelson events` shows it.</summary>
public enum JournalKind
{
    /// <summary>Process number 1 began.</summary>
    Boot,

    /// <summary>A startup script or hook began.</summary>
    ScriptStarted,

    /// <summary>A startup script or hook ended; the value is its exit status as a shell has it.</summary>
    ScriptEnded,

    /// <summary>All services that could be started were.</summary>
    ServicesStarted,

    /// <summary>A service waits for another; the text says why.</summary>
    Held,

    /// <summary>./run was started; the value is its process.</summary>
    Started,

    /// <summary>The service is ready.</summary>
    Ready,

    /// <summary>It says so itself, or was told to end.</summary>
    Stopping,

    /// <summary>./run has ended; the value is its exit status as a shell has it.</summary>
    Ended,

    /// <summary>It is down.</summary>
    Down,

    /// <summary>It failed, and is not started again by itself; the text says why.</summary>
    Failed,

    /// <summary>Its health check failed as often as it may; the text says what it said.</summary>
    Unhealthy,

    /// <summary>Its health check is passed again.</summary>
    Healthy,

    /// <summary>The main command began; the value is its process.</summary>
    MainStarted,

    /// <summary>The main command ended; the value is its exit status as a shell has it.</summary>
    MainEnded,

    /// <summary>The container begins to stop; the text says why.</summary>
    Stop,
}

/// <summary>One line of the journal.</summary>
/// <param name="Milliseconds">Since process number 1 began.</param>
/// <param name="Name">The service or script; empty where it is about neither.</param>
public readonly record struct JournalEntry(long Milliseconds, JournalKind Kind, string Name, int Value, string Text);

public static class JournalKinds
{
    private static readonly string[] s_words =
    [
        "boot", "script-started", "script-ended", "services-started", "waiting", "started", "ready", "stopping", "ended", "down",
        "failed", "unhealthy", "healthy", "main-started", "main-ended", "stop",
    ];

    /// <summary>The word that `keelson events` shows.</summary>
    public static string ToWord(this JournalKind kind) => s_words[(int)kind];

    /// <summary>Null for what is no such word.</summary>
    public static JournalKind? OfWord(string word) => Array.IndexOf(s_words, word) is >= 0 and var kind ? (JournalKind)kind : null;
}
