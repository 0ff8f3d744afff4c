using System.Numerics;

namespace Trove.Chain;

/// <summary>Data is not canonical RLP.</summary>
public sealed class RlpException(string message) : FormatException(message);

/// <summary>An RLP item (Ethereum Yellow Paper, appendix B): a byte string, or a list of items.</summary>
public sealed class RlpItem
{
    private readonly byte[]? _bytes;
    private readonly IReadOnlyList<RlpItem>? _items;

    /// <summary>A byte string.</summary>
    public RlpItem(byte[] bytes) => _bytes = bytes;

    /// <summary>A list.</summary>
    public RlpItem(params IReadOnlyList<RlpItem> items) => _items = items;

    /// <summary>Is this a list?</summary>
    public bool IsList => _items is not null;

    /// <summary>The byte string.</summary>
    /// <exception cref="RlpException">It is a list.</exception>
    public byte[] Bytes => _bytes ?? throw new RlpException("a byte string was expected, a list found");

    /// <summary>The items of the list.</summary>
    /// <exception cref="RlpException">It is a byte string.</exception>
    public IReadOnlyList<RlpItem> Items => _items ?? throw new RlpException("a list was expected, a byte string found");

    /// <summary>A non-negative integer: big-endian without leading zeros, zero being the empty string.</summary>
    public static RlpItem Integer(UInt128 value) =>
        new(value == 0 ? [] : ((BigInteger)value).ToByteArray(isUnsigned: true, isBigEndian: true));

    /// <summary>The byte string as a non-negative integer below 2^128.</summary>
    /// <exception cref="RlpException">A list, leading zeros, or more than 16 bytes.</exception>
    public UInt128 ToInteger()
    {
        if (Bytes.Length > 16)
            throw new RlpException($"an integer of {Bytes.Length} bytes; at most 16 are accepted");
        if (Bytes.Length > 0 && Bytes[0] == 0)
            throw new RlpException("an integer with leading zeros");
        return Bytes.Aggregate((UInt128)0, (sum, b) => (sum << 8) | b);
    }

    /// <summary>The integer as 64 bits.</summary>
    /// <exception cref="RlpException">As <see cref="ToInteger"/>, or 2^64 and above.</exception>
    public ulong ToUInt64() => ToInteger() is var value && value <= ulong.MaxValue ? (ulong)value : throw new RlpException("an integer of more than 64 bits");
}

/// <summary>Recursive length prefix encoding. Decoding accepts the one canonical encoding of each item and nothing after it.</summary>
public static class Rlp
{
    private const int MaxDepth = 16;   // transactions need 4; a list of lists of … would exhaust the stack
    private const int MaxItems = 1 << 16; // one byte of input makes an object of some 50: bound the amplification

    /// <summary>Encodes an item.</summary>
    public static byte[] Encode(RlpItem item)
    {
        if (item.IsList)
        {
            byte[] body = [.. item.Items.SelectMany(Encode)];
            return [.. Prefix(0xC0, body.Length), .. body];
        }
        var bytes = item.Bytes;
        return bytes.Length == 1 && bytes[0] < 0x80 ? bytes : [.. Prefix(0x80, bytes.Length), .. bytes];
    }

    /// <summary>Encodes a list.</summary>
    public static byte[] Encode(params IReadOnlyList<RlpItem> items) => Encode(new RlpItem(items));

    /// <summary>Decodes exactly one item.</summary>
    /// <exception cref="RlpException">Not canonical, too deep, too many items, or bytes after the item.</exception>
    public static RlpItem Decode(ReadOnlySpan<byte> data)
    {
        int budget = MaxItems;
        var item = DecodeItem(ref data, 0, ref budget);
        return data.IsEmpty ? item : throw new RlpException($"{data.Length} bytes follow the item");
    }

    private static RlpItem DecodeItem(ref ReadOnlySpan<byte> data, int depth, ref int budget)
    {
        if (depth > MaxDepth)
            throw new RlpException($"lists nested deeper than {MaxDepth}");
        if (--budget < 0)
            throw new RlpException($"more than {MaxItems} items");
        if (data.IsEmpty)
            throw new RlpException("the data ends before an item");
        byte first = data[0];
        if (first < 0x80)
        {
            data = data[1..];
            return new RlpItem([first]);
        }
        bool list = first >= 0xC0;
        int length = first - (list ? 0xC0 : 0x80);
        data = data[1..];
        if (length > 55)
            length = LongLength(ref data, length - 55);
        if (length > data.Length)
            throw new RlpException($"an item of {length} bytes, but only {data.Length} follow");
        var body = data[..length];
        data = data[length..];
        if (!list)
            return length == 1 && body[0] < 0x80 ? throw new RlpException("a single byte below 0x80 has no prefix") : new RlpItem(body.ToArray());
        var items = new List<RlpItem>();
        while (!body.IsEmpty)
            items.Add(DecodeItem(ref body, depth + 1, ref budget));
        return new RlpItem(items);
    }

    private static int LongLength(ref ReadOnlySpan<byte> data, int size)
    {
        if (size > 4 || size > data.Length)
            throw new RlpException("a length beyond any data");
        long length = 0;
        foreach (byte b in data[..size])
            length = (length << 8) | b;
        if (data[0] == 0 || length <= 55 || length > int.MaxValue)
            throw new RlpException("a length that is not canonical");
        data = data[size..];
        return (int)length;
    }

    private static byte[] Prefix(byte offset, int length)
    {
        if (length <= 55)
            return [(byte)(offset + length)];
        var bytes = new BigInteger(length).ToByteArray(isUnsigned: true, isBigEndian: true);
        return [(byte)(offset + 55 + bytes.Length), .. bytes];
    }
}
