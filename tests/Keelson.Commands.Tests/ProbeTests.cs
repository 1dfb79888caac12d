using System.Net;
using System.Text;
using CsCheck;
using Keelson.Commands.Probe;
using Keelson.Linux;

namespace Keelson.Commands.Tests;

/// <summary>What keelson-probe(8) reads: addresses, names, URLs, answers.</summary>
public sealed class ProbeTests
{
    private static byte[] Bytes(string text) => Encoding.Latin1.GetBytes(text);

    [Theory]
    [InlineData("127.0.0.1", true)]
    [InlineData("255.255.255.255", true)]
    [InlineData("256.0.0.1", false)]
    [InlineData("1.2.3", false)]
    [InlineData("1.2.3.4.5", false)]
    [InlineData("01.2.3.4", false)]
    [InlineData("+1.2.3.4", false)]
    [InlineData("1.2.3.4 ", false)]
    [InlineData("", false)]
    [InlineData("localhost", false)]
    [InlineData("::", true)]
    [InlineData("::1", true)]
    [InlineData("1::", true)]
    [InlineData("2001:db8::8:800:200c:417a", true)]
    [InlineData("2001:DB8:0:0:8:800:200C:417A", true)]
    [InlineData("::ffff:1.2.3.4", true)]
    [InlineData("1:2:3:4:5:6:1.2.3.4", true)]
    [InlineData("1:2:3:4:5:6:7:1.2.3.4", false)]
    [InlineData("1:2:3:4:5:6:7", false)]
    [InlineData("1:2:3:4:5:6:7:8:9", false)]
    [InlineData("1:2:3:4:5:6:7::", true)]
    [InlineData("1:2:3:4:5:6:7:8::", false)]
    [InlineData("1::2::3", false)]
    [InlineData(":1", false)]
    [InlineData("1:", false)]
    [InlineData(":::", false)]
    [InlineData("12345::", false)]
    [InlineData("g::", false)]
    [InlineData("fe80::1%eth0", false)]
    public void An_address_is_one_or_is_none(string text, bool valid)
    {
        byte[]? address = IpText.Parse(Bytes(text));
        Assert.Equal(valid, address is not null);
        if (address is not null)
            Assert.Equal(IPAddress.Parse(text).GetAddressBytes(), address);
    }

    [Fact]
    public void Every_address_is_read_as_dotnet_writes_it() =>
        Gen.Select(Gen.Byte.Array[16], Gen.Int[0, 0xffff], Gen.Bool).Sample((bytes, holes, ip4) =>
        {
            // Addresses with many zeros are the ones with gaps.
            for (int i = 0; i < 16; i++)
                bytes[i] = (holes >> i & 1) != 0 ? (byte)0 : bytes[i];
            byte[] address = ip4 ? bytes[..4] : bytes;
            Assert.Equal(address, IpText.Parse(Bytes(new IPAddress(address).ToString())));
        });

    [Fact]
    public void What_is_taken_for_an_address_dotnet_takes_for_the_same() =>
        Gen.String[Gen.Char["0123456789abf:."], 0, 20].Sample(text =>
        {
            if (IpText.Parse(Bytes(text)) is { } address)
                Assert.Equal(IPAddress.Parse(text).GetAddressBytes(), address);
        });

    [Theory]
    [InlineData("db", "10.0.0.5")]
    [InlineData("DB.example", "10.0.0.5")]
    [InlineData("both", "10.0.0.6 fd00::6")]
    [InlineData("commented", "")]
    [InlineData("10.0.0.9", "10.0.0.9")]
    [InlineData("absent", "")]
    [InlineData("localhost", "127.0.0.1")]
    public void Names_come_from_the_hosts_file(string host, string expected)
    {
        const string file = "127.0.0.1\tlocalhost\r\n10.0.0.5  db.Example\tdb # commented\n# 10.0.0.7 commented\n10.0.0.6 both\nnonsense both\nfd00::6 x both both\n";
        Assert.Equal(expected, string.Join(' ', HostNames.Find(Bytes(host), Bytes(file)).Select(a => new IPAddress(a))));
    }

    [Fact]
    public void Localhost_is_known_without_the_file() =>
        Assert.Equal("127.0.0.1 ::1", string.Join(' ', HostNames.Find("localhost"u8, default).Select(a => new IPAddress(a))));

    [Theory]
    [InlineData("127.0.0.1:80", "127.0.0.1 80")]
    [InlineData("[::1]:65535", "::1 65535")]
    [InlineData("db:1", "db 1")]
    [InlineData("db", "no port; write HOST:PORT")]
    [InlineData("[::1]", "no port; write HOST:PORT")]
    [InlineData("::1:80", "write an IPv6 address in brackets: [::1]:80")]
    [InlineData("[db]:80", "what stands in brackets is no IPv6 address")]
    [InlineData("[::1]80", "behind the bracket comes :PORT")]
    [InlineData(":80", "no host")]
    [InlineData("db:0", "\"0\" is no port (1 to 65535)")]
    [InlineData("db:65536", "\"65536\" is no port (1 to 65535)")]
    [InlineData("db:+1", "\"+1\" is no port (1 to 65535)")]
    [InlineData("db:", "\"\" is no port (1 to 65535)")]
    public void Host_and_port_are_read_or_refused_with_a_reason(string text, string expected)
    {
        string? problem = Endpoint.Parse(ByteString.Of(text), out Endpoint endpoint);
        Assert.Equal(expected, problem ?? $"{endpoint.Host} {endpoint.Port}");
    }

