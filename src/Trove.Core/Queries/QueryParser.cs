using System.Collections.Immutable;
using System.Globalization;
using Trove.Core.Rewards;

namespace Trove.Core.Queries;

/// <summary>Reads a query by recursive descent with one token of lookahead. Nesting is bounded, so the stack is too.</summary>
internal sealed class QueryParser
{
    private const string Items = "kind, platform, community, year, month, weekday, hour, bucket(...), count(*), count(distinct member), sum(...) or avg(...)";
    private const string Numbers = "length, words, year, month, weekday, hour or mentions('word')";

    private readonly QueryLexer _lexer;
    private readonly List<string> _keywords = [];
    private readonly string _text;
    private Token _token;
    private int _conditions;

    public QueryParser(string text)
    {
        if (text.Length > Query.MaxText)
            throw new QuerySyntaxException(Query.MaxText + 1, $"a text of {text.Length} characters", $"at most {Query.MaxText}");
        _text = text;
        _lexer = new QueryLexer(text);
        _token = _lexer.Next();
    }

    public Query Parse()
    {
        Expect("SELECT");
        if (_token.Is("distinct"))
            throw Refused("columns; DISTINCT stands only in count(distinct member)");
        var columns = new List<Item> { ReadItem() };
        while (TryTake(","))
        {
            if (columns.Count == Query.MaxColumns)
                throw new QuerySyntaxException(_token.Position, $"column {Query.MaxColumns + 1}", $"at most {Query.MaxColumns} columns");
            columns.Add(ReadItem());
        }
        if (_token.Is("FROM") && !columns.Any(c => c.Column is AggregateColumn))
            throw Refused("\",\" and a count, sum or avg: keys alone are no answer");
        Expect("FROM", "\",\", AS or FROM records");
        Expect("records", "records: there is one table");
        var where = TryTake("WHERE") ? ReadAny(0) : null;
        int whereEnd = _token.Position;
        if (where is not null && Depth(where) > Query.MaxDepth)
            throw new QuerySyntaxException(whereEnd, $"a condition {Depth(where)} levels deep", $"at most {Query.MaxDepth} levels of AND, OR and NOT");
        var grouped = ReadGroupBy(where is null);
        int cells = grouped.Count > 0 && TryTake("CELLS") ? (int)ReadInteger(1, Query.MaxCells) : 1;
        if (_token.Kind != TokenKind.End)
            throw Refused(grouped.Count > 0 && cells == 1 ? "\",\", CELLS or the end of the query" : "the end of the query");

        foreach (var item in columns)
            if (item.Column is KeyColumn key && !grouped.Any(g => g.Key == key.Key))
                throw new QuerySyntaxException(item.Position, QueryPrinter.Key(key.Key), "keys that GROUP BY names too");
        foreach (var (key, position) in grouped)
            if (!columns.Any(c => c.Column is KeyColumn selected && selected.Key == key))
                throw new QuerySyntaxException(position, QueryPrinter.Key(key), "keys that are selected too");
        var query = new Query(Named(columns), where, cells, [.. _keywords]);
        if (query.ToString().Length > Query.MaxText)
            throw new QuerySyntaxException(_text.Length + 1, $"a query of {query.ToString().Length} characters when written in full", $"at most {Query.MaxText}");
        return query;
    }

    private readonly record struct Item(QueryColumn Column, string? Name, int Position);

    private Item ReadItem()
    {
        int position = _token.Position;
        QueryColumn column = TryTake("count") ? ReadCount()
            : TryTake("sum") ? new SumColumn(ReadNumberInParentheses(), ReadClip(), "")
            : TryTake("avg") ? new AverageColumn(ReadNumberInParentheses(), ReadClip(), "")
            : new KeyColumn(ReadKey(Items), "");
        return new Item(column, TryTake("AS") ? ReadName() : null, position);
    }

    private AggregateColumn ReadCount()
    {
        Expect("(");
        if (TryTake("*"))
        {
            Expect(")");
            return new CountColumn(ReadClip(), "");
        }
        Expect("distinct", "* or distinct member");
        Expect("member");
        Expect(")");
        return new MembersColumn("");
    }

    private QueryKey ReadKey(string allowed)
    {
        if (TryReadLabelColumn(out var label))
            return new LabelKey(label);
        if (!TryTake("bucket"))
            return TryReadNumberColumn(NumberColumn.Year, out var time) ? new TimeKey(time) : throw Refused(allowed);
        Expect("(");
        var number = ReadNumber(Numbers);
        Expect(",");
        long width = ReadInteger(1, Query.MaxWidth);
        Expect(")");
        return new BucketKey(number, width);
    }

