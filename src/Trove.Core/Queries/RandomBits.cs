using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Trove.Core.Queries;

/// <summary>
/// Random bytes that follow from a key and from what they are for: block i is HMAC-SHA512(key, i in four bytes, big-endian, ‖ context), a
/// pseudorandom function in counter mode as in NIST SP 800-108r1, section 4.1. Whoever has both draws the same again; another
/// context is another stream.
/// </summary>
/// <param name="key">32 bytes; not kept beyond the life of this object, and zeroed by whoever owns it.</param>
/// <param name="context">What the bytes are for, in canonical bytes that start with a tag.</param>
public sealed class RandomBits(ReadOnlyMemory<byte> key, ReadOnlySpan<byte> context)
{
    private readonly byte[] _input = [0, 0, 0, 0, .. context];
    private readonly byte[] _block = new byte[HMACSHA512.HashSizeInBytes];
    private int _used = HMACSHA512.HashSizeInBytes;
    private uint _blocks;

    /// <summary>
    /// A uniform integer from 0 to <paramref name="bound"/> − 1, without bias: of as few bytes as hold the largest, big-endian, without the bits
    /// above its highest; what is the bound or more is drawn anew, less than every second time. One value takes no bytes.
    /// </summary>
    /// <param name="bound">At least 1.</param>
    public UInt128 Below(UInt128 bound)
    {
        ArgumentOutOfRangeException.ThrowIfZero(bound);
        int bits = (int)(128 - UInt128.LeadingZeroCount(bound - 1));
        while (true)
        {
            UInt128 value = 0;
            for (int left = (bits + 7) / 8; left > 0; left--)
                value = value << 8 | Next();
            if (bits < 128)
                value &= (UInt128.One << bits) - 1;
            if (value < bound)
                return value;
        }
    }

    private byte Next()
    {
        if (_used == _block.Length)
        {
            BinaryPrimitives.WriteUInt32BigEndian(_input, _blocks++);
            HMACSHA512.HashData(key.Span, _input, _block);
            _used = 0;
        }
        return _block[_used++];
    }
}
