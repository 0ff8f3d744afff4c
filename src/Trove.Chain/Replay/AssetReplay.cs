using System.Diagnostics.CodeAnalysis;
using Trove.Chain.Bindings;
using Trove.Chain.Events;
using Trove.Chain.Rpc;
using Trove.Core;

namespace Trove.Chain.Replay;

/// <summary>
/// The state of all contracts of an asset, made of the chain's events alone: what an auditor, an indexer or a node that lost
/// its database needs nobody for. <see cref="AssetAudit"/> compares it with what the contracts say.
/// </summary>
public sealed class AssetReplay
{
    private readonly Address _factory;
    private readonly Address _asset;
    private Dictionary<Address, EventReplay> _contracts = [];

    private AssetReplay(Address factory, Address asset) => (_factory, _asset) = (factory, asset);

    /// <summary>How it was founded; null before that event was read.</summary>
    public AssetFactory.AssetCreatedEvent? Created { get; private set; }

    /// <summary>The share token.</summary>
    public TokenReplay Token { get; private set; } = null!;

    /// <summary>The ledger.</summary>
    public LedgerReplay Ledger { get; private set; } = null!;

    /// <summary>The registry.</summary>
    public RegistryReplay Registry { get; private set; } = null!;

    /// <summary>The grants.</summary>
    public GrantsReplay Grants { get; private set; } = null!;

    /// <summary>The governor.</summary>
    public GovernorReplay Governor { get; private set; } = null!;

    /// <summary>The timelock.</summary>
    public TimelockReplay Timelock { get; private set; } = null!;

    /// <summary>The stakes.</summary>
    public StakesReplay Stakes { get; private set; } = null!;

    /// <summary>Events taken in.</summary>
    public long Events { get; private set; }

    /// <summary>The last block read.</summary>
    public ulong Block { get; private set; }

    /// <summary>Reads the chain from its beginning to its head.</summary>
    /// <param name="chain">The chain.</param>
    /// <param name="factory">The factory; assets of others are none.</param>
    /// <param name="asset">The asset's share token.</param>
    /// <param name="report">Told the last block read, and the number of events.</param>
    /// <param name="cancel">Stops.</param>
    /// <exception cref="InvalidDataException">The factory has no such asset, or the events contradict each other.</exception>
    /// <exception cref="RpcException">The chain cannot be read.</exception>
    /// <exception cref="ReorganisationTooDeepException">The chain was rewritten meanwhile; begin anew.</exception>
    public static async Task<AssetReplay> ReadAsync(EthClient chain, Address factory, Address asset, Action<ulong, long>? report = null, CancellationToken cancel = default)
    {
        var follower = new EventFollower(chain);
        var cursor = FollowerCursor.StartAt(0);
        var replay = new AssetReplay(factory, asset);
        while (true)
        {
            var filter = new LogFilter([factory, .. replay._contracts.Keys], []);
            var batch = await follower.NextAsync(cursor, filter, cancel).ConfigureAwait(false);
            if (batch.RollBackFrom is { } block)
                throw new ReorganisationTooDeepException($"the chain was rewritten from block {block} on while it was read; begin again");
            if (replay.Created is null && replay.TryFound(batch.Logs))
                continue; // once more, with the events of its own contracts in the same blocks
            foreach (var log in batch.Logs)
                replay.Apply(log);
            cursor = batch.Cursor;
            if (cursor.Recent is [.., var last])
                replay.Block = last.Number;
            report?.Invoke(replay.Block, replay.Events);
            if (batch.CaughtUp)
                break;
        }
        return replay.Created is null ? throw new InvalidDataException($"the factory {factory} never founded {asset}") : replay;
    }

    /// <summary>An asset right after it was founded.</summary>
    internal static AssetReplay Of(AssetFactory.AssetCreatedEvent created)
    {
        var replay = new AssetReplay(default, created.Asset);
        replay.Found(created);
        return replay;
    }

    private bool TryFound(IReadOnlyList<TimedLog> logs)
    {
        foreach (var log in logs)
            if (TryDecode(log.Log, out var created) && created.Asset == _asset)
            {
                Found(created);
                return true;
            }
        return false;
    }

    // A founder may name another asset in bytes that are no text: that is none of ours.
    private bool TryDecode(Log log, [NotNullWhen(true)] out AssetFactory.AssetCreatedEvent? created)
    {
        try
        {
            created = log.Address == _factory ? AssetFactory.AssetCreatedEvent.Decode(log) : null;
        }
        catch (Abi.AbiException)
        {
            created = null;
        }
        return created is not null;
    }

    private void Found(AssetFactory.AssetCreatedEvent created)
    {
        var c = created.Contracts;
        Created = created;
        Ledger = new LedgerReplay(created.Params.VestingEpochs);
        Token = new TokenReplay(c.Ledger, Ledger);
        (Registry, Grants, Governor, Timelock, Stakes) = (new(), new(), new(), new(), new());
        _contracts = new()
        {
            [c.Token] = Token, [c.Ledger] = Ledger, [c.Registry] = Registry, [c.Grants] = Grants,
            [c.Governor] = Governor, [c.Timelock] = Timelock, [c.Stakes] = Stakes,
        };
    }

    internal void Apply(TimedLog log)
    {
        if (!_contracts.TryGetValue(log.Log.Address, out var contract))
            return;
        contract.Apply(log);
        Events++;
    }
}
