using System.Buffers;
using System.Buffers.Binary;
using System.Collections;
using System.Globalization;
using System.Numerics;
using System.Text;
using Trove.Core;

namespace Trove.Chain.Abi;

/// <summary>
/// The contract ABI's encoding (Solidity documentation, "Contract ABI Specification"). Decoding is strict: it accepts
/// exactly what a conforming encoder writes, so every value has one encoding. Strictness is also what bounds the work:
/// tails follow each other without gaps or sharing, so decoding never yields more than it was given.
/// </summary>
public static class AbiCodec
{
    private const int Word = 32;
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>The first four bytes of the Keccak-256 of a signature such as <c>transfer(address,uint256)</c>.</summary>
    public static byte[] Selector(string signature) => Keccak256.Hash(Encoding.ASCII.GetBytes(signature)).ToArray()[..4];

    /// <summary>Encodes <paramref name="values"/> as the members of the tuple <paramref name="tuple"/>.</summary>
    /// <exception cref="AbiException">A value has another type, or is out of its range.</exception>
    public static byte[] Encode(AbiType tuple, IReadOnlyList<object?> values)
    {
        var buffer = new ArrayBufferWriter<byte>();
        EncodeSequence(tuple.Components, values, buffer, tuple.Name);
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>A call's data: four bytes of <paramref name="selector"/>, then the arguments.</summary>
    /// <exception cref="AbiException">A value has another type, or is out of its range.</exception>
    public static byte[] EncodeCall(ReadOnlySpan<byte> selector, AbiType tuple, IReadOnlyList<object?> values) =>
        [.. selector, .. Encode(tuple, values)];

    /// <summary>Decodes the members of <paramref name="tuple"/>; all of <paramref name="data"/> must belong to them.</summary>
    /// <exception cref="AbiException">Not what a conforming encoder writes for this type.</exception>
    public static object[] Decode(AbiType tuple, ReadOnlySpan<byte> data)
    {
        int consumed = 0;
        var values = DecodeSequence(tuple.Components, data, ref consumed);
        if (consumed != data.Length)
            throw new AbiException($"{tuple}: {data.Length} bytes of data, of which {data.Length - consumed} belong to no value");
        return values;
    }

    /// <summary>Decodes one static value from its word, as an indexed event parameter is given.</summary>
    /// <exception cref="AbiException">A word that is out of the type's range.</exception>
    public static object DecodeWord(AbiType type, Hash32 word)
    {
        int consumed = 0;
        return DecodeValue(type, word.ToArray(), ref consumed);
    }

    private static void EncodeSequence(IReadOnlyList<AbiType> types, IReadOnlyList<object?> values, ArrayBufferWriter<byte> output, string name)
    {
        if (types.Count != values.Count)
            throw new AbiException($"{name} takes {types.Count} values, not {values.Count}");
        int head = types.Sum(t => t.StaticWords) * Word;
        var tail = new ArrayBufferWriter<byte>();
        for (int i = 0; i < types.Count; i++)
        {
            if (!types[i].IsDynamic)
            {
                EncodeValue(types[i], values[i], output);
                continue;
            }
            WriteInteger(output, head + tail.WrittenCount);
            EncodeValue(types[i], values[i], tail);
        }
        output.Write(tail.WrittenSpan);
    }

    private static void EncodeValue(AbiType type, object? value, ArrayBufferWriter<byte> output)
    {
        switch (type.Kind)
        {
            case AbiKind.UInt or AbiKind.Int:
                var number = ToInteger(type, value);
                bool signed = type.Kind == AbiKind.Int;
                var least = signed ? -(BigInteger.One << (type.Size - 1)) : BigInteger.Zero;
                var most = (BigInteger.One << (signed ? type.Size - 1 : type.Size)) - 1;
                if (number < least || number > most)
                    throw new AbiException($"{number} is out of the range of {type}");
                WriteInteger(output, number);
                break;
            case AbiKind.Bool:
                WriteInteger(output, value is bool flag ? (flag ? 1 : 0) : throw Mismatch(type, value));
                break;
            case AbiKind.Address:
                WriteWord(output, value is Address address ? address.ToWord() : throw Mismatch(type, value));
                break;
            case AbiKind.FixedBytes when type.Size == Word && value is Hash32 hash:
                WriteWord(output, hash);
                break;
            case AbiKind.FixedBytes:
                if (value is not byte[] fixedBytes || fixedBytes.Length != type.Size)
                    throw Mismatch(type, value);
                WritePadded(output, fixedBytes);
                break;
            case AbiKind.Bytes:
                WriteDynamic(output, value as byte[] ?? throw Mismatch(type, value));
                break;
            case AbiKind.String:
                try
                {
                    WriteDynamic(output, StrictUtf8.GetBytes(value as string ?? throw Mismatch(type, value)));
                }
                catch (EncoderFallbackException)
                {
                    throw new AbiException("a string with a lone surrogate has no UTF-8 form");
                }
                break;
            case AbiKind.Array:
                var list = value is IList items and not byte[] ? items : throw Mismatch(type, value);
                if (type.Size < 0)
                    WriteInteger(output, list.Count);
                else if (list.Count != type.Size)
                    throw new AbiException($"{type} takes {type.Size} elements, not {list.Count}");
                EncodeSequence([.. Enumerable.Repeat(type.Element!, list.Count)], [.. list.Cast<object?>()], output, type.Name);
                break;
            default:
                EncodeSequence(type.Components, value as object?[] ?? throw Mismatch(type, value), output, type.Name);
                break;
        }
    }

    private static object[] DecodeSequence(IReadOnlyList<AbiType> types, ReadOnlySpan<byte> data, ref int consumed)
    {
        int headSize = types.Sum(t => t.StaticWords) * Word;
        if (headSize > data.Length)
            throw new AbiException($"{data.Length} bytes of data end before the {headSize} bytes of the head");
        var values = new object[types.Count];
        int head = 0, tail = headSize;
        for (int i = 0; i < types.Count; i++)
        {
            if (!types[i].IsDynamic)
            {
                values[i] = DecodeValue(types[i], data[head..], ref head);
                continue;
            }
            int offset = ReadLength(data[head..], "offset");
            head += Word;
            if (offset != tail)
                throw new AbiException($"{types[i]}: the offset {offset} should be {tail}; gaps, overlaps and shared tails are refused");
            values[i] = DecodeValue(types[i], data[tail..], ref tail);
        }
        consumed += tail;
        return values;
    }

    private static object DecodeValue(AbiType type, ReadOnlySpan<byte> data, ref int consumed)
    {
        switch (type.Kind)
        {
            case AbiKind.UInt or AbiKind.Int:
                consumed += Word;
                return ReadInteger(type, ReadWord(data));
            case AbiKind.Bool:
                consumed += Word;
                var flag = ReadWord(data);
                return flag[..31].ContainsAnyExcept((byte)0) || flag[31] > 1 ? throw Padding(type) : flag[31] == 1;
            case AbiKind.Address:
                consumed += Word;
                var address = ReadWord(data);
                return address[..12].ContainsAnyExcept((byte)0) ? throw Padding(type) : new Address(address[12..]);
            case AbiKind.FixedBytes:
                consumed += Word;
                var word = ReadWord(data);
                if (word[type.Size..].ContainsAnyExcept((byte)0))
                    throw Padding(type);
                return type.Size == Word ? new Hash32(word) : word[..type.Size].ToArray();
            case AbiKind.Bytes or AbiKind.String:
                int length = ReadLength(data, "length");
                if (length > data.Length - Word)
                    throw new AbiException($"{type}: a length of {length} bytes, but only {data.Length - Word} follow");
                int padded = checked((length + Word - 1) / Word * Word);
                if (padded > data.Length - Word || data[(Word + length)..(Word + padded)].ContainsAnyExcept((byte)0))
                    throw Padding(type);
                consumed += Word + padded;
                if (type.Kind == AbiKind.Bytes)
                    return data.Slice(Word, length).ToArray();
                try
                {
                    return StrictUtf8.GetString(data.Slice(Word, length));
                }
                catch (DecoderFallbackException)
                {
                    throw new AbiException("a string that is not UTF-8");
                }
            case AbiKind.Array:
                int count = type.Size;
                if (count < 0)
                {
                    count = ReadLength(data, "length");
                    data = data[Word..];
                    consumed += Word;
                }
                if ((long)count * type.Element!.StaticWords * Word > data.Length)
                    throw new AbiException($"{type}: {count} elements do not fit the {data.Length} bytes that follow");
                return DecodeSequence([.. Enumerable.Repeat(type.Element, count)], data, ref consumed);
            default:
                return DecodeSequence(type.Components, data, ref consumed);
        }
    }

    private static BigInteger ToInteger(AbiType type, object? value) => value switch
    {
        byte v => v,
        ushort v => v,
        uint v => v,
        ulong v => v,
        UInt128 v => v,
        sbyte v => v,
        short v => v,
        int v => v,
        long v => v,
        Int128 v => v,
        BigInteger v => v,
        _ => throw Mismatch(type, value),
    };

    private static object ReadInteger(AbiType type, ReadOnlySpan<byte> word)
    {
        bool signed = type.Kind == AbiKind.Int;
        var number = new BigInteger(word, isUnsigned: !signed, isBigEndian: true);
        var bound = BigInteger.One << (signed ? type.Size - 1 : type.Size);
        if (number >= bound || number < (signed ? -bound : BigInteger.Zero))
            throw new AbiException($"a word out of the range of {type}");
        return (signed, type.Size) switch
        {
            (false, <= 8) => (object)(byte)number, // without the cast all arms would turn into BigInteger
            (false, <= 16) => (ushort)number,
            (false, <= 32) => (uint)number,
            (false, <= 64) => (ulong)number,
            (false, <= 128) => (UInt128)number,
            (true, <= 8) => (sbyte)number,
            (true, <= 16) => (short)number,
            (true, <= 32) => (int)number,
            (true, <= 64) => (long)number,
            (true, <= 128) => (Int128)number,
            _ => number,
        };
    }

    private static ReadOnlySpan<byte> ReadWord(ReadOnlySpan<byte> data) =>
        data.Length >= Word ? data[..Word] : throw new AbiException("the data ends inside a word");

    private static int ReadLength(ReadOnlySpan<byte> data, string what)
    {
        var word = ReadWord(data);
        uint value = BinaryPrimitives.ReadUInt32BigEndian(word[28..]);
        return word[..28].ContainsAnyExcept((byte)0) || value > int.MaxValue - 2 * Word
            ? throw new AbiException($"an {what} beyond any data") : (int)value;
    }

    private static void WriteDynamic(ArrayBufferWriter<byte> output, byte[] bytes)
    {
        WriteInteger(output, bytes.Length);
        WritePadded(output, bytes);
    }

    private static void WritePadded(ArrayBufferWriter<byte> output, ReadOnlySpan<byte> bytes)
    {
        output.Write(bytes);
        int padding = (Word - bytes.Length % Word) % Word;
        output.GetSpan(Word)[..padding].Clear();
        output.Advance(padding);
    }

    private static void WriteInteger(ArrayBufferWriter<byte> output, BigInteger value)
    {
        var word = output.GetSpan(Word)[..Word];
        word.Fill(value.Sign < 0 ? (byte)0xFF : (byte)0);
        int size = value.GetByteCount(isUnsigned: value.Sign >= 0);
        value.TryWriteBytes(word[(Word - size)..], out _, isUnsigned: value.Sign >= 0, isBigEndian: true);
        output.Advance(Word);
    }

    private static void WriteWord(ArrayBufferWriter<byte> output, Hash32 word)
    {
        word.CopyTo(output.GetSpan(Word));
        output.Advance(Word);
    }

    private static AbiException Mismatch(AbiType type, object? value) =>
        new(string.Create(CultureInfo.InvariantCulture, $"{type} cannot be made of {(value is byte[] bytes ? $"{bytes.Length} bytes" : value is null ? "nothing" : value.GetType().Name)}"));

    private static AbiException Padding(AbiType type) => new($"{type}: padding that is not zero, or missing");
}
