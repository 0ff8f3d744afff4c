using System.CommandLine;
using System.Globalization;
using Trove.Chain;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Core.Rewards;
using Trove.Crypto;
using Trove.Node.Protocol;
using Trove.Node.Requests;

namespace Trove.Cli.Commands;

/// <summary>Owners' votes: what is proposed, in words, and what a vote does.</summary>
internal static class VoteCommands
{
    public static Command Proposals()
    {
        var (asset, direct, node) = (ContributeCommands.AssetOption(), Shared.Direct(), Shared.Node());
        var ics = new Option<bool>("--ics") { Description = "Print a calendar (RFC 5545): when open votes end, and when they take effect at the earliest" };
        var command = new Command("proposals", "What owners vote on, and where each vote stands.") { asset, ics, direct, node };
        command.SetAction(async (r, ct) =>
        {
            using var client = Shared.Client(r.GetValue(node), r.GetValue(direct), r.GetValue(asset), null);
            var info = await Shared.FindAssetAsync(client, r.GetValue(asset), ct);
            var all = await client.ProposalsAsync(info.Asset, ct);
            if (r.GetValue(ics))
            {
                Console.Write(ProposalCalendar.Write(info.Asset, info.Symbol, all));
                return 0;
            }
            if (r.GetValue(Shared.Json))
                Shared.PrintJson(all);
            else if (all.Count == 0)
                Console.WriteLine("nothing is proposed; 'trove requests' shows what buyers ask for");
            var chainId = (await client.InfoAsync(ct)).ChainId;
            foreach (var p in r.GetValue(Shared.Json) ? [] : all)
            {
                try
                {
                    await PrintAsync(client, chainId, info, p, ct);
                }
                catch (Exception e) when (e is CommandException or TroveApiException or RpcException)
                {
                    Console.WriteLine($"proposal {p.Proposal.ToHex()[..12]}  {p.State}, cannot be shown: {e.Message}");
                }
            }
            return 0;
        });
        return command;
    }

