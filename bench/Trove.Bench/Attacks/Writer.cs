namespace Trove.Bench.Attacks;

/// <summary>
/// Makes up what members write: sentences of a small grammar over a vocabulary in which few words are common (Zipf's law), with
/// set phrases that everybody uses, topics, and habits of their own. The same seed gives the same text. Its counts are near those of
/// real writing: of 3,000 words some 85 in 100 pairs are distinct, and one run of five words in some hundreds is someone else's too.
/// </summary>
public sealed class Writer
{
    private static readonly string[] Determiners = ["the", "a", "this", "that", "my", "your", "their", "our", "some", "every", "no", "any", "his", "her", "one", "another"];
    private static readonly string[] Prepositions = ["of", "in", "to", "for", "with", "on", "at", "from", "by", "about", "into", "over", "after", "before", "under", "between", "without", "near"];
    private static readonly string[] Pronouns = ["i", "you", "we", "they", "he", "she", "it", "someone", "nobody", "everybody"];
    private static readonly string[] Joints = ["and", "but", "because", "so", "although", "while", "since", "or", "until", "if", "when", "unless"];
    private static readonly string[] Auxiliaries = ["will", "can", "would", "might", "should", "did", "could", "may", "must", "does"];
    private static readonly string[] Openers = ["honestly", "well", "yes", "no", "maybe", "today", "yesterday", "actually", "sometimes", "anyway", "also", "still"];

    /// <summary>What everybody says now and then.</summary>
    private static readonly string[] Phrases =
    [
        "i don't know", "a lot of", "as far as i know", "at the end of the day", "thank you so much", "i have no idea", "in my opinion", "to be honest",
        "it depends on", "let me know", "as soon as possible", "more or less", "for the first time", "on the other hand", "i was wondering if", "no problem at all",
        "what do you think", "i think so too", "have a nice day", "by the way", "one of the best", "that makes sense", "i am not sure if", "the rest of the",
    ];

    private readonly string[] _nouns, _verbs, _adjectives, _adverbs;
    private readonly Dictionary<string, (string[] Sort, int At)> _places = new(StringComparer.Ordinal);

    /// <summary>A language of its own for each seed.</summary>
    public Writer(int seed)
    {
        var chance = new Random(seed);
        var taken = new HashSet<string>(StringComparer.Ordinal);
        _nouns = Invent(chance, taken, 9_000, ["", "s", "er", "ion", "ers", "ing"]);
        _verbs = Invent(chance, taken, 3_500, ["", "s", "ed", "ing", "en"]);
        _adjectives = Invent(chance, taken, 3_500, ["", "al", "ed", "ent", "ing"]);
        _adverbs = Invent(chance, taken, 800, ["ly"]);
        foreach (string[] sort in (string[][])[_nouns, _verbs, _adjectives, _adverbs])
            for (int at = 0; at < sort.Length; at++)
                _places[sort[at]] = (sort, at);
    }

    /// <summary>A member's habits.</summary>
    public sealed class Habits(int seed)
    {
        internal Random Chance { get; } = new(seed);
        internal int[] Topics { get; } = [.. Enumerable.Range(0, 3).Select(i => new Random(seed * 31 + i).Next(60))];
    }

    /// <summary>One record: a few words to some hundreds, half of them below thirty.</summary>
    public string Record(Habits habits)
    {
        var chance = habits.Chance;
        int length = (int)Math.Clamp(Math.Exp(3.4 + 0.9 * Normal(chance)), 4, 600);
        int topic = habits.Topics[chance.Next(habits.Topics.Length)];
        var words = new List<string>();
        while (words.Count < length)
            Sentence(words, habits, topic);
        return string.Join(' ', words);
    }

    /// <summary>A word of the same sort, for who swaps words by a table.</summary>
    public string Synonym(string word, Random chance)
    {
        if (!_places.TryGetValue(word, out var place))
            return word;
        return place.Sort[Math.Min(place.Sort.Length - 1, place.At / 8 * 8 + chance.Next(8))];
    }

