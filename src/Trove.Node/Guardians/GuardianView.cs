using Trove.Chain.Bindings;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Core.Ceremonies;
using Trove.Crypto;
using Trove.Node.Chain;
using Trove.Node.Protocol;

namespace Trove.Node.Guardians;

/// <summary>What a registry says of the asset's key.</summary>
/// <param name="InForce">The committee that holds it.</param>
/// <param name="Commitments">Of its shares of the custody key, in order.</param>
/// <param name="OprfCommitments">Of its shares of the key of nullifiers, in order.</param>
/// <param name="Recipient">u of the custody key's point.</param>
/// <param name="Transcript">Hash of the ceremony that the committee came out of.</param>
/// <param name="Invited">Guardians whom the owners want next; empty when nobody is invited.</param>
/// <param name="InvitedThreshold">How many of them are to decrypt together.</param>
public sealed record CustodyFacts(Committee InForce, IReadOnlyList<Hash32> Commitments, IReadOnlyList<Hash32> OprfCommitments, Hash32 Recipient, Hash32 Transcript,
    IReadOnlyList<Address> Invited, uint InvitedThreshold)
{
    /// <summary>The keys that the committee in force has commitments of. The registry knows no curve: it takes what all guardians signed.</summary>
    /// <exception cref="ThresholdException">The commitments are no keys, or not those of the recipient.</exception>
    public (ThresholdKey Custody, OprfKey Oprf) Keys() =>
        (ThresholdKey.Create(InForce.Threshold, Commitments, new X25519Recipient(Recipient)), OprfKey.Create(InForce.Threshold, OprfCommitments));

    /// <summary>Are these the shares that the committee in force has commitments of?</summary>
    /// <exception cref="ThresholdException">The registry's commitments are no keys.</exception>
    public bool HasCommitmentsOf(EpochShares shares) => Keys() is var (custody, oprf) && shares.Epoch == InForce.Epoch && shares.Matches(custody, oprf);
}

/// <summary>
/// What a guardian takes from its own chain, at its confirmation depth: a record of questions, so that thousands of schedules can
/// be tried without a chain.
/// </summary>
/// <param name="ChainId">EIP-155 chain id.</param>
/// <param name="Factory">The factory whose creations it takes part in.</param>
/// <param name="Custody">What a registry says; null where there is none (yet).</param>
/// <param name="Predict">Share token and registry that a founder's asset with a salt has, or will have.</param>
/// <param name="AssetOf">The asset of a registry.</param>
public sealed record GuardianView(ulong ChainId, Address Factory, Func<Address, CancellationToken, Task<CustodyFacts?>> Custody,
    Func<Address, Hash32, CancellationToken, Task<(Address Asset, Address Registry)>> Predict, Func<Address, CancellationToken, Task<Address>> AssetOf)
{
    /// <summary>A real chain.</summary>
    /// <param name="chain">The guardian's own.</param>
    /// <param name="factory">The factory whose creations it takes part in.</param>
    /// <param name="confirmations">How many blocks below the head it looks.</param>
    /// <param name="ct">Ends the reading of the chain's id.</param>
    public static async Task<GuardianView> OfAsync(EthClient chain, Address factory, ulong confirmations, CancellationToken ct) =>
        new(await chain.ChainIdAsync(ct), factory,
            async (registry, cancel) => await chain.BlockNumberAsync(cancel) is var head && head < confirmations ? null : await CustodyAsync(chain, registry, BlockTag.At(head - confirmations), cancel),
            async (founder, salt, cancel) => await new AssetFactory(factory).PredictAsync(chain, founder, salt, cancel: cancel) is var c ? (c.Token, c.Registry) : default,
            (registry, cancel) => AssetOfAsync(chain, registry, cancel));

    /// <summary>What a registry says at a block; null where there is none.</summary>
    /// <exception cref="RpcException">The chain cannot be read, or the contract is no registry.</exception>
    /// <exception cref="CeremonyException">It names a committee that cannot be.</exception>
    public static async Task<CustodyFacts?> CustodyAsync(EthClient chain, Address registry, BlockTag at, CancellationToken ct)
    {
        if ((await chain.GetCodeAsync(registry, at, ct)).Length == 0)
            return null;
        var contract = new Registry(registry);
        var custody = await contract.CustodyAsync(chain, at, ct);
        var (invited, threshold) = await contract.InvitationAsync(chain, at, ct);
        return new CustodyFacts(new Committee(await contract.CommitteeEpochAsync(chain, at, ct), (int)Math.Min(custody.Threshold, int.MaxValue), custody.Guardians), custody.Commitments,
            custody.OprfCommitments, await contract.RecipientAsync(chain, at, ct), await contract.TranscriptAsync(chain, at, ct), invited, threshold);
    }

    // A registry may name any grants contract, and that any token: the way back must lead to the registry.
    private static async Task<Address> AssetOfAsync(EthClient chain, Address registry, CancellationToken ct)
    {
        var asset = await new Grants(await new Registry(registry).GrantsAsync(chain, cancel: ct)).TokenAsync(chain, cancel: ct);
        return (await AssetView.ReadAsync(chain, asset, ct)).Registry.Address == registry
            ? asset
            : throw new InvalidDataException($"the contract {registry} is not the registry of asset {asset}, which it leads to; it is none of Trove's");
    }
}

/// <summary>The relay of a ceremony, which is believed nothing.</summary>
/// <param name="List">Ceremonies in which this guardian has a seat, without messages.</param>
/// <param name="Get">One of them, whole.</param>
/// <param name="Send">Sends an encoded message.</param>
public sealed record CeremonyRelay(Func<CancellationToken, Task<IReadOnlyList<CeremonyInfo>>> List, Func<Hash32, CancellationToken, Task<CeremonyInfo>> Get,
    Func<Hash32, byte[], CancellationToken, Task> Send)
{
    /// <summary>A node.</summary>
    public static CeremonyRelay Of(TroveClient node, Address guardian) =>
        new(async ct => await node.GuardianCeremoniesAsync(guardian, ct), node.CeremonyAsync, node.SendCeremonyMessageAsync);
}
