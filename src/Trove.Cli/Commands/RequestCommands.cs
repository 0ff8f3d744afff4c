using System.Buffers;
using System.CommandLine;
using System.Globalization;
using System.Text;
using Trove.Chain;
using Trove.Chain.Durability;
using Trove.Cli.Direct;
using Trove.Core;
using Trove.Core.Queries;
using Trove.Crypto;
using Trove.Exports;
using Trove.Node.Protocol;
using Trove.Node.Queries;

namespace Trove.Cli.Commands;

/// <summary>A buyer's commands: what there is, a request with its price in escrow, its state, its result.</summary>
internal static class RequestCommands
{
    private const string Example = "SELECT year, count(*) CLIP 100 AS comments, count(distinct member) AS members, avg(mentions('reef')) CLIP 1 AS share_reef FROM records GROUP BY year";

    public static Command Data()
    {
        var asset = new Argument<string?>("ASSET") { Description = "Symbol or address", Arity = ArgumentArity.ZeroOrOne };
        var node = Shared.Node();
        var command = new Command("data", "What can be asked of an asset, known without any grant: kinds, years, members, columns.") { asset, node };
        command.SetAction(async (r, ct) =>
        {
            using var client = Shared.Client(r.GetValue(node));
            var info = await Shared.FindAssetAsync(client, r.GetValue(asset), ct);
            var data = await client.DataAsync(info.Asset, ct);
            if (r.GetValue(Shared.Json))
                Shared.PrintJson(data);
            else
                Print(info, data);
            return 0;
        });
        return command;
    }

    public static Command Request()
    {
        var request = new Command("request", "Asks the owners of an asset for a use of its data, for money that waits in escrow.");
        request.Subcommands.Add(Query());
        request.Subcommands.Add(Copy());
        return request;
    }

    public static Command Requests()
    {
        var (asset, direct, node) = (ContributeCommands.AssetOption(), Shared.Direct(), Shared.Node());
        var command = new Command("requests", "What buyers asked for, and what became of it.") { asset, direct, node };
        command.SetAction(async (r, ct) =>
        {
            using var client = Shared.Client(r.GetValue(node), r.GetValue(direct), r.GetValue(asset), null);
            var info = await Shared.FindAssetAsync(client, r.GetValue(asset), ct);
            var all = await client.RequestsAsync(info.Asset, ct);
            if (r.GetValue(Shared.Json))
                Shared.PrintJson(all);
            else if (all.Count == 0)
                Console.WriteLine("nobody has asked for anything yet; 'trove request query' does");
            foreach (var one in r.GetValue(Shared.Json) ? [] : all)
                Print(one);
            return 0;
        });
        return command;
    }

    public static Command Result()
    {
        var id = new Argument<string>("REQUEST") { Description = "From 'trove requests'; its first digits are enough" };
        var use = new Option<uint>("--use") { Description = "Which use", DefaultValueFactory = _ => 1 };
        var csv = new Option<bool>("--csv") { Description = "Print comma-separated values" };
        var output = new Option<FileInfo?>("--out") { Description = "Of a copy: where the records go, as JSON lines; standard output by default" };
        var (asset, key, passphraseFile, passphraseFd, node) = (ContributeCommands.AssetOption(), Shared.Key(), Shared.PassphraseFile(), Shared.PassphraseFd(), Shared.Node());
        var command = new Command("result", "Fetches the result of a use, checks it against the chain's hash, and decrypts it with the buyer's key.") { id, use, csv, output, asset, key, passphraseFile, passphraseFd, node };
        command.SetAction(async (r, ct) =>
        {
            using var client = Shared.Client(r.GetValue(node));
            var info = await Shared.FindAssetAsync(client, r.GetValue(asset), ct);
            using var keys = Shared.OpenKey(r.GetValue(key)!, r.GetValue(passphraseFile), r.GetValue(passphraseFd));
            var found = await FindAsync(client, info, r.GetValue(id)!, ct);
            if (found.Terms.Use == RequestUse.Copy)
            {
                WriteCopy(await ReadFileAsync(client, info, found, r.GetValue(use), keys.SigningKey, keys.Identity, ct), r.GetValue(output), r.GetValue(Shared.Json));
                return 0;
            }
            var result = await ReadResultAsync(client, info, found, r.GetValue(use), keys.SigningKey, keys.Identity, ct);
            if (r.GetValue(csv))
                Console.Out.Write(Encoding.UTF8.GetString(result.ToCsv()));
            else if (r.GetValue(Shared.Json))
                Console.WriteLine(Encoding.UTF8.GetString(result.ToJson()));
            else
                Print(result);
            return 0;
        });
        return command;
    }

