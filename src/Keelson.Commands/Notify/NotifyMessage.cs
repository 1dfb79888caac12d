using System.Globalization;
using Keelson.Linux;

namespace Keelson.Commands.Notify;

/// <summary>The assignments of one message of sd_notify(3). Pure: what the clock and the kernel say is given.</summary>
public sealed class NotifyMessage
{
    private readonly ByteBuilder _text = new();
    private bool _hasAny;

    public bool IsEmpty => !_hasAny;

    /// <summary>One assignment, VARIABLE=VALUE; what is wrong with it, null when nothing is.</summary>
    public string? Add(ReadOnlySpan<byte> assignment)
    {
        int equals = assignment.IndexOf((byte)'=');
        if (equals <= 0)
            return $"\"{new ByteString(assignment)}\" is no VARIABLE=VALUE";
        if (assignment.ContainsAny((byte)'\n', (byte)0))
            return $"the value of {new ByteString(assignment[..equals])} has a newline, which would begin another assignment; write it on one line";
        if (_hasAny)
            _text.Append((byte)'\n');
        _text.Append(assignment);
        _hasAny = true;
        return null;
    }

    public string? Add(ReadOnlySpan<byte> variable, ReadOnlySpan<byte> value) => Add(ByteString.Join(variable, "="u8, value).Span);

    public string? Add(ReadOnlySpan<byte> variable, long number) =>
        Add(variable, ByteString.Of(number.ToString(CultureInfo.InvariantCulture)).Span);

    public byte[] ToArray() => _text.ToArray();
}
