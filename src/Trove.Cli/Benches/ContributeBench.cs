using System.Diagnostics;
using System.Globalization;
using Dapper;
using Trove.Bench;
using Trove.Cli.Commands;
using Trove.Exports;
using Trove.Node.Protocol;

namespace Trove.Cli.Benches;

/// <summary>
/// Contributions end to end: how many, how large, where the time goes; and what one costs when an epoch has many already, from
/// announcement to the owner's shares. The latter has to stay within a tenth of what it costs at a hundred.
/// </summary>
internal static class ContributeBench
{
    private const double FlatGoal = 1 / 1.1;
    private const int Few = 100;
    private const int Measured = 20; // contributions measured one by one at each size
    private const int WarmUps = 30;
    private const string NoPeer = "none: no other system does this end to end";

    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(20); // a step's end is seen this exactly

    /// <summary>Sizes of exports in bytes.</summary>
    private static readonly int[] Exports = [20_000, 200_000, 2_000_000];

    /// <summary>Prints as it goes; minutes, and with <paramref name="full"/> up to a hundred thousand contributions.</summary>
    public static async IAsyncEnumerable<BenchLine> RunAsync(bool full, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct)
    {
        await using var house = await BenchHouse.StartAsync(verifiers: 2, ct);
        var asset = await house.CreateAssetAsync("PACE", 2, ct);
        for (int i = 0; i < WarmUps; i++) // everything compiled, pools filled
            await ContributeAsync(house, asset, Exports[0], ct);
        foreach (int size in Exports)
            foreach (var line in await PaceAsync(house, asset, size, ct))
                yield return line;
        Cost? first = null;
        for (int count = Few; count <= (full ? 100_000 : 10_000); count *= 10)
        {
            var cost = await CostAsync(house, count, ct);
            first ??= cost;
            foreach (var line in Lines(count, cost, first))
                yield return line;
        }
    }

    private static async Task<List<BenchLine>> PaceAsync(BenchHouse house, AssetInfo asset, int size, CancellationToken ct)
    {
        const int runs = 5;
        var files = Enumerable.Range(0, runs).Select(_ => house.WriteExport(size)).ToList();
        var before = await house.UsageAsync(ct);
        using var own = Process.GetCurrentProcess();
        double member = own.TotalProcessorTime.TotalMilliseconds;
        var steps = new Dictionary<string, double>();
        var all = Stopwatch.StartNew();
        foreach (var file in files)
            foreach (var (step, took) in await ContributeAsync(house, asset, file, ct))
                steps[step] = steps.GetValueOrDefault(step) + took / runs;
        double seconds = all.Elapsed.TotalSeconds;
        own.Refresh();
        member = own.TotalProcessorTime.TotalMilliseconds - member;
        var used = (await house.UsageAsync(ct)).Since(before);
        double cores = (used.Node + used.Chain + used.Postgres + used.Verifiers + member) / 1000;
        double megabytes = files.Sum(f => (double)size) / 1e6;
        string what = string.Create(CultureInfo.InvariantCulture, $"export of {size / 1000:N0} kB");
        var lines = new List<BenchLine>
        {
            Plain($"{what}: one member after the other", runs / seconds, "/s"),
            Plain($"{what}: on one core of CPU time", runs / cores, "/s"),
            Plain($"{what}: on one core of CPU time", megabytes / cores, "MB/s"),
        };
        lines.AddRange(steps.Select(s => Plain($"{what}: {s.Key}", s.Value, "ms")));
        lines.AddRange(new[] { ("member", member), ("node", used.Node), ("database", used.Postgres), ("chain", used.Chain), ("2 verifiers", used.Verifiers) }
            .Select(c => Plain($"{what}: CPU of {c.Item1}", c.Item2 / runs, "ms")));
        return lines;
    }

    // Milliseconds of each step, in order.
    private static async Task<List<(string Step, double Took)>> ContributeAsync(BenchHouse house, AssetInfo asset, string file, CancellationToken ct)
    {
        var steps = new List<(string, double)>();
        var watch = Stopwatch.StartNew();
        double last = 0;
        void Take(string step)
        {
            steps.Add((step, watch.Elapsed.TotalMilliseconds - last));
            last = watch.Elapsed.TotalMilliseconds;
        }
        using (var export = Export.Open([file], new ExportOptions { Me = "" }))
            foreach (var record in export.Records())
                _ = record;
        Take("read the export, once more");
        string running = "";
        var done = await house.ContributeAsync(asset, file, next =>
        {
            if (next == running)
                return;
            if (running.Length > 0)
                Take(Name(running));
            running = next;
        }, ct);
        Take("upload, each piece on disk");
        await house.VerifiedAsync(done.Contribution, Poll, ct);
        Take("verify, attest, destroy the evidence");
        return steps;
    }

    private static Task<List<(string Step, double Took)>> ContributeAsync(BenchHouse house, AssetInfo asset, int size, CancellationToken ct) =>
        ContributeAsync(house, asset, house.WriteExport(size), ct);

