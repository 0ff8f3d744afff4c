using System.Security.Cryptography;
using System.Text;

namespace Trove.Core.Rewards;

/// <summary>
/// What one record is worth before novelty is known. All in integers, so that every verifier gets the same bits
/// (specs/rewards.md).
/// </summary>
public static class RecordScore
{
    /// <summary>One, in basis points.</summary>
    public const uint Full = 10_000;

    /// <summary>Words of one record that count: a book pasted into one message earns no more than a long essay.</summary>
    public const int CountedWords = 2_000;

    /// <summary>
    /// Words times quality, in basis points of a word. Quality is the number of distinct words against what natural
    /// text of that length has: <c>min(1, distinct / min(n, 3·⌈√n⌉))</c>. "spam spam spam spam" is worth one word.
    /// </summary>
    public static uint Of(ReadOnlySpan<char> ownText)
    {
        var distinct = new HashSet<string>(StringComparer.Ordinal);
        int words = 0;
        foreach (var word in Words.Split(ownText))
        {
            distinct.Add(Folding.Fold(word));
            if (++words == CountedWords)
                break;
        }
        if (words == 0)
            return 0;
        int expected = Math.Min(words, 3 * CeilingSqrt(words));
        return (uint)words * (Full * (uint)Math.Min(distinct.Count, expected) / (uint)expected);
    }

    /// <summary>
    /// The text as novelty sees it: its words, folded, with single spaces. Case, punctuation, layout and compatibility
    /// forms do not make an old text new.
    /// </summary>
    public static string Normalise(ReadOnlySpan<char> text)
    {
        var normal = new StringBuilder(text.Length);
        foreach (var word in Words.Split(text))
        {
            if (normal.Length > 0)
                normal.Append(' ');
            normal.Append(Folding.Fold(word));
        }
        return normal.ToString();
    }

    /// <summary>
    /// The keyed hash under which a record is known: HMAC-SHA-256 of its normalised text, cut to 128 bits. Without the
    /// key nobody can test a guessed text against it.
    /// </summary>
    public static UInt128 Tag(ReadOnlySpan<byte> key, ReadOnlySpan<char> text)
    {
        Span<byte> mac = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(key, new CanonicalWriter("trove/record-tag/1").Text(Normalise(text)).Bytes, mac);
        return System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(mac);
    }

    private static int CeilingSqrt(int value)
    {
        int root = 0;
        while (root * root < value)
            root++;
        return root;
    }
}