    public static Command Propose()
    {
        var request = new Argument<string?>("REQUEST") { Description = "The request to approve, or with --revoke the grant to take back", Arity = ArgumentArity.ZeroOrOne };
        var revoke = new Option<bool>("--revoke") { Description = "Propose to take the grant back" };
        var runners = new Option<string[]>("--runners") { Description = "Propose to name exactly these runners, by address", AllowMultipleArgumentsPerToken = true };
        var guardians = new Option<string[]>("--guardians") { Description = "Propose to invite exactly these guardians, by address, in place of those there are", AllowMultipleArgumentsPerToken = true };
        var guardianThreshold = new Option<uint>("--guardian-threshold") { Description = "How many of these guardians it takes to open a part; more than half by default" };
        var verifiers = new Option<string[]>("--verifiers") { Description = "Propose to name exactly these verifiers, each as ADDRESS=RECIPIENT", AllowMultipleArgumentsPerToken = true };
        var verifierThreshold = new Option<uint>("--verifier-threshold") { Description = "How many of these verifiers must agree; all by default" };
        var policy = new Option<FileInfo?>("--policy") { Description = "Propose to put this policy into force: JSON, as 'trove asset show --json' has it" };
        var rules = GovernanceOptions.RulesFile("Propose what it takes to decide");
        var charter = GovernanceOptions.CharterFile("Propose what is laid down about uses and their money");
        var pay = new Option<string?>("--pay") { Description = "Propose that the treasury pays so many dollars; with --to" };
        var to = new Option<string?>("--to") { Description = "Whom the treasury pays, by address" };
        var reverse = new Option<ulong?>("--reverse") { Description = "Propose to give back a stake that was taken away: the number of the slashing" };
        var pause = new Option<string?>("--pause") { Description = "Propose that nothing is released for a time from now: 12h or 3d; 0s lifts a pause" };
        var why = new Option<string?>("--because") { Description = "Why, for the other owners" };
        var key = new Option<FileInfo?>("--key") { Description = "An owner's key file; not needed to have a node put a buyer's request to the vote" };
        var (asset, passphraseFile, passphraseFd, direct, node) = (ContributeCommands.AssetOption(), Shared.PassphraseFile(), Shared.PassphraseFd(), Shared.Direct(), Shared.Node());
        var command = new Command("propose", "Puts something to the owners' vote: a buyer's request, taking a grant back, a pause; or a change of the constitution: runners, guardians, verifiers, policy, rules, charter; what the treasury pays; an appeal.")
        {
            request, revoke, runners, guardians, guardianThreshold, verifiers, verifierThreshold, policy, rules, charter, pay, to, reverse, pause, why, asset, key, passphraseFile, passphraseFd, direct, node,
        };
        command.SetAction(async (r, ct) =>
        {
            using var keys = r.GetValue(key) is { } mine ? Shared.OpenKey(mine, r.GetValue(passphraseFile), r.GetValue(passphraseFd)) : null;
            using var client = Shared.Client(r.GetValue(node), r.GetValue(direct), r.GetValue(asset), keys?.SigningKey);
            var info = await Shared.FindAssetAsync(client, r.GetValue(asset), ct);
            var chain = await client.InfoAsync(ct);
            ProposalInfo made;
            List<ProposedAction> actions = [];
            if (r.GetValue(revoke))
                actions.Add(new ProposedAction(ActionKind.Revoke, ParseHash(r.GetValue(request))));
            if (r.GetValue(runners) is { Length: > 0 } named)
                actions.Add(new ProposedAction(ActionKind.Runners, Accounts: [.. named.Select(ParseAddress)]));
            if (r.GetValue(guardians) is { Length: > 0 } invited)
                actions.Add(Invitation([.. invited.Select(ParseAddress)], r.GetValue(guardianThreshold)));
            if (r.GetValue(verifiers) is { Length: > 0 } checking)
                actions.Add(Verifiers([.. checking.Select(v => AssetCommands.ParseOperator(v, "verifier"))], r.GetValue(verifierThreshold)));
            if (r.GetValue(policy) is { } file)
                actions.Add(new ProposedAction(ActionKind.Policy, Policy: await PutPolicyAsync(client as TroveClient, file, ct)));
            if (r.GetValue(rules) is { } written)
                actions.Add(new ProposedAction(ActionKind.Rules, Rules: GovernanceOptions.ReadRules(written)));
            if (r.GetValue(charter) is { } laid)
                actions.Add(new ProposedAction(ActionKind.Charter, Charter: GovernanceOptions.ReadCharter(laid)));
            if (r.GetValue(pay) is { } amount)
                actions.Add(Payment(amount, r.GetValue(to)));
            if (r.GetValue(reverse) is { } slashing)
                actions.Add(new ProposedAction(ActionKind.Reverse, Slashing: slashing));
            if (r.GetValue(pause) is { } time)
                actions.Add(new ProposedAction(ActionKind.Pause, Until: PauseUntil(time)));
            if (actions.Count > 1)
                throw new CommandException("a proposal is one action", "propose the others by themselves");
            if (actions is [var action])
                made = await ProposeAsync(client, chain, info, keys?.SigningKey ?? throw new CommandException("only owners propose this", "name your key with --key"), action, r.GetValue(why), ct);
            else
                made = await client.ProposeAsync(info.Asset, new ProposeRequest("approve", ParseHash(r.GetValue(request))), ct);
            await ShowAsync(r.GetValue(Shared.Json), client, chain.ChainId, info, made, ct);
            return 0;
        });
        return command;
    }

