using System.Text;
using Trove.Core.Queries;
using Trove.Exports;
using Trove.Node.Queries;
using Trove.Tests.Core;
using Record = Trove.Exports.Record;

namespace Trove.Tests.Node;

public class QueryRunnerTests
{
    private const int Cases = 200;
    private static readonly QueryLimits Limits = QueryLimits.Default with { MemoryBytes = 256 << 20 };

    // Next to no noise, where clips are not huge; τ is 1 then, so that a cell of one member more than the group size is shown.
    private const long Exact = long.MaxValue;

    [Fact]
    public void DuckDb_and_the_reference_agree()
    {
        int shown = 0;
        for (int seed = 0; seed < Cases; seed++)
        {
            var random = new Random(seed);
            var (query, records, size) = (Query.Parse(QueryGen.Text(random)), Records(random), random.Next(1, 4));
            long epsilon = random.Next(3) == 0 ? 40_000_000_000 : Exact;
            var expected = QueryEvaluator.Run(query, size, epsilon, records);
            Assert.Equal((seed, query.ToString(), Json(expected)), (seed, query.ToString(), Json(Run(query, size, records, epsilon))));
            shown += expected.Rows.Count;
        }
        Assert.True(shown > Cases, $"only {shown} cells were shown: the comparison sees too little");
    }

    /// <summary>The promise to members: whatever one of them does moves a number by at most the clip, and none of their text comes out.</summary>
    [Fact]
    public void One_member_moves_a_number_by_at_most_the_clip_and_shows_no_text()
    {
        int compared = 0, moved = 0;
        for (int seed = 0; seed < Cases / 2; seed++)
        {
            var random = new Random(seed);
            var query = Query.Parse(QueryGen.Text(random));
            var before = Records(random);
            var after = ChangeOneMember(before, random);
            var (a, b) = (Cells(query, Run(query, 2, before)), Cells(query, Run(query, 2, after)));
            foreach (var key in a.Keys.Intersect(b.Keys))
            {
                for (int i = 0; i < query.Columns.Length; i++)
                {
                    if (query.Columns[i] is not AggregateColumn column)
                        continue;
                    // Noise is the same on both sides; of an average it is divided by other numbers of members.
                    long most = column is AverageColumn ? column.Clip * 1_000_001 : column.Clip;
                    long difference = Math.Abs(a[key][i].Number - b[key][i].Number);
                    Assert.True(difference <= most, $"seed {seed}: {column.Name} of {query} moved by {difference}, more than {most}");
                    compared++;
                    moved += difference > 0 ? 1 : 0;
                }
            }
        }
        Assert.True(compared > Cases && moved > Cases / 2, $"{compared} numbers were compared and {moved} moved: the property sees too little");
    }

    [Fact]
    public void A_heavy_member_is_clipped()
    {
        var records = Enumerable.Range(0, 10).Select(m => (m, Comment("coffee at home", "garden"))).ToList();
        records.AddRange(Enumerable.Repeat((3, Comment(string.Concat(Enumerable.Repeat("coffee ", 100)), "garden")), 1000));
        var result = Run(Query.Parse("SELECT count(*) CLIP 5, sum(words) CLIP 40, avg(words) CLIP 30, sum(mentions('coffee')) CLIP 2, count(distinct member) FROM records"), 9, records);
        // Nine members with 1 comment of 3 words, one with 1001 of nearly 100 words each.
        Assert.Equal([9 + 5, 9 * 3 + 40, (9 * 3 + 30) * 1_000_000 / 10, 9 + 2, 10], Assert.Single(result.Rows).Select(v => v.Number));
    }

