using Keelson.Linux;

namespace Keelson.Commands.Chpst;

/// <summary>chpst(8).</summary>
public static class ChpstCommand
{
    /// <param name="image">What the kernel gave this process.</param>
    /// <param name="first">Where the arguments begin, behind the command's own name.</param>
    /// <param name="name">The name that it was called by.</param>
    public static int Run(ProcessImage image, int first, ReadOnlySpan<byte> name) => Say.Fail(100, "chpst: not there yet");
}
