namespace Trove.Models.Training;

/// <summary>A model's loss on tokens.</summary>
/// <param name="Sum">In nats.</param>
/// <param name="Tokens">Tokens predicted.</param>
public readonly record struct EvaluationResult(double Sum, long Tokens)
{
    /// <summary>Nats a token.</summary>
    public double Mean => Sum / Tokens;

    /// <summary>e to the mean: between how many tokens the model is undecided.</summary>
    public double Perplexity => Kernels.DoubleMath.Exp(Mean);
}

/// <summary>How well a model predicts tokens that it was not trained on.</summary>
public static class Evaluation
{
    /// <summary>The loss of rows cut from the first token on, in order.</summary>
    /// <param name="transformer">Has memory for <paramref name="batchTokens"/> and for a row.</param>
    /// <param name="data">At least one token.</param>
    /// <param name="rowTokens">Tokens of a row, at most the model's context: what is before a row its tokens do not see.</param>
    /// <param name="batchTokens">Tokens of a batch; the result depends on it only by rounding of doubles' sums.</param>
    /// <param name="most">Leave out what is after so many tokens.</param>
    /// <param name="cancel">Ends it.</param>
    /// <param name="progress">Hears how many tokens were seen.</param>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    public static EvaluationResult Run(Transformer transformer, TokenFile data, int rowTokens, int batchTokens, long most = long.MaxValue, CancellationToken cancel = default, Action<long>? progress = null)
    {
        long end = Math.Min(most, data.Length);
        return Run(transformer, data, All(), rowTokens, batchTokens, cancel, progress);

        IEnumerable<(long Start, int Length)> All()
        {
            for (long start = 0; start < end; start += rowTokens)
                yield return (start, (int)Math.Min(rowTokens, end - start));
        }
    }

    /// <summary>The loss of a sample: the first rows of epoch 0 of <see cref="RowOrder"/> under seed 0, the same ones whatever the run.</summary>
    /// <param name="rows">How many, at most those of an epoch.</param>
    /// <inheritdoc cref="Run(Transformer, TokenFile, int, int, long, CancellationToken, Action{long}?)"/>
    public static EvaluationResult Sample(Transformer transformer, TokenFile data, int rowTokens, int batchTokens, long rows, CancellationToken cancel = default)
    {
        var order = new RowOrder(0, 0, data.Length, rowTokens);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(rows, order.Rows);
        return Run(transformer, data, First(), rowTokens, batchTokens, cancel, null);

        IEnumerable<(long Start, int Length)> First()
        {
            for (long place = 0; place < rows; place++)
                yield return order.At(place);
        }
    }

    private static EvaluationResult Run(Transformer transformer, TokenFile data, IEnumerable<(long Start, int Length)> rows, int rowTokens, int batchTokens, CancellationToken cancel, Action<long>? progress)
    {
        var batch = new RowBatch(Math.Max(rowTokens, batchTokens));
        double sum = 0;
        long tokens = 0, seen = 0;
        foreach (var (start, length) in rows)
        {
            if (batch.Length > 0 && batch.Length + length > batchTokens)
                Flush();
            batch.Add(data, start, length);
        }
        if (batch.Length > 0)
            Flush();
        return new EvaluationResult(sum, tokens);

        void Flush()
        {
            cancel.ThrowIfCancellationRequested();
            batch.Each(batch.Length, (ids, targets, starts) =>
            {
                var loss = transformer.Evaluate(ids, targets, starts);
                sum += loss.Sum;
                tokens += loss.Tokens;
            });
            progress?.Invoke(seen += batch.Length);
            batch.Clear();
        }
    }
}
