using Microsoft.Extensions.Logging;
using Trove.Chain.Bindings;
using Trove.Chain.Durability;
using Trove.Chain.Relay;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Crypto;
using Trove.Node.Api;
using Trove.Node.Database;
using Trove.Node.Operations;
using Trove.Node.Protocol;

namespace Trove.Node.Chain;

/// <summary>
/// The relayer with its ledger in the node's database, and the list of what it pays for: calls that somebody signed, or
/// that do good to their owner whoever makes them. What it costs is bounded per beneficiary and in all.
/// </summary>
public sealed class ChainRelay : IAsyncDisposable
{
    private static readonly UInt128 Ether = 1_000_000_000_000_000_000;

    // Wei a day. An embedded chain's ether is worth nothing and only bounds how much one stranger can make it grow; claiming for
    // a hundred thousand owners takes an asset some fifteen of it. What is beyond goes on the next day.
    private static readonly (UInt128 Each, UInt128 All) EmbeddedBudget = (50 * Ether, 100 * Ether);
    private static readonly (UInt128 Each, UInt128 All) NetworkBudget = (Ether / 50, Ether);

    private static readonly TimeSpan DrainLimit = TimeSpan.FromSeconds(5);

    private readonly Relayer _relayer;
    private readonly ILogger _log;

    private ChainRelay(Relayer relayer, ILogger log) => (_relayer, _log) = (relayer, log);

    /// <summary>Starts the relayer; what was journaled before a crash is brought to its end first.</summary>
    public static async Task<ChainRelay> StartAsync(ChainConnection connection, NodeDatabase database, SigningKey key, ILogger<ChainRelay> log, CancellationToken ct)
    {
        var budget = connection.Embedded is null ? NetworkBudget : EmbeddedBudget;
        var contracts = connection.Contracts;
        var options = new RelayerOptions
        {
            // Clones are told apart by function alone: a call to a stranger's contract does nothing but cost its beneficiary's budget.
            Allows = (to, selector) => to == contracts.Factory ? selector == AssetFactory.Selectors.CreateFor
                : to == contracts.PaymentToken ? connection.Embedded is not null && selector == TestDollar.Selectors.Mint
                : selector is Registry.Selectors.ChangeGuardians or Ledger.Selectors.PostEpoch or Ledger.Selectors.ClaimMany or Ledger.Selectors.Withdraw
                    or ShareToken.Selectors.DelegateBySig or ShareToken.Selectors.Claim or ShareToken.Selectors.DistributeWithAuthorization or ShareToken.Selectors.Sync
                    or Grants.Selectors.Request or Grants.Selectors.OpenUse or Grants.Selectors.PostResult or Grants.Selectors.FailUse
                    or Grants.Selectors.Refund or Grants.Selectors.Challenge or Grants.Selectors.Settle or Grants.Selectors.PayCredit or Grants.Selectors.TakeSnapshot
                    or Stakes.Selectors.Deposit or Stakes.Selectors.Unstake or Stakes.Selectors.Withdraw or Stakes.Selectors.Pay
                    or Stakes.Selectors.ShowTwoRoots or Stakes.Selectors.ShowTwoResults
                    or AssetGovernor.Selectors.Propose or AssetGovernor.Selectors.ProposeBySig or AssetGovernor.Selectors.CastVoteBySig
                    or AssetGovernor.Selectors.Queue or AssetGovernor.Selectors.Execute,
            Warn = message => log.LogWarning(LogEvents.RelayerWarns, "{Message}", message),
        };
        return new ChainRelay(await Relayer.StartAsync(connection.Client, key, options, new RelayJournal(database, key.Address, budget, RelayJournal.Silence).Ledger, ct), log);
    }

    /// <summary>Has a call mined; its transaction and block.</summary>
    /// <param name="beneficiary">Whose budget pays for it.</param>
    /// <param name="purpose">What it is, for people.</param>
    /// <param name="call">The call.</param>
    /// <param name="ct">Ends the wait; the call goes on.</param>
    /// <param name="key">The digest that was signed for it, where the contract would take the call twice.</param>
    /// <exception cref="ApiException">The contract refuses it, or the relayer does.</exception>
    public async Task<TransactionInfo> SendAsync(Address beneficiary, string purpose, ContractCall call, CancellationToken ct, Hash32? key = null)
    {
        using var span = Telemetry.Relay(purpose);
        var result = await _relayer.RelayAsync(new RelayRequest(beneficiary, call, key), ct);
        Telemetry.RelayDone(purpose, result.Refusal?.ToString() ?? (result.Receipt!.Success ? "mined" : "reverted"), result.Receipt?.GasUsed ?? 0);
        if (result.Refusal is { } refusal)
            throw refusal switch
            {
                RelayRefusal.Reverts => new ApiException(409, "reverted", $"the chain would refuse {purpose}: {result.Message}", "look at the asset's present state, correct the request and sign again"),
                RelayRefusal.OverBudget => new ApiException(429, "gas-budget", $"{purpose} for {beneficiary}: {result.Message}", "try again tomorrow, or send it to the chain yourself"),
                RelayRefusal.Busy or RelayRefusal.Unavailable => new ApiException(503, "relayer-busy", $"{purpose}: {result.Message}", "try again in a moment"),
                _ => new ApiException(403, "not-relayed", $"{purpose}: {result.Message}", "send it to the chain yourself"),
            };
        var receipt = result.Receipt!;
        FaultPoint.Reach(purpose + ".mined");
        if (!receipt.Success)
            throw new ApiException(409, "reverted", $"the chain refused {purpose} in transaction {receipt.TransactionHash}", "look at the asset's present state and try again");
        _log.LogInformation(LogEvents.Relayed, "{Purpose} for {Beneficiary} is mined in block {Block} with {Gas} gas", purpose, beneficiary, receipt.Block.Number, receipt.GasUsed);
        return new TransactionInfo(receipt.TransactionHash, receipt.Block.Number);
    }

    /// <summary>Has it stopped, asked or because its journal failed?</summary>
    public bool Ended => _relayer.Completion.IsCompleted;

    /// <summary>Brings what is under way to its end for some seconds; what a network has not mined by then goes on at the next start.</summary>
    public async ValueTask DisposeAsync()
    {
        await _relayer.DrainAsync(DrainLimit);
        await _relayer.DisposeAsync();
    }
}
