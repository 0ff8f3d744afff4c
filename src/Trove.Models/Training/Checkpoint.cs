using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Trove.Models.Exchange;

namespace Trove.Models.Training;

/// <summary>An array of a run's state, where it lies.</summary>
internal delegate Span<float> FloatSection();

/// <summary>
/// A run's state in one file: eight bytes of name and version, the head's length in four, the head, all arrays as little-endian floats, and SHA-256 of
/// everything before. Nothing is taken from it before its length fits what the run expects, and nothing is believed before the hash fits.
/// </summary>
internal static class Checkpoint
{
    private const int Chunk = 1 << 20; // bytes hashed at once

    private static ReadOnlySpan<byte> Magic => "TROVECK1"u8;

    /// <summary>Writes one.</summary>
    public static void Write(Stream output, CheckpointHead head, IReadOnlyList<FloatSection> sections)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var bytes = head.Write();
        if (bytes.Length > CheckpointHead.MaxBytes)
            throw new InvalidOperationException($"the head of a checkpoint has {bytes.Length} bytes, more than {CheckpointHead.MaxBytes} are read again");
        Span<byte> length = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(length, bytes.Length);
        Put(Magic);
        Put(length);
        Put(bytes);
        foreach (var section in sections)
            for (var rest = MemoryMarshal.AsBytes(section()); rest.Length > 0; rest = rest[Math.Min(Chunk, rest.Length)..])
                Put(rest[..Math.Min(Chunk, rest.Length)]);
        output.Write(hash.GetCurrentHash());

        void Put(ReadOnlySpan<byte> some)
        {
            hash.AppendData(some);
            output.Write(some);
        }
    }

    /// <summary>Reads one into the arrays.</summary>
    /// <param name="file">Its name, for errors.</param>
    /// <param name="input">From its beginning; its length is known.</param>
    /// <param name="accept">Refuses what is of another run, before any array is written.</param>
    /// <param name="sections">The arrays; what is in them after an error means nothing.</param>
    /// <exception cref="ModelFileException">It is damaged, or has other arrays.</exception>
    public static CheckpointHead Read(string file, Stream input, Action<CheckpointHead> accept, IReadOnlyList<FloatSection> sections)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var start = new byte[Magic.Length + sizeof(int)];
        Get(start);
        int length = BinaryPrimitives.ReadInt32LittleEndian(start.AsSpan(Magic.Length));
        if (!start.AsSpan(0, Magic.Length).SequenceEqual(Magic) || length < 0 || length > Math.Min(CheckpointHead.MaxBytes, input.Length))
            throw new ModelFileException(file, "it is no checkpoint, or one of another version");
        var bytes = new byte[length];
        Get(bytes);
        var head = CheckpointHead.Read(file, bytes);
        accept(head);
        if (!head.Sections.SequenceEqual(sections.Select(s => (long)s().Length)))
            throw new ModelFileException(file, "its arrays have other lengths than this run's: it is damaged, or of another version");
        if (input.Length != start.Length + length + head.Sections.Sum(n => n * sizeof(float)) + SHA256.HashSizeInBytes)
            throw new ModelFileException(file, "it is cut off, or something is behind its end");
        foreach (var section in sections)
            for (var rest = MemoryMarshal.AsBytes(section()); rest.Length > 0; rest = rest[Math.Min(Chunk, rest.Length)..])
                Get(rest[..Math.Min(Chunk, rest.Length)]);
        var expected = new byte[SHA256.HashSizeInBytes];
        input.ReadExactly(expected);
        return hash.GetCurrentHash().AsSpan().SequenceEqual(expected) ? head : throw new ModelFileException(file, "it is damaged: its checksum is another");

        void Get(Span<byte> some)
        {
            if (input.ReadAtLeast(some, some.Length, throwOnEndOfStream: false) < some.Length)
                throw new ModelFileException(file, "it is cut off");
            hash.AppendData(some);
        }
    }
}
