using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Numerics;
using Trove.Chain;
using Trove.Chain.Bindings;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Core.Payouts;
using Trove.Core.Rewards;
using Trove.Crypto;
using Trove.Node.Protocol;

namespace Trove.Cli.Commands;

/// <summary>All that a founder decides.</summary>
/// <param name="Threshold">Verifiers that must agree.</param>
/// <param name="GuardianThreshold">Guardians it takes to open a part.</param>
/// <param name="VestingEpochs">Later epochs in which what is earned vests.</param>
internal sealed record AssetPlan(string Name, string Symbol, AssetPolicy Policy, IReadOnlyList<VerifierInfo> Verifiers, int Threshold,
    IReadOnlyList<Address> Guardians, int GuardianThreshold, IReadOnlyList<Address> Runners, GovernanceInfo Governance, CharterInfo Charter, int VestingEpochs = 0);

/// <summary>Founding assets, looking at them, closing their epochs.</summary>
internal static class AssetCommands
{
    /// <summary>Kinds that carry a person's own words: what an asset takes unless its founder says otherwise.</summary>
    public static readonly string[] DefaultKinds = ["answer", "comment", "message", "note", "post", "prompt"];

    /// <summary>The rules of a founder who changes nothing.</summary>
    public static readonly AssetPolicy DefaultPolicy = AssetPolicy.Default(DefaultKinds);

    public static Command Asset()
    {
        var asset = new Command("asset", "Assets: data sets owned by their contributors.");
        asset.Subcommands.Add(Create());
        asset.Subcommands.Add(List());
        asset.Subcommands.Add(Show());
        asset.Subcommands.Add(RequestCommands.Data());
        asset.Subcommands.Add(Rules());
        asset.Subcommands.Add(Charter());
        asset.Subcommands.Add(AuditCommand.Audit());
        return asset;
    }

    public static Command Epoch()
    {
        var epoch = new Command("epoch", "Epochs: contributions are rewarded together.");
        var (asset, key, passphraseFile, passphraseFd, node) = (ContributeCommands.AssetOption(), Shared.Key(), Shared.PassphraseFile(), Shared.PassphraseFd(), Shared.Node());
        var close = new Command("close", "Closes the running epoch (founder): novelty is computed, the verifiers sign the root, shares are minted, and what has vested is handed out.") { asset, key, passphraseFile, passphraseFd, node };
        close.SetAction(async (r, ct) =>
        {
            using var client = Shared.Client(r.GetValue(node));
            using var keys = Shared.OpenKey(r.GetValue(key)!, r.GetValue(passphraseFile), r.GetValue(passphraseFd));
            var info = await Shared.FindAssetAsync(client, r.GetValue(asset), ct);
            var closed = await CloseEpochAsync(client, await client.InfoAsync(ct), info, keys.SigningKey, ct);
            if (r.GetValue(Shared.Json))
                Shared.PrintJson(closed);
            else
                Console.WriteLine($"epoch {closed.Number} of {info.Symbol} is {closed.State}: {closed.Total} shares for {closed.Leaves} of {closed.Contributions} contributions; {closed.Signatures} of {closed.Threshold} signatures");
            return 0;
        });
        epoch.Subcommands.Add(close);
        return epoch;
    }

