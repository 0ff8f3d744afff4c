using Trove.Core;
using Trove.Crypto;
using Trove.Node.Protocol;

namespace Trove.SystemTests.Api;

/// <summary>Which heads of guardians' logs a node keeps.</summary>
[Collection(nameof(RequestFixture))]
public sealed class LogHeadTests(ApiFixture api, RequestFixture at)
{
    [Fact]
    public async Task Heads_of_registered_guardians_are_kept_once_a_minute_and_in_order()
    {
        var key = at.Guardians[1].SigningKey;
        var (first, stamp) = (Member.Fresh(), Now());
        await PublishAsync(key, 2, 5, first, stamp);
        await PublishAsync(key, 2, 5, first, stamp); // an answer may be lost
        await RefusedAsync("too-soon", PublishAsync(key, 2, 6, Member.Fresh(), Now()));
        await RefusedAsync("log-behind", PublishAsync(key, 2, 4, Member.Fresh(), Now()));
        await RefusedAsync("log-behind", PublishAsync(key, 1, 9, Member.Fresh(), Now()));
        var other = Member.Fresh();
        await RefusedAsync("log-contradicts", PublishAsync(key, 2, 5, other, Now()));
        await RefusedAsync("expired", PublishAsync(key, 2, 7, first, Now() - 25 * 3_600_000));
        await RefusedAsync("invalid", PublishAsync(key, 0, 7, first, Now()));
        await RefusedAsync("invalid", PublishAsync(key, 2, 0, first, Now()));
        await RefusedAsync("invalid", PublishAsync(key, 2, ulong.MaxValue, first, Now()));
        await RefusedAsync("wrong-signature", at.Client.PublishLogHeadAsync(key.Address, new LogHeadRequest(2, 7, first, stamp, Signature(key, 2, 6, first, stamp)), default));
        using var stranger = SigningKey.Generate();
        await RefusedAsync("no-guardian", PublishAsync(stranger, 1, 1, first, Now()));
        var shown = await at.Client.LogHeadsAsync(key.Address, default);
        Assert.Equal([(other, true), (first, true)], shown.Select(h => (h.Head, h.Contradicts)));
        Assert.Empty(await at.Client.LogHeadsAsync(stranger.Address, default));
    }

    private static long Now() => DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();

    private string Signature(SigningKey key, uint chain, ulong count, Hash32 head, long time) => Hex.Encode(key.Sign(Messages.LogHead(api.Info.ChainId, key.Address, chain, count, head, time)));

    private Task PublishAsync(SigningKey key, uint chain, ulong count, Hash32 head, long time) =>
        at.Client.PublishLogHeadAsync(key.Address, new LogHeadRequest(chain, count, head, time, Signature(key, chain, count, head, time)), default);

    private static async Task RefusedAsync(string code, Task call) => Assert.Equal(code, (await Assert.ThrowsAsync<TroveApiException>(() => call)).Code);
}
