using System.Text;
using Trove.Core;
using Trove.Core.Queries;

namespace Trove.Tests.Core;

public class QueryTests
{
    private sealed record Vector(string Text, string? Canonical, string? Hash, int? Position);

    private const string Example = "SELECT year, community, count(*) CLIP 50, count(distinct member), avg(length) CLIP 2000, avg(mentions('Coffee')) CLIP 1 AS share "
        + "FROM records WHERE kind = 'comment' GROUP BY year, community";

    [Fact]
    public void Vectors_hold()
    {
        var vectors = Vectors.Read<Vector[]>("queries.json");
        Assert.Contains(vectors, v => v.Canonical is not null);
        Assert.Contains(vectors, v => v.Position is not null);
        foreach (var vector in vectors)
        {
            if (vector.Position is { } position)
            {
                Assert.Equal((vector.Text, position), (vector.Text, Assert.Throws<QuerySyntaxException>(() => Query.Parse(vector.Text)).Position));
                continue;
            }
            var query = Query.Parse(vector.Text);
            Assert.Equal((vector.Canonical, vector.Hash), (query.ToString(), query.CodeHash.ToString()));
        }
    }

    [Fact]
    public void The_example_becomes_a_tree()
    {
        var query = Query.Parse(Example);
        Assert.Equal([
            new KeyColumn(new TimeKey(NumberColumn.Year), "year"),
            new KeyColumn(new LabelKey(LabelColumn.Community), "community"),
            new CountColumn(50, "count"),
            new MembersColumn("members"),
            new AverageColumn(new ColumnNumber(NumberColumn.Length), 2000, "avg_length"),
            new AverageColumn(new MentionsNumber("coffee"), 1, "share"),
        ], query.Columns);
        Assert.Equal(["comment"], Assert.IsType<LabelIn>(query.Where).Values);
        Assert.Equal(["coffee"], query.Keywords);
    }

