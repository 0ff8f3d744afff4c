namespace Trove.Models.Exchange;

/// <summary>How a GGUF file stores numbers, with ggml's numbers for them. All are little-endian.</summary>
public enum GgufType
{
    /// <summary>IEEE 754 binary32.</summary>
    F32 = 0,

    /// <summary>IEEE 754 binary16.</summary>
    F16 = 1,

    /// <summary>Blocks of 32: a binary16 scale, then 32 signed bytes.</summary>
    Q8_0 = 8,

    /// <summary>The upper half of a binary32.</summary>
    BF16 = 30,
}

/// <summary>A tensor of a GGUF file.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">How its numbers are stored.</param>
/// <param name="Shape">One to four dimensions, the one that lies along memory last: the other way round than in the file.</param>
/// <param name="Offset">Its first byte in the file.</param>
/// <param name="Length">Its numbers.</param>
public sealed record GgufTensor(string Name, GgufType Type, IReadOnlyList<long> Shape, long Offset, long Length);

/// <summary>
/// What stands before the numbers of a GGUF file (ggml's <c>docs/gguf.md</c>, versions 2 and 3): the magic, counts, metadata, and type, shape and place
/// of each tensor. Everything in it is checked before anything is allocated by it.
/// </summary>
/// <param name="Metadata">By key: <see cref="long"/>, <see cref="double"/>, <see cref="bool"/>, <see cref="string"/>, <c>string[]</c> or <c>int[]</c>. Arrays of other things are left out.</param>
/// <param name="Tensors">By name.</param>
public sealed record GgufHeader(IReadOnlyDictionary<string, object> Metadata, IReadOnlyDictionary<string, GgufTensor> Tensors)
{
    /// <summary>Longest header read: vocabularies of 2²⁰ tokens fit.</summary>
    public const int MaxHeader = 64 << 20;

    internal const uint Magic = 0x46554747; // "GGUF"
    internal const int Alignment = 32, MaxDimensions = 4;

    private const int MaxTensors = 100_000, MaxMetadata = 10_000, MaxName = 1024;

    /// <summary>Reads a header.</summary>
    /// <param name="name">The file's, for errors.</param>
    /// <param name="bytes">The file's beginning.</param>
    /// <param name="length">The file's.</param>
    /// <returns>Null where the header goes on behind <paramref name="bytes"/>.</returns>
    /// <exception cref="ModelFileException">It is not what the format asks for.</exception>
    public static GgufHeader? Read(string name, ReadOnlySpan<byte> bytes, long length)
    {
        var reader = new GgufReader(name, bytes, Math.Min(length, MaxHeader));
        try
        {
            reader.Require(reader.UInt32() == Magic, "it is no GGUF file");
            reader.Require(reader.UInt32() is 2 or 3, "its version is neither 2 nor 3, which are read here");
            int tensors = reader.Count(MaxTensors, "tensors"), metadata = reader.Count(MaxMetadata, "metadata");
            var values = new Dictionary<string, object>(StringComparer.Ordinal);
            var keys = new HashSet<string>(StringComparer.Ordinal);
            for (int i = 0; i < metadata; i++)
            {
                var key = reader.String(MaxName);
                reader.Require(keys.Add(key), $"its metadata has \"{Safetensors.Shown(key)}\" twice");
                if (reader.Value() is { } value)
                    values.Add(key, value);
            }
            long alignment = values.TryGetValue("general.alignment", out var set) ? set is long and >= 8 and <= 1 << 16 and var wanted && long.IsPow2((long)wanted) ? (long)wanted : 0 : Alignment;
            reader.Require(alignment != 0, "its alignment is no power of two from 8 to 65536");
            return new GgufHeader(values, ReadTensors(ref reader, tensors, alignment, length));
        }
        catch (GgufReader.EndException)
        {
            if (bytes.Length < Math.Min(length, MaxHeader))
                return null;
            throw new ModelFileException(name, length > MaxHeader ? $"its header is longer than {MaxHeader:N0} bytes" : "it is cut off within its header");
        }
    }

    private static Dictionary<string, GgufTensor> ReadTensors(ref GgufReader reader, int count, long alignment, long length)
    {
        var tensors = new Dictionary<string, GgufTensor>(StringComparer.Ordinal);
        var relative = new List<GgufTensor>();
        for (int i = 0; i < count; i++)
        {
            var tensor = reader.Tensor(MaxName);
            reader.Require(tensors.TryAdd(tensor.Name, tensor), $"it has the tensor \"{Safetensors.Shown(tensor.Name)}\" twice");
            relative.Add(tensor);
        }
        // In the order they are listed, with no more than alignment between them: nothing overlaps, and nothing is hidden.
        long start = Align(reader.Position, alignment), at = start;
        foreach (var tensor in relative)
        {
            at = Align(at, alignment);
            reader.Require(tensor.Offset == at - start, $"the tensor \"{Safetensors.Shown(tensor.Name)}\" is not where the one before it ends");
            tensors[tensor.Name] = tensor with { Offset = at };
            reader.Require(Bytes(tensor.Type, tensor.Length) <= length - at, $"it is cut off within the tensor \"{Safetensors.Shown(tensor.Name)}\"");
            at += Bytes(tensor.Type, tensor.Length);
        }
        reader.Require(count == 0 || Align(at, alignment) >= length, "something else is behind its tensors");
        return tensors;
    }

    /// <summary>Bytes of so many numbers.</summary>
    internal static long Bytes(GgufType type, long length) => checked(type switch
    {
        GgufType.F32 => length * sizeof(float),
        GgufType.Q8_0 => length / 32 * 34,
        _ => length * sizeof(ushort),
    });

    internal static long Align(long position, long alignment) => checked(position + alignment - 1) / alignment * alignment;
}
