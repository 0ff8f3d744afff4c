using System.Globalization;
using Dapper;
using Microsoft.Extensions.Hosting;
using Trove.Chain.Events;
using Trove.Chain.Rpc;
using Trove.Node.Chain;
using Trove.Node.Database;
using Trove.Node.Epochs;
using Trove.Node.Vault;

namespace Trove.Node.Operations;

/// <summary>What a node says about itself.</summary>
/// <param name="Status"><c>ready</c>, <c>failing</c>, or <c>stopping</c> when it was asked to end.</param>
/// <param name="Parts">All parts, those that fail with a reason and a next step.</param>
public sealed record HealthReport(string Status, IReadOnlyList<HealthPart> Parts);

/// <summary>
/// Looks at every part of the node. Ready: it can serve. Live: it can become ready by itself; if not, restarting is the only cure.
/// Answers are a second old at most, so that asking often costs nothing.
/// </summary>
public sealed class NodeHealth
{
    /// <summary>Blocks the reader may be behind the newest confirmed one.</summary>
    public const ulong MaxLag = 50;

    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan MaxSkew = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan MaxEmbeddedLead = TimeSpan.FromMinutes(10); // its time runs ahead by a second a block under load
    private static readonly TimeSpan MaxHeadAge = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan MaxDatabaseSkew = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan MaxQueueWait = TimeSpan.FromMinutes(15);

    private readonly NodeDatabase _database;
    private readonly ChainConnection _chain;
    private readonly ChainRelay _relay;
    private readonly ChainEventStore _events;
    private readonly BlobStore _blobs;
    private readonly DiskSpace _disk;
    private readonly IReadOnlyList<BackgroundService> _workers;
    private readonly IHostApplicationLifetime _lifetime;
    private readonly TimeProvider _clock;
    private readonly IReadOnlyList<Probe> _probes;
    private readonly SemaphoreSlim _one = new(1);
    private (long At, IReadOnlyList<HealthPart> Parts)? _last;

    /// <summary>Looks at nothing yet.</summary>
    public NodeHealth(NodeDatabase database, ChainConnection chain, ChainRelay relay, ChainEventStore events, BlobStore blobs, DiskSpace disk,
        IEnumerable<IHostedService> services, IHostApplicationLifetime lifetime, TimeProvider clock)
    {
        (_database, _chain, _relay, _events, _blobs, _disk, _lifetime, _clock) = (database, chain, relay, events, blobs, disk, lifetime, clock);
        _workers = [.. services.OfType<BackgroundService>()];
        _probes =
        [
            new("database", "look at the node's log; an external server must run and take this node's role", DatabaseAsync, clock),
            new("queue", "look at the node's log for failing jobs", QueueAsync, clock),
            new("chain", chain.Embedded is null ? "check the network's RPC, or name another with --rpc" : "look at the node's log, then restart the node", ChainAsync, clock),
            new("reader", "wait until it has caught up; if the number grows, look at the node's log", ReaderAsync, clock),
            new("clock", "set this machine's clock by NTP", ClockAsync, clock),
            new("blobs", "check the disk under the data folder and that the node may write there", BlobsAsync, clock),
        ];
    }

    /// <summary>Can it serve?</summary>
    public async Task<HealthReport> ReadyAsync(CancellationToken ct)
    {
        if (_lifetime.ApplicationStopping.IsCancellationRequested)
            return new HealthReport("stopping", [new HealthPart("node", false, "it was asked to stop and finishes what it has", "ask another node")]);
        List<HealthPart> parts = [.. await LookAsync(ct), .. Own()];
        return new HealthReport(parts.All(p => p.Ok) ? "ready" : "failing", parts);
    }

    /// <summary>Is restarting not yet the only cure?</summary>
    public HealthReport Live()
    {
        var parts = Own();
        return new HealthReport(parts.All(p => p.Ok) ? "live" : "failing", parts);
    }

    private async Task<IReadOnlyList<HealthPart>> LookAsync(CancellationToken ct)
    {
        await _one.WaitAsync(ct);
        try
        {
            if (_last is { } last && _clock.GetElapsedTime(last.At) < Fresh)
                return last.Parts;
            var parts = await Task.WhenAll(_probes.Select(p => p.LookAsync()));
            _last = (_clock.GetTimestamp(), parts);
            return parts;
        }
        finally
        {
            _one.Release();
        }
    }

