using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Trove.Models;
using Trove.Models.Compute;
using Trove.Models.Kernels;
using Trove.Models.Training;

namespace Trove.Tests.Models.Training;

/// <summary>A run small enough to be done hundreds of times: documents of a few tokens, two layers, eleven steps.</summary>
internal sealed class TrainingFixture : IDisposable
{
    public static readonly ModelConfig Config = new(40, 32, 2, 2, 1, 16, 48, 16);

    public static readonly TrainingOptions Options = new(11, 12, 3, 24, 7) { Rate = 1e-2, WarmUp = 2, ValidationTokens = 50 };

    private readonly WorkPool _pool;

    public TrainingFixture(int threads = 1, TrainingOptions? options = null, int? rank = null, ulong dataSeed = 1, ModelConfig? config = null)
    {
        _pool = new WorkPool(threads);
        (Data, Validation) = (Documents(dataSeed, [30, 5, 17, 44, 2, 9]), Documents(dataSeed + 1, [20, 31]));
        Parameters = TinyModel.Parameters(config ?? Config, _pool);
        Adapter = rank is { } r ? new LoraAdapter(Parameters, _pool, r, 3) : null;
        Trainer = new Trainer(Parameters, _pool, Data, Validation, options ?? Options, Adapter);
    }

    public TokenFile Data { get; }

    public TokenFile Validation { get; }

    public Parameters Parameters { get; }

    public LoraAdapter? Adapter { get; }

    public Trainer Trainer { get; }

    /// <summary>A hash of the weights and of the curve.</summary>
    public string Bits
    {
        get
        {
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            foreach (var tensor in Parameters.Tensors)
                hash.AppendData(MemoryMarshal.AsBytes(Parameters.Values(tensor)));
            foreach (var point in Trainer.Curve)
                hash.AppendData(BitConverter.GetBytes(point.Loss).Concat(BitConverter.GetBytes(point.Validation)).ToArray());
            return Convert.ToHexString(hash.GetHashAndReset());
        }
    }

    public static TokenFile Documents(ulong seed, int[] lengths)
    {
        var file = new TokenFile(Path.Combine(Path.GetTempPath(), Path.GetRandomFileName()));
        var random = new CounterRandom(seed, 77);
        ulong n = 0;
        foreach (int length in lengths)
            file.Append([.. Enumerable.Range(0, length).Select(_ => (int)(random.Bits(n++) % 40))], begins: true);
        return file;
    }

    public byte[] Save()
    {
        using var stream = new MemoryStream();
        Trainer.Save(stream);
        return stream.ToArray();
    }

    public void Load(byte[] bytes) => Trainer.Load("checkpoint", new MemoryStream(bytes));

    /// <summary>Does steps up to this one.</summary>
    public TrainingFixture RunTo(long step)
    {
        while (Trainer.Step < step)
            Trainer.Next();
        return this;
    }

    public void Dispose()
    {
        Trainer.Dispose();
        Adapter?.Dispose();
        Parameters.Dispose();
        Data.Dispose();
        Validation.Dispose();
        _pool.Dispose();
    }
}
