using System.Numerics;
using Trove.Chain.Bindings;
using Trove.Core;

namespace Trove.Chain.Replay;

/// <summary>The ledger: epochs, what of them was handed out or has lapsed, and what was withdrawn.</summary>
public sealed class LedgerReplay : EventReplay
{
    private readonly List<Epoch> _epochs = [];
    private readonly Dictionary<(ulong Epoch, uint Index), int> _steps = [];
    private readonly Dictionary<Hash32, (ulong At, ulong Epoch)> _withdrawals = [];
    private readonly int _vestingEpochs;

    internal LedgerReplay(int vestingEpochs)
    {
        _vestingEpochs = vestingEpochs;
        Ignore(Ledger.InitializedEvent.Signature, Ledger.EIP712DomainChangedEvent.Signature);
        On(Ledger.EpochPostedEvent.Signature, Ledger.EpochPostedEvent.Decode, (e, _) => Post(e));
        On(Ledger.SharesClaimedEvent.Signature, Ledger.SharesClaimedEvent.Decode, (e, _) => Mark(e.Epoch, e.Index, e.Contribution, e.Amount));
        On(Ledger.SharesLapsedEvent.Signature, Ledger.SharesLapsedEvent.Decode, (e, _) => Mark(e.Epoch, e.Index, e.Contribution, e.Amount));
        On(Ledger.ContributionWithdrawnEvent.Signature, Ledger.ContributionWithdrawnEvent.Decode, (e, at) =>
            Require(_withdrawals.TryAdd(e.Contribution, (at, LatestEpoch)), $"{e.Contribution} is withdrawn twice"));
    }

    /// <summary>Number of the latest epoch; they begin with 1.</summary>
    public ulong LatestEpoch => (ulong)_epochs.Count;

    /// <summary>Leaves of all epochs.</summary>
    public UInt128 TotalLeaves { get; private set; }

    /// <summary>The epochs, the first first.</summary>
    public IReadOnlyList<Epoch> Epochs => _epochs;

    /// <summary>Leaves of which something was handed out or has lapsed, each with its number of steps.</summary>
    public IReadOnlyDictionary<(ulong Epoch, uint Index), int> Steps => _steps;

    /// <summary>Withdrawn contributions, each with its second.</summary>
    public IEnumerable<(Hash32 Contribution, ulong At)> Withdrawals => _withdrawals.Select(w => (w.Key, w.Value.At));

    // Each release of shares follows the marks it is for.
    internal BigInteger AccumulatorOfLastMark { get; private set; }

    private void Post(Ledger.EpochPostedEvent e)
    {
        Require(e.Epoch == LatestEpoch + 1 && e.PreviousRoot == (_epochs is [.., var last] ? last.Root : default), $"epoch {e.Epoch} does not continue epoch {LatestEpoch}");
        _epochs.Add(new Epoch(e.Root, Amount(e.Total), 0, e.Accumulator, e.Leaves, e.TreeHash));
        TotalLeaves += e.Leaves;
    }

    private void Mark(ulong epoch, uint index, Hash32 contribution, BigInteger amount)
    {
        Require(epoch >= 1 && epoch <= LatestEpoch && index < _epochs[(int)epoch - 1].Leaves, $"leaf {index} of epoch {epoch} was never posted");
        var e = _epochs[(int)epoch - 1];
        _epochs[(int)epoch - 1] = e with { Claimed = Amount(e.Claimed + amount) };
        AccumulatorOfLastMark = e.Accumulator;
        // A withdrawn contribution gets nothing more, whatever has vested of it by then.
        _steps[(epoch, index)] = _vestingEpochs == 0 ? 1 : _withdrawals.ContainsKey(contribution) ? _vestingEpochs : (int)Math.Min(LatestEpoch - epoch, (ulong)_vestingEpochs);
    }
}
