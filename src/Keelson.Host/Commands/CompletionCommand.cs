using System.CommandLine;

namespace Keelson.Host.Commands;

/// <summary>What a shell sources so that Tab completes commands, options and container names; `keelson [suggest]` answers.</summary>
internal static class CompletionCommand
{
    private const string Bash = """
        # keelson completion bash; for each shell: source <(keelson completion bash)
        _keelson() {
          local line=${COMP_LINE:0:COMP_POINT} IFS=$'\n'
          COMPREPLY=($(compgen -W "$("${COMP_WORDS[0]}" "[suggest:${#line}]" "$line" 2>/dev/null)" -- "${COMP_WORDS[COMP_CWORD]}"))
        }
        complete -F _keelson keelson docker-ssh docker-bash
        """;

    private const string Zsh = """
        # keelson completion zsh; for each shell: source <(keelson completion zsh)
        _keelson() {
          local line=${BUFFER[1,CURSOR]}
          compadd -- ${(f)"$(${words[1]} "[suggest:${#line}]" "$line" 2>/dev/null)"}
        }
        compdef _keelson keelson docker-ssh docker-bash
        """;

    private const string Fish = """
        # keelson completion fish; for each shell: keelson completion fish | source
        for name in keelson docker-ssh docker-bash
          complete -f -c $name -a "(set -l line (commandline -cp); $name \"[suggest:\"(string length -- \$line)\"]\" \$line 2>/dev/null)"
        end
        """;

    internal static Command Create()
    {
        var shell = new Argument<string>("shell") { Description = "bash, zsh or fish" };
        shell.AcceptOnlyFromAmong("bash", "zsh", "fish");
        var command = new Command("completion", "Print what a shell needs to complete our arguments") { shell };
        command.SetAction(parsed => Console.Out.WriteLine(parsed.GetRequiredValue(shell) switch { "bash" => Bash, "zsh" => Zsh, _ => Fish }));
        return command;
    }
}
