namespace Trove.Models.Tokenization;

/// <summary>Pairs of neighbouring tokens by number, and what training knows of each.</summary>
internal sealed class PairTable
{
    private Pair[] _pairs = new Pair[1 << 12];
    private int[] _slots; // pair + 1; 0 is free
    private int _shift;
    private int _count;

    /// <summary>A pair of tokens.</summary>
    public struct Pair
    {
        public ulong Key;

        /// <summary>How often it stands in the text; overlapping ones, as in <c>aaa</c>, count each.</summary>
        public long Count;

        /// <summary>The last visit to a word that noted this pair.</summary>
        public long Visit;

        /// <summary>Words noted for it since they were last put in the queue.</summary>
        public int Noted;

        /// <summary>Where the next noted word goes.</summary>
        public int Next;
    }

    public PairTable()
    {
        _shift = ByteHash.Shift(_pairs.Length, out int slots);
        _slots = new int[slots];
    }

    /// <summary>How many pairs.</summary>
    public int Count => _count;

    /// <summary>A pair by number.</summary>
    public ref Pair this[int pair] => ref _pairs[pair];

    /// <summary>Two tokens as one word, in the order of left, then right.</summary>
    public static ulong Key(int left, int right) => ((ulong)(uint)left << 32) | (uint)right;

    /// <summary>The number of a pair; a new one has counted nothing.</summary>
    public int Number(int left, int right)
    {
        ulong key = Key(left, right);
        int slot = Slot(key);
        for (int found; (found = _slots[slot]) != 0; slot = (slot + 1) & (_slots.Length - 1))
            if (_pairs[found - 1].Key == key)
                return found - 1;
        if (_count == _pairs.Length)
        {
            Grow();
            for (slot = Slot(key); _slots[slot] != 0; slot = (slot + 1) & (_slots.Length - 1)) { }
        }
        _pairs[_count].Key = key;
        _slots[slot] = ++_count;
        return _count - 1;
    }

    private int Slot(ulong key) => (int)(ByteHash.Of(key) >> _shift);

    private void Grow()
    {
        Array.Resize(ref _pairs, checked(_pairs.Length * 2));
        _shift = ByteHash.Shift(_pairs.Length, out int slots);
        _slots = new int[slots];
        for (int pair = 0; pair < _count; pair++)
        {
            int slot = Slot(_pairs[pair].Key);
            while (_slots[slot] != 0)
                slot = (slot + 1) & (_slots.Length - 1);
            _slots[slot] = pair + 1;
        }
    }
}
