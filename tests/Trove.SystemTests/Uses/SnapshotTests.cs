using Trove.Chain;
using Trove.Core;
using Trove.Crypto;
using Trove.Node.Protocol;
using Trove.SystemTests.Api;

namespace Trove.SystemTests.Uses;

/// <summary>Two looks at the data never differ by one member.</summary>
public sealed class SnapshotTests(UseFixture f) : IClassFixture<UseFixture>
{
    [Fact]
    public async Task Snapshots_are_taken_together_and_a_withdrawal_closes_one()
    {
        // One more contribution is too few to look at the data anew: two snapshots would differ by one member.
        using var late = await Member.PrepareAsync(f.Asset, Member.Reddit("late_" + Guid.NewGuid().ToString("N")[..8], "The newest member writes about a lab of her own", "And about the second lab next door"));
        await f.ContributeAsync(late);
        await f.CloseEpochAsync();
        await Task.Delay(2500); // the node looks every second
        Assert.Equal(1ul, (await f.Client.DataAsync(f.Asset.Asset, default)).SnapshotEpoch);
        Assert.Equal("reverted", (await Assert.ThrowsAsync<TroveApiException>(() => f.RequestAsync(lastEpoch: 2))).Code);

        // A member leaves: the same question on the same snapshot would tell what that member had.
        var grant = await f.NextGrantAsync();
        var ada = f.Members[1];
        long deadline = Member.Soon();
        await f.Client.WithdrawAsync(ada.Id(f.Info, f.Asset), new WithdrawRequest(deadline,
            Hex.Encode(ada.Key.Sign(ContractDigests.Withdraw(f.Info.ChainId, f.Asset.Ledger, ada.Key.Address, ada.Id(f.Info, f.Asset), (ulong)deadline)))), default);
        await f.RunAsync([1, 2], grant.Request);
        var ended = await f.Client.RequestAsync(f.Asset.Asset, grant.Request, default);
        Assert.Equal(("refunded", "snapshot-changed"), (ended.State, ended.Uses[0].Code));

        // And guardians release nothing of hers.
        var last = await f.NextGrantAsync();
        using var oneTimeKey = X25519Identity.Generate();
        var work = await f.OpenAsync(last.Request, oneTimeKey);
        await f.Guardian(1, f.NewFolder()).AnswerAsync(work, default);
        var release = Assert.Single(await f.ReleasesAsync(work, oneTimeKey));
        using var ofMaya = f.EpochShares[0].Custody.Decrypt(f.PointsInScope(last.Terms, f.Members[0]));
        using SecretBytes expected = ofMaya.Encode(), released = release.Partials!.Encode();
        Assert.True(expected.FixedTimeEquals(released.Span), $"{release.Count} parts were released, {ofMaya.Count} are the other member's");
    }
}
