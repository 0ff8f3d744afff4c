using System.Security.Cryptography;

namespace Trove.Crypto;

/// <summary>
/// Bytes that must not outlive their use: pinned, so that the collector leaves no copies behind, and zeroed on
/// disposal. Never prints its content, and compares in constant time. One owner disposes it.
/// </summary>
public sealed class SecretBytes : IDisposable
{
    private readonly byte[] _bytes;
    private bool _disposed;

    private SecretBytes(int length) => _bytes = GC.AllocateArray<byte>(length, pinned: true);

    /// <summary>Copies <paramref name="bytes"/>; the caller zeroes its own copy.</summary>
    public SecretBytes(ReadOnlySpan<byte> bytes) : this(bytes.Length) => bytes.CopyTo(_bytes);

    /// <summary>Length in bytes.</summary>
    public int Length => _bytes.Length;

    /// <summary>The bytes, valid until disposal.</summary>
    /// <exception cref="ObjectDisposedException">After disposal.</exception>
    public ReadOnlySpan<byte> Span
    {
        get
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            return _bytes;
        }
    }

    /// <summary>Bytes of the operating system's generator.</summary>
    public static SecretBytes Random(int length) => Fill(length, RandomNumberGenerator.Fill);

    /// <summary>Lets <paramref name="fill"/> write the secret in place, so that no other copy is made.</summary>
    public static SecretBytes Fill(int length, SpanWriter fill)
    {
        var secret = new SecretBytes(length);
        try
        {
            fill(secret._bytes);
            return secret;
        }
        catch
        {
            secret.Dispose();
            throw;
        }
    }

    /// <summary>Writes a secret into its final place.</summary>
    public delegate void SpanWriter(Span<byte> destination);

    /// <summary>A second, independently owned copy.</summary>
    public SecretBytes Copy() => new(Span);

    /// <summary>Equality in constant time; only the lengths may leak.</summary>
    public bool FixedTimeEquals(ReadOnlySpan<byte> other) => CryptographicOperations.FixedTimeEquals(Span, other);

    /// <summary>Zeroes the bytes.</summary>
    public void Dispose()
    {
        _disposed = true;
        CryptographicOperations.ZeroMemory(_bytes);
    }

    /// <summary>The length only.</summary>
    public override string ToString() => $"secret of {Length} bytes";
}
