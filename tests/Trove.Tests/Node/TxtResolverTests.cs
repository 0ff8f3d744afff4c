using System.Net;
using System.Net.Sockets;
using System.Text;
using Trove.Node.Dns;

namespace Trove.Tests.Node;

/// <summary>Against a real server on this machine, which answers as it is told.</summary>
public sealed class TxtResolverTests : IAsyncDisposable
{
    private readonly Socket _udp = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
    private readonly TcpListener _tcp;
    private readonly CancellationTokenSource _end = new();
    private readonly Task _serving;
    private Func<byte[], bool, byte[][]> _answer = (_, _) => [];
    private int _asked;

    public TxtResolverTests()
    {
        _udp.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _tcp = new TcpListener(IPAddress.Loopback, ((IPEndPoint)_udp.LocalEndPoint!).Port);
        _tcp.Start();
        _serving = Task.WhenAll(ServeUdpAsync(), ServeTcpAsync());
    }

    private IPEndPoint Server => (IPEndPoint)_udp.LocalEndPoint!;

    [Fact]
    public async Task The_strings_of_a_record_are_joined()
    {
        _answer = (q, _) => [Reply(q, 0, Txt(q, "v=DKIM1; p=AA", "BB"))];
        var answer = await LookUpAsync("s._domainkey.Example.ORG");
        Assert.Equal(["v=DKIM1; p=AABB"], answer.Records);
        Assert.False(answer.Failed);
    }

    [Fact]
    public async Task Names_that_stand_for_others_are_followed()
    {
        _answer = (q, _) => [Reply(q, 0, Cname(q, "keys", "example", "net"), Record([.. Name("keys", "example", "net")], 16, [3, (byte)'p', (byte)'=', (byte)'A']))];
        Assert.Equal(["p=A"], (await LookUpAsync("s._domainkey.example.org")).Records);
        _answer = (q, _) => [Reply(q, 0, Cname(q, "keys", "example", "net"), Txt(q, "p=of the first name"))];
        Assert.Empty((await LookUpAsync("s._domainkey.example.org")).Records);
    }

    [Fact]
    public async Task A_name_that_does_not_exist_is_an_answer()
    {
        _answer = (q, _) => [Reply(q, 3)];
        var answer = await LookUpAsync("nobody.example.org");
        Assert.Empty(answer.Records);
        Assert.False(answer.Failed);
        Assert.Equal(1, _asked);
    }

    [Fact]
    public async Task What_is_longer_comes_by_TCP()
    {
        _answer = (q, tcp) => [tcp ? Reply(q, 0, Txt(q, new string('a', 255), new string('b', 255))) : Reply(q, 0x0200)];
        Assert.Equal([new string('a', 255) + new string('b', 255)], (await LookUpAsync("long.example.org")).Records);
    }

    [Fact]
    public async Task Answers_to_other_questions_are_passed_over()
    {
        _answer = (q, _) =>
        {
            byte[] otherNumber = [.. Reply(q, 0, Txt(q, "forged"))], otherName = [.. Reply(q, 0, Txt(q, "forged"))];
            otherNumber[0] ^= 1;
            otherName[14] ^= 1;
            return [otherNumber, otherName, [1, 2, 3], Reply(q, 0, Txt(q, "true"))];
        };
        Assert.Equal(["true"], (await LookUpAsync("s.example.org")).Records);
    }

    [Fact]
    public async Task A_server_that_fails_or_is_silent_is_followed_by_the_next()
    {
        using var silent = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        silent.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _answer = (q, _) => [Reply(q, 0, Txt(q, "here"))];
        var resolver = new TxtResolver([(IPEndPoint)silent.LocalEndPoint!, Server], TimeSpan.FromMilliseconds(200));
        Assert.Equal(["here"], (await resolver.LookUpAsync("s.example.org", TestContext.Current.CancellationToken)).Records);
        _answer = (q, _) => [Reply(q, 2)];
        Assert.True((await LookUpAsync("s.example.org")).Failed);
    }

    [Theory]
    [InlineData("")]
    [InlineData("a..b")]
    [InlineData("a b")]
    [InlineData("äb")]
    public async Task What_is_no_name_is_not_asked(string name) => await Assert.ThrowsAsync<ArgumentException>(() => LookUpAsync(name));

    [Fact]
    public void Resolvers_of_the_machine()
    {
        var servers = TxtResolver.ParseServers("# comment\nsearch example.org\nnameserver 192.0.2.1\nnameserver\t2001:db8::1\nnameserver x\noptions ndots:1\n");
        Assert.Equal(["192.0.2.1:53", "[2001:db8::1]:53"], servers.Select(s => s.ToString()));
        Assert.Throws<ArgumentException>(() => new TxtResolver([]));
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _serving;
        _udp.Dispose();
        _tcp.Dispose();
        _end.Dispose();
    }

    private Task<Trove.Crypto.Dkim.TxtAnswer> LookUpAsync(string name) => new TxtResolver([Server], TimeSpan.FromSeconds(30)).LookUpAsync(name, TestContext.Current.CancellationToken);

    private async Task ServeUdpAsync()
    {
        var buffer = new byte[512];
        try
        {
            while (true)
            {
                var got = await _udp.ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0), _end.Token);
                _asked++;
                foreach (var answer in _answer(buffer[..got.ReceivedBytes], false))
                    await _udp.SendToAsync(answer, got.RemoteEndPoint, _end.Token);
            }
        }
        catch (OperationCanceledException)
        {
            // The test is over.
        }
    }

    private async Task ServeTcpAsync()
    {
        try
        {
            while (true)
            {
                using var client = await _tcp.AcceptTcpClientAsync(_end.Token);
                var stream = client.GetStream();
                var size = new byte[2];
                await stream.ReadExactlyAsync(size, _end.Token);
                var question = new byte[size[0] << 8 | size[1]];
                await stream.ReadExactlyAsync(question, _end.Token);
                foreach (var answer in _answer(question, true))
                    await stream.WriteAsync((byte[])[(byte)(answer.Length >> 8), (byte)(answer.Length & 0xFF), .. answer], _end.Token);
            }
        }
        catch (OperationCanceledException)
        {
            // The test is over.
        }
    }

    // The question's header as an answer's, the question, then records.
    private static byte[] Reply(byte[] question, int flags, params byte[][] records) =>
        [question[0], question[1], (byte)(0x81 | flags >> 8), (byte)(0x80 | (flags & 0xFF)), 0, 1, 0, (byte)records.Length, 0, 0, 0, 0, .. question[12..^11], .. records.SelectMany(r => r)];

    private static byte[] Txt(byte[] _, params string[] texts) => Record([0xC0, 12], 16, [.. texts.SelectMany(t => Encoding.ASCII.GetBytes(t).Prepend((byte)t.Length))]);

    private static byte[] Cname(byte[] _, params string[] labels) => Record([0xC0, 12], 5, [.. Name(labels)]);

    private static byte[] Name(params string[] labels) => [.. labels.SelectMany(l => Encoding.ASCII.GetBytes(l).Prepend((byte)l.Length)), 0];

    private static byte[] Record(byte[] owner, byte type, byte[] data) => [.. owner, 0, type, 0, 1, 0, 0, 0, 60, (byte)(data.Length >> 8), (byte)(data.Length & 0xFF), .. data];
}
