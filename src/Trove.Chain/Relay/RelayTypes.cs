using Trove.Chain.Rpc;
using Trove.Core;

namespace Trove.Chain.Relay;

/// <summary>Whose budgets a call is charged to.</summary>
/// <param name="Account">Its account, whose days are counted.</param>
/// <param name="Within">The contract under which all it was ever paid is counted.</param>
/// <param name="Most">Most wei in all there; <see cref="UInt128.MaxValue"/> where only days count.</param>
/// <param name="Carried">Wei of this call's cost that do not count there.</param>
public readonly record struct Beneficiary(Address Account, Address Within, UInt128 Most, UInt128 Carried = default)
{
    /// <summary>Only days count.</summary>
    public static implicit operator Beneficiary(Address account) => new(account, default, UInt128.MaxValue);
}

/// <summary>A call that the relayer is asked to pay for.</summary>
/// <param name="Beneficiaries">Whose budgets it is charged to, in equal parts: the members it is for, at least one; who is there twice has two parts.</param>
/// <param name="Call">What to call.</param>
/// <param name="Key">What was signed, where the contract would take the call twice: one key is mined once however often it is asked for.</param>
public sealed record RelayRequest(IReadOnlyList<Beneficiary> Beneficiaries, ContractCall Call, Hash32? Key = null)
{
    /// <summary>
    /// For a call that returns how much it does: how many wei of its cost this carries (<see cref="Beneficiary.Carried"/>). It is asked when its turn
    /// has come, and the call is left when it returns zero: many who ask for the same at once cost one transaction.
    /// </summary>
    public Func<UInt128, UInt128>? Carries { get; init; }

    /// <summary>A call for one member.</summary>
    public RelayRequest(Beneficiary beneficiary, ContractCall call, Hash32? key = null)
        : this([beneficiary], call, key)
    {
    }
}

/// <summary>A signed transaction of the relayer, as it is journaled before anybody sees it.</summary>
/// <param name="Beneficiary">The first of those it is for.</param>
/// <param name="Nonce">The relayer's nonce; two with the same nonce are the same action at different fees.</param>
/// <param name="Hash">Id of the transaction.</param>
/// <param name="Raw">The raw transaction.</param>
/// <param name="MaxCost">The most it can cost, in wei.</param>
/// <param name="Key">That of its <see cref="RelayRequest"/>.</param>
public sealed record RelayedTransaction(Address Beneficiary, ulong Nonce, Hash32 Hash, byte[] Raw, UInt128 MaxCost, Hash32? Key = null);

/// <summary>Why the relayer does not act. Expected, told to the caller, nothing was paid.</summary>
public enum RelayRefusal
{
    /// <summary>Not on the allow-list of (contract, function).</summary>
    NotAllowed,

    /// <summary>The contract would revert; the reason is given.</summary>
    Reverts,

    /// <summary>There is nothing left to do (<see cref="RelayRequest.Carries"/>).</summary>
    Needless,

    /// <summary>More gas than one call may take.</summary>
    TooMuchGas,

    /// <summary>Gas is dearer now than the relayer may pay.</summary>
    FeesTooHigh,

    /// <summary>The beneficiary's budget, or that of all together, is used up.</summary>
    OverBudget,

    /// <summary>Too many calls are waiting.</summary>
    Busy,

    /// <summary>The node or the budgets' keeper did not answer, or refused; nothing is known against the call itself.</summary>
    Unavailable,
}

/// <summary>What became of a request: either <paramref name="Receipt"/> or <paramref name="Refusal"/> is set.</summary>
/// <param name="Receipt">The receipt; look at its Success: a call may still revert after its simulation did not.</param>
/// <param name="Refusal">Why nothing was sent.</param>
/// <param name="Message">The reason in words.</param>
/// <param name="Revert">The contract's reason, for <see cref="RelayRefusal.Reverts"/>.</param>
public sealed record RelayResult(Receipt? Receipt, RelayRefusal? Refusal = null, string Message = "", Revert? Revert = null);

