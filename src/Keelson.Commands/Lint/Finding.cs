using System.Globalization;
using Keelson.Linux;

namespace Keelson.Commands.Lint;

/// <summary>One thing that is wrong.</summary>
/// <param name="Path">The file or directory.</param>
/// <param name="Line">Its line, from 1; 0 when it is about the whole.</param>
/// <param name="IsError">It will not work; otherwise a warning: it is not what is meant, in all likelihood.</param>
/// <param name="What">What is wrong.</param>
/// <param name="Cure">What mends it.</param>
public sealed record Finding(ByteString Path, int Line, bool IsError, string What, string Cure)
{
    public override string ToString() =>
        $"{Path}:{(Line > 0 ? Line.ToString(CultureInfo.InvariantCulture) + ":" : "")} {(IsError ? "error" : "warning")}: {What}; {Cure}";
}

/// <summary>The findings of a run, in the order in which they were made.</summary>
public sealed class Findings
{
    private readonly List<Finding> _all = [];

    public IReadOnlyList<Finding> All => _all;

    public void Error(ByteString path, int line, string what, string cure) => _all.Add(new(path, line, true, what, cure));

    public void Warning(ByteString path, int line, string what, string cure) => _all.Add(new(path, line, false, what, cure));
}
