using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Trove.Core;

/// <summary>
/// Canonical bytes for hashing (specs/canonical.md): a domain tag first, then each field with a fixed width or its
/// own length, so that two different values never share their bytes. Integers are big-endian.
/// </summary>
public sealed class CanonicalWriter
{
    private readonly ArrayBufferWriter<byte> _buffer = new();

    /// <summary>Starts with nothing, for what is told apart by the key it is hashed with.</summary>
    public CanonicalWriter()
    {
    }

    /// <summary>Starts with a domain tag such as <c>trove/evidence-results/1</c>.</summary>
    public CanonicalWriter(string domain) => Text(domain);

    /// <summary>What has been written.</summary>
    public ReadOnlySpan<byte> Bytes => _buffer.WrittenSpan;

    /// <summary>SHA-256 of what has been written.</summary>
    public Hash32 Sha256() => new(SHA256.HashData(Bytes));

    /// <summary>Four bytes.</summary>
    public CanonicalWriter UInt32(uint value)
    {
        BinaryPrimitives.WriteUInt32BigEndian(_buffer.GetSpan(4), value);
        _buffer.Advance(4);
        return this;
    }

    /// <summary>Eight bytes.</summary>
    public CanonicalWriter UInt64(ulong value)
    {
        BinaryPrimitives.WriteUInt64BigEndian(_buffer.GetSpan(8), value);
        _buffer.Advance(8);
        return this;
    }

    /// <summary>Sixteen bytes.</summary>
    public CanonicalWriter UInt128(UInt128 value)
    {
        BinaryPrimitives.WriteUInt128BigEndian(_buffer.GetSpan(16), value);
        _buffer.Advance(16);
        return this;
    }

    /// <summary>32 bytes as they are.</summary>
    public CanonicalWriter Hash(Hash32 value)
    {
        value.CopyTo(_buffer.GetSpan(Hash32.Size));
        _buffer.Advance(Hash32.Size);
        return this;
    }

    /// <summary>20 bytes as they are.</summary>
    public CanonicalWriter Address(Address value)
    {
        value.CopyTo(_buffer.GetSpan(Core.Address.Size));
        _buffer.Advance(Core.Address.Size);
        return this;
    }

    /// <summary>Four bytes of length, then UTF-8.</summary>
    public CanonicalWriter Text(string value) => Data(Encoding.UTF8.GetBytes(value));

    /// <summary>Four bytes of length, then the bytes.</summary>
    public CanonicalWriter Data(ReadOnlySpan<byte> value)
    {
        UInt32(checked((uint)value.Length));
        _buffer.Write(value);
        return this;
    }
}
