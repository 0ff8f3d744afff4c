using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.IO.Compression;
using System.Security.Cryptography;
using Dapper;
using Npgsql;
using Trove.Cli.Commands;
using Trove.Cli.Contributing;
using Trove.Cli.Demo;
using Trove.Core;
using Trove.Crypto;
using Trove.Node.Database;
using Trove.Node.Protocol;

namespace Trove.Cli.Benches;

/// <summary>
/// A node, its database, its chain and its verifiers, each a process of its own in a temporary folder, and what they cost: CPU time
/// of each, and what the database did. Counts do not depend on what else the machine does; CPU times do a little.
/// </summary>
internal sealed class BenchHouse : IAsyncDisposable
{
    private const int Word = 8; // letters of a made-up word
    private readonly string _folder;
    private readonly PostgresCluster _cluster;
    private readonly Operator _node;
    private readonly List<Operator> _operators;
    private readonly Operator _guardian;
    private readonly byte[] _pseudonyms = RandomNumberGenerator.GetBytes(Exports.Redaction.KeySize);
    private int _members;

    private BenchHouse(string folder, PostgresCluster cluster, Operator node, List<(KeyFile Key, Operator Process)> verifiers, Operator guardian, TroveClient client, NodeInfo info)
    {
        (_folder, _cluster, _node, _guardian, Client, Info) = (folder, cluster, node, guardian, client, info);
        _operators = verifiers.ConvertAll(v => v.Process);
        Verifiers = verifiers.ConvertAll(v => v.Key);
        Database = NpgsqlDataSource.Create(cluster.ConnectionString);
    }

    public TroveClient Client { get; }

    public NodeInfo Info { get; }

    public IReadOnlyList<KeyFile> Verifiers { get; }

    /// <summary>The node's own database.</summary>
    public NpgsqlDataSource Database { get; }

    public SigningKey Founder { get; } = SigningKey.Generate();

    public static async Task<BenchHouse> StartAsync(int verifiers, CancellationToken ct)
    {
        // Not in /tmp: PostgreSQL's user must be able to pass, and a socket's path is short.
        var folder = $"/var/tmp/trove-bench-{Guid.NewGuid():N}";
        Directory.CreateDirectory(folder);
        File.SetUnixFileMode(folder, (UnixFileMode)Convert.ToInt32("711", 8));
        var cluster = await PostgresCluster.StartAsync(folder, ct);
        var c = new NpgsqlConnectionStringBuilder(cluster.ConnectionString);
        var url = Path.Combine(folder, "database");
        await File.WriteAllTextAsync(url, $"postgresql://{c.Username}@localhost/{c.Database}?host={Uri.EscapeDataString(c.Host!)}", ct);
        var node = new Operator("node", Path.Combine(folder, "node"), "", new VerifierInfo(default, ""));
        await node.StartProcessAsync(["node", "--data", Path.Combine(folder, "data"), "--db-file", url, "--blobs", Path.Combine(folder, "blobs")], ct);
        var address = Path.Combine(folder, "data", "node.address");
        for (int i = 0; !File.Exists(address); i++)
        {
            if (i == 1200 || node.HasExited)
                throw new CommandException("the node of the bench did not start within two minutes", $"look at {Path.Combine(folder, "node.log")}");
            await Task.Delay(100, ct);
        }
        var client = new TroveClient(new Uri((await File.ReadAllTextAsync(address, ct)).Trim()), longRunning: true);
        var pool = new List<(KeyFile, Operator)>();
        for (int i = 0; i < verifiers; i++)
            pool.Add(await StartOperatorAsync("verifier", i));
        var (guardianKey, guardian) = await StartOperatorAsync("guardian", 0, "--data", folder, "--confirmations", "0");
        guardianKey.Dispose();
        return new BenchHouse(folder, cluster, node, pool, guardian, client, await client.InfoAsync(ct));

        async Task<(KeyFile, Operator)> StartOperatorAsync(string role, int number, params string[] more)
        {
            var key = KeyFile.Create();
            var (file, passphrase) = (Path.Combine(folder, $"{role}-{number}.key"), RandomNumberGenerator.GetHexString(32));
            using (var secret = new SecretBytes(Encoding.ASCII.GetBytes(passphrase)))
                key.Save(file, secret, workFactor: 14); // the passphrase is random: nothing to stretch
            var process = new Operator(role, file, passphrase, new VerifierInfo(key.SigningKey.Address, key.Identity.Recipient.ToString()));
            await process.StartAsync(client.Node, ct, more);
            using (var started = Process.GetProcessById(process.Id))
                started.PriorityClass = ProcessPriorityClass.BelowNormal; // it stands for another's machine
            return (key, process);
        }
    }

