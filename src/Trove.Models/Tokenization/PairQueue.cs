namespace Trove.Models.Tokenization;

/// <summary>A pair that may be merged, and the words where.</summary>
/// <param name="Count">How often it stood in the text when last looked at.</param>
/// <param name="Key">Its tokens.</param>
/// <param name="Number">Its number among the pairs.</param>
/// <param name="Start">Where its words start in the list of noted words.</param>
/// <param name="Length">How many words.</param>
internal readonly record struct PairEntry(long Count, ulong Key, int Number, int Start, int Length);

/// <summary>A heap of pairs: the most frequent first; of equally frequent ones the lower left token, then the lower right token. No pair is there twice.</summary>
internal sealed class PairQueue
{
    private PairEntry[] _heap = new PairEntry[1 << 12];

    public int Count { get; private set; }

    public void Push(in PairEntry entry)
    {
        if (Count == _heap.Length)
            Array.Resize(ref _heap, checked(Count * 2));
        int place = Count++;
        for (int parent; place > 0 && Before(entry, _heap[parent = (place - 1) / 2]); place = parent)
            _heap[place] = _heap[parent];
        _heap[place] = entry;
    }

    public PairEntry Pop()
    {
        var top = _heap[0];
        var moved = _heap[--Count];
        int place = 0;
        for (int child; (child = 2 * place + 1) < Count; place = child)
        {
            if (child + 1 < Count && Before(_heap[child + 1], _heap[child]))
                child++;
            if (!Before(_heap[child], moved))
                break;
            _heap[place] = _heap[child];
        }
        _heap[place] = moved;
        return top;
    }

    private static bool Before(in PairEntry a, in PairEntry b) =>
        a.Count != b.Count ? a.Count > b.Count : a.Key < b.Key;
}
