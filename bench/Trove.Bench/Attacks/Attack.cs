namespace Trove.Bench.Attacks;

/// <summary>A way to be paid for what is not new, real or one's own.</summary>
/// <param name="Name">What it is called in the bench.</param>
/// <param name="Goal">Most that it may earn of what the same words would earn if they were new and honest; null where none is set.</param>
/// <param name="Make">The texts that a member contributes, from what others have written.</param>
public sealed record Attack(string Name, double? Goal, Func<Attack.Prey, IReadOnlyList<string>> Make)
{
    /// <summary>What it makes has the attacker's own texts in it, which are new.</summary>
    public bool HasOwn { get; init; }

    /// <summary>One in many of it earns much: it is tried often, each time apart from all others.</summary>
    public bool ByChance { get; init; }

    /// <summary>What an attacker has: own texts, other members', a language, chance.</summary>
    /// <param name="Own">New texts.</param>
    /// <param name="Victim">All texts of one member.</param>
    /// <param name="Many">Texts of ten members.</param>
    public sealed record Prey(IReadOnlyList<string> Own, IReadOnlyList<string> Victim, IReadOnlyList<string> Many, Writer Writer, Random Chance);

    /// <summary>All of them.</summary>
    public static readonly IReadOnlyList<Attack> All =
    [
        new("copy", 0.01, p => p.Victim),
        new("copy, records and words in another order, other case", 0.01, p => [.. p.Victim.Select(t => Reorder(t, p.Chance)).OrderBy(_ => p.Chance.Next())]),
        new("records split in two to four", 0.01, p => [.. p.Victim.SelectMany(t => Split(t, p.Chance))]),
        new("records of many joined by threes", 0.01, p => [.. p.Many.OrderBy(_ => p.Chance.Next()).Take(p.Victim.Count).Chunk(3).Select(c => string.Join(' ', c))]),
        new("near-copy, 5 % of words edited", 0.05, p => [.. p.Victim.Select(t => Edit(t, 0.05, p))]),
        new("near-copy, 10 % of words edited", 0.05, p => [.. p.Victim.Select(t => Edit(t, 0.10, p))]),
        new("near-copy, 15 % of words edited", 0.05, p => [.. p.Victim.Select(t => Edit(t, 0.15, p))]),
        new("near-copy, 10 % of words edited, hidden among as many new ones: beyond these", 0.05, p => [.. p.Victim.Select(t => Edit(t, 0.10, p)), .. p.Own]) { HasOwn = true },
        new("paraphrase, every word that has one by a synonym one time in two", null, p => [.. p.Victim.Select(t => Paraphrase(t, 0.5, p))]),
        new("paraphrase, every word that has one by a synonym", null, p => [.. p.Victim.Select(t => Paraphrase(t, 1, p))]),
        new("templates with slots", 0.10, p => Templates(p)),
        new("n-gram model of order 2 (from pairs), its own text, ten times as much", 0.10, p => Generate(p.Victim, 1, 10, p.Chance)),
        new("n-gram model of order 3, ten members' text", 0.10, p => Generate(p.Many, 2, 1, p.Chance)),
        new("n-gram model of order 4, ten members' text", 0.10, p => Generate(p.Many, 3, 1, p.Chance)),
        new("word salad: model of order 2, ten members' text, a tenth as much", 0.10, p => Generate(p.Many, 1, 0.1, p.Chance)) { ByChance = true },
        new("words of a list, each drawn alike", 0.10, p => Draw(p, [.. p.Many.SelectMany(Words).Distinct(StringComparer.Ordinal)])),
        new("words drawn as often as people use them", 0.10, p => Draw(p, [.. p.Many.SelectMany(Words)])),
        new("letters drawn as often as people use them", 0.10, Letters),
        new("n-gram model of letters of order 4, ten members' text, a tenth as much", 0.10, p => GenerateLetters(p.Many, 3, 0.1, p.Chance)),
        new("another's text in other letters, each by a table", 0.10, p => Exchange(p)),
        new("words of a list with phrases among them that come twice", null, p => Draw(p, [.. p.Many.SelectMany(Words).Distinct(StringComparer.Ordinal)], phrases: true)) { ByChance = true },
        new("words of a list, hidden among as much that others wrote", null, p => [.. Draw(p, [.. p.Many.SelectMany(Words).Distinct(StringComparer.Ordinal)]).Zip(p.Victim).SelectMany(t => new[] { t.First, t.Second })]) { ByChance = true },
    ];

    private static string[] Words(string text) => text.Split(' ');

    private static string Reorder(string text, Random chance)
    {
        var words = Words(text);
        int cut = chance.Next(words.Length);
        return string.Join("  ", [.. words[cut..], .. words[..cut]]).ToUpperInvariant();
    }

