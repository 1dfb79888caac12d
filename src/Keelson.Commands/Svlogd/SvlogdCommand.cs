using Keelson.Linux;

namespace Keelson.Commands.Svlogd;

/// <summary>svlogd(8).</summary>
public static class SvlogdCommand
{
    /// <param name="image">What the kernel gave this process.</param>
    /// <param name="first">Where the arguments begin, behind the command's own name.</param>
    /// <param name="name">The name that it was called by.</param>
    public static int Run(ProcessImage image, int first, ReadOnlySpan<byte> name) => Say.Fail(100, "svlogd: not there yet");
}
