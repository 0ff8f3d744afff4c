using System.Buffers.Binary;
using System.Text;
using Trove.Core;
using Trove.Crypto;

namespace Trove.Node.Protocol;

/// <summary>Public pages that a member wants the verifiers to look at (specs/public-pages.md). Nothing else is fetched: the platform sees who is asked about.</summary>
/// <param name="Profile">The account's profile, for the wallet's code.</param>
/// <param name="Permalinks">Records of the export, drawn by lot.</param>
/// <param name="Posts">Addresses of posts with the wallet's code.</param>
public sealed record PublicPages(bool Profile, bool Permalinks, IReadOnlyList<string> Posts)
{
    /// <summary>None.</summary>
    public static readonly PublicPages None = new(false, false, []);

    /// <summary>Are there any?</summary>
    public bool Any => Profile || Permalinks || Posts.Count > 0;
}

/// <summary>
/// What is inside the evidence's age file (specs/evidence.md): a magic line, the account's name where the export does
/// not say it, mails of the platform, public pages to look at, the ephemeral secret of each part under its header hash, then the export's ZIP without
/// what the member keeps out. Only ever at rest sealed to the assigned verifiers, and destroyed when they have answered.
/// </summary>
public sealed class EvidenceFile : IDisposable
{
    /// <summary>Mails of one contribution.</summary>
    public const int MaxMails = 4;

    /// <summary>Bytes of a mail. Notices of platforms have some dozens of KiB.</summary>
    public const int MaxMail = 1 << 20;

    /// <summary>Posts of one contribution.</summary>
    public const int MaxPosts = 4;

    /// <summary>Bytes of a post's address in UTF-8.</summary>
    public const int MaxAddress = 512;

    private const int MaxMe = 1024;
    private const int ProfileFlag = 1, PermalinksFlag = 2;
    private static readonly byte[] Magic = "trove/evidence/3\n"u8.ToArray();

    private readonly Dictionary<Hash32, SecretBytes> _openings;

    private EvidenceFile(string me, IReadOnlyList<ReadOnlyMemory<byte>> mails, PublicPages pages, Dictionary<Hash32, SecretBytes> openings, ReadOnlyMemory<byte> export)
    {
        Me = me;
        Mails = mails;
        Pages = pages;
        _openings = openings;
        Export = export;
    }

    /// <summary>Whose the export is, where it does not say so itself; else empty.</summary>
    public string Me { get; }

    /// <summary>Mails in which the platform announces the export, as they were received.</summary>
    public IReadOnlyList<ReadOnlyMemory<byte>> Mails { get; }

    /// <summary>What the verifiers are asked to look at.</summary>
    public PublicPages Pages { get; }

    /// <summary>The export's ZIP.</summary>
    public ReadOnlyMemory<byte> Export { get; }

    /// <summary>The ephemeral secret of the part with this header; null when it was not given.</summary>
    public SecretBytes? Opening(Hash32 headerHash) => _openings.GetValueOrDefault(headerHash);

    /// <summary>Writes all that comes before the ZIP.</summary>
    public static void WriteHead(Stream target, string me, IReadOnlyCollection<ReadOnlyMemory<byte>> mails, PublicPages pages, IReadOnlyCollection<(Hash32 HeaderHash, SecretBytes Secret)> openings)
    {
        target.Write(Magic);
        WriteText(target, me);
        WriteLength(target, mails.Count);
        foreach (var mail in mails)
        {
            WriteLength(target, mail.Length);
            target.Write(mail.Span);
        }
        WriteLength(target, (pages.Profile ? ProfileFlag : 0) | (pages.Permalinks ? PermalinksFlag : 0));
        WriteLength(target, pages.Posts.Count);
        foreach (var post in pages.Posts)
            WriteText(target, post);
        WriteLength(target, openings.Count);
        foreach (var (headerHash, secret) in openings)
        {
            target.Write(headerHash.ToArray());
            target.Write(secret.Span);
        }
    }

    /// <summary>Reads an evidence file's plaintext.</summary>
    /// <exception cref="FormatException">It is no such file.</exception>
    public static EvidenceFile Read(ReadOnlyMemory<byte> bytes)
    {
        var span = bytes.Span;
        int at = 0;
        ReadOnlySpan<byte> Take(ReadOnlySpan<byte> from, int length)
        {
            if (length < 0 || from.Length - at < length)
                throw new FormatException("the evidence file is cut short");
            at += length;
            return from.Slice(at - length, length);
        }
        if (!Take(span, Magic.Length).SequenceEqual(Magic))
            throw new FormatException("this is no evidence file of version 3");
        int nameLength = BinaryPrimitives.ReadInt32BigEndian(Take(span, 4));
        if (nameLength is < 0 or > MaxMe)
            throw new FormatException("the account's name in the evidence file is too long");
        string me = Encoding.UTF8.GetString(Take(span, nameLength));
        int mailCount = BinaryPrimitives.ReadInt32BigEndian(Take(span, 4));
        if (mailCount is < 0 or > MaxMails)
            throw new FormatException("the evidence file has too many mails");
        var mails = new List<ReadOnlyMemory<byte>>();
        for (int i = 0; i < mailCount; i++)
        {
            int length = BinaryPrimitives.ReadInt32BigEndian(Take(span, 4));
            if (length is < 0 or > MaxMail)
                throw new FormatException("a mail in the evidence file is too long");
            Take(span, length);
            mails.Add(bytes.Slice(at - length, length));
        }
        int flags = BinaryPrimitives.ReadInt32BigEndian(Take(span, 4));
        if ((flags & ~(ProfileFlag | PermalinksFlag)) != 0)
            throw new FormatException("the evidence file asks for pages that there are not");
        int postCount = BinaryPrimitives.ReadInt32BigEndian(Take(span, 4));
        if (postCount is < 0 or > MaxPosts)
            throw new FormatException("the evidence file has too many posts");
        var posts = new List<string>();
        for (int i = 0; i < postCount; i++)
        {
            int length = BinaryPrimitives.ReadInt32BigEndian(Take(span, 4));
            if (length is < 0 or > MaxAddress)
                throw new FormatException("a post's address in the evidence file is too long");
            posts.Add(Encoding.UTF8.GetString(Take(span, length)));
        }
        int count = BinaryPrimitives.ReadInt32BigEndian(Take(span, 4));
        if (count is < 0 or > PartDescriptor.MaxPerContribution)
            throw new FormatException("the evidence file opens too many parts");
        var openings = new Dictionary<Hash32, SecretBytes>();
        for (int i = 0; i < count; i++)
        {
            var headerHash = new Hash32(Take(span, Hash32.Size));
            var secret = new SecretBytes(Take(span, 32));
            if (!openings.TryAdd(headerHash, secret))
                secret.Dispose();
        }
        return new EvidenceFile(me, mails, new PublicPages((flags & ProfileFlag) != 0, (flags & PermalinksFlag) != 0, posts), openings, bytes[at..]);
    }

    /// <summary>Zeroes the secrets.</summary>
    public void Dispose()
    {
        foreach (var secret in _openings.Values)
            secret.Dispose();
    }

    private static void WriteText(Stream target, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        WriteLength(target, bytes.Length);
        target.Write(bytes);
    }

    private static void WriteLength(Stream target, int value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, value);
        target.Write(bytes);
    }
}
