using System.Buffers.Binary;
using System.Security.Cryptography;
using Trove.Core;
using Trove.Crypto;

namespace Trove.Node.Guardians;

/// <summary>Which release it is: sealed with it, and what its proof is bound to.</summary>
public readonly record struct ReleaseHeader(Hash32 Request, uint Use, uint KeyVersion, uint CommitteeEpoch)
{
    /// <summary>Length in bytes.</summary>
    public const int Size = 16 + Hash32.Size + 3 * sizeof(uint);

    private static ReadOnlySpan<byte> Magic => "trove/release/4\n"u8;

    /// <summary>The bytes that a release starts with.</summary>
    public byte[] Encode()
    {
        var bytes = new byte[Size];
        Magic.CopyTo(bytes);
        Request.CopyTo(bytes.AsSpan(Magic.Length));
        var numbers = bytes.AsSpan(Magic.Length + Hash32.Size);
        BinaryPrimitives.WriteUInt32BigEndian(numbers, Use);
        BinaryPrimitives.WriteUInt32BigEndian(numbers[4..], KeyVersion);
        BinaryPrimitives.WriteUInt32BigEndian(numbers[8..], CommitteeEpoch);
        return bytes;
    }
}

/// <summary>
/// What a guardian seals to a use's one-time key (specs/uses.md, "Release"): its evaluation that the use's seed is made of, its partial decryptions
/// of all parts in scope, in the order of the inputs, and, when it was asked for, one proof of these.
/// </summary>
public sealed class ReleaseFile : IDisposable
{
    /// <summary>Length of an evaluation of one element with its proof.</summary>
    private const int EvaluationSize = 97;

    private ReleaseFile(OprfEvaluation evaluation, PartialDecryptions? partials, byte[]? proof) => (Evaluation, Partials, Proof) = (evaluation, partials, proof);

    /// <summary>What the seed is made of, unchecked.</summary>
    public OprfEvaluation Evaluation { get; }

    /// <summary>One for each part; null when there are no parts in scope.</summary>
    public PartialDecryptions? Partials { get; }

    /// <summary>That the partial decryptions are right, bound to the header; null when none was asked for, or there is nothing to prove.</summary>
    public byte[]? Proof { get; }

    /// <summary>Number of parts.</summary>
    public int Count => Partials?.Count ?? 0;

    /// <summary>Encodes and seals a release.</summary>
    /// <param name="header">Which it is.</param>
    /// <param name="evaluation">Of one element.</param>
    /// <param name="partials">Null when there are no parts in scope.</param>
    /// <param name="proof">Null when none was asked for, or there is nothing to prove.</param>
    /// <param name="oneTimeKey">The runner's key for this use.</param>
    /// <param name="ct">Ends it.</param>
    public static async Task<byte[]> SealAsync(ReleaseHeader header, OprfEvaluation evaluation, PartialDecryptions? partials, byte[]? proof, X25519Recipient oneTimeKey, CancellationToken ct)
    {
        using var list = partials?.Encode();
        byte[] first = [.. header.Encode(), proof is null ? (byte)0 : (byte)1, .. proof ?? [], .. evaluation.Encode()];
        var bytes = new byte[first.Length + (list?.Length ?? 0)];
        try
        {
            first.CopyTo(bytes, 0);
            list?.Span.CopyTo(bytes.AsSpan(first.Length));
            using var file = new MemoryStream();
            await AgeFile.EncryptAsync(new MemoryStream(bytes, writable: false), file, [oneTimeKey], cancel: ct);
            return file.ToArray();
        }
        finally
        {
            CryptographicOperations.ZeroMemory(bytes);
            CryptographicOperations.ZeroMemory(first);
        }
    }

    /// <summary>Opens a sealed release; null when it is none for this key and header, from that guardian.</summary>
    public static async Task<ReleaseFile?> OpenAsync(byte[] sealedFile, X25519Identity oneTimeKey, ReleaseHeader header, int guardianIndex, CancellationToken ct)
    {
        // As long as the file is: no copy is left behind by growing.
        var plain = new MemoryStream(sealedFile.Length);
        try
        {
            await AgeFile.DecryptAsync(new MemoryStream(sealedFile, writable: false), plain, [oneTimeKey], cancel: ct);
            return Parse(plain.GetBuffer().AsSpan(0, (int)plain.Length), header, guardianIndex);
        }
        catch (Exception e) when (e is AgeException or FormatException or ThresholdException)
        {
            return null;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(plain.GetBuffer());
        }
    }

    /// <summary>Zeroes the partial decryptions.</summary>
    public void Dispose() => Partials?.Dispose();

    internal static ReleaseFile? Parse(ReadOnlySpan<byte> bytes, ReleaseHeader header, int guardianIndex)
    {
        if (bytes.Length <= ReleaseHeader.Size || !bytes.StartsWith(header.Encode()) || bytes[ReleaseHeader.Size] > 1)
            return null;
        int proofSize = bytes[ReleaseHeader.Size] == 1 ? ThresholdKey.ProofSize : 0;
        var rest = bytes[(ReleaseHeader.Size + 1)..];
        if (rest.Length < proofSize + EvaluationSize)
            return null;
        var proof = proofSize > 0 ? rest[..proofSize].ToArray() : null;
        var evaluation = OprfEvaluation.Parse(rest.Slice(proofSize, EvaluationSize));
        if (evaluation.Index != guardianIndex)
            return null;
        rest = rest[(proofSize + EvaluationSize)..];
        if (rest.IsEmpty)
            return proof is null ? new ReleaseFile(evaluation, null, null) : null;
        var partials = PartialDecryptions.Parse(rest);
        if (partials.Index == guardianIndex)
            return new ReleaseFile(evaluation, partials, proof);
        partials.Dispose();
        return null;
    }
}
