using Trove.Chain.Relay;
using Trove.Core;
using Trove.Core.Payouts;
using Trove.Core.Rewards;
using Trove.Node.Assets;
using Trove.Node.Chain;
using Trove.Node.Protocol;
using Trove.Node.Verification;

namespace Trove.Node.Epochs;

/// <summary>
/// Has the ledger hand owners what has vested of their shares, and has lapse what they withdrew. Repeatable: what is handed out
/// already is passed over, by the book and by the ledger.
/// </summary>
public sealed class HandOutService(VerificationStore epochs, ChainService chain, ChainRelay relay, ChainReader reader)
{
    // Leaves with nothing due between others cost less gas than a transaction of its own for what follows them, up to so many.
    private const uint Gap = 8;

    /// <summary>Hands out what is due of an asset, as the chain was read last.</summary>
    /// <param name="asset">The asset.</param>
    /// <param name="owner">Who asks for all that is ready; null for what is handed out unasked (<see cref="Vesting.Unasked"/>).</param>
    /// <param name="posted">Was an epoch posted just now?</param>
    /// <param name="beat">Called before each transaction, of which a large asset has thousands.</param>
    /// <param name="ct">Ends the work.</param>
    public async Task HandOutAsync(AssetRow asset, Address? owner, bool posted, Action beat, CancellationToken ct)
    {
        var due = await reader.ReadAsync(asset, b => b.Money.Due(owner), ct);
        var left = new Dictionary<Beneficiary, int>();
        foreach (var places in due.GroupBy(p => p.Epoch))
        {
            var row = await epochs.EpochAsync(asset.Asset, places.Key, ct) ?? throw new InvalidOperationException($"epoch {places.Key} of asset {asset.Asset} is in its book and not in the database");
            var epoch = await epochs.ComputeAsync(row, ct);
            var (ready, lapsing) = await reader.ReadAsync(asset, b => (b.Money.ReadyIn(places.Key), b.Money.LapsingIn(places.Key)), ct);
            var payers = await PayersAsync(asset, owner, posted, [.. places.Select(p => epoch.Leaves[(int)p.Index])], lapsing, left, ct);
            foreach (var (first, last) in Ranges([.. payers.Keys], ready.Where(i => !payers.ContainsKey(i)).ToHashSet()))
            {
                beat();
                await chain.ClaimSharesAsync(asset.Ledger, [.. payers.Where(p => p.Key >= first && p.Key <= last).Select(p => p.Value)], epoch, [.. epoch.Leaves.Take((int)first..((int)last + 1))], ct);
            }
        }
    }

    // Whose gas each leaf is, by index; those that the node does not pay for are not among them. What was withdrawn stands in the others'
    // dividends: of who has nothing left for it, it is the asset's with the next epoch, when all of an owner goes together.
    private async Task<SortedDictionary<uint, Beneficiary>> PayersAsync(AssetRow asset, Address? asks, bool posted, IReadOnlyList<EpochLeaf> leaves, IReadOnlySet<uint> lapsing,
        Dictionary<Beneficiary, int> left, CancellationToken ct)
    {
        Beneficiary Of(EpochLeaf leaf) => lapsing.Contains(leaf.Index) ? relay.ForLeaving(asset, leaf.Owner) : relay.ForHandOut(asset, leaf.Owner);
        foreach (var (owner, count) in await relay.LeavesLeftAsync(leaves.Select(Of).Where(o => !left.ContainsKey(o)), ct))
            left[owner] = count;
        var payers = new SortedDictionary<uint, Beneficiary>();
        foreach (var leaf in leaves)
            if (left[Of(leaf)] > 0)
            {
                left[Of(leaf)]--;
                payers[leaf.Index] = Of(leaf);
            }
            else if (asks is { } one)
                payers[leaf.Index] = await reader.ReadAsync(asset, book => relay.For(asset, one, book), ct);
            else if (posted && lapsing.Contains(leaf.Index))
                payers[leaf.Index] = asset.Ledger;
        return payers;
    }

    /// <summary>Ranges of leaves, each for one transaction, that have all of some leaves in them.</summary>
    /// <param name="indexes">The leaves, ascending.</param>
    /// <param name="others">Leaves that must be in none.</param>
    internal static IEnumerable<(uint First, uint Last)> Ranges(IReadOnlyList<uint> indexes, IReadOnlySet<uint> others)
    {
        for (int i = 0; i < indexes.Count; i++)
        {
            uint first = indexes[i];
            while (i + 1 < indexes.Count && indexes[i + 1] - indexes[i] <= Gap + 1 && indexes[i + 1] - first < AssetCalls.ClaimsPerTransaction
                && !Enumerable.Range((int)indexes[i] + 1, (int)(indexes[i + 1] - indexes[i]) - 1).Any(n => others.Contains((uint)n)))
                i++;
            yield return (first, indexes[i]);
        }
    }
}
