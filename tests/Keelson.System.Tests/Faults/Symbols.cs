using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Keelson.SystemTests.Harness;

namespace Keelson.SystemTests.Faults;

/// <summary>The names of the methods in the binary with faults, by their addresses (nm(1)).</summary>
internal static partial class Symbols
{
    private static readonly Lazy<(ulong[] Addresses, string[] Names)> s_all = new(Read);

    /// <summary>"Supervise.Open" for an address in it.</summary>
    internal static string Name(ulong address)
    {
        (ulong[] addresses, string[] names) = s_all.Value;
        // A return address can be that of the next method.
        int at = Array.BinarySearch(addresses, address - 1);
        return names[at >= 0 ? at : ~at - 1];
    }

    private static (ulong[] Addresses, string[] Names) Read()
    {
        var start = new ProcessStartInfo("nm", ["--defined-only", Machine.BinaryWithFaults]) { RedirectStandardOutput = true };
        using Process nm = Process.Start(start)!;
        var all = new SortedDictionary<ulong, string>();
        while (nm.StandardOutput.ReadLine() is { } line)
        {
            string[] words = line.Split(' ', 3);
            if (words[1] is "t" or "T")
                all[ulong.Parse(words[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture)] = Short(words[2]);
        }
        nm.WaitForExit();
        return ([.. all.Keys], [.. all.Values]);
    }

    /// <summary>Without the assembly and the name space, which the compiler has in front: _Keelson_Init_Keelson_Init_Services_Supervise__Open.</summary>
    private static string Short(string symbol) => NameSpaces().Replace(symbol, "").Replace("__", ".", StringComparison.Ordinal);

    [GeneratedRegex("^_?(Keelson_(Linux|Init|Commands|Supervision)_|keelson_)(Keelson_(Linux|Init|Commands|Supervision)_)?((Services|Boot|Output|Control|Env|Applets)_)?|^S_P_CoreLib_")]
    private static partial Regex NameSpaces();
}
