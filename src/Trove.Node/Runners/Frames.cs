using System.Buffers.Binary;

namespace Trove.Node.Runners;

/// <summary>Frames between broker and executor: a tag, four bytes of length, then the bytes. Both sides bound the length.</summary>
internal static class Frames
{
    private const int FirstRead = 64 << 10;

    /// <summary>Executor: its one-time public key. Broker: the job.</summary>
    public const byte Start = (byte)'s';

    /// <summary>Broker: all sealed answers, as JSON.</summary>
    public const byte Answers = (byte)'a';

    /// <summary>Executor: wants the ciphertext of a part, by its number. Broker: the ciphertext.</summary>
    public const byte Part = (byte)'p';

    /// <summary>Executor: the answers do not open a part; wants them with proofs.</summary>
    public const byte WantProofs = (byte)'w';

    /// <summary>Executor: the hash of the inputs and the sealed result.</summary>
    public const byte Result = (byte)'r';

    /// <summary>Executor: class of a failure.</summary>
    public const byte Failed = (byte)'f';

    /// <summary>Executor: indices of guardians whose proofs do not hold.</summary>
    public const byte Liars = (byte)'l';

    /// <summary>Writes one frame.</summary>
    public static void Write(Stream stream, byte tag, ReadOnlySpan<byte> bytes)
    {
        Span<byte> header = stackalloc byte[5];
        header[0] = tag;
        BinaryPrimitives.WriteInt32BigEndian(header[1..], bytes.Length);
        stream.Write(header);
        stream.Write(bytes);
        stream.Flush();
    }

    /// <summary>Reads one frame of at most <paramref name="limit"/> bytes.</summary>
    /// <exception cref="EndOfStreamException">The other side is gone.</exception>
    /// <exception cref="InvalidDataException">Longer than the limit.</exception>
    public static (byte Tag, byte[] Bytes) Read(Stream stream, int limit)
    {
        Span<byte> header = stackalloc byte[5];
        stream.ReadExactly(header);
        int length = BinaryPrimitives.ReadInt32BigEndian(header[1..]);
        if (length < 0 || length > limit)
            throw new InvalidDataException($"a frame of {length} bytes where at most {limit} are expected");
        // Memory grows with what comes, not with what is claimed.
        var bytes = new byte[Math.Min(length, FirstRead)];
        for (int read = 0; ; Array.Resize(ref bytes, (int)Math.Min(length, 2L * bytes.Length)))
        {
            stream.ReadExactly(bytes.AsSpan(read));
            read = bytes.Length;
            if (read == length)
                return (header[0], bytes);
        }
    }
}
