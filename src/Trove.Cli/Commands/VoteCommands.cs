using System.CommandLine;
using System.Globalization;
using Trove.Chain;
using Trove.Chain.Bindings;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Crypto;
using Trove.Node.Protocol;

namespace Trove.Cli.Commands;

/// <summary>Owners' votes: what is proposed, in words, and what a vote does.</summary>
internal static class VoteCommands
{
    public static Command Proposals()
    {
        var (asset, node) = (ContributeCommands.AssetOption(), Shared.Node());
        var command = new Command("proposals", "What owners vote on, and where each vote stands.") { asset, node };
        command.SetAction(async (r, ct) =>
        {
            using var client = Shared.Client(r.GetValue(node));
            var info = await Shared.FindAssetAsync(client, r.GetValue(asset), ct);
            var all = await client.ProposalsAsync(info.Asset, ct);
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
                catch (Exception e) when (e is CommandException or TroveApiException)
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
        var guardians = new Option<string[]>("--guardians") { Description = "Propose to invite exactly these guardians, by address, to take the keys over", AllowMultipleArgumentsPerToken = true };
        var threshold = new Option<uint?>("--threshold") { Description = "Of the guardians invited, how many open a part" };
        var uninvite = new Option<bool>("--uninvite") { Description = "Propose to take an invitation of guardians back" };
        var pause = new Option<DateTimeOffset?>("--pause-until") { Description = "Propose to release nothing until this time" };
        var resume = new Option<bool>("--resume") { Description = "Propose to lift a pause" };
        var why = new Option<string?>("--because") { Description = "Why, for the other owners" };
        var key = new Option<FileInfo?>("--key") { Description = "An owner's key file; not needed to put a buyer's request to the vote" };
        var (asset, passphraseFile, passphraseFd, node) = (ContributeCommands.AssetOption(), Shared.PassphraseFile(), Shared.PassphraseFd(), Shared.Node());
        var command = new Command("propose", "Puts something to the owners' vote: a buyer's request, taking a grant back, the runners, the guardians, or a pause.") { request, revoke, runners, guardians, threshold, uninvite, pause, resume, why, asset, key, passphraseFile, passphraseFd, node };
        command.SetAction(async (r, ct) =>
        {
            using var client = Shared.Client(r.GetValue(node));
            var info = await Shared.FindAssetAsync(client, r.GetValue(asset), ct);
            var chain = await client.InfoAsync(ct);
            ProposalInfo made;
            ProposeRequest[] wanted =
            [
                .. r.GetValue(revoke) ? [Propose("revoke") with { Request = ParseHash(r.GetValue(request)) }] : Array.Empty<ProposeRequest>(),
                .. r.GetValue(runners) is { Length: > 0 } named ? [Propose("runners") with { Runners = [.. named.Select(ParseAddress)] }] : Array.Empty<ProposeRequest>(),
                .. r.GetValue(guardians) is { Length: > 0 } invited ? [Propose("guardians") with { Guardians = [.. invited.Select(ParseAddress)], Threshold = r.GetValue(threshold)
                    ?? throw new CommandException("how many of the guardians open a part is missing", "give --threshold") }] : Array.Empty<ProposeRequest>(),
                .. r.GetValue(uninvite) ? [Propose("guardians") with { Guardians = [], Threshold = 0 }] : Array.Empty<ProposeRequest>(),
                .. r.GetValue(pause) is { } until ? [Propose("pause") with { PauseUntil = until.ToUnixTimeSeconds() }] : Array.Empty<ProposeRequest>(),
                .. r.GetValue(resume) ? [Propose("pause") with { PauseUntil = 0 }] : Array.Empty<ProposeRequest>(),
            ];
            if (wanted.Length > 1)
                throw new CommandException("a proposal is one action", "propose each by itself");
            if (wanted.Length == 1)
            {
                using var keys = Shared.OpenKey(r.GetValue(key) ?? throw new CommandException("only owners propose this", "name your key with --key"), r.GetValue(passphraseFile), r.GetValue(passphraseFd));
                made = await ProposeAsync(client, chain, info, keys.SigningKey, wanted[0], r.GetValue(why), ct);
            }
            else
                made = await client.ProposeAsync(info.Asset, new ProposeRequest("approve", ParseHash(r.GetValue(request)), null, null, null, 0, null), ct);
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
        var (asset, key, passphraseFile, passphraseFd, node) = (ContributeCommands.AssetOption(), Shared.Key(), Shared.PassphraseFile(), Shared.PassphraseFd(), Shared.Node());
        var command = new Command("vote", "Votes by signature; it costs no gas. Shares count as they were when the vote began.") { proposal, support, asset, key, passphraseFile, passphraseFd, node };
        command.SetAction(async (r, ct) =>
        {
            using var client = Shared.Client(r.GetValue(node));
            var info = await Shared.FindAssetAsync(client, r.GetValue(asset), ct);
            var chain = await client.InfoAsync(ct);
            using var keys = Shared.OpenKey(r.GetValue(key)!, r.GetValue(passphraseFile), r.GetValue(passphraseFd));
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
        var (asset, node) = (ContributeCommands.AssetOption(), Shared.Node());
        var command = new Command("execute", "Carries out what was voted: into the timelock, and out of it when its time has come. Anybody may.") { proposal, asset, node };
        command.SetAction(async (r, ct) =>
        {
            using var client = Shared.Client(r.GetValue(node));
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

    /// <summary>A proposal of an action, which <see cref="ProposeAsync"/> signs.</summary>
    public static ProposeRequest Propose(string action) => new(action, null, null, null, null, 0, null);

    /// <summary>Proposes with an owner's signature anything but a buyer's request.</summary>
    public static Task<ProposalInfo> ProposeAsync(TroveClient client, NodeInfo info, AssetInfo asset, SigningKey key, ProposeRequest what, string? why, CancellationToken ct)
    {
        // The time makes a second proposal of the same action another one.
        string description = $"{why ?? Words(what.Action, what.Request, what.Runners, what.Guardians, what.Threshold, (ulong?)what.PauseUntil)} ({DateTimeOffset.UtcNow:yyyy-MM-dd HH:mm:ss}Z)";
        var action = Call(asset, what.Action, what.Request, what.Runners, what.Guardians, what.Threshold, (ulong?)what.PauseUntil);
        long deadline = Shared.Deadline();
        var digest = ContractDigests.Propose(info.ChainId, asset.Governor, ContractDigests.ProposalId(action, description), key.Address, (ulong)deadline);
        return client.ProposeAsync(asset.Asset, what with { Description = description, Proposer = key.Address, Deadline = deadline, Signature = Hex.Encode(key.Sign(digest)) }, ct);
    }

    private static ContractCall Call(AssetInfo asset, string action, Hash32? request, IReadOnlyList<Address>? runners, IReadOnlyList<Address>? guardians, uint? threshold, ulong? until) => action switch
    {
        "approve" => new Grants(asset.Grants).Approve(request!.Value),
        "revoke" => new Grants(asset.Grants).Revoke(request!.Value),
        "guardians" => new Registry(asset.Registry).InviteGuardians(guardians ?? [], threshold ?? 0),
        "pause" => new Registry(asset.Registry).PauseUntil(until ?? 0),
        _ => new Registry(asset.Registry).SetRunners(runners ?? []),
    };

    private static string Words(string action, Hash32? request, IReadOnlyList<Address>? runners, IReadOnlyList<Address>? guardians, uint? threshold, ulong? until) => action switch
    {
        "revoke" => $"Revoke grant {request}",
        "guardians" when guardians is { Count: > 0 } => $"Invite guardians, of whom {threshold} open a part: {string.Join(", ", guardians)}",
        "guardians" => "Take the invitation of guardians back",
        "pause" when until is > 0 => $"Release nothing until {Time((long)Math.Min(until.Value, MaxTime))}",
        "pause" => "Lift the pause",
        _ => $"Name the runners: {(runners is { Count: > 0 } ? string.Join(", ", runners) : "nobody")}",
    };

    /// <summary>Votes with the key's shares.</summary>
    public static Task<ProposalInfo> VoteAsync(TroveClient client, NodeInfo info, AssetInfo asset, SigningKey key, Hash32 proposal, byte support, CancellationToken ct) =>
        client.VoteAsync(asset.Asset, proposal, new VoteRequest(key.Address, support,
            Hex.Encode(key.Sign(ContractDigests.Ballot(info.ChainId, asset.Governor, proposal, support, key.Address, ContractDigests.BallotNonce(proposal))))), ct);

    /// <summary>Queues and executes, waiting for the timelock in between.</summary>
    public static async Task<ProposalInfo> ExecuteAsync(TroveClient client, AssetInfo asset, Hash32 proposal, Action<long> waiting, CancellationToken ct)
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
    public static async Task<string> InWordsAsync(TroveClient client, ulong chainId, AssetInfo asset, ProposalInfo p, CancellationToken ct)
    {
        if (p.Action == "unreadable")
            return "do something that this version cannot read: vote against it unless you know what it is";
        var action = Call(asset, p.Action, p.Request, p.Runners, p.Guardians, p.Threshold, p.PauseUntil);
        if (ContractDigests.ProposalId(action, p.Description) != p.Proposal)
            throw new CommandException($"the node shows another action for proposal {p.Proposal} than its id was made of", "ask another node");
        if (p.Request is not { } id)
            return Words(p.Action, null, p.Runners, p.Guardians, p.Threshold, p.PauseUntil);
        var request = await client.RequestAsync(asset.Asset, id, ct);
        if (ContractDigests.RequestId(chainId, asset.Grants, request.Terms.ToAbi()) != id)
            throw new CommandException($"the node shows other terms for request {id} than its id was made of", "ask another node");
        if (Keccak256.Hash(System.Text.Encoding.UTF8.GetBytes(request.Query)) != request.Terms.CodeHash)
            throw new CommandException($"the node shows another query for request {id} than its terms name", "ask another node");
        return p.Action == "revoke"
            ? $"take back the grant for: {RequestCommands.InWords(request)}; what is not settled goes back to the buyer"
            : $"let a runner compute, {RequestCommands.InWords(request)}";
    }

    /// <summary>A proposal by its id or the first digits of it.</summary>
    public static async Task<ProposalInfo> FindAsync(TroveClient client, AssetInfo asset, string text, CancellationToken ct)
    {
        var prefix = text.StartsWith("0x", StringComparison.Ordinal) ? text[2..] : text;
        var found = (await client.ProposalsAsync(asset.Asset, ct)).Where(p => prefix.Length > 3 && p.Proposal.ToHex().StartsWith(prefix, StringComparison.OrdinalIgnoreCase)).ToList();
        return found.Count == 1 ? found[0] : throw new CommandException($"{found.Count} proposals begin with '{Shared.Safe(text)}'", "list them with 'trove proposals' and give at least four digits");
    }

    /// <summary>An address of the command line.</summary>
    public static Address ParseAddress(string text) => Address.TryParse(text, out var address) ? address : throw new CommandException($"'{Shared.Safe(text)}' is no address", "give 0x and 40 hex digits");

    /// <summary>A request's id of the command line.</summary>
    public static Hash32 ParseHash(string? text) => Hash32.TryParse(text ?? "", out var hash) ? hash : throw new CommandException($"'{Shared.Safe(text ?? "")}' is no request", "list them with 'trove requests'");

    private static async Task ShowAsync(bool json, TroveClient client, ulong chainId, AssetInfo asset, ProposalInfo p, CancellationToken ct)
    {
        if (json)
            Shared.PrintJson(p);
        else
            await PrintAsync(client, chainId, asset, p, ct);
    }

    private static async Task PrintAsync(TroveClient client, ulong chainId, AssetInfo asset, ProposalInfo p, CancellationToken ct)
    {
        Console.WriteLine($"""
            proposal {p.Proposal.ToHex()[..12]}  {p.State}{(p.State is "pending" or "active" ? $", vote until {Time(p.VoteEnd)}" : p.State == "queued" ? $", takes effect from {Time(p.ExecutableAt)}" : "")}
              would   {await InWordsAsync(client, chainId, asset, p, ct)}
              votes   for {p.For}, against {p.Against}, abstain {p.Abstain}, by {p.Voters} owners; {(p.State == "pending" ? "the quorum is known when the vote begins" : $"{p.Quorum} must take part")}
              says    {Shared.Safe(p.Description)}
            """);
    }

    private static readonly ulong MaxTime = (ulong)DateTimeOffset.MaxValue.ToUnixTimeSeconds();

    private static string Time(long seconds) => DateTimeOffset.FromUnixTimeSeconds(seconds).ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
