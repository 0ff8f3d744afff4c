using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Trove.Models.Kernels;

namespace Trove.Models.Exchange;

/// <summary>A tensor to write.</summary>
/// <param name="Name">In the file.</param>
/// <param name="Type">How.</param>
/// <param name="Rows">1 of a vector.</param>
/// <param name="Columns">A multiple of 32 for <see cref="GgufType.Q8_0"/>.</param>
/// <param name="Vector">Has one dimension?</param>
/// <param name="Row">A row's values, [columns].</param>
internal sealed record GgufOutput(string Name, GgufType Type, int Rows, int Columns, bool Vector, Func<int, ReadOnlyMemory<float>> Row);

/// <summary>Writes GGUF, version 3.</summary>
internal static class GgufWriter
{
    /// <summary>Writes a file.</summary>
    /// <param name="metadata">Values are <see cref="uint"/>, <see cref="float"/>, <see cref="bool"/>, <see cref="string"/>, <c>string[]</c> or <c>int[]</c>.</param>
    public static void Write(Stream file, IReadOnlyList<(string Key, object Value)> metadata, IReadOnlyList<GgufOutput> tensors)
    {
        using var header = new MemoryStream();
        using (var to = new BinaryWriter(header, Encoding.UTF8, leaveOpen: true))
        {
            to.Write(GgufHeader.Magic);
            to.Write(3u);
            to.Write((ulong)tensors.Count);
            to.Write((ulong)metadata.Count);
            foreach (var (key, value) in metadata)
            {
                WriteText(to, key);
                WriteValue(to, value);
            }
            long offset = 0;
            foreach (var tensor in tensors)
            {
                WriteText(to, tensor.Name);
                to.Write(tensor.Vector ? 1u : 2u);
                to.Write((ulong)tensor.Columns);
                if (!tensor.Vector)
                    to.Write((ulong)tensor.Rows);
                to.Write((uint)tensor.Type);
                to.Write((ulong)offset);
                offset = GgufHeader.Align(offset + Bytes(tensor), GgufHeader.Alignment);
            }
        }
        header.SetLength(GgufHeader.Align(header.Length, GgufHeader.Alignment));
        file.Write(header.GetBuffer(), 0, (int)header.Length);
        foreach (var tensor in tensors)
            WriteRows(file, tensor);
    }

    private static long Bytes(GgufOutput tensor) => GgufHeader.Bytes(tensor.Type, (long)tensor.Rows * tensor.Columns);

    private static void WriteRows(Stream file, GgufOutput tensor)
    {
        var row = new byte[GgufHeader.Bytes(tensor.Type, tensor.Columns)];
        for (int i = 0; i < tensor.Rows; i++)
        {
            Narrow(tensor.Type, tensor.Row(i).Span, row);
            file.Write(row);
        }
        file.Write(new byte[GgufHeader.Align(Bytes(tensor), GgufHeader.Alignment) - Bytes(tensor)]);
    }

    private static unsafe void Narrow(GgufType type, ReadOnlySpan<float> from, Span<byte> to)
    {
        switch (type)
        {
            case GgufType.F32:
                MemoryMarshal.AsBytes(from).CopyTo(to);
                break;
            case GgufType.F16:
                HalfFloats.ToFloat16(from, MemoryMarshal.Cast<byte, ushort>(to));
                break;
            case GgufType.BF16:
                HalfFloats.ToBFloat16(from, MemoryMarshal.Cast<byte, ushort>(to));
                break;
            default:
                fixed (float* values = from)
                fixed (byte* bytes = to)
                    for (int block = 0; block < from.Length / QuantizedGemmMatrix.BlockSize; block++)
                    {
                        byte* at = bytes + block * QuantizedGemmMatrix.EncodedBlockBytes;
                        float scale = QuantizedGemmBlock.Quantize(values + block * QuantizedGemmMatrix.BlockSize, (sbyte*)at + 2);
                        BinaryPrimitives.WriteHalfLittleEndian(new Span<byte>(at, 2), (Half)scale);
                    }
                break;
        }
    }

    private static void WriteText(BinaryWriter to, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        to.Write((ulong)bytes.Length);
        to.Write(bytes);
    }

    private static void WriteValue(BinaryWriter to, object value)
    {
        switch (value)
        {
            case uint number:
                to.Write(GgufReader.UInt32Type);
                to.Write(number);
                break;
            case float number:
                to.Write(GgufReader.Float32Type);
                to.Write(number);
                break;
            case bool flag:
                to.Write(GgufReader.BoolType);
                to.Write(flag);
                break;
            case string text:
                to.Write(GgufReader.StringType);
                WriteText(to, text);
                break;
            case string[] texts:
                to.Write(GgufReader.Array);
                to.Write(GgufReader.StringType);
                to.Write((ulong)texts.Length);
                foreach (var text in texts)
                    WriteText(to, text);
                break;
            case int[] numbers:
                to.Write(GgufReader.Array);
                to.Write(GgufReader.Int32Type);
                to.Write((ulong)numbers.Length);
                to.Write(MemoryMarshal.AsBytes(numbers.AsSpan()));
                break;
            default:
                throw new ArgumentException($"GGUF: no way is known to write a {value.GetType().Name}");
        }
    }
}
