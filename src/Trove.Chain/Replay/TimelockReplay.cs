using System.Numerics;
using Trove.Chain.Bindings;
using Trove.Core;

namespace Trove.Chain.Replay;

/// <summary>The timelock: what was decided and waits, and what was carried out. It has no other roles than it was founded with.</summary>
public sealed class TimelockReplay : EventReplay
{
    /// <summary>What OpenZeppelin's TimelockController has as the time of an operation that was carried out.</summary>
    public static readonly BigInteger Done = BigInteger.One;

    private readonly Dictionary<Hash32, BigInteger> _operations = [];
    private readonly Dictionary<(Hash32 Role, Address Account), bool> _roles = [];

    internal TimelockReplay()
    {
        Ignore(AssetTimelock.InitializedEvent.Signature, AssetTimelock.RoleAdminChangedEvent.Signature, AssetTimelock.CallSaltEvent.Signature, AssetTimelock.MinDelayChangeEvent.Signature);
        On(AssetTimelock.RoleGrantedEvent.Signature, AssetTimelock.RoleGrantedEvent.Decode, (e, _) => _roles[(e.Role, e.Account)] = true);
        On(AssetTimelock.RoleRevokedEvent.Signature, AssetTimelock.RoleRevokedEvent.Decode, (e, _) => _roles[(e.Role, e.Account)] = false);
        On(AssetTimelock.CallScheduledEvent.Signature, AssetTimelock.CallScheduledEvent.Decode, (e, at) => _operations[e.Id] = at + e.Delay);
        On(AssetTimelock.CallExecutedEvent.Signature, AssetTimelock.CallExecutedEvent.Decode, (e, _) => _operations[e.Id] = Done);
        On(AssetTimelock.CancelledEvent.Signature, AssetTimelock.CancelledEvent.Decode, (e, _) => _operations.Remove(e.Id));
    }

    /// <summary>Operations by identifier: the second from which each can be carried out, or <see cref="Done"/>.</summary>
    public IReadOnlyDictionary<Hash32, BigInteger> Operations => _operations;

    /// <summary>Roles that were ever given, and whether they still are.</summary>
    public IReadOnlyDictionary<(Hash32 Role, Address Account), bool> Roles => _roles;
}
