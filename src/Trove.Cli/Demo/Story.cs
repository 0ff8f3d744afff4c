using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Trove.Cli.Commands;
using Trove.Cli.Contributing;
using Trove.Core;
using Trove.Crypto;
using Trove.Exports;
using Trove.Node;
using Trove.Node.Protocol;

namespace Trove.Cli.Demo;

/// <summary>
/// The demo: real processes, real keys, real chain, sample data. Every step goes through the same API, contributor and
/// verifiers that members use; the only thing made up is the five members.
/// </summary>
internal sealed class Story(bool json, bool exit, IReadOnlyList<string> with, string me)
{
    private sealed record Member(string Name, string File, string[] Exclude, string[] Redact, SigningKey Key)
    {
        public Hash32? Contribution { get; set; }
        public string? Refused { get; set; }
    }

    // Seconds instead of days.
    private GovernanceInfo Quick => GovernanceInfo.Default with
    {
        // An embedded chain's time runs at least a second with each block: there is one for each ballot on four requests and the guardians.
        VoteExtension = 2, Rules = GovernanceInfo.Default.Rules.Each(r => r with { VotingPeriod = (uint)(6 + 5 * (3 + with.Count)), TimelockDelay = 1 }), MinimumOwners = 3, MinimumAge = 0,
    };

    private static readonly CharterInfo Small = CharterInfo.Default with { UseTime = 20, MinimumGroupSize = 1, MinimumSnapshotLeaves = 3, Budget = 10_000_000_000_000 };

    private readonly Stopwatch _watch = Stopwatch.StartNew();

    /// <summary>Tells the story; 0 when its money adds up.</summary>
    public async Task<int> TellAsync(CancellationToken ct)
    {
        var samples = FindSamples();
        string data = FreshFolder();
        int result;
        try
        {
            Step("start", "Starting a node: PostgreSQL, an embedded chain, the API", new { });
            await using var node = await NodeHost.StartAsync(new NodeOptions { Data = data, LogLevel = LogLevel.Warning }, ct);
            using var client = new TroveClient(node.Address);
            await using var operators = Operators.Create(Path.Combine(data, "operators"));
            await operators.StartAsync(node.Address, ct);
            try
            {
                result = await TellAsync(client, operators, samples, data, ct);
            }
            catch (Exception e) when (e is CommandException or TroveApiException)
            {
                await operators.PrintLogsAsync();
                throw;
            }
            if (!exit && result == 0)
                await StayAsync(node, ct);
        }
        finally
        {
            if (exit)
                Directory.Delete(data, recursive: true);
        }
        return result;
    }

