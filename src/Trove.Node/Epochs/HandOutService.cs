using Trove.Chain.Relay;
using Trove.Core;
using Trove.Core.Payouts;
using Trove.Core.Rewards;
using Trove.Node.Api;
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
    /// <param name="beat">Called before each transaction, of which a large asset has thousands.</param>
    /// <param name="ct">Ends the work.</param>
    /// <exception cref="ApiException">Who asks is refused some of it; the rest was handed out.</exception>
    public async Task HandOutAsync(AssetRow asset, Address? owner, Action beat, CancellationToken ct)
    {
        var (due, ready) = await reader.ReadAsync(asset, b => (b.Money.Due(owner), b.Money.Ready().ToLookup(r => r.Place.Epoch)), ct);
        var left = new Dictionary<Beneficiary, int>();
        ApiException? refused = null;
        foreach (var places in due.GroupBy(p => p.Epoch))
        {
            var row = await epochs.EpochAsync(asset.Asset, places.Key, ct) ?? throw new InvalidOperationException($"epoch {places.Key} of asset {asset.Asset} is in its book and not in the database");
            var epoch = await epochs.ComputeAsync(row, ct);
            var leaves = places.Select(p => epoch.Leaves[(int)p.Index]).ToList();
            var payers = await PayersAsync(asset, leaves, ready[places.Key].Where(r => r.Lapses).Select(r => r.Place.Index).ToHashSet(), left, ct);
            await ClaimAsync(epoch, payers);
            if (owner is { } asks && leaves.FindAll(l => !payers.ContainsKey(l.Index)) is { Count: > 0 } rest)
                await TryAsync(async () =>
                {
                    var own = await reader.ReadAsync(asset, book => relay.For(asset, asks, book), ct);
                    await ClaimAsync(epoch, rest.ToDictionary(l => l.Index, _ => own));
                });
        }
        if (refused is not null)
            throw refused;

        async Task ClaimAsync(Epoch epoch, Dictionary<uint, Beneficiary> payers)
        {
            var others = ready[epoch.Number].Select(r => r.Place.Index).Where(i => !payers.ContainsKey(i)).ToHashSet();
            foreach (var (first, last) in Ranges([.. payers.Keys.Order()], others))
            {
                beat();
                var leaves = epoch.Leaves.Take((int)first..((int)last + 1)).ToList();
                await TryAsync(() => chain.ClaimSharesAsync(asset.Ledger, [.. leaves.Where(l => payers.ContainsKey(l.Index)).Select(l => payers[l.Index])], epoch, leaves, ct));
            }
        }

        async Task TryAsync(Func<Task> claim)
        {
            try
            {
                await claim();
            }
            catch (ApiException e) when (owner is not null && e.Code is "gas-budget" or "not-relayed")
            {
                refused ??= e;
            }
        }
    }

    // Whose gas each leaf is, by index; those that the node does not pay for are not among them.
    private async Task<Dictionary<uint, Beneficiary>> PayersAsync(AssetRow asset, IReadOnlyList<EpochLeaf> leaves, IReadOnlySet<uint> lapsing, Dictionary<Beneficiary, int> left, CancellationToken ct)
    {
        Beneficiary Of(EpochLeaf leaf) => lapsing.Contains(leaf.Index) ? relay.ForLeaving(asset, leaf.Owner) : relay.ForHandOut(asset, leaf.Owner);
        foreach (var (owner, count) in await relay.LeavesLeftAsync(leaves.Select(Of).Where(o => !left.ContainsKey(o)), ct))
            left[owner] = count;
        var payers = new Dictionary<uint, Beneficiary>();
        foreach (var leaf in leaves)
            if (left[Of(leaf)] > 0)
            {
                left[Of(leaf)]--;
                payers[leaf.Index] = Of(leaf);
            }
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