    public static Command Settle()
    {
        var id = new Argument<string>("REQUEST") { Description = "From 'trove requests'; its first digits are enough" };
        var (asset, key, passphraseFile, passphraseFd, direct) = (ContributeCommands.AssetOption(), Shared.Payer(), Shared.PassphraseFile(), Shared.PassphraseFd(), Shared.Direct());
        (key.Required, direct.Required) = (true, true);
        var command = new Command("settle", """
            Moves a request's money on when its time has come, without any node: to the owners, or back to the buyer, and what waits for either. Nodes do this by themselves; anybody may.

            Example: trove settle 3f0a --asset 0x… --direct https://… --key me.key --passphrase-file pass.txt
            """) { id, asset, direct, key, passphraseFile, passphraseFd };
        command.SetAction(async (r, ct) =>
        {
            using var keys = Shared.OpenKey(r.GetValue(key)!, r.GetValue(passphraseFile), r.GetValue(passphraseFd));
            using var client = (DirectClient)Shared.Client(null, r.GetValue(direct), r.GetValue(asset), keys.SigningKey);
            var info = await Shared.FindAssetAsync(client, r.GetValue(asset), ct);
            var settled = await client.SettleAsync((await FindAsync(client, info, r.GetValue(id)!, ct)).Request, ct);
            if (r.GetValue(Shared.Json))
                Shared.PrintJson(settled);
            else
                Print(settled);
            return 0;
        });
        return command;
    }

    private static Command Query()
    {
        var sql = new Argument<string>("QUERY") { Description = $"One SELECT over records; the columns are in 'trove asset data'. Such as: {Example}" };
        var dry = new Option<bool>("--dry-run") { Description = "Compute it here on made-up records, and ask for nothing" };
        var options = new RequestOptions("How often it is computed");
        var command = new Command("query", "Asks for an aggregate over members' records. It is tried on made-up records first; then the price goes into escrow and the owners vote.") { sql, dry };
        options.AddTo(command, query: true);
        command.SetAction(async (r, ct) =>
        {
            var query = Parse(r.GetValue(sql)!);
            if (r.GetValue(dry))
            {
                PrintDryRun(query, options.ReadEpsilon(r), r.GetValue(Shared.Json));
                return 0;
            }
            TryOut(query, options.ReadEpsilon(r));
            return await AskAsync(r, options, query, ct);
        });
        return command;
    }

    private static Command Copy()
    {
        var options = new RequestOptions("How often it is handed over");
        var command = new Command("copy", """
            Asks for the records themselves. Owners decide that by the rules of copies, which take more votes than a query does: what is handed over cannot be taken back.

            Example: trove request copy --asset TIDE --kind comment --from 2020 --price 8000 --key buyer.key
            """);
        options.AddTo(command, query: false);
        command.SetAction((r, ct) => AskAsync(r, options, null, ct));
        return command;
    }

    private static async Task<int> AskAsync(ParseResult r, RequestOptions options, Query? query, CancellationToken ct)
    {
        options.ReadLife(r); // before a node is asked for anything
        using var keys = Shared.OpenKey(r.GetValue(options.Key) ?? throw new CommandException("a request is signed by its buyer", query is null ? "name your key with --key" : "name your key with --key, or add --dry-run"), r.GetValue(options.PassphraseFile), r.GetValue(options.PassphraseFd));
        using var client = Shared.Client(r.GetValue(options.Node), r.GetValue(options.Direct), r.GetValue(options.Asset), keys.SigningKey);
        var (info, chain) = (await Shared.FindAssetAsync(client, r.GetValue(options.Asset), ct), await client.InfoAsync(ct));
        var made = await RequestAsync(client, chain, info, keys.SigningKey, keys.Identity.Recipient, options.Read(r, query, info), r.GetValue(options.TestDollars), ct);
        if (r.GetValue(Shared.Json))
            Shared.PrintJson(made);
        else
        {
            Print(made);
            Console.WriteLine($"  next      the owners vote once somebody puts it to them:  trove propose {made.Request}");
        }
        return 0;
    }