    public static Command Vote()
    {
        var proposal = new Argument<string>("PROPOSAL") { Description = "From 'trove proposals'; its first digits are enough" };
        var support = new Argument<string>("VOTE") { Description = "for, against or abstain" };
        support.AcceptOnlyFromAmong("for", "against", "abstain");
        var (asset, key, passphraseFile, passphraseFd, direct, node) = (ContributeCommands.AssetOption(), Shared.Key(), Shared.PassphraseFile(), Shared.PassphraseFd(), Shared.Direct(), Shared.Node());
        var command = new Command("vote", """
            Votes by signature; it costs no gas. Shares count as they were when the vote began.

            A node that refuses it stops nobody: another takes it with --node, and the chain itself with --direct, where your account pays the gas.

            Example: trove vote 3f0a against --asset 0x… --key me.key --passphrase-file pass.txt --direct https://…
            """) { proposal, support, asset, key, passphraseFile, passphraseFd, direct, node };
        command.SetAction(async (r, ct) =>
        {
            using var keys = Shared.OpenKey(r.GetValue(key)!, r.GetValue(passphraseFile), r.GetValue(passphraseFd));
            using var client = Shared.Client(r.GetValue(node), r.GetValue(direct), r.GetValue(asset), keys.SigningKey);
            var info = await Shared.FindAssetAsync(client, r.GetValue(asset), ct);
            var chain = await client.InfoAsync(ct);
            var found = await FindAsync(client, info, r.GetValue(proposal)!, ct);
            if (!r.GetValue(Shared.Json))
                Console.WriteLine($"{keys.SigningKey.Address} votes {r.GetValue(support)}: {await InWordsAsync(client, chain.ChainId, info, found, ct)}");
            var voted = await VoteAsync(client, chain, info, keys.SigningKey, found.Proposal, (byte)Array.IndexOf(["against", "for", "abstain"], r.GetValue(support)), ct);
            await ShowAsync(r.GetValue(Shared.Json), client, chain.ChainId, info, voted, ct);
            return 0;
        });
        return command;
    }

    public static Command Execute()
    {
        var proposal = new Argument<string>("PROPOSAL") { Description = "From 'trove proposals'; its first digits are enough" };
        var (asset, key, passphraseFile, passphraseFd, direct, node) = (ContributeCommands.AssetOption(), Shared.Payer(), Shared.PassphraseFile(), Shared.PassphraseFd(), Shared.Direct(), Shared.Node());
        var command = new Command("execute", "Carries out what was voted: into the timelock, and out of it when its time has come. Anybody may.") { proposal, asset, direct, key, passphraseFile, passphraseFd, node };
        command.SetAction(async (r, ct) =>
        {
            using var keys = r.GetValue(key) is { } mine ? Shared.OpenKey(mine, r.GetValue(passphraseFile), r.GetValue(passphraseFd)) : null;
            using var client = Shared.Client(r.GetValue(node), r.GetValue(direct), r.GetValue(asset), keys?.SigningKey);
            var info = await Shared.FindAssetAsync(client, r.GetValue(asset), ct);
            var chain = await client.InfoAsync(ct);
            var found = await FindAsync(client, info, r.GetValue(proposal)!, ct);
            using var progress = new Progress();
            var done = await ExecuteAsync(client, info, found.Proposal, seconds => progress.Report($"waiting for the timelock, seconds:", seconds, null), ct);
            await ShowAsync(r.GetValue(Shared.Json), client, chain.ChainId, info, done, ct);
            return done.State == "executed" ? 0 : 1;
        });
        return command;
    }

    /// <summary>Proposes, with an owner's signature, anything but a buyer's request.</summary>
    public static Task<ProposalInfo> ProposeAsync(IAssetClient client, NodeInfo info, AssetInfo asset, SigningKey key, ProposedAction action, string? why, CancellationToken ct)
    {
        var what = action.Kind switch
        {
            ActionKind.Revoke => $"Revoke grant {action.Request}",
            ActionKind.Runners => "Name the runners",
            ActionKind.Guardians => "Invite guardians",
            ActionKind.Verifiers => "Name the verifiers",
            ActionKind.Policy => "Another policy",
            ActionKind.Rules => "Other rules",
            ActionKind.Charter => "Another charter",
            ActionKind.Pay => "A payment from the treasury",
            ActionKind.Reverse => $"Give back slashing {action.Slashing}",
            _ => "Pause",
        };
        // The time makes a second proposal of the same action another one.
        string description = $"{why ?? what} ({DateTimeOffset.UtcNow:yyyy-MM-dd HH:mm:ss}Z)";
        long deadline = Shared.Deadline();
        var id = ContractDigests.ProposalId(action.ToCall(ActionTargets.Of(asset)), description);
        var digest = ContractDigests.Propose(info.ChainId, asset.Governor, id, key.Address, (ulong)deadline);
        return client.ProposeAsync(asset.Asset, new ProposeRequest(action.Name, action.Request, action.Accounts, action.Threshold, action.Until,
            description, key.Address, deadline, Hex.Encode(key.Sign(digest)), action.Verifiers, action.Policy, action.Rules, action.Charter, action.Amount, action.Slashing), ct);
    }

