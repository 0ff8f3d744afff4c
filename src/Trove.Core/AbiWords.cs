using System.Buffers;
using System.Buffers.Binary;

namespace Trove.Core;

/// <summary>
/// The static part of Solidity's <c>abi.encode</c>: a row of 32-byte words, enough for Merkle leaves and ids. The
/// full codec is in Trove.Chain; leaves live here because rewards and proofs must be computable without a chain.
/// </summary>
public sealed class AbiWords
{
    private readonly ArrayBufferWriter<byte> _buffer = new();

    /// <summary>The words written so far.</summary>
    public ReadOnlySpan<byte> Span => _buffer.WrittenSpan;

    /// <summary>Any <c>uintN</c> up to 128 bits.</summary>
    public AbiWords UInt(UInt128 value)
    {
        var word = _buffer.GetSpan(32)[..32];
        word.Clear();
        BinaryPrimitives.WriteUInt128BigEndian(word[16..], value);
        _buffer.Advance(32);
        return this;
    }

    /// <summary>An <c>address</c>.</summary>
    public AbiWords Address(Address value) => Bytes32(value.ToWord());

    /// <summary>A <c>bytes32</c>.</summary>
    public AbiWords Bytes32(Hash32 value)
    {
        value.CopyTo(_buffer.GetSpan(32));
        _buffer.Advance(32);
        return this;
    }
}
