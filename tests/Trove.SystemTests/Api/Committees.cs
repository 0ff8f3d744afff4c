using Trove.Chain.Bindings;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Core.Ceremonies;
using Trove.Crypto;
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

    private static (CeremonyTranscript, IReadOnlyList<EpochShares>) Hold(CeremonyTerms terms, IReadOnlyList<KeyFile> guardians)
    {
        var coordinator = new CeremonyTranscript(terms);
        var participants = guardians.Select(g => (Key: g.SigningKey, Participant: CeremonyParticipant.Create(terms, g.SigningKey.Address, null))).ToList();
        try
        {
            while (coordinator.Key is null)
            {
                Assert.Null(coordinator.Failure);
                foreach (var message in participants.ConvertAll(p => p.Participant.Next(p.Key)!))
                {
                    Assert.Equal(CeremonyIntake.Taken, coordinator.Receive(message));
                    participants.ForEach(p => p.Participant.Receive(message));
                }
                coordinator.Close();
                participants.ForEach(p => p.Participant.Receive(coordinator.Closings[^1]));
            }
            return (coordinator, participants.ConvertAll(p => p.Participant.TakeShares(coordinator.Hash)));
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
