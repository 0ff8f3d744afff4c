using Trove.Models.Compute;
using Trove.Models.Kernels;

namespace Trove.Models.Generation;

/// <summary>
/// Runs new tokens of several sequences through a model at once. Every token's logits are the same to the bit alone or among
/// others, one token at a time or a whole prompt, and those of <see cref="Transformer"/>. Not for several threads at once.
/// </summary>
public sealed unsafe class Decoder : IDisposable
{
    private readonly Parameters _parameters;
    private readonly ModelConfig _config;
    private readonly WorkPool _pool;
    private readonly DecoderLayer[] _layers;
    private readonly Rope _rope;
    private readonly Activations _memory;
    private readonly NativeBuffer<int> _ids, _positions;
    private readonly NativeBuffer<CachedQueries> _queries;
    private readonly Linear _head;
    private readonly long _finalNorm;
    private readonly KernelProfile _profile = new();

    /// <summary>Takes the memory for batches of up to <paramref name="maxTokens"/> new tokens.</summary>
    /// <param name="parameters">The weights, which stay the caller's.</param>
    /// <param name="pool">The threads, which stay the caller's.</param>
    /// <param name="maxTokens">New tokens of all sequences in one call.</param>
    public Decoder(Parameters parameters, WorkPool pool, int maxTokens)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxTokens, 1);
        (_parameters, _config, _pool, MaxTokens) = (parameters, parameters.Config, pool, maxTokens);
        _layers = [.. Enumerable.Range(0, _config.Layers).Select(i => new DecoderLayer(parameters, i))];
        _finalNorm = parameters["model.norm.weight"].Offset;
        _head = Transformer.Head(parameters);
        _rope = new Rope(_config.Context, _config.HeadWidth, _config.RopeTheta);
        _memory = new Activations(_config, maxTokens, training: false);
        _ids = new NativeBuffer<int>(maxTokens);
        _positions = new NativeBuffer<int>(maxTokens);
        _queries = new NativeBuffer<CachedQueries>(maxTokens);
    }

    /// <summary>New tokens of all sequences that one call may have.</summary>
    public int MaxTokens { get; }

    /// <summary>The model's shape.</summary>
    public ModelConfig Config => _config;

    /// <summary>Appends tokens to sequences and gives the logits after the last of each.</summary>
    /// <param name="caches">The sequences, each once.</param>
    /// <param name="counts">[sequences] how many of the tokens are each one's, at least 1.</param>
    /// <param name="tokens">Their tokens, sequence after sequence.</param>
    /// <param name="logits">[sequences, vocabulary], written.</param>
    /// <exception cref="ArgumentException">Spans that do not fit together, a full cache, a cache of another shape, or ids outside the vocabulary; no cache has changed then.</exception>
    public void Run(ReadOnlySpan<KeyValueCache> caches, ReadOnlySpan<int> counts, ReadOnlySpan<int> tokens, Span<float> logits)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(logits.Length, checked(caches.Length * _config.Vocabulary));
        Forward(caches, counts, tokens);
        // The last row of each sequence moves to the front; it never overtakes one still needed.
        int row = 0;
        for (int s = 0; s < caches.Length; s++)
        {
            row += counts[s];
            Row(_memory.Final, row - 1).CopyTo(Row(_memory.Final, s));
        }
        RmsNorm.Forward(_pool, caches.Length, _config.Width, _memory.Final, _parameters.Pointer + _finalNorm, _config.RmsEpsilon, _memory.Normed);
        fixed (float* to = logits)
            _head.Forward(_pool, _parameters.Pointer, caches.Length, _memory.Normed, to);
    }

    /// <summary>The mean of a text's last hidden states, after the final norm.</summary>
    /// <param name="cache">An empty cache with room for the text; it holds the text afterwards.</param>
    /// <param name="tokens">The text, at least one token.</param>
    /// <param name="embedding">[width], written.</param>
    /// <inheritdoc cref="Run" path="/exception"/>
    public void Embed(KeyValueCache cache, ReadOnlySpan<int> tokens, Span<float> embedding)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(embedding.Length, _config.Width);
        ArgumentOutOfRangeException.ThrowIfNotEqual(cache.Length, 0);
        if (tokens.IsEmpty || tokens.Length > cache.Capacity)
            throw new ArgumentException($"A text of {tokens.Length} tokens: from 1 to the cache's {cache.Capacity}");
        embedding.Clear();
        for (int from = 0; from < tokens.Length; from += MaxTokens)
        {
            var some = tokens[from..Math.Min(tokens.Length, from + MaxTokens)];
            Forward([cache], [some.Length], some);
            RmsNorm.Forward(_pool, some.Length, _config.Width, _memory.Final, _parameters.Pointer + _finalNorm, _config.RmsEpsilon, _memory.Normed);
            fixed (float* to = embedding)
                Columns.AddSums(_pool, some.Length, _config.Width, _memory.Normed, _config.Width, to);
        }
        foreach (ref float sum in embedding)
            sum /= tokens.Length;
    }

    /// <summary>Frees activations and tables.</summary>
    public void Dispose()
    {
        _rope.Dispose();
        _memory.Dispose();
        _ids.Dispose();
        _positions.Dispose();
        _queries.Dispose();
    }

    // From tokens to the residual stream after the last layer, with the caches one step on.
    private void Forward(ReadOnlySpan<KeyValueCache> caches, ReadOnlySpan<int> counts, ReadOnlySpan<int> tokens)
    {
        Check(caches, counts, tokens);
        tokens.CopyTo(_ids.Slice(0, tokens.Length));
        Embedding.Forward(_pool, tokens.Length, _config.Width, _ids.Pointer, _parameters.Pointer, _memory[0].Input);
        for (int i = 0; i < _layers.Length; i++)
        {
            var a = _memory[i];
            int blocks = Lay(caches, counts, i);
            _layers[i].Project(_pool, _rope, tokens.Length, _positions.Pointer, a, _memory, _profile);
            CachedAttention.Run(_pool, _config.Attention, blocks, _queries.Pointer, a.Qkv, a.Attention);
            _layers[i].Finish(_pool, tokens.Length, a, _memory, _profile);
        }
        for (int s = 0; s < caches.Length; s++)
            caches[s].Length += counts[s];
    }

    private void Check(ReadOnlySpan<KeyValueCache> caches, ReadOnlySpan<int> counts, ReadOnlySpan<int> tokens)
    {
        if (caches.IsEmpty || counts.Length != caches.Length)
            throw new ArgumentException($"{caches.Length} sequences with {counts.Length} counts: each sequence needs one");
        long sum = 0;
        for (int s = 0; s < caches.Length; s++)
        {
            var cache = caches[s];
            if (cache.Config != _config)
                throw new ArgumentException($"The cache of sequence {s} was made for a model of another shape");
            if (counts[s] < 1 || counts[s] > cache.Capacity - cache.Length)
                throw new ArgumentException($"{counts[s]} tokens for sequence {s}: at least 1 is needed, and its cache of {cache.Capacity} has room for {cache.Capacity - cache.Length}");
            if (caches[..s].Contains(cache))
                throw new ArgumentException($"Sequence {s} is there twice: give all its tokens at once");
            sum += counts[s];
        }
        if (sum != tokens.Length || sum > MaxTokens)
            throw new ArgumentException($"{tokens.Length} tokens, {sum} counted: they must agree, and {MaxTokens} fit this decoder");
        foreach (int token in tokens)
            if ((uint)token >= (uint)_config.Vocabulary)
                throw new ArgumentException($"Token {token} is outside the vocabulary of {_config.Vocabulary}");
    }

    // Cuts the new tokens where attention's blocks end; how many pieces.
    private int Lay(ReadOnlySpan<KeyValueCache> caches, ReadOnlySpan<int> counts, int layer)
    {
        int pieces = 0, row = 0;
        for (int s = 0; s < caches.Length; s++)
        {
            int position = caches[s].Length, end = position + counts[s];
            while (position < end)
            {
                int rows = Math.Min(end - position, Attention.Block - position % Attention.Block);
                _queries.Pointer[pieces++] = new CachedQueries(row, rows, position, (nint)caches[s].Layer(layer), caches[s].Blocks);
                for (int i = 0; i < rows; i++)
                    _positions.Pointer[row++] = position++;
            }
        }
        return pieces;
    }

    private Span<float> Row(float* rows, int row) => new(rows + (long)row * _config.Width, _config.Width);
}
