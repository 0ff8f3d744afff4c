using Trove.Models.Compute;
using Trove.Models.Kernels;

namespace Trove.Models;

/// <summary>The loss of a batch.</summary>
/// <param name="Sum">Of the counted tokens' losses, in nats.</param>
/// <param name="Tokens">Tokens counted: those whose target is not −1.</param>
public readonly record struct Loss(double Sum, int Tokens)
{
    /// <summary>Nats a token.</summary>
    public double Mean => Sum / Tokens;
}

/// <summary>
/// A decoder of the Llama family, forward and backward by explicit kernels, on packed batches: documents one after another,
/// each seeing only itself. The same bits for any number of threads and on any machine with IEEE floats. After construction
/// a step allocates nothing on the managed heap. Not for several threads at once.
/// </summary>
public sealed unsafe class Transformer : IDisposable
{
    /// <summary>The target that leaves a token out of the loss.</summary>
    public const int Ignore = CrossEntropy.Ignore;

    private readonly WorkPool _pool;
    private readonly Parameters _parameters;
    private readonly ModelConfig _config;
    private readonly DecoderLayer[] _layers;
    private readonly Rope _rope;
    private readonly Segments _segments;
    private readonly Activations _memory;
    private readonly NativeBuffer<int> _ids;
    private readonly Linear _head;
    private readonly long _finalNorm;
    private readonly int _capacity;
    private readonly bool _training;

    /// <summary>Takes the memory for batches of up to <paramref name="maxTokens"/>.</summary>
    /// <param name="parameters">The weights, which stay the caller's; they may change between steps.</param>
    /// <param name="pool">The threads, which stay the caller's.</param>
    /// <param name="maxTokens">Tokens of the largest batch.</param>
    /// <param name="training">False: only <see cref="Evaluate"/> will be called, and one layer's activations are enough.</param>
    public Transformer(Parameters parameters, WorkPool pool, int maxTokens, bool training = true)
        : this(parameters, pool, maxTokens, training, Gradients.IsLarge(parameters.Length))
    {
    }