    // Each of these has carried a member's text or the machine's secrets out of some database.
    [Theory]
    [InlineData("min(text)", 8)]
    [InlineData("max(text) CLIP 1", 8)]
    [InlineData("min(length) CLIP 5", 8)]
    [InlineData("string_agg(text, ',')", 8)]
    [InlineData("list(text)", 8)]
    [InlineData("first(text)", 8)]
    [InlineData("arg_max(text, length)", 8)]
    [InlineData("histogram(text)", 8)]
    [InlineData("mode(community)", 8)]
    [InlineData("quantile_cont(length, 0.5)", 8)]
    [InlineData("substr(text, 1, 1)", 8)]
    [InlineData("upper(community)", 8)]
    [InlineData("text", 8)]
    [InlineData("title, count(*) CLIP 1", 8)]
    [InlineData("author", 8)]
    [InlineData("member, count(*) CLIP 1", 8)]
    [InlineData("*", 8)]
    [InlineData("1", 8)]
    [InlineData("'a'", 8)]
    [InlineData("count(text) CLIP 1", 14)]
    [InlineData("count(distinct text)", 23)]
    [InlineData("count(distinct community)", 23)]
    [InlineData("sum(ascii(text)) CLIP 9", 12)]
    [InlineData("sum(length + 1) CLIP 9", 19)]
    [InlineData("sum(DISTINCT length) CLIP 9", 12)]
    [InlineData("sum(length ORDER BY text) CLIP 9", 19)]
    [InlineData("sum(kind) CLIP 9", 12)]
    [InlineData("avg(length)", 20)]
    [InlineData("count(*)", 17)]
    [InlineData("count(*) CLIP 0", 22)]
    [InlineData("count(*) CLIP 1000000001", 22)]
    [InlineData("count(*) CLIP 99999999999999999999999999", 22)]
    [InlineData("count(*) CLIP -1", 22)]
    [InlineData("count(*) CLIP 1e9", 22)]
    [InlineData("count(*) CLIP 1.5", 22)]
    [InlineData("count(*) CLIP 0x10", 22)]
    [InlineData("count(*) CLIP 1_000", 22)]
    [InlineData("count(*) CLIP ?", 22)]
    [InlineData("count(*) CLIP $1", 22)]
    [InlineData("count(*) CLIP 5 FILTER (WHERE length > 1)", 24)]
    [InlineData("count(*) CLIP 5 OVER ()", 24)]
    [InlineData("count(*) CLIP 5 + 1", 24)]
    [InlineData("count(*)::text", 16)]
    [InlineData("CAST(count(*) AS text)", 8)]
    [InlineData("CASE WHEN mentions('a b') THEN 1 END", 8)]
    [InlineData("(SELECT count(*) CLIP 5)", 8)]
    [InlineData("DISTINCT kind", 8)]
    [InlineData("ALL kind", 8)]
    [InlineData("getenv('HOME')", 8)]
    [InlineData("current_setting('home_directory')", 8)]
    [InlineData("read_text('/etc/passwd')", 8)]
    [InlineData("query('select 1')", 8)]
    [InlineData("error(text)", 8)]
    [InlineData("\"kind\"", 8)]
    [InlineData("`kind`", 8)]
    [InlineData("[kind]", 8)]
    [InlineData("{'a': kind}", 8)]
    [InlineData("records.kind", 8)]
    [InlineData("COLUMNS('t.*')", 8)]
    [InlineData("kind --", 13)]
    [InlineData("kind /* hidden */", 13)]
    [InlineData("kind /*+ hint */", 13)]
    [InlineData("count(*) CLIP 5 AS \"x\"", 27)]
    [InlineData("count(*) CLIP 5 AS Name", 27)]
    [InlineData("count(*) CLIP 5 AS _x", 27)]
    [InlineData("count(*) CLIP 5 AS a23456789012345678901234567890123", 27)]
    [InlineData("count(*) CLIP 5 x", 24)]
    [InlineData("count(*) CLIP 5 AS a, count(*) CLIP 6 AS a", 30)]
    [InlineData("bucket(length, 0), count(*) CLIP 5", 23)]
    [InlineData("bucket(length, 1000000001)", 23)]
    [InlineData("bucket(community, 2)", 15)]
    [InlineData("sum(bucket(length, 2)) CLIP 5", 12)]
    [InlineData("length, count(*) CLIP 5", 8)]
    [InlineData("mentions('word')", 8)]
    [InlineData("ｃount(*) CLIP 5", 8)]
    [InlineData("сount(*) CLIP 5", 8)]
    [InlineData("\u200Bcount(*) CLIP 5", 8)]
    [InlineData("count(*)\u00A0CLIP 5", 16)]
    [InlineData("count(*)\u2028CLIP 5", 16)]
    [InlineData("count(*) CLIP ٥", 22)]
    [InlineData("count(*) CLIP ５", 22)]
    [InlineData("kınd", 8)]
    public void Columns_outside_the_grammar_are_refused(string columns, int position) =>
        Refused($"SELECT {columns} FROM records", position);

