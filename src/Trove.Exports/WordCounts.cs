using System.Collections.Frozen;
using System.Runtime.InteropServices;

namespace Trove.Exports;

/// <summary>
/// The words used most, in bounded memory: when there are too many, those seen least are forgotten and start anew (lossy counting:
/// Manku and Motwani, VLDB 2002). Words that are frequent in every text of a language are not counted.
/// </summary>
internal sealed class WordCounts
{
    /// <summary>Letters of the longest word that is counted.</summary>
    public const int Longest = 40;

    private const int Most = 100_000;

    private static readonly FrozenSet<string> Common = FrozenSet.Create(StringComparer.OrdinalIgnoreCase,
        "about", "after", "again", "all", "also", "and", "any", "are", "aren't", "back", "because", "been", "before", "being", "but", "can", "can't", "come", "could", "did", "didn't", "does", "doesn't", "doing", "don't", "down",
        "each", "even", "every", "first", "for", "from", "get", "give", "going", "good", "got", "had", "has", "have", "haven't", "her", "here", "him", "his", "how", "i'd", "i'll", "i'm", "i've", "into", "isn't", "it's", "its", "just", "know",
        "like", "little", "look", "made", "make", "many", "more", "most", "much", "need", "new", "not", "now", "off", "one", "only", "other", "our", "out", "over", "own", "people", "really", "right", "said", "same", "say", "see", "she",
        "should", "some", "something", "still", "such", "take", "than", "that", "that's", "the", "their", "them", "then", "there", "there's", "these", "they", "they're", "thing", "things", "think", "this", "those", "time", "too", "two", "use", "used", "very",
        "want", "was", "wasn't", "way", "well", "were", "what", "when", "where", "which", "while", "who", "why", "will", "with", "won't", "work", "would", "yeah", "yes", "you", "you're", "your",
        "aber", "alle", "als", "auch", "auf", "aus", "bei", "bin", "bis", "bist", "dann", "das", "dass", "dem", "den", "der", "des", "die", "dir", "doch", "dort", "durch", "ein", "eine", "einem", "einen", "einer", "eines", "euch", "für", "ganz", "gar",
        "habe", "haben", "hast", "hat", "hatte", "hier", "ich", "ihm", "ihn", "ihr", "ihre", "immer", "ist", "jetzt", "kann", "kein", "keine", "man", "mal", "mehr", "mein", "meine", "mich", "mir", "mit", "muss", "nach", "nicht", "noch", "nur", "oder", "ohne",
        "schon", "sehr", "sein", "seine", "sich", "sie", "sind", "über", "und", "uns", "viel", "vom", "von", "vor", "war", "was", "weil", "wenn", "wer", "werden", "wie", "wieder", "wir", "wird", "wurde", "zum", "zur",
        "avec", "bien", "c'est", "ça", "cette", "comme", "dans", "des", "elle", "est", "être", "fait", "ils", "j'ai", "les", "leur", "lui", "mais", "même", "mes", "moi", "mon", "nous", "par", "pas", "plus", "pour", "qu'il", "que", "qui", "sans", "ses", "son", "sont", "sur", "tout", "tous", "très", "une", "vous",
        "algo", "bien", "como", "con", "cuando", "del", "desde", "donde", "ella", "ellos", "era", "esta", "este", "esto", "está", "estoy", "fue", "hay", "las", "los", "más", "muy", "nos", "para", "pero", "por", "porque", "que", "qué", "ser", "sin", "sobre", "son", "sus", "también", "tengo", "tiene", "todo", "una", "unos");

    private static readonly FrozenSet<string>.AlternateLookup<ReadOnlySpan<char>> IsCommon = Common.GetAlternateLookup<ReadOnlySpan<char>>();

    private readonly Dictionary<string, long> _counts = new(StringComparer.OrdinalIgnoreCase);
    private long _forgotten; // how often a word that is not here may have been seen

    /// <summary>Counts a word, any case.</summary>
    public void Add(ReadOnlySpan<char> word)
    {
        if (IsCommon.Contains(word))
            return;
        if (_counts.Count >= Most)
            Forget();
        CollectionsMarshal.GetValueRefOrAddDefault(_counts.GetAlternateLookup<ReadOnlySpan<char>>(), word, out _)++;
    }

    /// <summary>Those seen at least twice, most first.</summary>
    public IReadOnlyList<string> Top(int count) =>
        [.. _counts.Where(w => w.Value > 1).OrderByDescending(w => w.Value).ThenBy(w => w.Key, StringComparer.Ordinal).Take(count).Select(w => w.Key.ToLowerInvariant())];

    private void Forget()
    {
        while (_counts.Count > Most / 2)
        {
            _forgotten++;
            foreach (var (word, count) in _counts)
            {
                if (count <= _forgotten)
                    _counts.Remove(word);
            }
        }
    }
}
