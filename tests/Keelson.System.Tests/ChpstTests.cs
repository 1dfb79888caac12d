using System.Diagnostics;
using Keelson.SystemTests.Harness;

namespace Keelson.SystemTests;

/// <summary>Our chpst and Debian's with the same command line: they say and do the same.</summary>
public sealed class ChpstTests : IDisposable
{
    private const string Names = "chpst setuidgid envuidgid envdir pgrphack setlock softlimit dsetuidgid";

    private readonly string _directory = Directory.CreateTempSubdirectory("keelson-chpst-").FullName;

    public ChpstTests()
    {
        if (!File.Exists("/usr/bin/chpst"))
            throw new InvalidOperationException("missing on this machine: chpst (package runit)");
        foreach ((string place, string program) in new[] { ("debians", "/usr/bin/chpst"), ("ours", Machine.Binary) })
        {
            string bin = Directory.CreateDirectory(Path.Combine(_directory, place, "bin")).FullName;
            string work = Directory.CreateDirectory(Path.Combine(_directory, place, "work")).FullName;
            foreach (string name in Names.Split(' '))
                File.CreateSymbolicLink(Path.Combine(bin, name), program);
            string variables = Directory.CreateDirectory(Path.Combine(work, "env")).FullName;
            File.WriteAllText(Path.Combine(variables, "FOO"), "value \t \nsecond line\n");
            File.WriteAllText(Path.Combine(variables, "NUL"), "a\0b");
            File.WriteAllText(Path.Combine(variables, "EMPTY"), "");
            File.WriteAllText(Path.Combine(variables, "BLANK"), "\n");
            File.WriteAllText(Path.Combine(variables, ".hidden"), "h");
            Directory.CreateDirectory(Path.Combine(variables, "DIRECTORY"));
        }
        // Other users are to get there.
        foreach (string directory in Directory.GetDirectories(_directory, "*", SearchOption.AllDirectories).Append(_directory))
            File.SetUnixFileMode(directory, (UnixFileMode)0b111_101_101);
    }

    public void Dispose() => Directory.Delete(_directory, true);

