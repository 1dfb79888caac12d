// What a service sends to NOTIFY_SOCKET: lines NAME=VALUE in one datagram (sd_notify(3)).
using System.Buffers.Text;
using System.Text;

namespace Keelson.Supervision;

/// <summary>The lines of a message that mean something here; the rest is passed over, as sd_notify(3) demands.</summary>
public readonly record struct NotifyMessage
{
    /// <summary>A longer message is cut off.</summary>
    public const int MaxBytes = 4096;

    private const int MaxStatusLetters = 200;

    public bool IsReady { get; private init; }
    public bool IsReloading { get; private init; }
    public bool IsStopping { get; private init; }

    /// <summary>WATCHDOG=1</summary>
    public bool IsAlive { get; private init; }

    /// <summary>WATCHDOG=trigger: it says itself that it is hung.</summary>
    public bool IsHung { get; private init; }

    /// <summary>STATUS=; null when the message has none.</summary>
    public string? Status { get; private init; }

    /// <summary>MAINPID=; 0 when the message has none.</summary>
    public int MainPid { get; private init; }

    /// <summary>EXTEND_TIMEOUT_USEC= in milliseconds; 0 when the message has none.</summary>
    public long ExtendMilliseconds { get; private init; }

    public static NotifyMessage Parse(ReadOnlySpan<byte> text)
    {
        var message = new NotifyMessage();
        foreach (Range range in text.Split((byte)'\n'))
        {
            ReadOnlySpan<byte> line = text[range];
            int equals = line.IndexOf((byte)'=');
            if (equals <= 0)
                continue;
            ReadOnlySpan<byte> value = line[(equals + 1)..];
            bool isOne = value.SequenceEqual("1"u8);
            ReadOnlySpan<byte> name = line[..equals];
            if (name.SequenceEqual("READY"u8) && isOne)
                message = message with { IsReady = true };
            else if (name.SequenceEqual("RELOADING"u8) && isOne)
                message = message with { IsReloading = true };
            else if (name.SequenceEqual("STOPPING"u8) && isOne)
                message = message with { IsStopping = true };
            else if (name.SequenceEqual("WATCHDOG"u8))
                message = message with { IsAlive = message.IsAlive || isOne, IsHung = message.IsHung || value.SequenceEqual("trigger"u8) };
            else if (name.SequenceEqual("STATUS"u8))
                message = message with { Status = Printable(value) };
            else if (name.SequenceEqual("MAINPID"u8) && Number(value) is > 0 and <= int.MaxValue and var pid)
                message = message with { MainPid = (int)pid };
            else if (name.SequenceEqual("EXTEND_TIMEOUT_USEC"u8) && Number(value) is > 0 and var microseconds)
                message = message with { ExtendMilliseconds = Math.Max(microseconds / 1000, 1) };
        }
        return message;
    }

    private static long Number(ReadOnlySpan<byte> text) =>
        Utf8Parser.TryParse(text, out long number, out int used) && used == text.Length ? number : 0;

    /// <summary>Somebody else's text, to be shown on terminals: bounded, and without control characters.</summary>
    private static string Printable(ReadOnlySpan<byte> text)
    {
        var printable = new StringBuilder();
        foreach (Rune c in Encoding.UTF8.GetString(text).EnumerateRunes())
        {
            if (printable.Length + c.Utf16SequenceLength > MaxStatusLetters)
                break;
            if (Rune.IsControl(c))
                printable.Append(' ');
            else
                printable.Append(c);
        }
        return printable.ToString();
    }
}
