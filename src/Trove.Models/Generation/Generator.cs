namespace Trove.Models.Generation;

/// <summary>Why a sequence ended.</summary>
public enum FinishReason
{
    /// <summary>It goes on.</summary>
    None,

    /// <summary>A stop sequence came; it is the end of the tokens.</summary>
    Stop,

    /// <summary>As many tokens as asked for, or as its cache has room for.</summary>
    Length,
}

/// <summary>A sequence being written. It owns its cache.</summary>
public sealed class Sequence : IDisposable
{
    private readonly List<int> _tokens;
    private readonly List<double> _logProbabilities = [];

    private readonly int[] _prompt; // the same one of all that share it

    internal Sequence(ModelConfig config, int[] prompt, int maxNew, SamplingOptions options, int[][] stops)
    {
        _tokens = [.. prompt];
        (_prompt, MaxNew, Options, Stops) = (prompt, maxNew, options, stops);
        Cache = new KeyValueCache(config, Math.Min(config.Context, checked(prompt.Length + maxNew)));
    }

    /// <summary>Tokens of the prompt.</summary>
    public int Prompt => _prompt.Length;

    /// <summary>The prompt and what was written after it.</summary>
    public IReadOnlyList<int> Tokens => _tokens;

    /// <summary>For each token written, the logarithm of the probability the model gave it; empty where the options do not ask for them.</summary>
    public IReadOnlyList<double> LogProbabilities => _logProbabilities;

    /// <summary>Why it ended, if it has.</summary>
    public FinishReason Finished { get; private set; }

    /// <summary>Ends it before the next step, as a stop sequence does: what was seen may be more than ids.</summary>
    public void Stop() => Finished = Finished == FinishReason.None ? FinishReason.Stop : Finished;

    internal int MaxNew { get; }

    internal SamplingOptions Options { get; }

    internal int[][] Stops { get; }

    internal KeyValueCache Cache { get; }

    internal ReadOnlySpan<int> Span => System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_tokens);

    /// <summary>Does it need what another one is about to compute: the prompt of both?</summary>
    internal bool WaitsFor(Sequence other) => Cache.Length == 0 && other != this && other.Cache.Length < Prompt && other._prompt == _prompt;

    /// <summary>Has another one just read the prompt of both?</summary>
    internal bool Follows(Sequence other) => Cache.Length == 0 && other._prompt == _prompt;

    internal void Append(int token, double logProbability)
    {
        _tokens.Add(token);
        if (Options.LogProbabilities)
            _logProbabilities.Add(logProbability);
        int written = _tokens.Count - Prompt;
        if (Stops.Any(stop => written >= stop.Length && Span.EndsWith(stop)))
            Finished = FinishReason.Stop;
        else if (written == MaxNew || _tokens.Count > Cache.Capacity)
            Finished = FinishReason.Length;
    }

    /// <summary>Frees the cache.</summary>
    public void Dispose() => Cache.Dispose();
}

/// <summary>
/// Writes several sequences at once, which may come and go at any step. It knows nothing of text: prompts, stop sequences
/// and results are token ids. A sequence's tokens do not depend on the others.
/// </summary>
public sealed class Generator
{
    private readonly Decoder _decoder;
    private readonly Sampler _sampler;
    private readonly List<Sequence> _running = [], _batch = [];
    private float[] _logits = [];

    /// <summary>With a decoder, which stays the caller's.</summary>
    public Generator(Decoder decoder) => (_decoder, _sampler) = (decoder, new Sampler(decoder.Config.Vocabulary));

    /// <summary>Begins a sequence at the next step.</summary>
    /// <param name="prompt">At least one token, within the context.</param>
    /// <param name="maxNew">Tokens to write at most.</param>
    /// <param name="stops">Sequences of ids that end it.</param>
    /// <exception cref="ArgumentException">A prompt, options or stops that cannot be.</exception>
    public Sequence Add(ReadOnlySpan<int> prompt, int maxNew, SamplingOptions options, params int[][] stops) => Add(prompt, maxNew, [options], stops)[0];

