using System.Numerics;
using Trove.Chain.Bindings;
using Trove.Core;

namespace Trove.Chain.Replay;

/// <summary>What was asked for, granted, computed and paid; the privacy budget; and the money in between (specs/grants.md).</summary>
public sealed class GrantsReplay : EventReplay
{
    private enum State : byte { Requested = 1, Approved, UseOpened, Posted, Challenged, Settled, Refunded }

    private static readonly Posting NoPosting = new(default, 0, default, default, 0, default, default, default);

    private readonly Dictionary<Hash32, Grant> _grants = [];
    private readonly Dictionary<Hash32, Posting> _postings = [];
    private readonly Dictionary<Address, BigInteger> _credits = [], _atRisk = [];
    private readonly Dictionary<ulong, ulong> _snapshots = [];
    // A result of a use computed again, until the next event says what came of it.
    private (Hash32 Request, Address Runner, Hash32 ResultHash, Hash32 InputsHash)? _again;

    internal GrantsReplay()
    {
        Ignore(Grants.InitializedEvent.Signature, Grants.EIP712DomainChangedEvent.Signature,
            // The refund that follows, or the settlement, says what came of it.
            Grants.RevokedEvent.Signature, Grants.UseFailedEvent.Signature);
        On(Grants.CharterChangedEvent.Signature, Grants.CharterChangedEvent.Decode, (e, _) => Charter = e.Charter);
        On(Grants.SnapshotTakenEvent.Signature, Grants.SnapshotTakenEvent.Decode, (e, at) =>
            (SnapshotEpoch, SnapshotLeaves, _snapshots[e.Epoch]) = (e.Epoch, e.Leaves, at));
        On(Grants.RequestedEvent.Signature, Grants.RequestedEvent.Decode, (e, _) => Request(e));
        On(Grants.ApprovedEvent.Signature, Grants.ApprovedEvent.Decode, (e, _) =>
            _grants[e.Request] = Known(e.Request) with { State = (byte)State.Approved, Standing = !e.ByVote });
        On(Grants.BudgetSpentEvent.Signature, Grants.BudgetSpentEvent.Decode, (e, _) => (PeriodStart, Spent, StandingUses) = (e.PeriodStart, e.Spent, e.StandingUses));
        On(Grants.UseOpenedEvent.Signature, Grants.UseOpenedEvent.Decode, (e, _) => Open(e));
        On(Grants.UseChallengedEvent.Signature, Grants.UseChallengedEvent.Decode, (e, at) =>
        {
            if ((State)Known(e.Request).State == State.Posted)
                _postings[e.Request] = PostingOf(e.Request) with { Until = at };
            SetKey(e.Request, State.Challenged, e.Runner, e.OneTimeKey, e.KeyVersion, e.Deadline);
        });
        On(Grants.ResultPostedEvent.Signature, Grants.ResultPostedEvent.Decode, (e, _) => Post(e));
        On(Grants.ResultDisputedEvent.Signature, Grants.ResultDisputedEvent.Decode, (e, _) => Dispute(e));
        On(Grants.SettledEvent.Signature, Grants.SettledEvent.Decode, (e, _) => Settle(e));
        On(Grants.FeeCreditedEvent.Signature, Grants.FeeCreditedEvent.Decode, (e, _) => Credit(e.Recipient, e.Amount));
        On(Grants.RefundedEvent.Signature, Grants.RefundedEvent.Decode, (e, _) => Refund(e));
        On(Grants.CreditPaidEvent.Signature, Grants.CreditPaidEvent.Decode, (e, _) =>
        {
            Require(CreditOf(e.Recipient) == e.Amount, $"{e.Recipient} is paid {e.Amount} of {CreditOf(e.Recipient)}");
            _credits[e.Recipient] = 0;
            Credited -= e.Amount;
        });
    }

    /// <summary>The charter in force; null before the first.</summary>
    public Charter? Charter { get; private set; }

    /// <summary>The snapshot that requests name; 0 before the first.</summary>
    public ulong SnapshotEpoch { get; private set; }

    /// <summary>Leaves up to that snapshot.</summary>
    public BigInteger SnapshotLeaves { get; private set; }

    /// <summary>Second of each snapshot, by its epoch.</summary>
    public IReadOnlyDictionary<ulong, ulong> Snapshots => _snapshots;

    /// <summary>First second of the running period.</summary>
    public ulong PeriodStart { get; private set; }

    /// <summary>Epsilon spent in that period, in millionths.</summary>
    public ulong Spent { get; private set; }

    /// <summary>Uses of the standing offer in that period.</summary>
    public uint StandingUses { get; private set; }

    /// <summary>Payment units that wait for a vote, a use or a result.</summary>
    public BigInteger Escrowed { get; private set; }

    /// <summary>Payment units that wait to be fetched.</summary>
    public BigInteger Credited { get; private set; }

    /// <summary>All requests, by identifier.</summary>
    public IReadOnlyDictionary<Hash32, Grant> Requests => _grants;

    /// <summary>Everybody money ever waited for.</summary>
    public IReadOnlyCollection<Address> Recipients => _credits.Keys;

    /// <summary>Everybody who ever opened a use or disputed one.</summary>
    public IReadOnlyCollection<Address> Runners => _atRisk.Keys;

