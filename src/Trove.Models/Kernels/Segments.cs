using Trove.Models.Compute;

namespace Trove.Models.Kernels;

/// <summary>
/// Where the documents of a packed batch lie, and how attention cuts them: into blocks of 64 tokens counted from each
/// document's own start, so that a document gives the same bits wherever it lies.
/// </summary>
internal sealed unsafe class Segments(int capacity) : IDisposable
{
    private readonly NativeBuffer<int> _memory = new(checked(4L * capacity + 1));

    /// <summary>Tokens of the batch.</summary>
    public int Tokens { get; private set; }

    /// <summary>Documents.</summary>
    public int Count { get; private set; }

    /// <summary>Blocks of all documents.</summary>
    public int Blocks { get; private set; }

    /// <summary>[Tokens] position of each token in its document.</summary>
    public int* Positions => _memory.Pointer;

    /// <summary>[Count + 1] first token of each document, then <see cref="Tokens"/>.</summary>
    public int* Starts => _memory.Pointer + capacity;

    /// <summary>[Blocks] the document of each block.</summary>
    public int* BlockSegment => Starts + capacity + 1;

    /// <summary>[Blocks] the block's number within its document.</summary>
    public int* BlockIndex => BlockSegment + capacity;

    /// <summary>Takes a new batch.</summary>
    /// <param name="tokens">At most the capacity.</param>
    /// <param name="starts">First token of each document, from 0 on, ascending.</param>
    /// <exception cref="ArgumentException">Too many tokens, or starts that are none.</exception>
    public void Set(int tokens, ReadOnlySpan<int> starts)
    {
        if (tokens < 1 || tokens > capacity)
            throw new ArgumentException($"A batch of {tokens} tokens: from 1 to {capacity} fit this model's activations");
        if (starts.IsEmpty || starts[0] != 0)
            throw new ArgumentException("The first document of a batch must start at token 0");
        (Tokens, Count, Blocks) = (tokens, starts.Length, 0);
        for (int s = 0; s < starts.Length; s++)
        {
            int start = starts[s], end = s + 1 < starts.Length ? starts[s + 1] : tokens;
            if (end <= start || end > tokens)
                throw new ArgumentException($"Document {s} of the batch reaches from token {start} to {end} of {tokens}: starts must ascend within the batch");
            Starts[s] = start;
            for (int i = start; i < end; i++)
                Positions[i] = i - start;
            for (int block = 0; block * Attention.Block < end - start; block++, Blocks++)
                (BlockSegment[Blocks], BlockIndex[Blocks]) = (s, block);
        }
        Starts[starts.Length] = tokens;
    }

    public void Dispose() => _memory.Dispose();
}
