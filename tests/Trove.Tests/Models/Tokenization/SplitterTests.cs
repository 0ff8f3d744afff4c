using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using FsCheck;
using FsCheck.Fluent;
using Trove.Models.Tokenization;

namespace Trove.Tests.Models.Tokenization;

/// <summary>The splitters written out do what their regular expressions do, by .NET's engine, in the Basic Multilingual Plane.</summary>
public class SplitterTests
{
    // Characters at which the patterns decide: contractions, ends of lines, all kinds of space, letters of each case, marks, digits.
    private const string Characters = "'''sStTmMdDrReEvVlLaZzÄßǅʰªя漢한あ\u0301\u0903\u20dd0١½Ⅷ    \t\r\n\u000b\u0085\u00a0\u2003\u2028\u3000\u200d\ufeff_-./!?€\u0000\u007f";

    private static readonly Regex[] Patterns =
    [
        .. new[] { Gpt2Splitter.Gpt2Pattern, Cl100kSplitter.Cl100kPattern, Cl100kSplitter.Qwen2Pattern, CaseSplitter.TekkenPattern, CaseSplitter.O200kPattern, @"\p{N}", @"\p{N}+" }
            .Select(p => new Regex(p, RegexOptions.CultureInvariant)),
    ];

    public static TheoryData<int> Numbers() => [.. Enumerable.Range(0, Patterns.Length)];

    [Theory]
    [MemberData(nameof(Numbers))]
    public void Pieces_are_the_patterns(int number)
    {
        var pattern = Patterns[number];
        var splitter = Splitter.Of(pattern.ToString()) ?? new DigitSplitter(individual: number == Patterns.Length - 2);
        var texts = Gen.Elements(Characters.ToCharArray()).ArrayOf().Select(c => new string(c)).ToArbitrary();
        Prop.ForAll(texts, text => Assert.Equal(Pieces(pattern, text), Pieces(splitter, Encoding.UTF8.GetBytes(text)).Select(Encoding.UTF8.GetString)))
            .Check(Config.QuickThrowOnFailure.WithMaxTest(3000).WithEndSize(40));
    }

    [Theory]
    [MemberData(nameof(Numbers))]
    public void Any_bytes_are_cut_without_a_gap_and_in_linear_time(int number)
    {
        var splitter = Splitter.Of(Patterns[number].ToString()) ?? new DigitSplitter(individual: number == Patterns.Length - 2);
        Prop.ForAll<byte[]>(bytes => Assert.Equal(bytes, Pieces(splitter, bytes).SelectMany(p => p))).Check(Config.QuickThrowOnFailure.WithMaxTest(500));
        foreach (var unit in new[] { "a", "A", "1", " ", "\n", " \n", "\u0301", "'", "-", "漢", "\u00a0", "A\u0301", "- ", "\t\t\n " })
        {
            var text = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(unit, 200_000)));
            var watch = System.Diagnostics.Stopwatch.StartNew();
            for (int start = 0; start < text.Length;)
                start = splitter.End(text, start);
            Assert.True(watch.Elapsed.TotalSeconds < 5, $"'{unit}' takes {watch.Elapsed}"); // the square of the length takes minutes
        }
    }

    [Fact]
    public void Classes_are_those_of_unicode_16()
    {
        Assert.Equal(UnicodeCategory.OtherNotAssigned, CharUnicodeInfo.GetUnicodeCategory(0x10940)); // a letter since Unicode 17: on a newer runtime, compare with the older one's data
        for (int c = 0; c <= 0x10FFFF; c++)
        {
            var category = CharUnicodeInfo.GetUnicodeCategory(c);
            bool letter = category <= UnicodeCategory.OtherLetter, mark = category is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark;
            bool number = category is UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber;
            bool space = c <= char.MaxValue && char.IsWhiteSpace((char)c);
            var kind = CharacterClasses.Of(c);
            bool upper = mark || (letter && category != UnicodeCategory.LowercaseLetter), lower = mark || (letter && category is not (UnicodeCategory.UppercaseLetter or UnicodeCategory.TitlecaseLetter));
            Assert.True((letter, number, space, upper, lower) == (kind.HasFlag(CharacterClass.Letter), kind.HasFlag(CharacterClass.Number), kind.HasFlag(CharacterClass.Space), kind.HasFlag(CharacterClass.Upper), kind.HasFlag(CharacterClass.Lower)), $"U+{c:X4}");
            if (kind.HasFlag(CharacterClass.Word) != (letter || mark || category is UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.ConnectorPunctuation))
                Assert.True(c is 0x200C or 0x200D || category == UnicodeCategory.OtherSymbol, $"U+{c:X4}"); // Join_Control, Other_Alphabetic
        }
    }

    [Fact]
    public void Bytes_that_are_no_utf8_are_characters_of_one_byte()
    {
        Prop.ForAll<byte[]>(bytes =>
        {
            for (int at = 0; at < bytes.Length;)
            {
                bool valid = Rune.DecodeFromUtf8(bytes.AsSpan(at), out var rune, out int expected) == System.Buffers.OperationStatus.Done;
                var kind = CharacterClasses.At(bytes, at, out int length);
                Assert.Equal(valid ? (CharacterClasses.Of(rune.Value), expected) : (CharacterClass.None, 1), (kind, length));
                if (valid)
                    Assert.Equal((kind, length), (CharacterClasses.Before(bytes, at + length, out int before), before));
                at += length;
            }
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(3000));
    }

    private static IEnumerable<string> Pieces(Regex pattern, string text)
    {
        int end = 0;
        foreach (Match match in pattern.Matches(text))
        {
            if (match.Index > end)
                yield return text[end..match.Index];
            yield return match.Value;
            end = match.Index + match.Length;
        }
        if (end < text.Length)
            yield return text[end..];
    }

    private static IEnumerable<byte[]> Pieces(Splitter splitter, byte[] text)
    {
        for (int start = 0, end; start < text.Length; start = end)
        {
            end = splitter.End(text, start);
            yield return text[start..end];
        }
    }
}
