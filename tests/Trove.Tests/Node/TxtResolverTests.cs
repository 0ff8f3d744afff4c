using System.Net;
using System.Net.Sockets;
using Trove.Node.Dns;
using static Trove.Tests.Node.DnsServer;

namespace Trove.Tests.Node;

/// <summary>Against a real server.</summary>
public sealed class TxtResolverTests : IAsyncDisposable
{
    private readonly DnsServer _server = new();

    [Fact]
    public async Task The_strings_of_a_record_are_joined()
    {
        _server.Answer = (q, _) => [Reply(q, 0, Txt("v=DKIM1; p=AA", "BB"))];
        var answer = await LookUpAsync("s._domainkey.Example.ORG");
        Assert.Equal(["v=DKIM1; p=AABB"], answer.Records);
        Assert.False(answer.Failed);
    }

    [Fact]
    public async Task Names_that_stand_for_others_are_followed()
    {
        _server.Answer = (q, _) => [Reply(q, 0, Cname("keys", "example", "net"), Record([.. Name("keys", "example", "net")], 16, [3, (byte)'p', (byte)'=', (byte)'A']))];
        Assert.Equal(["p=A"], (await LookUpAsync("s._domainkey.example.org")).Records);
        _server.Answer = (q, _) => [Reply(q, 0, Cname("keys", "example", "net"), Txt("p=of the first name"))];
        Assert.Empty((await LookUpAsync("s._domainkey.example.org")).Records);
    }

    [Fact]
    public async Task A_name_that_does_not_exist_is_an_answer()
    {
        _server.Answer = (q, _) => [Reply(q, 3)];
        var answer = await LookUpAsync("nobody.example.org");
        Assert.Empty(answer.Records);
        Assert.False(answer.Failed);
        Assert.Equal(1, _server.Asked);
    }

    [Fact]
    public async Task What_is_longer_comes_by_TCP()
    {
        _server.Answer = (q, tcp) => [tcp ? Reply(q, 0, Txt(new string('a', 255), new string('b', 255))) : Reply(q, 0x0200)];
        Assert.Equal([new string('a', 255) + new string('b', 255)], (await LookUpAsync("long.example.org")).Records);
    }

    [Fact]
    public async Task Answers_to_other_questions_are_passed_over()
    {
        _server.Answer = (q, _) =>
        {
            byte[] otherNumber = [.. Reply(q, 0, Txt("forged"))], otherName = [.. Reply(q, 0, Txt("forged"))];
            otherNumber[0] ^= 1;
            otherName[14] ^= 1;
            return [otherNumber, otherName, [1, 2, 3], Reply(q, 0, Txt("true"))];
        };
        Assert.Equal(["true"], (await LookUpAsync("s.example.org")).Records);
    }

    [Fact]
    public async Task A_server_that_fails_or_is_silent_is_followed_by_the_next()
    {
        using var silent = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        silent.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _server.Answer = (q, _) => [Reply(q, 0, Txt("here"))];
        var resolver = new TxtResolver([(IPEndPoint)silent.LocalEndPoint!, _server.Address], TimeSpan.FromMilliseconds(200));
        Assert.Equal(["here"], (await resolver.LookUpAsync("s.example.org", TestContext.Current.CancellationToken)).Records);
        _server.Answer = (q, _) => [Reply(q, 2)];
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

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private Task<Trove.Crypto.Dkim.TxtAnswer> LookUpAsync(string name) => new TxtResolver([_server.Address], TimeSpan.FromSeconds(30)).LookUpAsync(name, TestContext.Current.CancellationToken);
}
