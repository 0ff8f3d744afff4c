namespace Trove.Models.Tokenization;

/// <summary>
/// Cuts text into pieces that are encoded on their own (pre-tokenization). Each is one of the known regular expressions, written
/// out: every position of any text belongs to exactly one piece, and a piece ends by looking at what stands behind it only.
/// </summary>
internal abstract class Splitter
{
    /// <summary>Where the piece that starts at <paramref name="start"/> (before the end of the text) ends; beyond <paramref name="start"/>.</summary>
    public abstract int End(ReadOnlySpan<byte> text, int start);

    /// <summary>Its regular expression, as files have it.</summary>
    public abstract string Pattern { get; }

    /// <summary>The splitter of a <c>Split</c> pre-tokenizer's regular expression; null for one that is not known.</summary>
    public static Splitter? Of(string pattern) => pattern switch
    {
        Gpt2Splitter.Gpt2Pattern => new Gpt2Splitter(),
        Cl100kSplitter.Cl100kPattern => new Cl100kSplitter(maxDigits: 3),
        Cl100kSplitter.Qwen2Pattern => new Cl100kSplitter(maxDigits: 1),
        CaseSplitter.TekkenPattern => new CaseSplitter(maxDigits: 1, contractions: false),
        CaseSplitter.O200kPattern => new CaseSplitter(maxDigits: 3, contractions: true),
        _ => null,
    };

    /// <summary>The end of the run of characters that have one of <paramref name="classes"/>, from <paramref name="at"/> on.</summary>
    protected static int Run(ReadOnlySpan<byte> text, int at, CharacterClass classes)
    {
        var ofByte = CharacterClasses.OfByte;
        while (at < text.Length)
        {
            byte known = ofByte[text[at]];
            if (known == CharacterClasses.NotAscii)
            {
                if ((CharacterClasses.At(text, at, out int length) & classes) == 0)
                    return at;
                at += length;
            }
            else if ((known & (byte)classes) != 0)
                at++;
            else
                return at;
        }
        return at;
    }

    /// <summary>The end of the run of characters that are no letter, number or white space.</summary>
    protected static int RunOfOthers(ReadOnlySpan<byte> text, int at)
    {
        while (at < text.Length && (CharacterClasses.At(text, at, out int length) & (CharacterClass.Letter | CharacterClass.Number | CharacterClass.Space)) == 0)
            at += length;
        return at;
    }

    /// <summary>The end of at most so many numbers.</summary>
    protected static int RunOfNumbers(ReadOnlySpan<byte> text, int at, int max)
    {
        for (; max > 0 && at < text.Length && (CharacterClasses.At(text, at, out int length) & CharacterClass.Number) != 0; max--)
            at += length;
        return at;
    }

    /// <summary>
    /// <c>\s+(?!\S)|\s+</c> on the run of white space from <paramref name="start"/> on: all of it at the end of the text, else all
    /// but its last character, which goes with what follows, unless there is but one.
    /// </summary>
    protected static int EndOfSpace(ReadOnlySpan<byte> text, int start)
    {
        int end = Run(text, start, CharacterClass.Space);
        if (end == text.Length)
            return end;
        CharacterClasses.Before(text, end, out int last);
        return end - last > start ? end - last : end;
    }

    /// <summary><c>\s*[\r\n]+|\s+(?!\S)|\s+</c>: up to the last end of a line, if there is one.</summary>
    protected static int EndOfLinesOrSpace(ReadOnlySpan<byte> text, int start)
    {
        int end = Run(text, start, CharacterClass.Space);
        int line = text[start..end].LastIndexOfAny((byte)'\r', (byte)'\n');
        if (line >= 0)
            return start + line + 1;
        if (end == text.Length)
            return end;
        CharacterClasses.Before(text, end, out int last);
        return end - last > start ? end - last : end;
    }

    /// <summary>
    /// The end of <c>(?i:'s|'t|'re|'ve|'m|'ll|'d)</c>; <paramref name="at"/> when there is none. Without regard to case the long s
    /// U+017F is an s too, by simple case folding.
    /// </summary>
    protected static int EndOfContraction(ReadOnlySpan<byte> text, int at)
    {
        if (at + 1 >= text.Length || text[at] != '\'')
            return at;
        int first = text[at + 1] | 0x20, second = at + 2 < text.Length ? text[at + 2] | 0x20 : 0;
        return (first, second) switch
        {
            ('s' or 't' or 'm' or 'd', _) => at + 2,
            ('r' or 'v', 'e') or ('l', 'l') => at + 3,
            (0xC5 | 0x20, 0xBF) when text[at + 1] == 0xC5 && text[at + 2] == 0xBF => at + 3,
            _ => at,
        };
    }
}

/// <summary>GPT-2's pattern, and what <c>ByteLevel</c> stands for with <c>use_regex</c>.</summary>
internal sealed class Gpt2Splitter : Splitter
{
    public override string Pattern => Gpt2Pattern;

    public const string Gpt2Pattern = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    public override int End(ReadOnlySpan<byte> text, int start)
    {
        int first = start;
        if (text[start] == ' ')
        {
            if (start + 1 == text.Length)
                return start + 1;
            first++;
        }
        else if (text[start] == '\'' && EndOfLowerContraction(text, start) is var end && end > start)
            return end;
        var kind = CharacterClasses.At(text, first, out int length);
        return (kind & CharacterClass.Letter) != 0 ? Run(text, first + length, CharacterClass.Letter)
            : (kind & CharacterClass.Number) != 0 ? Run(text, first + length, CharacterClass.Number)
            : (kind & CharacterClass.Space) == 0 ? RunOfOthers(text, first + length)
            : EndOfSpace(text, start);
    }

