using System.Buffers.Binary;
using System.Numerics;
using Trove.Core.Queries;

namespace Trove.Tests.Core;

/// <summary>What an answer says of one member: how far one can move totals, and what of that is left to be seen through the noise.</summary>
public class QueryAnswerTests
{
    private static readonly Query Wide = Query.Parse("SELECT year, count(*) CLIP 5, sum(words) CLIP 7, avg(words) CLIP 3, count(distinct member), community FROM records GROUP BY year, community CELLS 3");
    private static readonly long[] Clips = [5, 7, 3_000_000];

    /// <summary>The sensitivities that the noise is made for (specs/queries.md, "Privacy").</summary>
    [Fact]
    public void One_member_moves_totals_by_no_more_than_claimed_over_all_cells_together()
    {
        var most = new long[4];
        for (int seed = 0; seed < 300; seed++)
        {
            var random = new Random(seed);
            using var chance = Seed(seed);
            var members = Enumerable.Range(0, 8).Select(_ => Cells(random)).ToList();
            int changed = random.Next(members.Count);
            var others = members.Select((cells, m) => m == changed ? [] : cells).ToList();
            var moved = members.Select((cells, m) => m == changed ? Cells(random) : cells).ToList();
            var (before, without, after) = (Totals(members, chance), Totals(others, chance), Totals(moved, chance));
            long[] less = Distance(before, without), other = Distance(before, after);
            long[] claimed = [.. Clips.Prepend(1).Select(c => c * Wide.Cells)];
            for (int part = 0; part < claimed.Length; part++)
            {
                Assert.True(less[part] <= claimed[part], $"seed {seed}: a member less moves part {part} by {less[part]}, more than {claimed[part]}");
                Assert.True(other[part] <= 2 * claimed[part], $"seed {seed}: another member moves part {part} by {other[part]}");
                most[part] = Math.Max(most[part], less[part]);
            }
        }
        Assert.Equal(Wide.Cells, most[0]); // reached: the bound is no looser than it has to be
        Assert.Equal(Clips.Select(c => c * Wide.Cells), most[1..]);
    }

    [Fact]
    public void Who_else_there_is_does_not_change_where_a_member_counts()
    {
        using var chance = Seed(1);
        var random = new Random(1);
        var member = Cells(random, 9);
        var alone = Totals([[], [], member], chance).Cells.Keys.ToHashSet();
        Assert.Equal(3, alone.Count);
        var crowd = Enumerable.Range(0, 40).Select(m => m == 2 ? member : Cells(random)).ToList();
        var (with, without) = (Totals(crowd, chance), Totals([.. crowd.Select((c, m) => m == 2 ? [] : c)], chance));
        Assert.Equal(alone.Select(Text).Order(), with.Cells.Where(c => c.Value.Members != (without.Cells.TryGetValue(c.Key, out var t) ? t.Members : 0)).Select(c => Text(c.Key)).Order());

        static string Text(QueryCell cell) => Convert.ToHexString(cell.Encode());
    }

    /// <summary>Every number, made again from the page's formulas.</summary>
    [Theory]
    [InlineData(1_000_000)]
    [InlineData(30_000)]
    [InlineData(1)]
    public void Numbers_are_totals_and_noise_of_the_scale_that_is_claimed(long epsilon)
    {
        int compared = 0;
        for (int seed = 0; seed < 20; seed++)
        {
            using var chance = Seed(seed);
            var cells = Enumerable.Range(0, 6).Select(i => new QueryCell([new ResultValue(2000 + i), new ResultValue("garden")])).ToList();
            // 400 members pass the threshold at ε = 1; at the smaller ones nobody has as many as it takes.
            int size = epsilon == 1_000_000 ? 400 : 2;
            var totals = Totals([.. Enumerable.Range(0, size).Select(m => cells.Take(3).Select(c => new MemberCell(c, [m % 6, m % 8, m % 4 * 1_000_000])).ToList())], chance);
            var answer = new QueryAnswer(Wide, 1, epsilon, chance);
            UInt128 Scale(long clip) => 4 * 3 * (UInt128)clip * 1_000_000;
            Assert.Equal(1 + new DiscreteLaplace(Scale(1), (UInt128)epsilon).Tail(1, 3_000_000), answer.Threshold);
            var rows = answer.Of(totals)!.Rows;
            foreach (var (cell, exact) in totals.Cells)
            {
                BigInteger Noise(int part, long clip) => (BigInteger)new DiscreteLaplace(Scale(clip), (UInt128)epsilon).Sample(chance.Noise(part, cell.Encode()));
                var members = exact.Members + Noise(0, 1);
                var row = rows.SingleOrDefault(r => r[0] == cell.Keys[0]);
                Assert.Equal(members >= (BigInteger)answer.Threshold, row is not null);
                if (row is null)
                    continue;
                var average = (BigInteger)exact.Sums[2] + Noise(3, 3_000_000);
                var quotient = BigInteger.DivRem(average, BigInteger.Max(members, 1), out var rest) - (rest.Sign < 0 ? 1 : 0);
                BigInteger[] expected = [(BigInteger)exact.Sums[0] + Noise(1, 5), (BigInteger)exact.Sums[1] + Noise(2, 7), quotient, members];
                Assert.Equal(expected.Select(e => (long)BigInteger.Max(BigInteger.Min(e, long.MaxValue), long.MinValue)), row.Skip(1).Take(4).Select(v => v.Number));
                compared++;
            }
        }
        Assert.True(epsilon != 1_000_000 || compared >= 55, $"{compared} cells were compared");
    }

