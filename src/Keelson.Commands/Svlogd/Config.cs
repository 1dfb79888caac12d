using Keelson.Linux;

namespace Keelson.Commands.Svlogd;

/// <summary>One log directory's `config` (svlogd(8), CONFIG). What is not understood is ignored, as runit does.</summary>
public sealed class Config
{
    // What is larger is this: wrapped round it could be 0, which means something else, or an age in the past.
    private const ulong Most = 1UL << 52;

    /// <summary>Bytes at which current is rotated, 0 never.</summary>
    public ulong Size { get; private set; } = 1_000_000;

    /// <summary>Old files to keep, 0 all.</summary>
    public ulong Keep { get; private set; } = 10;

    /// <summary>Old files to keep when the disk is full, 0 all.</summary>
    public ulong KeepWhenFull { get; private set; }

    /// <summary>Seconds after which current is rotated, 0 never.</summary>
    public ulong Age { get; private set; }
    public ByteString Processor { get; private set; }
    public ByteString Prefix { get; private set; }

    /// <summary>Lines beginning with + - e E, whole, in order.</summary>
    public List<ByteString> Patterns { get; } = [];
    public bool Udp { get; private set; }
    public bool UdpOnly { get; private set; }
    public uint Address { get; private set; }
    public ushort Port { get; private set; }

    /// <summary>Warnings, each without the directory's name.</summary>
    public List<string> Problems { get; } = [];

    public static Config Parse(ReadOnlySpan<byte> text)
    {
        var config = new Config();
        while (!text.IsEmpty)
        {
            int end = text.IndexOf((byte)'\n');
            config.Line(end < 0 ? text : text[..end]);
            text = end < 0 ? default : text[(end + 1)..];
        }
        return config;
    }

    private void Line(ReadOnlySpan<byte> line)
    {
        if (line.IsEmpty)
            return;
        ReadOnlySpan<byte> value = line[1..];
        switch (line[0])
        {
            case (byte)'s': Size = Scaled(value, SizeUnit); break;
            case (byte)'n': Keep = Number(value); break;
            case (byte)'N': KeepWhenFull = Number(value); break;
            case (byte)'t': Age = Scaled(value, AgeUnit); break;
            case (byte)'!': Processor = new ByteString(value); break;
            case (byte)'p': Prefix = new ByteString(value); break;
            case (byte)'U' or (byte)'u': Target(value, line[0] == 'U'); break;
            case (byte)'+' or (byte)'-' or (byte)'e' or (byte)'E': Patterns.Add(new ByteString(line)); break;
            default: break;
        }
    }

    private void Target(ReadOnlySpan<byte> value, bool only)
    {
        // With an address that is none, U still keeps the lines out of the directory.
        UdpOnly = only;
        ReadOnlySpan<byte> rest = value;
        uint address = 0;
        for (int i = 0; i < 4; i++)
        {
            ulong part = Number(rest, out int used);
            rest = rest[used..];
            bool dot = i == 3 || rest is [(byte)'.', ..];
            if (used == 0 || part > 255 || !dot)
            {
                Problems.Add($"unable to scan ip address: {new ByteString(value)}");
                return;
            }
            if (i < 3)
                rest = rest[1..];
            address = address << 8 | (uint)part;
        }
        ulong port = 514;
        if (rest is [(byte)':', ..])
        {
            rest = rest[1..];
            port = Number(rest, out int used);
            if (used == 0 || port is 0 or > 65535)
            {
                Problems.Add($"unable to scan port number: {new ByteString(rest)}");
                return;
            }
        }
        (Address, Port, Udp) = (address, (ushort)port, true);
    }

    private static ulong Scaled(ReadOnlySpan<byte> text, Func<byte, ulong> unit)
    {
        ulong number = Number(text, out int used);
        ulong factor = used < text.Length ? unit(text[used]) : 1;
        return number > Most / factor ? Most : number * factor;
    }

    private static ulong SizeUnit(byte letter) => letter switch { (byte)'k' => 1024, (byte)'m' => 1024 * 1024, _ => 1 };

    private static ulong AgeUnit(byte letter) => letter switch { (byte)'m' => 60, (byte)'h' => 3600, _ => 1 };

    internal static ulong Number(ReadOnlySpan<byte> text) => Number(text, out _);

    /// <summary>The digits at the start; the rest is ignored.</summary>
    private static ulong Number(ReadOnlySpan<byte> text, out int used)
    {
        ulong n = 0;
        for (used = 0; used < text.Length && text[used] is >= (byte)'0' and <= (byte)'9'; used++)
            n = Math.Min(n * 10 + (ulong)(text[used] - '0'), Most);
        return n;
    }
}
