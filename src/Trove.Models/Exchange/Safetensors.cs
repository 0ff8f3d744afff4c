using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;
using Microsoft.Win32.SafeHandles;
using Trove.Models.Kernels;

namespace Trove.Models.Exchange;

/// <summary>How a file stores numbers. All are little-endian.</summary>
public enum StoredType
{
    /// <summary>IEEE 754 binary32.</summary>
    F32,

    /// <summary>IEEE 754 binary16.</summary>
    F16,

    /// <summary>The upper half of a binary32.</summary>
    BF16,
}

/// <summary>A tensor of a file.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">How its numbers are stored.</param>
/// <param name="Shape">At most eight dimensions; none for one number.</param>
/// <param name="Offset">Its first byte in the file.</param>
/// <param name="Length">Its numbers.</param>
public sealed record StoredTensor(string Name, StoredType Type, IReadOnlyList<long> Shape, long Offset, long Length);

/// <summary>
/// A safetensors file (Hugging Face, format of version 0.4): eight bytes with the header's length, the header in JSON with type, shape and bytes of each
/// tensor, then all tensors without a gap. Everything in it is checked before anything is allocated by it.
/// </summary>
public sealed class Safetensors : IDisposable
{
    /// <summary>Longest header, as the format's own reader has it.</summary>
    public const int MaxHeader = 100_000_000;

    private const int MaxTensors = 100_000, MaxName = 1024, MaxDimensions = 8;
    private const int Chunk = 1 << 20; // bytes read at once, a multiple of every type's

    private readonly SafeFileHandle _file;
    private readonly string _name;

    private Safetensors(SafeFileHandle file, string name, IReadOnlyDictionary<string, StoredTensor> tensors) => (_file, _name, Tensors) = (file, name, tensors);

    /// <summary>By their names.</summary>
    public IReadOnlyDictionary<string, StoredTensor> Tensors { get; }

