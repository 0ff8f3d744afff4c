namespace Trove.Core.Queries;

/// <summary>
/// Makes a result of totals, so that it says little about any one member (specs/queries.md, "Privacy"): every number carries discrete Laplace noise,
/// and a cell is shown when a noisy count of its members says that it is no small one. A function of totals, query, group size, ε and seed, in exact
/// integers. After Wilson, Zhang, Lam, Desfontaines, Simmons-Marengo and Gipson, "Differentially Private SQL with Bounded User Contribution"
/// (PoPETs 2020).
/// </summary>
public sealed class QueryAnswer
{
    /// <summary>1/δ: in one answer out of so many, at most, a cell is shown that would not be without one certain member.</summary>
    public const ulong OneInDelta = 1_000_000;

    private const long Million = 1_000_000;

    private readonly Query _query;
    private readonly int _groupSize;
    private readonly long _epsilon;
    private readonly QuerySeed _seed;
    private readonly AggregateColumn[] _parts;

    /// <summary>Of a query.</summary>
    /// <param name="query">What is asked.</param>
    /// <param name="groupSize">Members that a cell needs to be shown at all, at least 1.</param>
    /// <param name="epsilon">ε of the whole answer in millionths, at least 1.</param>
    /// <param name="seed">The noise.</param>
    public QueryAnswer(Query query, int groupSize, long epsilon, QuerySeed seed)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(groupSize, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(epsilon, 1);
        (_query, _groupSize, _epsilon, _seed, _parts) = (query, groupSize, epsilon, seed, [.. query.Parts]);
        Threshold = groupSize + Noise(1).Tail(1, OneInDelta * (ulong)query.Cells);
    }

    /// <summary>The fewest members, with noise, of a cell that is shown: group size + τ, where noise alone is τ with a chance of δ / cells.</summary>
    public Int128 Threshold { get; }

    /// <summary>The answer; null when more than <see cref="QueryResult.MaxRows"/> cells are shown.</summary>
    public QueryResult? Of(QueryTotals totals)
    {
        var rows = new List<ResultValue[]>();
        foreach (var (cell, sums) in totals.Cells.Where(c => c.Value.Members >= _groupSize))
        {
            var bytes = cell.Encode();
            var members = sums.Members + Noise(1).Sample(_seed.Noise(0, bytes));
            if (members < Threshold)
                continue;
            if (rows.Count == QueryResult.MaxRows)
                return null;
            rows.Add(Row(cell, bytes, sums, members));
        }
        return new QueryResult(QueryResult.ColumnsOf(_query), rows);
    }

    private ResultValue[] Row(QueryCell cell, byte[] bytes, CellTotals totals, Int128 members)
    {
        var row = new ResultValue[_query.Columns.Length];
        for (int i = 0, key = 0, part = 0; i < row.Length; i++)
        {
            row[i] = _query.Columns[i] switch
            {
                KeyColumn => cell.Keys[key++],
                MembersColumn => Saturated(members),
                AverageColumn average => Saturated(Floor(Noisy(part++, average.Clip * Million), Int128.Max(members, 1))),
                var column => Saturated(Noisy(part++, ((AggregateColumn)column).Clip)),
            };
        }
        return row;

        Int128 Noisy(int part, long most) => totals.Sums[part] + Noise(most).Sample(_seed.Noise(1 + part, bytes));
    }

    // ε is split evenly over the members and each part. One member moves a part by `most` at most in each cell that it counts in.
    private DiscreteLaplace Noise(long most) =>
        new((UInt128)(1 + _parts.Length) * (UInt128)_query.Cells * (UInt128)most * (UInt128)Million, (UInt128)_epsilon);

    private static Int128 Floor(Int128 value, Int128 divisor) => value / divisor - (value < 0 && value % divisor != 0 ? 1 : 0);

    // No draw ends in an exception, however unlikely it is.
    private static ResultValue Saturated(Int128 value) => new((long)Int128.Clamp(value, long.MinValue, long.MaxValue));
}
