using Trove.Models.Kernels;

namespace Trove.Bench.Engine;

/// <summary>The products of one training step of models of four sizes.</summary>
internal static class GemmShapes
{
    private static readonly (string Model, int Tokens, int Vocabulary, int Width, int FeedForward)[] Models =
        [("0.8M", 1024, 256, 128, 344), ("5M", 2048, 4096, 192, 512), ("30M", 1024, 16_384, 384, 1024), ("125M", 512, 32_000, 768, 2048)];

    /// <summary>Each layer's forward product (NT), and its gradients of input (NN) and weights (TN).</summary>
    public static IEnumerable<(string Name, GemmKind Kind, int M, int N, int K)> All() =>
        from model in Models
        from layer in ((string Name, int Out, int In)[])
        [
            ("q, k, v, o", model.Width, model.Width), ("gate, up", model.FeedForward, model.Width),
            ("down", model.Width, model.FeedForward), ("head", model.Vocabulary, model.Width),
        ]
        from shape in ((GemmKind, int, int, int)[])
        [
            (GemmKind.NT, model.Tokens, layer.Out, layer.In), (GemmKind.NN, model.Tokens, layer.In, layer.Out), (GemmKind.TN, layer.Out, layer.In, model.Tokens),
        ]
        select ($"{model.Model} {layer.Name}", shape.Item1, shape.Item2, shape.Item3, shape.Item4);
}
