using System.Buffers;
using System.Globalization;
using System.Text;

namespace Trove.Models.Tokenization;

/// <summary>
/// Normalization form C (Unicode Standard Annex 15) of UTF-8 text, of Unicode 16. It is ours because .NET normalises nothing but ASCII
/// where globalization is invariant, as it is in our programs, and by whatever ICU the machine has elsewhere.
/// </summary>
internal static class Nfc
{
    /// <summary>How many times longer a text can become: U+1D160 has 4 bytes, and 12 decomposed.</summary>
    public const int MaxGrowth = 3;

    // Hangul: The Unicode Standard, section 3.12.
    private const int Syllables = 0xAC00, Leads = 0x1100, Vowels = 0x1161, Trails = 0x11A7, VowelCount = 21, TrailCount = 28, SyllableCount = 19 * VowelCount * TrailCount;
    private const int Beyond = 0x30000; // no character from here on changes

    private static readonly Dictionary<int, int[]> Decompositions = [];
    private static readonly Dictionary<(int First, int Second), int> Compositions = [];
    private static readonly byte[] Classes = new byte[Beyond];
    private static readonly bool[] MayChange = new bool[Beyond]; // NFC_Quick_Check is not Yes, or the class is not 0

    static Nfc()
    {
        foreach (var (composed, parts) in Entries(NfcTable.Composed))
        {
            Decompositions[composed] = parts;
            Compositions[(parts[0], parts[1])] = composed;
            MayChange[parts[1]] = true;
        }
        foreach (var (replaced, parts) in Entries(NfcTable.Replaced))
        {
            Decompositions[replaced] = parts;
            MayChange[replaced] = true;
        }
        foreach (var entry in NfcTable.CombiningClasses.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))
        {
            int equals = entry.IndexOf('=', StringComparison.Ordinal);
            var range = entry[..equals].Split('-');
            for (int c = Hex(range[0]); c <= Hex(range[^1]); c++)
                (Classes[c], MayChange[c]) = (byte.Parse(entry.AsSpan(equals + 1), CultureInfo.InvariantCulture), true);
        }
        MayChange.AsSpan(Vowels, VowelCount).Fill(true);
        MayChange.AsSpan(Trails + 1, TrailCount - 1).Fill(true);
    }

    /// <summary>Is the text certainly normalised? False also where only <see cref="Normalize(ReadOnlySpan{byte}, ref byte[])"/> can tell.</summary>
    public static bool IsNormalized(ReadOnlySpan<byte> text)
    {
        while (text.IndexOfAnyInRange((byte)0x80, byte.MaxValue) is >= 0 and var at)
        {
            if (Rune.DecodeFromUtf8(text[at..], out var rune, out int length) != OperationStatus.Done || (rune.Value < Beyond && MayChange[rune.Value]))
                return false;
            text = text[(at + length)..];
        }
        return true;
    }

    /// <summary>The normalised text.</summary>
    public static string Normalize(string text)
    {
        byte[] buffer = [];
        int length = Normalize(Encoding.UTF8.GetBytes(text), ref buffer);
        return Encoding.UTF8.GetString(buffer, 0, length);
    }

    /// <summary>Writes the normalised text and returns its length. Bytes that are no UTF-8 become U+FFFD.</summary>
    /// <param name="text">UTF-8.</param>
    /// <param name="buffer">Grows.</param>
    public static int Normalize(ReadOnlySpan<byte> text, ref byte[] buffer)
    {
        // No character decomposes to more than four: at most three for the two bytes of U+0390, four for the three of U+1F82.
        var characters = ArrayPool<int>.Shared.Rent(checked(text.Length * 3 / 2 + 4));
        try
        {
            int count = Compose(characters.AsSpan(0, Decompose(text, characters)));
            if (buffer.Length < count * 4L)
                buffer = new byte[checked(count * 4)];
            int written = 0;
            foreach (int c in characters.AsSpan(0, count))
                written += new Rune(c).EncodeToUtf8(buffer.AsSpan(written));
            return written;
        }
        finally
        {
            ArrayPool<int>.Shared.Return(characters);
        }
    }

    private static int Decompose(ReadOnlySpan<byte> text, Span<int> characters)
    {
        int count = 0, marks = 0; // where the run of characters with a class starts
        while (!text.IsEmpty)
        {
            Rune.DecodeFromUtf8(text, out var rune, out int length);
            text = text[length..];
            int start = count;
            Decompose(rune.Value, characters, ref count);
            for (int i = start; i < count; i++)
                if (Class(characters[i]) == 0)
                {
                    Order(characters[marks..i]);
                    marks = i + 1;
                }
        }
        Order(characters[marks..count]);
        return count;
    }

    private static void Decompose(int c, Span<int> characters, ref int count)
    {
        if (c is >= Syllables and < Syllables + SyllableCount)
        {
            int index = c - Syllables, trail = index % TrailCount;
            characters[count++] = Leads + index / (VowelCount * TrailCount);
            characters[count++] = Vowels + index / TrailCount % VowelCount;
            if (trail > 0)
                characters[count++] = Trails + trail;
        }
        else if (c >= 0xC0 && Decompositions.TryGetValue(c, out var parts))
            foreach (int part in parts)
                Decompose(part, characters, ref count);
        else
            characters[count++] = c;
    }

    // Stable by class. A text of nothing but marks is one run: sorting in place would take the square of its length.
    private static void Order(Span<int> marks)
    {
        bool ordered = true;
        for (int i = 1; i < marks.Length && ordered; i++)
            ordered = Class(marks[i - 1]) <= Class(marks[i]);
        if (ordered)
            return;
        var keys = ArrayPool<ulong>.Shared.Rent(marks.Length);
        for (int i = 0; i < marks.Length; i++)
            keys[i] = ((ulong)Class(marks[i]) << 53) | ((ulong)i << 21) | (uint)marks[i];
        keys.AsSpan(0, marks.Length).Sort();
        for (int i = 0; i < marks.Length; i++)
            marks[i] = (int)(keys[i] & 0x1FFFFF);
        ArrayPool<ulong>.Shared.Return(keys);
    }

    private static int Compose(Span<int> characters)
    {
        int count = 0, starter = -1, before = 0; // the class of the last character behind the starter
        foreach (int c in characters)
        {
            int kind = Class(c);
            if (starter >= 0 && (before == 0 || before < kind) && Composed(characters[starter], c) is >= 0 and var composed)
            {
                characters[starter] = composed;
                continue;
            }
            (starter, before) = kind == 0 ? (count, 0) : (starter, kind);
            characters[count++] = c;
        }
        return count;
    }

    private static int Composed(int first, int second)
    {
        if (first is >= Leads and < Leads + 19 && second is >= Vowels and < Vowels + VowelCount)
            return Syllables + ((first - Leads) * VowelCount + second - Vowels) * TrailCount;
        if (first is >= Syllables and < Syllables + SyllableCount && (first - Syllables) % TrailCount == 0 && second is > Trails and < Trails + TrailCount)
            return first + second - Trails;
        return second < Beyond && MayChange[second] && Compositions.TryGetValue((first, second), out int composed) ? composed : -1;
    }

    private static int Class(int c) => c < Beyond ? Classes[c] : 0;

    private static int Hex(ReadOnlySpan<char> text) => int.Parse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);

    private static IEnumerable<(int Character, int[] Parts)> Entries(string table)
    {
        int next = 0;
        foreach (var entry in table.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries))
            if (entry.EndsWith(':'))
                next = Hex(entry.AsSpan(0, entry.Length - 1));
            else
                yield return (next++, [.. entry.Split('+').Select(part => Hex(part))]);
    }
}
