using Trove.Chain.Rpc;

namespace Trove.Chain.Events;

/// <summary>A log and the time of its block.</summary>
/// <param name="Log">The event.</param>
/// <param name="Timestamp">Seconds since 1970, UTC.</param>
public sealed record TimedLog(Log Log, ulong Timestamp);

/// <summary>What a consumer does next, in one database transaction: roll back, apply the logs, store the cursor.</summary>
/// <param name="RollBackFrom">Undo everything that came from this block and those above it; null when nothing was rewritten.</param>
/// <param name="Logs">The next logs, by block and index.</param>
/// <param name="Cursor">The cursor after them.</param>
/// <param name="CaughtUp">Nothing more is there to read now.</param>
public sealed record EventBatch(ulong? RollBackFrom, IReadOnlyList<TimedLog> Logs, FollowerCursor Cursor, bool CaughtUp);

/// <summary>The chain was rewritten further back than the cursor remembers.</summary>
public sealed class ReorganisationTooDeepException(string message) : Exception(message);

/// <summary>
/// Reads events in order, noticing rewritten blocks. Knows nothing about storage: the cursor goes in and comes out. Every
/// answer is checked against the headers of the blocks it comes from, before and after, so that a node that changes its
/// mind in between (or lies inconsistently) leads to another try or an error, never to a skipped event.
/// </summary>
public sealed class EventFollower
{
    private const int Dense = 64;   // newest blocks of a range whose hashes are all remembered
    private const int Attempts = 3; // a chain that is rewritten under each of three reads is no chain to follow now

    private readonly EthClient _client;
    private readonly ulong _confirmations;
    private readonly ulong _maxRange;
    private ulong _range;

    /// <summary>A follower of the chain behind <paramref name="client"/>.</summary>
    /// <param name="client">The node.</param>
    /// <param name="confirmations">Blocks that must be on top of a block before it is read.</param>
    /// <param name="maxRange">Most blocks asked for at once; halved while the node refuses.</param>
    public EventFollower(EthClient client, ulong confirmations = 0, ulong maxRange = 2000)
    {
        ArgumentOutOfRangeException.ThrowIfZero(maxRange);
        (_client, _confirmations, _maxRange, _range) = (client, confirmations, maxRange, maxRange);
    }

    /// <summary>The next step from <paramref name="cursor"/>. Calling it again with the same cursor is harmless.</summary>
    /// <exception cref="RpcException">The node failed, contradicts itself, or refuses even one block.</exception>
    /// <exception cref="ReorganisationTooDeepException">No block that the cursor remembers is on the chain any more.</exception>
    public async Task<EventBatch> NextAsync(FollowerCursor cursor, LogFilter filter, CancellationToken cancel = default)
    {
        for (int attempt = 1; ; attempt++)
        {
            ulong head = await _client.BlockNumberAsync(cancel).ConfigureAwait(false);
            if (await RollBackAsync(cursor, head, cancel).ConfigureAwait(false) is { } rollBack)
                return rollBack;
            if (head < _confirmations || head - _confirmations < cursor.Next)
                return new EventBatch(null, [], cursor, CaughtUp: true);
            ulong last = head - _confirmations, to = Math.Min(last, cursor.Next + (_range - 1));
            try
            {
                if (await ReadAsync(cursor, filter, to, cancel).ConfigureAwait(false) is { } read)
                {
                    _range = Math.Min(_maxRange, _range * 2);
                    return read with { CaughtUp = to == last };
                }
            }
            catch (RpcException e) when (to > cursor.Next && e.Method == "eth_getLogs")
            {
                // Too many logs or blocks for this node, in whatever words it says so; it may also just be slow.
                _range = Math.Max(1, (to - cursor.Next + 1) / 2);
                attempt = 0; // ends: the range is at least halved each time, and one block is not tried again
                continue;
            }
            if (attempt == Attempts)
                throw _client.BadReply("eth_getBlockByNumber", $"the blocks {cursor.Next} to {to} contradict each other or the logs in them at each of {Attempts} readings; use another node");
        }
    }

    // The highest remembered block that is still there decides. A node that is merely behind knows fewer blocks, but the same.
    private async Task<EventBatch?> RollBackAsync(FollowerCursor cursor, ulong head, CancellationToken cancel)
    {
        int known = cursor.Recent.Count;
        while (known > 0 && cursor.Recent[known - 1].Number > head)
            known--;
        if (known == 0)
            return null; // nothing read yet, or a node that has not come to what we remember: wait
        for (int valid = known; valid > 0; valid--)
        {
            var remembered = cursor.Recent[valid - 1];
            var block = await _client.GetBlockAsync(BlockTag.At(remembered.Number), cancel).ConfigureAwait(false);
            if (block is null)
                return null; // gone between two questions: ask again later
            if (block.Hash == remembered.Hash)
                return valid == known ? null : new EventBatch(remembered.Number + 1, [], cursor.BackTo(valid), CaughtUp: false);
        }
        if (cursor.Recent[0].Number == cursor.Start)
            return new EventBatch(cursor.Start, [], cursor.BackTo(0), CaughtUp: false);
        throw new ReorganisationTooDeepException(
            $"the chain was rewritten below block {cursor.Recent[0].Number}, the oldest that is remembered; check that the node is on the same network, then index again from block {cursor.Start}");
    }

    private async Task<EventBatch?> ReadAsync(FollowerCursor cursor, LogFilter filter, ulong to, CancellationToken cancel)
    {
        var end = await _client.GetBlockAsync(BlockTag.At(to), cancel).ConfigureAwait(false);
        if (end is null)
            return null;
        var logs = (await _client.GetLogsAsync(filter, cursor.Next, to, cancel).ConfigureAwait(false)).OrderBy(l => l.Block.Number).ThenBy(l => l.Index).ToArray();

        // The headers of: the block below, those with logs, the newest ones.
        ulong dense = to - cursor.Next >= Dense ? to - Dense + 1 : cursor.Next;
        var numbers = new SortedSet<ulong>(logs.Select(l => l.Block.Number));
        for (ulong n = dense; n <= to; n++)
            numbers.Add(n);
        if (cursor.Recent.Count > 0)
            numbers.Add(cursor.Next - 1);
        var blocks = (await _client.GetBlocksAsync([.. numbers], cancel).ConfigureAwait(false)).ToArray();
        if (blocks.Contains(null))
            return null;
        var byNumber = blocks.ToDictionary(b => b!.Number, b => b!);

        bool linked = byNumber.Values.All(b => b.Number == 0 || !byNumber.TryGetValue(b.Number - 1, out var below) || (below.Hash == b.ParentHash && below.Timestamp <= b.Timestamp));
        bool sameEnd = byNumber[to].Hash == end.Hash; // the chain that the logs were taken from
        bool sameStart = cursor.Recent.Count == 0 || byNumber[cursor.Next - 1].Hash == cursor.Recent[^1].Hash;
        bool logsFit = logs.All(l => byNumber[l.Block.Number].Hash == l.Block.Hash)
            && logs.Zip(logs.Skip(1)).All(p => p.First.Block.Number < p.Second.Block.Number || p.First.Index < p.Second.Index);
        if (!(linked && sameEnd && sameStart && logsFit))
            return null;

        return new EventBatch(null, [.. logs.Select(l => new TimedLog(l, byNumber[l.Block.Number].Timestamp))],
            cursor.Advance(byNumber.Values.Where(b => b.Number >= dense).OrderBy(b => b.Number).Select(b => b.Ref)), CaughtUp: false);
    }
}
