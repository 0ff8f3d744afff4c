using System.Data;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using Dapper;
using Trove.Core;
using Trove.Core.Rewards;
using Trove.Node.Contributions;
using Trove.Node.Database;
using Trove.Node.Epochs;
using Trove.Node.Protocol;
using Trove.Node.Verification;
using TagList = Trove.Core.Rewards.TagList;

namespace Trove.Bench;

/// <summary>
/// What it takes to know whether a record is new: the index of novelty in PostgreSQL, as a node has it, and in memory, as a verifier
/// has it. Records are made up: a tag and six fingerprints each, as one of thirty words has. One in twenty of what is asked for is there.
/// </summary>
public static class NoveltyBench
{
    private const int Few = 100_000;          // records behind the epoch that more are held against
    private const int Gathered = 1_000_000;   // records of an epoch that is behind
    private const double Slower = 1.5;        // goal: closing over all takes at most so many times as long as over few
    private static readonly Address Asset = new(Enumerable.Repeat((byte)1, Address.Size).ToArray());
    private static readonly AssetPolicy Policy = AssetPolicy.Default(["comment"]);

    /// <summary>Runs it.</summary>
    /// <param name="records">Records in the index, more than a hundred thousand.</param>
    /// <param name="ct">Ends it.</param>
    public static async IAsyncEnumerable<BenchLine> RunAsync(int records, [EnumeratorCancellation] CancellationToken ct)
    {
        foreach (var line in InMemory(records, ct))
            yield return line;
        // PostgreSQL's user may not enter what others keep to themselves.
        var folder = Directory.CreateDirectory($"/var/tmp/trove-bench-{Guid.NewGuid():N}");
        folder.UnixFileMode |= UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;
        try
        {
            await using var cluster = await PostgresCluster.StartAsync(folder.FullName, ct);
            await using var database = await NodeDatabase.OpenAsync(cluster.ConnectionString, ct);
            await foreach (var line in new Node(database).RunAsync(records, ct))
                yield return line;
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static IEnumerable<BenchLine> InMemory(int records, CancellationToken ct)
    {
        var (arrays, sets) = (new NoveltyIndex(), (Records: new HashSet<UInt128>(), Fingerprints: new HashSet<ulong>()));
        var (perArray, perSecond) = Fill(c => arrays.AddAsync([Reward(c)], new[] { c }.ToAsyncEnumerable(), ct).GetAwaiter().GetResult());
        var (perSet, _) = Fill(c =>
        {
            foreach (var entry in c.Tags.Entries)
            {
                sets.Records.Add(entry.Tag);
                foreach (ulong fingerprint in c.Tags.FingerprintsOf(entry))
                    sets.Fingerprints.Add(fingerprint);
            }
        });
        yield return new BenchLine("novelty", $"memory of an index of {arrays.Records:N0} records, for each", perArray, "B", perSet, "hash sets", Math.Round(perSet / perArray, 2), null, null);
        yield return new BenchLine("novelty", $"records put into it, {Few:N0} at a time", perSecond, "/s", null, "sorted and merged, one core", null, null, null);
        var asked = new Maker().Asked(Few, records).Tags;
        var (ours, theirs) = (Rate(arrays.HasRecord, arrays.HasFingerprint), Rate(sets.Records.Contains, sets.Fingerprints.Contains));
        yield return new BenchLine("novelty", "records looked up in it, one core", ours, "/s", theirs, "hash sets", Math.Round(ours / theirs, 2), null, null);

        (double Bytes, double PerSecond) Fill(Action<AttestedContribution> add)
        {
            var (maker, clock, filled) = (new Maker(), new Stopwatch(), 0);
            long before = GC.GetTotalMemory(forceFullCollection: true);
            for (; filled < records; filled += Few)
            {
                ct.ThrowIfCancellationRequested();
                var contribution = maker.New(Few);
                clock.Start();
                add(contribution);
                clock.Stop();
            }
            return (Math.Round((GC.GetTotalMemory(forceFullCollection: true) - before) / (double)filled, 1), Math.Round(filled / clock.Elapsed.TotalSeconds));
        }

        double Rate(Func<UInt128, bool> hasRecord, Func<ulong, bool> hasFingerprint) => Math.Round(asked.Entries.Count / Median([.. Enumerable.Range(0, 5).Select(_ =>
        {
            var clock = Stopwatch.StartNew();
            int known = 0;
            foreach (var entry in asked.Entries)
            {
                known += hasRecord(entry.Tag) ? 1 : 0;
                foreach (ulong fingerprint in asked.FingerprintsOf(entry))
                    known += hasFingerprint(fingerprint) ? 1 : 0;
            }
            GC.KeepAlive(known); // or nothing would be looked up
            return clock.Elapsed.TotalSeconds;
        })]));
    }

    /// <summary>An asset in a database, whose epochs are closed and filled as a node does it.</summary>
    private sealed class Node(NodeDatabase database)
    {
        private static readonly ContributionDraw Undrawn = new(new DrawQuestion(default, default, default, default, 0, default, 0, ""), new DrawProof(1, ""));
        private readonly NoveltyStore _novelty = new(database, new VerificationStore(database));
        private readonly Maker _maker = new();
        private ulong _epochs;
        private int _behind;

        /// <summary>What an epoch of 1,000 or 100,000 records took, in seconds.</summary>
        private sealed record Times(double Close, double Ask, double Fill);

        public async IAsyncEnumerable<BenchLine> RunAsync(int records, [EnumeratorCancellation] CancellationToken ct)
        {
            await database.TransactAsync(tx => tx.Connection!.ExecuteAsync("""
                insert into asset (asset, founder, registry, ledger, name, symbol, payment_token, recipient, policy_hash, verifiers, verifier_keys, threshold, set_version, created_block,
                    grants, governor, timelock, stakes, custody, governance, charter, runners)
                values (@Asset, @Asset, @Asset, @Asset, '', '', @Asset, @hash, @hash, '{}', '{}', 2, 1, 1, @Asset, @Asset, @Asset, @Asset, '{}', '{}', '{}', '{}')
                """, new { Asset, hash = default(Hash32) }, tx), ct);
            await PutBehindAsync(Few, ct);
            var few = await MeasureAsync(ct);
            double filling = 0;
            int before = _behind;
            while (_behind < records)
                filling += await PutBehindAsync(Math.Min(Gathered, records - _behind), ct);
            yield return Line("records put into PostgreSQL", (_behind - before) / filling, "/s", $"{_behind:N0} in the end, {Gathered:N0} an epoch");
            await using (var connection = await database.Source.OpenConnectionAsync(ct))
            {
                var (tables, indexes) = await connection.QuerySingleAsync<(long, long)>("""
                    select sum(pg_table_size(inhrelid))::bigint, sum(pg_indexes_size(inhrelid))::bigint from pg_inherits where inhparent in ('novelty_record'::regclass, 'novelty_fingerprint'::regclass)
                    """);
                yield return Line("bytes of PostgreSQL for a record", (tables + indexes) / (double)_behind, "B", $"{tables / _behind:N0} in tables, {indexes / _behind:N0} in indexes");
            }
            var all = await MeasureAsync(ct);
            foreach (int size in all.Keys)
            {
                yield return Line($"records looked up in PostgreSQL, an epoch of {size:N0}", size / all[size].Ask, "/s", $"tag and fingerprints of each; {size / few[size].Ask:N0} with {Few:N0} behind");
                yield return Line($"close an epoch of {size:N0} records with {_behind:N0} behind", all[size].Close * 1000, "ms", $"with {Few:N0} behind", few[size].Close * 1000, 1 / Slower);
                yield return Line("put it into the index, after that", all[size].Fill * 1000, "ms", $"with {Few:N0} behind", few[size].Fill * 1000);
            }
        }

        private static BenchLine Line(string what, double ours, string unit, string peerName, double? peer = null, double? goal = null) =>
            new("novelty", what, Math.Round(ours, 1), unit, peer is { } p ? Math.Round(p, 1) : null, peerName, peer / ours is { } ratio ? Math.Round(ratio, 2) : null, goal is { } g ? Math.Round(g, 2) : null, goal is null ? null : peer / ours >= goal);

        // Closed without asking what of it is new: all of it.
        private async Task<double> PutBehindAsync(int records, CancellationToken ct)
        {
            var made = Enumerable.Range(0, (records + Few - 1) / Few).Select(i => _maker.New(Math.Min(Few, records - i * Few))).ToList();
            await ContributeAsync(made, ct);
            await database.TransactAsync(tx => VerificationStore.InsertEpochAsync(tx, Asset, Epoch.FromRewards(++_epochs, default, [.. made.Select(Reward)]), 1), ct);
            _behind += records;
            return await FillAsync(ct);
        }

        private async Task<double> FillAsync(CancellationToken ct)
        {
            var clock = Stopwatch.StartNew();
            await _novelty.FillAsync(Asset, () => { }, ct);
            return clock.Elapsed.TotalSeconds;
        }

        private async Task<Dictionary<int, Times>> MeasureAsync(CancellationToken ct)
        {
            // As autovacuum leaves it, which would else be at work meanwhile.
            await using (var connection = await database.Source.OpenConnectionAsync(ct))
                foreach (var sql in new[] { "vacuum (analyze) novelty_record, novelty_fingerprint", "checkpoint;" })
                    await connection.ExecuteAsync(new CommandDefinition(sql, commandType: CommandType.Text, commandTimeout: 0, cancellationToken: ct));
            var times = new Dictionary<int, Times>();
            foreach (var (size, again) in new[] { (1_000, 7), (Few, 3) })
            {
                int behind = _behind;
                await ContributeAsync([.. Enumerable.Range(0, size / 100).Select(_ => _maker.Asked(100, behind))], ct);
                var (close, ask) = (new List<double>(), new List<double>());
                for (int i = 0; i <= again; i++)
                {
                    await using var connection = await database.Source.OpenConnectionAsync(ct);
                    await using var tx = await connection.BeginTransactionAsync(ct);
                    var ids = await VerificationStore.WaitingAsync(tx, Asset, size, Epoch.MaxTagBytes);
                    var attested = new List<AttestedContribution>();
                    await foreach (var one in VerificationStore.AttestedAsync(connection, tx, ids))
                        attested.Add(one);
                    var clock = Stopwatch.StartNew();
                    await NoveltyStore.BeforeAsync(tx, Asset, _epochs + 1, attested, ct);
                    ask.Add(clock.Elapsed.TotalSeconds);
                    clock.Restart();
                    var epoch = await EpochService.ComputeAsync(tx, Asset, _epochs + 1, default, Policy, ids, ct);
                    await VerificationStore.InsertEpochAsync(tx, Asset, epoch, 1);
                    if (i == again)
                        await tx.CommitAsync(ct);
                    close.Add(clock.Elapsed.TotalSeconds); // all but the last one up to their commit; the first one reads what is on the disk
                }
                _epochs++;
                _behind += size;
                times[size] = new Times(Median(close), Median(ask), await FillAsync(ct));
            }
            return times;
        }

        private Task ContributeAsync(IReadOnlyList<AttestedContribution> made, CancellationToken ct) => database.TransactAsync(async tx =>
        {
            foreach (var (facts, evidence, tags) in made)
            {
                await ContributionStore.InsertAsync(tx, facts.Contribution, Asset, new AnnounceRequest(facts.Owner, facts.Contribution, [], facts.Contribution, 0, ""), facts.PartsRoot, 1, Undrawn, [], 0, 1);
                await VerificationStore.PutAnswerAsync(tx, facts.Contribution, new VerifierAnswer(Asset, facts, evidence, null, null, new byte[65]));
                await VerificationStore.PutTagsAsync(tx, facts.TagsHash, tags.ToBytes());
                await ContributionStore.AttestAsync(tx, facts.Contribution, Asset, facts.Nullifier, evidence.Control());
            }
        }, ct);
    }

    /// <summary>Makes records by their number: the same number is the same record.</summary>
    private sealed class Maker
    {
        private const long Fresh = 1L << 40; // numbers that nothing behind has
        private readonly Random _chance = new(7);
        private long _next, _fresh = Fresh;
        private uint _made;

        /// <summary>A contribution of the next so many records.</summary>
        public AttestedContribution New(int records) => Attested(Enumerable.Range(0, records).Select(_ => _next++));

        /// <summary>A contribution of which one record in twenty is among the first so many.</summary>
        public AttestedContribution Asked(int records, int behind) => Attested(Enumerable.Range(0, records).Select(i => i % 20 == 0 ? _chance.Next(behind) : _fresh++).Distinct());

        private AttestedContribution Attested(IEnumerable<long> records)
        {
            var tags = new TagList.Builder();
            var fingerprints = new ulong[6];
            foreach (long record in records)
            {
                for (int i = 0; i < fingerprints.Length; i++)
                    fingerprints[i] = Mix((ulong)record, i) >> (64 - RecordTags.FingerprintBits);
                Array.Sort(fingerprints);
                tags.Add(new UInt128(Mix((ulong)record, 6), Mix((ulong)record, 7)), 30 * RecordScore.Full, fingerprints);
            }
            var (list, id, none) = (tags.Build(), new CanonicalWriter("trove/bench/id").UInt32(++_made).Sha256(), new EvidenceResults([]));
            return new AttestedContribution(new Attestation(1, Asset, Asset, id, new Address(id.ToArray().AsSpan(0, Address.Size)), id, none.Hash(), list.Hash(), id, 1, 1, default, 1, default), none, list);
        }

        // SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
        private static ulong Mix(ulong record, int part)
        {
            unchecked
            {
                ulong z = (record * 8 + (ulong)part) * 0x9E3779B97F4A7C15;
                z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
                z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
                return z ^ (z >> 31);
            }
        }
    }

    private static Reward Reward(AttestedContribution c) =>
        new(c.Facts.Contribution, c.Facts.Owner, c.Facts.PartsRoot, 1, 1, 1, 0, 0, 0, 0, Quality.Full, RecordScore.Full, RecordScore.Full, false, default, default);

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);
}
