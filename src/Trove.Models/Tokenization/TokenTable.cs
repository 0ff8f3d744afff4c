namespace Trove.Models.Tokenization;

/// <summary>The bytes of each token by id, and ids by bytes.</summary>
internal sealed class TokenTable
{
    private readonly byte[] _bytes;
    private readonly int[] _ends; // of each token's bytes
    private readonly int[] _slots; // id + 1 by hash; 0 is free
    private readonly int _shift;

    /// <param name="tokens">By id.</param>
    /// <param name="found">Is the token of an id found by its bytes? No two such have the same bytes.</param>
    public TokenTable(IReadOnlyList<byte[]> tokens, Func<int, bool> found)
    {
        _shift = ByteHash.Shift(tokens.Count, out int slots);
        _slots = new int[slots];
        _ends = new int[tokens.Count];
        int total = 0;
        for (int id = 0; id < tokens.Count; id++)
            _ends[id] = total = checked(total + tokens[id].Length);
        _bytes = new byte[total];
        for (int id = 0; id < tokens.Count; id++)
        {
            tokens[id].CopyTo(_bytes, _ends[id] - tokens[id].Length);
            if (found(id))
                _slots[Find(tokens[id], out int slot) < 0 ? slot : throw new ArgumentException($"token {id} is there twice", nameof(tokens))] = id + 1;
        }
    }

    /// <summary>How many tokens.</summary>
    public int Count => _ends.Length;

    /// <summary>A token's bytes.</summary>
    public ReadOnlySpan<byte> Bytes(int id)
    {
        int start = id == 0 ? 0 : _ends[id - 1];
        return _bytes.AsSpan(start, _ends[id] - start);
    }

    /// <summary>The id of a token; -1 when there is none.</summary>
    public int Id(ReadOnlySpan<byte> token) => Find(token, out _);

    private int Find(ReadOnlySpan<byte> token, out int slot)
    {
        for (slot = (int)(ByteHash.Of(token) >> _shift); _slots[slot] != 0; slot = (slot + 1) & (_slots.Length - 1))
            if (Bytes(_slots[slot] - 1).SequenceEqual(token))
                return _slots[slot] - 1;
        return -1;
    }
}
