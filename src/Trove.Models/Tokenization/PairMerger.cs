namespace Trove.Models.Tokenization;

/// <summary>
/// Merges the most frequent pair of all words, again and again (Sennrich et al. 2016, algorithm 1), in time linear in the places that
/// change. A pair comes to stand in the text in one moment, when the later of its tokens is made, and goes when it is merged: the same
/// bytes between two ends that no merge crosses always become tokens in the same way. So no token is made twice, and the order of words
/// does not matter.
/// </summary>
internal sealed class PairMerger
{
    private readonly int[] _symbols, _starts, _lengths;
    private readonly long[] _times;
    private readonly PairTable _pairs = new();
    private readonly PairQueue _queue = new();
    private readonly List<int> _touched = []; // pairs noted in this merge
    private (int Pair, int Word)[] _notes = new (int, int)[1 << 12];
    private int _noteCount;
    private int[] _words; // by entry of the queue: the words where its pair stands
    private int _wordCount;
    private long _visit;

    /// <param name="words">Each word's bytes.</param>
    /// <param name="ofByte">The token of each byte; bytes without one, below 0, are left out.</param>
    public PairMerger(WordCounts words, int[] ofByte)
    {
        _starts = new int[words.Count];
        _lengths = new int[words.Count];
        _times = new long[words.Count];
        long bytes = 0;
        for (int word = 0; word < words.Count; word++)
            bytes += words.Bytes(word).Length;
        _symbols = new int[bytes];
        int used = 0;
        for (int word = 0; word < words.Count; word++)
        {
            (_starts[word], _times[word]) = (used, words.Times(word));
            foreach (byte b in words.Bytes(word))
                if (ofByte[b] >= 0)
                    _symbols[used++] = ofByte[b];
            _lengths[word] = used - _starts[word];
        }
        _words = new int[used];
        for (int word = 0; word < words.Count; word++)
        {
            _visit++;
            var symbols = Symbols(word);
            for (int i = 0; i + 1 < symbols.Length; i++)
                Change(symbols[i], symbols[i + 1], _times[word], word);
        }
        Enqueue();
    }

    /// <summary>The next pair to merge and its count; null when no pair is left.</summary>
    public (PairEntry Entry, int Left, int Right)? Next()
    {
        while (_queue.Count > 0)
        {
            var top = _queue.Pop();
            long count = _pairs[top.Number].Count;
            if (count == top.Count)
                return (top, (int)(top.Key >> 32), (int)(uint)top.Key);
            _queue.Push(top with { Count = count });
            if (count < 1 && _queue.Count == 1)
                return null;
        }
        return null;
    }

    /// <summary>Merges a pair wherever it stands.</summary>
    public void Merge(in PairEntry entry, int left, int right, int merged)
    {
        for (int i = entry.Start; i < entry.Start + entry.Length; i++)
            MergeWord(_words[i], left, right, merged);
        Enqueue();
    }

    private Span<int> Symbols(int word) => _symbols.AsSpan(_starts[word], _lengths[word]);

    private void MergeWord(int word, int left, int right, int merged)
    {
        _visit++;
        var symbols = Symbols(word);
        long times = _times[word];
        int kept = 0;
        for (int i = 0; i < symbols.Length; i++, kept++)
        {
            if (symbols[i] != left || i + 1 >= symbols.Length || symbols[i + 1] != right)
            {
                symbols[kept] = symbols[i];
                continue;
            }
            if (kept > 0)
            {
                Change(symbols[kept - 1], left, -times, word);
                Change(symbols[kept - 1], merged, times, word);
            }
            symbols[kept] = merged;
            i++;
            if (i + 1 < symbols.Length)
            {
                Change(right, symbols[i + 1], -times, word);
                Change(merged, symbols[i + 1], times, word);
            }
        }
        _lengths[word] = kept;
    }

    private void Change(int left, int right, long times, int word)
    {
        int number = _pairs.Number(left, right);
        ref var pair = ref _pairs[number];
        pair.Count += times;
        if (times < 0 || pair.Visit == _visit)
            return;
        pair.Visit = _visit;
        if (pair.Noted++ == 0)
            _touched.Add(number);
        if (_noteCount == _notes.Length)
            Array.Resize(ref _notes, checked(_noteCount * 2));
        _notes[_noteCount++] = (number, word);
    }

    // Puts the pairs noted since the last time in the queue, each with its words in a row.
    private void Enqueue()
    {
        int needed = checked(_wordCount + _noteCount);
        if (needed > _words.Length)
            Array.Resize(ref _words, (int)Math.Min(Array.MaxLength, Math.Max(needed, _words.Length * 2L)));
        foreach (int number in _touched)
        {
            ref var pair = ref _pairs[number];
            if (pair.Count > 0)
            {
                _queue.Push(new PairEntry(pair.Count, pair.Key, number, _wordCount, pair.Noted));
                pair.Next = _wordCount;
                _wordCount += pair.Noted;
            }
            else
                pair.Next = -1;
            pair.Noted = 0;
        }
        foreach (var (number, word) in _notes.AsSpan(0, _noteCount))
            if (_pairs[number].Next >= 0)
                _words[_pairs[number].Next++] = word;
        _touched.Clear();
        _noteCount = 0;
    }
}
