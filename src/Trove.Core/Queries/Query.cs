using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace Trove.Core.Queries;

/// <summary>
/// One question of a buyer over the records of an asset (specs/queries.md): a single SELECT of keys and clipped
/// aggregates, parsed into a typed tree. Engines are given what is written anew from the tree, never the buyer's text.
///
/// A cell is one combination of keys. A member counts in at most <see cref="Cells"/> of the cells in which it has a record; which ones
/// is drawn. Of the records that fulfil the condition let member m have n records with the sum s of a number in the cell. All is
/// in exact integers, C being the clip, the sums over the members that count in the cell, and every N a draw of its own:
/// <code>
/// count(*) CLIP C          Σ_m min(n, C) + N
/// sum(x) CLIP C            Σ_m min(s, C) + N
/// count(distinct member)   Σ_m 1 + N = M, one for the whole cell
/// avg(x) CLIP C            ⌊ (Σ_m min(⌊10^6·s/n⌋, 10^6·C) + N) / max(M, 1) ⌋   in millionths
/// </code>
/// Before noise, a member more or less moves each of these sums by at most the clip in each of its cells; <see cref="QueryAnswer"/> makes the noise
/// of that.
/// </summary>
public sealed class Query : IEquatable<Query>
{
    /// <summary>Longest text, written by a buyer or by <see cref="ToString"/>, in UTF-16 units.</summary>
    public const int MaxText = 4096;

    /// <summary>Most columns of a result.</summary>
    public const int MaxColumns = 16;

    /// <summary>Most keys.</summary>
    public const int MaxKeys = 4;

    /// <summary>Most cells that one member may count in.</summary>
    public const int MaxCells = 1000;

    /// <summary>Most comparisons; each value of an IN counts as one.</summary>
    public const int MaxConditions = 32;

    /// <summary>Deepest nesting of AND, OR and NOT in the tree, and of NOT and parentheses in the text.</summary>
    public const int MaxDepth = 8;

    /// <summary>Most different words mentioned: each is a column for the engine.</summary>
    public const int MaxKeywords = 8;

    /// <summary>Shortest and longest mentioned word after folding, in code points.</summary>
    public const int MinWord = 2, MaxWord = 64;

    /// <summary>Fewest distinct members of a cell that is shown, unless the policy of the asset says otherwise.</summary>
    public const int DefaultGroupSize = 10;

    /// <summary>Largest clip and width of buckets.</summary>
    public const long MaxClip = 1_000_000_000, MaxWidth = 1_000_000_000;

    /// <summary>Largest integer that a number is compared with.</summary>
    public const long MaxInteger = 1_000_000_000_000;

    private readonly string _text;

    internal Query(ImmutableArray<QueryColumn> columns, QueryCondition? where, int cells, ImmutableArray<string> keywords)
    {
        (Columns, Where, Cells, Keywords) = (columns, where, cells, keywords);
        _text = QueryPrinter.Print(this);
    }

    /// <summary>The columns of the result in order; at least one is an aggregate.</summary>
    public ImmutableArray<QueryColumn> Columns { get; }

    /// <summary>The keys among them; cells are told apart by these.</summary>
    public IEnumerable<KeyColumn> Keys => Columns.OfType<KeyColumn>();

    /// <summary>What carries noise of its own besides the members: each count, sum and average, in the order of the columns.</summary>
    public IEnumerable<AggregateColumn> Parts => Columns.OfType<AggregateColumn>().Where(c => c is not MembersColumn);

    /// <summary>Which records count; null for all.</summary>
    public QueryCondition? Where { get; }

    /// <summary>In how many cells a member counts at most, from 1.</summary>
    public int Cells { get; }

    /// <summary>The folded words that are mentioned, each once, in the order of the canonical text.</summary>
    public ImmutableArray<string> Keywords { get; }

    /// <summary>Keccak-256 of the canonical text in UTF-8: what members vote on as the code of a use.</summary>
    public Hash32 CodeHash => Keccak256.Hash(Encoding.UTF8.GetBytes(_text));

    /// <summary>Reads a query.</summary>
    /// <exception cref="QuerySyntaxException">The text is not in the grammar; nothing else is thrown.</exception>
    public static Query Parse(string text) => new QueryParser(text).Parse();

    /// <summary>The canonical text: equal for equal trees, and it parses to this query again.</summary>
    public override string ToString() => _text;

