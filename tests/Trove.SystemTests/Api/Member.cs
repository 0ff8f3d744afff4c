using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using Trove.Core;
using Trove.Crypto;
using Trove.Exports;
using Trove.Node.Protocol;

namespace Trove.SystemTests.Api;

/// <summary>
/// A member written from the protocol alone, apart from the command line's: each step can be done by itself, wrongly or
/// twice.
/// </summary>
internal sealed class Member : IDisposable
{
    private byte[] _zip;
    private readonly List<(SealedPart Sealed, byte[] Ciphertext, PartKey Part)> _made = [];

    private Member(byte[] zip, SigningKey key) => (_zip, Key) = (zip, key);

    public SigningKey Key { get; }

    public Hash32 Salt { get; set; } = Fresh();

    /// <summary>The export that goes into the evidence; the one that the parts were made of, unless a test lies.</summary>
    public byte[] EvidenceZip { set => _zip = value; }

    /// <summary>Mails that go into the evidence.</summary>
    public IReadOnlyList<ReadOnlyMemory<byte>> Mails { get; set; } = [];

    /// <summary>Public pages that the evidence names.</summary>
    public PublicPages Pages { get; set; } = PublicPages.None;

    /// <summary>Ciphertext of the parts in order.</summary>
    public IEnumerable<byte[]> Ciphertexts => _made.Select(m => m.Ciphertext);

    /// <summary>The sealed evidence; there after <see cref="SealAsync"/>.</summary>
    public byte[] Evidence { get; private set; } = [];

    public static Hash32 Fresh() => new(RandomNumberGenerator.GetBytes(32));

    public static long Soon() => DateTimeOffset.UtcNow.AddHours(1).ToUnixTimeSeconds();

    /// <summary>A Reddit export with one comment for each text.</summary>
    public static byte[] Reddit(string account, params string[] comments)
    {
        var csv = new StringBuilder("id,permalink,date,ip,subreddit,gildings,link,parent,body,media\r\n");
        var headers = new StringBuilder("id,permalink,date,ip,subreddit,gildings,link,parent\r\n");
        for (int i = 0; i < comments.Length; i++)
        {
            string row = $"{account}{i},https://www.reddit.com/r/marsh/comments/p/t/{account}{i}/,{2019 + i % 6}-05-02 03:04:05 UTC,,marsh,0,https://www.reddit.com/r/marsh/comments/p/t/,";
            csv.Append(row).Append(",\"").Append(comments[i].Replace("\"", "\"\"", StringComparison.Ordinal)).Append("\",\r\n");
            headers.Append(row).Append("\r\n");
        }
        return Zip(("comments.csv", csv.ToString()), ("comment_headers.csv", headers.ToString()), ("posts.csv", "id,permalink,date,ip,subreddit,gildings,title,url,body\r\n"),
            ("statistics.csv", $"statistic,value\r\naccount name,{account}\r\ncreated_utc,2018-03-02 10:00:00 UTC\r\nexport time,2026-06-01 12:00:00 UTC\r\n"));
    }

    public static byte[] Zip(params (string Name, string Text)[] files)
    {
        using var buffer = new MemoryStream();
        using (var archive = new ZipArchive(buffer, ZipArchiveMode.Create, leaveOpen: true))
            foreach (var (name, text) in files)
            {
                using var entry = archive.CreateEntry(name).Open();
                entry.Write(Encoding.UTF8.GetBytes(text));
            }
        return buffer.ToArray();
    }

    /// <summary>Makes the parts.</summary>
    public static async Task<Member> PrepareAsync(AssetInfo asset, byte[] zip, SigningKey? key = null)
    {
        var member = new Member(zip, key ?? SigningKey.Generate());
        using var export = Export.Open("export.zip", zip);
        var plain = new Dictionary<PartKey, MemoryStream>();
        using var writer = new PartWriter(part => plain[part] = new MemoryStream());
        foreach (var record in export.Records().Where(r => asset.Policy!.Kinds.Contains(r.Kind.Name())))
            writer.Add(record);
        foreach (var summary in writer.Complete())
        {
            using var target = new MemoryStream();
            var part = await SealedPart.CreateAsync(new MemoryStream(plain[summary.Key].ToArray()), target, X25519Recipient.Parse(asset.Recipient));
            member._made.Add((part, target.ToArray(), summary.Key));
        }
        return member;
    }

