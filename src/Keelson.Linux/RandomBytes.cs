namespace Keelson.Linux;

public static unsafe class RandomBytes
{
    /// <summary>Fills the buffer from the kernel's generator; where that is not ready at boot, from the clock: this is for names, not for secrets.</summary>
    public static void Fill(Span<byte> buffer)
    {
        const uint nonBlocking = 1;
        fixed (byte* p = buffer)
        {
            if (Libc.getrandom(p, (nuint)buffer.Length, nonBlocking) == buffer.Length)
                return;
        }
        (long seconds, uint nanoseconds) = Clock.TimeOfDay;
        for (int i = 0; i < buffer.Length; i++)
            buffer[i] = (byte)(i < 4 ? nanoseconds >> 8 * i : (uint)(seconds >> 8 * (i - 4)));
    }
}