    private List<(QueryKey Key, int Position)> ReadGroupBy(bool whereAllowed)
    {
        var keys = new List<(QueryKey Key, int Position)>();
        if (_token.Kind == TokenKind.End)
            return keys;
        Expect("GROUP", whereAllowed ? "WHERE, GROUP BY or the end" : "AND, OR, GROUP BY or the end");
        Expect("BY");
        do
        {
            int position = _token.Position;
            if (keys.Count == Query.MaxKeys)
                throw new QuerySyntaxException(position, $"key {Query.MaxKeys + 1}", $"at most {Query.MaxKeys} keys");
            var key = ReadKey("kind, platform, community, year, month, weekday, hour or bucket(...)");
            if (keys.Any(k => k.Key == key))
                throw new QuerySyntaxException(position, $"{QueryPrinter.Key(key)} again", "each key once");
            keys.Add((key, position));
        }
        while (TryTake(","));
        return keys;
    }

    // Each recursion passes ReadOne, which counts it.
    private QueryCondition ReadAny(int depth)
    {
        var list = ReadList("OR", ReadAll, depth);
        return list.Count == 1 ? list[0] : new AnyOf([.. list.SelectMany(c => c is AnyOf any ? any.Conditions : [c])]);
    }

    private QueryCondition ReadAll(int depth)
    {
        var list = ReadList("AND", ReadOne, depth);
        return list.Count == 1 ? list[0] : new AllOf([.. list.SelectMany(c => c is AllOf all ? all.Conditions : [c])]);
    }

    private List<QueryCondition> ReadList(string between, Func<int, QueryCondition> read, int depth)
    {
        var list = new List<QueryCondition>();
        do
            list.Add(read(depth));
        while (TryTake(between));
        return list;
    }

    private QueryCondition ReadOne(int depth)
    {
        if (depth > Query.MaxDepth)
            throw Refused($"a condition at most {Query.MaxDepth} levels deep");
        if (TryTake("NOT"))
            return new Not(ReadOne(depth + 1));
        if (TryTake("("))
        {
            var inner = ReadAny(depth + 1);
            Expect(")", "AND, OR or \")\"");
            return inner;
        }
        return ReadComparison();
    }

    private QueryCondition ReadComparison()
    {
        CountCondition();
        if (TryReadLabelColumn(out var label))
            return ReadLabelCondition(label);
        var number = ReadNumber($"NOT, \"(\", kind, platform, community, {Numbers}");
        Comparison? comparison = TryTake("=") ? Comparison.Equal : TryTake("<>") ? Comparison.NotEqual
            : TryTake("<") ? Comparison.Less : TryTake("<=") ? Comparison.LessOrEqual
            : TryTake(">") ? Comparison.Greater : TryTake(">=") ? Comparison.GreaterOrEqual : null;
        if (comparison is { } found)
            return new Compare(number, found, ReadInteger(0, Query.MaxInteger));
        return number is MentionsNumber mentions ? new Mentioned(mentions) : throw Refused("=, <>, <, <=, > or >=");
    }

    private QueryCondition ReadLabelCondition(LabelColumn label)
    {
        if (TryTake("<>"))
            return new LabelDiffers(label, ReadLabel());
        if (TryTake("="))
            return new LabelIn(label, [ReadLabel()]);
        Expect("IN", "=, <> or IN");
        Expect("(");
        var values = ImmutableArray.CreateBuilder<string>();
        values.Add(ReadLabel());
        while (TryTake(","))
        {
            CountCondition();
            values.Add(ReadLabel());
        }
        Expect(")", "\",\" or \")\"");
        return new LabelIn(label, values.ToImmutable());
    }

    private void CountCondition()
    {
        if (++_conditions > Query.MaxConditions)
            throw new QuerySyntaxException(_token.Position, $"condition {Query.MaxConditions + 1}", $"at most {Query.MaxConditions} conditions (each value of an IN is one)");
    }

    private QueryNumber ReadNumberInParentheses()
    {
        Expect("(");
        var number = ReadNumber(Numbers);
        Expect(")");
        return number;
    }

