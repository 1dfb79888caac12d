using System.Runtime.CompilerServices;

namespace Keelson.Supervision.Tests;

/// <summary>Texts that are compared with a file beside the test. KEELSON_ACCEPT=1 writes the file anew.</summary>
internal static class Golden
{
    internal static void Matches(string name, string text, [CallerFilePath] string caller = "")
    {
        // The compiler maps source paths; the file is copied beside the assembly as well.
        string copied = Path.Combine(AppContext.BaseDirectory, name);
        if (Environment.GetEnvironmentVariable("KEELSON_ACCEPT") == "1")
        {
            string source = Path.Combine(SourceDirectory(), Path.GetFileName(Path.GetDirectoryName(caller))!, name);
            File.WriteAllText(source, text);
            File.WriteAllText(copied, text);
        }
        Assert.Equal(File.Exists(copied) ? File.ReadAllText(copied) : "", text);
    }

    private static string SourceDirectory()
    {
        DirectoryInfo? directory = new(AppContext.BaseDirectory);
        while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "Keelson.slnx")))
            directory = directory.Parent;
        return Path.Combine(directory?.FullName ?? throw new InvalidOperationException("not in a checkout"), "tests");
    }
}
