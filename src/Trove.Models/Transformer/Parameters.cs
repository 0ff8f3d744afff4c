using System.Runtime.CompilerServices;
using Trove.Models.Compute;
using Trove.Models.Kernels;

namespace Trove.Models;

/// <summary>
/// All weights of a model in one piece of memory, so that an optimiser, a hash or a network sees one array. Queries, keys
/// and values of a layer lie side by side without a gap, as do gate and up: each group is one matrix product.
/// </summary>
public sealed unsafe class Parameters : IDisposable
{
    private const int Alignment = 16; // floats: a cache line and a vector

    private readonly NativeBuffer<float> _memory;

    /// <summary>Zeros for every tensor of the configuration.</summary>
    /// <exception cref="ArgumentException">The configuration cannot be built.</exception>
    public Parameters(ModelConfig config) : this(config, Layout(config))
    {
    }

    /// <summary>Zeros for other tensors than the model's own, such as an adapter's. Kernels compute whole vectors: where a tensor's length is no multiple of 16, the next one leaves room.</summary>
    internal Parameters(ModelConfig config, IReadOnlyList<Tensor> tensors)
    {
        (Config, Tensors) = (config, tensors);
        Length = checked(Tensors[^1].Offset + Tensors[^1].Length + Alignment - 1) / Alignment * Alignment;
        _memory = new NativeBuffer<float>(Length);
    }

    /// <summary>The shape.</summary>
    public ModelConfig Config { get; }

    /// <summary>In the order of the arena.</summary>
    public IReadOnlyList<Tensor> Tensors { get; }

    /// <summary>Floats of the arena, with the few zeros that align its groups.</summary>
    public long Length { get; }

    /// <summary>Floats that are weights.</summary>
    public long Count => Tensors.Sum(t => t.Length);

    /// <summary>The arena's first float.</summary>
    public float* Pointer => _memory.Pointer;

    /// <summary>The tensors of a configuration, without memory for them: what a file claims can be compared with its length first.</summary>
    /// <exception cref="ArgumentException">The configuration cannot be built.</exception>
    public static IReadOnlyList<Tensor> Layout(ModelConfig config)
    {
        var tensors = new List<Tensor>();
        Lay(config.Checked(), tensors);
        return tensors;
    }

    /// <summary>The tensor of that name.</summary>
    /// <exception cref="KeyNotFoundException">There is none.</exception>
    public Tensor this[string name] => Tensors.FirstOrDefault(t => t.Name == name) ?? throw new KeyNotFoundException($"The model has no tensor \"{name}\"");

    /// <summary>The values of a tensor.</summary>
    public Span<float> Values(Tensor tensor) => new(Pointer + tensor.Offset, checked((int)tensor.Length));

    /// <summary>
    /// Sets initial values (specs/engine.md): gains 1, biases 0, embeddings N(0, 0.02²), matrices N(0, 1/(3·inputs)), those that
    /// write to the residual stream divided by √(2·layers) so that its variance does not grow with depth (Radford et al., GPT-2).
    /// </summary>
    public void Initialize(WorkPool pool, ulong seed)
    {
        foreach (var tensor in Tensors)
        {
            double deviation = tensor.Role switch
            {
                TensorRole.Embedding => 0.02,
                TensorRole.ResidualReading => 1 / Math.Sqrt(3.0 * tensor.Columns),
                TensorRole.ResidualWriting => 1 / Math.Sqrt(3.0 * tensor.Columns) / Math.Sqrt(2.0 * Config.Layers),
                _ => 0,
            };
            if (deviation == 0)
                Values(tensor).Fill(tensor.Role == TensorRole.Norm ? 1 : 0);
            else
            {
                var job = new DrawJob { Random = new CounterRandom(seed, (ulong)tensor.Index), Deviation = deviation, Length = tensor.Length, To = Pointer + tensor.Offset };
                pool.Run(ref job, checked((int)((tensor.Length + DrawJob.Size - 1) / DrawJob.Size)));
            }
        }
    }

    /// <summary>Frees the memory.</summary>
    public void Dispose() => _memory.Dispose();

    private static void Lay(ModelConfig c, List<Tensor> tensors)
    {
        long offset = 0;
        int query = c.Heads * c.HeadWidth, pair = c.KeyValueHeads * c.HeadWidth;
        Add("model.embed_tokens.weight", c.Vocabulary, c.Width, TensorRole.Embedding);
        for (int i = 0; i < c.Layers; i++)
        {
            string layer = $"model.layers.{i}.";
            Add(layer + "input_layernorm.weight", 1, c.Width, TensorRole.Norm);
            Add(layer + "self_attn.q_proj.weight", query, c.Width, TensorRole.ResidualReading);
            Add(layer + "self_attn.k_proj.weight", pair, c.Width, TensorRole.ResidualReading, follows: true);
            Add(layer + "self_attn.v_proj.weight", pair, c.Width, TensorRole.ResidualReading, follows: true);
            if (c.AttentionBiases)
            {
                Add(layer + "self_attn.q_proj.bias", 1, query, TensorRole.Bias);
                Add(layer + "self_attn.k_proj.bias", 1, pair, TensorRole.Bias, follows: true);
                Add(layer + "self_attn.v_proj.bias", 1, pair, TensorRole.Bias, follows: true);
            }
            Add(layer + "self_attn.o_proj.weight", c.Width, query, TensorRole.ResidualWriting);
            Add(layer + "post_attention_layernorm.weight", 1, c.Width, TensorRole.Norm);
            Add(layer + "mlp.gate_proj.weight", c.FeedForward, c.Width, TensorRole.ResidualReading);
            Add(layer + "mlp.up_proj.weight", c.FeedForward, c.Width, TensorRole.ResidualReading, follows: true);
            Add(layer + "mlp.down_proj.weight", c.Width, c.FeedForward, TensorRole.ResidualWriting);
        }
        Add("model.norm.weight", 1, c.Width, TensorRole.Norm);
        if (!c.TiedEmbeddings)
            Add("lm_head.weight", c.Vocabulary, c.Width, TensorRole.Embedding);

        void Add(string name, int rows, int columns, TensorRole role, bool follows = false)
        {
            if (!follows)
                offset = checked(offset + Alignment - 1) / Alignment * Alignment;
            tensors.Add(new Tensor(tensors.Count, name, rows, columns, offset, role));
            offset = checked(offset + (long)rows * columns);
        }
    }

    private struct DrawJob : ITileJob
    {
        public const int Size = 4096;

        public CounterRandom Random;
        public double Deviation;
        public long Length;
        public float* To;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(int tile)
        {
            long end = Math.Min(Length, (tile + 1L) * Size);
            for (long i = (long)tile * Size; i < end; i++)
                To[i] = (float)(Deviation * Random.Normal((ulong)i));
        }
    }
}