    /// <summary>The invitation of these guardians; more than half of them open a part unless another threshold is given.</summary>
    public static ProposedAction Invitation(IReadOnlyList<Address> guardians, uint threshold)
    {
        if (threshold == 1 && guardians.Count > 1)
            throw new CommandException("with a threshold of 1 each guardian would hold the whole key", "take at least 2, or name one guardian");
        return new ProposedAction(ActionKind.Guardians, Accounts: guardians, Threshold: threshold == 0 ? (uint)guardians.Count / 2 + 1 : threshold).Checked()
            ?? throw new CommandException($"{guardians.Count} guardians with a threshold of {threshold} are no committee", $"name 1 to {Core.Ceremonies.Committee.MaxGuardians} different addresses, of which 1 to all open a part");
    }

    // All of them must agree unless a threshold is given.
    private static ProposedAction Verifiers(IReadOnlyList<VerifierInfo> verifiers, uint threshold) =>
        new ProposedAction(ActionKind.Verifiers, Verifiers: verifiers, Threshold: threshold == 0 ? (uint)verifiers.Count : threshold).Checked()
            ?? throw new CommandException($"{verifiers.Count} verifiers of whom {threshold} must agree are no set of verifiers", "name 1 to 64 different addresses and recipients, of which 1 to all must agree");

    // Owners vote on a hash; whoever wants to read what it is the hash of asks the node.
    private static async Task<Hash32> PutPolicyAsync(TroveClient? client, FileInfo file, CancellationToken ct)
    {
        const int most = 1 << 20;
        try
        {
            if (file.Exists && file.Length <= most && System.Text.Json.JsonSerializer.Deserialize<AssetPolicy>(await File.ReadAllBytesAsync(file.FullName, ct), TroveJson.Options) is { } policy)
                return client is null ? policy.Hash() : await client.PutPolicyAsync(policy, ct);
        }
        catch (Exception e) when (e is System.Text.Json.JsonException or ArgumentException)
        {
            throw new CommandException($"'{Shared.Safe(file.Name)}' is no policy: {e.Message}", "see specs/policy.md; 'trove asset show --json' has the one in force");
        }
        throw new CommandException($"'{Shared.Safe(file.Name)}' is no policy", "see specs/policy.md; 'trove asset show --json' has the one in force");
    }

    /// <summary>Votes with the key's shares.</summary>
    public static Task<ProposalInfo> VoteAsync(IAssetClient client, NodeInfo info, AssetInfo asset, SigningKey key, Hash32 proposal, byte support, CancellationToken ct) =>
        client.VoteAsync(asset.Asset, proposal, new VoteRequest(key.Address, support,
            Hex.Encode(key.Sign(ContractDigests.Ballot(info.ChainId, asset.Governor, proposal, support, key.Address, ContractDigests.BallotNonce(proposal))))), ct);

    /// <summary>Queues and executes, waiting for the timelock in between.</summary>
    public static async Task<ProposalInfo> ExecuteAsync(IAssetClient client, AssetInfo asset, Hash32 proposal, Action<long> waiting, CancellationToken ct)
    {
        while (true)
        {
            var p = await client.ExecuteAsync(asset.Asset, proposal, ct);
            if (p.State == "executed")
                return p;
            waiting(Math.Max(0, p.ExecutableAt - DateTimeOffset.UtcNow.ToUnixTimeSeconds()));
            await Task.Delay(250, ct);
        }
    }

