using System.Buffers.Binary;
using System.Text;
using Trove.Core;
using Trove.Crypto;

namespace Trove.Node.Protocol;

/// <summary>
/// What is inside the evidence's age file (specs/evidence.md): a magic line, the account's name where the export does
/// not say it, mails of the platform, the ephemeral secret of each part under its header hash, then the export's ZIP without
/// what the member keeps out. Only ever at rest sealed to the assigned verifiers, and destroyed when they have answered.
/// </summary>
public sealed class EvidenceFile : IDisposable
{
    /// <summary>Mails of one contribution.</summary>
    public const int MaxMails = 4;

    /// <summary>Bytes of a mail. Notices of platforms have some dozens of KiB.</summary>
    public const int MaxMail = 1 << 20;

    private const int MaxMe = 1024;
    private static readonly byte[] Magic = "trove/evidence/2\n"u8.ToArray();

    private readonly Dictionary<Hash32, SecretBytes> _openings;

    private EvidenceFile(string me, IReadOnlyList<ReadOnlyMemory<byte>> mails, Dictionary<Hash32, SecretBytes> openings, ReadOnlyMemory<byte> export)
    {
        Me = me;
        Mails = mails;
        _openings = openings;
        Export = export;
    }

    /// <summary>Whose the export is, where it does not say so itself; else empty.</summary>
    public string Me { get; }

    /// <summary>Mails in which the platform announces the export, as they were received.</summary>
    public IReadOnlyList<ReadOnlyMemory<byte>> Mails { get; }

    /// <summary>The export's ZIP.</summary>
    public ReadOnlyMemory<byte> Export { get; }

    /// <summary>The ephemeral secret of the part with this header; null when it was not given.</summary>
    public SecretBytes? Opening(Hash32 headerHash) => _openings.GetValueOrDefault(headerHash);

    /// <summary>Writes all that comes before the ZIP.</summary>
    public static void WriteHead(Stream target, string me, IReadOnlyCollection<ReadOnlyMemory<byte>> mails, IReadOnlyCollection<(Hash32 HeaderHash, SecretBytes Secret)> openings)
    {
        target.Write(Magic);
        var name = Encoding.UTF8.GetBytes(me);
        WriteLength(target, name.Length);
        target.Write(name);
        WriteLength(target, mails.Count);
        foreach (var mail in mails)
        {
            WriteLength(target, mail.Length);
            target.Write(mail.Span);
        }
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
            throw new FormatException("this is no evidence file of version 2");
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
        return new EvidenceFile(me, mails, openings, bytes[at..]);
    }

    /// <summary>Zeroes the secrets.</summary>
    public void Dispose()
    {
        foreach (var secret in _openings.Values)
            secret.Dispose();
    }

    private static void WriteLength(Stream target, int value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, value);
        target.Write(bytes);
    }
}