    [Theory]
    [InlineData("text LIKE 'a%'", 1)]
    [InlineData("text = 'a'", 1)]
    [InlineData("community LIKE 'a%'", 11)]
    [InlineData("community ILIKE 'a'", 11)]
    [InlineData("community GLOB 'a*'", 11)]
    [InlineData("community SIMILAR TO 'a'", 11)]
    [InlineData("community ~ 'a'", 11)]
    [InlineData("community > 'a'", 11)]
    [InlineData("community BETWEEN 'a' AND 'b'", 11)]
    [InlineData("community IS NULL", 11)]
    [InlineData("community != 'a'", 11)]
    [InlineData("community == 'a'", 12)]
    [InlineData("community = platform", 13)]
    [InlineData("community = \"a\"", 13)]
    [InlineData("community = $$a$$", 13)]
    [InlineData("community = E'a'", 13)]
    [InlineData("community = x'61'", 13)]
    [InlineData("community = 'a' 'b'", 17)]
    [InlineData("community = 'a' || 'b'", 17)]
    [InlineData("community = 'a'::text", 16)]
    [InlineData("community = 'a' COLLATE nocase", 17)]
    [InlineData("community = 'a", 13)]
    [InlineData("community = 'a''", 13)]
    [InlineData("community = 'left\u202Eright'", 13)]
    [InlineData("community = 'a\u200Bb'", 13)]
    [InlineData("community = 'a\nb'", 13)]
    [InlineData("community NOT IN ('a')", 11)]
    [InlineData("community IN ()", 15)]
    [InlineData("community IN ('a',)", 19)]
    [InlineData("community IN (SELECT community FROM records)", 15)]
    [InlineData("community IN records", 14)]
    [InlineData("kind IN ('a' 'b')", 14)]
    [InlineData("EXISTS (SELECT 1)", 1)]
    [InlineData("length", 7)]
    [InlineData("length > -1", 10)]
    [InlineData("length > 1000000000001", 10)]
    [InlineData("length > 99999999999999999999", 10)]
    [InlineData("length > 1.5", 10)]
    [InlineData("length > 1e3", 10)]
    [InlineData("length > words", 10)]
    [InlineData("length % 2 = 0", 8)]
    [InlineData("length + 1 > 2", 8)]
    [InlineData("length BETWEEN 1 AND 2", 8)]
    [InlineData("length IN (1)", 8)]
    [InlineData("1 = 1", 1)]
    [InlineData("TRUE", 1)]
    [InlineData("(length) > 1", 8)]
    [InlineData("bucket(length, 2) = 2", 1)]
    [InlineData("member = 1", 1)]
    [InlineData("rowid = 1", 1)]
    [InlineData("count(*) > 1", 1)]
    [InlineData("mentions('two words')", 10)]
    [InlineData("mentions('begin%')", 10)]
    [InlineData("mentions('begin*')", 10)]
    [InlineData("mentions(' word')", 10)]
    [InlineData("mentions('')", 10)]
    [InlineData("mentions('a')", 10)]
    [InlineData("mentions('漢')", 10)]
    [InlineData("mentions('漢字')", 10)]
    [InlineData("mentions('ゟ')", 10)]
    [InlineData("mentions('a\u0301')", 10)]
    [InlineData("mentions('it''')", 10)]
    [InlineData("mentions(text)", 10)]
    [InlineData("mentions('a' || 'b')", 10)]
    [InlineData("mentions(word)", 10)]
    [InlineData("mentions('word', 'i')", 16)]
    [InlineData("mentions('word') LIKE 'x'", 18)]
    [InlineData("regexp_matches(text, 'a')", 1)]
    [InlineData("starts_with(community, 'a')", 1)]
    [InlineData("length > 1 AND", 15)]
    [InlineData("AND length > 1", 1)]
    [InlineData("NOT", 4)]
    [InlineData("(length > 1", 12)]
    [InlineData("length > 1)", 11)]
    [InlineData("length > 1 XOR words > 1", 12)]
    public void Conditions_outside_the_grammar_are_refused(string condition, int position)
    {
        const string before = "SELECT count(*) CLIP 5 FROM records WHERE ";
        Refused(before + condition, before.Length + position);
    }

    // Not in attributes, which are stored as UTF-8.
    [Fact]
    public void Half_a_surrogate_pair_and_nul_are_refused()
    {
        foreach (var bad in (string[])["\uD800", "\uDC00", "\0"])
        {
            Refused(bad, 1);
            Refused(Where($"mentions('x{bad}')"), 52);
            Refused(Where($"community = 'x{bad}'"), 55);
        }
    }