    [Theory]
    [InlineData("http://localhost", "localhost 80 localhost /")]
    [InlineData("HTTP://localhost:8080/health?full=1#top", "localhost 8080 localhost:8080 /health?full=1")]
    [InlineData("http://[::1]:8080?x", "::1 8080 [::1]:8080 /?x")]
    [InlineData("http://[::1]/a:b@c", "::1 80 [::1] /a:b@c")]
    [InlineData("https://localhost/", "TLS is not built in; probe tcp HOST:PORT, or have a program of the image ask")]
    [InlineData("localhost/", "not of the form http://HOST[:PORT]/PATH")]
    [InlineData("http://me:secret@localhost/", "a user in the URL is not sent; leave it out")]
    [InlineData("http://localhost/a b", "a blank, a control character or a letter that is not ASCII; write it as %XX")]
    [InlineData("http://localhost/\r\nX: y", "a blank, a control character or a letter that is not ASCII; write it as %XX")]
    [InlineData("http:///x", "no host")]
    public void A_url_is_read_or_refused_with_a_reason(string text, string expected)
    {
        string? problem = Endpoint.ParseUrl(ByteString.Of(text), out Endpoint endpoint);
        Assert.Equal(expected, problem ?? $"{endpoint.Host} {endpoint.Port} {endpoint.Given} {endpoint.Path}");
    }

    [Fact]
    public void A_url_that_is_taken_can_break_no_line_of_the_request() =>
        Gen.String[Gen.Char["htp:/[]1a?#@ \r\n\t%é."], 0, 20].Sample(rest =>
        {
            if (Endpoint.ParseUrl(new ByteString(Encoding.UTF8.GetBytes("http://" + rest)), out Endpoint endpoint) is null)
            {
                Assert.All(endpoint.Path.Span.ToArray().Concat(endpoint.Given.Span.ToArray()), b => Assert.InRange(b, (byte)'!', (byte)'~'));
                Assert.Equal((byte)'/', endpoint.Path.Span[0]);
            }
        });

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\n\r\n", "Complete 200")]
    [InlineData("HTTP/1.0 404\r\nA: b\r\n\r\nbody", "Complete 404")]
    [InlineData("HTTP/1.1 204 \n\n", "Complete 204")]
    [InlineData("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 500 No\r\n\r\n", "Complete 500")]
    [InlineData("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n", "Incomplete")]
    [InlineData("HTTP/1.1 101 Switching\r\n\r\n", "Complete 101")]
    [InlineData("HTTP/1.1 200 OK\r\nA: b\r\n", "Incomplete")]
    [InlineData("HTTP/1.1 2", "Incomplete")]
    [InlineData("", "Incomplete")]
    [InlineData("HTTP/2.0 200 OK\r\n\r\n", "Broken")]
    [InlineData("HTTP/1.1 20x OK\r\n\r\n", "Broken")]
    [InlineData("HTTP/1.1 2000 OK\r\n\r\n", "Broken")]
    [InlineData("SSH-2.0-OpenSSH_9.2\r\n", "Broken")]
    [InlineData("HTTP/1.1 100 Continue\r\n\r\nrubbish", "Broken")]
    public void An_answer_is_read_up_to_the_end_of_its_head(string answer, string expected)
    {
        HttpProgress progress = HttpHead.Parse(Bytes(answer), out int status);
        Assert.Equal(expected, progress == HttpProgress.Complete ? $"{progress} {status}" : $"{progress}");
    }

    [Fact]
    public void However_an_answer_is_cut_into_pieces_its_status_is_the_same() =>
        Gen.Select(Gen.Int[100, 599], Gen.Int[0, 2], Gen.String[Gen.Char["aB:- "], 0, 8].Array[0, 4], Gen.Bool).Sample((status, interim, fields, lineFeedsOnly) =>
        {
            if (status < 200)
                status += 400;
            string end = lineFeedsOnly ? "\n" : "\r\n";
            string head = string.Concat(Enumerable.Repeat($"HTTP/1.1 100 Continue{end}{end}", interim)) + $"HTTP/1.1 {status} Reason{end}" + string.Concat(fields.Select(f => $"X{f}: y{end}")) + end;
            byte[] whole = Bytes(head + "body\r\n\r\n");
            for (int length = 0; length <= whole.Length; length++)
            {
                HttpProgress progress = HttpHead.Parse(whole.AsSpan(0, length), out int seen);
                if (length < head.Length)
                    Assert.Equal(HttpProgress.Incomplete, progress);
                else
                    Assert.Equal((HttpProgress.Complete, status), (progress, seen));
            }
        });

    [Fact]
    public void No_bytes_make_the_reader_of_answers_throw() =>
        Gen.OneOf(Gen.Byte.Array[0, 40], Gen.String[Gen.Char["HTP/1. 02\r\n:a"], 0, 60].Select(Bytes)).Sample(bytes =>
        {
            HttpProgress progress = HttpHead.Parse(bytes, out int status);
            Assert.True(progress != HttpProgress.Complete || status is 101 or (>= 200 and <= 999));
        });

    [Theory]
    [InlineData("200", "200")]
    [InlineData("200-399", "200 204 301 399")]
    [InlineData("200,204,301-303", "200 204 301")]
    [InlineData("401", "401")]
    [InlineData("", null)]
    [InlineData("20", null)]
    [InlineData("200-", null)]
    [InlineData("300-200", null)]
    [InlineData("200,,204", null)]
    [InlineData("+20", null)]
    [InlineData("ok", null)]
    public void Lists_of_statuses_are_read_or_refused(string text, string? good)
    {
        StatusRanges? ranges = StatusRanges.Parse(Bytes(text));
        int[] some = [100, 199, 200, 204, 301, 399, 401, 404, 500];
        Assert.Equal(good, ranges is null ? null : string.Join(' ', some.Where(ranges.Contains)));
    }
}
