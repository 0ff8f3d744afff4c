using System.Buffers.Binary;
using System.Text;

namespace Trove.Core;

/// <summary>Reads what <see cref="CanonicalWriter"/> wrote, field by field. Nothing is believed beyond the bytes that are there.</summary>
public ref struct CanonicalReader
{
    private ReadOnlySpan<byte> _rest;

    /// <summary>Starts behind the domain tag.</summary>
    /// <exception cref="FormatException">The bytes start with another tag.</exception>
    public CanonicalReader(ReadOnlySpan<byte> bytes, string domain)
    {
        _rest = bytes;
        if (!Data(domain.Length).SequenceEqual(Encoding.UTF8.GetBytes(domain)))
            throw new FormatException($"the bytes do not start with the tag {domain}");
    }

    /// <summary>What has not been read.</summary>
    public readonly ReadOnlySpan<byte> Rest => _rest;

    /// <summary>Four bytes, as a number that must not be larger than a bound.</summary>
    /// <exception cref="FormatException">It is larger, or the bytes end.</exception>
    public int Number(int max)
    {
        uint value = UInt32();
        return value <= (uint)max ? (int)value : throw new FormatException($"a number is {value} and must not be above {max}");
    }

    /// <summary>Four bytes.</summary>
    /// <exception cref="FormatException">The bytes end.</exception>
    public uint UInt32() => BinaryPrimitives.ReadUInt32BigEndian(Take(4));

    /// <summary>Eight bytes.</summary>
    /// <exception cref="FormatException">The bytes end.</exception>
    public ulong UInt64() => BinaryPrimitives.ReadUInt64BigEndian(Take(8));

    /// <summary>32 bytes.</summary>
    /// <exception cref="FormatException">The bytes end.</exception>
    public Hash32 Hash() => new(Take(Hash32.Size));

    /// <summary>20 bytes.</summary>
    /// <exception cref="FormatException">The bytes end.</exception>
    public Address Address() => new(Take(Core.Address.Size));

    /// <summary>Four bytes of length, then as many bytes.</summary>
    /// <param name="max">Longest that is taken.</param>
    /// <exception cref="FormatException">They are more, or the bytes end.</exception>
    public ReadOnlySpan<byte> Data(int max) => Take(Number(max));

    /// <summary>Nothing may be left.</summary>
    /// <exception cref="FormatException">There is.</exception>
    public readonly void End()
    {
        if (!_rest.IsEmpty)
            throw new FormatException($"{_rest.Length} bytes are left over");
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        if (_rest.Length < count)
            throw new FormatException($"the bytes end where {count} more are needed");
        var taken = _rest[..count];
        _rest = _rest[count..];
        return taken;
    }
}