    private async Task<int> TellAsync(TroveClient client, Operators operators, string samples, string home, CancellationToken ct)
    {
        var info = await client.InfoAsync(ct);
        Step("node", $"Node at {client.Node}, chain {info.ChainId} (embedded: operator-trusted)", new { node = client.Node, chainId = info.ChainId });

        using var founder = SigningKey.Generate();
        var policy = AssetCommands.DefaultPolicy;
        var verifiers = operators.Verifiers.Select(v => v.Info).ToList();
        using var chain = await Shared.ChainAsync(client, null, ct);
        var asset = await AssetCommands.CreateAsync(client, info, chain, founder, new AssetPlan("Tide Pool", "TIDE", policy, verifiers, verifiers.Count,
            [.. operators.Guardians.Take(3).Select(g => g.Info.Address)], 2, [operators.Runner.Info.Address], Quick, Small), _ => { }, ct);
        Step("asset", $"The founder created {asset.Symbol} \"{asset.Name}\": 1 share a new word, {asset.Threshold} of {asset.Verifiers.Count} verifiers must agree, a query costs ${policy.QueryPrice}",
            new { asset = asset.Asset, founder = asset.Founder, recipient = asset.Recipient, threshold = asset.Threshold });
        Step("custody", $"Its key was made by {asset.Custody.Guardians.Count} guardians in a ceremony, is nowhere, and {asset.Custody.Threshold} of them open a part; votes take {Quick.Rules.Query.VotingPeriod} s here and answers have next to no noise; elsewhere votes take days and noise hides each member",
            new { guardians = asset.Custody.Guardians, threshold = asset.Custody.Threshold, runners = asset.Custody.Runners });

        List<Member> members =
        [
            new("Maya", Path.Combine(samples, "maya-reddit.zip"), [], [], SigningKey.Generate()),
            new("Jonas", Path.Combine(samples, "jonas-chatgpt.zip"), [], [], SigningKey.Generate()),
            new("Ada", Path.Combine(samples, "ada-reddit.zip"), ["message"], ["mail"], SigningKey.Generate()),
            new("Copycat", Path.Combine(samples, "copycat-reddit.zip"), [], [], SigningKey.Generate()),
            new("Quiet", Path.Combine(samples, "empty-reddit.zip"), [], [], SigningKey.Generate()),
            .. with.Select((file, i) => new Member($"You{(with.Count > 1 ? $" ({i + 1})" : "")}", file, [], [], SigningKey.Generate())),
        ];
        try
        {
            foreach (var member in members)
                await ContributeAsync(client, info, asset, member, home, ct);
            await WaitForVerifiersAsync(client, members, ct);
            var epoch = await AssetCommands.CloseEpochAsync(client, info, asset, founder, ct);
            if (epoch.State != "posted")
                throw new CommandException("the epoch was not posted within a minute", "look at the log lines above");
            Step("epoch", $"Epoch 1 is closed and its root, signed by {epoch.Signatures} verifiers, posted: {epoch.Total} shares for {epoch.Leaves} of {epoch.Contributions} contributions",
                new { epoch = epoch.Number, root = epoch.Root, total = epoch.Total, leaves = epoch.Leaves });
            foreach (var member in members.Where(m => m.Contribution is not null))
            {
                var c = await client.ContributionAsync(member.Contribution!.Value, member.Key, ct);
                Step("reward", $"{member.Name}: {ContributeCommands.Describe(c)}", new { member = member.Name, contribution = c.Contribution, state = c.State, shares = c.Reward?.Amount, reason = c.Reason ?? c.Refusal });
            }
            await WaitForSharesAsync(client, asset, members, ct);
            int paid = await PayAsync(client, info, asset, members, ct);
            return paid != 0 ? paid : await new UseStory(client, info, asset, operators, members.ConvertAll(m => (m.Name, m.Key)), Step, json).TellAsync(ct);
        }
        finally
        {
            foreach (var member in members)
                member.Key.Dispose();
        }
    }

    private async Task ContributeAsync(TroveClient client, NodeInfo info, AssetInfo asset, Member member, string home, CancellationToken ct)
    {
        using (var export = Export.Open([member.File], new ExportOptions { Me = me }))
        {
            var report = export.Inspect();
            Step("inspect", $"{member.Name} looks into {Path.GetFileName(member.File)}: {report.Platform} of {Shared.Safe(report.Account)}, {report.Records:N0} records, {report.OwnWords:N0} own words",
                new { member = member.Name, platform = report.Platform, records = report.Records, ownWords = report.OwnWords });
        }
        try
        {
            var choices = ChoiceOptions.Read(member.Exclude, member.Redact, texts: null, names: false, me, RandomNumberGenerator.GetBytes(Redaction.KeySize));
            using var progress = new Progress();
            var done = await new Contributor(client, info, asset, member.Key, home, progress.Report, _ => { }).ContributeAsync([member.File], [], PublicPages.None, choices, ct);
            member.Contribution = done.Contribution;
            var kept = member.Exclude.Length > 0 ? $"; records of kind {string.Join(", ", member.Exclude)} stay at home ({done.Left:N0} left out in all)" : "";
            var hidden = done.Redacted > 0 ? $"; names or addresses blacked out in {done.Redacted:N0} records" : "";
            Step("contribute", $"{member.Name} contributed {done.Parts.Sum(p => p.Records):N0} records in {done.Parts.Count} encrypted parts{kept}{hidden}",
                new { member = member.Name, contribution = done.Contribution, parts = done.Parts.Count, left = done.Left, redacted = done.Redacted });
        }
        catch (CommandException e)
        {
            member.Refused = e.Message;
            Step("refused", $"{member.Name} is refused: {e.Message}", new { member = member.Name, reason = e.Message });
        }
    }

    private static async Task WaitForVerifiersAsync(TroveClient client, IEnumerable<Member> members, CancellationToken ct)
    {
        foreach (var member in members.Where(m => m.Contribution is not null))
            for (int i = 0; (await client.ContributionAsync(member.Contribution!.Value, ct)).State == "verifying"; i++)
            {
                if (i == 1500)
                    throw new CommandException($"the verifiers did not answer on {member.Name}'s contribution within five minutes", "look at the log lines above");
                await Task.Delay(200, ct);
            }
    }