    /// <summary>An asset of these verifiers, of whom <paramref name="threshold"/> check each contribution.</summary>
    public async Task<AssetInfo> CreateAssetAsync(string symbol, int threshold, CancellationToken ct)
    {
        var policy = AssetCommands.DefaultPolicy with { MinimumWords = 5, Kinds = ["comment"] };
        using var chain = await Shared.ChainAsync(Client, null, ct);
        return await AssetCommands.CreateAsync(Client, Info, chain, Founder, new AssetPlan("Of a bench", symbol, policy,
            [.. _operators.Select(o => o.Info)], threshold, [_guardian.Info.Address], 1, [], GovernanceInfo.Default, CharterInfo.Default), _ => { }, ct);
    }

    /// <summary>A Reddit export with comments of about <paramref name="bytes"/> bytes, of an account that no other has.</summary>
    public string WriteExport(int bytes)
    {
        string account = $"bench{Interlocked.Increment(ref _members)}";
        var chance = new Random(_members);
        var csv = new StringBuilder("id,permalink,date,ip,subreddit,gildings,link,parent,body,media\r\n");
        var headers = new StringBuilder("id,permalink,date,ip,subreddit,gildings,link,parent\r\n");
        var letters = new char[Word];
        for (int i = 0; csv.Length < bytes; i++)
        {
            string row = string.Create(CultureInfo.InvariantCulture, $"{account}{i},https://www.reddit.com/r/marsh/comments/p/t/{account}{i}/,{2020 + i % 4}-05-02 03:04:05 UTC,,marsh,0,https://www.reddit.com/r/marsh/comments/p/t/,");
            csv.Append(row).Append(",\"");
            for (int w = 0; w < 40; w++)
            {
                for (int l = 0; l < Word; l++)
                    letters[l] = (char)('a' + chance.Next(26));
                csv.Append(letters).Append(' ');
            }
            csv.Append("\",\r\n");
            headers.Append(row).Append("\r\n");
        }
        var file = Path.Combine(_folder, $"{account}.zip");
        using var archive = ZipFile.Open(file, ZipArchiveMode.Create);
        foreach (var (name, text) in new[] { ("comments.csv", csv.ToString()), ("comment_headers.csv", headers.ToString()), ("posts.csv", "id,permalink,date,ip,subreddit,gildings,title,url,body\r\n"),
            ("statistics.csv", $"statistic,value\r\naccount name,{account}\r\ncreated_utc,2018-03-02 10:00:00 UTC\r\nexport time,2026-06-01 12:00:00 UTC\r\n") })
        {
            using var entry = archive.CreateEntry(name, CompressionLevel.Fastest).Open();
            entry.Write(Encoding.UTF8.GetBytes(text));
        }
        return file;
    }

    /// <summary>Contributes as 'trove contribute' does; told which step begins.</summary>
    public async Task<Contributed> ContributeAsync(AssetInfo asset, string export, Action<string> step, CancellationToken ct)
    {
        using var key = SigningKey.Generate();
        return await new Contributor(Client, Info, asset, key, _folder, (name, _, _) => step(name), _ => { })
            .ContributeAsync([export], [], PublicPages.None, ChoiceOptions.Read([], [], texts: null, names: false, me: "", _pseudonyms), ct);
    }

    /// <summary>Waits until the verifiers have decided, asking each <paramref name="poll"/>; they must agree.</summary>
    public async Task VerifiedAsync(Hash32 contribution, TimeSpan poll, CancellationToken ct)
    {
        while (true)
        {
            switch (await Client.ContributionAsync(contribution, ct))
            {
                case { State: "attested" }:
                    return;
                case { State: "refused" } refused:
                    throw new CommandException($"the bench's contribution was refused: {refused.Refusal}", "this is a defect of the bench");
            }
            await Task.Delay(poll, ct);
        }
    }

