using Trove.Models.Compute;
using Trove.Models.Kernels;

namespace Trove.Models.Generation;

/// <summary>The keys and values of one sequence, so that each new token costs one row.</summary>
public sealed unsafe class KeyValueCache : IDisposable
{
    private readonly NativeBuffer<float> _memory;
    private readonly long _layerFloats;

    /// <summary>Empty, for up to <paramref name="capacity"/> tokens.</summary>
    /// <exception cref="ArgumentException">More than the model's context.</exception>
    public KeyValueCache(ModelConfig config, int capacity)
    {
        if (capacity < 1 || capacity > config.Context)
            throw new ArgumentException($"A cache for {capacity} tokens: from 1 to the model's context of {config.Context}");
        (Config, Capacity, Blocks) = (config, capacity, (capacity + Attention.Block - 1) / Attention.Block);
        _layerFloats = CachedAttention.LayerFloats(config.Attention, Blocks);
        _memory = new NativeBuffer<float>(checked(_layerFloats * config.Layers));
    }

    /// <summary>Tokens there is room for.</summary>
    public int Capacity { get; }

    /// <summary>Tokens it holds.</summary>
    public int Length { get; internal set; }

    /// <summary>Bytes taken.</summary>
    public long Bytes => _memory.Length * sizeof(float);

    internal ModelConfig Config { get; }

    internal int Blocks { get; }

    /// <summary>Forgets all but the first tokens.</summary>
    public void Truncate(int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length);
        Length = length;
    }

    internal float* Layer(int layer) => _memory.Pointer + layer * _layerFloats;

    /// <summary>Frees the memory.</summary>
    public void Dispose() => _memory.Dispose();
}
