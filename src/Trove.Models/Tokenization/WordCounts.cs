namespace Trove.Models.Tokenization;

/// <summary>How often each word was seen. Open addressing over one array of all words' bytes.</summary>
internal sealed class WordCounts
{
    private byte[] _bytes = new byte[1 << 16];
    private int _used;
    private Word[] _words = new Word[1 << 12];
    private int[] _slots; // word + 1; 0 is free
    private int _shift;

    private struct Word
    {
        public int Start, Length;
        public ulong Hash;
        public long Count;
    }

    public WordCounts()
    {
        _shift = ByteHash.Shift(_words.Length, out int slots);
        _slots = new int[slots];
    }

    /// <summary>How many different words.</summary>
    public int Count { get; private set; }

    /// <summary>A word's bytes.</summary>
    public ReadOnlySpan<byte> Bytes(int word) => _bytes.AsSpan(_words[word].Start, _words[word].Length);

    /// <summary>How often a word was seen.</summary>
    public long Times(int word) => _words[word].Count;

    /// <summary>Counts a word.</summary>
    /// <exception cref="OverflowException">All different words together have more than 2 GB.</exception>
    public void Add(ReadOnlySpan<byte> word, long times = 1)
    {
        ulong hash = ByteHash.Of(word);
        int slot = (int)(hash >> _shift);
        for (int found; (found = _slots[slot]) != 0; slot = (slot + 1) & (_slots.Length - 1))
        {
            ref var known = ref _words[found - 1];
            if (known.Hash == hash && known.Length == word.Length && _bytes.AsSpan(known.Start, known.Length).SequenceEqual(word))
            {
                known.Count += times;
                return;
            }
        }
        if (Count == _words.Length)
        {
            Grow();
            for (slot = (int)(hash >> _shift); _slots[slot] != 0; slot = (slot + 1) & (_slots.Length - 1)) { }
        }
        int needed = checked(_used + word.Length);
        if (needed > _bytes.Length)
            Array.Resize(ref _bytes, (int)Math.Min(Array.MaxLength, Math.Max(needed, _bytes.Length * 2L)));
        word.CopyTo(_bytes.AsSpan(_used));
        _words[Count] = new Word { Start = _used, Length = word.Length, Hash = hash, Count = times };
        _slots[slot] = ++Count;
        _used = needed;
    }

    /// <summary>Counts what another has counted.</summary>
    public void Add(WordCounts other)
    {
        for (int word = 0; word < other.Count; word++)
            Add(other.Bytes(word), other.Times(word));
    }

    private void Grow()
    {
        Array.Resize(ref _words, checked(_words.Length * 2));
        _shift = ByteHash.Shift(_words.Length, out int slots);
        _slots = new int[slots];
        for (int word = 0; word < Count; word++)
        {
            int slot = (int)(_words[word].Hash >> _shift);
            while (_slots[slot] != 0)
                slot = (slot + 1) & (_slots.Length - 1);
            _slots[slot] = word + 1;
        }
    }
}
