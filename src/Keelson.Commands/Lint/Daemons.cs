// Daemons that leave their parent, and how each is kept in the foreground: what its manual page says. Pure.
namespace Keelson.Commands.Lint;

/// <summary>A way to start a daemon that ends at once for who started it.</summary>
/// <param name="names">The program's names.</param>
/// <param name="keeps">One of these keeps it in the foreground; empty when nothing has to.</param>
/// <param name="leaves">One of these sends it to the background.</param>
/// <param name="spares">With one of these it does not serve at all: a test of its configuration, say.</param>
/// <param name="cure">What to write.</param>
internal sealed class Daemon(string[] names, string[] keeps, string[] leaves, string[] spares, string cure)
{
    internal string[] Names => names;
    internal string[] Keeps => keeps;
    internal string[] Leaves => leaves;
    internal string[] Spares => spares;
    internal string Cure => cure;
}

/// <summary>
/// The table. An option -D is also found in a bundle as -De; two words stand one behind the other, or with = between them;
/// what begins with * is part of an argument.
/// </summary>
internal static class Daemons
{
    private const int LongestBundle = 4;

    private static readonly Daemon[] s_all =
    [
        new(["nginx", "openresty"], ["*daemon off"], [], ["-t", "-T", "-v", "-V", "-s", "-h"], "write nginx -g 'daemon off;'"),
        new(["apache2", "httpd"], ["-D FOREGROUND", "-DFOREGROUND", "-DNO_DETACH", "-X"], [], ["-t", "-v", "-V", "-M", "-l", "-L", "-S"], "add -DFOREGROUND"),
        new(["apache2ctl", "apachectl"], ["-D FOREGROUND", "-DFOREGROUND", "-X"], [], ["-t", "-v", "-V", "-M", "-l", "-L", "-S", "configtest", "status", "stop", "graceful", "graceful-stop"], "write apache2ctl -D FOREGROUND"),
        new(["memcached"], [], ["-d", "--daemon"], [], "leave out -d"),
        new(["redis-server", "valkey-server", "keydb-server"], [], ["--daemonize yes"], [], "leave out --daemonize yes"),
        new(["sshd"], ["-D", "-i"], [], ["-t", "-T", "-G", "-V"], "add -D"),
        new(["cron", "crond"], ["-f", "-n", "-foreground"], [], ["-V"], "add -f (crond of cronie: -n)"),
        new(["php-fpm*"], ["-F", "--nodaemonize", "*daemonize=no"], [], ["-t", "-tt", "-v", "-i", "-m", "-h"], "add --nodaemonize"),
        new(["syslog-ng"], ["-F", "--foreground"], [], ["-s", "--syntax-only", "-V", "--version"], "add --foreground"),
        new(["rsyslogd"], ["-n"], [], ["-N*", "-v"], "add -n"),
        new(["mysqld", "mariadbd"], [], ["--daemonize", "-D"], [], "leave out --daemonize"),
        new(["pg_ctl"], [], ["start", "restart"], [], "write exec postgres -D DIRECTORY"),
        new(["pg_ctlcluster"], ["--foreground"], [], ["stop", "reload", "status", "promote"], "add --foreground"),
        new(["mongod"], [], ["--fork"], [], "leave out --fork"),
        new(["haproxy"], [], ["-D"], ["-c", "-v", "-vv"], "write haproxy -W -db"),
        new(["dnsmasq"], ["-k", "--keep-in-foreground", "-d", "--no-daemon"], [], ["--test", "-v", "--version"], "add --keep-in-foreground"),
        new(["postfix"], ["start-fg"], ["start"], [], "write postfix start-fg"),
        new(["exim", "exim4"], ["-bdf"], ["-bd"], [], "write -bdf instead of -bd"),
        new(["supervisord"], ["-n", "--nodaemon"], [], ["-v", "--version"], "add --nodaemon"),
        new(["smbd", "nmbd", "winbindd"], ["-F", "--foreground", "-i", "--interactive"], [], ["-V", "--version", "-b"], "add --foreground --no-process-group"),
        new(["dovecot"], ["-F"], [], ["-n", "-a", "--version", "stop", "reload"], "add -F"),
        new(["named"], ["-f", "-g"], [], ["-v", "-V"], "add -f"),
        new(["unbound"], ["-d", "-dd"], [], ["-V", "-h"], "add -d"),
        new(["ntpd"], ["-n", "-d"], [], ["-q"], "add -n"),
        new(["chronyd"], ["-d", "-n"], [], ["-p", "-q", "-Q", "-v"], "add -d"),
        new(["squid"], ["-N", "--foreground"], [], ["-k", "-z", "-v"], "add --foreground"),
        new(["varnishd"], ["-F"], [], ["-C", "-V"], "add -F"),
        new(["lighttpd"], ["-D"], [], ["-t", "-tt", "-v", "-V"], "add -D"),
        new(["proftpd"], ["-n", "--nodaemon"], [], ["-t", "-v", "-V"], "add --nodaemon"),
        new(["rsync"], ["--no-detach"], ["--daemon"], [], "add --no-detach"),
        new(["xinetd"], ["-dontfork"], [], ["-version"], "add -dontfork"),
        new(["dbus-daemon"], ["--nofork"], ["--fork", "--system"], [], "add --nofork"),
        new(["uwsgi"], [], ["-d", "--daemonize", "--daemonize2"], [], "leave out --daemonize"),
        new(["gunicorn"], [], ["-D", "--daemon"], [], "leave out --daemon"),
        new(["caddy"], [], ["start"], [], "write caddy run"),
        new(["service", "rc-service"], [], ["*start"], [], "start the daemon itself, in the foreground"),
        new(["systemctl"], [], ["start", "restart"], [], "start the daemon itself, in the foreground"),
        new(["start-stop-daemon"], [], ["-b", "--background"], [], "start the daemon itself, in the foreground"),
    ];

