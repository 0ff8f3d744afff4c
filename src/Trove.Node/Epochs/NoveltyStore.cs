using System.Buffers.Binary;
using System.Globalization;
using Dapper;
using Npgsql;
using Trove.Chain.Durability;
using Trove.Core;
using Trove.Core.Rewards;
using Trove.Node.Database;
using Trove.Node.Verification;

namespace Trove.Node.Epochs;

/// <summary>
/// The index of novelty in the database: every tag and fingerprint of closed epochs with the first epoch that had it, partitioned by
/// range of the hash. It is filled after an epoch is closed and fixed, in order; a fill that was cut off is repeated to the same
/// rows, also where some of them are on another server that committed alone.
/// </summary>
public sealed class NoveltyStore(NodeDatabase database, VerificationStore epochs)
{
    /// <summary>Hashes of one statement.</summary>
    public const int Batch = 8_192;

    private const int GatheredHashes = 1 << 23;

    /// <summary>Puts all closed epochs of an asset into the index that are not in it.</summary>
    /// <param name="asset">The asset.</param>
    /// <param name="beat">Called after some contributions each, of which there may be a hundred thousand.</param>
    /// <param name="ct">Ends the work; the epoch at hand is left out as a whole.</param>
    public async Task FillAsync(Address asset, Action beat, CancellationToken ct)
    {
        while (await NextAsync(asset, ct) is { } number)
        {
            var row = await epochs.EpochAsync(asset, number, ct) ?? throw new InvalidOperationException($"epoch {number} of asset {asset} is gone");
            var rewards = (await epochs.ComputeAsync(row, ct)).Rewards;
            await database.TransactAsync(tx => FillAsync(tx, asset, number, rewards, beat, ct), ct);
        }
    }

    /// <summary>What earlier epochs had of an epoch's records, passages and accounts: an index of nothing else.</summary>
    /// <param name="tx">Reads in it.</param>
    /// <param name="asset">The asset.</param>
    /// <param name="number">The epoch; what it and later ones had is not seen.</param>
    /// <param name="contributions">The epoch's contributions.</param>
    /// <param name="ct">Ends reading.</param>
    /// <exception cref="InvalidOperationException">An earlier epoch is not in the index.</exception>
    public static async Task<NoveltyIndex> BeforeAsync(NpgsqlTransaction tx, Address asset, ulong number, IReadOnlyCollection<AttestedContribution> contributions, CancellationToken ct)
    {
        var before = await tx.Connection!.QuerySingleAsync<(long Filled, string Volume)>(new CommandDefinition(
            "select count(*), coalesce(sum(volume), 0)::text from novelty_epoch where asset = @asset and number < @number", new { asset, number = (long)number }, tx, cancellationToken: ct));
        if ((ulong)before.Filled != number - 1)
            throw new InvalidOperationException($"the index of novelty of asset {asset} has {before.Filled} of the {number - 1} epochs before epoch {number}");
        var index = new NoveltyIndex();
        index.AddVolume(UInt128.Parse(before.Volume, CultureInfo.InvariantCulture));

        int serial = await SerialAsync(tx, asset, ct);
        // The planner takes a batch for the whole table where it has no statistics, and looks through all of a batch for each partition where it
        // knows the values. Planned once, without them, the bounds say which partition it is.
        await ExecuteAsync(tx, "set local enable_seqscan = off; set local plan_cache_mode = force_generic_plan", ct);
        await AskAsync("select tag from novelty_record where asset = $1 and epoch < $2 and tag between $3 and $4 and tag = any($5)",
            Cut(Sorted(contributions.SelectMany(c => c.Tags.Entries.Select(e => e.Tag))), tag => (int)(tag >> 124)), ToGuid, tag => index.AddRecord(ToTag(tag)));
        await AskAsync("select fingerprint from novelty_fingerprint where asset = $1 and epoch < $2 and fingerprint between $3 and $4 and fingerprint = any($5)",
            Cut(Sorted(contributions.SelectMany(c => c.Tags.Entries.SelectMany(e => c.Tags.FingerprintsOf(e).ToArray()))), f => (int)(f >> 44)), f => (long)f, f => index.AddFingerprint((ulong)f));
        await ExecuteAsync(tx, "set local enable_seqscan to default; set local plan_cache_mode to default", ct);

        foreach (var some in contributions.Select(c => c.Facts.Nullifier).Distinct().Chunk(Batch))
            foreach (var (nullifier, owner, control) in await tx.Connection!.QueryAsync<(Hash32, Address, int)>(new CommandDefinition("""
                select distinct on (nullifier) nullifier, owner, control from contribution
                where asset = @asset and nullifier = any(@some) and epoch < @number and control > 0
                order by nullifier, control desc, epoch, announced_block, id
                """, new { asset, number = (long)number, some = some.Select(n => n.ToArray()).ToArray() }, tx, cancellationToken: ct)))
                index.Bind(nullifier, new NoveltyIndex.AccountOwner(owner, (uint)control));
        return index;

        async Task AskAsync<T, TStored>(string sql, IEnumerable<ArraySegment<T>> batches, Func<T, TStored> toStored, Action<TStored> found)
        {
            var (low, high, hashes) = (new NpgsqlParameter<TStored>(), new NpgsqlParameter<TStored>(), new NpgsqlParameter<TStored[]> { TypedValue = [] });
            await using var command = new NpgsqlCommand(sql, tx.Connection, tx)
            {
                Parameters = { new NpgsqlParameter<int> { TypedValue = serial }, new NpgsqlParameter<int> { TypedValue = checked((int)number) }, low, high, hashes },
            };
            await command.PrepareAsync(ct);
            foreach (var batch in batches)
            {
                (low.TypedValue, high.TypedValue, hashes.TypedValue) = (toStored(batch[0]), toStored(batch[^1]), [.. batch.Select(toStored)]);
                await using var reader = await command.ExecuteReaderAsync(ct);
                while (await reader.ReadAsync(ct))
                    found(reader.GetFieldValue<TStored>(0));
            }
        }
    }

