using Trove.Models.Compute;

namespace Trove.Models.Generation;

/// <summary>
/// A model's weights laid out for inference, a copy: what it was made from may be freed. In 8 bits (specs/engine.md, "8-bit weights") they take a quarter of the
/// memory, and the model is a slightly other one.
/// </summary>
public sealed unsafe class DecoderWeights : IDisposable
{
    private readonly NativeBuffer<float> _gains;
    private readonly Layer[] _layers;
    private readonly Projection? _embedding; // none of its own where tied

    /// <summary>Lays weights out.</summary>
    /// <param name="parameters">Where they are; read only now.</param>
    /// <param name="pool">The threads, which stay the caller's.</param>
    /// <param name="quantize">In 8 bits, matrices whose rows divide into blocks of 32.</param>
    /// <exception cref="ArgumentException">A weight to be rounded to 8 bits is not finite.</exception>
    public DecoderWeights(Parameters parameters, WorkPool pool, bool quantize = false)
    {
        Config = parameters.Config;
        int width = Config.Width;
        _gains = new NativeBuffer<float>((2L * Config.Layers + 1) * width);
        _layers = new Layer[Config.Layers];
        try
        {
            Head = new Projection(pool, parameters.Pointer, Transformer.Head(parameters), quantize);
            if (!Config.TiedEmbeddings)
                _embedding = new Projection(pool, parameters.Pointer, new Linear(parameters["model.embed_tokens.weight"].Offset, width, Config.Vocabulary), quantize);
            for (int i = 0; i < _layers.Length; i++)
            {
                var from = new DecoderLayer(parameters, i);
                _layers[i] = new Layer(Projected(from.Qkv), Projected(from.Out), Projected(from.GateUp), Projected(from.Down));
                string name = $"model.layers.{i}.";
                parameters.Values(parameters[name + "input_layernorm.weight"]).CopyTo(_gains.Slice(2L * i * width, width));
                parameters.Values(parameters[name + "post_attention_layernorm.weight"]).CopyTo(_gains.Slice((2L * i + 1) * width, width));
            }
            parameters.Values(parameters["model.norm.weight"]).CopyTo(_gains.Slice(2L * Config.Layers * width, width));
        }
        catch
        {
            Dispose();
            throw;
        }

        Projection Projected(in Linear layer) => new(pool, parameters.Pointer, layer, quantize);
    }

    /// <summary>The model's shape.</summary>
    public ModelConfig Config { get; }

    /// <summary>Bytes of its matrices.</summary>
    public long Bytes => _layers.Sum(l => l.Qkv.Bytes + l.Out.Bytes + l.GateUp.Bytes + l.Down.Bytes) + Head.Bytes + (_embedding?.Bytes ?? 0);

    internal Projection Head { get; }

    internal Projection Embedding => _embedding ?? Head;

    internal float* FinalNorm => _gains.Pointer + 2L * Config.Layers * Config.Width;

    internal ref readonly Layer this[int layer] => ref _layers[layer];

    internal float* InputNorm(int layer) => _gains.Pointer + 2L * layer * Config.Width;

    internal float* MiddleNorm(int layer) => InputNorm(layer) + Config.Width;

    /// <summary>Frees the memory.</summary>
    public void Dispose()
    {
        _gains.Dispose();
        Head?.Dispose();
        _embedding?.Dispose();
        foreach (var layer in _layers)
        {
            layer.Qkv?.Dispose();
            layer.Out?.Dispose();
            layer.GateUp?.Dispose();
            layer.Down?.Dispose();
        }
    }

    internal readonly record struct Layer(Projection Qkv, Projection Out, Projection GateUp, Projection Down);
}
