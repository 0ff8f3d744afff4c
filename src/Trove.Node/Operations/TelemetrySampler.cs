using System.Diagnostics.Metrics;
using Dapper;
using Microsoft.Extensions.Logging;
using Trove.Node.Chain;
using Trove.Node.Database;

namespace Trove.Node.Operations;

/// <summary>
/// Reads what is counted in the database, for gauges that a collector takes at its own pace. Runs only where
/// there is a collector.
/// </summary>
internal sealed class TelemetrySampler : Worker
{
    // As often as it is sent: more would be for nothing.
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(
        int.TryParse(Environment.GetEnvironmentVariable("OTEL_METRIC_EXPORT_INTERVAL"), out int interval) ? Math.Clamp(interval, 1_000, 3_600_000) : 60_000);

    private readonly NodeDatabase _database;
    private readonly ChainConnection _chain;
    private readonly ILogger _log;
    private volatile IReadOnlyList<Row> _rows = [];
    private ulong _head;

    /// <summary>A count and its two labels; the second may be empty.</summary>
    private sealed record Row(string Metric, string First, string Second, long Count);

    public TelemetrySampler(NodeDatabase database, ChainConnection chain, ILogger<TelemetrySampler> log)
        : base("telemetry", Period + TimeSpan.FromMinutes(5))
    {
        (_database, _chain, _log) = (database, chain, log);
        Gauge("trove.contributions", "{contribution}", "Contributions by state", "state");
        Gauge("trove.jobs", "{job}", "Jobs by queue and state: waiting, running, dead", "queue", "state");
        Gauge("trove.verifications", "{answer}", "Verifiers' answers by outcome", "outcome");
        Gauge("trove.uses", "{use}", "Uses by what happened to them on chain", "event");
        Telemetry.Meter.CreateObservableGauge("trove.chain.head", () => (long)Volatile.Read(ref _head), "{block}", "The newest block seen");
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Period);
        try
        {
            do
            {
                Beat();
                try
                {
                    Volatile.Write(ref _head, await _chain.Client.BlockNumberAsync(stoppingToken));
                    await using var connection = await _database.Source.OpenConnectionAsync(stoppingToken);
                    _rows = [.. await connection.QueryAsync<Row>(new CommandDefinition("""
                        select 'trove.contributions' as metric, state as first, '' as second, count(*) from contribution group by state
                        union all
                        select 'trove.jobs', split_part(topic, '/', 1),
                            case when state = 'dead' then 'dead' when lease is not null and due_at > clock_timestamp() then 'running' else 'waiting' end, count(*)
                        from work_items where state <> 'done' group by 2, 3
                        union all
                        select 'trove.verifications', case when facts is null then 'refused' else 'attested' end, '', count(*) from attestation group by 2
                        union all
                        select 'trove.uses', name, '', count(*) from chain_event where name in ('UseOpened', 'ResultPosted', 'UseFailed') group by name
                        """, commandTimeout: 10, cancellationToken: stoppingToken))];
                }
                catch (Exception e) when (e is not OperationCanceledException)
                {
                    _log.LogWarning(LogEvents.NotSampled, e, "The database's counts could not be read for telemetry");
                }
            }
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The node stops.
        }
    }

    private void Gauge(string name, string unit, string description, string first, string? second = null) =>
        Telemetry.Meter.CreateObservableGauge(name, () => _rows.Where(r => r.Metric == name).Select(r => second is null
            ? new Measurement<long>(r.Count, new KeyValuePair<string, object?>(first, r.First))
            : new Measurement<long>(r.Count, new(first, r.First), new(second, r.Second))), unit, description);
}
