using System.Text.Json;
using Trove.Chain.Rpc;
using Trove.Core;

namespace Trove.Node.Chain;

public sealed record FollowerCursor(ulong Number, Hash32 Hash)
{
    public static FollowerCursor Parse(string text) => JsonSerializer.Deserialize<FollowerCursor>(text, Protocol.TroveJson.Options)!;
    public string ToText() => JsonSerializer.Serialize(this, Protocol.TroveJson.Options);
}
public sealed record FollowerBatch(FollowerCursor Next, ulong? RollBackAbove, IReadOnlyList<Log> Logs, IReadOnlyDictionary<ulong, ulong> Timestamps);
public sealed class EventFollower(EthClient client, ulong confirmations)
{
    public async Task<FollowerBatch> NextAsync(FollowerCursor cursor, LogFilter filter, CancellationToken ct)
    {
        ulong head = await client.BlockNumberAsync(ct);
        head = head > confirmations ? head - confirmations : 0;
        if (head <= cursor.Number)
            return new FollowerBatch(cursor, null, [], new Dictionary<ulong, ulong>());
        ulong to = Math.Min(head, cursor.Number + 1000);
        var logs = await client.GetLogsAsync(filter, cursor.Number + 1, to, ct);
        var times = new Dictionary<ulong, ulong>();
        foreach (ulong n in logs.Select(l => l.Block.Number).Distinct())
            times[n] = (await client.GetBlockAsync(BlockTag.At(n), ct))!.Timestamp;
        var last = (await client.GetBlockAsync(BlockTag.At(to), ct))!;
        return new FollowerBatch(new FollowerCursor(to, last.Hash), null, logs, times);
    }
}
