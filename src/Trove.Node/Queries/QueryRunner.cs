using System.Globalization;
using Trove.Core.Queries;
using Trove.Exports;

namespace Trove.Node.Queries;

/// <summary>Why a query gave no result. This is all that is said: messages of engines quote values.</summary>
public enum QueryFailure
{
    /// <summary>There are more records than the limit.</summary>
    TooManyRecords,

    /// <summary>Kinds, platforms and communities have more distinct labels than the limit.</summary>
    TooManyLabels,

    /// <summary>More cells would be shown than <see cref="QueryResult.MaxRows"/>.</summary>
    TooManyRows,

    /// <summary>The engine's memory did not suffice; it never uses the disk.</summary>
    OutOfMemory,

    /// <summary>The time did not suffice.</summary>
    Timeout,

    /// <summary>The engine failed.</summary>
    Internal,
}

/// <summary>Bounds of one execution.</summary>
/// <param name="MaxRecords">Most records read.</param>
/// <param name="MaxLabels">Most distinct labels.</param>
/// <param name="MemoryBytes">DuckDB's memory; a record takes 40 bytes and 4 for each keyword, grouping more.</param>
/// <param name="Threads">DuckDB's threads; the result does not depend on them.</param>
/// <param name="Timeout">For reading the records and running the query together.</param>
public sealed record QueryLimits(long MaxRecords, int MaxLabels, long MemoryBytes, int Threads, TimeSpan Timeout)
{
    /// <summary>20 million records, 100,000 labels, 2 GiB, one thread, ten minutes.</summary>
    public static readonly QueryLimits Default = new(20_000_000, 100_000, 2L << 30, 1, TimeSpan.FromMinutes(10));
}

/// <summary>What came of an execution: a result or why there is none.</summary>
public readonly record struct QueryOutcome
{
    /// <summary>It gave a result.</summary>
    public QueryOutcome(QueryResult result) => Result = result;

    /// <summary>It failed.</summary>
    public QueryOutcome(QueryFailure failure) => Failure = failure;

    /// <summary>The result; null when it failed.</summary>
    public QueryResult? Result { get; }

    /// <summary>Why it failed; null when there is a result.</summary>
    public QueryFailure? Failure { get; }
}

/// <summary>Runs a query over records in memory (specs/queries.md): no file is read or written, no text reaches the engine.</summary>
public static class QueryRunner
{
    /// <summary>Runs a query.</summary>
    /// <param name="query">What to ask.</param>
    /// <param name="groupSize">Fewest distinct members of a cell that is shown; the asset's policy, at least 1.</param>
    /// <param name="epsilon">ε of the whole answer in millionths, at least 1.</param>
    /// <param name="seed">Makes all chance in it, asked for when all records have been read; disposed here.</param>
    /// <param name="records">
    /// Each record with the number of its owner, from 0 up; read once. All records of one owner need the same number,
    /// whatever contributions they came in, or an owner would count as several.
    /// </param>
    /// <param name="limits">Bounds.</param>
    /// <param name="ct">Stops it.</param>
    /// <exception cref="OperationCanceledException"><paramref name="ct"/> was cancelled.</exception>
    /// <exception cref="DllNotFoundException">DuckDB is not installed; the message says how.</exception>
    public static QueryOutcome Run(Query query, int groupSize, long epsilon, Func<QuerySeed> seed, IEnumerable<(int Member, Record Record)> records, QueryLimits limits, CancellationToken ct)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(groupSize, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(epsilon, 1);
        using var timed = CancellationTokenSource.CreateLinkedTokenSource(ct);
        timed.CancelAfter(limits.Timeout);
        try
        {
            using var database = DuckDb.Open(Settings(limits));
            var table = new QueryTable(query, limits);
            if (table.Load(database, records, timed.Token) is { } failure)
                return new QueryOutcome(failure);
            using var drawn = seed();
            var answer = new QueryAnswer(query, groupSize, epsilon, drawn);
            return answer.Of(Totals(database, query, table, drawn, timed.Token)) is { } result ? new QueryOutcome(result) : new QueryOutcome(QueryFailure.TooManyRows);
        }
        catch (DuckDbException e)
        {
            return new QueryOutcome(e.IsOutOfMemory ? QueryFailure.OutOfMemory : QueryFailure.Internal);
        }
        catch (OperationCanceledException) when (timed.IsCancellationRequested && !ct.IsCancellationRequested)
        {
            return new QueryOutcome(QueryFailure.Timeout);
        }
    }

    /// <summary>
    /// Locked before anything is loaded. In memory only: no file, network, extension or secret can be reached, nothing is
    /// spilled (even a database in memory has a temporary folder, ".tmp" where it was started), and nothing of this can be
    /// changed by a statement.
    /// </summary>
    internal static IEnumerable<(string Name, string Value)> Settings(QueryLimits limits) =>
    [
        ("temp_directory", ""), // first: without external access it can no longer be set
        ("enable_external_access", "false"),
        ("autoinstall_known_extensions", "false"),
        ("autoload_known_extensions", "false"),
        ("allow_community_extensions", "false"),
        ("allow_persistent_secrets", "false"),
        ("max_temp_directory_size", "0KB"),
        ("memory_limit", limits.MemoryBytes.ToString(CultureInfo.InvariantCulture) + "B"),
        ("threads", limits.Threads.ToString(CultureInfo.InvariantCulture)),
        ("lock_configuration", "true"),
    ];

    // A member's rows follow each other.
    private static QueryTotals Totals(DuckDb database, Query query, QueryTable table, QuerySeed seed, CancellationToken ct)
    {
        var totals = new QueryTotals(query, seed);
        KeyColumn[] keys = [.. query.Keys];
        int member = -1;
        List<MemberCell> cells = [];
        database.Query(QuerySql.Write(query, table), QuerySql.Width(query), row =>
        {
            if (row[0] != member)
            {
                totals.Add(member, cells);
                cells.Clear();
                member = (int)row[0];
            }
            var values = new ResultValue[keys.Length];
            for (int i = 0; i < keys.Length; i++)
                values[i] = keys[i].Key is LabelKey key ? new ResultValue(table.Label(key.Column, row[1 + i])) : new ResultValue(row[1 + i]);
            cells.Add(new MemberCell(new QueryCell(values), row[(1 + keys.Length)..].ToArray()));
        }, ct);
        totals.Add(member, cells);
        return totals;
    }
}