    private static Command Create()
    {
        var name = new Option<string>("--name") { Description = "Name, such as 'Tide Pool'", Required = true };
        var symbol = new Option<string>("--symbol") { Description = "Symbol of its shares, such as TIDE", Required = true };
        var verifiers = new Option<string[]>("--verifier") { Description = "A verifier as ADDRESS=RECIPIENT ('trove key show' prints both); repeatable", Required = true };
        var threshold = new Option<int>("--threshold") { Description = "How many verifiers must agree; all by default" };
        var guardians = new Option<string[]>("--guardian") { Description = "Address of a guardian of the asset's keys, which must run now; repeatable", Required = true };
        var guardianThreshold = new Option<int>("--guardian-threshold") { Description = "How many guardians it takes to open a part; more than half by default" };
        var runners = new Option<string[]>("--runner") { Description = "Address of a runner that may compute on what is released; repeatable" };
        var settings = new GovernanceOptions();
        var perWord = new Option<string>("--shares-per-word") { Description = "Shares for a new word of full quality", DefaultValueFactory = _ => "1" };
        var cap = new Option<string>("--epoch-cap") { Description = "Most shares an epoch mints", DefaultValueFactory = _ => "1000000000" };
        var ownerCap = new Option<string?>("--owner-cap") { Description = "Most shares an owner earns in an epoch; the epoch's by default" };
        var halving = new Option<ulong>("--halving-words") { Description = "So many new words are paid in full, then each doubling as much as the one before; 0: all in full" };
        var require = new Option<string[]>("--require") { Description = $"Evidence without which nothing is earned: {string.Join(", ", EvidenceKinds.All)}; repeatable" };
        require.AcceptOnlyFromAmong([.. EvidenceKinds.All]); // one misspelt would ask for nothing
        var vesting = new Option<int>("--vesting") { Description = $"Later epochs in which what is earned vests, in equal steps, up to {Vesting.Max}; who withdraws before loses the rest. 0: at once. Nobody changes it later" };
        var minimum = new Option<uint>("--minimum-words") { Description = "Fewest own words of a contribution", DefaultValueFactory = _ => 20 };
        var kinds = new Option<string[]>("--kind") { Description = $"Kind of records taken, repeatable; {string.Join(", ", DefaultKinds)} by default" };
        var quality = new Option<Quality?>("--quality") { Arity = ArgumentArity.OneOrMore, CustomParser = ParseQuality, Description = $"Weight of a signal of quality in percent, as NAME=PERCENT; 100 by default. {string.Join(", ", Quality.Names)}; repeatable. language=0 where an asset's language is none of the 166 known" };
        var query = new Option<string>("--query-price") { Description = "Least price of a query in dollars", DefaultValueFactory = _ => "25" };
        var train = new Option<string>("--train-price") { Description = "Least price of a training use in dollars", DefaultValueFactory = _ => "250" };
        var copy = new Option<string>("--copy-price") { Description = "Least price of a copy in dollars", DefaultValueFactory = _ => "5000" };
        var (key, passphraseFile, passphraseFd, node) = (Shared.Key(), Shared.PassphraseFile(), Shared.PassphraseFd(), Shared.Node());
        var rpc = Shared.Rpc("The chain; the node's embedded one by default");
        var command = new Command("create", "Founds an asset: the guardians make its keys, which nobody ever holds; then its shares, rules, votes and grants come to be in one transaction.")
        {
            name, symbol, verifiers, threshold, guardians, guardianThreshold, runners, perWord, cap, ownerCap, halving, vesting, require, minimum, kinds, quality, query, train, copy, key, passphraseFile, passphraseFd, node, rpc,
        };
        settings.AddTo(command);
        command.SetAction(async (r, ct) =>
        {
            using var client = Shared.Client(r.GetValue(node));
            using var keys = Shared.OpenKey(r.GetValue(key)!, r.GetValue(passphraseFile), r.GetValue(passphraseFd));
            var chosen = r.GetValue(kinds) is { Length: > 0 } named ? named.SelectMany(k => k.Split(',')) : DefaultKinds;
            var required = r.GetValue(require) ?? [];
            var policy = DefaultPolicy with
            {
                SharesPerWord = ParseShares(r.GetValue(perWord)!), EpochCap = ParseShares(r.GetValue(cap)!), OwnerCap = ParseShares(r.GetValue(ownerCap) ?? r.GetValue(cap)!),
                HalvingWords = r.GetValue(halving), MinimumWords = r.GetValue(minimum),
                Kinds = [.. ContributeCommands.ReadKinds(chosen).Select(Exports.RecordKinds.Name).Order(StringComparer.Ordinal)],
                Evidence = EvidencePolicy.Default with { Rules = [.. EvidencePolicy.Default.Rules.Select(rule => rule with { Required = required.Contains(rule.Kind) })] },
                Quality = r.GetValue(quality) ?? Quality.Full,
                QueryPrice = ParseMoney(r.GetValue(query)!), TrainPrice = ParseMoney(r.GetValue(train)!), CopyPrice = ParseMoney(r.GetValue(copy)!),
            };
            if (r.GetValue(vesting) is < 0 or > Vesting.Max)
                throw new CommandException($"shares do not vest in {r.GetValue(vesting)} epochs", $"take 0 to {Vesting.Max}");
            var set = r.GetValue(verifiers)!.Select(v => ParseOperator(v, "verifier")).ToList();
            var guards = r.GetValue(guardians)!.Select(VoteCommands.ParseAddress).ToList();
            if (r.GetValue(guardianThreshold) == 1 && guards.Count > 1)
                throw new CommandException("with --guardian-threshold 1 each guardian would hold the whole key", "take at least 2, or name one guardian");
            using var chain = await Shared.ChainAsync(client, r.GetValue(rpc), ct);
            using var progress = new Progress();
            var asset = await CreateAsync(client, await client.InfoAsync(ct), chain, keys.SigningKey, new AssetPlan(r.GetValue(name)!, r.GetValue(symbol)!, policy, set,
                r.GetValue(threshold) is var m and > 0 ? m : set.Count, guards, r.GetValue(guardianThreshold) is var t and > 0 ? t : guards.Count / 2 + 1,
                [.. (r.GetValue(runners) ?? []).Select(VoteCommands.ParseAddress)], settings.Read(r), settings.ReadCharter(r), r.GetValue(vesting)), what => progress.Report(what), ct);
            if (r.GetValue(Shared.Json))
                Shared.PrintJson(asset);
            else
                Print(asset);
            return 0;
        });
        return command;
    }

