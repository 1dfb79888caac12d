namespace Keelson.Commands.Probe;

/// <summary>What has come of an answer so far.</summary>
public enum HttpProgress
{
    /// <summary>More is to come.</summary>
    Incomplete,

    /// <summary>The head is there, and with it the status.</summary>
    Complete,

    /// <summary>It is not HTTP.</summary>
    Broken,
}

/// <summary>The head of an answer of HTTP/1 (RFC 9112): its status line, and header fields up to the empty line. Pure.</summary>
public static class HttpHead
{
    private const int StatusLine = 12; // HTTP/1.1 200

    /// <summary>Looks at all that has come so far. Interim answers (1xx) in front are passed over.</summary>
    public static HttpProgress Parse(ReadOnlySpan<byte> received, out int status)
    {
        status = 0;
        while (true)
        {
            if (!IsStatusLine(received))
                return HttpProgress.Broken;
            int end = EndOfHead(received);
            if (received.Length < StatusLine || end < 0)
                return HttpProgress.Incomplete;
            status = (received[9] - '0') * 100 + (received[10] - '0') * 10 + (received[11] - '0');
            const int switching = 101, final = 200;
            if (status is >= final or switching)
                return HttpProgress.Complete;
            received = received[end..];
        }
    }

    /// <summary>Whether it is one, or what is there may become one.</summary>
    private static bool IsStatusLine(ReadOnlySpan<byte> text)
    {
        ReadOnlySpan<byte> pattern = "HTTP/1.D DDD"u8;
        for (int i = 0; i < Math.Min(text.Length, StatusLine); i++)
        {
            if (pattern[i] == (byte)'D' ? text[i] is not (>= (byte)'0' and <= (byte)'9') : text[i] != pattern[i])
                return false;
        }
        return text.Length <= StatusLine || text[StatusLine] is (byte)' ' or (byte)'\r' or (byte)'\n';
    }

    /// <summary>The index behind the empty line; negative when there is none yet.</summary>
    private static int EndOfHead(ReadOnlySpan<byte> text)
    {
        for (int at = 0; ;)
        {
            int newline = text[at..].IndexOf((byte)'\n');
            if (newline < 0)
                return -1;
            at += newline + 1;
            if (text[at..].StartsWith("\n"u8))
                return at + 1;
            if (text[at..].StartsWith("\r\n"u8))
                return at + 2;
        }
    }
}
