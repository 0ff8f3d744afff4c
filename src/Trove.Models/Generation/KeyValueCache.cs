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

    /// <summary>Holds then what another one holds.</summary>
    /// <exception cref="ArgumentException">It is of another shape, or holds more than there is room for.</exception>
    internal void CopyFrom(KeyValueCache other)
    {
        if (other.Config != Config || other.Length > Capacity)
            throw new ArgumentException($"A cache of {Capacity} tokens cannot take the {other.Length} of another one, or it was made for a model of another shape");
        var shape = Config.Attention;
        long head = CachedAttention.LayerFloats(shape, 1) / shape.KeyValueHeads, used = head * ((other.Length + Attention.Block - 1) / Attention.Block) * sizeof(float);
        for (int layer = 0; layer < Config.Layers; layer++)
            for (int i = 0; i < shape.KeyValueHeads; i++)
                Buffer.MemoryCopy(other.Layer(layer) + i * head * other.Blocks, Layer(layer) + i * head * Blocks, used, used);
        Length = other.Length;
    }

    internal float* Layer(int layer) => _memory.Pointer + layer * _layerFloats;

    /// <summary>Frees the memory.</summary>
    public void Dispose() => _memory.Dispose();
}
