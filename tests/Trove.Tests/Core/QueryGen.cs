using Trove.Core.Queries;

namespace Trove.Tests.Core;

/// <summary>Random statements of the grammar, and a way to compare trees that does not go through the canonical text.</summary>
internal static class QueryGen
{
    public static readonly string[] Kinds = ["comment", "post", "message", "prompt"];
    public static readonly string[] Communities = ["garden", "it's", "münchen", "🚲", "", "never seen"];
    public static readonly string[] Vocabulary = ["coffee", "Tea", "don't", "Café", "rain", "unheard"];
    private static readonly string[] Times = ["year", "month", "weekday", "hour"];

    public static string Text(Random random)
    {
        var keys = Times.Concat(["kind", "platform", "community", $"bucket({Number(random)}, {random.Next(1, 30)})", $"bucket({Number(random)}, 4)"])
            .OrderBy(_ => random.Next()).Take(random.Next(4)).Distinct().ToList();
        var columns = keys.Concat(Enumerable.Range(0, random.Next(1, 5)).Select(_ => Aggregate(random))).OrderBy(_ => random.Next()).ToList();
        for (int i = 0; i < columns.Count; i++)
            columns[i] += random.Next(4) == 0 ? $" {Keyword("AS", random)} name{i}" : "";
        string where = random.Next(4) == 0 ? "" : $" {Keyword("WHERE", random)} {Condition(random, 3)}";
        string group = keys.Count == 0 ? "" : $"{Space(random)} {Keyword("GROUP BY", random)} {string.Join(",", keys.OrderBy(_ => random.Next()))}{(random.Next(3) == 0 ? "" : $" {Keyword("CELLS", random)} {random.Next(1, 5)}")}";
        return $"{Keyword("SELECT", random)}{Space(random)} {string.Join(Space(random) + ",", columns)} {Keyword("FROM", random)} records{where}{group}{Space(random)}";
    }

    /// <summary>The whole tree, unambiguous and apart from the printer under test.</summary>
    public static string Dump(Query query) => $"{string.Join("; ", query.Columns)} | {(query.Where is { } where ? Dump(where) : "")} | {string.Join(' ', query.Keywords)} | {query.Cells}";

    private static string Dump(QueryCondition condition) => condition switch
    {
        AllOf all => $"all[{string.Join("; ", all.Conditions.Select(Dump))}]",
        AnyOf any => $"any[{string.Join("; ", any.Conditions.Select(Dump))}]",
        Not not => $"not[{Dump(not.Condition)}]",
        LabelIn label => $"{label.Column} in [{string.Join(";", label.Values.Select(v => $"{v.Length}:{v}"))}]",
        _ => condition.ToString(),
    };

    private static string Aggregate(Random random) => random.Next(5) switch
    {
        0 => "count(distinct member)",
        1 => $"count(*) {Keyword("CLIP", random)} {Clip(random)}",
        2 => $"sum({Number(random)}) {Keyword("CLIP", random)} {Clip(random)}",
        _ => $"AVG( {Number(random)} ) {Keyword("CLIP", random)} {Clip(random)}",
    };

    private static int Clip(Random random) => random.Next(3) switch { 0 => random.Next(1, 4), 1 => random.Next(1, 60), _ => 1_000_000_000 };

    private static string Number(Random random) => random.Next(3) switch
    {
        0 => "length",
        1 => Times.Append("words").ElementAt(random.Next(5)),
        _ => Mentions(random),
    };

    private static string Mentions(Random random) => $"mentions('{Vocabulary[random.Next(Vocabulary.Length)].Replace("'", "''", StringComparison.Ordinal)}')";

    private static string Condition(Random random, int depth)
    {
        switch (depth == 0 ? 5 : random.Next(9))
        {
            case 0: return $"NOT {Inner(random, depth)}";
            case 1: return $"{Inner(random, depth)} {Keyword("AND", random)} {Inner(random, depth)}";
            case 2: return $"{Inner(random, depth)} {Keyword("OR", random)} {Inner(random, depth)}";
            case 3: return Mentions(random);
            case 4: return $"{Labels(random)} {Keyword("IN", random)} ({string.Join(",", Enumerable.Range(0, random.Next(1, 4)).Select(_ => Literal(random)))})";
            case 5 or 6: return $"{Number(random)} {((string[])["=", "<>", "<", "<=", ">", ">="])[random.Next(6)]} {(random.Next(3) == 0 ? random.Next(2019, 2024) : random.Next(30))}";
            default: return $"{Labels(random)} {(random.Next(2) == 0 ? "=" : "<>")} {Literal(random)}";
        }
    }

    private static string Inner(Random random, int depth) => random.Next(3) == 0 ? $"({Condition(random, depth - 1)})" : random.Next(2) == 0 ? Mentions(random) : Condition(random, 0);

    private static string Labels(Random random) => ((string[])["kind", "platform", "community", "community"])[random.Next(4)];

    private static string Literal(Random random) =>
        $"'{Kinds.Concat(Communities).Append("reddit").ElementAt(random.Next(Kinds.Length + Communities.Length + 1)).Replace("'", "''", StringComparison.Ordinal)}'";

    private static string Keyword(string word, Random random) => random.Next(3) == 0 ? word.ToLowerInvariant() : word;

    private static string Space(Random random) => random.Next(4) == 0 ? " \n\t" : "";
}