    private QueryNumber ReadNumber(string allowed)
    {
        if (TryReadNumberColumn(NumberColumn.Length, out var column))
            return new ColumnNumber(column);
        if (!TryTake("mentions"))
            throw Refused(allowed);
        Expect("(");
        var literal = _token;
        if (literal.Kind != TokenKind.Text)
            throw Refused("a word in single quotes");
        string word = FoldedWord(literal.Text) ?? throw new QuerySyntaxException(literal.Position, "a text that is not one word",
            $"exactly one word of {Query.MinWord} to {Query.MaxWord} characters, such as 'coffee': no phrases, beginnings or signs");
        if (!_keywords.Contains(word))
        {
            if (_keywords.Count == Query.MaxKeywords)
                throw new QuerySyntaxException(literal.Position, $"word {Query.MaxKeywords + 1}", $"at most {Query.MaxKeywords} different words");
            _keywords.Add(word);
        }
        _token = _lexer.Next();
        Expect(")");
        return new MentionsNumber(word);
    }

    // Folding may turn one letter into several characters; what comes out must still be one word that folds to itself,
    // or the canonical text would ask something else than the first one.
    private static string? FoldedWord(string text)
    {
        if (!QueryLabel.IsValid(text) || !IsOneWord(text))
            return null;
        string folded = Folding.Fold(text);
        int length = folded.EnumerateRunes().Count();
        return length is >= Query.MinWord and <= Query.MaxWord && IsOneWord(folded) && Folding.Fold(folded) == folded ? folded : null;
    }

    private static bool IsOneWord(string text)
    {
        var words = Words.Split(text);
        return words.MoveNext() && words.Current.Length == text.Length;
    }

    private string ReadLabel()
    {
        if (_token.Kind != TokenKind.Text)
            throw Refused("a text in single quotes");
        if (!QueryLabel.IsValid(_token.Text))
            throw new QuerySyntaxException(_token.Position, "a text that is too long or has invisible characters", $"at most {QueryLabel.MaxLength} visible characters");
        string text = _token.Text;
        _token = _lexer.Next();
        return text;
    }

    private long ReadClip()
    {
        Expect("CLIP", "CLIP and the most that one member may add, such as CLIP 100");
        return ReadInteger(1, Query.MaxClip);
    }

    private long ReadInteger(long least, long most)
    {
        if (_token.Kind != TokenKind.Integer || !long.TryParse(_token.Text, NumberStyles.None, CultureInfo.InvariantCulture, out long value)
            || value < least || value > most)
            throw Refused($"an integer from {least} to {most}");
        _token = _lexer.Next();
        return value;
    }

    private string ReadName()
    {
        string name = _token.Text;
        if (_token.Kind != TokenKind.Name || name.Length > 32 || !char.IsAsciiLetterLower(name[0]) || name.Any(char.IsAsciiLetterUpper))
            throw Refused("a name of at most 32 lower-case letters, digits and underscores that starts with a letter");
        _token = _lexer.Next();
        return name;
    }

    private bool TryReadLabelColumn(out LabelColumn column) => TryReadColumn(LabelColumn.Kind, out column);

    private bool TryReadNumberColumn(NumberColumn first, out NumberColumn column) => TryReadColumn(first, out column);

    private bool TryReadColumn<T>(T first, out T column) where T : struct, Enum
    {
        foreach (var candidate in Enum.GetValues<T>())
        {
            column = candidate;
            if (candidate.CompareTo(first) >= 0 && TryTake(candidate.ToString()))
                return true;
        }
        column = default;
        return false;
    }

    private static ImmutableArray<QueryColumn> Named(List<Item> items)
    {
        var taken = new HashSet<string>(StringComparer.Ordinal);
        foreach (var item in items)
            if (item.Name is { } given && !taken.Add(given))
                throw new QuerySyntaxException(item.Position, $"a second column named {given}", "a name of its own for each column");
        return [.. items.Select(item => item.Column with { Name = item.Name ?? Free(QueryPrinter.BaseName(item.Column), taken) })];
    }

    private static string Free(string name, HashSet<string> taken)
    {
        string free = name;
        for (int i = 2; !taken.Add(free); i++)
            free = $"{name}_{i}";
        return free;
    }

    private static int Depth(QueryCondition condition) => condition switch
    {
        AllOf all => 1 + all.Conditions.Max(Depth),
        AnyOf any => 1 + any.Conditions.Max(Depth),
        Not not => 1 + Depth(not.Condition),
        _ => 0,
    };

    private bool TryTake(string text)
    {
        if (!_token.Is(text))
            return false;
        _token = _lexer.Next();
        return true;
    }

    private void Expect(string text, string? allowed = null)
    {
        if (!TryTake(text))
            throw Refused(allowed ?? text);
    }

    private QuerySyntaxException Refused(string allowed) => new(_token.Position, _token.Shown, allowed);
}
