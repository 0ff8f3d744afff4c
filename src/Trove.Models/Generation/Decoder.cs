using Trove.Models.Compute;
using Trove.Models.Kernels;

namespace Trove.Models.Generation;

/// <summary>
/// Runs new tokens of several sequences through a model at once. Every token's logits are the same to the bit alone or among
/// others, one token at a time or a whole prompt, and those of <see cref="Transformer"/>. Not for several threads at once.
/// </summary>
public sealed unsafe class Decoder : IDisposable
{
    private const int FirstPositions = 512;

    private readonly DecoderWeights _weights;
    private readonly bool _ownsWeights;
    private readonly ModelConfig _config;
    private readonly WorkPool _pool;
    private readonly Activations _memory;
    private readonly NativeBuffer<int> _ids, _positions;
    private readonly NativeBuffer<CachedQueries> _queries;
    private Rope _rope;

    /// <summary>Takes the memory for batches of up to <paramref name="maxTokens"/> new tokens.</summary>
    /// <param name="weights">The weights, which stay the caller's.</param>
    /// <param name="pool">The threads, which stay the caller's.</param>
    /// <param name="maxTokens">New tokens of all sequences in one call.</param>
    public Decoder(DecoderWeights weights, WorkPool pool, int maxTokens)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxTokens, 1);
        (_weights, _config, _pool, MaxTokens) = (weights, weights.Config, pool, maxTokens);
        _rope = new Rope(Math.Min(FirstPositions, _config.Context), _config.HeadWidth, _config.RopeTheta);
        _memory = new Activations(_config, maxTokens, training: false);
        _ids = new NativeBuffer<int>(maxTokens);
        _positions = new NativeBuffer<int>(maxTokens);
        _queries = new NativeBuffer<CachedQueries>(maxTokens);
    }

    /// <summary>The same with weights of its own, laid out from these: later changes of them change nothing.</summary>
    /// <inheritdoc cref="DecoderWeights(Parameters, WorkPool, bool)"/>
    /// <inheritdoc cref="Decoder(DecoderWeights, WorkPool, int)"/>
    public Decoder(Parameters parameters, WorkPool pool, int maxTokens, bool quantize = false) : this(new DecoderWeights(parameters, pool, quantize), pool, maxTokens) => _ownsWeights = true;

    /// <summary>Where the time goes; off until enabled.</summary>
    public KernelProfile Profile { get; } = new();

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
        RmsNorm.Forward(_pool, caches.Length, _config.Width, _memory.Final, _weights.FinalNorm, _config.RmsEpsilon, _memory.Normed);
        long clock = Profile.Start();
        fixed (float* to = logits)
            _weights.Head.Forward(_pool, caches.Length, _memory.Normed, to);
        Profile.Lap(ref clock, Stage.Head);
    }

    /// <summary>The loss of each token of a text, given those before it.</summary>
    /// <param name="cache">An empty cache with room for the text but its last token; it holds these afterwards.</param>
    /// <param name="tokens">The text, at least two tokens.</param>
    /// <param name="losses">[tokens − 1] in nats, written: of the second token, the third, and so on.</param>
    /// <inheritdoc cref="Run" path="/exception"/>
    public void Score(KeyValueCache cache, ReadOnlySpan<int> tokens, Span<float> losses)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(cache.Length, 0);
        if (tokens.Length < 2 || tokens.Length - 1 > cache.Capacity || losses.Length != tokens.Length - 1 || tokens[^1] >= _config.Vocabulary || tokens[^1] < 0)
            throw new ArgumentException($"A text of {tokens.Length} tokens with {losses.Length} losses: from 2 tokens of the vocabulary to one more than the cache's {cache.Capacity}, with a loss less");
        int blockRows = Math.Min(MaxTokens, CrossEntropy.BlockRows(_config.Vocabulary));
        fixed (float* to = losses)
            for (int from = 0; from < losses.Length; from += MaxTokens)
            {
                var some = tokens[from..Math.Min(losses.Length, from + MaxTokens)];
                Forward([cache], [some.Length], some);
                RmsNorm.Forward(_pool, some.Length, _config.Width, _memory.Final, _weights.FinalNorm, _config.RmsEpsilon, _memory.Normed);
                tokens.Slice(from + 1, some.Length).CopyTo(_ids.Slice(0, some.Length));
                for (int row = 0; row < some.Length; row += blockRows)
                {
                    int rows = Math.Min(blockRows, some.Length - row);
                    _weights.Head.Forward(_pool, rows, _memory.Normed + (long)row * _config.Width, _memory.Shared);
                    CrossEntropy.Run(_pool, rows, _config.Vocabulary, _memory.Shared, _ids.Pointer + row, 0, to + from + row);
                }
            }
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
            RmsNorm.Forward(_pool, some.Length, _config.Width, _memory.Final, _weights.FinalNorm, _config.RmsEpsilon, _memory.Normed);
            fixed (float* to = embedding)
                Columns.AddSums(_pool, some.Length, _config.Width, _memory.Normed, _config.Width, to);
        }
        foreach (ref float sum in embedding)
            sum /= tokens.Length;
    }

    /// <summary>Frees activations and tables, and the weights that are its own.</summary>
    public void Dispose()
    {
        if (_ownsWeights)
            _weights.Dispose();
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
        Reach(caches, counts);
        var gather = new GatherJob { Embedding = _weights.Embedding, Ids = _ids.Pointer, To = _memory[0].Input };
        long clock = Profile.Start();
        _pool.Run(ref gather, tokens.Length);
        Profile.Lap(ref clock, Stage.Embedding);
        for (int i = 0; i < _config.Layers; i++)
            Layer(i, tokens.Length, Lay(caches, counts, i));
        for (int s = 0; s < caches.Length; s++)
            caches[s].Length += counts[s];
    }

    private void Layer(int layer, int rows, int pieces)
    {
        var a = _memory[layer];
        ref readonly var w = ref _weights[layer];
        long clock = Profile.Start();
        RmsNorm.Forward(_pool, rows, _config.Width, a.Input, _weights.InputNorm(layer), _config.RmsEpsilon, _memory.Normed);
        Profile.Lap(ref clock, Stage.Norm);
        w.Qkv.Forward(_pool, rows, _memory.Normed, a.Qkv);
        Profile.Lap(ref clock, Stage.Linear);
        _rope.Apply(_pool, rows, _config.Heads + _config.KeyValueHeads, a.Qkv, w.Qkv.Outputs, _positions.Pointer, inverse: false);
        Profile.Lap(ref clock, Stage.Rope);
        CachedAttention.Run(_pool, _config.Attention, pieces, _queries.Pointer, a.Qkv, a.Attention);
        Profile.Lap(ref clock, Stage.Attention);
        w.Out.Forward(_pool, rows, a.Attention, a.Middle, residual: a.Input);
        Profile.Lap(ref clock, Stage.Linear);
        RmsNorm.Forward(_pool, rows, _config.Width, a.Middle, _weights.MiddleNorm(layer), _config.RmsEpsilon, _memory.Normed);
        Profile.Lap(ref clock, Stage.Norm);
        w.GateUp.Forward(_pool, rows, _memory.Normed, a.GateUp);
        Profile.Lap(ref clock, Stage.Linear);
        SwiGlu.Forward(_pool, rows, _config.FeedForward, a.GateUp, _memory.Shared);
        Profile.Lap(ref clock, Stage.SwiGlu);
        w.Down.Forward(_pool, rows, _memory.Shared, a.Output, residual: a.Middle);
        Profile.Lap(ref clock, Stage.Linear);
    }

    // The rotations of a long context would take longer than a short text: the table grows as positions are reached.
    private void Reach(ReadOnlySpan<KeyValueCache> caches, ReadOnlySpan<int> counts)
    {
        int reached = 0;
        for (int s = 0; s < caches.Length; s++)
            reached = Math.Max(reached, caches[s].Length + counts[s]);
        if (reached <= _rope.Positions)
            return;
        var longer = new Rope(Math.Min(_config.Context, Math.Max(reached, 2 * _rope.Positions)), _config.HeadWidth, _config.RopeTheta);
        _rope.Dispose();
        _rope = longer;
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

    private struct GatherJob : ITileJob
    {
        public Projection Embedding;
        public int* Ids;
        public float* To;

        public readonly void Run(int tile) => Embedding.Row(Ids[tile], To + (long)tile * Embedding.Inputs);
    }
}