    /// <summary>Payment units that wait for somebody.</summary>
    public BigInteger CreditOf(Address recipient) => _credits.GetValueOrDefault(recipient);

    /// <summary>Payment units of a runner's stake that uses hang on.</summary>
    public BigInteger AtRisk(Address runner) => _atRisk.GetValueOrDefault(runner);

    /// <summary>The result that a request waits with, or had last.</summary>
    public Posting PostingOf(Hash32 request) => _postings.GetValueOrDefault(request) ?? NoPosting;

    private Grant Known(Hash32 request) =>
        _grants.GetValueOrDefault(request) ?? throw new InvalidDataException($"the events contradict each other: {request} was never made");

    private void Request(Grants.RequestedEvent e)
    {
        var t = e.Terms;
        Require(_grants.TryAdd(e.Request, new Grant((byte)State.Requested, t.Buyer, t.Use, t.Expiry, t.Uses, 0, t.Epsilon, false, 0, 0, default, default, t.Price)), $"{e.Request} is made twice");
        Escrowed += t.Price * t.Uses;
    }

    private void Open(Grants.UseOpenedEvent e)
    {
        if ((State)Known(e.Request).State == State.Approved)
            _postings[e.Request] = PostingOf(e.Request) with { Stake = Charter?.RunnerStake ?? throw new InvalidDataException("the events contradict each other: a use before the first charter") };
        SetKey(e.Request, State.UseOpened, e.Runner, e.OneTimeKey, e.KeyVersion, e.Deadline);
    }

    private void SetKey(Hash32 request, State state, Address runner, Hash32 key, uint version, ulong deadline)
    {
        var g = Known(request);
        Require(version == g.KeyVersion + 1, $"key {version} of {request} follows {g.KeyVersion}");
        if (g.Runner.IsZero)
            Risk(runner, PostingOf(request).Stake);
        _grants[request] = g with { State = (byte)state, Runner = runner, OneTimeKey = key, KeyVersion = version, UseDeadline = deadline };
    }

    private void Post(Grants.ResultPostedEvent e)
    {
        var g = Known(e.Request);
        if ((State)g.State == State.Challenged)
            _again = (e.Request, e.Runner, e.ResultHash, e.InputsHash);
        else
            _postings[e.Request] = PostingOf(e.Request) with { Runner = e.Runner, ResultHash = e.ResultHash, InputsHash = e.InputsHash, Until = e.Until };
        _grants[e.Request] = Closed(g) with { State = (byte)State.Posted };
    }

    // Another result than the first; or a runner that did not finish computing it again, and another one has its time.
    private void Dispute(Grants.ResultDisputedEvent e)
    {
        var (g, p) = (Known(e.Request), PostingOf(e.Request));
        if (_again is { } other && other.Request == e.Request)
            (p, _again) = (p with { Challenger = other.Runner, OtherResultHash = other.ResultHash, OtherInputsHash = other.InputsHash }, null);
        else
            EndRisk(g.Runner, p.Stake);
        _postings[e.Request] = p with { Until = e.Until };
        _grants[e.Request] = Closed(g) with { State = (byte)State.Posted };
    }

    private void Settle(Grants.SettledEvent e)
    {
        var g = End(e.Request);
        Require(e.Use == g.SettledUses + 1 && e.Amount == g.Price, $"use {e.Use} of {e.Request} is settled for {e.Amount}");
        _grants[e.Request] = g with { SettledUses = e.Use, State = (byte)(e.Use == g.Uses ? State.Settled : State.Approved) };
        Escrowed -= e.Amount;
    }

    private void Refund(Grants.RefundedEvent e)
    {
        var g = End(e.Request);
        Require(e.Amount == g.Price * (g.Uses - g.SettledUses), $"{e.Amount} of {e.Request} go back");
        _grants[e.Request] = g with { State = (byte)State.Refunded };
        Escrowed -= e.Amount;
        Credit(e.Buyer, e.Amount);
    }

    // Nothing hangs on the use any more.
    private Grant End(Hash32 request)
    {
        var (g, p) = (Known(request), PostingOf(request));
        if (_again is { } last && last.Request == request)
        {
            EndRisk(last.Runner, p.Stake);
            _again = null;
        }
        EndRisk(g.Runner, p.Stake);
        EndRisk(p.Runner, p.Stake);
        EndRisk(p.Challenger, p.Stake);
        if (_postings.ContainsKey(request))
            _postings[request] = p with { Runner = default, Challenger = default };
        return Closed(g) with { KeyVersion = 0 };
    }

    private static Grant Closed(Grant g) => g with { Runner = default, OneTimeKey = default, UseDeadline = 0 };

    private void Credit(Address recipient, BigInteger amount)
    {
        _credits[recipient] = CreditOf(recipient) + amount;
        Credited += amount;
    }

    private void Risk(Address runner, BigInteger by)
    {
        _atRisk[runner] = AtRisk(runner) + by;
        Require(AtRisk(runner).Sign >= 0, $"less than nothing of {runner} hangs on uses");
    }

    private void EndRisk(Address runner, UInt128 stake)
    {
        if (!runner.IsZero)
            Risk(runner, -(BigInteger)stake);
    }
}
