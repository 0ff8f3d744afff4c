using Microsoft.Extensions.Logging;
using Trove.Chain.Bindings;
using Trove.Chain.Durability;
using Trove.Chain.Relay;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Crypto;
using Trove.Node.Api;
using Trove.Node.Assets;
using Trove.Node.Database;
using Trove.Node.Dividends;
using Trove.Node.Operations;
using Trove.Node.Protocol;

namespace Trove.Node.Chain;

/// <summary>
/// The relayer with its ledger in the node's database, and the list of what it pays for: calls that somebody signed, or
/// that do good to their owner whoever makes them, of assets that its terms cover. What it costs is bounded per beneficiary and in all.
/// </summary>
public sealed class ChainRelay : IAsyncDisposable
{
    private static readonly TimeSpan DrainLimit = TimeSpan.FromSeconds(5);
    private const uint LeafGas = 300_000; // of one new owner's leaf alone, as it is charged
    private static readonly UInt128 MostMoney = UInt128.One << 80; // units: whatever a token says, no sum here overflows

    private readonly Relayer _relayer;
    private readonly RelayJournal _journal;
    private readonly AssetStore _assets;
    private readonly ChainConnection _connection;
    private readonly ILogger _log;

    private ChainRelay(Relayer relayer, RelayJournal journal, AssetStore assets, ChainConnection connection, RelayTerms terms, ILogger log) =>
        (_relayer, _journal, _assets, _connection, Terms, _log) = (relayer, journal, assets, connection, terms, log);

    /// <summary>What it asks of those it pays for.</summary>
    internal RelayTerms Terms { get; }

    /// <summary>Starts the relayer; what was journaled before a crash is brought to its end first.</summary>
    internal static async Task<ChainRelay> StartAsync(ChainConnection connection, NodeDatabase database, SigningKey key, RelayTerms terms, ILogger<ChainRelay> log, CancellationToken ct)
    {
        var contracts = connection.Contracts;
        var options = new RelayerOptions
        {
            Allows = (to, selector) => to == contracts.Factory ? selector == AssetFactory.Selectors.CreateFor
                : to == contracts.PaymentToken ? connection.Embedded is not null && selector == TestDollar.Selectors.Mint
                : selector is Registry.Selectors.ChangeGuardians or Ledger.Selectors.PostEpoch or Ledger.Selectors.ClaimMany or Ledger.Selectors.Withdraw
                    or ShareToken.Selectors.DelegateBySig or ShareToken.Selectors.Claim or ShareToken.Selectors.DistributeWithAuthorization or ShareToken.Selectors.Sync
                    or Grants.Selectors.Request or Grants.Selectors.OpenUse or Grants.Selectors.PostResult or Grants.Selectors.FailUse
                    or Grants.Selectors.Refund or Grants.Selectors.Challenge or Grants.Selectors.Settle or Grants.Selectors.PayCredit or Grants.Selectors.TakeSnapshot
                    or Stakes.Selectors.Deposit or Stakes.Selectors.Unstake or Stakes.Selectors.Withdraw or Stakes.Selectors.Pay
                    or AssetGovernor.Selectors.Propose or AssetGovernor.Selectors.ProposeBySig or AssetGovernor.Selectors.CastVoteBySig
                    or AssetGovernor.Selectors.CastVotesBySig or AssetGovernor.Selectors.Queue or AssetGovernor.Selectors.Execute,
            MaxFeePerGas = terms.MaxFeePerGas,
            Warn = message => log.LogWarning(LogEvents.RelayerWarns, "{Message}", message),
        };
        var journal = new RelayJournal(database, key.Address, terms.Budget, RelayJournal.Silence);
        return new ChainRelay(await Relayer.StartAsync(connection.Client, key, options, journal.Ledger, ct), journal, new AssetStore(database), connection, terms, log);
    }

    /// <summary>Has a call mined; its transaction and block.</summary>
    /// <param name="beneficiary">Whose budget pays for it.</param>
    /// <param name="purpose">What it is, for people.</param>
    /// <param name="call">The call.</param>
    /// <param name="ct">Ends the wait; the call goes on.</param>
    /// <param name="key">The digest that was signed for it, where the contract would take the call twice.</param>
    /// <exception cref="ApiException">The contract refuses it, or the relayer does.</exception>
    public async Task<TransactionInfo> SendAsync(Beneficiary beneficiary, string purpose, ContractCall call, CancellationToken ct, Hash32? key = null)
    {
        var receipt = await SendAsync([beneficiary], purpose, call, ct, key);
        return new TransactionInfo(receipt.TransactionHash, receipt.Block.Number);
    }

