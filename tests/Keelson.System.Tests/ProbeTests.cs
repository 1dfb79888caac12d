using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Keelson.SystemTests.Harness;

namespace Keelson.SystemTests;

/// <summary>keelson-probe(8), at a real memcached and nginx, and at sockets that behave badly.</summary>
public sealed class ProbeTests
{
    private static Task<CommandRun> Probe(params string[] arguments) => Command.Keelson(["probe", .. arguments]);

    private static int Port(Socket socket) => ((IPEndPoint)socket.LocalEndPoint!).Port;

    private static Socket Listener(IPAddress? address = null)
    {
        address ??= IPAddress.Loopback;
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(address, 0));
        socket.Listen();
        return socket;
    }

    /// <summary>A port that nobody listens at: bound, so that nobody else gets it.</summary>
    private static Socket Silent()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return socket;
    }

    /// <summary>Accepts one connection, reads the request's head, answers with these bytes, and closes; returns the request.</summary>
    private static async Task<string> Answer(Socket listener, string answer, bool thenHang = false)
    {
        using Socket connection = await listener.AcceptAsync(TestContext.Current.CancellationToken);
        var request = new StringBuilder();
        byte[] buffer = new byte[4096];
        while (!request.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            int n = await connection.ReceiveAsync(buffer, TestContext.Current.CancellationToken);
            Assert.True(n > 0, $"the request ended: {request}");
            request.Append(Encoding.Latin1.GetString(buffer, 0, n));
        }
        await connection.SendAsync(Encoding.Latin1.GetBytes(answer), TestContext.Current.CancellationToken);
        if (thenHang)
        {
            // Until the probe is gone.
            while (await connection.ReceiveAsync(buffer, TestContext.Current.CancellationToken) > 0)
                continue;
        }
        return request.ToString();
    }

    private static async Task<(CommandRun Run, string Request)> Http(string answer, params string[] options)
    {
        using Socket listener = Listener();
        Task<string> request = Answer(listener, answer);
        CommandRun run = await Probe([.. options, "http", $"http://127.0.0.1:{Port(listener)}/health?x=1"]);
        return (run, await request);
    }

    [Fact]
    public async Task Memcached_is_there_by_tcp_and_by_its_socket_and_gone_after_its_end()
    {
        string directory = Directory.CreateTempSubdirectory("keelson-memcached-").FullName;
        string path = Path.Combine(directory, "socket");
        int port;
        using (Socket free = Silent())
            port = Port(free);
        using Process tcp = await Command.Start("/usr/bin/memcached", ["-u", "root", "-l", "127.0.0.1", "-p", Shell.Format(port)]);
        using Process unix = await Command.Start("/usr/bin/memcached", ["-u", "root", "-s", path]);
        (await Probe("--wait=30", "tcp", $"127.0.0.1:{port}")).Must(run => run is { Status: 0, Err: "" } && run.Out == $"tcp 127.0.0.1:{port}: connected\n");
        (await Probe("--wait=30", "unix", path)).Must(run => run is { Status: 0, Err: "" } && run.Out == $"unix {path}: somebody listens\n");
        (await Probe("http", $"http://127.0.0.1:{port}/")).Must(run => run.Status == 1 && run.Err.EndsWith("closed the connection without an answer\n", StringComparison.Ordinal));
        foreach (Process process in new[] { tcp, unix })
        {
            process.Kill();
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        }
        (await Probe("tcp", $"127.0.0.1:{port}")).Must(run => run is { Status: 1, Out: "" } && run.Err == $"keelson probe: tcp 127.0.0.1:{port}: connection refused\n");
        (await Probe("unix", path)).Must(run => run.Status == 1 && run.Err == $"keelson probe: unix {path}: nobody listens\n");
        Directory.Delete(directory, recursive: true);
        (await Probe("unix", path)).Must(run => run.Status == 1 && run.Err.Contains("no such file or directory", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Nginx_answers_by_ip4_ip6_and_name_with_the_status_of_the_page()
    {
        string directory = Directory.CreateTempSubdirectory("keelson-nginx-").FullName;
        int port;
        using (Socket free = Silent())
            port = Port(free);
        bool ip6 = Socket.OSSupportsIPv6 && File.Exists("/proc/net/if_inet6") && File.ReadAllText("/proc/net/if_inet6").Contains("00000000000000000000000000000001", StringComparison.Ordinal);
        string configuration = Path.Combine(directory, "nginx.conf");
        await File.WriteAllTextAsync(configuration, $$"""
            daemon off; pid {{directory}}/pid; error_log stderr; worker_processes 1;
            events { worker_connections 64; }
            http {
              access_log {{directory}}/access.log;
              client_body_temp_path {{directory}}/a; proxy_temp_path {{directory}}/b; fastcgi_temp_path {{directory}}/c; uwsgi_temp_path {{directory}}/d; scgi_temp_path {{directory}}/e;
              server {
                listen 127.0.0.1:{{port}}; {{(ip6 ? $"listen [::1]:{port};" : "")}}
                location = / { return 200 "hello\n"; }
                location = /moved { return 301 /; }
                location = /broken { return 503; }
                location / { return 404; }
              }
            }
            """, TestContext.Current.CancellationToken);
        using Process nginx = await Command.Start("/usr/sbin/nginx", ["-c", configuration, "-e", "stderr"]);
        try
        {
            string url = $"http://127.0.0.1:{port}";
            (await Probe("--wait=30", "http", url)).Must(run => run.Status == 0 && run.Out == $"http {url}: 200\n");
            (await Probe("http", $"http://localhost:{port}/")).Must(run => run.Status == 0);
            if (ip6)
                (await Probe("http", $"http://[::1]:{port}/")).Must(run => run.Status == 0);
            (await Probe("http", url + "/moved")).Must(run => run.Status == 0 && run.Out.EndsWith(": 301\n", StringComparison.Ordinal));
            (await Probe("http", url + "/moved", "--status=200-299")).Must(run => run.Status == 1);
            (await Probe("http", url + "/broken")).Must(run => run.Status == 1 && run.Err == $"keelson probe: http {url}/broken: answered 503, which is none of the good ones (--status)\n");
            (await Probe("http", url + "/broken", "--status=200,503")).Must(run => run.Status == 0);
            (await Probe("http", url + "/none?a=b", "--quiet")).Must(run => run is { Status: 1, Text: "" });
            string log = await File.ReadAllTextAsync(Path.Combine(directory, "access.log"), TestContext.Current.CancellationToken);
            Assert.Contains("\"GET /none?a=b HTTP/1.1\" 404", log, StringComparison.Ordinal);
            Assert.DoesNotContain(" 499 ", log, StringComparison.Ordinal);
        }
        finally
        {
            nginx.Kill(entireProcessTree: true);
            await nginx.WaitForExitAsync(TestContext.Current.CancellationToken);
            TestContext.Current.TestOutputHelper?.WriteLine(await nginx.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken));
            Directory.Delete(directory, recursive: true);
        }
    }

    [Fact]
    public async Task The_request_is_plain_http_with_the_host_it_was_given()
    {
        using Socket listener = Listener();
        Task<string> request = Answer(listener, "HTTP/1.1 200 OK\r\n\r\n");
        (await Probe("http", $"http://localhost:{Port(listener)}/health?x=1#top")).Must(run => run.Status == 0);
        Assert.Equal($"GET /health?x=1 HTTP/1.1\r\nHost: localhost:{Port(listener)}\r\nUser-Agent: keelson-probe\r\nAccept: */*\r\nConnection: close\r\n\r\n", await request);
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0, ": 200\n")]
    [InlineData("HTTP/1.0 204\n\n", 0, ": 204\n")]
    [InlineData("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 500 No\r\n\r\n", 1, "answered 500, which is none of the good ones (--status)\n")]
    [InlineData("HTTP/1.1 200 OK\r\nA: b\r\n", 1, "closed the connection in the middle of its answer\n")]
    [InlineData("", 1, "closed the connection without an answer\n")]
    [InlineData("220 mail ESMTP\r\n", 1, "its answer is not HTTP\n")]
    public async Task What_a_server_answers_decides(string answer, int status, string said) =>
        (await Http(answer)).Run.Must(run => run.Status == status && run.Text.EndsWith(said, StringComparison.Ordinal));

    [Fact]
    public async Task An_endless_head_is_given_up()
    {
        using Socket listener = Listener();
        Task<string> request = Answer(listener, "HTTP/1.1 200 OK\r\n" + string.Concat(Enumerable.Repeat("X: y\r\n", 20_000)), thenHang: true);
        (await Probe("http", $"http://127.0.0.1:{Port(listener)}/")).Must(run => run.Status == 1 && run.Err.Contains("longer than 64 KiB", StringComparison.Ordinal));
        // The probe has closed with bytes unread: the other side may be told so.
        await Task.WhenAny(request);
    }

    [Theory]
    [InlineData("")]
    [InlineData("HTTP/1.1 200 OK\r\nX: ")]
    public async Task A_server_that_hangs_costs_the_time_out_and_no_more(string begin)
    {
        using Socket listener = Listener();
        Task<string> request = Answer(listener, begin, thenHang: true);
        var clock = Stopwatch.StartNew();
        (await Probe("--timeout=0.5", "http", $"http://127.0.0.1:{Port(listener)}/")).Must(run => run.Status == 1 && run.Err.EndsWith("no answer in time\n", StringComparison.Ordinal));
        Assert.InRange(clock.Elapsed, TimeSpan.FromSeconds(0.5), Sandbox.Patience);
        await request;
    }

    [Fact]
    public async Task A_full_backlog_of_a_unix_socket_is_no_sign_of_life()
    {
        string path = Path.Combine(Directory.CreateTempSubdirectory("keelson-backlog-").FullName, "socket");
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen(0);
        using var first = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        first.Connect(new UnixDomainSocketEndPoint(path));
        (await Probe("--timeout=300ms", "unix", path)).Must(run => run.Status == 1 && run.Err.EndsWith("timed out\n", StringComparison.Ordinal));
        listener.Accept().Dispose();
        (await Probe("unix", path)).Must(run => run.Status == 0);
        Directory.Delete(Path.GetDirectoryName(path)!, recursive: true);
    }

    [Fact]
    public async Task Datagram_and_abstract_sockets_count_as_well()
    {
        string path = Path.Combine(Directory.CreateTempSubdirectory("keelson-datagram-").FullName, "socket");
        using var datagram = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        datagram.Bind(new UnixDomainSocketEndPoint(path));
        (await Probe("unix", path)).Must(run => run.Status == 0);
        string name = "keelson-" + Guid.NewGuid().ToString("N");
        using var isAbstract = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        isAbstract.Bind(new UnixDomainSocketEndPoint("\0" + name));
        isAbstract.Listen();
        (await Probe("unix", "@" + name)).Must(run => run.Status == 0);
        Directory.Delete(Path.GetDirectoryName(path)!, recursive: true);
    }

    [Fact]
    public async Task It_waits_until_somebody_listens()
    {
        using Socket socket = Silent();
        Task<CommandRun> run = Probe("--wait=30", "tcp", $"127.0.0.1:{Port(socket)}");
        // It has been refused once.
        (await Probe("tcp", $"127.0.0.1:{Port(socket)}")).Must(r => r.Status == 1);
        Assert.False(run.IsCompleted);
        socket.Listen();
        (await run).Must(r => r.Status == 0);
    }

    [Fact]
    public async Task A_wait_that_is_over_says_what_it_saw_last()
    {
        using Socket socket = Silent();
        var clock = Stopwatch.StartNew();
        (await Probe("--wait=1", "tcp", $"127.0.0.1:{Port(socket)}")).Must(r => r.Status == 1 && r.Err.EndsWith("connection refused\n", StringComparison.Ordinal) && r.Err.Split('\n').Length == 2);
        Assert.True(clock.Elapsed >= TimeSpan.FromSeconds(0.8), clock.Elapsed.ToString());
    }

    [Theory]
    [InlineData("give one of tcp, unix and http")]
    [InlineData("\"udp\" is none of tcp, unix and http", "udp", "127.0.0.1:1")]
    [InlineData("127.0.0.1: no port; write HOST:PORT", "tcp", "127.0.0.1")]
    [InlineData("run/x: neither an absolute path nor @NAME", "unix", "run/x")]
    [InlineData("TLS is not built in", "http", "https://127.0.0.1/")]
    [InlineData("--status=ok is no list of statuses", "--status=ok", "http", "http://127.0.0.1/")]
    [InlineData("--timeout=0 is no time span", "--timeout=0", "tcp", "127.0.0.1:1")]
    [InlineData("unknown option --retry", "--retry=3", "tcp", "127.0.0.1:1")]
    public async Task Wrong_usage_is_status_2(string expected, params string[] arguments) =>
        (await Probe(arguments)).Must(run => run is { Status: 2, Out: "" } && run.Err.Contains(expected, StringComparison.Ordinal) && run.Err.Contains("keelson probe --help", StringComparison.Ordinal));

    [Fact]
    public async Task A_name_that_the_hosts_file_has_not_is_not_asked_for_elsewhere() =>
        (await Probe("tcp", "no-such-name.example:80")).Must(run => run.Status == 1 && run.Err == "keelson probe: tcp no-such-name.example:80: not an address, and /etc/hosts has no such name (name servers are not asked)\n");

    [Fact]
    public async Task Help_is_on_standard_output() =>
        (await Probe("--help")).Must(run => run is { Status: 0, Err: "" } && run.Out.StartsWith("usage: keelson probe ", StringComparison.Ordinal));
}
