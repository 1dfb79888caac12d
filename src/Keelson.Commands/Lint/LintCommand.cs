using System.Globalization;
using System.Text;
using Keelson.Linux;

namespace Keelson.Commands.Lint;

/// <summary>keelson-lint(8).</summary>
public static class LintCommand
{
    private const int Found = 1;
    private const int WrongUsage = 2;
    private const string Try = "Try `keelson lint --help`.";
    private const string Help =
        """
        usage: keelson lint [--json] DIR...

        Says what is wrong with scripts and services before they run. DIR is the root of an image (/ in a container), a
        directory of services, one service, a directory of startup scripts, or any directory with scripts in it.

        Each finding is one line:

          PATH:LINE: error|warning: WHAT; CURE

          --json  one array of objects instead: path, line (0: the whole file), severity, what, cure
          --help  print this and exit

        Exit status: 0 when nothing was found, 1 when something was, 2 for wrong usage.

        """;

    /// <param name="image">What the kernel gave this process.</param>
    /// <param name="first">Where the arguments begin.</param>
    public static int Run(ProcessImage image, int first)
    {
        image.RestoreSignals();
        bool json = false;
        var options = new LongOptions(image.Arguments, first, "json");
        while (options.Next() is { } option)
        {
            if (option == "help")
            {
                Say.Out(Help);
                return 0;
            }
            json = true;
        }
        string? problem = options.Problem ?? (options.Operands.Count == 0 ? "give a directory" : null);
        if (problem is not null)
            return Say.Fail(WrongUsage, $"keelson lint: {problem}\n{Try}");
        var findings = new List<Finding>();
        foreach (ByteString directory in options.Operands)
        {
            Result<FileStatus> status = Files.Status(directory.Span);
            if (!status.Ok || status.Value.Kind != FileKind.Directory)
                return Say.Fail(WrongUsage, $"keelson lint: {directory}: {(status.Ok ? "not a directory" : status.Error.Words())}\n{Try}");
            findings.AddRange(Linter.Check(directory));
        }
        Say.Out(json ? Json(findings) : Text(findings));
        return findings.Count > 0 ? Found : 0;
    }

    private static string Text(List<Finding> findings)
    {
        var text = new StringBuilder();
        foreach (Finding finding in findings)
            text.Append(finding.ToString()).Append('\n');
        return text.ToString();
    }

    /// <summary>RFC 8259; bytes of a path that are no UTF-8 become U+FFFD.</summary>
    public static string Json(IReadOnlyList<Finding> findings)
    {
        var text = new StringBuilder("[");
        for (int i = 0; i < findings.Count; i++)
        {
            Finding finding = findings[i];
            text.Append(i == 0 ? "\n" : ",\n").Append("  {\"path\": ").Append(JsonText.Quoted(finding.Path.ToString()))
                .Append(", \"line\": ").Append(finding.Line.ToString(CultureInfo.InvariantCulture)).Append(", \"severity\": \"").Append(finding.IsError ? "error" : "warning")
                .Append("\", \"what\": ").Append(JsonText.Quoted(finding.What))
                .Append(", \"cure\": ").Append(JsonText.Quoted(finding.Cure)).Append('}');
        }
        return text.Append(findings.Count > 0 ? "\n]\n" : "]\n").ToString();
    }
}