    [Fact]
    public void Numbers_below_zero_are_shown_as_they_are()
    {
        var query = Query.Parse("SELECT count(*) CLIP 1000000000, avg(length) CLIP 1000000000 FROM records");
        int negative = 0;
        for (int seed = 0; seed < 60; seed++)
        {
            using var chance = Seed(seed);
            var totals = new QueryTotals(query, chance);
            for (int m = 0; m < 3000; m++)
                totals.Add(m, [new MemberCell(new QueryCell([]), [0, 0])]);
            var result = new QueryAnswer(query, 1, 30_000, chance).Of(totals)!;
            Assert.Equal(result.ToJson(), QueryResult.TryRead(result.ToJson())!.ToJson());
            negative += Assert.Single(result.Rows).Count(v => v.Number < 0);
        }
        Assert.InRange(negative, 30, 90); // of 120, half
    }

    [Fact]
    public void A_cell_with_fewer_than_the_group_size_is_never_shown_and_one_with_as_many_next_to_never()
    {
        var query = Query.Parse("SELECT count(distinct member) FROM records");
        int shown = 0;
        for (int seed = 0; seed < 1000; seed++)
        {
            using var chance = Seed(seed);
            Assert.Empty(Answer(query, 9, 10, 100_000, chance).Rows);
            Assert.Empty(Answer(query, 10, 10, 100_000, chance).Rows);
            shown += Answer(query, 10 + 132, 10, 100_000, chance).Rows.Count; // τ is 132: half of the draws are 0 or more
        }
        Assert.InRange(shown, 445, 605);
        using var any = Seed(1);
        Assert.Equal((Int128)(10 + 132), new QueryAnswer(query, 10, 100_000, any).Threshold);
    }

    /// <summary>
    /// Somebody asks twice, of all and of all but one member, and subtracts. Whatever limit the difference is held against, it is passed at most e^ε
    /// times as often when that member is there, as when not.
    /// </summary>
    [Fact]
    public void The_difference_of_two_answers_tells_little_of_the_member_they_differ_by()
    {
        const int asked = 6_000;
        const long epsilon = 1_500_000;
        var query = Query.Parse("SELECT count(*) CLIP 4 FROM records");
        var (with, without) = (new List<long>(), new List<long>());
        for (int seed = 0; seed < asked; seed++)
        {
            using QuerySeed first = Seed(3 * seed), second = Seed(3 * seed + 1), third = Seed(3 * seed + 2);
            long rest = Count(query, 60, epsilon, third);
            with.Add(Count(query, 61, epsilon, first) - rest);
            without.Add(Count(query, 60, epsilon, second) - rest);
        }
        double best = 0;
        for (long limit = -20; limit <= 24; limit++)
        {
            double p = with.Count(d => d >= limit) / (double)asked, q = without.Count(d => d >= limit) / (double)asked;
            Assert.True(p <= Math.Exp(epsilon / 1e6) * q + Margin(q) && 1 - q <= Math.Exp(epsilon / 1e6) * (1 - p) + Margin(1 - p), $"a difference of {limit} and more: {p} with the member, {q} without");
            best = Math.Max(best, p - q);
        }
        Assert.InRange(best, 0.15, 0.64); // something is seen, or the numbers were good for nothing; at most (e^ε − 1) / (e^ε + 1)

        // Five standard errors of e^ε·q.
        static double Margin(double q) => 5 * Math.Exp(epsilon / 1e6) * Math.Sqrt((q * (1 - q) + 1.0 / asked) / asked);
    }