    // What needs no look: this process's own loops.
    private List<HealthPart> Own()
    {
        const string restart = "restart the node; its log says what went wrong";
        List<HealthPart> parts = [];
        bool stopping = _lifetime.ApplicationStopping.IsCancellationRequested;
        foreach (var worker in _workers)
        {
            var name = worker is Worker known ? known.Name : worker.GetType().Name;
            if (worker.ExecuteTask is { IsCompleted: true } ended && !stopping)
                parts.Add(new HealthPart(name, false, ended.IsFaulted ? $"it died of {ended.Exception!.InnerException!.GetType().Name}" : "it has ended", restart));
            else if (worker is Worker { SinceBeat: var since, Patience: var patience } && since > patience && !stopping)
                parts.Add(new HealthPart(name, false, $"no sign of life for {since.TotalSeconds:0} s", restart));
            else
                parts.Add(new HealthPart(name, true, "it works"));
        }
        if (_relay.Ended)
            parts.Add(new HealthPart("relayer", false, "it stopped because it could not journal a transaction", restart));
        if (_chain.Embedded?.Fault is { } fault)
            parts.Add(new HealthPart("blocks", false, $"the embedded chain makes no more blocks because of {fault.GetType().Name}", restart));
        return parts;
    }

    private async Task<HealthPart> DatabaseAsync(CancellationToken ct)
    {
        await using var connection = await _database.Source.OpenConnectionAsync(ct);
        var its = await connection.QuerySingleAsync<DateTime>(new CommandDefinition("select clock_timestamp()", cancellationToken: ct));
        var skew = (_clock.GetUtcNow().UtcDateTime - its).Duration();
        return skew <= MaxDatabaseSkew
            ? new HealthPart("database", true, "it answers")
            : new HealthPart("database", false, $"its clock and this machine's are {skew.TotalSeconds:0} s apart", "set both clocks by NTP");
    }

    private async Task<HealthPart> QueueAsync(CancellationToken ct)
    {
        await using var connection = await _database.Source.OpenConnectionAsync(ct);
        var row = await connection.QuerySingleAsync<(long Due, long Dead, double? Oldest)>(new CommandDefinition("""
            select count(*) filter (where state = 'ready'), count(*) filter (where state = 'dead'),
                extract(epoch from clock_timestamp() - min(due_at) filter (where state = 'ready' and topic = @Topic))::float8
            from work_items where state <> 'done'
            """, new { EpochService.Topic }, cancellationToken: ct));
        // Verifiers may be away for days; what waits for the node itself must not.
        var wait = TimeSpan.FromSeconds(Math.Max(row.Oldest ?? 0, 0));
        var numbers = $"{row.Due} jobs wait or run, {row.Dead} failed for good, the node's own oldest is due for {wait.TotalSeconds:0} s";
        return wait < MaxQueueWait
            ? new HealthPart("queue", true, numbers, row.Dead > 0 ? "the table work_items has the failed ones and their last errors" : null)
            : new HealthPart("queue", false, numbers, "look at the node's log for failing jobs");
    }

    private async Task<HealthPart> ChainAsync(CancellationToken ct)
    {
        ulong head = await _chain.Client.BlockNumberAsync(ct);
        return new HealthPart("chain", true, string.Create(CultureInfo.InvariantCulture, $"block {head}, {_chain.Confirmations} confirmations"));
    }

    private async Task<HealthPart> ReaderAsync(CancellationToken ct)
    {
        ulong head = await _chain.Client.BlockNumberAsync(ct);
        ulong next = await _events.CursorAsync(ct) is { } cursor ? FollowerCursor.Parse(cursor).Next : 0;
        ulong end = head + 1 - Math.Min(head + 1, _chain.Confirmations);
        ulong lag = end - Math.Min(end, next);
        return new HealthPart("reader", lag <= MaxLag, $"{lag} blocks behind", lag <= MaxLag ? null : "wait until it has caught up; if the number grows, look at the node's log");
    }

    // Deadlines of signatures are judged by this machine's clock, votes and uses by the chain's.
    private async Task<HealthPart> ClockAsync(CancellationToken ct)
    {
        var head = await _chain.Client.GetBlockAsync(BlockTag.Latest, ct) ?? throw new InvalidDataException("the chain has no last block");
        var age = _clock.GetUtcNow() - DateTimeOffset.FromUnixTimeSeconds((long)head.Timestamp);
        if (-age > (_chain.Embedded is null ? MaxSkew : MaxEmbeddedLead))
            return new HealthPart("clock", false, $"the chain's last block is {-age.TotalSeconds:0} s in the future", "set this machine's clock by NTP; an embedded chain under load runs ahead and waits for it");
        if (_chain.Embedded is null && age > MaxHeadAge)
            return new HealthPart("clock", false, $"the chain's last block is {age.TotalSeconds:0} s old", "check that the network's RPC follows its network, and this machine's clock");
        return new HealthPart("clock", true, "it agrees with the chain");
    }

    private Task<HealthPart> BlobsAsync(CancellationToken ct)
    {
        _blobs.TryWrite();
        long free = _disk.Free;
        var reason = $"{free >> 20} MiB free, {_disk.KeepFree >> 20} MiB are kept";
        return Task.FromResult(free >= _disk.KeepFree
            ? new HealthPart("blobs", true, reason)
            : new HealthPart("blobs", false, reason + ": nothing new is taken", "make space on the disk of the data folder; the node goes on by itself"));
    }
}
