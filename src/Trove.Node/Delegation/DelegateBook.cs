using Trove.Core;

namespace Trove.Node.Delegation;

/// <summary>Who votes for whom, replayed from the share token's events (ERC-5805).</summary>
public sealed class DelegateBook
{
    private readonly Dictionary<Address, Address> _delegates = [];
    private readonly Dictionary<Address, int> _others = [];
    private readonly Dictionary<Address, Shares> _votes = [];

    /// <summary>Accounts that others have given their votes to.</summary>
    public IReadOnlyCollection<Address> Chosen => _others.Keys;

    /// <summary>Shares that an account votes with now.</summary>
    public Shares VotesOf(Address account) => _votes.GetValueOrDefault(account);

    /// <summary>Other accounts that have given their votes to this one.</summary>
    public int DelegatorsOf(Address account) => _others.GetValueOrDefault(account);

    internal void Changed(Address delegator, Address to)
    {
        if (_delegates.TryGetValue(delegator, out var before))
            Count(delegator, before, -1);
        _delegates[delegator] = to;
        Count(delegator, to, 1);
    }

    internal void Votes(Address account, Shares votes) => _votes[account] = votes;

    private void Count(Address delegator, Address to, int by)
    {
        if (to == delegator || to.IsZero)
            return;
        if ((_others[to] = DelegatorsOf(to) + by) == 0)
            _others.Remove(to);
    }
}