    /// <summary>
    /// Grants upon grants: the same scope again and again; a scope with the member against its neighbour without; before the member withdrew and
    /// after. Whatever is added up, what is seen goes by all ε that was spent, which the budget bounds, and not by how many grants it was spent in.
    /// Beyond any budget the same attack sees everything.
    /// </summary>
    [Theory]
    [InlineData("again", 1, 1_600_000, 0.25, 0.664)] // (e^1.6 − 1) / (e^1.6 + 1)
    [InlineData("again", 4, 400_000, 0.1, 0.664)]
    [InlineData("again", 16, 100_000, 0.03, 0.664)]
    [InlineData("neighbours", 4, 400_000, 0.03, 0.664)]
    [InlineData("withdrawn", 4, 400_000, 0.03, 0.664)]
    [InlineData("again", 60, 1_600_000, 0.97, 1)]
    public void Grant_upon_grant_shows_no_more_of_a_member_than_the_epsilon_they_spent(string attack, int grants, long epsilon, double least, double most)
    {
        int asked = Math.Max(300, 3000 / grants);
        int others = 30 + (int)(45_000_000 / epsilon); // enough that the cell is shown
        var query = Query.Parse("SELECT count(*) CLIP 4 FROM records");
        var (with, without) = (new List<long>(), new List<long>());
        for (int trial = 0; trial < asked; trial++)
            foreach (bool there in (bool[])[true, false])
                (there ? with : without).Add(Enumerable.Range(0, grants).Sum(grant =>
                {
                    using var chance = Seed((trial * grants + grant) * 2 + (there ? 1 : 0));
                    // What the other half of the answers is subtracted from, or has no more of the member.
                    bool other = attack != "again" && grant >= grants / 2;
                    long count = Count(query, others + (there && !other ? 1 : 0), epsilon, chance);
                    return attack == "neighbours" && other ? -count : count;
                }));
        double best = with.Concat(without).Distinct().Max(limit => with.Count(d => d >= limit) / (double)asked - without.Count(d => d >= limit) / (double)asked);
        Assert.InRange(best, least, most + 5 * Math.Sqrt(0.5 / asked));
    }

    [Fact]
    public void The_order_of_members_and_cells_makes_no_difference()
    {
        var random = new Random(5);
        using var chance = Seed(5);
        var members = Enumerable.Range(0, 300).Select(m => (Member: m, Cells: Cells(random))).ToList();
        var answer = new QueryAnswer(Wide, 2, 5_000_000, chance);
        QueryTotals forth = new(Wide, chance), back = new(Wide, chance);
        foreach (var (member, cells) in members)
            forth.Add(member, cells);
        foreach (var (member, cells) in Enumerable.Reverse(members))
            back.Add(member, [.. Enumerable.Reverse(cells)]);
        var result = answer.Of(forth)!;
        Assert.NotEmpty(result.Rows);
        Assert.Equal(result.ToJson(), answer.Of(back)!.ToJson());
    }

    [Fact]
    public void Without_a_group_size_or_a_budget_there_is_no_answer()
    {
        using var chance = Seed(1);
        Assert.Throws<ArgumentOutOfRangeException>(() => new QueryAnswer(Wide, 0, 1, chance));
        Assert.Throws<ArgumentOutOfRangeException>(() => new QueryAnswer(Wide, 1, 0, chance));
        Assert.Throws<ArgumentOutOfRangeException>(() => new QueryAnswer(Wide, 1, -1, chance));
        _ = new QueryAnswer(Query.Parse($"SELECT year, {string.Join(", ", Enumerable.Repeat("avg(length) CLIP 1000000000", 15))} FROM records GROUP BY year CELLS 1000"), int.MaxValue, 1, chance);
        _ = new QueryAnswer(Wide, 1, long.MaxValue, chance);
    }

    private static long Count(Query query, int members, long epsilon, QuerySeed chance) => Assert.Single(Answer(query, members, 1, epsilon, chance).Rows)[0].Number;

    // Of members with 4 records each, in one cell.
    private static QueryResult Answer(Query query, int members, int groupSize, long epsilon, QuerySeed chance)
    {
        var totals = new QueryTotals(query, chance);
        var cell = new QueryCell([]);
        for (int m = 0; m < members; m++)
            totals.Add(m, [new MemberCell(cell, [4])]);
        return new QueryAnswer(query, groupSize, epsilon, chance).Of(totals)!;
    }

    private static QueryTotals Totals(IReadOnlyList<IReadOnlyList<MemberCell>> members, QuerySeed chance)
    {
        var totals = new QueryTotals(Wide, chance);
        for (int m = 0; m < members.Count; m++)
            totals.Add(m, members[m]);
        return totals;
    }

    // Of members and of each part, over all cells.
    private static long[] Distance(QueryTotals a, QueryTotals b)
    {
        var distance = new long[4];
        foreach (var cell in a.Cells.Keys.Union(b.Cells.Keys))
        {
            var (x, y) = (Numbers(a, cell), Numbers(b, cell));
            for (int i = 0; i < distance.Length; i++)
                distance[i] += Math.Abs(x[i] - y[i]);
        }
        return distance;

        static long[] Numbers(QueryTotals of, QueryCell cell) => of.Cells.TryGetValue(cell, out var t) ? [t.Members, .. t.Sums.Select(s => (long)s)] : new long[4];
    }

    private static List<MemberCell> Cells(Random random, int? count = null) =>
    [
        .. Enumerable.Range(0, 12).OrderBy(_ => random.Next()).Take(count ?? random.Next(9)).Select(i => new MemberCell(new QueryCell([new ResultValue(2000 + i % 4), new ResultValue($"c{i / 4}")]),
            [.. Clips.Select(c => random.Next(3) == 0 ? random.NextInt64(c + 1) : c)])),
    ];

    private static QuerySeed Seed(int number)
    {
        Span<byte> key = stackalloc byte[32];
        key.Clear();
        BinaryPrimitives.WriteInt32BigEndian(key, number);
        return new QuerySeed(key, key);
    }
}