    /// <summary>The same, with <see cref="Activations.IsLean"/> chosen.</summary>
    internal Transformer(Parameters parameters, WorkPool pool, int maxTokens, bool training, bool lean)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxTokens, 1);
        (_parameters, _pool, _config, _capacity, _training) = (parameters, pool, parameters.Config, maxTokens, training);
        _layers = [.. Enumerable.Range(0, _config.Layers).Select(i => new DecoderLayer(parameters, i))];
        _finalNorm = parameters["model.norm.weight"].Offset;
        _head = Head(parameters);
        _rope = new Rope(Math.Min(_config.Context, maxTokens), _config.HeadWidth, _config.RopeTheta);
        _segments = new Segments(maxTokens);
        _memory = new Activations(_config, maxTokens, training, lean);
        _ids = new NativeBuffer<int>(2L * maxTokens);
    }

    /// <summary>Where the time goes; off until enabled.</summary>
    public KernelProfile Profile { get; } = new();

    /// <summary>Bytes of activations and scratch.</summary>
    public long ActivationBytes => _memory.Bytes;

    /// <summary>The loss of a batch, without gradients.</summary>
    /// <inheritdoc cref="Step"/>
    public Loss Evaluate(ReadOnlySpan<int> tokens, ReadOnlySpan<int> targets, ReadOnlySpan<int> starts)
    {
        int counted = Load(tokens, targets, starts);
        Forward();
        return Predict(counted, 0, null);
    }

    /// <summary>The loss of a batch, and its gradients to a sink.</summary>
    /// <param name="tokens">Ids, document after document.</param>
    /// <param name="targets">For each token the id to predict, or <see cref="Ignore"/>.</param>
    /// <param name="starts">The first token of each document, ascending from 0.</param>
    /// <param name="sink">Who takes the weights' gradients, of the loss's sum divided by <paramref name="divisor"/>; null when all are frozen.</param>
    /// <param name="divisor">The counted tokens of the whole step when it has several batches; 0: of this batch.</param>
    /// <exception cref="ArgumentException">Spans that do not fit together, ids outside the vocabulary, documents longer than the context.</exception>
    /// <exception cref="InvalidOperationException">Not made for training.</exception>
    public Loss Step(ReadOnlySpan<int> tokens, ReadOnlySpan<int> targets, ReadOnlySpan<int> starts, IGradientSink? sink, long divisor = 0)
    {
        if (!_training)
            throw new InvalidOperationException("This transformer was made without memory for training: construct it with training: true");
        ArgumentOutOfRangeException.ThrowIfNegative(divisor);
        int counted = Load(tokens, targets, starts);
        Forward();
        var loss = Predict(counted, (float)(1.0 / Math.Max(1, divisor == 0 ? counted : divisor)), sink);
        Backward(sink);
        return loss;
    }

    /// <summary>Frees activations and tables.</summary>
    public void Dispose()
    {
        _rope.Dispose();
        _segments.Dispose();
        _memory.Dispose();
        _ids.Dispose();
    }

    /// <summary>The output layer: the embedding's matrix, or one of its own.</summary>
    internal static Linear Head(Parameters parameters) =>
        new(parameters[parameters.Config.TiedEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight"].Offset, parameters.Config.Width, parameters.Config.Vocabulary);

    private int Load(ReadOnlySpan<int> tokens, ReadOnlySpan<int> targets, ReadOnlySpan<int> starts)
    {
        if (targets.Length != tokens.Length)
            throw new ArgumentException($"{tokens.Length} tokens with {targets.Length} targets: each token needs one, {Ignore} to leave it out");
        _segments.Set(tokens.Length, starts);
        for (int i = 0; i < starts.Length; i++)
            if (_segments.Starts[i + 1] - starts[i] > _config.Context)
                throw new ArgumentException($"Document {i} of the batch has {_segments.Starts[i + 1] - starts[i]} tokens, the model's context {_config.Context}: cut it");
        int counted = 0;
        for (int i = 0; i < tokens.Length; i++)
        {
            if ((uint)tokens[i] >= (uint)_config.Vocabulary)
                throw new ArgumentException($"Token {i} is {tokens[i]}, outside the vocabulary of {_config.Vocabulary}");
            if (targets[i] != Ignore && (uint)targets[i] >= (uint)_config.Vocabulary)
                throw new ArgumentException($"Target {i} is {targets[i]}, outside the vocabulary of {_config.Vocabulary}; {Ignore} leaves a token out");
            counted += targets[i] == Ignore ? 0 : 1;
        }
        tokens.CopyTo(_ids.Slice(0, tokens.Length));
        targets.CopyTo(_ids.Slice(_capacity, tokens.Length));
        return counted;
    }

    private void Forward()
    {
        long clock = Profile.Start();
        Embedding.Forward(_pool, _segments.Tokens, _config.Width, _ids.Pointer, _parameters.Pointer, _memory[0].Input);
        Profile.Lap(ref clock, Stage.Embedding);
        for (int i = 0; i < _layers.Length; i++)
            _layers[i].Forward(_pool, _rope, _segments, _memory[i], _memory, Profile);
    }

    // Final norm, logits and loss; with a scale also the gradient of the norm's output, in place of it.
    private Loss Predict(int counted, float scale, IGradientSink? sink)
    {
        int rows = _segments.Tokens, width = _config.Width, blockRows = Math.Min(_capacity, CrossEntropy.BlockRows(_config.Vocabulary));
        float* arena = _parameters.Pointer, logits = _memory.Shared;
        long clock = Profile.Start();
        RmsNorm.Forward(_pool, rows, width, _memory.Final, arena + _finalNorm, _config.RmsEpsilon, _memory.Normed);
        Profile.Lap(ref clock, Stage.Norm);
        for (int row = 0; row < rows; row += blockRows)
        {
            int some = Math.Min(blockRows, rows - row);
            float* normed = _memory.Normed + (long)row * width;
            _head.Forward(_pool, arena, some, normed, logits);
            Profile.Lap(ref clock, Stage.Head);
            CrossEntropy.Run(_pool, some, _config.Vocabulary, logits, _ids.Pointer + _capacity + row, scale, _memory.Losses + row);
            Profile.Lap(ref clock, Stage.Loss);
            if (scale == 0)
                continue;
            _head.BackwardWeights(_pool, some, normed, logits, sink);
            Profile.Lap(ref clock, Stage.HeadWeights);
            _head.BackwardInput(_pool, arena, some, logits, normed);
            Profile.Lap(ref clock, Stage.HeadInput);
        }
        double sum = 0;
        for (int i = 0; i < rows; i++)
            sum += _memory.Losses[i];
        return new Loss(sum, counted);
    }

    private void Backward(IGradientSink? sink)
    {
        int rows = _segments.Tokens, width = _config.Width;
        long clock = Profile.Start();
        bool large = sink is Gradients { AreLarge: true };
        if (large)
            _memory.ReleaseShared(); // logits are wider than what comes there next
        new Span<float>(_memory.Gradient, checked(rows * width)).Clear();
        RmsNorm.Backward(_pool, rows, width, _memory.Final, _parameters.Pointer + _finalNorm, _config.RmsEpsilon, _memory.Normed, _memory.Gradient, _memory.Partials);
        sink?.Gain(_pool, _finalNorm, RmsNorm.PartialRows(rows), width, _memory.Partials);
        Profile.Lap(ref clock, Stage.Norm);
        for (int i = _layers.Length; --i >= 0;)
        {
            _layers[i].Backward(_pool, _rope, _segments, _memory[i], _memory, sink, Profile);
            if (large)
                _memory.Release(i);
        }
        clock = Profile.Start();
        sink?.Embedding(_pool, 0, _config.Vocabulary, rows, width, _ids.Pointer, _memory.Gradient);
        Profile.Lap(ref clock, Stage.Embedding);
    }
}