    private static async Task WaitForSharesAsync(TroveClient client, AssetInfo asset, IEnumerable<Member> members, CancellationToken ct)
    {
        foreach (var member in members)
            for (int i = 0; i < 300 && (await client.BalanceAsync(asset.Asset, member.Key.Address, ct)).Unclaimed.Units > 0; i++)
                await Task.Delay(100, ct);
    }

    private async Task<int> PayAsync(TroveClient client, NodeInfo info, AssetInfo asset, IReadOnlyList<Member> members, CancellationToken ct)
    {
        using var buyer = SigningKey.Generate();
        var amount = new Money(250_000_000);
        await MoneyCommands.TakeTestDollarsAsync(client, info, buyer, amount, ct);
        var mined = await MoneyCommands.PayAsync(client, info, asset, buyer, amount, ct);
        Step("dividend", $"${amount} arrive as a dividend, in block {mined.Block}", new { amount, from = buyer.Address, mined.Transaction });
        foreach (var member in members)
        {
            var balance = await MoneyCommands.ClaimAsync(client, info, asset, member.Key, ct);
            Step("claim", $"{member.Name} has {balance.Shares} shares and was paid ${balance.Paid}", new { member = member.Name, shares = balance.Shares, paid = balance.Paid });
        }
        var money = await client.MoneyAsync(asset.Asset, ct);
        asset = await client.AssetAsync(asset.Asset, ct);
        if (!json)
        {
            Console.WriteLine();
            foreach (var payout in money.Payouts)
                MoneyCommands.PrintPayout(asset, await client.PayoutAsync(asset.Asset, payout.Id, ct));
            Console.WriteLine();
            MoneyCommands.PrintMoney(asset, money);
        }
        bool addsUp = MoneyCommands.AddsUp(money);
        Step("money", $"received ${money.Received} = paid ${money.Paid} + claimable ${money.Claimable} + dust ${money.Dust}: {(addsUp ? "it adds up" : "IT DOES NOT ADD UP")}",
            new { received = money.Received, paid = money.Paid, claimable = money.Claimable, dust = money.Dust, addsUp });
        return addsUp ? 0 : 1;
    }

    private async Task StayAsync(NodeHost node, CancellationToken ct)
    {
        Step("up", $"""
            The node stays up at {node.Address} until Ctrl-C. In another terminal:
              ./trove explain
              ./trove contributions
              ./trove inspect YOUR-EXPORT.zip
            """, new { node = node.Address });
        try
        {
            await node.WaitAsync(ct);
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            // Ctrl-C is how it ends.
        }
    }

    private void Step(string name, string text, object details)
    {
        if (json)
        {
            var fields = JsonSerializer.SerializeToNode(details, details.GetType(), TroveJson.Options)!.AsObject();
            fields.Insert(0, "event", name);
            fields.Insert(1, "seconds", Math.Round(_watch.Elapsed.TotalSeconds, 1));
            Console.WriteLine(fields.ToJsonString(TroveJson.Options));
        }
        else
            Console.WriteLine($"{_watch.Elapsed.TotalSeconds.ToString("0.0", CultureInfo.InvariantCulture),6} s  {text}");
    }

    private static string FindSamples()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (Directory.Exists(Path.Combine(folder.FullName, "samples")))
                return Path.Combine(folder.FullName, "samples");
        throw new CommandException("the sample exports are missing", "run the demo from a whole checkout of the repository");
    }

    // Every demo begins anew; the folder of one that ended is taken over, that of one that runs is not.
    private static string FreshFolder()
    {
        for (int i = 0; ; i++)
        {
            var folder = Path.Combine(Shared.DefaultData, i == 0 ? "demo" : $"demo-{i + 1}");
            if (Directory.Exists(folder))
            {
                if (File.Exists(Shared.AddressFile(folder)) && IsUp(File.ReadAllText(Shared.AddressFile(folder))))
                    continue;
                Directory.Delete(folder, recursive: true);
            }
            Directory.CreateDirectory(folder);
            return folder;
        }
    }

    private static bool IsUp(string address)
    {
        try
        {
            var uri = new Uri(address.Trim());
            using var socket = new System.Net.Sockets.TcpClient();
            socket.Connect(uri.Host, uri.Port);
            return true;
        }
        catch (Exception e) when (e is System.Net.Sockets.SocketException or UriFormatException)
        {
            return false;
        }
    }
}
