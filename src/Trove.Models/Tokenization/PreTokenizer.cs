using System.Collections.Immutable;

namespace Trove.Models.Tokenization;

/// <summary>
/// How text is cut into words before byte pair encoding: splits, each of which cuts the pieces of the one before, then
/// <c>ByteLevel</c>. Unicode classes are those of Unicode 16.
/// </summary>
public sealed class PreTokenizer
{
    internal PreTokenizer(ImmutableArray<Splitter> splits, bool addPrefixSpace, bool useRegex)
    {
        (Splits, AddPrefixSpace, UseRegex) = (splits, addPrefixSpace, useRegex);
        Stages = useRegex ? splits.Add(new Gpt2Splitter()) : splits;
    }

    /// <summary>GPT-2's: words with the space before them.</summary>
    public static PreTokenizer Gpt2 { get; } = new([], addPrefixSpace: false, useRegex: true);

    /// <summary>SmolLM's: digits one by one, then as GPT-2.</summary>
    public static PreTokenizer SmolLm { get; } = new([new DigitSplitter(individual: true)], addPrefixSpace: false, useRegex: true);

    /// <summary>That of cl100k_base and Llama 3: any case of contractions, numbers of up to three digits, ends of lines with what stands before them.</summary>
    public static PreTokenizer Llama3 { get; } = new([new Cl100kSplitter(maxDigits: 3)], addPrefixSpace: false, useRegex: false);

    /// <summary>Qwen2's: Llama 3's with digits one by one.</summary>
    public static PreTokenizer Qwen2 { get; } = new([new Cl100kSplitter(maxDigits: 1)], addPrefixSpace: false, useRegex: false);

    /// <summary>Tekken of Mistral NeMo: words end where lower case turns to upper.</summary>
    public static PreTokenizer Tekken { get; } = new([new CaseSplitter(maxDigits: 1, contractions: false)], addPrefixSpace: false, useRegex: false);

    /// <summary>That of o200k_base.</summary>
    public static PreTokenizer O200k { get; } = new([new CaseSplitter(maxDigits: 3, contractions: true)], addPrefixSpace: false, useRegex: false);

    /// <summary>The splits before <c>ByteLevel</c>.</summary>
    internal ImmutableArray<Splitter> Splits { get; }

    /// <summary>Does <c>ByteLevel</c> put a space before each piece that has none?</summary>
    internal bool AddPrefixSpace { get; }

    /// <summary>Does <c>ByteLevel</c> cut by GPT-2's pattern?</summary>
    internal bool UseRegex { get; }

    /// <summary>All splits in order.</summary>
    internal ImmutableArray<Splitter> Stages { get; }

    /// <summary>Cuts a text, or what stands between two added tokens, into words.</summary>
    /// <param name="text">UTF-8.</param>
    /// <param name="spaced">A buffer for text with a space put before it; grows.</param>
    /// <param name="words">Takes the words in order.</param>
    internal void Cut<TWords>(ReadOnlySpan<byte> text, ref byte[] spaced, ref TWords words) where TWords : struct, IWords, allows ref struct => Cut(text, 0, ref spaced, ref words);

    private void Cut<TWords>(ReadOnlySpan<byte> text, int stage, ref byte[] spaced, ref TWords words) where TWords : struct, IWords, allows ref struct
    {
        if (text.IsEmpty)
            return;
        if (stage == Splits.Length && AddPrefixSpace && text[0] != ' ')
        {
            if (spaced.Length <= text.Length)
                spaced = new byte[checked(text.Length * 2 + 1)];
            spaced[0] = (byte)' ';
            text.CopyTo(spaced.AsSpan(1));
            text = spaced.AsSpan(0, text.Length + 1);
        }
        if (stage == Stages.Length)
        {
            words.Add(text, 0, text.Length);
            return;
        }
        var splitter = Stages[stage];
        bool last = stage + 1 == Stages.Length && (stage >= Splits.Length || !AddPrefixSpace);
        for (int start = 0, end; start < text.Length; start = end)
        {
            end = splitter.End(text, start);
            if (last)
                words.Add(text, start, end);
            else
                Cut(text[start..end], stage + 1, ref spaced, ref words);
        }
    }
}

/// <summary>What words are cut for.</summary>
internal interface IWords
{
    /// <summary>Takes the word from <paramref name="start"/> to <paramref name="end"/>; the text behind it may be read.</summary>
    void Add(ReadOnlySpan<byte> text, int start, int end);
}