    /// <summary>Begins sequences of one prompt, which is read once.</summary>
    /// <param name="options">Of each sequence.</param>
    /// <inheritdoc cref="Add(ReadOnlySpan{int}, int, SamplingOptions, int[][])"/>
    public Sequence[] Add(ReadOnlySpan<int> prompt, int maxNew, IReadOnlyList<SamplingOptions> options, params int[][] stops)
    {
        var config = _decoder.Config;
        if (prompt.IsEmpty || prompt.Length > config.Context)
            throw new ArgumentException($"A prompt of {prompt.Length} tokens: from 1 to the model's context of {config.Context}");
        if (prompt.IndexOfAnyExceptInRange(0, config.Vocabulary - 1) is >= 0 and var wrong)
            throw new ArgumentException($"Token {wrong} of the prompt is {prompt[wrong]}, outside the vocabulary of {config.Vocabulary}");
        if (stops.Any(s => s.Length == 0))
            throw new ArgumentException("A stop sequence without tokens would stop everything");
        ArgumentOutOfRangeException.ThrowIfLessThan(maxNew, 1);
        if (options.Count > _decoder.MaxTokens - _running.Count)
            throw new ArgumentException($"{_running.Count} sequences run already, and {_decoder.MaxTokens} fit the decoder's batch");
        foreach (var each in options)
            each.Checked();
        int[] shared = [.. prompt];
        Sequence[] sequences = [.. options.Select(each => new Sequence(config, shared, maxNew, each, stops))];
        _running.AddRange(sequences);
        return sequences;
    }

    /// <summary>One batch: each sequence gets its next token, or the next piece of its prompt is read. Ended sequences leave.</summary>
    /// <returns>Whether any sequence is left.</returns>
    public bool Step()
    {
        Forget();
        if (_running.Count == 0)
            return false;
        _batch.Clear();
        foreach (var sequence in _running)
            if (sequence.Cache.Length > 0 || !_batch.Exists(sequence.WaitsFor))
                _batch.Add(sequence);
        // One token each, so that nobody waits; then what is left of the batch to prompts in the order they came.
        int room = _decoder.MaxTokens - _batch.Count;
        var counts = new int[_batch.Count];
        for (int s = 0; s < counts.Length; s++)
        {
            int wanted = _batch[s].Tokens.Count - _batch[s].Cache.Length;
            counts[s] = Math.Min(wanted, 1 + room);
            room -= counts[s] - 1;
        }
        var tokens = _batch.SelectMany((sequence, s) => sequence.Tokens.Skip(sequence.Cache.Length).Take(counts[s])).ToArray();
        int vocabulary = _decoder.Config.Vocabulary;
        Array.Resize(ref _logits, Math.Max(_logits.Length, checked(counts.Length * vocabulary)));
        _decoder.Run([.. _batch.Select(s => s.Cache)], counts, tokens, _logits.AsSpan(0, counts.Length * vocabulary));
        for (int s = 0; s < counts.Length; s++)
            if (_batch[s] is var sequence && sequence.Cache.Length == sequence.Tokens.Count)
            {
                var logits = _logits.AsSpan(s * vocabulary, vocabulary);
                if (sequence.Cache.Length == sequence.Prompt)
                    foreach (var follower in _running.Where(f => f.Follows(sequence)))
                    {
                        follower.Cache.CopyFrom(sequence.Cache);
                        Draw(follower, logits);
                    }
                Draw(sequence, logits);
            }
        Forget();
        return _running.Count > 0;
    }

    private void Draw(Sequence sequence, ReadOnlySpan<float> logits)
    {
        var (token, logProbability) = _sampler.Draw(logits, sequence.Span, sequence.Options);
        sequence.Append(token, logProbability);
    }

    /// <summary>Forgets sequences that have ended, which their owner may dispose then.</summary>
    public void Forget() => _running.RemoveAll(s => s.Finished != FinishReason.None);

    /// <summary>Steps until every sequence has ended.</summary>
    public void Run()
    {
        while (Step())
        {
        }
    }
}
