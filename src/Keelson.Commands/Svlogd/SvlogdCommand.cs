// Reads at most 64 KiB, writes all of it to each directory, and reads on: a KILL loses no more than that and a held line.
using Keelson.Linux;

namespace Keelson.Commands.Svlogd;

/// <summary>svlogd(8).</summary>
public static class SvlogdCommand
{
    private const string Usage = "usage: svlogd [-ttv] [-r c] [-R abc] [-l len] [-b buflen] dir ...\n\n";

    /// <param name="image">What the kernel gave this process.</param>
    /// <param name="first">Where the arguments begin, behind the command's own name.</param>
    /// <param name="name">The name that it was called by.</param>
    public static int Run(ProcessImage image, int first, ReadOnlySpan<byte> name)
    {
        if (first < image.Arguments.Length && image.Arguments[first].Is("--help"u8))
        {
            Say.Out(Usage);
            return 0;
        }
        int stamps = 0;
        ulong length = 1000, buffer = 1024;
        bool verbose = false;
        byte replacement = 0;
        ByteString others = default;
        var options = new OptionReader(image.Arguments, first, "R:r:l:b:tv");
        for (char letter = options.Next(); letter != OptionReader.End; letter = options.Next())
        {
            switch (letter)
            {
                case 't': stamps++; break;
                case 'v': verbose = true; break;
                case 'l': length = Config.Number(options.Value.Span); break;
                case 'b': buffer = Config.Number(options.Value.Span); break;
                case 'R': others = options.Value; break;
                case 'r' when options.Value.Length == 1: replacement = options.Value.Span[0]; break;
                case OptionReader.Problem:
                    return Wrong(options.LacksValue ? $"svlogd: option requires an argument -- {options.Culprit}\n" : $"svlogd: illegal option -- {options.Culprit}\n");
                default: return Wrong("");
            }
        }
        if (length == 0)
            length = 1000;
        if (buffer == 0)
            buffer = 1024;
        if (options.Index >= image.Arguments.Length || buffer <= length || buffer > 1 << 28)
            return Wrong("");
        if (others.Length > 0 && replacement == 0)
            replacement = (byte)'_';
        return new LogLoop(image.Arguments[options.Index..], new LineOptions((int)length, stamps, replacement, others), verbose, image.Environment).Run();
    }

    private static int Wrong(string why) => Say.Fail(111, why + Usage.TrimEnd('\n') + "\n");
}
