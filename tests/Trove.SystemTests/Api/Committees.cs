using Microsoft.Extensions.DependencyInjection;
using Trove.Chain.Bindings;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Core.Ceremonies;
using Trove.Crypto;
using Trove.Node;
using Trove.Node.Chain;
using Trove.Node.Guardians;
using Trove.Node.Protocol;

namespace Trove.SystemTests.Api;

/// <summary>
/// A ceremony among guardians of a test in its own memory, with the program's participants and transcript: what comes out is what a
/// registry takes, in milliseconds and without processes. Ceremonies through a node have tests of their own.
/// </summary>
internal static class Committees
{
    /// <summary>The keys of an asset-to-be and the guardians' shares of them, which the caller disposes of.</summary>
    public static async Task<(CeremonyTranscript Made, IReadOnlyList<EpochShares> Shares)> CreateAsync(EthClient chain, NodeInfo info, Address founder, Hash32 salt, IReadOnlyList<KeyFile> guardians, int threshold)
    {
        var registry = (await new AssetFactory(info.Factory).PredictAsync(chain, founder, salt)).Registry;
        return Hold(CeremonyTerms.Create(info.ChainId, registry, Member.Fresh(), new Committee(1, threshold, [.. guardians.Select(g => g.SigningKey.Address)])), guardians);
    }

    /// <summary>Hands an asset's keys to another committee and brings it into force; the new shares, in the committee's order.</summary>
    /// <param name="node">Whose relayer sends it.</param>
    /// <param name="asset">As it was at creation; its owners have invited <paramref name="next"/>.</param>
    /// <param name="next">The new committee.</param>
    /// <param name="guardians">Of both committees.</param>
    /// <param name="old">The shares of the first.</param>
    public static async Task<IReadOnlyList<EpochShares>> ChangeAsync(NodeHost node, NodeInfo info, AssetInfo asset, Committee next, IReadOnlyList<KeyFile> guardians, IReadOnlyList<EpochShares> old)
    {
        var terms = CeremonyTerms.ChangeOf(info.ChainId, asset.Registry, Member.Fresh(), new Committee(1, (int)asset.Custody.Threshold, asset.Custody.Guardians), asset.Custody.Commitments,
            asset.Custody.OprfCommitments, X25519Recipient.Parse(asset.Recipient).PublicKey, next);
        var (made, shares) = Hold(terms, guardians, old);
        await node.Services.GetRequiredService<ChainRelay>().SendAsync(asset.Asset, "change", new Registry(asset.Registry).ChangeGuardians(next.Guardians, made.Key!.Commitments, made.OprfKey!.Commitments,
            (uint)next.Threshold, made.Hash, [.. made.Confirmations]), default);
        return shares;
    }

    private static (CeremonyTranscript, IReadOnlyList<EpochShares>) Hold(CeremonyTerms terms, IReadOnlyList<KeyFile> guardians, IReadOnlyList<EpochShares>? old = null)
    {
        var coordinator = new CeremonyTranscript(terms);
        var participants = terms.Seats.Select(s => (Key: guardians.Single(g => g.SigningKey.Address == s.Guardian).SigningKey,
            Participant: CeremonyParticipant.Create(terms, s.Guardian, s.Dealer == 0 ? null : old?[s.Dealer - 1]))).ToList();
        try
        {
            while (coordinator.Key is null)
            {
                Assert.Null(coordinator.Failure);
                foreach (var message in participants.ConvertAll(p => p.Participant.Next(p.Key)).OfType<CeremonyMessage>())
                {
                    Assert.Equal(CeremonyIntake.Taken, coordinator.Receive(message));
                    participants.ForEach(p => p.Participant.Receive(message));
                }
                coordinator.Close();
                participants.ForEach(p => p.Participant.Receive(coordinator.Closings[^1]));
            }
            return (coordinator, [.. terms.New.Guardians.Select(g => participants[terms.SeatOf(g)].Participant.TakeShares(coordinator.Hash))]);
        }
        finally
        {
            participants.ForEach(p => p.Participant.Dispose());
        }
    }

    /// <summary>Puts a guardian's shares into its folder, as if it had taken part by itself.</summary>
    public static async Task GiveAsync(string folder, KeyFile guardian, AssetInfo asset, EpochShares shares)
    {
        var store = await ShareStore.OpenAsync(folder, guardian.Identity);
        await store.PutSharesAsync(asset.Registry, shares);
    }

    /// <summary>As a request to create the asset carries it.</summary>
    public static CommitteeProof Proof(CeremonyTranscript made) => new(made.Hash, [.. made.Confirmations.Select(c => Hex.Encode(c))]);
}
