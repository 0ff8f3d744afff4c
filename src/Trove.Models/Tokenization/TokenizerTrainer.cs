using System.Collections.Immutable;
using System.Text;

namespace Trove.Models.Tokenization;

/// <summary>What a vocabulary is trained for.</summary>
/// <param name="VocabularySize">Tokens in all, special ones and bytes among them; fewer when the text has no more pairs.</param>
public sealed record TrainerOptions(int VocabularySize)
{
    /// <summary>How often a pair must stand in the text to become a token.</summary>
    public long MinFrequency { get; init; } = 2;

    /// <summary>Special tokens; they get the first ids, in this order.</summary>
    public ImmutableArray<string> SpecialTokens { get; init; } = [];

    /// <summary>
    /// Null: all 256 bytes are tokens, so that any text can be encoded. Otherwise only so many of those that the text has, the most
    /// frequent; text with others cannot be encoded.
    /// </summary>
    public int? AlphabetLimit { get; init; }

    /// <summary>How text is cut into words.</summary>
    public PreTokenizer PreTokenizer { get; init; } = PreTokenizer.Llama3;

    /// <summary>Is text brought to normalization form C first?</summary>
    public bool Nfc { get; init; }

    /// <summary>Threads that count words. The result does not depend on it.</summary>
    public int Threads { get; init; } = 1;
}

/// <summary>How far training is.</summary>
/// <param name="Bytes">Bytes of text counted.</param>
/// <param name="Tokens">Tokens of the vocabulary so far; 0 while counting.</param>
public readonly record struct TrainingProgress(long Bytes, int Tokens);

/// <summary>Trains byte-level byte pair encodings: the vocabulary and merges that Hugging Face's trainer gives for the same documents; specs/tokenizer.md says where not.</summary>
public static class TokenizerTrainer
{
    private const int ReportEvery = 256;

    /// <summary>Trains a tokenizer.</summary>
    /// <param name="documents">Texts in UTF-8, each cut into words on its own. Each must stay as it is until the next but <see cref="TrainerOptions.Threads"/> thousand is taken; their order does not matter.</param>
    /// <param name="options">What for.</param>
    /// <param name="progress">Hears of progress, from any thread.</param>
    /// <param name="cancel">Ends training.</param>
    /// <exception cref="ArgumentException">An option cannot be met.</exception>
    /// <exception cref="OperationCanceledException">Training was ended.</exception>
    public static Tokenizer Train(IEnumerable<ReadOnlyMemory<byte>> documents, TrainerOptions options, IProgress<TrainingProgress>? progress = null, CancellationToken cancel = default)
    {
        Check(options);
        var words = new WordCounter(options).Count(documents, progress, out long bytes, cancel);
        var tokens = options.SpecialTokens.Select(Encoding.UTF8.GetBytes).ToList();
        var special = options.SpecialTokens.ToHashSet(StringComparer.Ordinal);
        var ofByte = new int[256];
        ofByte.AsSpan().Fill(-1);
        foreach (byte b in Alphabet(words, options.AlphabetLimit))
        {
            ofByte[b] = tokens.Count;
            tokens.Add([b]);
        }

        var merger = new PairMerger(words, ofByte);
        var merges = new List<Merge>();
        while (tokens.Count < options.VocabularySize && merger.Next() is var (entry, left, right) && entry.Count >= Math.Max(1, options.MinFrequency))
        {
            cancel.ThrowIfCancellationRequested();
            byte[] both = [.. tokens[left], .. tokens[right]];
            if (special.Contains(ByteAlphabet.Write(both)))
                continue; // else text that looks like a special token would be encoded as one
            merges.Add(new Merge(left, right, tokens.Count));
            merger.Merge(entry, left, right, tokens.Count);
            tokens.Add(both);
            if (tokens.Count % ReportEvery == 0)
                progress?.Report(new TrainingProgress(bytes, tokens.Count));
        }
        progress?.Report(new TrainingProgress(bytes, tokens.Count));

        return new Tokenizer(new TokenizerParts(tokens, Enumerable.Repeat(true, tokens.Count).ToArray(), merges,
            options.SpecialTokens.Select((content, id) => new AddedToken(id, content, Special: true)).ToList(), options.PreTokenizer) { Nfc = options.Nfc });
    }

    private static void Check(TrainerOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Threads, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.AlphabetLimit ?? 1, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.VocabularySize, options.SpecialTokens.Length + Math.Min(256, options.AlphabetLimit ?? 256));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.VocabularySize, MergeTable.MaxTokens);
        if (options.SpecialTokens.Distinct(StringComparer.Ordinal).Count() < options.SpecialTokens.Length
            || options.SpecialTokens.Any(t => t.Length < 2 || Encoding.UTF8.GetByteCount(t) > AddedToken.MaxContent))
            throw new ArgumentException($"special tokens must differ and have 2 characters to {AddedToken.MaxContent} bytes", nameof(options));
    }

    // In the order of the characters that stand for them.
    private static IEnumerable<byte> Alphabet(WordCounts words, int? limit)
    {
        var times = new long[256];
        for (int word = 0; word < words.Count; word++)
            foreach (byte b in words.Bytes(word))
                times[b] += words.Times(word);
        var all = Enumerable.Range(0, 256).Select(b => (byte)b);
        if (limit is { } most)
            all = all.Where(b => times[b] > 0).OrderByDescending(b => times[b]).ThenBy(b => ByteAlphabet.Of(b)).Take(most);
        return all.OrderBy(b => ByteAlphabet.Of(b));
    }
}
