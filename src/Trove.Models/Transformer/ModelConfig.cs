namespace Trove.Models;

/// <summary>The shape of a decoder of the Llama family (Touvron et al., arXiv 2302.13971).</summary>
/// <param name="Vocabulary">Token ids.</param>
/// <param name="Width">Floats of the residual stream, a multiple of 16.</param>
/// <param name="Layers">Decoder layers.</param>
/// <param name="Heads">Query heads.</param>
/// <param name="KeyValueHeads">Heads of keys and values, a divisor of <paramref name="Heads"/>.</param>
/// <param name="HeadWidth">Floats of a head, a multiple of 16.</param>
/// <param name="FeedForward">Floats of the gated feed-forward layer.</param>
/// <param name="Context">Longest document in tokens.</param>
public sealed record ModelConfig(int Vocabulary, int Width, int Layers, int Heads, int KeyValueHeads, int HeadWidth, int FeedForward, int Context)
{
    /// <summary>Base of the rotary embedding's wavelengths.</summary>
    public double RopeTheta { get; init; } = 10000;

    /// <summary>Added to the mean square before its root.</summary>
    public float RmsEpsilon { get; init; } = 1e-5f;

    /// <summary>The output layer is the embedding's matrix.</summary>
    public bool TiedEmbeddings { get; init; } = true;

    /// <summary>Queries, keys and values have biases, as in Qwen2.</summary>
    public bool AttentionBiases { get; init; }

    internal Kernels.AttentionShape Attention => new(Heads, KeyValueHeads, HeadWidth);

    /// <summary>A size by its name: 0.8M, 5M, 30M or 125M.</summary>
    /// <exception cref="ArgumentException">No such size.</exception>
    public static ModelConfig Named(string name) => name switch
    {
        "0.8M" => new(256, 128, 4, 4, 4, 32, 344, 1024),
        "5M" => new(4096, 192, 8, 6, 6, 32, 512, 1024),
        "30M" => new(16384, 384, 10, 6, 6, 64, 1024, 1024),
        "125M" => new(32000, 768, 12, 12, 12, 64, 2048, 2048),
        _ => throw new ArgumentException($"There is no model size \"{name}\": use 0.8M, 5M, 30M or 125M"),
    };

    /// <summary>One dial sets everything, as in nanochat: width 64 for each layer, heads of 64, and a feed-forward layer of 8/3 of the width in steps of 64.</summary>
    public static ModelConfig OfDepth(int depth, int vocabulary, int context) =>
        new ModelConfig(vocabulary, checked(64 * depth), depth, depth, depth, 64, checked((64 * depth * 8 / 3 + 63) / 64 * 64), context).Checked();

    /// <summary>This configuration, if it can be built. Files are hostile: no bound may be left to an allocation.</summary>
    /// <exception cref="ArgumentException">Says which number is wrong and what it may be.</exception>
    public ModelConfig Checked()
    {
        Bound(Vocabulary, 2, 1 << 20, "vocabulary");
        Bound(Width, 16, 1 << 16, "width");
        Bound(Layers, 1, 1024, "layers");
        Bound(Heads, 1, 1024, "heads");
        Bound(KeyValueHeads, 1, Heads, "key/value heads");
        Bound(HeadWidth, 16, Kernels.Attention.MaxHeadWidth, "head width");
        Bound(FeedForward, 1, 1 << 18, "feed-forward width");
        Bound(Context, 1, 1 << 17, "context");
        if (Heads % KeyValueHeads != 0 || Heads / KeyValueHeads > Kernels.Attention.MaxGroup)
            throw new ArgumentException($"{Heads} heads cannot share {KeyValueHeads} key/value heads: they must divide, by at most {Kernels.Attention.MaxGroup}");
        if (Width % 16 != 0 || HeadWidth % 16 != 0)
            throw new ArgumentException($"A width of {Width} with heads of {HeadWidth}: both must be multiples of 16");
        if (!(RopeTheta >= 1 && RopeTheta <= 1e12))
            throw new ArgumentException($"A rope theta of {RopeTheta}: it must be from 1 to 1e12");
        if (!(RmsEpsilon >= 1e-12f && RmsEpsilon <= 1))
            throw new ArgumentException($"An RMS epsilon of {RmsEpsilon}: it must be from 1e-12 to 1");
        return this;
    }

    private static void Bound(int value, int least, int most, string what)
    {
        if (value < least || value > most)
            throw new ArgumentException($"A model of {what} {value}: it must be from {least} to {most}");
    }
}