    private static Quality? ParseQuality(ArgumentResult result)
    {
        uint[] values = [.. Quality.Full.Values];
        foreach (string weight in result.Tokens.Select(t => t.Value))
        {
            int equals = weight.IndexOf('=', StringComparison.Ordinal), at = equals < 0 ? -1 : Quality.Names.ToList().IndexOf(weight[..equals]);
            if (at < 0 || !uint.TryParse(weight.AsSpan(equals + 1), NumberStyles.None, CultureInfo.InvariantCulture, out uint percent) || percent > 100)
            {
                result.AddError($"'{weight}' is no weight of quality: write NAME=PERCENT, such as language=0, with one of {string.Join(", ", Quality.Names)} and 0 to 100");
                return null;
            }
            values[at] = percent * RecordScore.Full / 100;
        }
        return Quality.From(values);
    }

    private static Command List()
    {
        var node = Shared.Node();
        var command = new Command("list", "All assets of a node.") { node };
        command.SetAction(async (r, ct) =>
        {
            using var client = Shared.Client(r.GetValue(node));
            var all = await client.AssetsAsync(ct);
            if (r.GetValue(Shared.Json))
                Shared.PrintJson(all);
            else if (all.Count == 0)
                Console.WriteLine("no assets yet; found one with 'trove asset create'");
            foreach (var a in r.GetValue(Shared.Json) ? [] : all)
                Console.WriteLine($"{a.Symbol,-11} {a.Asset}  {Shared.Safe(a.Name)}{(a.OperatorTrusted ? "  (operator-trusted)" : "")}");
            return 0;
        });
        return command;
    }

    private static Command Rules()
    {
        var asset = new Argument<string?>("ASSET") { Description = "Symbol or address; what a founder gets who says nothing else, when it is left out", Arity = ArgumentArity.ZeroOrOne };
        var node = Shared.Node();
        var command = new Command("rules", """
            What it takes to decide queries, copies and the constitution, as JSON: to edit, and to give to 'asset create' or 'propose' with --rules.

            Example: trove asset rules > rules.json
            """) { asset, node };
        command.SetAction(async (r, ct) =>
        {
            if (r.GetValue(asset) is not { } named)
            {
                Shared.PrintJson(GovernanceInfo.Default.Rules);
                return 0;
            }
            using var client = Shared.Client(r.GetValue(node));
            Shared.PrintJson((await Shared.FindAssetAsync(client, named, ct)).Governance.Rules);
            return 0;
        });
        return command;
    }

    private static Command Charter()
    {
        var asset = new Argument<string?>("ASSET") { Description = "Symbol or address; what a founder gets who says nothing else, when it is left out", Arity = ArgumentArity.ZeroOrOne };
        var node = Shared.Node();
        var command = new Command("charter", """
            What is laid down about uses and their money, as JSON: privacy budget, standing offer, stakes, disputes, fees; to edit, and to give to 'asset create' or 'propose' with
            --charter. Times are seconds, epsilon is in millionths.

            Example: trove asset charter > charter.json
            """) { asset, node };
        command.SetAction(async (r, ct) =>
        {
            if (r.GetValue(asset) is not { } named)
            {
                Shared.PrintJson(CharterInfo.Default);
                return 0;
            }
            using var client = Shared.Client(r.GetValue(node));
            Shared.PrintJson((await Shared.FindAssetAsync(client, named, ct)).Charter);
            return 0;
        });
        return command;
    }