    /// <summary>The example of specs/queries.md with its numbers.</summary>
    [Fact]
    public void The_example_of_the_specification_holds()
    {
        var query = Query.Parse("SELECT year, community, count(*) CLIP 50 AS comments, count(distinct member) AS members, avg(length) CLIP 2000 AS mean_length, avg(mentions('coffee')) CLIP 1 AS share FROM records WHERE kind = 'comment' GROUP BY year, community CELLS 4");
        var time = new DateTimeOffset(2021, 5, 1, 0, 0, 0, TimeSpan.Zero).ToUnixTimeMilliseconds();
        var eleven = Enumerable.Range(0, 44).Select(i => (i / 4, Comment(i % 4 == 0 ? "Coffee".PadRight(100, '.') : new string('x', 100), "gardening") with { Time = time })).ToList();
        var all = eleven.Concat(Enumerable.Repeat((11, Comment(new string('y', 5000), "gardening") with { Time = time }), 900));
        Assert.EndsWith("\"rows\":[[\"2021\",\"gardening\",\"94\",\"12\",\"258.333333\",\"0.229166\"]]}", Json(Run(query, 9, all)), StringComparison.Ordinal);
        Assert.EndsWith("\"rows\":[[\"2021\",\"gardening\",\"44\",\"11\",\"100.000000\",\"0.250000\"]]}", Json(Run(query, 9, eleven)), StringComparison.Ordinal);
    }

    [Fact]
    public void What_too_few_members_have_is_not_shown()
    {
        const string canary = "CanaryOfOneMember";
        var records = Enumerable.Range(0, 10).Select(m => (m, Comment("text", "garden"))).ToList();
        records.AddRange(Enumerable.Range(0, 500).Select(_ => (3, Comment(canary, canary))));
        records.AddRange(Enumerable.Range(0, 9).Select(m => (m, Comment("text", "nine"))));
        var query = Query.Parse("SELECT community, count(*) CLIP 1000 FROM records GROUP BY community CELLS 1000");
        var ten = Run(query, 9, records);
        Assert.Equal("{\"columns\":[{\"name\":\"community\",\"type\":\"label\"},{\"name\":\"count\",\"type\":\"integer\"}],\"rows\":[[\"garden\",\"10\"]]}", Json(ten));
        Assert.Equal(["garden", "nine"], Run(query, 8, records).Rows.Select(r => r[0].Label));
        Assert.Empty(Run(query, 10, records).Rows);
        Assert.Empty(Run(query, 11, records).Rows);
        // The control: if another one had it too, it would be there.
        Assert.Contains(canary, Json(Run(query, 1, records.Append((4, Comment("text", canary))))), StringComparison.Ordinal);
        Assert.Empty(Run(Query.Parse("SELECT count(*) CLIP 1 FROM records"), 11, records).Rows);
        Assert.Empty(Run(Query.Parse("SELECT count(*) CLIP 1 FROM records"), 1, []).Rows);
    }

    [Fact]
    public void A_member_counts_in_as_many_cells_as_the_query_says()
    {
        var records = Enumerable.Range(0, 50).SelectMany(m => Enumerable.Range(0, 10).Select(c => (m, Comment("text", $"c{c}")))).ToList();
        foreach (int cells in new[] { 1, 3, 10, 11 })
        {
            var result = Run(Query.Parse($"SELECT community, count(distinct member) FROM records GROUP BY community CELLS {cells}"), 1, records);
            Assert.Equal(50 * Math.Min(cells, 10), result.Rows.Sum(r => r[1].Number));
        }
        Assert.Equal(50, Run(Query.Parse("SELECT community, count(distinct member) FROM records GROUP BY community"), 1, records).Rows.Sum(r => r[1].Number));
    }

    [Theory]
    [InlineData("u_maya", "")]
    [InlineData("U_Maya", "")]
    [InlineData("under_water", "under_water")]
    [InlineData("left\u202Eright", "")]
    [InlineData("line\nbreak", "")]
    [InlineData("", "")]
    public void A_community_is_public_and_visible(string subreddit, string community) =>
        Assert.Equal(community, QueryTable.Community(Comment("text", subreddit)));

    [Fact]
    public void Long_labels_are_none() => Assert.Equal("", QueryTable.Community(Comment("text", new string('a', 129))));