    /// <summary>What a proposal would do, from its action and not from its description, which its proposer wrote.</summary>
    public static async Task<string> InWordsAsync(IAssetClient client, ulong chainId, AssetInfo asset, ProposalInfo p, CancellationToken ct)
    {
        if (p.Action == "unreadable")
            return "do something that this version cannot read: vote against it unless you know what it is";
        var action = p.ToAction();
        if (action is null || ContractDigests.ProposalId(action.ToCall(ActionTargets.Of(asset)), p.Description) != p.Proposal)
            throw new CommandException($"the node shows another action for proposal {p.Proposal} than its id was made of", "ask another node");
        switch (action.Kind)
        {
            case ActionKind.Runners:
                return $"name as runners: {string.Join(", ", p.Accounts!)}";
            case ActionKind.Guardians when p.Accounts!.Count == 0:
                return "take back the invitation of guardians; those there are stay";
            case ActionKind.Guardians:
                return $"hand the asset's keys to other guardians, {p.Threshold} of whom will open a part: {string.Join(", ", p.Accounts)}";
            case ActionKind.Verifiers:
                return $"name as verifiers, of whom {p.Threshold} must agree: {string.Join(", ", p.Verifiers!.Select(v => v.Address))}";
            case ActionKind.Policy:
                return $"pay contributions by policy {p.Policy} instead of {asset.PolicyHash}";
            case ActionKind.Rules:
                return string.Join("", Enum.GetValues<ProposalClass>().Select(c => (c, Now: asset.Governance.Rules[c], Then: p.Rules![c])).Where(x => x.Now != x.Then)
                    .Select(x => $"\n          {x.c.ToString().ToLowerInvariant()} takes {AssetCommands.InWords(x.Then)}\n            instead of {AssetCommands.InWords(x.Now)}")) is { Length: > 0 } changes
                        ? $"change what it takes to decide:{changes}" : "leave the rules as they are";
            case ActionKind.Charter:
                return Changes(asset, p.Charter!) is { Length: > 0 } other ? $"lay down about uses and their money:{other}" : "leave the charter as it is";
            case ActionKind.Pay:
                return $"pay ${p.Amount} from the treasury to {p.Accounts![0]}";
            case ActionKind.Reverse:
                return $"give back what was taken away by slashing {p.Slashing}";
            case ActionKind.Pause:
                return p.Until == 0 ? "lift the pause" : p.Until > uint.MaxValue ? "release nothing any more, unless another vote lifts it" : $"release nothing until {Time((long)p.Until)}";
        }
        var id = action.Request!.Value;
        var request = await client.RequestAsync(asset.Asset, id, ct);
        if (ContractDigests.RequestId(chainId, asset.Grants, request.Terms.ToAbi()) != id)
            throw new CommandException($"the node shows other terms for request {id} than its id was made of", "ask another node");
        if (Keccak256.Hash(System.Text.Encoding.UTF8.GetBytes(request.Query)) != request.Terms.CodeHash)
            throw new CommandException($"the node shows another query for request {id} than its terms name", "ask another node");
        return p.Action == "revoke"
            ? $"take back the grant for: {RequestCommands.InWords(request)}; what is not settled goes back to the buyer"
            : $"{(request.Terms.Use == RequestUse.Copy ? "hand over" : "let a runner compute")}, {RequestCommands.InWords(request)}";
    }

    // What of a charter would be another than now.
    private static string Changes(AssetInfo asset, CharterInfo then)
    {
        static IEnumerable<(string What, string Value)> Lines(AssetInfo a, CharterInfo c) =>
        [
            ("a runner has for a use", AssetCommands.Span(c.UseTime)), ("every number is made of at least", $"{c.MinimumGroupSize} members"),
            ("the data is looked at anew after", $"{c.MinimumSnapshotLeaves} contributions"), ("results can be disputed for", AssetCommands.Span(c.ChallengeTime)),
            ("privacy that may be spent", $"an epsilon of {AssetCommands.Millionths(c.Budget)} in {AssetCommands.Span(c.Period)}"),
            ("runners stake for each use", $"${c.RunnerStake}"), ("verifiers stake", $"${c.VerifierStake}"),
            ("queries without a vote", c.Standing.Uses == 0 ? "none"
                : $"{c.Standing.Uses} a period, for ${c.Standing.MinimumPrice} or more, of an epsilon up to {AssetCommands.Millionths(c.Standing.MaximumEpsilon)}, groups of {c.Standing.MinimumGroupSize} or more"),
            ("fees", c.Fees.Count == 0 ? "none" : string.Join(", ", c.Fees.Select(f => $"{f.BasisPoints / 100m:0.##} % to {(f.Recipient == a.Timelock ? "the treasury" : f.Recipient)}"))),
        ];
        return string.Join("", Lines(asset, asset.Charter).Zip(Lines(asset, then)).Where(x => x.First != x.Second).Select(x => $"\n          {x.First.What}: {x.Second.Value} instead of {x.First.Value}"));
    }

