using System.Runtime.InteropServices;

namespace Trove.Core.Queries;

/// <summary>What the members that count in a cell add up to, before any noise: nothing to be shown.</summary>
public sealed class CellTotals
{
    private readonly Int128[] _sums;

    internal CellTotals(int parts) => _sums = new Int128[parts];

    /// <summary>How many members count in it.</summary>
    public int Members { get; private set; }

    /// <summary>Sums of their terms, of each count, sum and average among the columns.</summary>
    public IReadOnlyList<Int128> Sums => _sums;

    internal void Add(IReadOnlyList<long> terms)
    {
        Members++;
        for (int i = 0; i < _sums.Length; i++)
            _sums[i] += terms[i];
    }
}

/// <summary>
/// Adds up what members have in cells. Each counts in no more cells than the query's bound, which are drawn, so that over all cells together one
/// member more or less moves each of the sums by at most bound times clip, and the members by the bound (specs/queries.md, "Privacy").
/// </summary>
/// <param name="query">What is asked.</param>
/// <param name="seed">Draws which cells a member counts in.</param>
public sealed class QueryTotals(Query query, QuerySeed seed)
{
    private readonly int _parts = query.Parts.Count();
    private readonly Dictionary<QueryCell, CellTotals> _cells = [];

    /// <summary>All cells in which a member counts.</summary>
    public IReadOnlyDictionary<QueryCell, CellTotals> Cells => _cells;

    /// <summary>Adds all cells that one member belongs to.</summary>
    /// <param name="member">Number of the member; each once.</param>
    /// <param name="cells">Each cell once.</param>
    public void Add(int member, IReadOnlyList<MemberCell> cells)
    {
        var counted = cells.Count <= query.Cells ? cells : cells.OrderBy(c => seed.Rank(member, c.Cell.Encode())).Take(query.Cells);
        foreach (var (cell, terms) in counted)
        {
            ref var totals = ref CollectionsMarshal.GetValueRefOrAddDefault(_cells, cell, out _);
            (totals ??= new CellTotals(_parts)).Add(terms);
        }
    }
}
