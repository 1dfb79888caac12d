namespace Keelson.Linux;

/// <summary>An environment as NAME=VALUE strings (environ(7)).</summary>
public static class EnvironmentList
{
    /// <summary>The value of the first entry of this name, given with its =; null when there is none.</summary>
    public static ByteString? Value(IReadOnlyList<ByteString> environment, ReadOnlySpan<byte> nameAndEquals)
    {
        foreach (ByteString entry in environment)
        {
            if (entry.Span.StartsWith(nameAndEquals))
                return new ByteString(entry.Span[nameAndEquals.Length..]);
        }
        return null;
    }

    /// <summary>Replaces all entries of this name, given with its =.</summary>
    public static void Set(List<ByteString> environment, ReadOnlySpan<byte> nameAndEquals, ReadOnlySpan<byte> value)
    {
        Unset(environment, nameAndEquals);
        environment.Add(ByteString.Join(nameAndEquals, value));
    }

    /// <summary>Removes all entries of this name, given with its =.</summary>
    public static void Unset(List<ByteString> environment, ReadOnlySpan<byte> nameAndEquals)
    {
        byte[] prefix = nameAndEquals.ToArray();
        environment.RemoveAll(entry => entry.Span.StartsWith(prefix));
    }
}
