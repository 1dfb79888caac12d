// /run/keelson: the sockets of process 1, and supervise directories of services whose own can't be written.
using Keelson.Linux;

namespace Keelson.Init;

internal static class RunDirectory
{
    /// <summary>Everybody may look: sv of another user is to be told that it may not, and services send to the notify socket.</summary>
    internal const uint Mode = 0x1ed; // 0755

    private static ReadOnlySpan<byte> Path => "/run/keelson"u8;

    /// <summary>Makes it, or takes the one that is there. <see cref="Errno.NotPermitted"/>: others than root may write into it.</summary>
    internal static Errno Make() => Files.MakeOwnDirectory(Path, Mode);
}
