using System.Globalization;
using Keelson.Linux;

namespace Keelson.Commands.Lint;

/// <summary>One thing that is wrong.</summary>
/// <param name="path">The file or directory.</param>
/// <param name="line">Its line, from 1; 0 when it is about the whole.</param>
/// <param name="isError">It will not work; otherwise a warning: it is not what is meant, in all likelihood.</param>
/// <param name="what">What is wrong.</param>
/// <param name="cure">What mends it.</param>
public sealed class Finding(ByteString path, int line, bool isError, string what, string cure)
{
    public ByteString Path => path;
    public int Line => line;
    public bool IsError => isError;
    public string What => what;
    public string Cure => cure;

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
