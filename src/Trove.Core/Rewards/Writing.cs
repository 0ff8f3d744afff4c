namespace Trove.Core.Rewards;

/// <summary>
/// The signals of <see cref="Quality"/> that no single record shows, from all records of a contribution: language, entropy and pairs. All of
/// it is looked at, piece by piece: what a machine made is not hidden behind what people wrote.
/// </summary>
public sealed class Writing
{
    /// <summary>Most words in which pairs are looked for together.</summary>
    public const int Stretch = 1 << 17;

    private readonly LanguageShare _language = new();
    private readonly WordEntropy _entropy = new();
    private PairVariety _variety = new();
    private WordOrder _order = new();
    private int _words;
    private long _before, _sum;

    /// <summary>Adds the folded words of one record, at most <see cref="RecordScore.CountedWords"/>.</summary>
    public void Add(IReadOnlyList<string> words)
    {
        if (words.Any(w => w.Length > Quality.LongestNatural))
            words = [.. words.Select(w => w.Length > Quality.LongestNatural ? w[..Quality.LongestNatural] : w)]; // they are kept: words without end would take memory without end
        _language.Add(words);
        _entropy.Add(words);
        if (_words + words.Count > Stretch)
        {
            (_before, _sum) = (_before + _words, _sum + (long)_words * PairsOfStretch);
            (_variety, _order, _words) = (new PairVariety(), new WordOrder(), 0);
        }
        _variety.Add(words);
        _order.Add(words);
        _words += words.Count;
    }

    /// <summary>How much of it is in some language.</summary>
    public uint Language => _language.Signal;

    /// <summary>Whether its words follow one another, or were drawn one by one.</summary>
    public uint Entropy => _entropy.Signal;

    /// <summary>Whether its pairs of words are those of people or of a chain, each stretch as much as it has words; on the scale of <see cref="PairVariety.Factor"/>.</summary>
    public uint Pairs => _before + _words == 0 ? RecordScore.Full : PairVariety.SignalOf((uint)((_sum + (long)_words * PairsOfStretch) / (_before + _words)));

    private uint PairsOfStretch => PairVariety.Factor(Math.Min(_variety.Signal, _order.Signal));
}