    private static Command Show()
    {
        var asset = new Argument<string?>("ASSET") { Description = "Symbol or address", Arity = ArgumentArity.ZeroOrOne };
        var node = Shared.Node();
        var command = new Command("show", "An asset: rules, verifiers, epochs, money.") { asset, node };
        command.SetAction(async (r, ct) =>
        {
            using var client = Shared.Client(r.GetValue(node));
            var info = await Shared.FindAssetAsync(client, r.GetValue(asset), ct);
            var epochs = await client.EpochsAsync(info.Asset, ct);
            if (r.GetValue(Shared.Json))
            {
                Shared.PrintJson(new { asset = info, epochs });
                return 0;
            }
            Print(info);
            foreach (var e in epochs)
                Console.WriteLine($"  epoch {e.Number} {e.State}: {e.Total} shares for {e.Leaves} of {e.Contributions} contributions, {e.Signatures} of {e.Threshold} signatures");
            return 0;
        });
        return command;
    }

    /// <summary>
    /// Has the guardians make the asset's keys, and the factory create the asset with them. Nobody ever knows these keys.
    /// </summary>
    /// <param name="report">Told what is waited for.</param>
    public static async Task<AssetInfo> CreateAsync(TroveClient client, NodeInfo info, EthClient chain, SigningKey founder, AssetPlan plan, Action<string> report, CancellationToken ct)
    {
        var salt = Shared.Nonce();
        var made = await KeyCeremony.RunAsync(client, info, chain, founder, salt, plan.Guardians, plan.GuardianThreshold, report, ct);
        report("the asset is put on chain");
        var custody = new CustodyInfo(plan.Guardians, made.Key!.Commitments, made.OprfKey!.Commitments, (uint)plan.GuardianThreshold, plan.Runners, 1);
        var recipient = made.Key.Recipient;
        long deadline = Shared.Deadline();
        var p = new AssetParams(plan.Name, plan.Symbol, salt, info.PaymentToken, recipient.PublicKey, plan.Policy.Hash(), (BigInteger)plan.Policy.EpochCap.Units, (byte)plan.VestingEpochs,
            [.. plan.Verifiers.Select(v => v.Address)], [.. plan.Verifiers.Select(v => X25519Recipient.Parse(v.Recipient).PublicKey)], (uint)plan.Threshold,
            custody.ToAbi(), plan.Governance.ToAbi(), plan.Charter.ToAbi());
        var digest = ContractDigests.CreateAsset(info.ChainId, info.Factory, p, founder.Address, (ulong)deadline);
        var asset = await client.CreateAssetAsync(new CreateAssetRequest(founder.Address, plan.Name, plan.Symbol, salt, recipient.ToString(), plan.Policy, plan.Verifiers,
            (uint)plan.Threshold, custody, plan.Governance, plan.Charter, deadline, Hex.Encode(founder.Sign(digest)), new CommitteeProof(made.Hash, [.. made.Confirmations.Select(c => Hex.Encode(c))]), plan.VestingEpochs), ct);
        return await client.AssetAsync(asset.Asset, ct);
    }

    /// <summary>Closes the running epoch and waits a while for it to be posted.</summary>
    public static async Task<EpochInfo> CloseEpochAsync(TroveClient client, NodeInfo info, AssetInfo asset, SigningKey founder, CancellationToken ct)
    {
        ulong number = (ulong)(await client.EpochsAsync(asset.Asset, ct)).Count + 1;
        var (nonce, deadline) = (Shared.Nonce(), Shared.Deadline());
        var digest = Messages.CloseEpoch(Messages.Domain(info.ChainId, asset.Ledger), asset.Asset, number, nonce, deadline);
        var epoch = await client.CloseEpochAsync(asset.Asset, new CloseEpochRequest(number, nonce, deadline, Hex.Encode(founder.Sign(digest))), ct);
        for (int i = 0; i < 300 && epoch.State != "posted"; i++)
        {
            await Task.Delay(200, ct);
            epoch = await client.EpochAsync(asset.Asset, number, ct);
        }
        return epoch;
    }

