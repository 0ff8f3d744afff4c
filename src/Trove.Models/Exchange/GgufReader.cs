using System.Buffers.Binary;
using System.Text;

namespace Trove.Models.Exchange;

/// <summary>Steps through a GGUF header, never beyond its end.</summary>
internal ref struct GgufReader(string name, ReadOnlySpan<byte> bytes, long length)
{
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    private readonly ReadOnlySpan<byte> _bytes = bytes;
    private readonly long _length = length; // what the header may have, of which the first bytes are here

    /// <summary>The next byte.</summary>
    public int Position { get; private set; }

    public uint UInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(sizeof(uint)));

    public ulong UInt64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(sizeof(ulong)));

    /// <summary>A count of things that take at least a byte each.</summary>
    public int Count(int most, string what)
    {
        ulong count = UInt64();
        Require(count <= (ulong)most && (long)count <= _length - Position, $"it claims {count} {what}, and at most {most} are read, as far as the file has room for them");
        return (int)count;
    }

    public string String(int most)
    {
        ulong count = UInt64();
        Require(count <= (ulong)most && (long)count <= _length - Position, $"it has a text of {count} bytes, where at most {most} are read, as far as the file has them");
        try
        {
            return Strict.GetString(Take((int)count));
        }
        catch (DecoderFallbackException)
        {
            throw new ModelFileException(name, "it has a text that is no UTF-8");
        }
    }

    /// <summary>A value with its type in front; null for an array of what is not needed here.</summary>
    public object? Value()
    {
        uint type = UInt32();
        return type == Array ? ArrayValue() : Scalar(type);
    }

    public GgufTensor Tensor(int longestName)
    {
        var tensor = String(longestName);
        uint dimensions = UInt32();
        Require(dimensions is >= 1 and <= GgufHeader.MaxDimensions, $"the tensor \"{Safetensors.Shown(tensor)}\" has {dimensions} dimensions: from 1 to {GgufHeader.MaxDimensions}");
        var shape = new long[dimensions];
        long numbers = 1;
        for (int i = 0; i < shape.Length; i++)
        {
            ulong size = UInt64();
            Require(size is >= 1 and <= 1L << 40 && numbers <= (1L << 40) / (long)size, $"the tensor \"{Safetensors.Shown(tensor)}\" has a dimension of {size}, or too many numbers");
            numbers *= shape[^(i + 1)] = (long)size;
        }
        var type = (GgufType)UInt32();
        Require(Enum.IsDefined(type), $"the tensor \"{Safetensors.Shown(tensor)}\" is of ggml's type {(uint)type}; F32, F16, BF16 and Q8_0 are read");
        Require(type != GgufType.Q8_0 || shape[^1] % 32 == 0, $"the tensor \"{Safetensors.Shown(tensor)}\" has rows of {shape[^1]}, which do not divide into blocks of 32");
        ulong offset = UInt64();
        Require(offset <= long.MaxValue, $"the tensor \"{Safetensors.Shown(tensor)}\" has an offset of {offset}");
        return new GgufTensor(tensor, type, shape, (long)offset, numbers);
    }

    public readonly void Require(bool condition, string problem)
    {
        if (!condition)
            throw new ModelFileException(name, problem);
    }

    // gguf_type of ggml.
    public const uint UInt8Type = 0, Int8Type = 1, UInt16Type = 2, Int16Type = 3, UInt32Type = 4, Int32Type = 5, Float32Type = 6, BoolType = 7, StringType = 8, Array = 9, UInt64Type = 10, Int64Type = 11, Float64Type = 12;

    private const int MaxText = 1 << 24, MaxItems = 1 << 22;

    private object Scalar(uint type)
    {
        switch (type)
        {
            case UInt8Type: return (long)Take(1)[0];
            case Int8Type: return (long)(sbyte)Take(1)[0];
            case UInt16Type: return (long)BinaryPrimitives.ReadUInt16LittleEndian(Take(2));
            case Int16Type: return (long)BinaryPrimitives.ReadInt16LittleEndian(Take(2));
            case UInt32Type: return (long)UInt32();
            case Int32Type: return (long)BinaryPrimitives.ReadInt32LittleEndian(Take(4));
            case Float32Type: return (double)BinaryPrimitives.ReadSingleLittleEndian(Take(4));
            case BoolType: return Take(1)[0] != 0;
            case StringType: return String(MaxText);
            case UInt64Type:
                ulong value = UInt64();
                Require(value <= long.MaxValue, $"it has the number {value} in its metadata");
                return (long)value;
            case Int64Type: return BinaryPrimitives.ReadInt64LittleEndian(Take(8));
            case Float64Type: return BinaryPrimitives.ReadDoubleLittleEndian(Take(8));
            default: throw new ModelFileException(name, $"its metadata has a value of the unknown type {type}");
        }
    }

    private object? ArrayValue()
    {
        uint type = UInt32();
        int count = Count(MaxItems, "items of an array");
        if (type == StringType)
        {
            var texts = new List<string>(); // grows with what is there, not with what is claimed
            for (int i = 0; i < count; i++)
                texts.Add(String(MaxText));
            return texts.ToArray();
        }
        int size = type switch
        {
            UInt8Type or Int8Type or BoolType => 1,
            UInt16Type or Int16Type => 2,
            UInt32Type or Int32Type or Float32Type => 4,
            UInt64Type or Int64Type or Float64Type => 8,
            _ => throw new ModelFileException(name, $"its metadata has an array of the type {type}, which is not read here"),
        };
        Require((long)count * size <= _length - Position, "it is cut off within an array");
        var items = Take(count * size);
        if (type != Int32Type)
            return null;
        var numbers = new int[count];
        for (int i = 0; i < count; i++)
            numbers[i] = BinaryPrimitives.ReadInt32LittleEndian(items[(4 * i)..]);
        return numbers;
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > _bytes.Length - Position)
            throw new EndException();
        Position += count;
        return _bytes.Slice(Position - count, count);
    }

    /// <summary>More bytes are asked for than there are.</summary>
    public sealed class EndException : Exception;
}
