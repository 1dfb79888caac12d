using System.Globalization;

namespace Keelson.Init.Boot;

internal static class Seconds
{
    /// <summary>"5 s", "1.3 s".</summary>
    internal static string Of(long milliseconds) => milliseconds % 1000 < 100
            ? string.Create(CultureInfo.InvariantCulture, $"{milliseconds / 1000} s")
            : string.Create(CultureInfo.InvariantCulture, $"{milliseconds / 1000}.{milliseconds % 1000 / 100} s");
}