    /// <summary>Any noun.</summary>
    public string Noun(Random chance) => _nouns[Zipf(chance, _nouns.Length)];

    private void Sentence(List<string> words, Habits habits, int topic)
    {
        var chance = habits.Chance;
        if (chance.NextDouble() < 0.12)
            words.Add(Pick(chance, Openers));
        if (chance.NextDouble() < 0.10)
            words.AddRange(Phrases[Zipf(chance, Phrases.Length)].Split(' '));
        Clause(words, chance, topic);
        if (chance.NextDouble() < 0.45)
        {
            words.Add(Pick(chance, Joints));
            Clause(words, chance, topic);
        }
    }

    private void Clause(List<string> words, Random chance, int topic)
    {
        if (chance.NextDouble() < 0.4)
            words.Add(Pick(chance, Pronouns));
        else
            Noun(words, chance, topic);
        if (chance.NextDouble() < 0.3)
            words.Add(Pick(chance, Auxiliaries));
        if (chance.NextDouble() < 0.15)
            words.Add(Of(_adverbs, chance, topic));
        string verb = Of(_verbs, chance, topic);
        words.Add(verb);
        if (chance.NextDouble() < 0.45)
            Noun(words, chance, topic);
        for (int i = 0; i < 2 && chance.NextDouble() < 0.4; i++)
        {
            words.Add(Usual(verb, Prepositions, chance));
            Noun(words, chance, topic);
        }
    }

    private void Noun(List<string> words, Random chance, int topic)
    {
        string noun = Of(_nouns, chance, topic);
        if (chance.NextDouble() < 0.85)
            words.Add(Usual(noun, Determiners, chance));
        for (int i = 0; i < 2 && chance.NextDouble() < 0.3; i++)
            words.Add(chance.Next(2) == 0 ? Usual(noun, _adjectives, chance) : Of(_adjectives, chance, topic));
        words.Add(noun);
    }

    // Words have their company: two of three times one of three that a word is mostly seen with.
    private string Usual(string word, string[] sort, Random chance) =>
        chance.Next(3) == 0 ? Pick(chance, sort) : sort[(int)((_places[word].At + 1) * (7919L + 104_729L * chance.Next(3)) % sort.Length)];

    // Half of what one says is of the topic: the same curve over another order of the words.
    private static string Of(string[] sort, Random chance, int topic)
    {
        int rank = Zipf(chance, sort.Length);
        return sort[chance.Next(2) == 0 ? rank : (int)((rank * 7919L + topic * 104_729L) % sort.Length)];
    }

    private static string Pick(Random chance, string[] words) => words[Zipf(chance, words.Length)];

    // Rank r with a weight of about 1/(r+3).
    private static int Zipf(Random chance, int count) => (int)Math.Min(count - 1, 3 * (Math.Pow((count + 3) / 3.0, chance.NextDouble()) - 1));

    private static double Normal(Random chance) => Math.Sqrt(-2 * Math.Log(1 - chance.NextDouble())) * Math.Cos(2 * Math.PI * chance.NextDouble());

    // Letters as English likes them, or few of these words would look like any language's.
    private static string[] Invent(Random chance, HashSet<string> taken, int count, string[] endings)
    {
        string[] starts = ["b", "c", "con", "d", "de", "f", "in", "l", "m", "p", "pr", "r", "re", "s", "st", "t", "th", "tr", "v", "w"];
        string[] middles = ["a", "ar", "e", "en", "er", "i", "in", "o", "on", "or", "ou", "u"];
        string[] ends = ["d", "l", "m", "n", "nd", "r", "s", "st", "t", "v"];
        var words = new List<string>();
        while (words.Count < count)
        {
            var word = new System.Text.StringBuilder();
            for (int i = chance.Next(1, 3); i > 0; i--)
                word.Append(starts[chance.Next(starts.Length)]).Append(middles[chance.Next(middles.Length)]);
            word.Append(ends[chance.Next(ends.Length)]).Append(endings[chance.Next(endings.Length)]);
            if (taken.Add(word.ToString()))
                words.Add(word.ToString());
        }
        return [.. words];
    }
}
