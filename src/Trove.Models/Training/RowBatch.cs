namespace Trove.Models.Training;

/// <summary>Rows of tokens with their targets and documents, ready for <see cref="Transformer"/>; its memory is used again for the next.</summary>
internal sealed class RowBatch(int capacity)
{
    private readonly int[] _tokens = new int[capacity], _targets = new int[capacity];
    private readonly uint[] _words = new uint[checked(capacity + 1)];
    private readonly List<int> _starts = [];
    private readonly List<int> _ends = []; // of rows: the tokens before them

    public int Length { get; private set; }

    /// <summary>Tokens that have a target.</summary>
    public int Counted { get; private set; }

    public void Clear()
    {
        _starts.Clear();
        _ends.Clear();
        (Length, Counted) = (0, 0);
    }

    /// <summary>Appends a row: each token is to predict the next one of the file, unless that one is not to be learnt.</summary>
    public void Add(TokenFile file, long start, int length)
    {
        var words = _words.AsSpan(0, length + 1);
        file.Read(start, words);
        for (int i = 0; i < length; i++)
        {
            if (i == 0 || (words[i] & TokenFile.Begins) != 0)
                _starts.Add(Length + i);
            bool learnt = (words[i + 1] & TokenFile.Unlearnt) == 0;
            _tokens[Length + i] = Id(words[i]);
            _targets[Length + i] = learnt ? Id(words[i + 1]) : Transformer.Ignore;
            Counted += learnt ? 1 : 0;
        }
        Length += length;
        _ends.Add(Length);
    }

    /// <summary>Calls <paramref name="run"/> for as many whole rows at a time as have up to <paramref name="most"/> tokens, at least one.</summary>
    public void Each(int most, BatchAction run)
    {
        for (int row = 0, from = 0, document = 0; row < _ends.Count;)
        {
            int last = row;
            while (last + 1 < _ends.Count && _ends[last + 1] - from <= most)
                last++;
            int to = _ends[last], next = document;
            while (next < _starts.Count && _starts[next] < to)
                next++;
            var starts = new int[next - document];
            for (int i = 0; i < starts.Length; i++)
                starts[i] = _starts[document + i] - from;
            run(_tokens.AsSpan(from, to - from), _targets.AsSpan(from, to - from), starts);
            (row, from, document) = (last + 1, to, next);
        }
    }

    private static int Id(uint word) => (int)(word & ~(TokenFile.Begins | TokenFile.Unlearnt));
}

/// <summary>What is done with a batch.</summary>
internal delegate void BatchAction(ReadOnlySpan<int> tokens, ReadOnlySpan<int> targets, ReadOnlySpan<int> starts);
