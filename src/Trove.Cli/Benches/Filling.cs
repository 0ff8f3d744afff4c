using System.Security.Cryptography;
using System.Text.Json;
using Dapper;
using Npgsql;
using Trove.Core;
using Trove.Core.Rewards;
using Trove.Crypto;
using Trove.Node.Protocol;
using Trove.Node.Verification;

namespace Trove.Cli.Benches;

/// <summary>
/// Attested contributions by the thousand, written into the database as the node would have written them: their facts are signed by
/// the verifiers and their tag lists are there, so that an epoch of them is closed, signed, posted and claimed like any other.
/// Only their ciphertext is missing, which nothing of that reads.
/// </summary>
internal static class Filling
{
    private const int Batch = 500;
    private const int Tags = 12, Words = 40;

    /// <summary>Adds <paramref name="count"/> contributions of as many owners to an asset.</summary>
    public static async Task AddAsync(NpgsqlDataSource database, NodeInfo info, AssetInfo asset, IReadOnlyList<KeyFile> verifiers, int count, CancellationToken ct)
    {
        var drawn = verifiers.Take((int)asset.Threshold).OrderBy(v => v.SigningKey.Address).ToList();
        var evidence = new EvidenceResults([]);
        for (int done = 0; done < count; done += Batch)
        {
            var made = Enumerable.Range(0, Math.Min(Batch, count - done)).AsParallel().Select(_ => Make(info, asset, drawn, evidence)).ToList();
            await using var connection = await database.OpenConnectionAsync(ct);
            await using var tx = await connection.BeginTransactionAsync(ct);
            await InsertAsync(tx, asset, drawn, evidence, made);
            await tx.CommitAsync(ct);
        }
    }

    private sealed record Made(Hash32 Id, Address Owner, Hash32 Salt, AnnouncedPart Part, Hash32 Root, Hash32 Nullifier, byte[] Tags, Hash32 TagsHash, string Facts, string Manifest, byte[][] Signatures);

    private static Made Make(NodeInfo info, AssetInfo asset, List<KeyFile> drawn, EvidenceResults evidence)
    {
        var owner = new Address(RandomNumberGenerator.GetBytes(20));
        var salt = Fresh();
        var id = ContributionId.Of(info.ChainId, asset.Ledger, owner, salt);
        var part = new AnnouncedPart("comment", 2023, Fresh(), Fresh(), Fresh(), 4096, Hex.Encode(RandomNumberGenerator.GetBytes(96)));
        var root = PartDescriptor.Tree(id, [part.Descriptor()]).Root;
        var records = new TagList.Builder();
        for (int i = 0; i < Tags; i++)
            records.Add(BitConverter.ToUInt128(RandomNumberGenerator.GetBytes(16)), Words * RecordScore.Full, [.. Enumerable.Range(0, Words / RecordTags.Window * 2).Select(_ => (ulong)RandomNumberGenerator.GetInt32(int.MaxValue) << 16).Distinct().Order()]);
        var tags = records.Build();
        var facts = new Attestation(info.ChainId, asset.Ledger, asset.Asset, id, owner, root, evidence.Hash(), tags.Hash(), Fresh(), Tags * Words, 1, asset.PolicyHash, asset.VerifierSetVersion,
            ContributionChecker.CodeVersion);
        var manifest = new ManifestRequest(Fresh(), 4096, 1, asset.PolicyHash, Fresh(), DateTimeOffset.UtcNow.ToUnixTimeSeconds(), Hex.Encode(new byte[65]));
        return new Made(id, owner, salt, part, root, facts.Nullifier, tags.ToBytes(), facts.TagsHash, JsonSerializer.Serialize(facts, TroveJson.Options),
            JsonSerializer.Serialize(manifest, TroveJson.Options), [.. drawn.Select(v => v.SigningKey.Sign(Messages.Attest(facts)))]);
    }

    private static async Task InsertAsync(NpgsqlTransaction tx, AssetInfo asset, List<KeyFile> drawn, EvidenceResults evidence, List<Made> made)
    {
        var connection = tx.Connection!;
        var ids = made.ConvertAll(m => m.Id.ToArray()).ToArray();
        var address = asset.Asset.ToArray();
        await connection.ExecuteAsync("""
            insert into contribution (id, asset, owner, salt, state, parts, parts_root, announced_block, verifiers, must_agree, called, set_version, manifest, nullifier)
            select m.id, @address, m.owner, m.salt, 'attested', m.parts::jsonb, m.root, 1, @drawn, cardinality(@drawn), cardinality(@drawn), @version, m.manifest::jsonb, m.nullifier
            from unnest(@ids, @owners, @salts, @parts, @roots, @manifests, @nullifiers) as m (id, owner, salt, parts, root, manifest, nullifier)
            """, new
        {
            ids, address, version = (long)asset.VerifierSetVersion, drawn = drawn.ConvertAll(v => v.SigningKey.Address.ToArray()).ToArray(),
            owners = made.ConvertAll(m => m.Owner.ToArray()).ToArray(), salts = made.ConvertAll(m => m.Salt.ToArray()).ToArray(),
            parts = made.ConvertAll(m => JsonSerializer.Serialize(new[] { m.Part }, TroveJson.Options)).ToArray(), roots = made.ConvertAll(m => m.Root.ToArray()).ToArray(),
            manifests = made.ConvertAll(m => m.Manifest).ToArray(), nullifiers = made.ConvertAll(m => m.Nullifier.ToArray()).ToArray(),
        }, tx);
        await connection.ExecuteAsync("update asset set contributions = contributions + @added where asset = @address", new { added = made.Count, address }, tx);
        await connection.ExecuteAsync("insert into part_share (asset, share, contribution) select @address, s, c from unnest(@shares, @ids) as p (s, c)",
            new { address, ids, shares = made.ConvertAll(m => m.Part.EphemeralShare.ToArray()).ToArray() }, tx);
        await connection.ExecuteAsync("insert into tag_list (hash, bytes) select * from unnest(@hashes, @lists)",
            new { hashes = made.ConvertAll(m => m.TagsHash.ToArray()).ToArray(), lists = made.ConvertAll(m => m.Tags).ToArray() }, tx);
        foreach (var (verifier, v) in drawn.Select((k, i) => (k, i)))
            await connection.ExecuteAsync("""
                insert into attestation (contribution, verifier, facts, evidence, tags_hash, signature)
                select m.id, @verifier, m.facts::jsonb, @evidence::jsonb, m.tags, m.signature from unnest(@ids, @facts, @tags, @signatures) as m (id, facts, tags, signature)
                """, new
            {
                ids, verifier = verifier.SigningKey.Address.ToArray(), evidence = JsonSerializer.Serialize(evidence, TroveJson.Options),
                facts = made.ConvertAll(m => m.Facts).ToArray(), tags = made.ConvertAll(m => m.TagsHash.ToArray()).ToArray(), signatures = made.ConvertAll(m => m.Signatures[v]).ToArray(),
            }, tx);
        await connection.ExecuteAsync("""
            insert into vault_blobs (contribution, sha256, owner, kind, size, received, state, declared_at, touched_at, stored_at)
            select m.id, m.hash, m.owner, 'part', 4096, 4096, 'stored', now(), now(), now() from unnest(@ids, @hashes, @owners) as m (id, hash, owner)
            """, new { ids, hashes = made.ConvertAll(m => m.Part.Sha256.ToArray()).ToArray(), owners = made.ConvertAll(m => m.Owner.ToArray()).ToArray() }, tx);
    }

    private static Hash32 Fresh() => new(RandomNumberGenerator.GetBytes(32));
}
