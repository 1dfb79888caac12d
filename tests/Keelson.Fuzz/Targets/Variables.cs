using Keelson.Linux;

namespace Keelson.Fuzz;

/// <summary>Variables out of any bytes: NAME=VALUE, a NUL behind each, as in /proc/PID/environ.</summary>
internal static class Variables
{
    internal static List<(byte[] Name, byte[] Value)> Of(ReadOnlySpan<byte> input)
    {
        var variables = new List<(byte[] Name, byte[] Value)>();
        foreach (Range range in input.Split((byte)0))
        {
            ReadOnlySpan<byte> entry = input[range];
            int equals = entry.IndexOf((byte)'=');
            if (equals >= 0)
                variables.Add((entry[..equals].ToArray(), entry[(equals + 1)..].ToArray()));
        }
        return variables;
    }

    internal static SortedDictionary<ByteString, ByteString> Sorted(IEnumerable<(byte[] Name, byte[] Value)> variables)
    {
        var sorted = new SortedDictionary<ByteString, ByteString>();
        foreach ((byte[] name, byte[] value) in variables)
            sorted[new ByteString(name)] = new ByteString(value);
        return sorted;
    }
}