    public Hash32 Id(NodeInfo info, AssetInfo asset) => ContributionId.Of(info.ChainId, asset.Ledger, Key.Address, Salt);

    public IReadOnlyList<AnnouncedPart> Parts(NodeInfo info, AssetInfo asset) => [.. _made.Select(m => new AnnouncedPart(m.Part.Kind.Name(), m.Part.Year,
        m.Sealed.EphemeralShare, m.Sealed.HeaderHash, m.Sealed.CiphertextHash, m.Sealed.CiphertextSize, Hex.Encode(ProofOfKnowledge.Create(m.Sealed.EphemeralSecret,
            PartDescriptor.ProofContext(info.ChainId, asset.Ledger, asset.Asset, Id(info, asset), Key.Address, m.Sealed.HeaderHash)))))];

    public AnnounceRequest Announce(NodeInfo info, AssetInfo asset, IReadOnlyList<AnnouncedPart>? parts = null, Hash32? nonce = null)
    {
        parts ??= Parts(info, asset);
        var (id, fresh, deadline) = (Id(info, asset), nonce ?? Fresh(), Soon());
        var digest = Messages.Announce(Messages.Domain(info.ChainId, asset.Ledger), asset.Asset, id, Key.Address, Root(id, parts), parts.Sum(p => p.Size), fresh, deadline);
        return new AnnounceRequest(Key.Address, Salt, parts, fresh, deadline, Hex.Encode(Key.Sign(digest)));
    }

    /// <summary>Seals the evidence to the verifiers that the announcement named.</summary>
    public async Task SealAsync(AnnounceResponse announced)
    {
        using var plain = new MemoryStream();
        EvidenceFile.WriteHead(plain, "", Mails, Pages, [.. _made.Select(m => (m.Sealed.HeaderHash, m.Sealed.EphemeralSecret))]);
        plain.Write(_zip);
        plain.Position = 0;
        using var target = new MemoryStream();
        await AgeFile.EncryptAsync(plain, target, [.. announced.Verifiers.Select(v => X25519Recipient.Parse(v.Recipient))]);
        Evidence = target.ToArray();
    }

    public ManifestRequest Manifest(NodeInfo info, AssetInfo asset, AnnounceResponse announced)
    {
        var (nonce, deadline, hash) = (Fresh(), Soon(), new Hash32(SHA256.HashData(Evidence)));
        var digest = Messages.Manifest(Messages.Domain(info.ChainId, asset.Ledger), asset.Asset, announced.Contribution, Key.Address,
            Root(announced.Contribution, Parts(info, asset)), hash, Evidence.Length, announced.AnnouncedBlock, asset.PolicyHash, nonce, deadline);
        return new ManifestRequest(hash, Evidence.Length, announced.AnnouncedBlock, asset.PolicyHash, nonce, deadline, Hex.Encode(Key.Sign(digest)));
    }

    /// <summary>All steps up to the verifiers' queue; the contribution's id.</summary>
    public async Task<Hash32> ContributeAsync(TroveClient client, NodeInfo info, AssetInfo asset)
    {
        var announced = await Evaluators.AnnounceAsync(client, info, asset, Announce(info, asset));
        await SealAsync(announced);
        await client.SetManifestAsync(announced.Contribution, Manifest(info, asset, announced), default);
        await UploadAsync(client, announced);
        await client.CompleteAsync(announced.Contribution, default);
        return announced.Contribution;
    }

    public async Task UploadAsync(TroveClient client, AnnounceResponse announced)
    {
        foreach (var blob in Ciphertexts.Append(Evidence))
            Assert.Equal(blob.Length, await client.PutPieceAsync(announced.Contribution, new Hash32(SHA256.HashData(blob)), 0, blob, announced.UploadToken, default));
    }

    public static Hash32 Root(Hash32 id, IEnumerable<AnnouncedPart> parts) => PartDescriptor.Tree(id, parts.Select(p => p.Descriptor())).Root;

    public void Dispose()
    {
        Key.Dispose();
        foreach (var (part, _, _) in _made)
            part.Dispose();
    }
}
