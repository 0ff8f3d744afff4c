using System.Net;
using System.Threading.RateLimiting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.RateLimiting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Trove.Node.Api;

namespace Trove.Tests.Node;

/// <summary>One address has half of each kind of place at the most, and all together no more than there are.</summary>
public sealed class AdmissionTests : IDisposable
{
    private readonly ServiceProvider _services = new ServiceCollection().AddAdmission().BuildServiceProvider();
    private readonly List<RateLimitLease> _held = [];

    private PartitionedRateLimiter<HttpContext> Limiter => _services.GetRequiredService<IOptions<RateLimiterOptions>>().Value.GlobalLimiter!;

    [Theory]
    [InlineData("ordinary", Admission.MostAtOnce)]
    [InlineData("piece", Admission.MostPieces)]
    public void Half_is_for_one_address_and_the_rest_for_others(string kind, int most)
    {
        Assert.Equal(most / 2, Take("192.0.2.1", kind, most));
        Assert.Equal(0, Take("::ffff:192.0.2.1", kind, 1)); // the same client
        Assert.Equal(most / 4, Take("2001:db8::1", kind, most / 4));
        Assert.Equal(most / 4, Take("2001:db8::2", kind, most)); // its /64 is one client, and has the other half
        Assert.Equal(0, Take("192.0.2.3", kind, 1)); // all are taken
        Assert.Equal(1, Take("192.0.2.1", "health", 1));
        _held[0].Dispose();
        Assert.Equal(1, Take("192.0.2.1", kind, 5));
    }

    [Fact]
    public async Task Large_requests_of_one_address_wait_and_those_of_others_go_ahead()
    {
        Assert.Equal(Admission.MostLargeAtOnce / 2, Take("192.0.2.1", "large", 10));
        var waiting = Enumerable.Range(0, Admission.MostLargeWaiting / 2).Select(_ => Limiter.AcquireAsync(From("192.0.2.1", "large")).AsTask()).ToList();
        Assert.All(waiting, w => Assert.False(w.IsCompleted));
        using (var refused = await Limiter.AcquireAsync(From("192.0.2.1", "large")))
            Assert.False(refused.IsAcquired); // the line of this address is full
        Assert.Equal(Admission.MostLargeAtOnce / 2, Take("192.0.2.2", "large", 10));
        _held[0].Dispose();
        Assert.True((await waiting[0]).IsAcquired);
        _held.Add(await waiting[0]);
    }

    [Fact]
    public void Kinds_do_not_take_each_others_places()
    {
        foreach (var (kind, most) in new[] { ("piece", Admission.MostPieces / 2), ("large", Admission.MostLargeAtOnce / 2), ("ordinary", Admission.MostAtOnce / 2), ("stream", Admission.MostStreams) })
            Assert.Equal(most, Take("192.0.2.1", kind, most));
    }

    public void Dispose()
    {
        _held.ForEach(l => l.Dispose());
        _services.Dispose();
    }

    private int Take(string address, string kind, int tries)
    {
        int taken = 0;
        for (int i = 0; i < tries; i++)
        {
            var lease = Limiter.AttemptAcquire(From(address, kind));
            _held.Add(lease);
            taken += lease.IsAcquired ? 1 : 0;
        }
        return taken;
    }

    private static DefaultHttpContext From(string address, string kind)
    {
        var context = new DefaultHttpContext();
        context.Connection.RemoteIpAddress = IPAddress.Parse(address);
        context.Request.Path = kind switch { "health" => "/health/live", "stream" => "/api/v1/assets/x/events", _ => "/api/v1/assets" };
        object[] marks = kind switch { "large" => [new RequestSizeLimit(2 << 20)], "piece" => [new Admission.TakesPieces()], _ => [] };
        context.SetEndpoint(new Endpoint(null, new EndpointMetadataCollection(marks), kind));
        return context;
    }
}