    /// <inheritdoc/>
    public bool Equals(Query? other) => other is not null && _text == other._text;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as Query);

    /// <inheritdoc/>
    public override int GetHashCode() => _text.GetHashCode(StringComparison.Ordinal);
}

/// <summary>Writes the canonical text.</summary>
internal static class QueryPrinter
{
    private static readonly string[] Comparisons = ["=", "<>", "<", "<=", ">", ">="];

    public static string Print(Query query)
    {
        var text = new StringBuilder("SELECT ").AppendJoin(", ", query.Columns.Select(Column)).Append(" FROM records");
        if (query.Where is { } where)
            text.Append(" WHERE ").Append(Condition(where, false));
        if (query.Keys.Any())
            text.Append(" GROUP BY ").AppendJoin(", ", query.Keys.Select(k => Key(k.Key)));
        if (query.Cells > 1)
            text.Append(" CELLS ").Append(Integer(query.Cells));
        return text.ToString();
    }

    public static string Key(QueryKey key) => key switch
    {
        LabelKey label => Name(label.Column),
        TimeKey time => Name(time.Column),
        BucketKey bucket => $"bucket({Number(bucket.Number)}, {Integer(bucket.Width)})",
        _ => throw new NotSupportedException($"no text for {key.GetType().Name}"),
    };

    /// <summary>The name of a column that was given none, before it is made distinct.</summary>
    public static string BaseName(QueryColumn column) => column switch
    {
        KeyColumn { Key: BucketKey bucket } => "bucket_" + BaseName(bucket.Number),
        KeyColumn key => Key(key.Key),
        CountColumn => "count",
        SumColumn sum => "sum_" + BaseName(sum.Number),
        AverageColumn average => "avg_" + BaseName(average.Number),
        MembersColumn => "members",
        _ => throw new NotSupportedException($"no name for {column.GetType().Name}"),
    };

    // A key may go without AS: names differ, so its own name is free when the text is read again.
    private static string Column(QueryColumn column) => column switch
    {
        KeyColumn key => Key(key.Key) + (key.Name == BaseName(key) ? "" : $" AS {key.Name}"),
        CountColumn count => $"count(*) CLIP {Integer(count.Clip)} AS {count.Name}",
        SumColumn sum => $"sum({Number(sum.Number)}) CLIP {Integer(sum.Clip)} AS {sum.Name}",
        AverageColumn average => $"avg({Number(average.Number)}) CLIP {Integer(average.Clip)} AS {average.Name}",
        MembersColumn members => $"count(distinct member) AS {members.Name}",
        _ => throw new NotSupportedException($"no text for {column.GetType().Name}"),
    };

    private static string Condition(QueryCondition condition, bool inside) => condition switch
    {
        AllOf all => Group(" AND ", all.Conditions, inside),
        AnyOf any => Group(" OR ", any.Conditions, inside),
        Not not => "NOT " + Condition(not.Condition, true),
        Compare compare => $"{Number(compare.Number)} {Comparisons[(int)compare.Comparison]} {Integer(compare.Value)}",
        Mentioned mentioned => Number(mentioned.Mentions),
        LabelIn { Values: [var value] } only => $"{Name(only.Column)} = {Literal(value)}",
        LabelIn several => $"{Name(several.Column)} IN ({string.Join(", ", several.Values.Select(Literal))})",
        LabelDiffers differs => $"{Name(differs.Column)} <> {Literal(differs.Value)}",
        _ => throw new NotSupportedException($"no text for {condition.GetType().Name}"),
    };

    private static string Group(string between, ImmutableArray<QueryCondition> conditions, bool inside)
    {
        var text = string.Join(between, conditions.Select(c => Condition(c, true)));
        return inside ? $"({text})" : text;
    }

    private static string Number(QueryNumber number) => number switch
    {
        ColumnNumber column => Name(column.Column),
        MentionsNumber mentions => $"mentions({Literal(mentions.Word)})",
        _ => throw new NotSupportedException($"no text for {number.GetType().Name}"),
    };

    private static string BaseName(QueryNumber number) => number is ColumnNumber column ? Name(column.Column) : "mentions";

    private static string Name(Enum column) => column.ToString().ToLowerInvariant();

    private static string Literal(string text) => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'";

    private static string Integer(long value) => value.ToString(CultureInfo.InvariantCulture);
}
