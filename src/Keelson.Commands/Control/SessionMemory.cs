using Keelson.Linux;

namespace Keelson.Commands.Control;

/// <summary>What the processes of each session take: the services have a session each.</summary>
internal static class SessionMemory
{
    /// <summary>Resident kibibytes by session; empty without /proc.</summary>
    internal static Dictionary<int, long> Kibibytes()
    {
        var memory = new Dictionary<int, long>();
        foreach ((int session, long kibibytes) in Processes.Memory())
            memory[session] = memory.GetValueOrDefault(session) + kibibytes;
        return memory;
    }
}