    [Theory]
    [InlineData("", 1)]
    [InlineData(" \t\r\n", 5)]
    [InlineData("SELECT", 7)]
    [InlineData("SELECT count(*) CLIP 5", 23)]
    [InlineData("SELECT count(*) CLIP 5 FROM records;", 36)]
    [InlineData("SELECT count(*) CLIP 5 FROM records; DROP TABLE records", 36)]
    [InlineData("SELECT count(*) CLIP 5 FROM records r", 37)]
    [InlineData("SELECT count(*) CLIP 5 FROM records AS r", 37)]
    [InlineData("SELECT count(*) CLIP 5 FROM records, records", 36)]
    [InlineData("SELECT count(*) CLIP 5 FROM records JOIN records", 37)]
    [InlineData("SELECT count(*) CLIP 5 FROM records UNION SELECT count(*) CLIP 5 FROM records", 37)]
    [InlineData("SELECT count(*) CLIP 5 FROM records EXCEPT ALL", 37)]
    [InlineData("SELECT count(*) CLIP 5 FROM records ORDER BY 1", 37)]
    [InlineData("SELECT count(*) CLIP 5 FROM records LIMIT 1", 37)]
    [InlineData("SELECT count(*) CLIP 5 FROM records OFFSET 1", 37)]
    [InlineData("SELECT count(*) CLIP 5 FROM records HAVING count(*) > 1", 37)]
    [InlineData("SELECT count(*) CLIP 5 FROM records TABLESAMPLE 1%", 37)]
    [InlineData("SELECT count(*) CLIP 5 FROM records USING SAMPLE 1", 37)]
    [InlineData("SELECT count(*) CLIP 5 FROM records WINDOW w AS ()", 37)]
    [InlineData("SELECT count(*) CLIP 5 FROM records QUALIFY 1", 37)]
    [InlineData("SELECT count(*) CLIP 5 FROM records AT (VERSION => 1)", 37)]
    [InlineData("SELECT count(*) CLIP 5 FROM (SELECT * FROM records)", 29)]
    [InlineData("SELECT count(*) CLIP 5 FROM main.records", 29)]
    [InlineData("SELECT count(*) CLIP 5 FROM read_csv('/etc/passwd')", 29)]
    [InlineData("SELECT count(*) CLIP 5 FROM '/etc/passwd'", 29)]
    [InlineData("SELECT count(*) CLIP 5 FROM duckdb_settings()", 29)]
    [InlineData("SELECT count(*) CLIP 5 FROM query('SELECT 1')", 29)]
    [InlineData("SELECT count(*) CLIP 5 FROM records GROUP BY ALL", 46)]
    [InlineData("SELECT count(*) CLIP 5 FROM records GROUP BY 1", 46)]
    [InlineData("SELECT count(*) CLIP 5 FROM records GROUP BY ()", 46)]
    [InlineData("SELECT count(*) CLIP 5 FROM records GROUP BY CUBE (kind)", 46)]
    [InlineData("SELECT kind, count(*) CLIP 5 FROM records GROUP BY ROLLUP (kind)", 52)]
    [InlineData("SELECT kind, count(*) CLIP 5 FROM records GROUP BY kind, kind", 58)]
    [InlineData("SELECT kind, count(*) CLIP 5 FROM records GROUP BY kind HAVING 1", 57)]
    [InlineData("SELECT kind, count(*) CLIP 5 FROM records", 8)]
    [InlineData("SELECT count(*) CLIP 5 FROM records GROUP BY kind", 46)]
    [InlineData("SELECT kind FROM records GROUP BY kind", 13)]
    [InlineData("SELECT bucket(length, 10), count(*) CLIP 5 FROM records GROUP BY bucket(length, 20)", 8)]
    [InlineData("SELECT kind, year, month, weekday, hour, count(*) CLIP 5 FROM records GROUP BY kind, year, month, weekday, hour", 108)]
    [InlineData("SELECT kind, count(*) CLIP 5 FROM records GROUP BY kind CELLS", 62)]
    [InlineData("SELECT kind, count(*) CLIP 5 FROM records GROUP BY kind CELLS 0", 63)]
    [InlineData("SELECT kind, count(*) CLIP 5 FROM records GROUP BY kind CELLS 1001", 63)]
    [InlineData("SELECT kind, count(*) CLIP 5 FROM records GROUP BY kind CELLS 2 CELLS 3", 65)]
    [InlineData("SELECT kind, count(*) CLIP 5 FROM records GROUP BY kind CELLS 2, year", 64)]
    [InlineData("SELECT kind, count(*) CLIP 5 FROM records CELLS 2 GROUP BY kind", 43)]
    [InlineData("SELECT count(*) CLIP 5 FROM records CELLS 2", 37)]
    [InlineData("WITH r AS (SELECT 1) SELECT count(*) CLIP 5 FROM r", 1)]
    [InlineData("FROM records SELECT count(*) CLIP 5", 1)]
    [InlineData("EXPLAIN ANALYZE SELECT count(*) CLIP 5 FROM records", 1)]
    [InlineData("INSTALL httpfs", 1)]
    [InlineData("LOAD 'x.so'", 1)]
    [InlineData("ATTACH 'x.db'", 1)]
    [InlineData("COPY records TO 'x.csv'", 1)]
    [InlineData("EXPORT DATABASE 'x'", 1)]
    [InlineData("PRAGMA database_list", 1)]
    [InlineData("SET threads = 1", 1)]
    [InlineData("CREATE SECRET x", 1)]
    [InlineData("CALL pragma_version()", 1)]
    [InlineData("PIVOT records ON kind", 1)]
    [InlineData("-- SELECT", 1)]
    [InlineData("\uFEFFSELECT count(*) CLIP 5 FROM records", 1)]
    public void Other_statements_are_refused(string text, int position) => Refused(text, position);

