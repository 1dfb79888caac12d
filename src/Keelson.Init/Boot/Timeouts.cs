using System.Buffers.Text;
using Keelson.Init.Env;
using Keelson.Linux;

namespace Keelson.Init.Boot;

/// <summary>KILL_PROCESS_TIMEOUT and KILL_ALL_PROCESSES_TIMEOUT: whole seconds, 5 where they are not set or make no sense.</summary>
public sealed class Timeouts(EnvironmentStore environment)
{
    private const long DefaultSeconds = 5;
    private const long MaxSeconds = 1_000_000_000;
    private readonly HashSet<string> _warned = [];

    /// <summary>Milliseconds.</summary>
    public long Process => Read("KILL_PROCESS_TIMEOUT"u8);

    /// <summary>Milliseconds.</summary>
    public long AllProcesses => Read("KILL_ALL_PROCESSES_TIMEOUT"u8);

    /// <summary>Warns of bad values at once rather than in the middle of a stop.</summary>
    public void Check() => _ = Process + AllProcesses;

    private long Read(ReadOnlySpan<byte> name)
    {
        if (environment[name] is not { } text)
            return DefaultSeconds * 1000;
        if (Utf8Parser.TryParse(text.Span, out long seconds, out int used) && used == text.Length && seconds is >= 0 and <= MaxSeconds)
            return seconds * 1000;
        string variable = new ByteString(name).ToString();
        if (_warned.Add(variable + "=" + text))
            Log.Warn($"{variable} must be a whole number of seconds, not \"{text}\"; using {DefaultSeconds}");
        return DefaultSeconds * 1000;
    }
}