/// <summary>
/// What the caller keeps for the relayer, in its own database. Each is awaited. An exception of ReserveAsync refuses the
/// request; of the others it ends the turn, and the next turn, of whichever process, goes on from the journal.
/// </summary>
public sealed record RelayLedger
{
    /// <summary>
    /// Takes the cost (wei, at most) from the budget of all and, in equal parts, from those of the beneficiaries, less what is carried; false, and nothing is
    /// taken, when one of them is used up. Without beneficiaries all pay: for haste, which everybody behind has the good of.
    /// </summary>
    public required Func<IReadOnlyList<Beneficiary>, UInt128, CancellationToken, Task<bool>> ReserveAsync { get; init; }

    /// <summary>Waits until no other process of the same account has a turn, and takes it.</summary>
    public required Func<CancellationToken, Task<RelayTurn>> EnterAsync { get; init; }
}

/// <summary>
/// The account's journal while this process alone may write to it. A turn can be lost, with the connection it was taken over or
/// because the process stood still; then everything but leaving throws, so that what another process journals meanwhile has
/// other nonces.
/// </summary>
public sealed record RelayTurn
{
    /// <summary>Everything journaled and not settled.</summary>
    public required Func<CancellationToken, Task<IReadOnlyList<RelayedTransaction>>> UnsettledAsync { get; init; }

    /// <summary>What was journaled under a key and settled by a receipt.</summary>
    public required Func<Hash32, CancellationToken, Task<IReadOnlyList<RelayedTransaction>>> OfKeyAsync { get; init; }

    /// <summary>
    /// Takes back that nonces are settled, from the first up to but without the second, and returns what was journaled for them: a
    /// reorganisation has dropped it.
    /// </summary>
    public required Func<ulong, ulong, CancellationToken, Task<IReadOnlyList<RelayedTransaction>>> ReopenAsync { get; init; }

    /// <summary>The first nonce that was never journaled; 0 for a new account.</summary>
    public required Func<CancellationToken, Task<ulong>> NextNonceAsync { get; init; }

    /// <summary>Stores the transaction durably. It is broadcast after this returns, never before.</summary>
    public required Func<RelayedTransaction, CancellationToken, Task> JournalAsync { get; init; }

    /// <summary>The action of this nonce is over: by this receipt, or, with null, because it never happened. May be told twice.</summary>
    public required Func<ulong, Receipt?, CancellationToken, Task> SettleAsync { get; init; }

    /// <summary>Called while a transaction waits to be mined: shows the others that this process lives.</summary>
    public required Func<CancellationToken, Task> KeepAsync { get; init; }

    /// <summary>Ends the turn; never throws.</summary>
    public required Func<Task> LeaveAsync { get; init; }
}

/// <summary>Limits of the relayer.</summary>
public sealed record RelayerOptions
{
    /// <summary>What may be called: contract and selector.</summary>
    public required Func<Address, uint, bool> Allows { get; init; }

    /// <summary>Takes what went wrong without ending the relayer.</summary>
    public required Action<string> Warn { get; init; }

    /// <summary>Most gas of one call.</summary>
    public ulong MaxGas { get; init; } = 15_000_000;

    /// <summary>Most wei per gas, also after bumps.</summary>
    public UInt128 MaxFeePerGas { get; init; } = 200_000_000_000;

    /// <summary>Most requests waiting.</summary>
    public int MaxQueued { get; init; } = 1000;

    /// <summary>Wait between looks for a receipt.</summary>
    public TimeSpan Poll { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>An idle relayer looks this often whether a process that died left something unsettled.</summary>
    public TimeSpan TakeOver { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>A transaction that is in no block after this many looks is sent again with a higher fee.</summary>
    public int BumpAfterPolls { get; init; } = 60;
}
