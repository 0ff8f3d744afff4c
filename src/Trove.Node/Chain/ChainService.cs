using System.Numerics;
using Trove.Chain;
using Trove.Chain.Bindings;
using Trove.Chain.Relay;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Core.Rewards;
using Trove.Node.Api;
using Trove.Node.Protocol;
using Epoch = Trove.Core.Rewards.Epoch;

namespace Trove.Node.Chain;

/// <summary>
/// The chain as the node's features use it: what members, founders and verifiers signed goes through the relayer, which
/// pays the gas. Every call here may be repeated: what is done already is found done.
/// </summary>
public sealed class ChainService(ChainConnection connection, ChainRelay relay)
{
    private readonly EthClient _client = connection.Client;

    /// <summary>EIP-155 chain id.</summary>
    public ulong ChainId => connection.ChainId;

    /// <summary>The asset factory.</summary>
    public Address Factory => connection.Contracts.Factory;

    /// <summary>The token dividends are paid in.</summary>
    public Address PaymentToken => connection.Contracts.PaymentToken;

    /// <summary>EIP-712 domain separator of the payment token.</summary>
    public Hash32 PaymentTokenDomain => connection.PaymentTokenDomain;

    /// <summary>True for an embedded chain: its operator could rewrite it.</summary>
    public bool OperatorTrusted => connection.Embedded is not null;

    /// <summary>Waits for a block mined after this call, which dates what was announced before it.</summary>
    public Task<BlockRef> NextBlockAsync(CancellationToken ct) => connection.NextBlockAsync(ct);

    /// <summary>Has the factory create an asset; the asset's address.</summary>
    public async Task<Address> CreateAssetAsync(CreateAssetRequest r, Hash32 recipient, IReadOnlyList<Hash32> keys, byte[] signature, IReadOnlyList<byte[]> confirmations, CancellationToken ct)
    {
        var factory = new AssetFactory(Factory);
        var token = (await factory.PredictAsync(_client, r.Founder, r.Salt, cancel: ct)).Token;
        if ((await _client.GetCodeAsync(token, cancel: ct)).Length > 0)
            return token; // created by an earlier try of the same request
        await relay.SendAsync(r.Founder, "create-asset", factory.CreateFor(new AssetParams(r.Name, r.Symbol, r.Salt, PaymentToken, recipient,
            r.Policy.Hash(), (BigInteger)r.Policy.EpochCap.Units, (byte)r.VestingEpochs, [.. r.Verifiers.Select(v => v.Address)], keys, r.Threshold,
            r.Custody.ToAbi(), r.Governance.ToAbi(), r.Charter.ToAbi()), r.Founder, r.Deadline, signature, new Ceremony(r.Ceremony.Transcript, confirmations)), ct);
        return token;
    }

    /// <summary>Posts an epoch's root, unless it is posted.</summary>
    public async Task PostEpochAsync(Address ledger, Epoch epoch, ulong setVersion, IReadOnlyList<byte[]> signatures, CancellationToken ct)
    {
        var contract = new Ledger(ledger);
        if (await contract.LatestEpochAsync(_client, cancel: ct) >= epoch.Number)
            return;
        await relay.SendAsync(ledger, "post-epoch", contract.PostEpoch(ContractDigests.RootOf(epoch, setVersion), signatures), ct);
    }

    /// <summary>The root that an epoch was posted with.</summary>
    public async Task<Hash32> RootAsync(Address ledger, ulong number, CancellationToken ct) => (await new Ledger(ledger).EpochOfAsync(_client, number, cancel: ct)).Root;

    /// <summary>Claims leaves of a posted epoch, which stand side by side, for their owners; the ledger passes over those that are claimed.</summary>
    /// <param name="ledger">The asset's ledger.</param>
    /// <param name="payers">Whose gas it is, once for each leaf that is due.</param>
    /// <param name="epoch">The epoch.</param>
    /// <param name="leaves">The leaves.</param>
    /// <param name="ct">Ends the wait; the call goes on.</param>
    public Task ClaimSharesAsync(Address ledger, IReadOnlyList<Beneficiary> payers, Epoch epoch, IReadOnlyList<EpochLeaf> leaves, CancellationToken ct) =>
        relay.SendUnlessZeroAsync(payers, "claim-shares", AssetCalls.ClaimShares(ledger, epoch, leaves), ct);

    /// <summary>Pays an owner's dividends out.</summary>
    public Task ClaimDividendAsync(Address asset, Beneficiary owner, CancellationToken ct) =>
        relay.SendUnlessZeroAsync([owner], "claim-dividend", new ShareToken(asset).Claim(owner.Account), ct, pays: true);

    /// <summary>Draws a dividend by its payer's authorization.</summary>
    public Task<TransactionInfo> DistributeAsync(Address asset, Beneficiary payer, DividendRequest r, CancellationToken ct) =>
        relay.SendAsync(payer, "dividend", AssetCalls.Dividend(asset, r), ct);

    /// <summary>Puts a withdrawal's tombstone on the ledger.</summary>
    public Task<TransactionInfo> WithdrawAsync(Address ledger, Beneficiary payer, Address owner, Hash32 salt, WithdrawRequest r, CancellationToken ct) =>
        relay.SendAsync(payer, "withdraw", AssetCalls.Withdraw(ledger, owner, salt, r), ct);

    /// <summary>Gives away test dollars, once for a signed digest; refused on anything but an embedded chain.</summary>
    public Task<TransactionInfo> MintTestDollarsAsync(Address to, Money amount, Hash32 digest, CancellationToken ct) => OperatorTrusted
        ? relay.SendAsync(to, "test-dollars", new TestDollar(PaymentToken).Mint(to, (BigInteger)amount.Units), ct, digest)
        : throw new ApiException(403, "real-money", "this node's chain is a network, where money is real", "bring the payment token from elsewhere");
}
