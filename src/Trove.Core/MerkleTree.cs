namespace Trove.Core;

/// <summary>
/// A Merkle tree that OpenZeppelin's <c>MerkleProof</c> verifies: Keccak-256, pairs sorted before hashing, leaves
/// hashed twice by the caller (so that an inner node can never pass for a leaf). Layer by layer; an odd last node
/// moves up unchanged. See specs/chain.md.
/// </summary>
public sealed class MerkleTree
{
    /// <summary>Most leaves of one tree: what fits 32 index bits and memory.</summary>
    public const int MaxLeaves = 1 << 24;

    private readonly List<Hash32[]> _layers = [];

    /// <summary>Builds the tree over leaves that are already double-hashed.</summary>
    /// <exception cref="ArgumentException">More than <see cref="MaxLeaves"/>.</exception>
    public MerkleTree(IEnumerable<Hash32> leaves)
    {
        var layer = leaves.ToArray();
        if (layer.Length > MaxLeaves)
            throw new ArgumentException($"a Merkle tree holds at most {MaxLeaves} leaves, not {layer.Length}");
        _layers.Add(layer);
        while (layer.Length > 1)
        {
            var above = new Hash32[(layer.Length + 1) / 2];
            for (int i = 0; i < above.Length; i++)
                above[i] = 2 * i + 1 < layer.Length ? HashPair(layer[2 * i], layer[2 * i + 1]) : layer[2 * i];
            _layers.Add(layer = above);
        }
    }

    /// <summary>Number of leaves.</summary>
    public int Count => _layers[0].Length;

    /// <summary>The root; 32 zero bytes for a tree without leaves, which no proof satisfies.</summary>
    public Hash32 Root => Count == 0 ? default : _layers[^1][0];

    /// <summary>The siblings from leaf <paramref name="index"/> to the root.</summary>
    public Hash32[] Proof(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
        var proof = new List<Hash32>();
        for (int depth = 0; depth < _layers.Count - 1; depth++, index /= 2)
        {
            int sibling = index ^ 1;
            if (sibling < _layers[depth].Length)
                proof.Add(_layers[depth][sibling]);
        }
        return [.. proof];
    }

    /// <summary>What a range of leaves needs to lead to the root: the nodes beside it, of each layer the left one first. None for all leaves.</summary>
    public Hash32[] RangeProof(int first, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((long)first + count, Count, nameof(count));
        var proof = new List<Hash32>();
        for (int depth = 0, last = first + count - 1; depth < _layers.Count - 1; depth++, first /= 2, last /= 2)
        {
            if (first % 2 == 1)
                proof.Add(_layers[depth][first - 1]);
            if (last % 2 == 0 && last + 1 < _layers[depth].Length)
                proof.Add(_layers[depth][last + 1]);
        }
        return [.. proof];
    }

    /// <summary>Does <paramref name="proof"/> lead from <paramref name="leaf"/> to <paramref name="root"/>?</summary>
    public static bool Verify(Hash32 root, Hash32 leaf, IEnumerable<Hash32> proof) =>
        !root.IsZero && proof.Aggregate(leaf, HashPair) == root;

    /// <summary>The leaf of ABI-encoded words: Keccak-256 of Keccak-256.</summary>
    public static Hash32 Leaf(ReadOnlySpan<byte> abiWords)
    {
        Span<byte> inner = stackalloc byte[Hash32.Size];
        Keccak256.Hash(abiWords, inner);
        return Keccak256.Hash(inner);
    }

    private static Hash32 HashPair(Hash32 left, Hash32 right)
    {
        Span<byte> pair = stackalloc byte[2 * Hash32.Size];
        bool inOrder = left.CompareTo(right) < 0;
        (inOrder ? left : right).CopyTo(pair);
        (inOrder ? right : left).CopyTo(pair[Hash32.Size..]);
        return Keccak256.Hash(pair);
    }
}