    private static void Print(AssetInfo a)
    {
        Console.WriteLine($"""
            {a.Symbol}  {Shared.Safe(a.Name)}{(a.OperatorTrusted ? "  (operator-trusted: its chain is embedded and could be rewritten by the node's operator)" : "")}
              asset      {a.Asset}
              founder    {a.Founder}
              recipient  {a.Recipient}
              guardians  {a.Custody.Threshold} of {a.Custody.Guardians.Count} open a part (committee {a.Custody.Epoch}): {string.Join(", ", a.Custody.Guardians)}
              runners    {(a.Custody.Runners.Count == 0 ? "none" : string.Join(", ", a.Custody.Runners))}
              queries    {InWords(a.Governance.Rules.Query)}
              copies     {InWords(a.Governance.Rules.Copy)}
              all else   {InWords(a.Governance.Rules.Constitution)}
              privacy    an epsilon of {Millionths(a.Charter.Budget)} in {Span(a.Charter.Period)}{(a.Charter.Standing is { Uses: > 0 } s ? $"; without a vote {s.Uses} queries of at most {Millionths(s.MaximumEpsilon)} for ${s.MinimumPrice} or more, groups of {s.MinimumGroupSize}" : "")}
              results    {(a.Charter.ChallengeTime == 0 ? "are settled at once" : $"can be disputed for {Span(a.Charter.ChallengeTime)}; runners stake ${a.Charter.RunnerStake} a use")}
              fees       {(a.Charter.Fees.Count == 0 ? "none" : string.Join(", ", a.Charter.Fees.Select(f => $"{f.BasisPoints / 100m:0.##} % to {(f.Recipient == a.Timelock ? "the treasury" : f.Recipient)}")))}
              verifiers  {a.Threshold} of {a.Verifiers.Count}: {string.Join(", ", a.Verifiers.Select(v => v.Address))}
              shares     {a.Supply} after {a.Epochs} epochs; {a.Contributions} contributions
              vesting    {(a.VestingEpochs == 0 ? "what is earned is its owner's at once, and stays so" : $"what is earned becomes its owner's in {a.VestingEpochs} equal steps, one with each later epoch; what is to come is lost with a withdrawal. Nobody changes this")}
              received   ${a.Received}
            """);
        if (a.Policy is { } p)
            Console.WriteLine($"  rules      {p.SharesPerWord} shares a new word, at most {p.EpochCap} an epoch, from {p.MinimumWords} own words on; takes {string.Join(", ", p.Kinds)}\n"
                + $"  prices     query ${p.QueryPrice}, training ${p.TrainPrice}, copy ${p.CopyPrice}");
    }

    /// <summary>A number given in millionths.</summary>
    public static string Millionths(ulong value) => (value / 1_000_000m).ToString("0.######", CultureInfo.InvariantCulture);

    /// <summary>What it takes to decide something, in words.</summary>
    public static string InWords(RulesInfo r) =>
        $"more than {r.ApprovalPercent} % of the votes, {r.QuorumPercent} % of all shares voting, at least {r.QuorumFloor}, within {Span(r.VotingPeriod)}; {Span(r.TimelockDelay)} until it takes effect";

    /// <summary>ADDRESS=RECIPIENT of the command line.</summary>
    public static VerifierInfo ParseOperator(string text, string role) => text.Split('=') is [var address, var recipient] && Address.TryParse(address, out var value)
        ? new VerifierInfo(value, X25519Recipient.Parse(recipient).ToString())
        : throw new CommandException($"'{Shared.Safe(text)}' is no {role}", "write ADDRESS=RECIPIENT as 'trove key show' prints them");

    /// <summary>Seconds in words.</summary>
    public static string Span(long seconds) => seconds switch
    {
        >= 2 * 86400 => $"{seconds / 86400} days",
        >= 2 * 3600 => $"{seconds / 3600} hours",
        >= 120 => $"{seconds / 60} minutes",
        _ => $"{seconds} s",
    };

    private static Core.Shares ParseShares(string text) => Core.Shares.TryParse(text, out var value) ? value : throw new CommandException($"'{Shared.Safe(text)}' is no number of shares", "write a decimal number such as 0.5");

    private static Money ParseMoney(string text) => Money.TryParse(text, out var value) ? value : throw new CommandException($"'{Shared.Safe(text)}' is no amount", "write dollars such as 12.50");
}
