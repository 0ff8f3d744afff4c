namespace Trove.Models.Tokenization;

/// <summary>What the patterns of pre-tokenizers ask of a code point.</summary>
[Flags]
internal enum CharacterClass : byte
{
    None = 0,

    /// <summary>General category L: <c>\p{L}</c>.</summary>
    Letter = 1,

    /// <summary>General category N: <c>\p{N}</c>.</summary>
    Number = 2,

    /// <summary>The property White_Space: <c>\s</c>.</summary>
    Space = 4,

    /// <summary><c>[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]</c>.</summary>
    Upper = 8,

    /// <summary><c>[\p{Ll}\p{Lm}\p{Lo}\p{M}]</c>.</summary>
    Lower = 16,

    /// <summary><c>\w</c> of UTS 18, annex C: Alphabetic, M, Nd, Pc, Join_Control.</summary>
    Word = 32,
}

/// <summary>
/// Classes of code points in UTF-8 text, of Unicode 16. The table is ours, and fixed, because what a model was trained on must not
/// change with the runtime. Bytes that are no UTF-8 are characters of one byte and of no class.
/// </summary>
internal static class CharacterClasses
{
    private const int PageBits = 7, PageSize = 1 << PageBits, CodePoints = 0x110000;

    private static readonly (ushort[] Index, byte[] Pages) Table = Build();
    private static readonly byte[] Ascii = [.. Enumerable.Range(0, 128).Select(c => (byte)Of(c)), .. Enumerable.Repeat(NotAscii, 128)];

    /// <summary>In <see cref="OfByte"/>: the byte is not ASCII.</summary>
    public const byte NotAscii = 128;

    /// <summary>The class of an ASCII character by its byte; <see cref="NotAscii"/> alone for other bytes. 256 long.</summary>
    public static ReadOnlySpan<byte> OfByte => Ascii;

    /// <summary>The class of a code point below 0x110000.</summary>
    public static CharacterClass Of(int codePoint) => (CharacterClass)Table.Pages[(Table.Index[codePoint >> PageBits] << PageBits) | (codePoint & (PageSize - 1))];

    /// <summary>The class of the character at a position of UTF-8 text, and its length in bytes.</summary>
    public static CharacterClass At(ReadOnlySpan<byte> text, int at, out int length)
    {
        byte first = text[at];
        length = 1;
        if (first < 0x80)
            return (CharacterClass)Ascii[first];
        int more = text.Length - at - 1;
        if (first < 0xE0)
        {
            if (first < 0xC2 || more < 1 || !IsTail(text[at + 1]))
                return CharacterClass.None;
            length = 2;
            return Of(((first & 0x1F) << 6) | (text[at + 1] & 0x3F));
        }
        if (first < 0xF0)
        {
            if (more < 2 || !IsTail(text[at + 1]) || !IsTail(text[at + 2]))
                return CharacterClass.None;
            int code = ((first & 0xF) << 12) | ((text[at + 1] & 0x3F) << 6) | (text[at + 2] & 0x3F);
            if (code < 0x800 || code is >= 0xD800 and < 0xE000)
                return CharacterClass.None;
            length = 3;
            return Of(code);
        }
        if (first > 0xF4 || more < 3 || !IsTail(text[at + 1]) || !IsTail(text[at + 2]) || !IsTail(text[at + 3]))
            return CharacterClass.None;
        int rare = ((first & 7) << 18) | ((text[at + 1] & 0x3F) << 12) | ((text[at + 2] & 0x3F) << 6) | (text[at + 3] & 0x3F);
        if (rare is < 0x10000 or >= CodePoints)
            return CharacterClass.None;
        length = 4;
        return Of(rare);
    }

    /// <summary>The class of the character that ends right before a position of UTF-8 text, and its length in bytes.</summary>
    public static CharacterClass Before(ReadOnlySpan<byte> text, int end, out int length)
    {
        for (int start = end - 1; start >= Math.Max(0, end - 4); start--)
            if (!IsTail(text[start]))
            {
                var found = At(text[..end], start, out length);
                if (start + length == end)
                    return found;
                break;
            }
        length = 1;
        return CharacterClass.None;
    }

    private static bool IsTail(byte b) => (b & 0xC0) == 0x80;

    private static (ushort[] Index, byte[] Pages) Build()
    {
        var classes = new byte[CodePoints];
        int at = 0;
        var runs = CharacterClassTable.Runs;
        for (int i = 0; i < runs.Length;)
        {
            char letter = runs[i++];
            if (char.IsWhiteSpace(letter))
                continue;
            int count = 0;
            for (; i < runs.Length && (char.IsAsciiDigit(runs[i]) || char.IsWhiteSpace(runs[i])); i++)
                if (!char.IsWhiteSpace(runs[i]))
                    count = count * 10 + runs[i] - '0';
            classes.AsSpan(at, Math.Max(1, count)).Fill((byte)CharacterClassTable.Letters(letter));
            at += Math.Max(1, count);
        }
        // Most pages are alike: unassigned, or one script's letters.
        var index = new ushort[CodePoints >> PageBits];
        var pages = new List<byte>();
        var known = new Dictionary<string, ushort>(StringComparer.Ordinal);
        for (int page = 0; page < index.Length; page++)
        {
            var content = classes.AsSpan(page << PageBits, PageSize);
            var key = string.Create(PageSize, content, static (text, bytes) => System.Text.Encoding.Latin1.GetChars(bytes, text));
            if (!known.TryGetValue(key, out ushort number))
            {
                known[key] = number = (ushort)known.Count;
                pages.AddRange(content);
            }
            index[page] = number;
        }
        return (index, [.. pages]);
    }
}
