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

    /// <summary>More cells could be shown than <see cref="QueryResult.MaxRows"/>.</summary>
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
    /// <param name="records">
    /// Each record with the number of its owner, from 0 up; read once. All records of one owner need the same number,
    /// whatever contributions they came in, or an owner would count as several.
    /// </param>
    /// <param name="limits">Bounds.</param>
    /// <param name="ct">Stops it.</param>
    /// <exception cref="OperationCanceledException"><paramref name="ct"/> was cancelled.</exception>
    /// <exception cref="DllNotFoundException">DuckDB is not installed; the message says how.</exception>
    public static QueryOutcome Run(Query query, int groupSize, IEnumerable<(int Member, Record Record)> records, QueryLimits limits, CancellationToken ct)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(groupSize, 1);
        using var timed = CancellationTokenSource.CreateLinkedTokenSource(ct);
        timed.CancelAfter(limits.Timeout);
        try
        {
            using var database = DuckDb.Open(Settings(limits));
            var table = new QueryTable(query, limits);
            if (table.Load(database, records, timed.Token) is { } failure)
                return new QueryOutcome(failure);
            var rows = database.Query(QuerySql.Write(query, groupSize, table), query.Columns.Length, timed.Token);
            return rows.Count > QueryResult.MaxRows
                ? new QueryOutcome(QueryFailure.TooManyRows)
                : new QueryOutcome(new QueryResult(QueryResult.ColumnsOf(query), rows.Select(row => Labelled(query, table, row))));
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

    // Only here, behind the group size, do ids become labels again.
    private static ResultValue[] Labelled(Query query, QueryTable table, long[] row) =>
        [.. row.Select((value, i) => query.Columns[i] is KeyColumn { Key: LabelKey key } ? new ResultValue(table.Label(key.Column, value)) : new ResultValue(value))];
}
