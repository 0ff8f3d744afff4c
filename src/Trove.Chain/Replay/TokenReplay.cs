using System.Numerics;
using Trove.Chain.Bindings;
using Trove.Core;

namespace Trove.Chain.Replay;

/// <summary>
/// The share token: who has what, who votes with what, and what each can be paid (specs/chain.md, "Dividends"). What only
/// keeps a signature from counting twice, and allowances of ERC-20, are not in its events.
/// </summary>
public sealed class TokenReplay : EventReplay
{
    private static readonly BigInteger MinSupplyForDividends = BigInteger.Pow(10, 18);

    private readonly Dictionary<Address, BigInteger> _balances = [], _corrections = [], _paid = [], _votes = [];
    private readonly Dictionary<Address, Address> _delegates = [];
    private readonly Address _ledgerAddress;
    private readonly LedgerReplay _ledger;
    private BigInteger _remainder;

    internal TokenReplay(Address ledgerAddress, LedgerReplay ledger)
    {
        (_ledgerAddress, _ledger) = (ledgerAddress, ledger);
        Ignore(ShareToken.InitializedEvent.Signature, ShareToken.EIP712DomainChangedEvent.Signature, ShareToken.ApprovalEvent.Signature);
        On(ShareToken.TransferEvent.Signature, ShareToken.TransferEvent.Decode, (e, _) => Transfer(e.From, e.To, e.Value));
        On(ShareToken.SharesReleasedEvent.Signature, ShareToken.SharesReleasedEvent.Decode, (e, _) => Release(e.Owner, e.Amount));
        On(ShareToken.SharesLapsedEvent.Signature, ShareToken.SharesLapsedEvent.Decode, (e, _) => Lapse(e));
        On(ShareToken.DividendDistributedEvent.Signature, ShareToken.DividendDistributedEvent.Decode, (e, _) => Distribute(e));
        On(ShareToken.DividendClaimedEvent.Signature, ShareToken.DividendClaimedEvent.Decode, (e, _) =>
        {
            _paid[e.Owner] = PaidTo(e.Owner) + e.Amount;
            DividendsPaid += e.Amount;
        });
        On(ShareToken.DelegateChangedEvent.Signature, ShareToken.DelegateChangedEvent.Decode, (e, _) => _delegates[e.Delegator] = e.ToDelegate);
        On(ShareToken.DelegateVotesChangedEvent.Signature, ShareToken.DelegateVotesChangedEvent.Decode, (e, _) =>
        {
            Require(VotesOf(e.Delegate) == e.PreviousVotes, $"votes of {e.Delegate} were {VotesOf(e.Delegate)}, not {e.PreviousVotes}");
            _votes[e.Delegate] = e.NewVotes;
        });
    }

    /// <summary>All shares, in 10^-18.</summary>
    public BigInteger TotalSupply { get; private set; }

    /// <summary>Owners with shares; the ledger is none.</summary>
    public int Holders { get; private set; }

    /// <summary>What one unit of a share has earned since the beginning, times 2^128.</summary>
    public BigInteger Accumulator { get; private set; }

    /// <summary>Payment units that came in.</summary>
    public BigInteger DividendsReceived { get; private set; }

    /// <summary>Payment units that were paid out.</summary>
    public BigInteger DividendsPaid { get; private set; }

    /// <summary>Everybody who ever had shares, votes or dividends.</summary>
    public IReadOnlyCollection<Address> Accounts => [.. _balances.Keys.Concat(_paid.Keys).Concat(_votes.Keys).Concat(_delegates.Keys).Distinct().Where(a => !a.IsZero)];

    /// <summary>Shares of an account.</summary>
    public BigInteger BalanceOf(Address account) => _balances.GetValueOrDefault(account);

    /// <summary>Shares an account votes with.</summary>
    public BigInteger VotesOf(Address account) => _votes.GetValueOrDefault(account);

    /// <summary>Who votes for an account; zero when nobody does.</summary>
    public Address DelegateOf(Address account) => _delegates.GetValueOrDefault(account);

    /// <summary>Payment units an account was paid.</summary>
    public BigInteger PaidTo(Address account) => _paid.GetValueOrDefault(account);

    /// <summary>Payment units an account could have itself paid now.</summary>
    public BigInteger ClaimableBy(Address account) => (Accumulator * BalanceOf(account) + _corrections.GetValueOrDefault(account) >> 128) - PaidTo(account);

    private void Transfer(Address from, Address to, BigInteger value)
    {
        Move(from, -value);
        Move(to, value);
    }

    // A new share has earned nothing yet, and what a given one has earned stays with the giver.
    private void Move(Address account, BigInteger value)
    {
        if (account.IsZero)
        {
            TotalSupply -= value;
            return;
        }
        var (before, after) = (BalanceOf(account), BalanceOf(account) + value);
        Require(after.Sign >= 0, $"{account} gives {-value} of {before} shares");
        if (account != _ledgerAddress)
            Holders += (before.IsZero ? 0 : -1) + (after.IsZero ? 0 : 1);
        _balances[account] = after;
        Correct(account, -Accumulator * value);
    }

    private void Release(Address owner, BigInteger amount)
    {
        var history = (Accumulator - _ledger.AccumulatorOfLastMark) * amount;
        Correct(_ledgerAddress, -history);
        Correct(owner, history);
    }

    private void Lapse(ShareToken.SharesLapsedEvent e)
    {
        var history = (Accumulator - _ledger.AccumulatorOfLastMark) * e.Amount;
        Correct(_ledgerAddress, -history);
        if (TotalSupply < MinSupplyForDividends)
            _remainder += history;
        else
            Raise(history);
        RequireAsTold(e.Accumulator, e.TotalSupply);
    }

    private void Distribute(ShareToken.DividendDistributedEvent e)
    {
        DividendsReceived += e.Amount;
        Raise(e.Amount << 128);
        RequireAsTold(e.Accumulator, e.TotalSupply);
    }

    private void Raise(BigInteger earned)
    {
        Require(TotalSupply.Sign > 0, "dividends without shares");
        Accumulator += BigInteger.DivRem(earned + _remainder, TotalSupply, out _remainder);
    }

    private void RequireAsTold(BigInteger accumulator, BigInteger supply) =>
        Require(accumulator == Accumulator && supply == TotalSupply, $"accumulator {accumulator} at {supply} shares, where {Accumulator} at {TotalSupply} follows from those before");

    private void Correct(Address account, BigInteger by) => _corrections[account] = _corrections.GetValueOrDefault(account) + by;
}
