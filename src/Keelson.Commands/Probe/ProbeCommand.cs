// Health checks and waiting for a server, without curl and without a shell. One address after the other, each call with
// what is left of the time.
using System.Globalization;
using Keelson.Linux;

namespace Keelson.Commands.Probe;

/// <summary>keelson-probe(8).</summary>
public static class ProbeCommand
{
    private const int Failed = 1;
    private const int WrongUsage = 2;
    private const long DefaultTimeout = 5000;
    private const int PauseMilliseconds = 100;
    private const int MostHead = 64 * 1024;
    private const int MostHosts = 16 * 1024 * 1024;
    private const string Try = "Try `keelson probe --help`.";
    private const string Help =
        """
        usage: keelson probe [OPTIONS] tcp HOST:PORT
           or: keelson probe [OPTIONS] unix PATH
           or: keelson probe [OPTIONS] http URL

        Looks whether a server answers, and says in one line what it found.

          tcp HOST:PORT       a connection is accepted
          unix PATH           somebody listens on the socket (@NAME: an abstract one)
          http URL            GET is answered with a good status; redirects are not followed

          --timeout=SECONDS   how long one look may take: 5
          --status=LIST       the good statuses: 200-399; as in 200,204,301-303
          --wait=SECONDS      look again until it is so, for so long at most
          --quiet             print nothing
          --help              print this and exit

        HOST is an address (an IPv6 address in brackets), localhost, or a name of /etc/hosts: name servers are not asked.

        Exit status: 0 when it answers, 1 when it does not, 2 for wrong usage.

        """;

    /// <param name="image">What the kernel gave this process.</param>
    /// <param name="first">Where the arguments begin.</param>
    public static int Run(ProcessImage image, int first)
    {
        image.RestoreSignals();
        long timeout = DefaultTimeout, wait = 0;
        bool quiet = false;
        StatusRanges? good = StatusRanges.Parse("200-399"u8);
        var options = new LongOptions(image.Arguments, first, "timeout= status= wait= quiet");
        while (options.Next() is { } option)
        {
            switch (option)
            {
                case "help":
                    Say.Out(Help);
                    return 0;
                case "timeout":
                    timeout = options.Milliseconds(option) ?? timeout;
                    break;
                case "wait":
                    wait = options.Milliseconds(option) ?? wait;
                    break;
                case "status":
                    good = StatusRanges.Parse(options.Value!.Value.Span);
                    if (good is null)
                        return Wrong($"--status={options.Value} is no list of statuses; write for example 200-399 or 200,204");
                    break;
                default:
                    quiet = true;
                    break;
            }
        }
        if (options.Problem is { } problem)
            return Wrong(problem);
        if (options.Operands is not [var kind, var target])
            return Wrong("give one of tcp, unix and http, and what to look at");
        if (Prepare(kind, target, good!, out problem) is not { } look)
            return Wrong(problem);

        Outcome outcome = Until(look, timeout, wait);
        if (!quiet)
        {
            string line = $"{kind} {target}: {outcome.Words}\n";
            if (outcome.Good)
                Say.Out(line);
            else
                Say.Error("keelson probe: " + line);
        }
        return outcome.Good ? 0 : Failed;
    }

    private static int Wrong(string what) => Say.Fail(WrongUsage, $"keelson probe: {what}\n{Try}");

    /// <summary>Looks once, or again and again with a rest between, and returns what it saw last.</summary>
    private static Outcome Until(Func<long, Outcome> look, long timeout, long wait)
    {
        long end = Clock.Milliseconds + wait;
        while (true)
        {
            long now = Clock.Milliseconds;
            Outcome outcome = look(now + (wait == 0 ? timeout : Math.Min(timeout, Math.Max(end - now, 1))));
            if (outcome.Good || Clock.Milliseconds + PauseMilliseconds >= end)
                return outcome;
            Clock.Sleep(PauseMilliseconds);
        }
    }

