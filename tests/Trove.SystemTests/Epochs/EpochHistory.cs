using Dapper;
using Trove.Core;
using Trove.Core.Rewards;
using Trove.Node.Contributions;
using Trove.Node.Database;
using Trove.Node.Epochs;
using Trove.Node.Protocol;
using Trove.Node.Verification;
using Epoch = Trove.Core.Rewards.Epoch;

namespace Trove.SystemTests.Epochs;

/// <summary>An asset in a database and its contributions, with the index beside it that a verifier has in memory.</summary>
internal sealed class EpochHistory(NodeDatabase database, byte name)
{
    public static readonly AssetPolicy Policy = AssetPolicy.Default(["comment"]);
    private static readonly ContributionDraw Undrawn = new(new DrawQuestion(default, default, default, default, 0, default, 0, ""), new DrawProof(1, ""));

    // Hashes in two small pools, of which parts are in every partition: all assets draw from them, each may have what another has.
    private static readonly string Said = new('d', 200);

    private readonly List<AttestedContribution> _waiting = [];
    private uint _made;

    public Address Asset { get; } = new(Enumerable.Repeat(name, Address.Size).ToArray());

    public NoveltyStore Novelty { get; } = new(database, new VerificationStore(database));

    /// <summary>As they were closed, by the index in memory.</summary>
    public List<Epoch> Closed { get; } = [];

    /// <summary>What a verifier keeps of them.</summary>
    public NoveltyIndex InMemory { get; } = new();

    public Task FoundAsync() => database.TransactAsync(tx => tx.Connection!.ExecuteAsync("""
        insert into asset (asset, founder, registry, ledger, name, symbol, payment_token, recipient, policy_hash, verifiers, verifier_keys, threshold, set_version, created_block,
            grants, governor, timelock, stakes, custody, governance, charter, runners)
        values (@Asset, @Asset, @Asset, @Asset, '', '', @Asset, @hash, @hash, '{}', '{}', 2, 1, 1, @Asset, @Asset, @Asset, @Asset, '{}', '{}', '{}', '{}')
        """, new { Asset, hash = default(Hash32) }, tx), default);

    /// <summary>Contributions that wait for the next epoch: records of a pool of so many, accounts of a handful, one in four with control shown.</summary>
    public async Task ContributeAsync(Random chance, int contributions, int records, int pool)
    {
        var made = Enumerable.Range(0, contributions).Select(_ =>
        {
            var tags = new TagList.Builder();
            foreach (int record in Enumerable.Range(0, chance.Next(records + 1)).Select(_ => chance.Next(pool)).Distinct())
                tags.Add(Tag(record), (uint)chance.Next(1, 40) * RecordScore.Full, [.. Enumerable.Range(0, chance.Next(4)).Select(_ => Fingerprint(chance.Next(pool))).Distinct().Order()]);
            var evidence = new EvidenceResults(chance.Next(4) == 0 ? [new EvidenceCheck(EvidenceKinds.Mail, CheckOutcome.Passed, Said)] : []);
            return Attested(tags.Build(), evidence, (byte)chance.Next(1, 6), chance.Next(6), (ulong)chance.Next(1, 5));
        }).ToList();
        await ContributeAsync(made);
    }

    /// <summary>A contribution of one record after the other, with a tag list of about so many bytes, which nobody else has.</summary>
    public Task ContributeAsync(params int[] tagBytes) => ContributeAsync([.. tagBytes.Select(size =>
    {
        var (tags, chance) = (new TagList.Builder(), new Random((int)++_made));
        var fingerprints = new ulong[6];
        for (int i = 0; i < (size - 37) / 58; i++)
        {
            for (int j = 0; j < fingerprints.Length; j++)
                fingerprints[j] = (ulong)chance.NextInt64(1L << RecordTags.FingerprintBits);
            Array.Sort(fingerprints);
            tags.Add(new UInt128((ulong)chance.NextInt64(), (ulong)chance.NextInt64()), 30 * RecordScore.Full, fingerprints);
        }
        return Attested(tags.Build(), new EvidenceResults([new EvidenceCheck("reddit.checkfile", CheckOutcome.Passed, Said)]), (byte)(_made % 200), (int)_made, _made);
    })]);

