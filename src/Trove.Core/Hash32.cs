using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;

namespace Trove.Core;

/// <summary>
/// 32 bytes: a SHA-256 or Keccak-256 hash, a contribution id, a nonce, an X25519 public key.
/// A value, compared by content; <c>default</c> is all zero bytes. Not for secrets: it prints itself.
/// </summary>
public readonly struct Hash32 : IEquatable<Hash32>, IComparable<Hash32>
{
    /// <summary>Length in bytes.</summary>
    public const int Size = 32;

    private readonly ulong _a, _b, _c, _d; // big-endian words, so that comparing words compares bytes

    /// <summary>Reads exactly 32 bytes.</summary>
    /// <exception cref="ArgumentException">The span is not 32 bytes long.</exception>
    public Hash32(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != Size)
            throw new ArgumentException($"a 32-byte value cannot be made of {bytes.Length} bytes");
        _a = BinaryPrimitives.ReadUInt64BigEndian(bytes);
        _b = BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]);
        _c = BinaryPrimitives.ReadUInt64BigEndian(bytes[16..]);
        _d = BinaryPrimitives.ReadUInt64BigEndian(bytes[24..]);
    }

    /// <summary>True for 32 zero bytes.</summary>
    public bool IsZero => (_a | _b | _c | _d) == 0;

    /// <summary>Parses 64 hex digits, with or without <c>0x</c>, either case.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out Hash32 value)
    {
        Span<byte> bytes = stackalloc byte[Size];
        bool ok = Hex.TryDecode(text, bytes);
        value = ok ? new Hash32(bytes) : default;
        return ok;
    }

    /// <summary>Parses 64 hex digits, with or without <c>0x</c>.</summary>
    /// <exception cref="FormatException">Anything else.</exception>
    public static Hash32 Parse(string text) =>
        TryParse(text, out var value) ? value : throw new FormatException("expected 64 hex digits (32 bytes)");

    /// <summary>Writes the 32 bytes.</summary>
    public void CopyTo(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64BigEndian(destination, _a);
        BinaryPrimitives.WriteUInt64BigEndian(destination[8..], _b);
        BinaryPrimitives.WriteUInt64BigEndian(destination[16..], _c);
        BinaryPrimitives.WriteUInt64BigEndian(destination[24..], _d);
    }

    /// <summary>A fresh array of the 32 bytes.</summary>
    public byte[] ToArray()
    {
        var bytes = new byte[Size];
        CopyTo(bytes);
        return bytes;
    }

    /// <summary>64 lower-case hex digits without prefix: the form used in file names and for SHA-256.</summary>
    public string ToHex() => Convert.ToHexStringLower(ToArray());

    /// <summary><c>0x</c> and 64 lower-case hex digits.</summary>
    public override string ToString() => "0x" + ToHex();

    /// <inheritdoc/>
    public bool Equals(Hash32 other) => _a == other._a && _b == other._b && _c == other._c && _d == other._d;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Hash32 other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(_a, _b, _c, _d);

    /// <summary>Order of the bytes, first byte most significant.</summary>
    public int CompareTo(Hash32 other)
    {
        int c = _a.CompareTo(other._a);
        if (c == 0)
            c = _b.CompareTo(other._b);
        if (c == 0)
            c = _c.CompareTo(other._c);
        return c == 0 ? _d.CompareTo(other._d) : c;
    }

    public static bool operator ==(Hash32 left, Hash32 right) => left.Equals(right);
    public static bool operator !=(Hash32 left, Hash32 right) => !left.Equals(right);
}
