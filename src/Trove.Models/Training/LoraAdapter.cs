using System.Text.Json;
using Trove.Models.Compute;
using Trove.Models.Exchange;
using Trove.Models.Kernels;

namespace Trove.Models.Training;

/// <summary>
/// Low-rank adaptation (Hu et al., arXiv 2106.09685): every matrix of the layers becomes W + 2·B·A with A [rank, inputs] and B [outputs, rank], and only
/// A and B are trained. Forward and backward run on the merged matrices; the gradients of A and B come from a layer's input and its output's gradient,
/// without those of W ever being held. Files are those of Hugging Face PEFT.
/// </summary>
public sealed unsafe class LoraAdapter : IGradientSink, IDisposable
{
    /// <summary>Largest rank.</summary>
    public const int MaxRank = 1024;

    private const string ConfigFile = "adapter_config.json", WeightsFile = "adapter_model.safetensors", Prefix = "base_model.model.";
    private const float Scale = 2; // alpha ÷ rank; a power of two rounds nothing
    private const ulong SeedStream = 1UL << 33;

    private readonly Parameters _model;
    private readonly Target[] _targets;
    private readonly NativeBuffer<float> _base;
    private NativeBuffer<float> _scratch = new(0);

    /// <summary>A of random values, B of zeros: the model is as it was.</summary>
    /// <param name="model">The weights, which stay the caller's; <see cref="Merge"/> writes to them.</param>
    /// <param name="pool">Draws A.</param>
    /// <param name="rank">Rows of A.</param>
    /// <param name="seed">Of A.</param>
    /// <exception cref="ArgumentException">A rank below 1 or above <see cref="MaxRank"/>.</exception>
    public LoraAdapter(Parameters model, WorkPool pool, int rank, ulong seed)
    {
        if (rank is < 1 or > MaxRank)
            throw new ArgumentException($"A rank of {rank}: from 1 to {MaxRank}");
        (_model, Rank) = (model, rank);
        var matrices = model.Tensors.Where(t => t.Role is TensorRole.ResidualReading or TensorRole.ResidualWriting).ToList();
        var tensors = new List<Tensor>();
        long offset = 0;
        foreach (var matrix in matrices)
        {
            string name = Prefix + matrix.Name[..^".weight".Length];
            Add(name + ".lora_A.weight", rank, matrix.Columns);
            Add(name + ".lora_B.weight", matrix.Rows, rank);
        }
        Parameters = new Parameters(model.Config, tensors);
        Gradients = new Gradients(Parameters);
        Parameters.Initialize(pool, new CounterRandom(seed, SeedStream).Bits(0));
        _targets = new Target[matrices.Count];
        _base = new NativeBuffer<float>(matrices.Sum(t => t.Length));
        long at = 0;
        for (int i = 0; i < _targets.Length; i++)
        {
            _targets[i] = new Target(matrices[i], tensors[2 * i].Offset, tensors[2 * i + 1].Offset, at);
            model.Values(matrices[i]).CopyTo(_base.Slice(at, checked((int)matrices[i].Length)));
            Parameters.Values(tensors[2 * i + 1]).Clear();
            at += matrices[i].Length;
        }

        void Add(string name, int rows, int columns)
        {
            tensors.Add(new Tensor(tensors.Count, name, rows, columns, offset, TensorRole.ResidualReading));
            offset = checked(offset + (long)rows * columns + Lanes.Count - 1) / Lanes.Count * Lanes.Count;
        }
    }

    /// <summary>Rows of A.</summary>
    public int Rank { get; }

    /// <summary>A and B of each matrix, in the order of the model's tensors.</summary>
    public Parameters Parameters { get; }

    /// <summary>Their gradients.</summary>
    public Gradients Gradients { get; }

    /// <summary>Sets the model's matrices to W + 2·B·A.</summary>
    public void Merge(WorkPool pool)
    {
        foreach (var target in _targets)
        {
            var matrix = target.Matrix;
            float* b = Scratch((long)matrix.Rows * Rank), from = Parameters.Pointer + target.B;
            for (long i = 0; i < (long)matrix.Rows * Rank; i++)
                b[i] = from[i] * Scale;
            Gemm.RunFrom(pool, GemmKind.NN, matrix.Rows, matrix.Columns, Rank, b, Rank, Parameters.Pointer + target.A, matrix.Columns, _base.Pointer + target.Base, matrix.Columns, _model.Pointer + matrix.Offset, matrix.Columns);
        }
    }

