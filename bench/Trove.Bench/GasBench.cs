using Trove.Chain;
using Trove.Chain.Bindings;
using Trove.Core;

namespace Trove.Bench;

/// <summary>
/// Gas per contribution, from the receipts of an embedded chain: posting an epoch, and claiming its shares one by one and
/// many at once, every owner receiving shares for the first time (the dearest case). Gas is the same on every machine, so
/// there is no peer; where the design sets a limit, it stands in the peer's place.
/// </summary>
public static class GasBench
{
    private const double PostingLimit = 1000; // gas per contribution at 1000, DESIGN "On chain"
    private const int OneByOne = 20;          // claims measured one by one; all cost the same but for their proof's length
    private const int Batch = 100;            // of claimMany: what fits a block of 30M gas

    /// <summary>Runs all sizes on one fresh chain in a temporary folder.</summary>
    public static async Task<IReadOnlyList<BenchLine>> RunAsync(CancellationToken cancel = default)
    {
        await using var asset = await BenchAsset.FoundAsync("gas", cancel).ConfigureAwait(false);
        var ledger = new Ledger(asset.Contracts.Ledger);
        var lines = new List<BenchLine>();
        var previous = default(Hash32);
        ulong epoch = 0;
        foreach (int size in new[] { 1, 10, 100, 1000 })
        {
            epoch++;
            var claims = Enumerable.Range(0, size).Select(i => BenchAsset.ClaimOf(epoch, i)).ToArray();
            var tree = new MerkleTree(claims.Select(ContractDigests.Leaf));
            var root = new EpochRoot(epoch, previous, tree.Root, BenchAsset.Share * size, (uint)size, asset.Salt, 1);
            previous = tree.Root;
            ulong posting = await asset.SendAsync(ledger.PostEpoch(root, [asset.Verifier.Sign(ContractDigests.EpochRoot(asset.Chain.ChainId, ledger.Address, root))]), cancel).ConfigureAwait(false);
            lines.Add(Line($"posting, epoch of {size}", (double)posting / size, size == 1000 ? PostingLimit : null));

            int single = Math.Min(OneByOne, (size + 1) / 2);
            ulong claiming = 0;
            for (int i = 0; i < single; i++)
                claiming += await asset.SendAsync(ledger.Claim(claims[i], tree.Proof(i)), cancel).ConfigureAwait(false);
            lines.Add(Line($"claim one by one, epoch of {size}", (double)claiming / single, null));
            if (single == size)
                continue;
            claiming = 0;
            foreach (var batch in Enumerable.Range(single, size - single).Chunk(Batch))
                claiming += await asset.SendAsync(ledger.ClaimMany([.. batch.Select(i => claims[i])], tree.RangeProof(batch[0], batch.Length)), cancel).ConfigureAwait(false);
            lines.Add(Line($"claimMany by {Math.Min(Batch, size - single)}, epoch of {size}", (double)claiming / (size - single), null));
        }
        return lines;
    }

    private static BenchLine Line(string what, double gas, double? limit) => new("gas", what, Math.Round(gas), "gas", limit,
        limit is null ? "none: gas does not depend on the machine" : "the design's limit", limit / gas, limit is null ? null : 1, limit is null ? null : gas <= limit);
}
