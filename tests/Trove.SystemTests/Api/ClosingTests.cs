using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Trove.Core;
using Trove.Crypto;
using Trove.Node.Api;
using Trove.Node.Database;
using Trove.Node.Epochs;
using Trove.Node.Protocol;
using Trove.SystemTests.Uses;

namespace Trove.SystemTests.Api;

/// <summary>Founders of two assets close at once: a node has the memory for one epoch of the largest, not for two.</summary>
public sealed class ClosingTests(ApiFixture api)
{
    [Fact]
    public async Task While_an_epoch_is_closed_that_of_another_asset_waits_and_asks_the_database_for_nothing()
    {
        await api.ReadyAsync();
        using var verifier = KeyFile.Create();
        var (one, other) = (await CreateAsync("CLOSES"), await CreateAsync("WAITS"));
        using var seen = new Statements();

        // Somebody else is about to take its nonce: the first stands still in the middle of its transaction.
        await using var holder = await api.Node.Services.GetRequiredService<NodeDatabase>().Source.OpenConnectionAsync();
        await using var hold = await holder.BeginTransactionAsync();
        await Signatures.TakeNonceAsync(hold, api.Founder.Address, one.Request.Nonce, one.Request.Deadline);
        var (closing, first) = Close(one);
        await UseFixture.WaitAsync(() => Task.FromResult(seen.Of(first).Any(s => s is { Sql: { } sql, Ended: null } && sql.Contains("used_nonce", StringComparison.Ordinal))));

        // The second comes as far as the first came before it was the one to close.
        var before = seen.Of(first).TakeWhile(s => s.Sql?.Contains("novelty_epoch", StringComparison.Ordinal) != true).Last().Sql;
        var (waiting, second) = Close(other);
        await UseFixture.WaitAsync(() => Task.FromResult(seen.Of(second).Any(s => s.Ended is not null && s.Sql == before)));
        Assert.Equal(before, seen.Of(second)[^1].Sql);

        await hold.RollbackAsync();
        Assert.Equal(["nothing-waits", "nothing-waits"], await Task.WhenAll(closing, waiting));
        var within = seen.Of(second).SkipWhile(s => s.Sql != before).Skip(1).ToList();
        Assert.Equal(seen.Of(first).SkipWhile(s => s.Sql != before).Skip(1).Select(s => s.Sql), within.Select(s => s.Sql));
        Assert.InRange(within.Min(s => s.Began), seen.Of(first).Max(s => s.Ended!.Value), int.MaxValue);

        async Task<(AssetInfo Asset, CloseEpochRequest Request)> CreateAsync(string symbol)
        {
            var asset = await ApiFixture.CreateAssetAsync(api.Client, api.Info, api.Founder, [verifier], symbol);
            var (nonce, deadline) = (Member.Fresh(), Member.Soon());
            return (asset, new CloseEpochRequest(1, nonce, deadline,
                Hex.Encode(api.Founder.Sign(Messages.CloseEpoch(Messages.Domain(api.Info.ChainId, asset.Ledger), asset.Asset, 1, nonce, deadline)))));
        }

        (Task<string> Code, ActivityTraceId Trace) Close((AssetInfo Asset, CloseEpochRequest Request) of)
        {
            var trace = ActivityTraceId.CreateRandom();
            seen.Follow(trace);
            return (Task.Run(async () =>
            {
                using var activity = new Activity("close").SetParentId(trace, ActivitySpanId.CreateRandom()).Start();
                return (await Assert.ThrowsAsync<ApiException>(() => api.Node.Services.GetRequiredService<EpochService>().CloseAsync(of.Asset.Asset, of.Request, default))).Code;
            }), trace);
        }
    }

    /// <summary>Statements of some tasks, as Npgsql reports them: in which order they began and ended.</summary>
    private sealed class Statements : IDisposable
    {
        private readonly Lock _lock = new();
        private readonly HashSet<ActivityTraceId> _followed = [];
        private readonly List<(Activity Statement, int Began)> _began = [];
        private readonly Dictionary<Activity, int> _ended = [];
        private readonly ActivityListener _listener;
        private int _moments;

        public Statements()
        {
            _listener = new ActivityListener
            {
                ShouldListenTo = source => source.Name == "Npgsql",
                Sample = (ref ActivityCreationOptions<ActivityContext> o) =>
                {
                    lock (_lock)
                        return _followed.Contains(o.Parent.TraceId) ? ActivitySamplingResult.AllData : ActivitySamplingResult.None;
                },
                ActivityStarted = a =>
                {
                    lock (_lock)
                        _began.Add((a, _moments++));
                },
                ActivityStopped = a =>
                {
                    lock (_lock)
                        _ended.Add(a, _moments++);
                },
            };
            ActivitySource.AddActivityListener(_listener);
        }

        public void Follow(ActivityTraceId trace)
        {
            lock (_lock)
                _followed.Add(trace);
        }

        /// <summary>In the order in which they began. What one says is told a moment after it began.</summary>
        public List<(string? Sql, int Began, int? Ended)> Of(ActivityTraceId trace)
        {
            lock (_lock)
                return [.. _began.Where(b => b.Statement.TraceId == trace).Select(b =>
                    ((string?)b.Statement.GetTagItem("db.query.text"), b.Began, _ended.TryGetValue(b.Statement, out int ended) ? ended : (int?)null))];
        }

        public void Dispose() => _listener.Dispose();
    }
}
