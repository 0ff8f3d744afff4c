using System.Numerics;
using Trove.Chain.Bindings;
using Trove.Core;

namespace Trove.Chain.Replay;

/// <summary>Operators' stakes and what was taken of them.</summary>
public sealed class StakesReplay : EventReplay
{
    private static readonly Slashing Over = new(default, default, 0, 0);

    private readonly Dictionary<Address, Stake> _stakes = [];
    private readonly List<Slashing> _slashings = [];

    internal StakesReplay()
    {
        Ignore(Stakes.InitializedEvent.Signature, Stakes.EIP712DomainChangedEvent.Signature);
        On(Stakes.DepositedEvent.Signature, Stakes.DepositedEvent.Decode, (e, _) =>
        {
            var s = StakeOf(e.Account);
            _stakes[e.Account] = s with { Active = Amount(s.Active + e.Amount) };
            Held += e.Amount;
        });
        On(Stakes.UnstakedEvent.Signature, Stakes.UnstakedEvent.Decode, (e, _) =>
        {
            var s = StakeOf(e.Account);
            Require(e.Amount <= s.Active, $"{e.Account} takes out {e.Amount} of {s.Active}");
            _stakes[e.Account] = new Stake(s.Active - Amount(e.Amount), Amount(s.Leaving + e.Amount), e.LeavesAt);
        });
        On(Stakes.WithdrawnEvent.Signature, Stakes.WithdrawnEvent.Decode, (e, _) =>
        {
            Require(e.Amount == StakeOf(e.Account).Leaving, $"{e.Account} is paid {e.Amount}");
            _stakes[e.Account] = StakeOf(e.Account) with { Leaving = 0 };
            Held -= e.Amount;
        });
        On(Stakes.SlashedEvent.Signature, Stakes.SlashedEvent.Decode, (e, _) => Slash(e));
        On(Stakes.SlashingReversedEvent.Signature, Stakes.SlashingReversedEvent.Decode, (e, _) =>
        {
            var taken = Take(e.Slashing);
            var s = StakeOf(taken.Account);
            _stakes[taken.Account] = s with { Active = Amount((BigInteger)s.Active + taken.Amount) };
        });
        On(Stakes.SlashingPaidEvent.Signature, Stakes.SlashingPaidEvent.Decode, (e, _) => Held -= Take(e.Slashing).Amount);
    }

    /// <summary>Payment units of all stakes and slashings.</summary>
    public BigInteger Held { get; private set; }

    /// <summary>Everybody who ever put something in.</summary>
    public IReadOnlyCollection<Address> Accounts => _stakes.Keys;

    /// <summary>All slashings in order; those that are over are all zero.</summary>
    public IReadOnlyList<Slashing> Slashings => _slashings;

    /// <summary>What an operator has put in.</summary>
    public Stake StakeOf(Address account) => _stakes.GetValueOrDefault(account) ?? new Stake(0, 0, 0);

    // Of what counts first, then of what is leaving.
    private void Slash(Stakes.SlashedEvent e)
    {
        var (s, amount) = (StakeOf(e.Account), Amount(e.Amount));
        Require(e.Slashing == _slashings.Count && amount <= (BigInteger)s.Active + s.Leaving, $"slashing {e.Slashing} of {e.Account}");
        var active = UInt128.Min(amount, s.Active);
        _stakes[e.Account] = s with { Active = s.Active - active, Leaving = s.Leaving - (amount - active) };
        _slashings.Add(new Slashing(e.Account, e.To, amount, e.FinalAt));
    }

    private Slashing Take(BigInteger number)
    {
        Require(number < _slashings.Count && _slashings[(int)number] != Over, $"slashing {number} is over");
        var taken = _slashings[(int)number];
        _slashings[(int)number] = Over;
        return taken;
    }
}
