using System.Security.Cryptography;
using System.Text;

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

    /// <summary>The bytes, for writing the secret in place so that no other copy is made.</summary>
    internal Span<byte> Buffer
    {
        get
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            return _bytes;
        }
    }

    /// <summary>Bytes of the operating system's generator.</summary>
    public static SecretBytes Random(int length)
    {
        var secret = new SecretBytes(length);
        RandomNumberGenerator.Fill(secret._bytes);
        return secret;
    }

    /// <summary>The UTF-8 bytes of a text, such as a passphrase typed in; the caller clears its own copy.</summary>
    public static SecretBytes FromText(ReadOnlySpan<char> text)
    {
        var secret = new SecretBytes(Encoding.UTF8.GetByteCount(text));
        Encoding.UTF8.GetBytes(text, secret._bytes);
        return secret;
    }

    /// <summary>Zeroes, to be filled through <see cref="Buffer"/>.</summary>
    internal static SecretBytes Allocate(int length) => new(length);

    /// <summary>Reads from the bytes or writes into them in place, without growing.</summary>
    internal MemoryStream OpenStream(bool writable) => new(_bytes, 0, _bytes.Length, writable);

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
