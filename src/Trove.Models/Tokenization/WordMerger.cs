using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Trove.Models.Tokenization;

/// <summary>
/// Byte pair encoding of one word (Sennrich et al. 2016, algorithm 1): of all neighbours that may be merged, those of the lowest
/// rank, the leftmost first, until there are none. For one thread.
/// </summary>
internal sealed class WordMerger(MergeTable merges, int[] ofByte, uint[] ofBytes)
{
    private const int MaxScanned = 96; // symbols; beyond, a queue finds the next merge in logarithmic time

    private readonly uint[] _ranks = new uint[MaxScanned];
    private readonly MergeQueue _queue = new(merges);

    /// <summary>The ranks of all pairs of bytes, by left · 256 + right.</summary>
    /// <param name="merges">All merges.</param>
    /// <param name="ofByte">The token of each byte, below 0 for none.</param>
    public static uint[] RanksOfBytes(MergeTable merges, int[] ofByte)
    {
        var ranks = new uint[1 << 16];
        for (int pair = 0; pair < ranks.Length; pair++)
            ranks[pair] = ofByte[pair >> 8] < 0 || ofByte[pair & 255] < 0 ? MergeTable.None : merges.Rank(ofByte[pair >> 8], ofByte[pair & 255]);
        return ranks;
    }

    /// <summary>Writes a word's tokens and returns how many.</summary>
    /// <param name="word">Bytes, at least one.</param>
    /// <param name="tokens">As long as the word.</param>
    /// <exception cref="TokenizerException">A byte has no token.</exception>
    public int Merge(ReadOnlySpan<byte> word, Span<int> tokens)
    {
        for (int i = 0; i < word.Length; i++)
            if ((tokens[i] = ofByte[word[i]]) < 0)
                throw new TokenizerException($"the text has byte 0x{word[i]:X2}, for which the vocabulary has no token ('{ByteAlphabet.Of(word[i])}' in model.vocab); train with all 256 bytes");
        if (word.Length > MaxScanned)
            return _queue.Merge(tokens[..word.Length]);

        var ranks = _ranks.AsSpan(0, word.Length);
        int last = word.Length - 1; // of the symbols; ranks[i] is of i and i + 1
        for (int i = 0; i < last; i++)
            ranks[i] = ofBytes[(word[i] << 8) | word[i + 1]];
        while (last > 0)
        {
            int at = Lowest(ranks[..last], out uint rank);
            if (rank == MergeTable.None)
                break;
            tokens[at] = merges.Merged(rank);
            tokens[(at + 2)..(last + 1)].CopyTo(tokens[(at + 1)..]);
            if (at + 1 < last)
            {
                ranks[(at + 1)..last].CopyTo(ranks[at..]);
                ranks[at] = merges.Rank(tokens[at], tokens[at + 1]);
            }
            last--;
            if (at > 0)
                ranks[at - 1] = merges.Rank(tokens[at - 1], tokens[at]);
        }
        return last + 1;
    }

    // The leftmost of the lowest ranks.
    private static int Lowest(ReadOnlySpan<uint> ranks, out uint rank)
    {
        if (ranks.Length < 2 * Vector256<uint>.Count)
        {
            int at = 0;
            for (int i = 1; i < ranks.Length; i++)
                if (ranks[i] < ranks[at])
                    at = i;
            rank = ranks[at];
            return at;
        }
        var vectors = MemoryMarshal.Cast<uint, Vector256<uint>>(ranks);
        var lowest = Vector256.Create(ranks[^Vector256<uint>.Count..]);
        foreach (var vector in vectors)
            lowest = Vector256.Min(lowest, vector);
        rank = uint.MaxValue;
        for (int i = 0; i < Vector256<uint>.Count; i++)
            rank = Math.Min(rank, lowest[i]);
        return ranks.IndexOf(rank);
    }
}