    private static ProposedAction Payment(string amount, string? to) =>
        new ProposedAction(ActionKind.Pay, Accounts: [ParseAddress(to ?? throw new CommandException("a payment has a recipient", "name it with --to"))],
            Amount: Money.TryParse(amount, out var money) ? money : throw new CommandException($"'{Shared.Safe(amount)}' is no amount", "write dollars such as 12.50")).Checked()
        ?? throw new CommandException("a payment is above zero and to somebody", "write dollars such as 12.50 and an address");

    /// <summary>A proposal by its id or the first digits of it.</summary>
    public static async Task<ProposalInfo> FindAsync(IAssetClient client, AssetInfo asset, string text, CancellationToken ct)
    {
        var prefix = text.StartsWith("0x", StringComparison.Ordinal) ? text[2..] : text;
        var found = (await client.ProposalsAsync(asset.Asset, ct)).Where(p => prefix.Length > 3 && p.Proposal.ToHex().StartsWith(prefix, StringComparison.OrdinalIgnoreCase)).ToList();
        return found.Count == 1 ? found[0] : throw new CommandException($"{found.Count} proposals begin with '{Shared.Safe(text)}'", "list them with 'trove proposals' and give at least four digits");
    }

    /// <summary>An address of the command line.</summary>
    public static Address ParseAddress(string text) => Address.TryParse(text, out var address) ? address : throw new CommandException($"'{Shared.Safe(text)}' is no address", "give 0x and 40 hex digits");

    /// <summary>A request's id of the command line.</summary>
    public static Hash32 ParseHash(string? text) => Hash32.TryParse(text ?? "", out var hash) ? hash : throw new CommandException($"'{Shared.Safe(text ?? "")}' is no request", "list them with 'trove requests'");

    private static ulong PauseUntil(string time) => !GovernanceOptions.TryParseTime(time, out uint seconds)
        ? throw new CommandException($"--pause takes a time, not '{Shared.Safe(time)}'", "write 12h or 3d, or 0s to lift a pause")
        : seconds == 0 ? 0 : (ulong)DateTimeOffset.UtcNow.ToUnixTimeSeconds() + seconds;

    private static async Task ShowAsync(bool json, IAssetClient client, ulong chainId, AssetInfo asset, ProposalInfo p, CancellationToken ct)
    {
        if (json)
            Shared.PrintJson(p);
        else
            await PrintAsync(client, chainId, asset, p, ct);
    }

    private static async Task PrintAsync(IAssetClient client, ulong chainId, AssetInfo asset, ProposalInfo p, CancellationToken ct)
    {
        Console.WriteLine($"""
            proposal {p.Proposal.ToHex()[..12]}  {p.State}{(p.State == "active" ? $", vote until {Time(p.VoteEnd)}" : p.State == "queued" ? $", takes effect from {Time(p.ExecutableAt)}" : "")}
              would   {await InWordsAsync(client, chainId, asset, p, ct)}
              votes   for {p.For}, against {p.Against}, abstain {p.Abstain}, by {p.Voters} owners; {p.Quorum} must take part, more than {p.ApprovalPercent} % of for and against be for ({p.Class.ToString().ToLowerInvariant()}){ProposalCommands.Outlook(p)}
              says    {Shared.Safe(p.Description)}
            """);
    }

    /// <summary>A second of the chain, for people.</summary>
    public static string Time(long seconds) => DateTimeOffset.FromUnixTimeSeconds(seconds).ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
