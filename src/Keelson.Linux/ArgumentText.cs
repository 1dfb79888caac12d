namespace Keelson.Linux;

/// <summary>
/// The bytes of one of our own arguments where the kernel has them: what is written there is what ps(1) shows. Its length
/// is that of the argument and stays so.
/// </summary>
public sealed unsafe class ArgumentText
{
    private readonly byte* _text;
    private readonly int _kept;

    internal ArgumentText(byte* text, int length, int kept)
    {
        _text = text;
        _kept = kept;
        Length = length;
    }

    public int Length { get; }

    /// <summary>Moves what is there to the left and puts the end of <paramref name="text"/> behind it. NUL, which would end it, is left out.</summary>
    public void Append(ReadOnlySpan<byte> text)
    {
        var all = new Span<byte>(_text + _kept, Length - _kept);
        // All of it: how much of its end there is room for depends on what is left out.
        foreach (byte b in text)
        {
            if (b == 0)
                continue;
            all[1..].CopyTo(all);
            all[^1] = b;
        }
    }
}
