using System.Text;
using Keelson.Init.Output;
using Keelson.Linux;

namespace Keelson.Init;

/// <summary>
/// What PID 1 says: lines `*** ...`, or JSON, on standard error, one write each. It never waits long for a reader: while standard
/// error takes nothing, lines are counted instead, and the number is told when it takes some again.
/// </summary>
public static class Log
{
    private const int PatienceMilliseconds = 200;
    private const int MaxBytes = 4000; // less than PIPE_BUF: a pipe that is writable takes it whole, without blocking
    private static bool s_blocked;
    private static int s_lost;

    /// <summary>What each line begins with.</summary>
    public static string Prefix { get; set; } = "*** ";

    /// <summary>One JSON object a line instead, as the services' own lines are (KEELSON_LOG=json).</summary>
    public static LineFormat? Format { get; set; }

    /// <summary>Where lines of services go as well, so that neither theirs nor ours are torn; null: standard error itself.</summary>
    internal static OutputStream? Stream { get; set; }

    /// <summary>Only warnings and errors (--quiet).</summary>
    public static bool Quiet { get; set; }

    /// <summary>What goes as it should.</summary>
    public static void Info(string message)
    {
        if (!Quiet)
            Write(message);
    }

    /// <summary>What somebody has to know or mend.</summary>
    public static void Warn(string message) => Write(message);

    private static void Write(string message)
    {
        if (s_lost > 0 && WriteLine($"({s_lost} messages lost: nobody read standard error)"))
            s_lost = 0;
        s_blocked = s_lost > 0 || !WriteLine(message);
        if (s_blocked)
            s_lost++;
    }

    /// <summary>One write(2), or its place behind lines that wait. False when nobody reads for a while.</summary>
    private static bool Put(ReadOnlySpan<byte> line)
    {
        int patience = s_blocked ? 0 : PatienceMilliseconds;
        if (Stream is { } stream)
            return stream.TakeOwn(line, patience);
        if (!Stdio.WaitWritable(Stdio.Error, patience))
            return false;
        // A full disk, a closed descriptor or a vanished reader: nothing more can be done about a message.
        _ = Stdio.WriteSome(Stdio.Error, line);
        return true;
    }

    private static bool WriteLine(string message)
    {
        if (Format is { } format)
        {
            Span<byte> piece = stackalloc byte[Pipes.AtomicBytes];
            ReadOnlySpan<byte> rest = Encoding.UTF8.GetBytes(message);
            bool taken;
            do
                taken = Put(piece[..format.Next(ref rest, piece)]);
            while (taken && rest.Length > 0);
            return taken;
        }
        // Names of files and commands can hold anything; a line of ours is one line and no terminal control.
        var line = new StringBuilder(Prefix, message.Length + Prefix.Length + 4);
        foreach (char c in message)
        {
            if (char.IsControl(c))
                line.Append("\\x").Append(((int)c).ToString("x2", System.Globalization.CultureInfo.InvariantCulture));
            else
                line.Append(c);
            if (line.Length >= MaxBytes)
                break;
        }
        line.Append('\n');
        Span<byte> bytes = Encoding.UTF8.GetBytes(line.ToString());
        if (bytes.Length > MaxBytes)
        {
            bytes = bytes[..MaxBytes];
            "...\n"u8.CopyTo(bytes[^4..]);
        }
        return Put(bytes);
    }
}
