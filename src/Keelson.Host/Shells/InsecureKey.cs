using System.Reflection;

namespace Keelson.Host.Shells;

/// <summary>The published key of the image, which `enable_insecure_key` lets in.</summary>
internal static class InsecureKey
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Type and data, without the comment.</summary>
    internal static string PublicHalf { get; } = string.Join(' ', Resource("insecure_key.pub").Split(' ')[..2]);

    /// <summary>Puts it where only the user can read it, as ssh demands, and returns where: $XDG_DATA_HOME/keelson/insecure_key.</summary>
    internal static string Install()
    {
        string data = Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify);
        string directory = Path.Combine(data.Length > 0 ? data : Path.GetTempPath(), "keelson");
        string file = Path.Combine(directory, "insecure_key");
        string key = Resource("insecure_key");
        try
        {
            if (File.Exists(file) && File.ReadAllText(file) == key && (OperatingSystem.IsWindows() || File.GetUnixFileMode(file) == OwnerOnly))
                return file;
            Directory.CreateDirectory(directory);
            // Renamed into place: two at once do not read half a key.
            string made = $"{file}.{Environment.ProcessId}";
            var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
            if (!OperatingSystem.IsWindows())
                options.UnixCreateMode = OwnerOnly;
            using (var writer = new StreamWriter(made, options))
                writer.Write(key);
            File.Move(made, file, overwrite: true);
            return file;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new Engine.Refusal($"the insecure key can't be written to {file}: {e.Message}", "docker-ssh -i FILE ...    # with a copy of /etc/insecure_key of the image, mode 600");
        }
    }

    private static string Resource(string name)
    {
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(name)!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