    /// <summary>The look, given its deadline; null when the words make no sense, and why.</summary>
    private static Func<long, Outcome>? Prepare(ByteString kind, ByteString target, StatusRanges good, out string problem)
    {
        string? wrong;
        Func<long, Outcome>? look = null;
        if (kind.Is("unix"u8))
        {
            wrong = target.Span is [(byte)'/' or (byte)'@', _, ..] ? null : "neither an absolute path nor @NAME";
            look = deadline => Unix(target, deadline);
        }
        else if (kind.Is("tcp"u8))
        {
            wrong = Endpoint.Parse(target, out Endpoint endpoint);
            look = deadline => Tcp(endpoint, deadline);
        }
        else if (kind.Is("http"u8))
        {
            wrong = Endpoint.ParseUrl(target, out Endpoint endpoint);
            look = deadline => Http(endpoint, good, deadline);
        }
        else
        {
            problem = $"\"{kind}\" is none of tcp, unix and http";
            return null;
        }
        problem = wrong is null ? "" : $"{target}: {wrong}";
        return wrong is null ? look : null;
    }

    private static Outcome Unix(ByteString path, long deadline)
    {
        Result<Connection?> stream = Connection.ToUnix(path.Span, deadline);
        stream.Value?.Close();
        Errno error = stream.Error == Errno.WrongSocketType ? UnixSockets.Listens(path.Span) : stream.Error;
        return error switch
        {
            Errno.None => new(true, "somebody listens"),
            Errno.ConnectionRefused => new(false, "nobody listens"),
            _ => new(false, error.Words()),
        };
    }

    private static Outcome Tcp(Endpoint endpoint, long deadline)
    {
        Outcome outcome = Connect(endpoint, deadline, out Connection? connection);
        connection?.Close();
        return outcome;
    }

    /// <summary>The first address that accepts; what hindered at the last one if none does.</summary>
    private static Outcome Connect(Endpoint endpoint, long deadline, out Connection? connection)
    {
        connection = null;
        List<byte[]> addresses = HostNames.Find(endpoint.Host.Span, default);
        if (addresses.Count == 0 || endpoint.Host.Is("localhost"u8))
            addresses = HostNames.Find(endpoint.Host.Span, Files.ReadAll("/etc/hosts"u8, MostHosts).Value);
        if (addresses.Count == 0)
            return new(false, "not an address, and /etc/hosts has no such name (name servers are not asked)");
        Errno error = Errno.None;
        foreach (byte[] address in addresses)
        {
            Result<Connection?> attempt = Connection.ToInternet(address, endpoint.Port, deadline);
            connection = attempt.Value;
            error = attempt.Error;
            if (connection is not null)
                return new(true, "connected");
        }
        return new(false, error.Words());
    }

    private static Outcome Http(Endpoint endpoint, StatusRanges good, long deadline)
    {
        Outcome outcome = Connect(endpoint, deadline, out Connection? connection);
        if (connection is null)
            return outcome;
        outcome = Ask(connection, endpoint, good, deadline);
        connection.Close();
        return outcome;
    }

    private static Outcome Ask(Connection connection, Endpoint endpoint, StatusRanges good, long deadline)
    {
        var request = new ByteBuilder();
        request.Append("GET "u8);
        request.Append(endpoint.Path.Span);
        request.Append(" HTTP/1.1\r\nHost: "u8);
        request.Append(endpoint.Given.Span);
        request.Append("\r\nUser-Agent: keelson-probe\r\nAccept: */*\r\nConnection: close\r\n\r\n"u8);
        Errno error = connection.Send(request.ToArray(), deadline);
        byte[] answer = new byte[MostHead];
        int length = 0;
        // A server may answer and close before it has read all: what it said counts.
        while (error is Errno.None or Errno.BrokenPipe or Errno.ConnectionReset && length < answer.Length)
        {
            Result<int> n = connection.Receive(answer.AsSpan(length), deadline);
            if (!n.Ok)
                return new(false, n.Error == Errno.TimedOut ? "no answer in time" : n.Error.Words());
            length += n.Value;
            switch (HttpHead.Parse(answer.AsSpan(0, length), out int status))
            {
                case HttpProgress.Complete:
                    string number = status.ToString(CultureInfo.InvariantCulture);
                    return good.Contains(status) ? new(true, number) : new(false, $"answered {number}, which is none of the good ones (--status)");
                case HttpProgress.Broken:
                    return new(false, "its answer is not HTTP");
                default:
                    break;
            }
            if (n.Value == 0)
                return new(false, length == 0 ? "closed the connection without an answer" : "closed the connection in the middle of its answer");
        }
        return new(false, error == Errno.None ? "the head of its answer is longer than 64 KiB" : error.Words());
    }

    private readonly record struct Outcome(bool Good, string Words);
}
