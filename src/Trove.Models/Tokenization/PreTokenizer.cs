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
}