    private static int EndOfLowerContraction(ReadOnlySpan<byte> text, int at)
    {
        byte first = at + 1 < text.Length ? text[at + 1] : (byte)0, second = at + 2 < text.Length ? text[at + 2] : (byte)0;
        return (first, second) switch
        {
            ((byte)'s' or (byte)'t' or (byte)'m' or (byte)'d', _) => at + 2,
            ((byte)'r' or (byte)'v', (byte)'e') or ((byte)'l', (byte)'l') => at + 3,
            _ => at,
        };
    }
}

/// <summary>The pattern of cl100k_base and Llama 3, and Qwen2's, which takes digits one by one.</summary>
internal sealed class Cl100kSplitter(int maxDigits) : Splitter
{
    public override string Pattern => maxDigits == 1 ? Qwen2Pattern : Cl100kPattern;

    public const string Cl100kPattern = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    public const string Qwen2Pattern = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    public override int End(ReadOnlySpan<byte> text, int start)
    {
        var kind = CharacterClasses.At(text, start, out int length);
        if ((kind & CharacterClass.Letter) != 0)
            return Run(text, start + length, CharacterClass.Letter);
        if ((kind & CharacterClass.Number) != 0)
            return RunOfNumbers(text, start + length, maxDigits - 1);
        byte first = text[start];
        if (first == '\'' && EndOfContraction(text, start) is var end && end > start)
            return end;
        int next = start + length;
        var following = next < text.Length ? CharacterClasses.At(text, next, out int nextLength) : CharacterClass.Space;
        if ((following & CharacterClass.Letter) != 0 && first is not ((byte)'\r' or (byte)'\n'))
            return Run(text, next, CharacterClass.Letter);
        bool other = (kind & CharacterClass.Space) == 0;
        if (!other && (first != ' ' || (following & (CharacterClass.Number | CharacterClass.Space)) != 0))
            return EndOfLinesOrSpace(text, start);
        int stop = RunOfOthers(text, next);
        while (stop < text.Length && text[stop] is (byte)'\r' or (byte)'\n')
            stop++;
        return stop;
    }
}

/// <summary>The patterns that also cut words where lower case turns to upper: o200k_base, and Tekken of Mistral NeMo.</summary>
internal sealed class CaseSplitter(int maxDigits, bool contractions) : Splitter
{
    public override string Pattern => contractions ? O200kPattern : TekkenPattern;

    public const string TekkenPattern = @"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    public const string O200kPattern = @"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    public override int End(ReadOnlySpan<byte> text, int start)
    {
        var kind = CharacterClasses.At(text, start, out int length);
        if ((kind & CharacterClass.Number) != 0)
            return RunOfNumbers(text, start + length, maxDigits - 1);
        // Each alternative is tried with the optional character in front of the word, then without it.
        bool prefix = (kind & CharacterClass.Letter) == 0 && text[start] is not ((byte)'\r' or (byte)'\n');
        int afterPrefix = start + length, word = -1;
        if (prefix)
            word = EndOfLower(text, afterPrefix);
        if (word < 0)
            word = EndOfLower(text, start);
        if (word < 0 && prefix)
            word = EndOfUpper(text, afterPrefix);
        if (word < 0)
            word = EndOfUpper(text, start);
        if (word >= 0)
            return contractions ? EndOfContraction(text, word) : word;
        int others = text[start] == ' ' ? start + 1 : start, end = RunOfOthers(text, others);
        if (end == others)
            return EndOfLinesOrSpace(text, start);
        while (end < text.Length && text[end] is (byte)'\r' or (byte)'\n' or (byte)'/')
            end++;
        return end;
    }

    // [upper]*[lower]+ with upper as long as can be: of a run that no lower follows, the last character that is both stands for it.
    private static int EndOfLower(ReadOnlySpan<byte> text, int at)
    {
        int upper = Run(text, at, CharacterClass.Upper), end = Run(text, upper, CharacterClass.Lower);
        if (end > upper)
            return end;
        for (int last; upper > at; upper -= last)
            if ((CharacterClasses.Before(text, upper, out last) & CharacterClass.Lower) != 0)
                return upper;
        return -1;
    }

    // [upper]+[lower]*, tried where no lower could be found.
    private static int EndOfUpper(ReadOnlySpan<byte> text, int at)
    {
        int upper = Run(text, at, CharacterClass.Upper);
        return upper > at ? Run(text, upper, CharacterClass.Lower) : -1;
    }
}

/// <summary><c>Digits</c>: numbers apart from everything else, one by one or in runs.</summary>
internal sealed class DigitSplitter(bool individual) : Splitter
{
    /// <summary>One by one?</summary>
    public bool Individual => individual;

    public override string Pattern => individual ? @"\p{N}" : @"\p{N}+";

    public override int End(ReadOnlySpan<byte> text, int start)
    {
        if ((CharacterClasses.At(text, start, out int length) & CharacterClass.Number) != 0)
            return individual ? start + length : Run(text, start, CharacterClass.Number);
        int at = start + length;
        while (at < text.Length && (CharacterClasses.At(text, at, out length) & CharacterClass.Number) == 0)
            at += length;
        return at;
    }
}
