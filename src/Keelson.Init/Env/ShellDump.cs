using Keelson.Linux;

namespace Keelson.Init.Env;

/// <summary>/etc/container_environment.sh: one `export NAME='value'` a variable, safe to source from any POSIX shell.</summary>
public static class ShellDump
{
    /// <summary>Names that no shell accepts are left out, and those that are a shell's own and would end the script that sources this.</summary>
    public static byte[] Write(IEnumerable<KeyValuePair<ByteString, ByteString>> variables)
    {
        var text = new ByteBuilder();
        foreach ((ByteString name, ByteString value) in variables)
        {
            if (!IsName(name.Span) || IsReadOnlyInShells(name))
                continue;
            text.Append("export "u8);
            text.Append(name.Span);
            text.Append("='"u8);
            ReadOnlySpan<byte> rest = value.Span;
            for (int quote; (quote = rest.IndexOf((byte)'\'')) >= 0; rest = rest[(quote + 1)..])
            {
                text.Append(rest[..quote]);
                text.Append("'\\''"u8);
            }
            text.Append(rest);
            text.Append("'\n"u8);
        }
        return text.ToArray();
    }

    private static bool IsName(ReadOnlySpan<byte> name)
    {
        foreach (byte c in name)
        {
            if (!char.IsAsciiLetterOrDigit((char)c) && c != '_')
                return false;
        }
        return !name.IsEmpty && !char.IsAsciiDigit((char)name[0]);
    }

    /// <summary>bash refuses to set the first six; dash ends when OPTIND is no number.</summary>
    private static bool IsReadOnlyInShells(ByteString name) =>
        name.Is("BASHOPTS"u8) || name.Is("BASH_VERSINFO"u8) || name.Is("EUID"u8) || name.Is("PPID"u8) ||
        name.Is("SHELLOPTS"u8) || name.Is("UID"u8) || name.Is("OPTIND"u8);
}
