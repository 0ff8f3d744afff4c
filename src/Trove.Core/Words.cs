using System.Globalization;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Text;

namespace Trove.Core;

/// <summary>
/// Trove's unit of text (specs/words.md, vectors in specs/vectors/words.json): a word is a maximal run of letters,
/// digits and combining marks; an apostrophe (U+0027 or U+2019) between two such characters belongs to the word; each
/// Han, Hiragana or Katakana character is a word of its own. Equal in every language Trove is written in, so it uses
/// Unicode general categories and fixed ranges only, no locale and no dictionary.
/// </summary>
public static class Words
{
    /// <summary>How many words <paramref name="text"/> has.</summary>
    public static long Count(ReadOnlySpan<char> text)
    {
        if (Ascii.IsValid(text))
            return CountAscii(text);
        long count = 0;
        foreach (var _ in new Enumerator(text))
            count++;
        return count;
    }

    // 32 characters at a time, a bit for each: a word begins at a letter or digit before which there is none, but for one before an apostrophe.
    private static long CountAscii(ReadOnlySpan<char> text)
    {
        Span<char> padded = stackalloc char[Vector256<byte>.Count];
        long count = 0;
        ulong partsBefore = 0; // of the two characters before
        uint apostropheBefore = 0;
        for (int at = 0; at < text.Length; at += Vector256<byte>.Count)
        {
            scoped var some = text[at..];
            if (some.Length < padded.Length)
            {
                padded.Fill(' ');
                some.CopyTo(padded);
                some = padded;
            }
            ref var first = ref Unsafe.As<char, ushort>(ref MemoryMarshal.GetReference(some));
            var characters = Vector256.Narrow(Vector256.LoadUnsafe(ref first), Vector256.LoadUnsafe(ref first, (nuint)Vector256<ushort>.Count));
            var letters = Vector256.LessThan((characters | Vector256.Create((byte)0x20)) - Vector256.Create((byte)'a'), Vector256.Create((byte)26));
            uint parts = (letters | Vector256.LessThan(characters - Vector256.Create((byte)'0'), Vector256.Create((byte)10))).ExtractMostSignificantBits();
            uint apostrophes = Vector256.Equals(characters, Vector256.Create((byte)'\'')).ExtractMostSignificantBits();
            ulong both = ((ulong)parts << 2) | partsBefore;
            uint begins = unchecked(parts & ~(uint)(both >> 1) & ~(((apostrophes << 1) | apostropheBefore) & (uint)both));
            count += BitOperations.PopCount(begins);
            (partsBefore, apostropheBefore) = (parts >> 30, apostrophes >> 31);
        }
        return count;
    }

    /// <summary>The words of <paramref name="text"/>, as ranges of it.</summary>
    public static Enumerator Split(ReadOnlySpan<char> text) => new(text);

    /// <summary>Walks the words of a text without allocating.</summary>
    public ref struct Enumerator(ReadOnlySpan<char> text)
    {
        private readonly ReadOnlySpan<char> _text = text;
        private int _position;

        /// <summary>The current word.</summary>
        public ReadOnlySpan<char> Current { get; private set; }

        /// <summary>This, so that it can be used in foreach.</summary>
        public readonly Enumerator GetEnumerator() => this;

        /// <summary>Moves to the next word.</summary>
        public bool MoveNext()
        {
            int start = -1;
            while (_position < _text.Length)
            {
                char c = _text[_position];
                if (c < 0x80) // most of most texts: of ASCII, letters and digits alone are parts of words
                {
                    if (char.IsAsciiLetterOrDigit(c))
                        start = start >= 0 ? start : _position;
                    else if (start >= 0 && !(c == '\'' && NextIsWordPart(_position + 1)))
                        break;
                    _position++;
                    continue;
                }
                Rune.DecodeFromUtf16(_text[_position..], out var rune, out int length);
                if (IsIdeographic(rune))
                {
                    if (start >= 0)
                        break;
                    return Take(_position, _position + length);
                }
                if (IsWordPart(rune))
                {
                    if (start < 0)
                        start = _position;
                }
                else if (start >= 0 && !(IsApostrophe(rune) && NextIsWordPart(_position + length)))
                {
                    break;
                }
                _position += length;
            }
            return start >= 0 && Take(start, _position);
        }

        private bool Take(int start, int end)
        {
            Current = _text[start..end];
            _position = end;
            return true;
        }

        private readonly bool NextIsWordPart(int position)
        {
            if (position >= _text.Length)
                return false;
            Rune.DecodeFromUtf16(_text[position..], out var rune, out _);
            return IsWordPart(rune) && !IsIdeographic(rune);
        }
    }

    private static bool IsApostrophe(Rune rune) => rune.Value is 0x27 or 0x2019;

    private static bool IsWordPart(Rune rune) => Rune.GetUnicodeCategory(rune) is
        UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter
        or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter
        or UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber
        or UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark;

    /// <summary>Is this word a single Han, Hiragana or Katakana character?</summary>
    internal static bool IsIdeograph(ReadOnlySpan<char> word) =>
        word.Length is 1 or 2 && word[0] >= 0x3005 && Rune.DecodeFromUtf16(word, out var rune, out int length) == System.Buffers.OperationStatus.Done && length == word.Length && IsIdeographic(rune);

    // Fixed ranges instead of the Script property, which neither .NET nor every browser gives in the same version.
    private static bool IsIdeographic(Rune rune) => rune.Value is
        0x3005 or 0x3007 or (>= 0x3041 and <= 0x3096) or (>= 0x309D and <= 0x309F) // iteration mark, zero, Hiragana
        or (>= 0x30A1 and <= 0x30FA) or (>= 0x30FC and <= 0x30FF) or (>= 0x31F0 and <= 0x31FF) // Katakana
        or (>= 0xFF66 and <= 0xFF9D) // half-width Katakana
        or (>= 0x3400 and <= 0x4DBF) or (>= 0x4E00 and <= 0x9FFF) or (>= 0xF900 and <= 0xFAFF) // Han
        or (>= 0x20000 and <= 0x3FFFD); // Han extensions
}
