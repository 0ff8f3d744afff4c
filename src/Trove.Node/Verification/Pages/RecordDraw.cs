using Trove.Core;
using Trove.Exports;

namespace Trove.Node.Verification.Pages;

/// <summary>
/// Draws which of a contribution's own posts and comments are looked up (specs/public-pages.md): by the seed that the guardians drew its verifiers
/// with, and each record's place in the parts, which were fixed before. So nobody chooses them, and every verifier draws the same.
/// </summary>
/// <param name="seed">The guardians'.</param>
public sealed class RecordDraw(Hash32 seed)
{
    /// <summary>Records that are drawn, at most.</summary>
    public const int Count = 8;

    private readonly PriorityQueue<Record, Hash32> _drawn = new(Comparer<Hash32>.Create((a, b) => b.CompareTo(a))); // the highest first, to be replaced

    /// <summary>Takes a record with own words into the draw, if it is one that may be public.</summary>
    /// <param name="part">It is in.</param>
    /// <param name="index">Its place in it, from 0.</param>
    /// <param name="original">As the evidence has it, not redacted.</param>
    public void Add(PartDescriptor part, ulong index, Record original)
    {
        if (original.Kind is not (RecordKind.Post or RecordKind.Comment))
            return;
        var lot = new CanonicalWriter("trove/permalink-draw/1").Hash(seed).Text(part.Kind).UInt32((uint)part.Year).UInt64(index).Sha256();
        if (_drawn.Count < Count)
            _drawn.Enqueue(original, lot);
        else
            _drawn.EnqueueDequeue(original, lot);
    }

    /// <summary>Those drawn.</summary>
    public IReadOnlyList<Record> Records => [.. _drawn.UnorderedItems.OrderBy(item => item.Priority).Select(item => item.Element)];
}