    private static IEnumerable<string> Split(string text, Random chance)
    {
        var words = Words(text);
        int size = Math.Max(4, words.Length / chance.Next(2, 5) + 1);
        return words.Chunk(size).Select(c => string.Join(' ', c));
    }

    internal static string Edit(string text, double share, Prey prey)
    {
        var edited = new List<string>();
        foreach (string word in Words(text))
        {
            if (prey.Chance.NextDouble() >= share)
            {
                edited.Add(word);
                continue;
            }
            switch (prey.Chance.Next(3))
            {
                case 0:
                    edited.Add(prey.Writer.Noun(prey.Chance));
                    break;
                case 1:
                    edited.Add(word);
                    edited.Add(prey.Writer.Noun(prey.Chance));
                    break;
            }
        }
        return string.Join(' ', edited);
    }

    private static string Paraphrase(string text, double share, Prey prey) =>
        string.Join(' ', Words(text).Select(w => prey.Chance.NextDouble() < share ? prey.Writer.Synonym(w, prey.Chance) : w));

    private static List<string> Templates(Prey prey)
    {
        string[] templates =
        [
            "i really like * because it is the best * that i have ever seen in * and everybody should try * at least once",
            "just bought a new * from the * near * and i must say that the quality is great for the price of *",
            "my * told me about * yesterday so i went to * to see what it is about and now i love *",
            "does anybody know where to find a good * in * because the last * that i had was broken after * days",
            "today i learned that * and * are made by the same * which explains why they look so much like *",
        ];
        var words = Enumerable.Range(0, 40).Select(_ => prey.Writer.Noun(prey.Chance)).ToArray();
        return [.. prey.Victim.Select(_ => string.Concat(templates[prey.Chance.Next(templates.Length)].Select(c => c == '*' ? words[prey.Chance.Next(words.Length)] : c.ToString())))];
    }

    private static List<string> Draw(Prey prey, string[] words, bool phrases = false)
    {
        string kept = "";
        return [.. prey.Victim.Select(t => string.Join(' ', Words(t).Select(_ => phrases && prey.Chance.Next(6) == 0 ? Phrase() : One())))];

        string One() => words[prey.Chance.Next(words.Length)];

        // Every other one is the one before it.
        string Phrase()
        {
            string phrase = kept.Length > 0 ? kept : $"{One()} {One()} {One()}";
            kept = kept.Length > 0 ? "" : phrase;
            return phrase;
        }
    }

    private static List<string> Letters(Prey prey)
    {
        string letters = string.Concat(prey.Victim).Replace(" ", "", StringComparison.Ordinal);
        return [.. prey.Victim.Select(t => string.Concat(t.Select(c => c == ' ' ? c : letters[prey.Chance.Next(letters.Length)])))];
    }

    private static List<string> Exchange(Prey prey)
    {
        const string letters = "abcdefghijklmnopqrstuvwxyz";
        var others = letters.ToCharArray();
        prey.Chance.Shuffle(others);
        return [.. prey.Victim.Select(t => string.Concat(t.Select(c => letters.IndexOf(c) is >= 0 and var at ? others[at] : c)))];
    }

    // A letter and a word's end are drawn like words, and records are cut where a word ends.
    private static List<string> GenerateLetters(IReadOnlyList<string> source, int order, double times, Random chance) =>
        [.. Generate([.. source.Select(t => string.Join(' ', t.Select(c => c == ' ' ? '_' : c)))], order, times, chance).Select(t => t.Replace(" ", "", StringComparison.Ordinal)).Chunk(6).Select(c => string.Concat(c).Replace('_', ' '))];

    /// <summary>Text by a Markov chain over words: each is drawn from what followed the <paramref name="order"/> words before it.</summary>
    private static List<string> Generate(IReadOnlyList<string> source, int order, double times, Random chance)
    {
        var followers = new Dictionary<string, List<string>>(StringComparer.Ordinal);
        var starts = new List<string[]>();
        long words = 0;
        foreach (string text in source)
        {
            var all = Words(text);
            words += all.Length;
            if (all.Length > order)
                starts.Add(all[..order]);
            for (int i = order; i < all.Length; i++)
            {
                string state = string.Join(' ', all, i - order, order);
                if (!followers.TryGetValue(state, out var next))
                    followers[state] = next = [];
                next.Add(all[i]);
            }
        }
        var made = new List<string>();
        for (long left = (long)(words * times); left > 0;)
        {
            var text = new List<string>(starts[chance.Next(starts.Count)]);
            int length = chance.Next(15, 60);
            while (text.Count < length)
                if (followers.TryGetValue(string.Join(' ', text.TakeLast(order)), out var next))
                    text.Add(next[chance.Next(next.Count)]);
                else
                    text.AddRange(starts[chance.Next(starts.Count)]);
            made.Add(string.Join(' ', text));
            left -= text.Count;
        }
        return made;
    }
}
