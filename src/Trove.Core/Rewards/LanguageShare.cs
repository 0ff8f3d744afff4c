using System.Collections.Frozen;

namespace Trove.Core.Rewards;

/// <summary>
/// How much of a text is in some language: its words are taken apart into triples of letters, and these are looked up in lists of the
/// commonest of 166 languages (Cavnar and Trenkle, "N-Gram-Based Text Categorization", 1994; the lists: specs/languages.txt). Letters that
/// were drawn or exchanged are in none of them. Definition and measurements: specs/rewards.md, "language".
/// </summary>
public sealed class LanguageShare
{
    /// <summary>N-grams that are judged together; fewer say nothing.</summary>
    public const int Window = 1 << 10;

    // In basis points of a window's n-grams: what says nothing yet, and what says all.
    private const int Least = 1_200, Enough = 1_800;

    private const int Ideographs = 1, Syllables = 2;

    private static readonly (FrozenDictionary<ulong, byte[]> LanguagesOf, int Languages) Lists = ReadLists();

    private readonly Dictionary<int, int[]> _hits = [];
    private int _triples, _characters;
    private long _windows, _sum;

    /// <summary>Adds the folded words of one record.</summary>
    public void Add(IReadOnlyList<string> words)
    {
        foreach (string word in words)
            if (!word.AsSpan().ContainsAnyInRange('0', '9'))
                Add(word);
    }

    /// <summary>Of all windows, how much of them is in a language, in basis points. Too little to tell is all.</summary>
    public uint Signal => _windows == 0 ? RecordScore.Full : (uint)(_sum / _windows);

    private void Add(string word)
    {
        if (Words.IsIdeograph(word))
        {
            Add(word.Length == 1 ? word[0] : 0UL, Ideographs); // no list has one of two units
            return;
        }
        if (word.AsSpan().ContainsAnyInRange('\uAC00', '\uD7A3'))
        {
            foreach (char c in word)
                if (c is >= '\uAC00' and <= '\uD7A3')
                    Add(c, Syllables);
            return;
        }
        if (word.AsSpan().ContainsAnyInRange('\u1100', '\u11FF'))
            return; // parts of syllables stand alone in laughter and in sighs
        ulong triple = '_';
        for (int i = 0; i <= word.Length; i++)
        {
            triple = (triple << 16 | (i < word.Length ? word[i] : '_')) & 0xFFFF_FFFF_FFFF;
            if (i > 0)
                Add(triple, ScriptOf(word[Math.Max(0, i - 2)]));
        }
    }

    // Texts mix scripts, as when a Russian names a program. The best language of each counts.
    private void Add(ulong gram, int script)
    {
        if (Lists.LanguagesOf.TryGetValue(gram, out byte[]? languages))
        {
            if (!_hits.TryGetValue(script, out int[]? hits))
                _hits[script] = hits = new int[Lists.Languages];
            foreach (byte language in languages)
                hits[language]++;
        }
        (_triples, _characters) = script is Ideographs or Syllables ? (_triples, _characters + 1) : (_triples + 1, _characters);
        if (_triples + _characters < Window)
            return;
        // There are fewer common characters than triples, so they are found by chance more often: they have to be found a third more often.
        int found = 30_000 * _hits.Values.Sum(h => h.Max()) / (3 * _triples + 4 * _characters);
        _sum += Math.Clamp((found - Least) * (int)RecordScore.Full / (Enough - Least), 0, (int)RecordScore.Full);
        _windows++;
        _hits.Clear();
        _triples = _characters = 0;
    }

    // Latin letters stand in several blocks; of all others those with the same first byte are taken together.
    private static int ScriptOf(char c) => c is < '\u0300' or (>= '\u1E00' and <= '\u1EFF') ? 0 : c & 0xFF00;

    private static (FrozenDictionary<ulong, byte[]>, int) ReadLists()
    {
        using var reader = new StreamReader(typeof(LanguageShare).Assembly.GetManifestResourceStream("languages.txt")!);
        var languages = new Dictionary<ulong, List<byte>>();
        byte language = 0;
        while (reader.ReadLine() is { } line)
        {
            if (line.StartsWith('#'))
                continue;
            foreach (string gram in line.Split(' ').Skip(1))
            {
                ulong key = 0;
                foreach (char c in gram)
                    key = key << 16 | c;
                if (!languages.TryGetValue(key, out var those))
                    languages[key] = those = [];
                those.Add(language);
            }
            checked
            {
                language++;
            }
        }
        return (languages.ToFrozenDictionary(l => l.Key, l => l.Value.ToArray()), language);
    }
}