    /// <summary>Has a call for several members mined, each of whom pays an equal part; its receipt.</summary>
    /// <exception cref="ApiException">The contract refuses it, or the relayer does.</exception>
    public async Task<Receipt> SendAsync(IReadOnlyList<Beneficiary> beneficiaries, string purpose, ContractCall call, CancellationToken ct, Hash32? key = null) =>
        (await SendAsync(purpose, new RelayRequest(beneficiaries, call, key), ct))!;

    /// <summary>Has a call mined that returns how much it does; when that is nothing, by when its turn has come, it is not sent.</summary>
    /// <param name="beneficiaries">Whose budgets pay for it.</param>
    /// <param name="purpose">What it is, for people.</param>
    /// <param name="call">The call.</param>
    /// <param name="ct">Ends the wait; the call goes on.</param>
    /// <param name="pays">Is what it returns money that it pays out, which carries its cost in part?</param>
    /// <exception cref="ApiException">The contract refuses it, or the relayer does.</exception>
    public Task SendUnlessZeroAsync(IReadOnlyList<Beneficiary> beneficiaries, string purpose, ContractCall call, CancellationToken ct, bool pays = false) =>
        SendAsync(purpose, new RelayRequest(beneficiaries, call) { Carries = amount => pays && Terms.InAll is { } allowance ? allowance.Of(new Money(UInt128.Min(amount, MostMoney))) : 0 }, ct);

    // Null when it was needless.
    private async Task<Receipt?> SendAsync(string purpose, RelayRequest request, CancellationToken ct)
    {
        var (beneficiaries, call) = (request.Beneficiaries, request.Call);
        await RequireCoveredAsync(beneficiaries[0].Account, purpose, call.To, ct);
        using var span = Telemetry.Relay(purpose);
        var result = await _relayer.RelayAsync(request, ct);
        Telemetry.RelayDone(purpose, result.Refusal?.ToString() ?? (result.Receipt!.Success ? "mined" : "reverted"), result.Receipt?.GasUsed ?? 0);
        if (result.Refusal == RelayRefusal.Needless)
            return null;
        if (result.Refusal is { } refusal)
            throw refusal switch
            {
                RelayRefusal.Reverts => new ApiException(409, "reverted", $"the chain would refuse {purpose}: {result.Message}", "look at the asset's present state, correct the request and sign again"),
                RelayRefusal.OverBudget => OverBudget(beneficiaries[0], purpose, result.Message),
                RelayRefusal.Busy or RelayRefusal.Unavailable => new ApiException(503, "relayer-busy", $"{purpose}: {result.Message}", "try again in a moment"),
                _ => NotRelayed($"{purpose}: {result.Message}"),
            };
        var receipt = result.Receipt!;
        FaultPoint.Reach(purpose + ".mined");
        if (!receipt.Success)
            throw new ApiException(409, "reverted", $"the chain refused {purpose} in transaction {receipt.TransactionHash}", "look at the asset's present state and try again");
        _log.LogInformation(LogEvents.Relayed, "{Purpose} for {Beneficiary} is mined in block {Block} with {Gas} gas", purpose,
            beneficiaries.Count == 1 ? beneficiaries[0].Account : $"{beneficiaries.Count} members", receipt.Block.Number, receipt.GasUsed);
        return receipt;
    }

    /// <summary>Refuses a member whose budget is used up, before it is sent together with others.</summary>
    /// <exception cref="ApiException">It is.</exception>
    public async Task RequireBudgetAsync(Beneficiary beneficiary, string purpose, CancellationToken ct)
    {
        if ((await _journal.LeftAsync([beneficiary], ct))[0] == 0)
            throw OverBudget(beneficiary, purpose, "the gas budget is used up");
    }