    [Fact]
    public void Numbers_at_the_edges_add_up_exactly()
    {
        // The longest texts and the largest clips: sums pass 2^63 in millionths.
        var longest = Comment(new string('x', RecordRules.Text), "garden");
        var records = Enumerable.Range(0, 3).SelectMany(m => Enumerable.Repeat((m, longest), 3)).ToList();
        var query = Query.Parse("SELECT sum(length) CLIP 1000000000, avg(length) CLIP 1000000000, avg(length) CLIP 5, bucket(length, 1000000000) FROM records GROUP BY bucket(length, 1000000000)");
        Assert.Equal(Json(QueryEvaluator.Run(query, 1, Exact, records)), Json(Run(query, 1, records)));
        var years = ((long?[])[RecordRules.FirstTime, RecordRules.LastTime, null, -1, 0]).SelectMany((time, m) => new[] { 2 * m, 2 * m + 1 }.Select(member => (member, Comment("", "") with { Time = time }))).ToList();
        Assert.Equal([0, 1, 1969, 1970, 9999], Run(Query.Parse("SELECT year, month, weekday, hour, count(*) CLIP 1 FROM records GROUP BY year, month, weekday, hour"), 1, years).Rows.Select(r => r[0].Number));
    }

    [Fact]
    public void Failures_are_codes()
    {
        var query = Query.Parse("SELECT count(*) CLIP 1 FROM records");
        IEnumerable<(int, Record)> records = Enumerable.Range(0, 100).Select(i => (i, Comment("text", $"c{i}"))).ToList();
        Assert.Equal(QueryFailure.TooManyRecords, Failure(query, records, Limits with { MaxRecords = 99 }));
        Assert.Equal(QueryFailure.TooManyLabels, Failure(query, records, Limits with { MaxLabels = 101 }));
        Assert.Null(Failure(query, records, Limits with { MaxRecords = 100, MaxLabels = 102 })); // and one kind, one platform
        // Slow and without end: it is the time that ends it, however fast the machine is.
        IEnumerable<(int, Record)> Slow()
        {
            for (; ; Thread.Sleep(1))
                yield return (0, Comment("text", ""));
        }
        Assert.Equal(QueryFailure.Timeout, Failure(query, Slow(), Limits with { Timeout = TimeSpan.FromMilliseconds(20) }));
        Assert.Equal(QueryFailure.Internal, Failure(query, records, Limits with { Threads = -1 }));
    }

    [Fact]
    public void Too_many_cells_are_a_code()
    {
        var query = Query.Parse("SELECT year, month, count(*) CLIP 1 FROM records GROUP BY year, month");
        var records = Enumerable.Range(0, QueryResult.MaxRows + 1).Select(i =>
            (Member: 0, Record: Comment("", "") with { Time = new DateTimeOffset(1 + i / 12, 1 + i % 12, 1, 0, 0, 0, TimeSpan.Zero).ToUnixTimeMilliseconds() }))
            .SelectMany((r, i) => new[] { (2 * i, r.Record), (2 * i + 1, r.Record) }).ToList();
        Assert.Null(Failure(query, records.Skip(1), Limits)); // one cell has one member
        Assert.Equal(QueryFailure.TooManyRows, Failure(query, records, Limits));
    }

    [Fact]
    public void Memory_that_does_not_suffice_is_a_code_and_no_file()
    {
        var record = Comment("text", "garden");
        var query = Query.Parse("SELECT count(*) CLIP 1 FROM records");
        Assert.Equal(QueryFailure.OutOfMemory, Failure(query, Enumerable.Range(0, 1_000_000).Select(i => (i, record)), Limits with { MemoryBytes = 8 << 20 }));
        // Here the rows fit, and the sums of a million members do not.
        var limits = Limits with { MemoryBytes = 128 << 20 };
        query = Query.Parse("SELECT avg(length) CLIP 1, avg(words) CLIP 2, avg(year) CLIP 3, avg(month) CLIP 4, avg(weekday) CLIP 5, avg(hour) CLIP 6 FROM records");
        using (var database = DuckDb.Open(QueryRunner.Settings(limits)))
        {
            var table = new QueryTable(query, limits);
            Assert.Null(table.Load(database, Enumerable.Range(0, 1_000_000).Select(i => (i, record)), default));
            Assert.True(Assert.Throws<DuckDbException>(() => database.Query(QuerySql.Write(query, table), QuerySql.Width(query), _ => { }, default)).IsOutOfMemory);
        }
        Assert.False(Directory.Exists(Path.Combine(Environment.CurrentDirectory, ".tmp")));
        Assert.False(Path.Exists(":memory:"));
    }