    /// <summary>Puts a request's price into escrow.</summary>
    public static async Task<RequestInfo> RequestAsync(IAssetClient client, NodeInfo info, AssetInfo asset, SigningKey buyer, X25519Recipient recipient, RequestPlan plan, bool testDollars, CancellationToken ct)
    {
        var data = await client.DataAsync(asset.Asset, ct);
        if (data.SnapshotEpoch == 0)
            throw new CommandException($"{asset.Symbol} has no snapshot yet: fewer than {asset.Charter.MinimumSnapshotLeaves} contributions have earned shares", "ask again when more members have contributed");
        var terms = new RequestTerms(buyer.Address, recipient.ToString(), plan.Kinds, plan.FromYear, plan.ToYear, data.SnapshotEpoch, plan.Query?.CodeHash ?? CopyFile.CodeHash, data.MinimumGroupSize, plan.Price, plan.Uses,
            DateTimeOffset.UtcNow.AddSeconds(plan.LifeSeconds).ToUnixTimeSeconds(), Shared.Nonce()) { Use = plan.Query is null ? RequestUse.Copy : RequestUse.Query, Epsilon = plan.Epsilon };
        if (testDollars)
            await MoneyCommands.TakeTestDollarsAsync(client, info, buyer, terms.Total, ct);
        long validBefore = Shared.Deadline();
        var id = ContractDigests.RequestId(info.ChainId, asset.Grants, terms.ToAbi());
        var digest = ContractDigests.ReceiveWithAuthorization(info.PaymentTokenDomain, buyer.Address, asset.Grants, terms.Total.Units, (ulong)validBefore, id);
        return await client.RequestQueryAsync(asset.Asset, new QueryRequest(terms, plan.Query?.ToString() ?? CopyFile.Code, validBefore, Hex.Encode(buyer.Sign(digest))), ct);
    }

    /// <summary>The result of a query.</summary>
    public static async Task<QueryResult> ReadResultAsync(TroveClient client, AssetInfo asset, RequestInfo request, uint use, SigningKey buyer, X25519Identity identity, CancellationToken ct) =>
        QueryResult.TryRead((await ReadFileAsync(client, asset, request, use, buyer, identity, ct)).Span) ?? throw new CommandException("the result is not in the form that runners write", "tell the asset's owners: its runner signed it");

    /// <summary>A use's result as its runner made it, held against the hash that the runner signed.</summary>
    public static async Task<ReadOnlyMemory<byte>> ReadFileAsync(TroveClient client, AssetInfo asset, RequestInfo request, uint use, SigningKey buyer, X25519Identity identity, CancellationToken ct)
    {
        var file = await client.SealedResultAsync(asset.Asset, request.Request, use, buyer, ct);
        if (request.Uses.FirstOrDefault(u => u.Use == use)?.ResultHash != new Hash32(System.Security.Cryptography.SHA256.HashData(file)))
            throw new CommandException("the node sent another result than the one whose hash is on chain", "ask another node");
        using var plain = new MemoryStream();
        await AgeFile.DecryptAsync(new MemoryStream(file, writable: false), plain, [identity], cancel: ct);
        return plain.GetBuffer().AsMemory(0, (int)plain.Length);
    }

    private static void WriteCopy(ReadOnlyMemory<byte> copy, FileInfo? file, bool json)
    {
        long records = 0;
        var members = new HashSet<int>();
        var line = new ArrayBufferWriter<byte>();
        void Write(Stream to)
        {
            foreach (var (member, record) in CopyFile.Read(copy))
            {
                line.ResetWrittenCount();
                RecordJson.Write(line, record);
                to.Write(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{{\"member\":{member},\"record\":")));
                to.Write(line.WrittenSpan[..^1]); // without its line feed
                to.Write("}\n"u8);
                records++;
                members.Add(member);
            }
        }
        try
        {
            if (file is null)
            {
                using var console = new BufferedStream(Console.OpenStandardOutput());
                Write(console);
                return;
            }
            DurableFile.Write(file.FullName, Write);
        }
        catch (ExportException e)
        {
            throw new CommandException($"the copy cannot be read: {e.Message}", "tell the asset's owners: its runner signed it");
        }
        if (json)
            Shared.PrintJson(new { file = file.FullName, records, members = members.Count });
        else
            Console.WriteLine($"{Shared.Safe(file.Name)}: {records:N0} records of {members.Count:N0} members");
    }

    /// <summary>What a request asks for, in a sentence.</summary>
    public static string InWords(RequestInfo r)
    {
        var scope = $"{(r.Terms.Uses == 1 ? "once" : $"{r.Terms.Uses} times")}, for ${r.Terms.Total}, over {string.Join(", ", r.Terms.Kinds)} of {Years(r.Terms)} up to epoch {r.Terms.LastEpoch}";
        return r.Terms.Use == RequestUse.Copy
            ? $"{scope}: a copy of the records themselves, which {r.Terms.Buyer} keeps and nobody can take back"
            : $"{scope}, numbers of at least {r.Terms.GroupSize} members each: {Shared.Safe(r.Query)}";
    }

    /// <summary>Prints a result as a table.</summary>
    public static void Print(QueryResult result)
    {
        var rows = result.Rows.Select(row => row.Select((v, i) => Shared.Safe(QueryResult.Text(v, result.Columns[i].Type))).ToList()).ToList();
        var widths = result.Columns.Select((c, i) => Math.Max(c.Name.Length, rows.Select(row => row[i].Length).DefaultIfEmpty().Max())).ToList();
        Console.WriteLine(string.Join("  ", result.Columns.Select((c, i) => c.Name.PadRight(widths[i]))));
        foreach (var row in rows)
            Console.WriteLine(string.Join("  ", row.Select((text, i) => result.Columns[i].Type == ResultType.Label ? text.PadRight(widths[i]) : text.PadLeft(widths[i]))));
        if (rows.Count == 0)
            Console.WriteLine("no group has enough members to be shown: a larger ε, fewer columns and fewer cells of a member (CELLS) need fewer");
    }

