namespace Keelson.Linux;

/// <summary>How long a socket's calls wait (SO_RCVTIMEO and SO_SNDTIMEO of socket(7)), connect(2) included.</summary>
internal static unsafe class SocketTimeout
{
    private const int SocketLevel = 1;

    internal static Errno ToReceive(int fd, long milliseconds) => Set(fd, 20, milliseconds);

    internal static Errno ToSend(int fd, long milliseconds) => Set(fd, 21, milliseconds);

    private static Errno Set(int fd, int option, long milliseconds)
    {
        // struct timeval; zero would be for ever.
        milliseconds = Math.Max(milliseconds, 1);
        long* time = stackalloc long[2];
        time[0] = milliseconds / 1000;
        time[1] = milliseconds % 1000 * 1000;
        return Libc.Check(Libc.setsockopt(fd, SocketLevel, option, time, 16));
    }

    /// <summary>What the calls return when the time is over is said as what it is.</summary>
    internal static Errno Meant(Errno error) => error is Errno.Again or Errno.InProgress ? Errno.TimedOut : error;
}
