using System.Numerics;
using Trove.Chain.Events;
using Trove.Chain.Rpc;
using Trove.Core;

namespace Trove.Chain.Replay;

/// <summary>A contract's state, made of its events alone. Every event of the contract is named, so that none is passed over unseen.</summary>
public abstract class EventReplay
{
    private readonly Dictionary<Hash32, Action<TimedLog>> _events = [];

    private protected EventReplay()
    {
    }

    /// <summary>Takes the contract's next event in.</summary>
    /// <exception cref="InvalidDataException">The contract has no such event, or it contradicts those before it.</exception>
    /// <exception cref="Abi.AbiException">The event's signature, but not its encoding.</exception>
    public void Apply(TimedLog log)
    {
        if (log.Log.Topics.Count == 0 || !_events.TryGetValue(log.Log.Topics[0], out var apply))
            throw new InvalidDataException($"{log.Log.Address} has an event in block {log.Log.Block.Number} that this version does not know");
        apply(log);
    }

    private protected void On<T>(Hash32 signature, Func<Log, T?> decode, Action<T, ulong> apply) where T : class =>
        _events.Add(signature, l => apply(decode(l.Log) ?? throw new InvalidDataException($"{l.Log.Address} has an event in block {l.Log.Block.Number} of another shape than this version knows"), l.Timestamp));

    // Says nothing that the others do not.
    private protected void Ignore(params ReadOnlySpan<Hash32> signatures)
    {
        foreach (var signature in signatures)
            _events.Add(signature, _ => { });
    }

    // No asset has such an amount: the chain's node invents it.
    private protected static UInt128 Amount(BigInteger amount) =>
        amount >= 0 && amount <= UInt128.MaxValue ? (UInt128)amount : throw new InvalidDataException("the events contradict each other: an amount of more than 128 bits");

    private protected static void Require(bool holds, string what)
    {
        if (!holds)
            throw new InvalidDataException($"the events contradict each other: {what}");
    }
}