    /// <summary>Writes the files of PEFT.</summary>
    /// <param name="folder">Where to; created if need be.</param>
    /// <param name="baseModel">Where the model is that it adapts.</param>
    /// <param name="writer">Puts the files in their places.</param>
    public void Save(string folder, string baseModel, FileWriter writer)
    {
        Directory.CreateDirectory(folder);
        Safetensors.Write(Path.Combine(folder, WeightsFile), Parameters, writer);
        writer(Path.Combine(folder, ConfigFile), file =>
        {
            using var json = new Utf8JsonWriter(file, new JsonWriterOptions { Indented = true, NewLine = "\n" });
            json.WriteStartObject();
            json.WriteString("base_model_name_or_path", baseModel);
            json.WriteString("bias", "none");
            json.WriteBoolean("fan_in_fan_out", false);
            json.WriteBoolean("inference_mode", true);
            json.WriteNumber("lora_alpha", Scale * Rank);
            json.WriteNumber("lora_dropout", 0.0);
            json.WriteString("peft_type", "LORA");
            json.WriteNumber("r", Rank);
            json.WriteStartArray("target_modules");
            foreach (var module in _targets.Select(t => t.Matrix.Name.Split('.')[^2]).Distinct())
                json.WriteStringValue(module);
            json.WriteEndArray();
            json.WriteString("task_type", "CAUSAL_LM");
            json.WriteEndObject();
        });
    }

    /// <inheritdoc/>
    public override string ToString() => $"LoRA of rank {Rank}, scale {Scale}";

    /// <summary>Frees A, B, their gradients and the copy of the matrices.</summary>
    public void Dispose()
    {
        Parameters.Dispose();
        Gradients.Dispose();
        _base.Dispose();
        _scratch.Dispose();
    }

    // y = x·(W + 2·B·A)ᵀ: dB = 2·dyᵀ·(x·Aᵀ), dA = 2·(dy·B)ᵀ·x.
    void IGradientSink.Linear(WorkPool pool, in Linear layer, int rows, float* x, float* dy)
    {
        float* inner = Scratch((long)rows * Rank);
        foreach (var target in _targets)
        {
            var matrix = target.Matrix;
            if (matrix.Offset < layer.Offset || matrix.Offset >= layer.Offset + (long)layer.Outputs * layer.Inputs)
                continue; // one layer may span several matrices
            float* a = Parameters.Pointer + target.A, b = Parameters.Pointer + target.B, part = dy + (matrix.Offset - layer.Offset) / layer.Inputs;
            Gemm.Run(pool, GemmKind.NT, rows, Rank, layer.Inputs, x, layer.Inputs, a, layer.Inputs, inner, Rank);
            Double(inner, rows);
            Gemm.Run(pool, GemmKind.TN, matrix.Rows, Rank, rows, part, layer.Outputs, inner, Rank, Gradients.Pointer + target.B, Rank, accumulate: true);
            Gemm.Run(pool, GemmKind.NN, rows, Rank, matrix.Rows, part, layer.Outputs, b, Rank, inner, Rank);
            Double(inner, rows);
            Gemm.Run(pool, GemmKind.TN, Rank, layer.Inputs, rows, inner, Rank, x, layer.Inputs, Gradients.Pointer + target.A, layer.Inputs, accumulate: true);
        }
    }

    void IGradientSink.Gain(WorkPool pool, long offset, int rows, int width, float* partials)
    {
        // Frozen.
    }

    void IGradientSink.Embedding(WorkPool pool, long offset, int vocabulary, int rows, int width, int* tokens, float* dy)
    {
        // Frozen.
    }

    private void Double(float* values, int rows)
    {
        for (long i = 0; i < (long)rows * Rank; i++)
            values[i] *= Scale;
    }

    private float* Scratch(long length)
    {
        if (_scratch.Length < length)
        {
            _scratch.Dispose();
            _scratch = new NativeBuffer<float>(length);
        }
        return _scratch.Pointer;
    }

    // A matrix of the model, where its A and B begin, and where its frozen values do.
    private sealed record Target(Tensor Matrix, long A, long B, long Base);
}