    [Fact]
    public void A_bound_on_cells_is_one_unless_it_is_given()
    {
        const string query = "SELECT kind, count(*) CLIP 5 AS count FROM records GROUP BY kind";
        Assert.Equal((1, query), (Query.Parse(query).Cells, Query.Parse(query).ToString()));
        Assert.Equal((1, query), (Query.Parse(query + " CELLS 01").Cells, Query.Parse(query + " CELLS 01").ToString()));
        Assert.Equal((1000, query + " CELLS 1000"), (Query.Parse(query + " cells 1000").Cells, Query.Parse(query + " cells 1000").ToString()));
        Assert.NotEqual(Query.Parse(query), Query.Parse(query + " CELLS 2"));
        Assert.Equal(1, Query.Parse("SELECT count(*) CLIP 5 FROM records").Cells);
    }

    [Fact]
    public void Bounds_are_reached_and_not_passed()
    {
        string Columns(int n) => $"SELECT {string.Join(", ", Enumerable.Repeat("count(*) CLIP 5", n))} FROM records";
        Assert.Equal(Query.MaxColumns, Query.Parse(Columns(Query.MaxColumns)).Columns.Length);
        Assert.Contains("at most 16 columns", Refused(Columns(Query.MaxColumns + 1)).Message, StringComparison.Ordinal);

        string Conditions(int n) => Where(string.Join(" OR ", Enumerable.Range(0, n).Select(i => $"length = {i}")));
        Query.Parse(Conditions(Query.MaxConditions));
        Assert.Contains("at most 32 conditions", Refused(Conditions(Query.MaxConditions + 1)).Message, StringComparison.Ordinal);

        string Values(int n) => Where($"kind IN ({string.Join(", ", Enumerable.Repeat("'a'", n))})");
        Query.Parse(Values(Query.MaxConditions));
        Assert.Contains("at most 32 conditions", Refused(Values(Query.MaxConditions + 1)).Message, StringComparison.Ordinal);

        string Mentions(int n) => Where(string.Join(" AND ", Enumerable.Range(0, n).Select(i => $"mentions('word{i}')")));
        Assert.Equal(Query.MaxKeywords, Query.Parse(Mentions(Query.MaxKeywords)).Keywords.Length);
        Assert.Contains("at most 8 different words", Refused(Mentions(Query.MaxKeywords + 1)).Message, StringComparison.Ordinal);
        Query.Parse(Where(string.Join(" AND ", Enumerable.Repeat("mentions('word')", 32))));

        Query.Parse(Where($"community = '{new string('a', 128)}'"));
        Refused(Where($"community = '{new string('a', 129)}'"));
        Query.Parse(Where($"mentions('{new string('a', 64)}')"));
        Refused(Where($"mentions('{new string('a', 65)}')"));

        var padded = Where("length > 1").PadRight(Query.MaxText);
        Query.Parse(padded);
        Assert.Equal(Query.MaxText + 1, Refused(padded + " ").Position);
    }