    [Fact]
    public void Cancelling_while_records_are_read_stops_it()
    {
        using var stop = new CancellationTokenSource();
        IEnumerable<(int, Record)> Endless()
        {
            for (int i = 0; ; i++)
            {
                if (i == 5000)
                    stop.Cancel();
                yield return (0, Comment("text", ""));
            }
        }
        Assert.Throws<OperationCanceledException>(() => QueryRunner.Run(Query.Parse("SELECT count(*) CLIP 1 FROM records"), 1, Exact, QueryEvaluator.Seed, Endless(), Limits, stop.Token));
    }

    [Fact]
    public void Cancelling_stops_a_running_query()
    {
        // Would take centuries and no memory; the test ends because it is cancelled, however long that takes.
        using var stop = new CancellationTokenSource(TimeSpan.FromMilliseconds(100));
        using var database = DuckDb.Open(QueryRunner.Settings(Limits));
        Assert.ThrowsAny<OperationCanceledException>(() => database.Query("SELECT CAST(sum(range % 7) AS BIGINT) FROM range(1000000000000000000)", 1, _ => { }, stop.Token));
    }

    // Through the raw connection: no statement of the grammar gets here.
    [Theory]
    [InlineData("SELECT * FROM read_text('{file}')")]
    [InlineData("SELECT * FROM read_blob('{file}')")]
    [InlineData("SELECT * FROM read_csv('{file}')")]
    [InlineData("SELECT * FROM read_json('{file}')")]
    [InlineData("SELECT * FROM read_parquet('{file}')")]
    [InlineData("SELECT * FROM '{file}'")]
    [InlineData("SELECT * FROM glob('{folder}/*')")]
    [InlineData("SELECT * FROM sniff_csv('{file}')")]
    [InlineData("SELECT * FROM parquet_metadata('{file}')")]
    [InlineData("SELECT * FROM query('SELECT * FROM read_text(''{file}'')')")]
    [InlineData("SELECT * FROM read_text('/proc/self/environ')")]
    [InlineData("SELECT getenv('HOME')")]
    [InlineData("COPY (SELECT 1) TO '{folder}/out.csv'")]
    [InlineData("COPY (SELECT 1) TO '{folder}/out.parquet'")]
    [InlineData("COPY (SELECT 1) TO '.tmp/out.csv'")]
    [InlineData("COPY t FROM '{file}'")]
    [InlineData("EXPORT DATABASE '{folder}/out'")]
    [InlineData("IMPORT DATABASE '{folder}'")]
    [InlineData("ATTACH '{folder}/out.db'")]
    [InlineData("ATTACH '{folder}/out.db' AS x (READ_ONLY)")]
    [InlineData("INSTALL httpfs")]
    [InlineData("INSTALL httpfs FROM community")]
    [InlineData("LOAD httpfs")]
    [InlineData("LOAD '{file}'")]
    [InlineData("CREATE PERSISTENT SECRET s (TYPE http, BEARER_TOKEN 'x')")]
    [InlineData("SET enable_external_access = true")]
    [InlineData("SET lock_configuration = false")]
    [InlineData("RESET lock_configuration")]
    [InlineData("SET temp_directory = '{folder}'")]
    [InlineData("RESET temp_directory")]
    [InlineData("SET max_temp_directory_size = '1GB'")]
    [InlineData("SET memory_limit = '100GB'")]
    [InlineData("SET threads = 4")]
    [InlineData("SET autoload_known_extensions = true")]
    [InlineData("SET allowed_directories = ['/']")]
    [InlineData("SET log_query_path = '{folder}/log'")]
    [InlineData("SET home_directory = '{folder}'")]
    [InlineData("SET profiling_output = '{folder}/profile'")]
    public void A_locked_database_refuses(string statement)
    {
        var folder = Directory.CreateTempSubdirectory("trove-queries-");
        try
        {
            var file = Path.Combine(folder.FullName, "secret.csv");
            File.WriteAllText(file, "a,b\n1,2\n");
            using var database = DuckDb.Open(QueryRunner.Settings(Limits));
            database.Execute("CREATE TABLE t (a INTEGER, b INTEGER)");
            Assert.Throws<DuckDbException>(() => database.Execute(statement.Replace("{file}", file, StringComparison.Ordinal).Replace("{folder}", folder.FullName, StringComparison.Ordinal)));
            Assert.Equal([file], Directory.EnumerateFileSystemEntries(folder.FullName));
        }
        finally
        {
            folder.Delete(true);
        }
    }

