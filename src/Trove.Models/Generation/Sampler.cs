using Trove.Models.Kernels;

namespace Trove.Models.Generation;

/// <summary>
/// Draws tokens from logits, in the order repetition penalty, temperature, top-k, top-p, min-p. The number for position i
/// of a sequence is the i-th of the seed's stream: what is drawn depends on no other sequence and no earlier draw.
/// </summary>
public sealed class Sampler
{
    private readonly float[] _keys;
    private readonly int[] _tokens;
    private readonly double[] _weights;

    /// <summary>For that many token ids.</summary>
    public Sampler(int vocabulary)
    {
        _keys = new float[vocabulary];
        _tokens = new int[vocabulary];
        _weights = new double[vocabulary];
    }

    /// <summary>One token.</summary>
    /// <param name="logits">[vocabulary]</param>
    /// <param name="seen">The sequence so far.</param>
    /// <returns>The token, and the logarithm of the probability the model itself gives it; not a number where the options do not ask for it.</returns>
    public (int Token, double LogProbability) Draw(ReadOnlySpan<float> logits, ReadOnlySpan<int> seen, SamplingOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(logits.Length, _keys.Length);
        // Ascending by the negative logit: the likeliest first.
        for (int i = 0; i < logits.Length; i++)
            _keys[i] = -logits[i];
        if (options.RepetitionPenalty != 1)
            foreach (int token in seen)
                _keys[token] = -logits[token] < 0 ? (float)(-logits[token] / options.RepetitionPenalty) : (float)(-logits[token] * options.RepetitionPenalty);
        int chosen = options.Temperature == 0 ? Likeliest() : Pick(options, new CounterRandom(options.Seed, 0).Uniform((ulong)seen.Length));
        return (chosen, options.LogProbabilities ? LogProbability(logits, chosen) : double.NaN);
    }

    /// <summary>log softmax(logits)[token], summed in double in the order of ids.</summary>
    public static double LogProbability(ReadOnlySpan<float> logits, int token)
    {
        double largest = double.NegativeInfinity, sum = 0;
        foreach (float logit in logits)
            largest = Math.Max(largest, logit);
        foreach (float logit in logits)
            sum += DoubleMath.Exp(logit - largest);
        return logits[token] - largest - DoubleMath.Log(sum);
    }

    private int Likeliest()
    {
        int best = 0;
        for (int i = 1; i < _keys.Length; i++)
            if (_keys[i] < _keys[best])
                best = i;
        return best;
    }

    private int Pick(SamplingOptions options, double uniform)
    {
        for (int i = 0; i < _tokens.Length; i++)
            _tokens[i] = i;
        int kept = _keys.Length;
        if (options.TopK > 0 || options.TopP < 1 || options.MinP > 0)
        {
            Array.Sort(_keys, _tokens);
            OrderTies();
            if (options.TopK > 0)
                kept = Math.Min(kept, options.TopK);
        }
        double smallest = double.PositiveInfinity, sum = 0;
        for (int i = 0; i < kept; i++)
            smallest = Math.Min(smallest, _keys[i]);
        for (int i = 0; i < kept; i++)
            sum += _weights[i] = DoubleMath.Exp((smallest - _keys[i]) / options.Temperature);
        if (options.TopP < 1)
        {
            double reached = 0;
            int fewest = 0;
            while (fewest < kept && reached < options.TopP * sum)
                reached += _weights[fewest++];
            (kept, sum) = (Math.Max(1, fewest), reached);
        }
        if (options.MinP > 0)
        {
            sum = 0;
            int likely = 0;
            while (likely < kept && _weights[likely] >= options.MinP * _weights[0])
                sum += _weights[likely++];
            kept = likely;
        }
        double left = uniform * sum;
        for (int i = 0; i < kept - 1; i++)
            if ((left -= _weights[i]) < 0)
                return _tokens[i];
        return _tokens[kept - 1];
    }

    // The library's sort is not stable: equal logits go by id.
    private void OrderTies()
    {
        for (int from = 0, to; from < _keys.Length; from = to)
        {
            for (to = from + 1; to < _keys.Length && _keys[to] == _keys[from]; to++)
            {
            }
            if (to - from > 1)
                Array.Sort(_tokens, from, to - from);
        }
    }
}
