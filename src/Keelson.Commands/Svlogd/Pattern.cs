namespace Keelson.Commands.Svlogd;

/// <summary>svlogd(8), PATTERN MATCHING: no regular expression. A star and a plus look only at the pattern's next byte.</summary>
public static class Pattern
{
    public static bool Matches(ReadOnlySpan<byte> pattern, ReadOnlySpan<byte> text)
    {
        while (!pattern.IsEmpty)
        {
            byte head = pattern[0];
            pattern = pattern[1..];
            if (head == '*')
            {
                if (pattern.IsEmpty)
                    return true;
                int at = text.IndexOf(pattern[0]);
                if (at < 0)
                    return false;
                text = text[at..];
            }
            else if (head == '+')
            {
                if (pattern.IsEmpty || text.IsEmpty || text[0] != pattern[0])
                    return false;
                int run = text.IndexOfAnyExcept(pattern[0]);
                // As runit: a text that ends within the run matches, whatever the pattern still has.
                if (run < 0)
                    return true;
                text = text[run..];
                pattern = pattern[1..];
            }
            else
            {
                if (text.IsEmpty || text[0] != head)
                    return false;
                text = text[1..];
            }
        }
        return text.IsEmpty;
    }
}