    private async Task<string> Run(string place, string shell)
    {
        var start = new ProcessStartInfo("/bin/bash", ["-c", shell])
        {
            WorkingDirectory = Path.Combine(_directory, place, "work"),
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment.Clear();
        start.Environment["PATH"] = Path.Combine(_directory, place, "bin") + ":/usr/bin:/bin";
        start.Environment["EMPTY"] = "set before";
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = await process.StandardOutput.ReadToEndAsync().WaitAsync(Sandbox.Patience);
        await process.WaitForExitAsync().WaitAsync(Sandbox.Patience);
        return $"{output}{await errors}status {process.ExitCode}\n".Replace("/" + place + "/", "/PLACE/", StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("chpst true")]
    [InlineData("chpst sh -c 'exit 3'")]
    [InlineData("chpst nosuchcommand")]
    [InlineData("chpst /etc/passwd")]
    [InlineData("chpst ./env")]
    [InlineData("chpst -- echo -n x")]
    [InlineData("chpst -u daemon id")]
    [InlineData("chpst -u daemon:games id")]
    [InlineData("chpst -u daemon:games:tty id")]
    [InlineData("chpst -u :1:2:3 id")]
    [InlineData("chpst -u :1:2 id")]
    [InlineData("chpst -u :1 id")]
    [InlineData("chpst -u :x:2 id")]
    [InlineData("chpst -u 1 id")]
    [InlineData("chpst -u nosuch id")]
    [InlineData("chpst -u root:nosuch id")]
    [InlineData("chpst -u daemon setuidgid root id")]
    [InlineData("chpst -U daemon sh -c 'echo $UID $GID; id -u'")]
    [InlineData("chpst -U daemon:games:tty dash -c 'echo $UID $GID'")]
    [InlineData("chpst -U :7:8 dash -c 'echo $UID $GID'")]
    [InlineData("chpst -U nosuch true")]
    [InlineData("chpst -b other sh -c 'echo $0'")]
    [InlineData("chpst -b other cat /proc/self/cmdline")]
    [InlineData("chpst -e env env | sort | grep -v -e PATH= -e PWD= -e _= -e SHLVL=")]
    [InlineData("chpst -e nosuch true")]
    [InlineData("chpst -/ / true")]
    [InlineData("chpst -/ /nonexistent true")]
    [InlineData("chpst -/ . true")]
    [InlineData("chpst -n 5 nice")]
    [InlineData("chpst -n +3 nice")]
    [InlineData("chpst -n -3 nice")]
    [InlineData("chpst -n 100 nice")]
    [InlineData("chpst -n -100 nice")]
    [InlineData("chpst -n x true")]
    [InlineData("chpst -l lock true; stat -c '%a %s' lock")]
    [InlineData("chpst -l /nonexistent/lock true")]
    [InlineData("exec 9>lock; flock 9; chpst -L lock true")]
    [InlineData("chpst -L lock sh -c 'flock -n lock true || echo held'")]
    [InlineData("chpst -m 200000000 cat /proc/self/limits | grep -e data -e stack -e locked -e address")]
    [InlineData("chpst -d 50000000 -o 30 -p 2000 -f 4096 -c 8192 -t 77 cat /proc/self/limits")]
    [InlineData("chpst -o x true")]
    [InlineData("chpst -o 99999999 sh -c 'ulimit -n'")]
    [InlineData("chpst -m 20000000 nosuchcommand")]
    [InlineData("chpst -P sh -c '[ $$ = $(ps -o sid= -p $$) ] && echo own'")]
    [InlineData("chpst sh -c '[ $$ = $(ps -o sid= -p $$) ] || echo inherited'")]
    [InlineData("chpst -0 -1 -2 ls -l /proc/self/fd")]
    [InlineData("chpst -0 test -e /proc/self/fd/0")]
    [InlineData("chpst -1 echo x")]
    [InlineData("chpst -v -P -P true")]
    [InlineData("chpst -u")]
    [InlineData("setuidgid daemon id")]
    [InlineData("dsetuidgid daemon id")]
    [InlineData("setuidgid nosuch id")]
    [InlineData("setuidgid")]
    [InlineData("setuidgid daemon")]
    [InlineData("envuidgid daemon dash -c 'echo $UID $GID; id -u'")]
    [InlineData("envuidgid")]
    [InlineData("envdir env env | sort | grep -v -e PATH= -e PWD= -e _= -e SHLVL=")]
    [InlineData("envdir")]
    [InlineData("envdir env")]
    [InlineData("pgrphack sh -c '[ $$ = $(ps -o sid= -p $$) ] && echo own'")]
    [InlineData("pgrphack")]
    [InlineData("setlock lock true; stat -c '%a %s' lock")]
    [InlineData("setlock -x /nonexistent/lock echo x")]
    [InlineData("setlock -X /nonexistent/lock echo x")]
    [InlineData("setlock")]
    [InlineData("setlock -z x y")]
    [InlineData("softlimit -a 100000000 -c 1 -d 50000000 -l 2000 -o 20 -p 30000 -r 4000000 -s 5000000 -t 6 cat /proc/self/limits")]
    [InlineData("softlimit -m 200000000 cat /proc/self/limits")]
    [InlineData("softlimit -o = sh -c 'ulimit -n'")]
    [InlineData("softlimit")]
    [InlineData("softlimit -x true")]
    [InlineData("chpst -u daemon -l lock true")]
    [InlineData("PATH=/nonexistent; chpst true")]
    [NotEmulated(NotEmulatedAttribute.NoLimits)]
    public async Task The_same_command_line_does_the_same(string shell)
    {
        // The prefix PATH=/nonexistent would hide chpst itself.
        string Line(string place) => shell.Replace("PATH=/nonexistent; chpst", $"PATH=/nonexistent {_directory}/{place}/bin/chpst", StringComparison.Ordinal);
        string ours = await Run("ours", Line("ours"));
        Assert.Equal(await Run("debians", Line("debians")), ours.Replace(" [-C pwd]", "", StringComparison.Ordinal));
    }

    // Where ours knows more, or does what the manual page says and Debian's does not.
    [Theory]
    [InlineData("chpst -C / pwd", "/\nstatus 0\n")]
    [InlineData("exec 9>lock; flock 9; setlock -n lock echo x", "chpst: fatal: unable to lock: lock: temporary failure\nstatus 111\n")]
    [InlineData("exec 9>lock; flock 9; setlock -nx lock echo x", "status 0\n")]
    [InlineData("printf 'echo script $1' >script; chmod +x script; chpst ./script one", "script one\nstatus 0\n")]
    [InlineData("chpst -m 30000000 chpst -m 30000000 sh -c 'ulimit -v'", "29296\nstatus 0\n")]
    [InlineData("chpst -m 3000000 setuser daemon true", "chpst: fatal: unable to run: setuser: file does not exist\nstatus 111\n")]
    [NotEmulated(NotEmulatedAttribute.NoLimits)]
    public async Task Ours_can_more(string shell, string expected) => Assert.Equal(expected, await Run("ours", shell));

    [Fact]
    public async Task Wrong_usage_names_the_option_and_ends_with_100()
    {
        string text = await Run("ours", "chpst -x true");
        Assert.StartsWith("chpst: illegal option -- x\nusage: chpst [-vVP012]", text, StringComparison.Ordinal);
        Assert.EndsWith("status 100\n", text, StringComparison.Ordinal);
        Assert.Contains("status 0", await Run("ours", "chpst --help"), StringComparison.Ordinal);
    }
}
