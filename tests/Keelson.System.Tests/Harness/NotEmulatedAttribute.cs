using Xunit.v3;

namespace Keelson.SystemTests.Harness;

/// <summary>
/// A test that shows nothing when the binary is for another processor and QEMU's user mode emulation runs it: it is left
/// out of `make test-arm64`, and says why. Measured with QEMU 7.2.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class NotEmulatedAttribute(string because) : Attribute, ITraitAttribute
{
    /// <summary>A child of posix_spawn whose exec fails is a process of its own there and ends with 127: the caller is told nothing.</summary>
    internal const string NoExecErrors = "posix_spawn reports no failure of exec";

    /// <summary>prctl(PR_SET_CHILD_SUBREAPER) answers EINVAL.</summary>
    internal const string NoSubreaper = "there is no subreaper";

    /// <summary>The limits of memory are not set: the emulator shares the address space.</summary>
    internal const string NoLimits = "setrlimit of memory does nothing";

    /// <summary>The emulator keeps real-time signals for itself.</summary>
    internal const string NoRealTimeSignals = "some real-time signals do not arrive";

    /// <summary>It starts and translates first.</summary>
    internal const string Slow = "the emulator's own start and its speed are what would be measured";

    /// <summary>What is tested is written in C#, and the same for both processors.</summary>
    internal const string NoFaults = "the binary whose system calls fail is linked for this machine's processor";

    /// <summary>Why it is left out.</summary>
    public string Because => because;

    /// <inheritdoc/>
    public IReadOnlyCollection<KeyValuePair<string, string>> GetTraits() => [new("Emulated", "No")];
}