    private AttestedContribution Attested(TagList tags, EvidenceResults evidence, byte owner, int account, ulong block)
    {
        var id = new CanonicalWriter("trove/test/history").Address(Asset).UInt32(++_made).Sha256();
        return new AttestedContribution(new Attestation(1, Asset, Asset, id, new Address(Enumerable.Repeat(owner, Address.Size).ToArray()), id, evidence.Hash(), tags.Hash(),
            new CanonicalWriter("trove/test/account").UInt32((uint)account).Sha256(), 100, block, default, 1, default), evidence, tags);
    }

    private async Task ContributeAsync(IReadOnlyList<AttestedContribution> made)
    {
        _waiting.AddRange(made);
        await database.TransactAsync(async tx =>
        {
            foreach (var (facts, evidence, tags) in made)
            {
                await ContributionStore.InsertAsync(tx, facts.Contribution, Asset, new AnnounceRequest(facts.Owner, facts.Contribution, [], facts.Contribution, 0, ""), facts.PartsRoot, facts.AnnouncedBlock, Undrawn, [], 0, 1);
                await VerificationStore.PutAnswerAsync(tx, facts.Contribution, new VerifierAnswer(Asset, facts, evidence, null, null, new byte[65]));
                await VerificationStore.PutTagsAsync(tx, facts.TagsHash, tags.ToBytes());
                // As decided at the same moment: what an epoch gives nothing may be among them.
                await tx.Connection!.ExecuteAsync("update contribution set state = 'attested', nullifier = @Nullifier, control = @control where id = @Contribution",
                    new { facts.Nullifier, control = (int)evidence.Control(), facts.Contribution }, tx);
            }
        }, default);
    }

    /// <summary>Closes the running epoch by both indexes, and compares.</summary>
    /// <param name="tagBytes">Of contributions with so many bytes of tag lists, of one at least.</param>
    public async Task CloseAsync(long tagBytes = Epoch.MaxTagBytes)
    {
        long bytes = 0;
        var taken = Epoch.InOrder(_waiting).TakeWhile((c, i) => (bytes += c.Tags.Size) <= tagBytes || i == 0).ToList();
        var (number, root) = ((ulong)Closed.Count + 1, Closed.Count == 0 ? default : Closed[^1].Tree.Root);
        var expected = Epoch.Close(number, root, Policy, InMemory, taken);
        await database.TransactAsync(async tx =>
        {
            var epoch = await EpochService.ComputeAsync(tx, Asset, number, root, Policy, await VerificationStore.WaitingAsync(tx, Asset, 10_000, tagBytes), default);
            Assert.Equal(expected.TreeHash, epoch.TreeHash);
            Assert.Equal(expected.Tree.Root, epoch.Tree.Root);
            await VerificationStore.InsertEpochAsync(tx, Asset, epoch, 1);
        }, default);
        Closed.Add(expected);
        await InMemory.AddAsync(expected.Rewards, taken.Where((_, i) => expected.Rewards[i].IsRemembered).ToAsyncEnumerable(), default);
        _waiting.RemoveAll(taken.Contains);
    }

    public Task FillAsync() => Novelty.FillAsync(Asset, () => { }, default);

    /// <summary>Every epoch computed again comes out as it did, whatever is in the index by now.</summary>
    public async Task RequireTheSameAgainAsync()
    {
        foreach (var epoch in Closed)
        {
            var again = await database.TransactAsync(tx => EpochService.ComputeAsync(tx, Asset, epoch.Number, epoch.PreviousRoot, Policy, [.. epoch.Rewards.Select(r => r.Contribution)], default), default);
            Assert.Equal(epoch.TreeHash, again.TreeHash);
        }
    }

    /// <summary>All rows of the index, whichever server they are on.</summary>
    public static async Task<IReadOnlyList<string>> RowsAsync(NodeDatabase database)
    {
        await using var connection = await database.Source.OpenConnectionAsync();
        return (await connection.QueryAsync<string>("""
            select concat_ws(' ', asset, tag, epoch) from novelty_record union all select concat_ws(' ', asset, fingerprint, epoch) from novelty_fingerprint
            union all select concat_ws(' ', encode(asset, 'hex'), number, volume) from novelty_epoch order by 1
            """)).AsList();
    }

    private static UInt128 Tag(int record) => UInt128.MaxValue / 1_000_003 * (UInt128)(record * 7_919L % 1_000_003);

    private static ulong Fingerprint(int passage) => (1UL << RecordTags.FingerprintBits) / 1_000_003 * (ulong)(passage * 7_919L % 1_000_003);
}
