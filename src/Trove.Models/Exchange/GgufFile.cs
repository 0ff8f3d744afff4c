using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Trove.Models.Kernels;

namespace Trove.Models.Exchange;

/// <summary>A GGUF file, opened. For what is in it see <see cref="GgufHeader"/>.</summary>
public sealed class GgufFile : IDisposable
{
    private const int FirstRead = 1 << 20, Chunk = 34 << 15; // a multiple of every type's bytes

    private readonly SafeFileHandle _file;
    private readonly string _name;

    private GgufFile(SafeFileHandle file, string name, GgufHeader header) => (_file, _name, Header) = (file, name, header);

    /// <summary>What it says of itself.</summary>
    public GgufHeader Header { get; }

    /// <summary>Opens a file and reads its header.</summary>
    /// <exception cref="ModelFileException">It is no such file, or one with numbers that are not read here.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static GgufFile Open(string path)
    {
        var file = File.OpenHandle(path);
        try
        {
            long length = RandomAccess.GetLength(file), most = Math.Min(length, GgufHeader.MaxHeader);
            for (long size = Math.Min(FirstRead, most); ; size = Math.Min(size * 4, most))
            {
                var bytes = new byte[size];
                if (!Safetensors.ReadAll(file, bytes, 0))
                    throw new ModelFileException(path, "it ended while its header was read");
                if (GgufHeader.Read(path, bytes, length) is { } header)
                    return new GgufFile(file, path, header);
            }
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Reads rows of a tensor as floats. Several threads may read at once.</summary>
    /// <param name="tensor">One of the header's.</param>
    /// <param name="to">Whole rows, at most as many as there are from <paramref name="row"/> on.</param>
    /// <param name="row">The first row.</param>
    /// <exception cref="ModelFileException">The file became shorter.</exception>
    public void Read(GgufTensor tensor, Span<float> to, long row = 0)
    {
        long columns = tensor.Shape[^1], first = checked(row * columns);
        if (row < 0 || to.Length % columns != 0 || to.Length > tensor.Length - first)
            throw new ArgumentException($"{tensor.Name} has {tensor.Length / columns} rows of {columns}, not {to.Length} numbers from row {row} on");
        long at = tensor.Offset + GgufHeader.Bytes(tensor.Type, first), all = GgufHeader.Bytes(tensor.Type, to.Length);
        if (tensor.Type == GgufType.F32)
        {
            Fill(MemoryMarshal.AsBytes(to), at);
            return;
        }
        var buffer = ArrayPool<byte>.Shared.Rent((int)Math.Min(Chunk, all));
        try
        {
            for (long done = 0; done < all;)
            {
                var bytes = buffer.AsSpan(0, (int)Math.Min(Chunk, all - done));
                Fill(bytes, at + done);
                to = to[Widen(tensor.Type, bytes, to)..];
                done += bytes.Length;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        void Fill(Span<byte> bytes, long from)
        {
            if (!Safetensors.ReadAll(_file, bytes, from))
                throw new ModelFileException(_name, $"it ended while \"{tensor.Name}\" was read");
        }
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file.Dispose();

    private static int Widen(GgufType type, ReadOnlySpan<byte> from, Span<float> to)
    {
        switch (type)
        {
            case GgufType.F16:
                HalfFloats.FromFloat16(MemoryMarshal.Cast<byte, ushort>(from), to[..(from.Length / 2)]);
                return from.Length / 2;
            case GgufType.BF16:
                HalfFloats.FromBFloat16(MemoryMarshal.Cast<byte, ushort>(from), to[..(from.Length / 2)]);
                return from.Length / 2;
            default:
                int blocks = from.Length / QuantizedGemmMatrix.EncodedBlockBytes;
                for (int block = 0; block < blocks; block++)
                {
                    var bytes = from.Slice(block * QuantizedGemmMatrix.EncodedBlockBytes, QuantizedGemmMatrix.EncodedBlockBytes);
                    float scale = (float)BinaryPrimitives.ReadHalfLittleEndian(bytes);
                    for (int i = 0; i < QuantizedGemmMatrix.BlockSize; i++)
                        to[block * QuantizedGemmMatrix.BlockSize + i] = scale * (sbyte)bytes[2 + i];
                }
                return blocks * QuantizedGemmMatrix.BlockSize;
        }
    }
}