    [Theory]
    [InlineData("NOT ", "")]
    [InlineData("(", ")")]
    public void Nesting_is_bounded_in_the_text(string open, string close)
    {
        string Nested(int n) => Where($"{string.Concat(Enumerable.Repeat(open, n))}length > 1{string.Concat(Enumerable.Repeat(close, n))}");
        Query.Parse(Nested(Query.MaxDepth));
        Refused(Nested(Query.MaxDepth + 1));
        Refused(Nested(900));
    }

    [Fact]
    public void Nesting_is_bounded_in_the_tree()
    {
        // Precedence alone makes a level: an OR of ANDs.
        string Nested(int n) => n == 0 ? "length > 1" : $"length > 2 OR length > 3 AND NOT ({Nested(n - 1)})";
        Query.Parse(Where(Nested(2)));
        Assert.Contains("levels", Refused(Where(Nested(3))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_query_that_only_fits_when_abbreviated_is_refused()
    {
        // AND and OR get parentheses when written out, columns get names.
        var text = "SELECT count(*)CLIP 5 FROM records WHERE " + string.Join(" OR ", Enumerable.Range(0, 16).Select(i => $"kind='{new string('a', 115)}'AND kind='{new string('b', 115)}'"));
        Assert.InRange(text.Length, 0, Query.MaxText);
        Assert.Contains("written in full", Refused(text).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("COFFEE", "coffee")]
    [InlineData("Café", "cafe")]
    [InlineData("Cafe\u0301", "cafe")]
    [InlineData("don’t", "don't")]
    [InlineData("ｆｕｌｌ", "full")]
    [InlineData("ﬃ", "ffi")]
    [InlineData("한국어", "한국어")]
    public void Mentioned_words_are_folded(string word, string folded) =>
        Assert.Equal([folded], Query.Parse(Where($"mentions('{word}')")).Keywords);

    [Fact]
    public void Names_are_distinct_whatever_was_named()
    {
        var query = Query.Parse("SELECT year, count(*) CLIP 1, count(*) CLIP 2, sum(words) CLIP 3 AS year_2, bucket(year, 1), bucket(year, 2), count(*) CLIP 4 AS count_2 FROM records GROUP BY year, bucket(year, 2), bucket(year, 1)");
        Assert.Equal(["year", "count", "count_3", "year_2", "bucket_year", "bucket_year_2", "count_2"], query.Columns.Select(c => c.Name));
        Assert.Equal(query, Query.Parse(query.ToString()));
        Assert.Equal(["year_2", "year"], Query.Parse("SELECT year, count(*) CLIP 1 AS year FROM records GROUP BY year").Columns.Select(c => c.Name));
    }

    [Fact]
    public void Messages_say_where_what_and_what_else_without_repeating_hostile_text()
    {
        Assert.Equal("query, character 24: found \"HAVING\"; allowed here: \",\", AS or FROM records", Refused("SELECT count(*) CLIP 5 HAVING").Message);
        Assert.Contains("found U+202E", Refused("SELECT \u202Ecount").Message, StringComparison.Ordinal);
        Assert.Contains("found a text in quotes", Refused("SELECT '\u202E\u001b[31m'").Message, StringComparison.Ordinal);
        Assert.InRange(Refused("SELECT " + new string('x', 4000)).Message.Length, 0, 300);
    }

    [Fact]
    public void Accepted_statements_print_to_themselves_and_mutations_are_refused_or_accepted_alike()
    {
        var random = new Random(1);
        int accepted = 0, refused = 0;
        for (int i = 0; i < 4000; i++)
        {
            string text = QueryGen.Text(random);
            Recheck(text);
            if (TryParse(Mutate(text, random)) is { } query)
            {
                accepted++;
                Recheck(query.ToString());
            }
            else
            {
                refused++;
            }
        }
        Assert.True(accepted > 60, $"only {accepted} mutated statements were accepted: the test sees too little");
        Assert.True(refused > 100, $"only {refused} mutated statements were refused");
    }

    private static void Recheck(string text)
    {
        var query = Query.Parse(text);
        var again = Query.Parse(query.ToString());
        Assert.Equal(QueryGen.Dump(query), QueryGen.Dump(again));
        Assert.Equal(query.ToString(), again.ToString());
        Assert.Equal(query.CodeHash, Keccak256.Hash(Encoding.UTF8.GetBytes(again.ToString())));
        // What no query may have, whatever was accepted.
        Assert.InRange(query.Columns.Length, 1, Query.MaxColumns);
        Assert.InRange(query.Keys.Count(), 0, Query.MaxKeys);
        Assert.Equal(query.Columns.Length, query.Columns.Select(c => c.Name).Distinct().Count());
        Assert.All(query.Columns, c => Assert.Matches("^[a-z][a-z0-9_]{0,31}$", c.Name));
        Assert.Contains(query.Columns, c => c is AggregateColumn);
        Assert.All(query.Columns.OfType<AggregateColumn>(), c => Assert.InRange(c.Clip, 1, Query.MaxClip));
        Assert.InRange(query.Keywords.Length, 0, Query.MaxKeywords);
        Assert.All(query.Keywords, k => Assert.Equal(1, Words.Count(k)));
    }

    private static string Mutate(string text, Random random)
    {
        const string pieces = "()',*=<>;\"-:.0123456789abcxyzABC_ \n\u202E\uD800漢é";
        string[] words = ["SELECT", "FROM records", "WHERE", "GROUP BY", "AND", "OR", "NOT", "IN", "CLIP", "CLIP 1", "AS", "distinct", "member", "min", "text", "mentions('a1')", "--", "/*", "kind", "year", "length"];
        for (int n = random.Next(1, 3); n > 0 && text.Length > 0; n--)
        {
            int at = random.Next(text.Length), length = Math.Min(random.Next(1, 12), text.Length - at);
            text = random.Next(5) switch
            {
                0 => text.Remove(at, length),
                1 => text.Insert(at, pieces[random.Next(pieces.Length)].ToString()),
                2 => text.Insert(at, $" {words[random.Next(words.Length)]} "),
                3 => text.Insert(random.Next(text.Length), text.Substring(at, length)),
                _ => text.Remove(at, 1).Insert(at, pieces[random.Next(pieces.Length)].ToString()),
            };
        }
        return text;
    }

    private static Query? TryParse(string text)
    {
        try
        {
            return Query.Parse(text);
        }
        catch (QuerySyntaxException e)
        {
            Assert.InRange(e.Position, 1, Math.Min(text.Length, Query.MaxText) + 1);
            return null;
        }
    }

    private static string Where(string condition) => "SELECT count(*) CLIP 5 FROM records WHERE " + condition;

    private static QuerySyntaxException Refused(string text) => Assert.Throws<QuerySyntaxException>(() => Query.Parse(text));

    private static void Refused(string text, int position) => Assert.Equal(position, Refused(text).Position);
}
