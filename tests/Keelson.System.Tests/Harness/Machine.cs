// What the tests need of the machine, and where the binaries are. A missing part fails with what to do about it.
namespace Keelson.SystemTests.Harness;

internal static class Machine
{
    private static readonly Lazy<string> s_binary = new(() => Find("KEELSON_BINARY", "build/keelson", "run: make build/keelson"));
    private static readonly Lazy<string> s_probe = new(() =>
        Find("KEELSON_PROBE", "build/probe/keelson-probe", "run: dotnet publish tests/Keelson.TestProbe -c Release -o build/probe"));

    private static readonly Lazy<string?> s_missing = new(Missing);

    internal static string Binary => s_binary.Value;
    internal static string BinaryWithoutEarlyMask => Find("KEELSON_FALLBACK", "build/fallback/keelson", "run: make build/fallback/keelson");
    internal static string BinaryWithFaults => Find("KEELSON_FAULTY", "build/faults/keelson", "run: make build/faults/keelson");
    internal static string Probe => s_probe.Value;

    internal static void Check()
    {
        if (s_missing.Value is { } missing)
            throw new InvalidOperationException(missing);
    }

    private static string? Missing()
    {
        if (Native.geteuid() != 0)
            return "these tests make PID and mount namespaces: run them as root";
        (string Program, string Package)[] needed =
        [
            ("unshare", "util-linux"), ("nsenter", "util-linux"), ("setpriv", "util-linux"), ("setsid", "util-linux"), ("mount", "util-linux"),
            ("bash", "bash"), ("dash", "dash"), ("chroot", "coreutils"), ("env", "coreutils"), ("stat", "coreutils"), ("ps", "procps"),
        ];
        string[] path = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Concat(["/usr/sbin", "/usr/bin", "/sbin", "/bin"]).ToArray();
        string[] absent = needed.Where(n => !path.Any(d => File.Exists(Path.Combine(d, n.Program)))).Select(n => $"{n.Program} (package {n.Package})").ToArray();
        return absent.Length == 0 ? null : "missing on this machine: " + string.Join(", ", absent);
    }

    internal static string Find(string variable, string relative, string remedy)
    {
        if (Environment.GetEnvironmentVariable(variable) is { Length: > 0 } given)
            return File.Exists(given) ? Path.GetFullPath(given) : throw new FileNotFoundException($"{variable} names {given}, which does not exist");
        for (DirectoryInfo? d = new(AppContext.BaseDirectory); d is not null; d = d.Parent)
        {
            string candidate = Path.Combine(d.FullName, relative);
            if (File.Exists(candidate))
                return candidate;
        }
        throw new FileNotFoundException($"{relative} is not there; {remedy}");
    }
}
