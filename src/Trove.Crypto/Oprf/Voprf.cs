using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Trove.Crypto;

/// <summary>
/// The hashes of RFC 9497's verifiable mode with the suite ristretto255-SHA512 (section 4.1), and of RFC 9380's
/// expand_message_xmd below them.
/// </summary>
internal static class Voprf
{
    /// <summary>Length of an output in bytes.</summary>
    public const int OutputSize = SHA512.HashSizeInBytes;

    /// <summary>Longest input in bytes (RFC 9497, section 1.2).</summary>
    public const int MaxInput = 65_535;

    // contextString = "OPRFV1-" || 0x01 (the verifiable mode) || "-ristretto255-SHA512".
    private static readonly byte[] ToGroup = "HashToGroup-OPRFV1-\u0001-ristretto255-SHA512"u8.ToArray(), ToScalar = "HashToScalar-OPRFV1-\u0001-ristretto255-SHA512"u8.ToArray();
    private static readonly byte[] ZeroBlock = new byte[128]; // of SHA-512

    /// <summary>seedDST of RFC 9497, section 2.2.1.</summary>
    public static ReadOnlySpan<byte> SeedDomain => "Seed-OPRFV1-\u0001-ristretto255-SHA512"u8;

    /// <summary>HashToGroup: a uniform element nobody knows the logarithm of.</summary>
    /// <exception cref="ThresholdException"><see cref="ThresholdFailure.Range"/>: an input too long.</exception>
    public static void HashToGroup(ReadOnlySpan<byte> input, Span<byte> element)
    {
        if (input.Length > MaxInput)
            throw new ThresholdException(ThresholdFailure.Range, $"an input of {input.Length} bytes is not blinded: the longest has {MaxInput}; hash it first");
        Span<byte> uniform = stackalloc byte[SHA512.HashSizeInBytes];
        Expand(input, ToGroup, uniform);
        Ristretto255.FromUniform(uniform, element);
        CryptographicOperations.ZeroMemory(uniform);
    }

    /// <summary>HashToScalar: 64 bytes, little-endian, modulo L.</summary>
    public static unsafe void HashToScalar(ReadOnlySpan<byte> input, Span<byte> scalar)
    {
        Span<byte> uniform = stackalloc byte[SHA512.HashSizeInBytes];
        Expand(input, ToScalar, uniform);
        fixed (byte* wide = uniform, result = scalar)
            Native.crypto_core_ed25519_scalar_reduce(result, wide);
    }

    /// <summary>Finalize, without the unblinding: SHA-512 of input and element (RFC 9497, section 3.3.1).</summary>
    public static void Finish(ReadOnlySpan<byte> input, ReadOnlySpan<byte> element, Span<byte> output)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA512);
        AppendSized(hash, input);
        AppendSized(hash, element);
        hash.AppendData("Finalize"u8);
        hash.GetHashAndReset(output);
    }

    /// <summary>I2OSP(length, 2), then the bytes.</summary>
    public static void AppendSized(IncrementalHash hash, ReadOnlySpan<byte> bytes)
    {
        Span<byte> length = stackalloc byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(length, checked((ushort)bytes.Length));
        hash.AppendData(length);
        hash.AppendData(bytes);
    }

    // expand_message_xmd for 64 bytes, which SHA-512 gives in one block (RFC 9380, section 5.3.1).
    private static void Expand(ReadOnlySpan<byte> message, ReadOnlySpan<byte> domain, Span<byte> uniform)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA512);
        hash.AppendData(ZeroBlock);
        hash.AppendData(message);
        hash.AppendData([0, SHA512.HashSizeInBytes, 0]);
        hash.AppendData(domain);
        hash.AppendData([(byte)domain.Length]);
        hash.GetHashAndReset(uniform);
        hash.AppendData(uniform);
        hash.AppendData([1]);
        hash.AppendData(domain);
        hash.AppendData([(byte)domain.Length]);
        hash.GetHashAndReset(uniform);
    }
}
