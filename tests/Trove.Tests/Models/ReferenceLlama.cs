using Trove.Models;

namespace Trove.Tests.Models;

/// <summary>The loss of a Llama in double, written for the eye: one document and one token at a time.</summary>
internal static class ReferenceLlama
{
    /// <param name="arena">All weights, laid out as <see cref="Parameters"/>.</param>
    /// <returns>The mean loss over tokens whose target is not −1.</returns>
    public static double Loss(Parameters layout, double[] arena, int[] tokens, int[] targets, int[] starts)
    {
        double sum = 0;
        for (int s = 0; s < starts.Length; s++)
        {
            int end = s + 1 < starts.Length ? starts[s + 1] : tokens.Length;
            sum += Document(layout, arena, tokens[starts[s]..end], targets[starts[s]..end]);
        }
        return sum / targets.Count(t => t >= 0);
    }

    private static double Document(Parameters layout, double[] arena, int[] tokens, int[] targets)
    {
        var c = layout.Config;
        var embedding = W("model.embed_tokens.weight");
        double[][] x = [.. tokens.Select(t => embedding[t])];
        for (int i = 0; i < c.Layers; i++)
        {
            string name = $"model.layers.{i}.";
            double[][] n = [.. x.Select(r => Norm(r, name + "input_layernorm.weight"))], q = Project(n, "q"), k = Project(n, "k"), v = Project(n, "v");
            for (int t = 0; t < x.Length; t++)
                (q[t], k[t]) = (Rotate(q[t], t), Rotate(k[t], t));
            var attended = tokens.Select((_, t) => Enumerable.Range(0, c.Heads).SelectMany(h => Attend(q, k, v, h, t)).ToArray());
            x = Add(x, attended.Select(r => Multiply(W(name + "self_attn.o_proj.weight"), r)));
            n = [.. x.Select(r => Norm(r, name + "post_attention_layernorm.weight"))];
            x = Add(x, n.Select(r => Multiply(W(name + "mlp.down_proj.weight"), [.. Multiply(W(name + "mlp.gate_proj.weight"), r).Zip(Multiply(W(name + "mlp.up_proj.weight"), r), (g, u) => g / (1 + Math.Exp(-g)) * u)])));

            double[][] Project(double[][] rows, string which)
            {
                var bias = c.AttentionBiases ? W($"{name}self_attn.{which}_proj.bias")[0] : null;
                return [.. rows.Select(r => Multiply(W($"{name}self_attn.{which}_proj.weight"), r).Select((y, j) => y + (bias?[j] ?? 0)).ToArray())];
            }
        }
        var head = c.TiedEmbeddings ? embedding : W("lm_head.weight");
        return x.Select((r, t) => targets[t] < 0 ? 0 : CrossEntropy(Multiply(head, Norm(r, "model.norm.weight")), targets[t])).Sum();

        double[][] W(string tensor)
        {
            var at = layout[tensor];
            return [.. Enumerable.Range(0, at.Rows).Select(r => arena.AsSpan((int)at.Offset + r * at.Columns, at.Columns).ToArray())];
        }

        double[] Norm(double[] row, string gain)
        {
            double root = Math.Sqrt(row.Sum(e => e * e) / row.Length + c.RmsEpsilon);
            return [.. row.Zip(W(gain)[0], (e, g) => e / root * g)];
        }

        double[] Rotate(double[] heads, int position) => [.. heads.Select((e, i) =>
        {
            int d = i % c.HeadWidth, half = c.HeadWidth / 2;
            double angle = position * Math.Pow(c.RopeTheta, -2.0 * (d % half) / c.HeadWidth);
            return d < half ? e * Math.Cos(angle) - heads[i + half] * Math.Sin(angle) : e * Math.Cos(angle) + heads[i - half] * Math.Sin(angle);
        })];

        IEnumerable<double> Attend(double[][] q, double[][] k, double[][] v, int head, int t)
        {
            int from = head * c.HeadWidth, pair = head / (c.Heads / c.KeyValueHeads) * c.HeadWidth;
            var weights = Enumerable.Range(0, t + 1).Select(s => Math.Exp(Enumerable.Range(0, c.HeadWidth).Sum(d => q[t][from + d] * k[s][pair + d]) / Math.Sqrt(c.HeadWidth))).ToArray();
            double sum = weights.Sum();
            return Enumerable.Range(0, c.HeadWidth).Select(d => Enumerable.Range(0, t + 1).Sum(s => weights[s] / sum * v[s][pair + d]));
        }
    }

    private static double[] Multiply(double[][] matrix, double[] x) => [.. matrix.Select(row => row.Zip(x, (a, b) => a * b).Sum())];

    private static double[][] Add(double[][] x, IEnumerable<double[]> y) => [.. x.Zip(y, (a, b) => a.Zip(b, (u, v) => u + v).ToArray())];

    private static double CrossEntropy(double[] logits, int target) => Math.Log(logits.Sum(Math.Exp)) - logits[target];
}