    /// <summary>Somebody's account with what this node pays for what it signs in an asset.</summary>
    /// <param name="asset">Which asset.</param>
    /// <param name="account">Whose gas it is.</param>
    /// <param name="book">What the account did there.</param>
    /// <param name="claims">Dividends that the call pays out to it.</param>
    /// <exception cref="ApiException">It pays nothing: fresh accounts cost nothing, and what they only hold they have again afterwards.</exception>
    internal Beneficiary For(AssetRow asset, Address account, AssetBook book, Money claims = default) => FindFor(asset, account, book)
        ?? (Terms.InAll!.Value.Of(claims) > 0 ? new Beneficiary(account, asset.Asset, 0) // its own cost, within what it carries
        : throw NotRelayed($"no epoch of {asset.Symbol} has rewarded {account}, and it paid no dollar in: this node pays no gas {(claims.Units > 0 ? "to pay less than one out" : "for it")}"));

    /// <summary>The same; null where it pays nothing.</summary>
    internal Beneficiary? FindFor(AssetRow asset, Address account, AssetBook book) => Terms.InAll is not { } allowance ? account
        : allowance.Of(book.HasEarned(account), book.PaidBy(account)) is var most && most > 0 ? new Beneficiary(account, asset.Asset, most) : null;

    /// <summary>For how many leaves, each in turn, what an owner has left is enough whatever they cost.</summary>
    internal async Task<IReadOnlyDictionary<Beneficiary, int>> LeavesLeftAsync(IEnumerable<Beneficiary> owners, CancellationToken ct)
    {
        var all = owners.Distinct().ToList();
        if (Terms.InAll is null)
            return all.ToDictionary(o => o, _ => int.MaxValue);
        var left = await _journal.LeftAsync(all, ct);
        return all.Select((o, i) => (o, (int)(left[i] / (LeafGas * Terms.MaxFeePerGas)))).ToDictionary(); // allowances are far below 2^31 leaves
    }

    /// <summary>An owner with what this node pays for handing out to it; on an embedded chain the asset.</summary>
    internal Beneficiary ForHandOut(AssetRow asset, Address owner) => Terms.InAll is { } allowance ? new Beneficiary(owner, asset.Ledger, allowance.HandOuts) : asset.Ledger;

    /// <summary>An owner with what this node pays for its withdrawals and what lapses by them, whatever else it had it send; on an embedded chain the asset.</summary>
    internal Beneficiary ForLeaving(AssetRow asset, Address owner) => Terms.InAll is { } allowance ? new Beneficiary(owner, asset.Registry, allowance.Leaving) : asset.Ledger;

    // A stranger's contracts are told apart by the factory's events, and an asset with another payment token would run its code at this
    // node's cost.
    private async Task RequireCoveredAsync(Address beneficiary, string purpose, Address to, CancellationToken ct)
    {
        var contracts = _connection.Contracts;
        if (to == contracts.PaymentToken)
            return;
        if (to == contracts.Factory)
        {
            if (!Covers(beneficiary))
                throw NotRelayed($"{purpose}: {beneficiary} is none of the founders whom this node pays for");
            return;
        }
        var asset = await _assets.FindByContractAsync(to, ct) ?? throw NotRelayed($"{purpose}: {to} is a contract of no asset that this node knows");
        if (!Covers(asset.Founder))
            throw NotRelayed($"{purpose}: this node pays no gas for assets that {asset.Founder} founded");
        if (asset.PaymentToken != contracts.PaymentToken)
            throw NotRelayed($"{purpose}: {asset.Asset} is paid in {asset.PaymentToken}, which is not this node's payment token");
    }

    private bool Covers(Address founder) => Terms.Founders?.Contains(founder) ?? true;

    private static ApiException NotRelayed(string message) => new(403, "not-relayed", message, "send it to the chain yourself with --direct");

    private static ApiException OverBudget(Beneficiary beneficiary, string purpose, string message) =>
        new(429, "gas-budget", $"{purpose} for {beneficiary.Account}: {message}", "send it to the chain yourself with --direct; where only a day's budget is used up, tomorrow goes too");

    /// <summary>Has it stopped, asked or because its journal failed?</summary>
    public bool Ended => _relayer.Completion.IsCompleted;

    /// <summary>Brings what is under way to its end for some seconds; what a network has not mined by then goes on at the next start.</summary>
    public async ValueTask DisposeAsync()
    {
        await _relayer.DrainAsync(DrainLimit);
        await _relayer.DisposeAsync();
    }
}