    /// <summary>Opens a file and reads its header.</summary>
    /// <exception cref="ModelFileException">It is no such file, or one with numbers that are not read here.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static Safetensors Open(string path)
    {
        var file = File.OpenHandle(path);
        try
        {
            long length = RandomAccess.GetLength(file);
            Span<byte> prefix = stackalloc byte[8];
            if (length < 8 || !ReadAll(file, prefix, 0) || BinaryPrimitives.ReadUInt64LittleEndian(prefix) is var size && size > (ulong)Math.Min(MaxHeader, length - 8))
                throw new ModelFileException(path, $"it is no safetensors file, or cut off: its header would be longer than the file or than {MaxHeader:N0} bytes");
            var header = new byte[BinaryPrimitives.ReadUInt64LittleEndian(prefix)];
            if (!ReadAll(file, header, 8))
                throw new ModelFileException(path, "it ended while its header was read");
            return new Safetensors(file, path, ReadHeader(path, header, 8 + header.Length, length));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Reads a header.</summary>
    /// <param name="name">The file's, for errors.</param>
    /// <param name="header">The JSON.</param>
    /// <param name="start">The byte of the file that offsets count from.</param>
    /// <param name="length">The file's.</param>
    /// <exception cref="ModelFileException">It is not what the format asks for.</exception>
    public static IReadOnlyDictionary<string, StoredTensor> ReadHeader(string name, ReadOnlySpan<byte> header, long start, long length)
    {
        var tensors = new Dictionary<string, StoredTensor>(StringComparer.Ordinal);
        try
        {
            var reader = new Utf8JsonReader(header, new JsonReaderOptions { MaxDepth = 4 });
            Require(reader.Read() && reader.TokenType == JsonTokenType.StartObject, "is no object");
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var tensor = reader.GetString()!;
                Require(reader.Read(), "ends early");
                if (tensor == "__metadata__")
                {
                    reader.Skip();
                    continue;
                }
                Require(tensor.Length is > 0 and <= MaxName && tensors.Count < MaxTensors && tensors.TryAdd(tensor, ReadTensor(ref reader, tensor, start)), "has too many tensors, one twice, or a name too long");
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException or OverflowException)
        {
            throw new ModelFileException(name, $"its header is no valid JSON, or has a number out of bounds ({e.Message})");
        }
        // One after the other, to the end: nothing overlaps, and nothing is hidden between them.
        long at = start;
        foreach (var tensor in tensors.Values.OrderBy(t => t.Offset).ThenBy(t => t.Length))
        {
            Require(tensor.Offset == at, $"leaves a gap before \"{tensor.Name}\", or another tensor overlaps it");
            Require(tensor.Length * Size(tensor.Type) <= length - at, $"has \"{Shown(tensor.Name)}\" up to behind the end of the file: it is cut off");
            at += tensor.Length * Size(tensor.Type);
        }
        Require(at == length, $"has tensors up to byte {at}, and the file has {length}: it is cut off, or something else is behind them");
        return tensors;

        void Require(bool condition, string problem)
        {
            if (!condition)
                throw new ModelFileException(name, $"its header {problem}");
        }
    }

    /// <summary>Reads numbers of a tensor as floats. Several threads may read at once.</summary>
    /// <param name="tensor">One of <see cref="Tensors"/>.</param>
    /// <param name="to">At most as many floats as it has numbers from <paramref name="first"/> on.</param>
    /// <param name="first">The first number.</param>
    /// <exception cref="ModelFileException">The file became shorter.</exception>
    public void Read(StoredTensor tensor, Span<float> to, long first = 0)
    {
        if (first < 0 || to.Length > tensor.Length - first)
            throw new ArgumentException($"{tensor.Name} has {tensor.Length} numbers, not {to.Length} from number {first} on");
        int size = Size(tensor.Type);
        if (tensor.Type == StoredType.F32)
        {
            Fill(MemoryMarshal.AsBytes(to), first);
            return;
        }
        var buffer = ArrayPool<byte>.Shared.Rent((int)Math.Min(Chunk, (long)to.Length * size));
        try
        {
            for (int done = 0, count; done < to.Length; done += count)
            {
                count = Math.Min(buffer.Length / size, to.Length - done);
                var bytes = buffer.AsSpan(0, count * size);
                Fill(bytes, first + done);
                Widen(tensor.Type, bytes, to.Slice(done, count));
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        void Fill(Span<byte> bytes, long from)
        {
            if (!ReadAll(_file, bytes, tensor.Offset + from * size))
                throw new ModelFileException(_name, $"it ended while \"{tensor.Name}\" was read");
        }
    }

    /// <summary>Writes a model's weights.</summary>
    /// <param name="path">Where to.</param>
    /// <param name="parameters">The weights.</param>
    /// <param name="writer">Puts the file in its place.</param>
    /// <param name="type">How; rounded to the nearest, ties to even.</param>
    public static void Write(string path, Parameters parameters, FileWriter writer, StoredType type = StoredType.F32)
    {
        using var header = new MemoryStream();
        using (var json = new Utf8JsonWriter(header))
        {
            json.WriteStartObject();
            json.WriteStartObject("__metadata__");
            json.WriteString("format", "pt"); // what Transformers asks for
            json.WriteEndObject();
            long at = 0;
            foreach (var tensor in parameters.Tensors)
            {
                json.WriteStartObject(tensor.Name);
                json.WriteString("dtype", type.ToString());
                json.WriteStartArray("shape");
                foreach (int dimension in tensor.Shape)
                    json.WriteNumberValue(dimension);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(at);
                json.WriteNumberValue(at += tensor.Length * Size(type));
                json.WriteEndArray();
                json.WriteEndObject();
            }
            json.WriteEndObject();
        }
        while (header.Length % 8 != 0)
            header.WriteByte((byte)' '); // so that the numbers are aligned
        writer(path, file =>
        {
            Span<byte> length = stackalloc byte[8];
            BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)header.Length);
            file.Write(length);
            file.Write(header.GetBuffer(), 0, (int)header.Length);
            var buffer = new byte[Chunk];
            foreach (var tensor in parameters.Tensors)
            {
                var values = parameters.Values(tensor);
                for (int done = 0, count; done < values.Length; done += count)
                {
                    count = Math.Min(Chunk / Size(type), values.Length - done);
                    var bytes = buffer.AsSpan(0, count * Size(type));
                    Narrow(type, values.Slice(done, count), bytes);
                    file.Write(bytes);
                }
            }
        });
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file.Dispose();

    /// <summary>Bytes of a number.</summary>
    internal static int Size(StoredType type) => type == StoredType.F32 ? sizeof(float) : sizeof(ushort);

    private static StoredTensor ReadTensor(ref Utf8JsonReader reader, string name, long start)
    {
        StoredType? type = null;
        List<long>? shape = null, offsets = null;
        if (reader.TokenType != JsonTokenType.StartObject)
            throw new FormatException($"\"{name}\" is no object");
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var property = reader.GetString();
            reader.Read();
            switch (property)
            {
                case "dtype":
                    var text = reader.GetString();
                    type = text switch { "F32" => StoredType.F32, "F16" => StoredType.F16, "BF16" => StoredType.BF16, _ => throw new FormatException($"\"{name}\" is of type {Shown(text)}; F32, F16 and BF16 are read") };
                    break;
                case "shape":
                    shape = ReadNumbers(ref reader, MaxDimensions);
                    break;
                case "data_offsets":
                    offsets = ReadNumbers(ref reader, 2);
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }
        if (type is null || shape is null || offsets is not [var from, var to])
            throw new FormatException($"\"{Shown(name)}\" has no type, shape or offsets");
        long length = shape.Aggregate(1L, (product, dimension) => checked(product * dimension));
        if (checked(length * Size(type.Value)) != checked(to - from))
            throw new FormatException($"\"{Shown(name)}\" has other bytes than its shape needs");
        return new StoredTensor(name, type.Value, shape, checked(start + from), length);
    }

    private static List<long> ReadNumbers(ref Utf8JsonReader reader, int most)
    {
        var numbers = new List<long>();
        if (reader.TokenType != JsonTokenType.StartArray)
            throw new FormatException("a shape or offsets are no list");
        while (reader.Read() && reader.TokenType == JsonTokenType.Number)
        {
            long number = reader.GetInt64();
            if (number < 0 || numbers.Count == most)
                throw new FormatException("a shape or offsets have a negative number, or too many");
            numbers.Add(number);
        }
        return reader.TokenType == JsonTokenType.EndArray ? numbers : throw new FormatException("a shape or offsets have what is no number");
    }

    internal static string Shown(string? text) => text is null ? "null" : text.Length > 80 ? text[..80] + "…" : text;

    private static void Widen(StoredType type, ReadOnlySpan<byte> from, Span<float> to)
    {
        if (type == StoredType.F16)
            HalfFloats.FromFloat16(MemoryMarshal.Cast<byte, ushort>(from), to);
        else
            HalfFloats.FromBFloat16(MemoryMarshal.Cast<byte, ushort>(from), to);
    }

    private static void Narrow(StoredType type, ReadOnlySpan<float> from, Span<byte> to)
    {
        if (type == StoredType.F32)
            MemoryMarshal.AsBytes(from).CopyTo(to);
        else if (type == StoredType.F16)
            HalfFloats.ToFloat16(from, MemoryMarshal.Cast<byte, ushort>(to));
        else
            HalfFloats.ToBFloat16(from, MemoryMarshal.Cast<byte, ushort>(to));
    }

    internal static bool ReadAll(SafeFileHandle file, Span<byte> to, long offset)
    {
        while (to.Length > 0)
        {
            int read = RandomAccess.Read(file, to, offset);
            if (read == 0)
                return false;
            to = to[read..];
            offset += read;
        }
        return true;
    }
}