    private static string Name(string step) => step switch
    {
        "reading records" => "read, pack, encrypt",
        "announcing" => "announce, wait for the block",
        "sealing the evidence" => "seal the evidence, sign",
        _ => step,
    };

    private sealed record Cost(Usage One, Usage Closing, double Gas, double Calldata);

    // Of one contribution: measured on some when the epoch has `count` already, and of the closing of that epoch, divided by all of it.
    private static async Task<Cost> CostAsync(BenchHouse house, int count, CancellationToken ct)
    {
        var asset = await house.CreateAssetAsync(string.Create(CultureInfo.InvariantCulture, $"N{count}"), 2, ct);
        await Filling.AddAsync(house.Database, house.Info, asset, house.Verifiers, count, ct);
        var files = Enumerable.Range(0, Measured).Select(_ => house.WriteExport(Exports[0])).ToList();
        await using (var connection = await house.Database.OpenConnectionAsync(ct))
            await connection.ExecuteAsync(new CommandDefinition("vacuum analyze", commandTimeout: 0, cancellationToken: ct)); // as a database is that grew slowly
        var before = await house.UsageAsync(ct);
        foreach (var file in files)
            await house.VerifiedAsync((await house.ContributeAsync(await house.Client.AssetAsync(asset.Asset, ct), file, _ => { }, ct)).Contribution, Poll, ct);
        var one = Divide((await house.UsageAsync(ct)).Since(before), Measured);

        before = await house.UsageAsync(ct);
        var (gas, bytes) = await RelayedAsync(house, ct);
        await AssetCommands.CloseEpochAsync(house.Client, house.Info, asset, house.Founder, ct);
        await using (var connection = await house.Database.OpenConnectionAsync(ct))
            while (await connection.ExecuteScalarAsync<bool>("select exists (select 1 from work_items where state <> 'done')"))
                await Task.Delay(200, ct);
        int size = count + Measured;
        var closing = Divide((await house.UsageAsync(ct)).Since(before), size);
        var (gasAfter, bytesAfter) = await RelayedAsync(house, ct);
        return new Cost(one, closing, (gasAfter - gas) / size, (bytesAfter - bytes) / size);
    }

    private static async Task<(double Gas, double Bytes)> RelayedAsync(BenchHouse house, CancellationToken ct)
    {
        await using var connection = await house.Database.OpenConnectionAsync(ct);
        return await connection.QuerySingleAsync<(double, double)>("select coalesce(sum(gas), 0)::float8, coalesce(sum(length(raw)), 0)::float8 from relayed where settled_at is not null");
    }

    private static IEnumerable<BenchLine> Lines(int count, Cost cost, Cost first)
    {
        string epoch = string.Create(CultureInfo.InvariantCulture, $"of one when the epoch has {count:N0}"), closing = string.Create(CultureInfo.InvariantCulture, $"closing {count:N0}, of each");
        (string What, Func<Cost, double> Of, string Unit)[] measures =
        [
            ($"{epoch}: CPU of the node", c => c.One.Node, "ms"), ($"{epoch}: CPU of the database", c => c.One.Postgres, "ms"),
            ($"{epoch}: transactions", c => c.One.Transactions, "x"), ($"{epoch}: rows read", c => c.One.Rows, "rows"), ($"{epoch}: write-ahead log", c => c.One.WalBytes / 1e3, "kB"),
            ($"{closing}: CPU of the node", c => c.Closing.Node, "ms"), ($"{closing}: CPU of the database", c => c.Closing.Postgres, "ms"), ($"{closing}: CPU of the chain", c => c.Closing.Chain, "ms"),
            ($"{closing}: CPU of 2 verifiers", c => c.Closing.Verifiers, "ms"), ($"{closing}: transactions", c => c.Closing.Transactions, "x"),
            ($"{closing}: gas, posted and claimed", c => c.Gas, "gas"), ($"{closing}: bytes on chain", c => c.Calldata, "B"),
        ];
        foreach (var (what, of, unit) in measures)
        {
            double ours = of(cost), then = of(first), ratio = ours == 0 ? 1 : then / ours;
            yield return new BenchLine("contribute", what, Math.Round(ours, 2), unit, Math.Round(then, 2), $"the same at {Few}", ratio, FlatGoal, ratio >= FlatGoal);
        }
        // A larger index has more pages, and each that is written to for the first time after a checkpoint is logged whole.
        yield return Plain($"{epoch}: of the log, whole pages", cost.One.WholePages, "pages");
    }

    private static Usage Divide(Usage u, int by) => new(u.Node / by, u.Chain / by, u.Postgres / by, u.Verifiers / by, u.Transactions / by, u.Rows / by, u.WalBytes / by, u.WholePages / by);

    private static BenchLine Plain(string what, double ours, string unit) => new("contribute", what, Math.Round(ours, 2), unit, null, NoPeer, null, null, null);
}
