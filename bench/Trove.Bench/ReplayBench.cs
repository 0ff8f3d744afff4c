using System.Diagnostics;
using System.Globalization;
using Trove.Chain;
using Trove.Chain.Bindings;
using Trove.Chain.Replay;
using Trove.Core;

namespace Trove.Bench;

/// <summary>
/// How long it takes to make an asset's whole state anew from the chain's events: contributions of as many owners, all claimed,
/// with dividends in between.
/// </summary>
public static class ReplayBench
{
    private const int EpochSize = 1000;
    private const int Batch = 100;         // of claimMany: what fits a block of 30M gas
    private const double Limit = 60;       // seconds for 100,000 contributions
    private const int LimitFor = 100_000;

    /// <summary>Makes the contributions on a fresh chain, then reads them back.</summary>
    /// <param name="contributions">How many; a multiple of 1,000.</param>
    /// <param name="report">Told what goes on.</param>
    /// <param name="cancel">Stops.</param>
    public static async Task<IReadOnlyList<BenchLine>> RunAsync(int contributions, Action<string>? report = null, CancellationToken cancel = default)
    {
        await using var asset = await BenchAsset.FoundAsync("replay", cancel).ConfigureAwait(false);
        var ledger = new Ledger(asset.Contracts.Ledger);
        var previous = default(Hash32);
        for (int epoch = 1; epoch <= contributions / EpochSize; epoch++)
        {
            report?.Invoke($"epoch {epoch} of {contributions / EpochSize}");
            var claims = Enumerable.Range(0, EpochSize).Select(i => BenchAsset.ClaimOf((ulong)epoch, i)).ToArray();
            var tree = new MerkleTree(claims.Select(ContractDigests.Leaf));
            var root = new EpochRoot((ulong)epoch, previous, tree.Root, BenchAsset.Share * EpochSize, EpochSize, asset.Salt, 1);
            previous = tree.Root;
            await asset.SendAsync(ledger.PostEpoch(root, [asset.Verifier.Sign(ContractDigests.EpochRoot(asset.Chain.ChainId, ledger.Address, root))]), cancel).ConfigureAwait(false);
            foreach (var batch in Enumerable.Range(0, EpochSize).Chunk(Batch))
                await asset.SendAsync(ledger.ClaimMany([.. batch.Select(i => claims[i])], tree.RangeProof(batch[0], batch.Length)), cancel).ConfigureAwait(false);
            await asset.SendAsync(new TestDollar(asset.PaymentToken).Mint(asset.Contracts.Token, 1_000_000 + epoch), cancel).ConfigureAwait(false);
            await asset.SendAsync(new ShareToken(asset.Contracts.Token).Sync(), cancel).ConfigureAwait(false);
        }
        report?.Invoke("replaying");
        var watch = Stopwatch.StartNew();
        var replay = await AssetReplay.ReadAsync(asset.Client, asset.Factory, asset.Contracts.Token, cancel: cancel).ConfigureAwait(false);
        double seconds = watch.Elapsed.TotalSeconds;
        if (replay.Token.TotalSupply != BenchAsset.Share * contributions || replay.Token.Holders != contributions)
            throw new InvalidOperationException($"replay bench: {replay.Token.Holders} owners of {replay.Token.TotalSupply}");
        double limit = Limit * contributions / LimitFor;
        string of = string.Create(CultureInfo.InvariantCulture, $"{contributions:N0} contributions");
        return
        [
            new("constitution", $"state of {of} made of {replay.Events.ToString("N0", CultureInfo.InvariantCulture)} events", Math.Round(seconds, 2), "s", limit, "the goal", limit / seconds, 1, seconds <= limit),
        ];
    }
}
