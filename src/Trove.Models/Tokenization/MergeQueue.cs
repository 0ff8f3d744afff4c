namespace Trove.Models.Tokenization;

/// <summary>
/// What <see cref="WordMerger"/> does, for long words: n log n where scanning takes n². A text of one letter a million times is one
/// word. For one thread.
/// </summary>
internal sealed class MergeQueue(MergeTable merges)
{
    private const int Gone = -1; // in _next: merged into the symbol before

    private ulong[] _heap = [];
    private int[] _next = [], _previous = [];
    private int _count;

    /// <summary>Merges symbols in place and returns how many tokens are left.</summary>
    public int Merge(Span<int> symbols)
    {
        if (_next.Length < symbols.Length)
        {
            int size = checked(symbols.Length + symbols.Length / 2);
            (_next, _previous, _heap) = (new int[size], new int[size], new ulong[checked(size * 3)]); // one entry for each pair at first, two more for each merge
        }
        _count = 0;
        for (int i = 0; i < symbols.Length; i++)
            (_next[i], _previous[i]) = (i + 1, i - 1);
        for (int i = 0; i + 1 < symbols.Length; i++)
            Push(symbols, i);

        while (_count > 0)
        {
            ulong lowest = Pop();
            int at = (int)(uint)lowest, right = _next[at];
            uint rank = (uint)(lowest >> 32);
            // An entry is of the pair that stood here when it was made; since then either may have been merged.
            if (right == Gone || right >= symbols.Length || merges.Rank(symbols[at], symbols[right]) != rank)
                continue;
            symbols[at] = merges.Merged(rank);
            int after = _next[right];
            (_next[at], _next[right]) = (after, Gone);
            if (after < symbols.Length)
            {
                _previous[after] = at;
                Push(symbols, at);
            }
            if (_previous[at] >= 0)
                Push(symbols, _previous[at]);
        }

        int count = 0;
        for (int i = 0; i < symbols.Length; i = _next[i])
            symbols[count++] = symbols[i];
        return count;
    }

    private void Push(ReadOnlySpan<int> symbols, int at)
    {
        uint rank = merges.Rank(symbols[at], symbols[_next[at]]);
        if (rank == MergeTable.None)
            return;
        ulong entry = ((ulong)rank << 32) | (uint)at;
        int place = _count++;
        for (; place > 0 && _heap[(place - 1) / 2] > entry; place = (place - 1) / 2)
            _heap[place] = _heap[(place - 1) / 2];
        _heap[place] = entry;
    }

    private ulong Pop()
    {
        ulong top = _heap[0], moved = _heap[--_count];
        int place = 0;
        for (int child; (child = 2 * place + 1) < _count; place = child)
        {
            if (child + 1 < _count && _heap[child + 1] < _heap[child])
                child++;
            if (moved <= _heap[child])
                break;
            _heap[place] = _heap[child];
        }
        _heap[place] = moved;
        return top;
    }
}
