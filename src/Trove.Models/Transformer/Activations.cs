using Trove.Models.Compute;
using Trove.Models.Kernels;

namespace Trove.Models;

/// <summary>What a layer's backward needs from its forward. Normalised rows and the feed-forward's inner product are not kept: they are cheaper to compute again than to hold; of a large model nor is what attention gave.</summary>
internal readonly unsafe struct LayerActivations(float* input, float* qkv, float* attention, float* logSums, float* middle, float* gateUp, float* output)
{
    /// <summary>[tokens, width] the residual stream before the layer.</summary>
    public readonly float* Input = input;

    /// <summary>[tokens, queries and keys and values], turned.</summary>
    public readonly float* Qkv = qkv;

    /// <summary>[tokens, queries] what attention gave.</summary>
    public readonly float* Attention = attention;

    /// <summary>[tokens, heads]</summary>
    public readonly float* LogSums = logSums;

    /// <summary>[tokens, width] the residual stream between attention and feed-forward.</summary>
    public readonly float* Middle = middle;

    /// <summary>[tokens, 2·feed-forward]; backward leaves gradients here.</summary>
    public readonly float* GateUp = gateUp;

    /// <summary>[tokens, width] the residual stream after the layer: the next one's <see cref="Input"/>.</summary>
    public readonly float* Output = output;
}

/// <summary>All memory of a step beside weights, gradients and the optimiser's state, taken once for the largest batch.</summary>
internal sealed unsafe class Activations : IDisposable
{
    private readonly NativeBuffer<float> _memory;
    private readonly ModelConfig _config;
    private readonly long _capacity, _layerFloats, _gateUpFloats;
    private readonly bool _training;
    private readonly float* _layers, _gateUps, _attention;

    /// <summary>Memory for batches of up to <paramref name="capacity"/> tokens.</summary>
    /// <param name="training">Keep every layer's activations; otherwise all layers use the same.</param>
    /// <param name="lean">Keep less of them: see <see cref="IsLean"/>.</param>
    public Activations(ModelConfig config, int capacity, bool training, bool lean = false)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(capacity, 1);
        (_config, _capacity, _training, IsLean) = (config, capacity, training, lean && training);
        var attention = config.Attention;
        long tokens = capacity;
        _layerFloats = Round(tokens * (2L * config.Width + attention.FusedWidth + (IsLean ? 0 : attention.QueryWidth) + config.Heads));
        _gateUpFloats = Round(tokens * 2L * config.FeedForward);
        int blockRows = Math.Min(capacity, CrossEntropy.BlockRows(config.Vocabulary));
        long feedForward = tokens * config.FeedForward, attentionBackward = training ? tokens * (attention.QueryWidth + attention.FusedWidth) : 0, logits = (long)blockRows * config.Vocabulary;
        long shared = Round(Math.Max(Math.Max(feedForward, attentionBackward), logits)), stream = Round(tokens * config.Width), again = IsLean ? Round(tokens * attention.QueryWidth) : 0;
        long partials = Round((long)RmsNorm.PartialRows(capacity) * config.Width), losses = Round(tokens);
        int kept = training ? config.Layers : 1;
        _memory = new NativeBuffer<float>(checked(kept * (_layerFloats + _gateUpFloats) + 3 * stream + again + shared + partials + losses));

        _layers = _memory.Pointer;
        _gateUps = _layers + kept * _layerFloats;
        Final = _gateUps + kept * _gateUpFloats;
        Normed = Final + stream;
        Gradient = Normed + stream;
        _attention = Gradient + stream;
        Shared = _attention + again;
        Partials = Shared + shared;
        Losses = Partials + partials;
    }

    /// <summary>All layers use the same memory for what attention gives, and backward computes it again: two hundredths of a step's time.</summary>
    public bool IsLean { get; }

    /// <summary>[tokens, width] the residual stream after the last layer.</summary>
    public float* Final { get; }

    /// <summary>[tokens, width] normalised rows, or their gradient.</summary>
    public float* Normed { get; }

    /// <summary>[tokens, width] gradient of the residual stream.</summary>
    public float* Gradient { get; }

    /// <summary>What never lives at the same time: the feed-forward's inner rows, attention's gradients, a block of logits.</summary>
    public float* Shared { get; }

    /// <summary>Partial sums of a gain's gradient.</summary>
    public float* Partials { get; }

    /// <summary>[tokens]</summary>
    public float* Losses { get; }

    /// <summary>Bytes taken.</summary>
    public long Bytes => _memory.Length * sizeof(float);

    public LayerActivations this[int layer]
    {
        get
        {
            var shape = _config.Attention;
            float* input = Layer(layer), qkv = input + _capacity * _config.Width, next = qkv + _capacity * shape.FusedWidth;
            float* attention = IsLean ? _attention : next, middle = IsLean ? next : next + _capacity * shape.QueryWidth, logSums = middle + _capacity * _config.Width, gateUp = _gateUps + (_training ? layer : 0) * _gateUpFloats;
            float* output = layer + 1 < _config.Layers ? Layer(layer + 1) : Final;
            return new LayerActivations(input, qkv, attention, logSums, middle, gateUp, output);
        }
    }

    /// <summary>Lets go of what backward has used up of this layer, the widest of its activations, and of those after it.</summary>
    public void Release(int layer) => _memory.Release(_gateUps + layer * _gateUpFloats - _memory.Pointer, (_config.Layers - layer) * _gateUpFloats);

    /// <summary>Lets go of <see cref="Shared"/>.</summary>
    public void ReleaseShared() => _memory.Release(Shared - _memory.Pointer, Partials - Shared);

    public void Dispose() => _memory.Dispose();

    // Without training a layer writes over its own input, which is needed no more by then.
    private float* Layer(int layer) => _training ? _layers + layer * _layerFloats : _layers;

    private static long Round(long floats) => floats + 15 & ~15L;
}
