using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Trove.Core;
using Trove.Crypto;
using Trove.Node.Api;

namespace Trove.Tests.Node;

/// <summary>Limits by address and key. The window is a day, so that no quota fills up while a test runs.</summary>
public sealed class RateLimitsTests : IDisposable
{
    private readonly ServiceProvider _services = new ServiceCollection().AddLogging().BuildServiceProvider();
    private readonly RateLimits _limits = new(new RateLimitOptions { AddressRequests = 5, KeyRequests = 3, AddressListeners = 2, Window = TimeSpan.FromDays(1) });

    [Fact]
    public async Task Address_is_refused_when_its_quota_is_spent_and_told_so_all_along()
    {
        for (int left = 4; left >= 0; left--)
        {
            var context = From("192.0.2.1");
            Assert.True(await _limits.TakeAsync(context));
            Assert.Equal("\"address\";q=5;w=86400, \"key\";q=3;w=86400", context.Response.Headers["RateLimit-Policy"]);
            Assert.Equal($"\"address\";r={left}", context.Response.Headers["RateLimit"]);
        }
        var refused = From("192.0.2.1");
        Assert.False(await _limits.TakeAsync(refused));
        Assert.Equal((429, "application/problem+json", "\"address\";r=0"), (refused.Response.StatusCode, refused.Response.ContentType, refused.Response.Headers["RateLimit"].ToString()));
        Assert.InRange(int.Parse(refused.Response.Headers.RetryAfter.ToString()), 1, 86400);
        Assert.True(await _limits.TakeAsync(From("192.0.2.2")));
    }

    [Fact]
    public async Task Key_is_counted_where_its_signature_was_right_and_the_nodes_own_work_is_not()
    {
        using SigningKey key = SigningKey.Generate(), other = SigningKey.Generate();
        var digest = Keccak256.Hash("what is signed"u8);
        var (signed, forged) = (Hex.Encode(key.Sign(digest)), Hex.Encode(other.Sign(digest)));
        for (int i = 0; i < 9; i++)
            Signatures.Require(key.Address, digest, signed);
        await Task.Run(() =>
        {
            RateLimits.Current.Value = _limits;
            for (int i = 0; i < 9; i++)
                Assert.Equal((403, "wrong-signature"), Refusal(() => Signatures.Require(key.Address, digest, forged)));
            for (int i = 0; i < 3; i++)
                Signatures.Require(key.Address, digest, signed);
            Assert.Equal((429, "too-many-requests"), Refusal(() => Signatures.Require(key.Address, digest, signed)));
            Signatures.Require(other.Address, digest, forged);
        });
    }

    [Fact]
    public async Task Client_with_a_whole_network_of_addresses_is_one_client()
    {
        for (int i = 1; i <= 5; i++)
            Assert.True(await _limits.TakeAsync(From($"2001:db8:1:2::{i}")));
        Assert.False(await _limits.TakeAsync(From("2001:db8:1:2:ffff::1")));
        Assert.True(await _limits.TakeAsync(From("2001:db8:1:3::1")));
        Assert.Equal(RateLimits.AddressKey(From("192.0.2.1")).ToArray(), RateLimits.AddressKey(From("::ffff:192.0.2.1")).ToArray());
    }

    [Fact]
    public void Listeners_have_places_and_give_them_back()
    {
        var first = _limits.Listen(From("192.0.2.1"));
        using var second = _limits.Listen(From("192.0.2.1"));
        Assert.Equal((429, "too-many-listeners"), Refusal(() => _limits.Listen(From("192.0.2.1"))));
        using var other = _limits.Listen(From("192.0.2.2"));
        first.Dispose();
        using var again = _limits.Listen(From("192.0.2.1"));
    }

    public void Dispose()
    {
        _limits.Dispose();
        _services.Dispose();
    }

    private static (int, string) Refusal(Action act)
    {
        var e = Assert.Throws<ApiException>(act);
        return (e.Status, e.Code);
    }

    private DefaultHttpContext From(string address)
    {
        var context = new DefaultHttpContext { RequestServices = _services };
        context.Connection.RemoteIpAddress = IPAddress.Parse(address);
        return context;
    }
}