    /// <summary>The control of the test above: without the settings the same statements do work.</summary>
    [Theory]
    [InlineData("SELECT * FROM read_text('{file}')")]
    [InlineData("SELECT * FROM '{file}'")]
    [InlineData("SELECT * FROM glob('{folder}/*')")]
    [InlineData("COPY (SELECT 1) TO '{folder}/out.csv'")]
    [InlineData("ATTACH '{folder}/out.db'")]
    [InlineData("SET threads = 2")]
    [InlineData("SET temp_directory = '{folder}'")]
    public void An_open_database_would_not_refuse(string statement)
    {
        var folder = Directory.CreateTempSubdirectory("trove-queries-");
        try
        {
            var file = Path.Combine(folder.FullName, "secret.csv");
            File.WriteAllText(file, "a,b\n1,2\n");
            using var database = DuckDb.Open([]);
            database.Execute(statement.Replace("{file}", file, StringComparison.Ordinal).Replace("{folder}", folder.FullName, StringComparison.Ordinal));
        }
        finally
        {
            folder.Delete(true);
        }
    }

    [Fact]
    public void The_engine_is_told_no_text()
    {
        var query = Query.Parse("SELECT community, count(*) CLIP 5 AS secret_name, avg(mentions('secretword')) CLIP 1 FROM records WHERE community IN ('secret place', 'garden') OR kind <> 'secret kind' OR mentions('secretword') GROUP BY community");
        using var database = DuckDb.Open(QueryRunner.Settings(Limits));
        var table = new QueryTable(query, Limits);
        Assert.Null(table.Load(database, [(0, Comment("text", "garden"))], default));
        var sql = QuerySql.Create(1) + QuerySql.Write(query, table);
        Assert.DoesNotContain("secret", sql, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("garden", sql, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain('\'', sql);
    }

    [Fact]
    public void Threads_do_not_change_the_result()
    {
        var query = Query.Parse("SELECT hour, count(*) CLIP 3, avg(length) CLIP 20 FROM records WHERE NOT mentions('tea') GROUP BY hour");
        var random = new Random(1);
        var records = Enumerable.Range(0, 40).SelectMany(_ => Records(random)).ToList();
        Assert.Equal(Json(Run(query, 3, records)), Json(QueryRunner.Run(query, 3, Exact, QueryEvaluator.Seed, records, Limits with { Threads = 4 }, default).Result!));
    }

    [Fact]
    public void The_sample_answers_the_example()
    {
        Assert.Equal(SyntheticSample.Records(), SyntheticSample.Records());
        Assert.Equal(SyntheticSample.Members, SyntheticSample.Records().Select(r => r.Member).Distinct().Count());
        Assert.All(SyntheticSample.Records(), r => Assert.Null(RecordRules.Problem(r.Record)));
        var query = Query.Parse("SELECT community, count(*) CLIP 20, count(distinct member), avg(length) CLIP 500, avg(mentions('coffee')) CLIP 1 FROM records WHERE kind = 'comment' GROUP BY community");
        var result = Run(query, Query.DefaultGroupSize, SyntheticSample.Records(), 1_000_000);
        Assert.Equal(5, result.Rows.Count); // through the noise of an answer for sale
        Assert.Equal(Json(QueryEvaluator.Run(query, Query.DefaultGroupSize, 1_000_000, SyntheticSample.Records())), Json(result));
    }

    private static QueryResult Run(Query query, int groupSize, IEnumerable<(int, Record)> records, long epsilon = Exact)
    {
        var outcome = QueryRunner.Run(query, groupSize, epsilon, QueryEvaluator.Seed, records, Limits, default);
        Assert.Null(outcome.Failure);
        return outcome.Result!;
    }

    private static QueryFailure? Failure(Query query, IEnumerable<(int, Record)> records, QueryLimits limits) => QueryRunner.Run(query, 1, Exact, QueryEvaluator.Seed, records, limits, default).Failure;

    private static string Json(QueryResult result) => Encoding.UTF8.GetString(result.ToJson());

    private static Dictionary<string, IReadOnlyList<ResultValue>> Cells(Query query, QueryResult result)
    {
        Assert.DoesNotContain("onlyone", Json(result) + Encoding.UTF8.GetString(result.ToCsv()), StringComparison.OrdinalIgnoreCase);
        return result.Rows.ToDictionary(row => string.Join('\0', row.Where((_, i) => query.Columns[i] is KeyColumn)));
    }

    private static Record Comment(string text, string subreddit) => new()
    {
        Platform = "reddit", Kind = RecordKind.Comment, Own = true, Time = 1_600_000_000_000, Text = text,
        Meta = subreddit.Length > 0 ? Metadata.Empty.SetItem("subreddit", subreddit) : Metadata.Empty,
    };

    // About 12 members of very different size; one of them has texts and a community that nobody else has.
    private static List<(int Member, Record Record)> Records(Random random)
    {
        var records = new List<(int, Record)>();
        for (int member = 0; member < 12; member++)
            records.AddRange(RecordsOf(member, random));
        for (int i = 0; i < 5; i++)
            records.Add((4, Any(random) with { Title = "onlyone", Text = "OnlyOne " + Text(random), Meta = Metadata.Empty.SetItem("subreddit", "onlyone") }));
        return records;
    }

    private static IEnumerable<(int, Record)> RecordsOf(int member, Random random) =>
        Enumerable.Range(0, random.Next(5) == 0 ? random.Next(40, 90) : random.Next(6)).Select(_ => (member, Any(random)));

    private static List<(int Member, Record Record)> ChangeOneMember(List<(int Member, Record Record)> records, Random random)
    {
        int member = random.Next(12);
        return random.Next(3) switch
        {
            0 => [.. records.Where(r => r.Member != member)],
            1 => [.. records, .. Enumerable.Range(0, 100).Select(_ => (12, Any(random)))],
            _ => [.. records.Where(r => r.Member != member), .. Enumerable.Range(0, 60).Select(_ => (member, Any(random)))],
        };
    }

    private static Record Any(Random random) => new()
    {
        Platform = random.Next(5) == 0 ? "chatgpt" : "reddit",
        Kind = ((RecordKind[])[RecordKind.Comment, RecordKind.Comment, RecordKind.Post, RecordKind.Message, RecordKind.Prompt])[random.Next(5)],
        Own = true,
        Time = random.Next(8) == 0 ? null : new DateTimeOffset(random.Next(2019, 2023), random.Next(1, 13), random.Next(1, 28), random.Next(24), 0, 0, TimeSpan.Zero).ToUnixTimeMilliseconds(),
        Title = random.Next(3) == 0 ? Text(random) : "",
        Text = Text(random),
        Meta = random.Next(4) == 0 ? Metadata.Empty : Metadata.Empty.SetItem("subreddit", QueryGen.Communities[random.Next(4)]),
    };

    private static string Text(Random random) => string.Join(random.Next(4) == 0 ? ", " : " ", Enumerable.Range(0, random.Next(12)).Select(_ =>
        ((string[])["coffee", "COFFEE", "coffees", "tea", "don’t", "Cafe\u0301", "rain", "漢字", "🚲", "[redacted:mail:0011aabb]", "te[redacted:text:0011aabb]a", "word"])[random.Next(12)]));
}