    private async Task<ulong?> NextAsync(Address asset, CancellationToken ct)
    {
        await using var connection = await database.Source.OpenConnectionAsync(ct);
        return (ulong?)await connection.ExecuteScalarAsync<long?>(new CommandDefinition(
            "select min(number) from epoch e where asset = @asset and not exists (select from novelty_epoch n where n.asset = e.asset and n.number = e.number)", new { asset }, cancellationToken: ct));
    }

    private static async Task FillAsync(NpgsqlTransaction tx, Address asset, ulong number, IReadOnlyList<Reward> rewards, Action beat, CancellationToken ct)
    {
        var volume = rewards.Aggregate((UInt128)0, (sum, r) => sum + r.Volume);
        // Whoever else fills it waits here until one of the two has committed.
        if (await tx.Connection!.ExecuteAsync(new CommandDefinition("insert into novelty_epoch (asset, number, volume) values (@asset, @number, @volume::numeric) on conflict do nothing",
                new { asset, number = (long)number, volume = volume.ToString(CultureInfo.InvariantCulture) }, tx, commandTimeout: 0, cancellationToken: ct)) == 0)
            return;
        int serial = await SerialAsync(tx, asset, ct);
        var (tags, fingerprints) = (new List<UInt128>(), new List<ulong>());
        await foreach (var contribution in VerificationStore.AttestedAsync(tx.Connection!, tx, rewards.Where(r => r.IsRemembered).Select(r => r.Contribution)))
        {
            foreach (var entry in contribution.Tags.Entries)
            {
                tags.Add(entry.Tag);
                fingerprints.AddRange(contribution.Tags.FingerprintsOf(entry));
            }
            if (tags.Count + fingerprints.Count >= GatheredHashes)
                await PutAsync();
        }
        await PutAsync();
        FaultPoint.Reach("novelty.filled");

        async Task PutAsync()
        {
            foreach (var some in Sorted(tags).Chunk(Batch))
                await InsertAsync("insert into novelty_record (tag, asset, epoch) select unnest($2), $1, $3 on conflict do nothing", some.Select(ToGuid).ToArray());
            foreach (var some in Sorted(fingerprints).Chunk(Batch))
                await InsertAsync("insert into novelty_fingerprint (fingerprint, asset, epoch) select unnest($2), $1, $3 on conflict do nothing", some.Select(f => (long)f).ToArray());
            tags.Clear();
            fingerprints.Clear();
            beat();
        }

        async Task InsertAsync(string sql, object hashes)
        {
            await using var command = new NpgsqlCommand(sql, tx.Connection, tx) { Parameters = { new() { Value = serial }, new() { Value = hashes }, new() { Value = checked((int)number) } } };
            await command.ExecuteNonQueryAsync(ct);
        }
    }

    private static Task<int> SerialAsync(NpgsqlTransaction tx, Address asset, CancellationToken ct) =>
        tx.Connection!.QuerySingleAsync<int>(new CommandDefinition("select serial from asset where asset = @asset", new { asset }, tx, cancellationToken: ct));

    private static Task ExecuteAsync(NpgsqlTransaction tx, string sql, CancellationToken ct) => tx.Connection!.ExecuteAsync(new CommandDefinition(sql, transaction: tx, cancellationToken: ct));

    private static T[] Sorted<T>(IEnumerable<T> hashes) where T : IComparable<T>
    {
        T[] all = [.. hashes];
        Array.Sort(all);
        int count = 0;
        foreach (var hash in all)
            if (count == 0 || all[count - 1].CompareTo(hash) != 0)
                all[count++] = hash;
        Array.Resize(ref all, count);
        return all;
    }

    // Each batch within one partition: the others would look for all of it in vain.
    private static IEnumerable<ArraySegment<T>> Cut<T>(T[] sorted, Func<T, int> partition)
    {
        for (int first = 0, end; first < sorted.Length; first = end)
        {
            for (end = first + 1; end < sorted.Length && end - first < Batch && partition(sorted[end]) == partition(sorted[first]);)
                end++;
            yield return new ArraySegment<T>(sorted, first, end - first);
        }
    }

    private static Guid ToGuid(UInt128 tag)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, tag);
        return new Guid(bytes, bigEndian: true);
    }

    private static UInt128 ToTag(Guid guid)
    {
        Span<byte> bytes = stackalloc byte[16];
        guid.TryWriteBytes(bytes, bigEndian: true, out _);
        return BinaryPrimitives.ReadUInt128BigEndian(bytes);
    }
}
