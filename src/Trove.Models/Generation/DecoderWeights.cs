using Trove.Models.Compute;
using Trove.Models.Exchange;

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

    /// <summary>Lays out weights in memory, which are read only now.</summary>
    /// <param name="pool">The threads, which stay the caller's.</param>
    /// <param name="quantize">In 8 bits, matrices whose rows divide into blocks of 32.</param>
    /// <exception cref="ArgumentException">A weight to be rounded to 8 bits is not finite.</exception>
    public DecoderWeights(Parameters parameters, WorkPool pool, bool quantize = false) : this(parameters.Config, (tensor, row, to) => parameters.Values(tensor).Slice(row * tensor.Columns, to.Length).CopyTo(to), pool, quantize)
    {
    }

    /// <summary>Lays out weights of a file, read by all threads, a few rows at a time.</summary>
    /// <exception cref="ModelFileException">The file became shorter.</exception>
    /// <inheritdoc cref="DecoderWeights(Parameters, WorkPool, bool)"/>
    public DecoderWeights(IModelFile file, WorkPool pool, bool quantize = false) : this(file.Config, file.Read, pool, quantize)
    {
    }

    private DecoderWeights(ModelConfig config, Action<Tensor, int, Span<float>> read, WorkPool pool, bool quantize)
    {
        Config = config;
        var tensors = Parameters.Layout(config).ToDictionary(t => t.Name, StringComparer.Ordinal);
        int width = config.Width;
        _gains = new NativeBuffer<float>((2L * config.Layers + 1) * width);
        _layers = new Layer[config.Layers];
        try
        {
            Head = Projected(width, [], config.TiedEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight");
            if (!config.TiedEmbeddings)
                _embedding = Projected(width, [], "model.embed_tokens.weight");
            for (int i = 0; i < _layers.Length; i++)
            {
                string name = $"model.layers.{i}.", attention = name + "self_attn.", feedForward = name + "mlp.";
                var bias = config.AttentionBiases ? Vector(attention + "q_proj.bias", attention + "k_proj.bias", attention + "v_proj.bias") : [];
                _layers[i] = new Layer(
                    Projected(width, bias, attention + "q_proj.weight", attention + "k_proj.weight", attention + "v_proj.weight"),
                    Projected(config.Attention.QueryWidth, [], attention + "o_proj.weight"),
                    Projected(width, [], feedForward + "gate_proj.weight", feedForward + "up_proj.weight"),
                    Projected(config.FeedForward, [], feedForward + "down_proj.weight"));
                read(tensors[name + "input_layernorm.weight"], 0, _gains.Slice(2L * i * width, width));
                read(tensors[name + "post_attention_layernorm.weight"], 0, _gains.Slice((2L * i + 1) * width, width));
            }
            read(tensors["model.norm.weight"], 0, _gains.Slice(2L * config.Layers * width, width));
        }
        catch
        {
            Dispose();
            throw;
        }

        // Tensors that one product reads, one below the other.
        Projection Projected(int inputs, float[] bias, params ReadOnlySpan<string> names)
        {
            var parts = new Tensor[names.Length];
            for (int i = 0; i < parts.Length; i++)
                parts[i] = tensors[names[i]];
            return new Projection(pool, Read, parts.Sum(t => t.Rows), inputs, bias, quantize);

            void Read(int row, Span<float> to)
            {
                foreach (var tensor in parts)
                {
                    int some = Math.Min(tensor.Rows - row, to.Length / inputs);
                    if (some > 0)
                    {
                        read(tensor, row, to[..(some * inputs)]);
                        to = to[(some * inputs)..];
                    }
                    row = Math.Max(0, row - tensor.Rows);
                }
            }
        }

        float[] Vector(params ReadOnlySpan<string> names)
        {
            var all = new float[config.Attention.FusedWidth];
            int at = 0;
            foreach (var name in names)
            {
                read(tensors[name], 0, all.AsSpan(at, tensors[name].Columns));
                at += tensors[name].Columns;
            }
            return all;
        }
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
