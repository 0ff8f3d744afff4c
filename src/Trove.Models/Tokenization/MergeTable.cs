namespace Trove.Models.Tokenization;

/// <summary>The ranks of pairs of tokens: which two neighbours are merged first. Open addressing, a slot one ulong.</summary>
internal sealed class MergeTable
{
    /// <summary>Most tokens of a vocabulary; ids have 21 bits in a slot.</summary>
    public const int MaxTokens = 1 << IdBits;

    /// <summary>Most merges; ranks have 22 bits in a slot, of which all ones is no rank.</summary>
    public const int MaxMerges = (1 << RankBits) - 1;

    /// <summary>The rank of a pair that is not merged.</summary>
    public const uint None = uint.MaxValue;

    private const int IdBits = 21, RankBits = 22;
    private const ulong Empty = ulong.MaxValue, RankMask = (1UL << RankBits) - 1;

    private readonly ulong[] _slots;
    private readonly int[] _merged;
    private readonly int _shift;

    /// <param name="merges">By rank: left token, right token, what they become. Each pair once.</param>
    public MergeTable(IReadOnlyList<Merge> merges)
    {
        _shift = ByteHash.Shift(merges.Count, out int slots);
        _slots = new ulong[slots];
        _slots.AsSpan().Fill(Empty);
        _merged = new int[merges.Count];
        for (int rank = 0; rank < merges.Count; rank++)
        {
            var merge = merges[rank];
            ulong pair = Pair(merge.Left, merge.Right);
            int slot = Slot(pair);
            for (; _slots[slot] != Empty; slot = (slot + 1) & (_slots.Length - 1))
                if (_slots[slot] >> RankBits == pair)
                    throw new ArgumentException($"merge {rank} is listed before", nameof(merges));
            _slots[slot] = (pair << RankBits) | (uint)rank;
            _merged[rank] = merge.Merged;
        }
    }

    /// <summary>The rank of a pair, the lower the earlier; <see cref="None"/> when it is not merged.</summary>
    public uint Rank(int left, int right)
    {
        ulong pair = Pair(left, right);
        var slots = _slots;
        for (int slot = Slot(pair); ; slot = (slot + 1) & (slots.Length - 1))
        {
            ulong found = slots[slot];
            if (found >> RankBits == pair)
                return (uint)(found & RankMask);
            if (found == Empty)
                return None;
        }
    }

    /// <summary>What the pair of a rank becomes.</summary>
    public int Merged(uint rank) => _merged[rank];

    private static ulong Pair(int left, int right) => ((ulong)(uint)left << IdBits) | (uint)right;

    private int Slot(ulong pair) => (int)(ByteHash.Of(pair) >> _shift);
}

/// <summary>One merge of byte pair encoding.</summary>
/// <param name="Left">Id of the left token.</param>
/// <param name="Right">Id of the right token.</param>
/// <param name="Merged">Id of the token that both together are.</param>
public readonly record struct Merge(int Left, int Right, int Merged);
