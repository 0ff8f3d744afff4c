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
        var batch = new RowBatch(Math.Max(rowTokens, batchTokens));
        double sum = 0;
        long tokens = 0, end = Math.Min(most, data.Length);
        for (long start = 0; start < end;)
        {
            cancel.ThrowIfCancellationRequested();
            batch.Clear();
            do
            {
                int length = (int)Math.Min(rowTokens, end - start);
                batch.Add(data, start, length);
                start += length;
            }
            while (start < end && batch.Length + Math.Min(rowTokens, end - start) <= batchTokens);
            batch.Each(batch.Length, (ids, targets, starts) =>
            {
                var loss = transformer.Evaluate(ids, targets, starts);
                sum += loss.Sum;
                tokens += loss.Tokens;
            });
            progress?.Invoke(start);
        }
        return new EvaluationResult(sum, tokens);
    }
}
