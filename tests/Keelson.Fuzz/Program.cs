// Keelson.Fuzz list | instrument | TARGET [libFuzzer's options, corpora and files]
//
// Ours that is to be watched is loaded only after it was instrumented: nothing of it may be mentioned in this file.
using System.Runtime.CompilerServices;
using SharpFuzz;

namespace Keelson.Fuzz;

internal static class Program
{
    // What libFuzzer starts to merge gets no arguments of ours, only its own.
    private const string TargetVariable = "KEELSON_FUZZ_TARGET";

    private static int Main(string[] arguments)
    {
        if (arguments is ["instrument"])
            return Instrument();
        return Fuzz(arguments);
    }

    private static int Instrument()
    {
        foreach (string assembly in (string[])["Keelson.Supervision", "Keelson.Linux", "Keelson.Init", "Keelson.Commands"])
        {
            string path = Path.Combine(AppContext.BaseDirectory, assembly + ".dll");
            try
            {
                int types = Fuzzer.Instrument(path, _ => true, Options.Value).Count();
                Console.WriteLine($"{assembly}: {types} types instrumented");
            }
            catch (InstrumentationException e) when (e.Message.Contains("already", StringComparison.Ordinal))
            {
                Console.WriteLine($"{assembly} is instrumented");
            }
        }
        return 0;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Fuzz(string[] arguments)
    {
        LibFuzzer.Watch();
        Target[] targets = Targets.All();
        if (arguments is ["list"])
        {
            foreach (Target t in targets)
                Console.WriteLine(t.Name);
            return 0;
        }
        string? name = Environment.GetEnvironmentVariable(TargetVariable);
        IEnumerable<string> options = arguments;
        if (name is null && arguments.Length > 0)
            (name, options) = (arguments[0], arguments.Skip(1));
        if (targets.FirstOrDefault(t => t.Name == name) is not { } target)
        {
            Console.Error.WriteLine($"Keelson.Fuzz: no target {name}; there are: {string.Join(' ', targets.Select(t => t.Name))}");
            return 2;
        }
        string dictionary = Path.Combine(AppContext.BaseDirectory, target.Name + ".dict");
        File.WriteAllLines(dictionary, target.Words.Select(Quoted));
        // The runtime needs its own handlers of these: a null reference is an exception.
        string[] own =
        [
            "-handle_segv=0", "-handle_bus=0", "-handle_fpe=0", "-handle_ill=0", "-handle_int=0", "-handle_term=0", "-handle_usr1=0", "-handle_usr2=0",
            $"-dict={dictionary}", $"-max_len={target.MaxLength}", "-timeout=30", "-rss_limit_mb=1500", "-print_final_stats=1",
        ];
        string command = $"env {TargetVariable}={target.Name} {Environment.ProcessPath} {typeof(Program).Assembly.Location}";
        return LibFuzzer.Run(target, command, [.. own, .. options]);
    }

    /// <summary>As a line of libFuzzer's dictionaries has it.</summary>
    private static string Quoted(string word) =>
        "\"" + string.Concat(System.Text.Encoding.UTF8.GetBytes(word).Select(b => b is < 0x20 or > 0x7e or (byte)'"' or (byte)'\\' ? $"\\x{b:x2}" : ((char)b).ToString())) + "\"";
}