    /// <summary>What all have used so far.</summary>
    public async Task<Usage> UsageAsync(CancellationToken ct)
    {
        await Task.Delay(TimeSpan.FromSeconds(11), ct); // a session that is idle reports what it read after ten seconds
        await using var connection = await Database.OpenConnectionAsync(ct);
        var (transactions, rows, wal, pages) = await connection.QuerySingleAsync<(long, long, long, long)>("""
            select xact_commit, tup_returned + tup_fetched, (pg_current_wal_lsn() - '0/0')::bigint, (select wal_fpi from pg_stat_wal) from pg_stat_database where datname = current_database()
            """);
        var tree = ProcessTimes.Read();
        int node = _node.Id, anvil = tree.Children(node).FirstOrDefault(p => tree.Name(p) == "anvil");
        return new Usage(tree.Milliseconds(node), anvil == 0 ? 0 : tree.Milliseconds(anvil), tree.TreeMilliseconds(tree.Children(Environment.ProcessId).FirstOrDefault(p => tree.Name(p) == "postgres")),
            _operators.Sum(o => tree.Milliseconds(o.Id)), transactions, rows, wal, pages);
    }

    /// <summary>The node's memory in MiB: now, and at its highest.</summary>
    public (double Now, double Highest) Memory()
    {
        var lines = File.ReadAllLines($"/proc/{_node.Id}/status");
        double Of(string name) => double.Parse(lines.First(l => l.StartsWith(name, StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2], CultureInfo.InvariantCulture) / 1024;
        return (Of("VmRSS"), Of("VmHWM"));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var one in _operators)
            await one.DisposeAsync();
        await _guardian.DisposeAsync();
        await _node.DisposeAsync();
        Client.Dispose();
        await Database.DisposeAsync();
        await _cluster.DisposeAsync();
        Founder.Dispose();
        foreach (var key in Verifiers)
            key.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}

/// <summary>CPU time in milliseconds of each kind of process, and what the database did.</summary>
internal sealed record Usage(double Node, double Chain, double Postgres, double Verifiers, long Transactions, long Rows, long WalBytes, long WholePages)
{
    /// <summary>What was used from <paramref name="from"/> on.</summary>
    public Usage Since(Usage from) => new(Node - from.Node, Chain - from.Chain, Postgres - from.Postgres, Verifiers - from.Verifiers,
        Transactions - from.Transactions, Rows - from.Rows, WalBytes - from.WalBytes, WholePages - from.WholePages);
}

/// <summary>Processes and their CPU times as /proc has them.</summary>
internal sealed class ProcessTimes
{
    private const double TicksPerMillisecond = 0.1; // USER_HZ is 100 on every Linux that .NET runs on

    private readonly Dictionary<int, (string Name, int Parent, double Own, double Reaped)> _all = [];

    public static ProcessTimes Read()
    {
        var times = new ProcessTimes();
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(folder), out int id))
                continue;
            try
            {
                // "1234 (name) S parent …": the name may hold anything, also a parenthesis.
                var stat = File.ReadAllText($"{folder}/stat");
                var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
                double Ticks(int first) => (long.Parse(fields[first], CultureInfo.InvariantCulture) + long.Parse(fields[first + 1], CultureInfo.InvariantCulture)) / TicksPerMillisecond;
                times._all[id] = (stat[(stat.IndexOf('(') + 1)..stat.LastIndexOf(')')], int.Parse(fields[1], CultureInfo.InvariantCulture), Ticks(11), Ticks(13));
            }
            catch (IOException)
            {
                // it has just ended
            }
        }
        return times;
    }

    public string Name(int id) => _all.TryGetValue(id, out var p) ? p.Name : "";

    public IEnumerable<int> Children(int id) => _all.Where(p => p.Value.Parent == id).Select(p => p.Key);

    public double Milliseconds(int id) => _all.TryGetValue(id, out var p) ? p.Own : 0;

    /// <summary>With its children, those that have ended included.</summary>
    public double TreeMilliseconds(int id) => (_all.TryGetValue(id, out var p) ? p.Own + p.Reaped : 0) + Children(id).Sum(TreeMilliseconds);
}