    /// <summary>The way in which this goes to the background; null when it does not, or nothing is known of it.</summary>
    internal static Daemon? Leaving(StartedProgram program)
    {
        foreach (Daemon daemon in s_all)
        {
            if (!IsNamed(daemon, program.Name))
                continue;
            bool leaves = daemon.Leaves.Length == 0 || Has(program, daemon.Leaves);
            return leaves && !Has(program, daemon.Keeps) && !Has(program, daemon.Spares) ? daemon : null;
        }
        return null;
    }

    private static bool IsNamed(Daemon daemon, string name)
    {
        foreach (string known in daemon.Names)
        {
            if (known.EndsWith('*') ? name.StartsWith(known[..^1], StringComparison.Ordinal) : known == name)
                return true;
        }
        return false;
    }

    private static bool Has(StartedProgram program, string[] patterns)
    {
        foreach (string pattern in patterns)
        {
            for (int i = 0; i < program.Arguments.Count; i++)
            {
                if (Matches(pattern, program.Arguments[i], i + 1 < program.Arguments.Count ? program.Arguments[i + 1] : ""))
                    return true;
            }
        }
        return false;
    }

    private static bool Matches(string pattern, string argument, string next)
    {
        if (pattern[0] == '*')
            return argument.Replace(" = ", "=", StringComparison.Ordinal).Contains(pattern[1..], StringComparison.Ordinal);
        if (pattern[^1] == '*')
            return argument.StartsWith(pattern[..^1], StringComparison.Ordinal);
        int blank = pattern.IndexOf(' ', StringComparison.Ordinal);
        if (blank > 0)
            return argument == pattern[..blank] && next == pattern[(blank + 1)..] || argument == pattern.Replace(' ', '=');
        return argument == pattern || pattern.StartsWith("--", StringComparison.Ordinal) && argument.StartsWith(pattern + "=", StringComparison.Ordinal) ||
            pattern.Length == 2 && IsBundle(argument) && argument.Contains(pattern[1], StringComparison.Ordinal);
    }

    private static bool IsBundle(string argument)
    {
        if (argument.Length is < 3 or > LongestBundle || argument[0] != '-')
            return false;
        for (int i = 1; i < argument.Length; i++)
        {
            if (!char.IsAsciiLetter(argument[i]))
                return false;
        }
        return true;
    }
}