    private static void Print(RequestInfo r)
    {
        Console.WriteLine($"""
            request {r.Request}  {r.State}
              asks      {InWords(r)}
              buyer     {r.Terms.Buyer}
              stands    {r.Meaning}
            """);
        foreach (var u in r.Uses)
            Console.WriteLine($"  use {u.Use}     {u.State} by runner {u.Runner}{(u.ResultHash is { } hash ? $", result {hash.ToHex()[..12]} from inputs {u.InputsHash!.Value.ToHex()[..12]}" : "")}");
    }

    private static void Print(AssetInfo asset, DataInfo data)
    {
        Console.WriteLine(data.SnapshotEpoch == 0 ? $"{asset.Symbol} has no snapshot yet: {asset.Charter.MinimumSnapshotLeaves} contributions that earned shares are needed"
            : $"{asset.Symbol}, snapshot of epoch {data.SnapshotEpoch}; every number of a result is made of at least {data.MinimumGroupSize} members");
        Console.WriteLine($"privacy: an epsilon of {AssetCommands.Millionths(data.Budget.Budget - Math.Min(data.Budget.Spent, data.Budget.Budget))} of {AssetCommands.Millionths(data.Budget.Budget)} is left{(data.Budget.End == 0 ? "" : $" until {DateTimeOffset.FromUnixTimeSeconds(data.Budget.End):u}")}");
        foreach (var c in data.Cells)
            Console.WriteLine($"  {c.Kind,-10} {(c.Year == 0 ? "undated" : c.Year.ToString(CultureInfo.InvariantCulture)),-8} {c.Members,6} members {c.Parts,6} parts {c.Bytes,12:N0} bytes compressed");
        Console.WriteLine("columns of records:");
        foreach (var c in data.Columns)
            Console.WriteLine($"  {c.Name,-26} {c.Use,-18} {c.Meaning}");
        Console.WriteLine($"such as:\n  trove request query \"{Example}\" --dry-run");
    }

    private static void PrintDryRun(Query query, ulong epsilon, bool json)
    {
        var result = TryOut(query, epsilon);
        if (json)
            Console.WriteLine(Encoding.UTF8.GetString(result.ToJson()));
        else
        {
            Console.WriteLine($"asks: {query}\non {SyntheticSample.Members} made-up members, every number of at least {Core.Queries.Query.DefaultGroupSize} of them, with fresh noise of ε = {AssetCommands.Millionths(epsilon)}:");
            Print(result);
        }
    }

    private static QueryResult TryOut(Query query, ulong epsilon) =>
        QueryRunner.Run(query, Core.Queries.Query.DefaultGroupSize, (long)epsilon, QuerySeed.Random, SyntheticSample.Records(), QueryLimits.Default, CancellationToken.None).Result
        ?? throw new CommandException("the query cannot be computed on made-up records", "make it simpler");

    private static Query Parse(string text)
    {
        try
        {
            return Core.Queries.Query.Parse(text);
        }
        catch (QuerySyntaxException e)
        {
            throw new CommandException(e.Message, "'trove asset data' lists what queries can name");
        }
    }

    private static async Task<RequestInfo> FindAsync(IAssetClient client, AssetInfo asset, string text, CancellationToken ct)
    {
        var prefix = text.StartsWith("0x", StringComparison.Ordinal) ? text[2..] : text;
        var found = (await client.RequestsAsync(asset.Asset, ct)).Where(p => prefix.Length > 3 && p.Request.ToHex().StartsWith(prefix, StringComparison.OrdinalIgnoreCase)).ToList();
        return found.Count == 1 ? found[0] : throw new CommandException($"{found.Count} requests begin with '{Shared.Safe(text)}'", "list them with 'trove requests' and give at least four digits");
    }

    private static string Years(RequestTerms t) => (t.FromYear, t.ToYear) switch
    {
        (0, 9999) => "all years",
        (var from, 9999) => $"{from} and later",
        var (from, to) => from == to ? $"{from}" : $"{from} to {to}",
    };
}

/// <summary>What a buyer decides.</summary>
/// <param name="Query">The query; none asks for a copy.</param>
/// <param name="Price">For each use.</param>
/// <param name="LifeSeconds">Until the money comes back if nothing was computed.</param>
internal sealed record RequestPlan(Query? Query, IReadOnlyList<string> Kinds, int FromYear, int ToYear, Money Price, uint Uses, uint LifeSeconds, ulong Epsilon);
