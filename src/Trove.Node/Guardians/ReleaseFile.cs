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

    private static ReadOnlySpan<byte> Magic => "trove/release/3\n"u8;

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
/// What a guardian seals to a use's one-time key (specs/uses.md, "Release"): its partial decryptions of all parts in scope, in the
/// order of the inputs, and, when it was asked for, one proof of them all.
/// </summary>
public sealed class ReleaseFile : IDisposable
{
    private ReleaseFile(PartialDecryptions? partials, byte[]? proof) => (Partials, Proof) = (partials, proof);

    /// <summary>One for each part; null when there are no parts in scope.</summary>
    public PartialDecryptions? Partials { get; }

    /// <summary>That they are right, bound to the header; null when none was asked for, or there is nothing to prove.</summary>
    public byte[]? Proof { get; }

    /// <summary>Number of parts.</summary>
    public int Count => Partials?.Count ?? 0;

    /// <summary>Encodes and seals a release.</summary>
    /// <param name="header">Which it is.</param>
    /// <param name="partials">Null when there are no parts in scope.</param>
    /// <param name="proof">Null when none was asked for, or there is nothing to prove.</param>
    /// <param name="oneTimeKey">The runner's key for this use.</param>
    /// <param name="ct">Ends it.</param>
    public static async Task<byte[]> SealAsync(ReleaseHeader header, PartialDecryptions? partials, byte[]? proof, X25519Recipient oneTimeKey, CancellationToken ct)
    {
        using var list = partials?.Encode();
        var bytes = new byte[ReleaseHeader.Size + 1 + (proof?.Length ?? 0) + (list?.Length ?? 0)];
        try
        {
            header.Encode().CopyTo(bytes, 0);
            bytes[ReleaseHeader.Size] = proof is null ? (byte)0 : (byte)1;
            proof?.CopyTo(bytes, ReleaseHeader.Size + 1);
            list?.Span.CopyTo(bytes.AsSpan(^list.Length..));
            using var file = new MemoryStream();
            await AgeFile.EncryptAsync(new MemoryStream(bytes, writable: false), file, [oneTimeKey], cancel: ct);
            return file.ToArray();
        }
        finally
        {
            CryptographicOperations.ZeroMemory(bytes);
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
        bool proven = bytes[ReleaseHeader.Size] == 1;
        var rest = bytes[(ReleaseHeader.Size + 1)..];
        if (proven && rest.Length < ThresholdKey.ProofSize)
            return null;
        var proof = proven ? rest[..ThresholdKey.ProofSize].ToArray() : null;
        if (rest.IsEmpty)
            return new ReleaseFile(null, null);
        var partials = PartialDecryptions.Parse(rest[(proof?.Length ?? 0)..]);
        if (partials.Index == guardianIndex)
            return new ReleaseFile(partials, proof);
        partials.Dispose();
        return null;
    }
}
