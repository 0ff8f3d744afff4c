using Trove.Cli.Commands;
using Trove.Core;
using Trove.Core.Queries;
using Trove.Crypto;
using Trove.Node.Protocol;
using Trove.Node.Requests;

namespace Trove.Cli.Demo;

/// <summary>
/// The second half of the demo: the owners change the guardians, and decide on four requests. One is granted, computed and paid; one
/// is voted down; one is granted and revoked; one is granted and its runner dies. The money of the first goes to the members, that
/// of the others back to the buyer.
/// </summary>
internal sealed class UseStory(TroveClient client, NodeInfo info, AssetInfo asset, Operators operators, IReadOnlyList<(string Name, SigningKey Key)> members,
    Action<string, string, object> step, bool json)
{
    private const string Sql = "SELECT year, community, count(*) CLIP 1000 AS comments, count(distinct member) AS members, avg(length) CLIP 2000 AS mean_length, avg(mentions('lab')) CLIP 1 AS share_lab "
        + "FROM records GROUP BY year, community CELLS 100";
    private const int Patience = 600; // tenths of a second

    private static readonly Money Price = new(25_000_000);

    // Next to no noise: among three members nothing would be seen through any.
    private const ulong Epsilon = 1_000_000_000_000;

    /// <summary>Tells it; 0 when all money is where it belongs.</summary>
    public async Task<int> TellAsync(CancellationToken ct)
    {
        using var buyer = SigningKey.Generate();
        using var identity = X25519Identity.Generate();
        await MoneyCommands.TakeTestDollarsAsync(client, info, buyer, new Money(4 * Price.Units), ct);
        await WaitAsync("a snapshot", async () => (await client.DataAsync(asset.Asset, ct)).SnapshotEpoch > 0, ct);

        var requests = new List<RequestInfo>();
        foreach (var what in (string[])["to be granted", "to be voted down", "to be revoked", "whose runner will die"])
        {
            var plan = new RequestPlan(Query.Parse(Sql), ["comment"], 2023, 9999, Price, 1, 3600, Epsilon);
            requests.Add(await RequestCommands.RequestAsync(client, info, asset, buyer, identity.Recipient, plan, testDollars: false, ct));
            if (requests.Count == 1)
                step("request", $"A buyer asks, {RequestCommands.InWords(requests[0])}", new { request = requests[0].Request, buyer = buyer.Address, query = requests[0].Query });
            step("escrow", $"${Price} go into escrow for request {requests.Count}, {what}", new { number = requests.Count, request = requests[^1].Request, requests[^1].Terms.Price });
        }

        var proposals = new List<ProposalInfo>();
        foreach (var request in requests)
            proposals.Add(await client.ProposeAsync(asset.Asset, new ProposeRequest("approve", request.Request), ct));
        var voter = (await OwnersAsync(ct))[0].Key;
        var next = operators.Guardians.Skip(1).Select(g => g.Info.Address).ToList();
        proposals.Add(await VoteCommands.ProposeAsync(client, info, asset, voter, VoteCommands.Invitation(next, 2), "The first guardian retires", ct));
        await Task.WhenAll(proposals.Select((p, i) => VoteAsync(p.Proposal, i == 1 ? (byte)0 : (byte)1, i == 4 ? "a guardian in place of the first" : $"request {i + 1}", ct)));

        await ChangeGuardiansAsync(proposals[4].Proposal, ct);
        await ExecuteAsync(proposals[0].Proposal, "granted", "Request 1 is granted: the vote's execution is the grant", ct);
        await RefundedAsync(requests[1].Request, "voted-down", "Request 2 is voted down: nothing is released", ct);
        await ExecuteAsync(proposals[2].Proposal, "granted", "Request 3 is granted", ct);
        var revocation = await VoteCommands.ProposeAsync(client, info, asset, voter, new ProposedAction(ActionKind.Revoke, requests[2].Request), "We changed our minds", ct);
        await VoteAsync(revocation.Proposal, 1, "taking the grant of request 3 back", ct);
        await ExecuteAsync(revocation.Proposal, "revoked", "Request 3 is revoked before its use", ct);
        await RefundedAsync(requests[2].Request, "revoked-refund", "No use of it was opened and nothing released", ct);

        await UseAsync(requests[0], buyer, identity, ct);
        await operators.Runner.KillAsync();
        await ExecuteAsync(proposals[3].Proposal, "granted", "Request 4 is granted", ct);
        // However slow the machine is, it does not come to a result: there is nobody to release anything.
        var guardians = operators.Guardians.Skip(1).ToList();
        await Task.WhenAll(guardians.Select(g => g.KillAsync()));
        await operators.Runner.StartAsync(client.Node, ct);
        await WaitAsync("the use to be opened", async () => (await client.RequestAsync(asset.Asset, requests[3].Request, ct)).State == "use-opened", ct);
        await operators.Runner.KillAsync();
        await operators.StartAsync(guardians, client.Node, ct);
        step("runner-died", "A runner opens the use of request 4 while the guardians are away, and dies", new { request = requests[3].Request });
        await RefundedAsync(requests[3].Request, "timed-out", "Its time is over", ct);
        return await CheckMoneyAsync(ct);
    }

    // The data was encrypted before: it opens all the same, and to the new guardians only.
    private async Task ChangeGuardiansAsync(Hash32 proposal, CancellationToken ct)
    {
        await ExecuteAsync(proposal, "invited", "The owners invite other guardians; those there are stay until all of the new have confirmed their shares", ct);
        await WaitAsync("the change of guardians", async () => (await client.AssetAsync(asset.Asset, ct)).Custody.Epoch == 2, ct);
        var changed = await client.AssetAsync(asset.Asset, ct);
        if (changed.Recipient != asset.Recipient)
            throw new CommandException("a change of guardians changed the asset's key", "look at the log lines above");
        await operators.Guardians[0].KillAsync();
        step("guardians", $"{changed.Custody.Threshold} of {changed.Custody.Guardians.Count} guardians hold the keys in new shares; the asset's recipient is the same, and the old shares open nothing",
            new { epoch = changed.Custody.Epoch, guardians = changed.Custody.Guardians, threshold = changed.Custody.Threshold, recipient = changed.Recipient });
    }

    private async Task VoteAsync(Hash32 proposal, byte support, string what, CancellationToken ct)
    {
        await WaitAsync("the vote to begin", async () => (await client.ProposalAsync(asset.Asset, proposal, ct)).State == "active", ct);
        var owners = await OwnersAsync(ct);
        await Task.WhenAll(owners.Select(o => VoteCommands.VoteAsync(client, info, asset, o.Key, proposal, support, ct)));
        var p = await client.ProposalAsync(asset.Asset, proposal, ct);
        step("vote", $"{string.Join(", ", owners.Select(o => o.Name))} vote {(support == 1 ? "for" : "against")} {what}, by signature, without gas",
            new { proposal, support, voters = owners.Select(o => o.Name), @for = p.For, against = p.Against });
    }

    private async Task ExecuteAsync(Hash32 proposal, string name, string text, CancellationToken ct)
    {
        await WaitAsync("the vote to end", async () => (await client.ProposalAsync(asset.Asset, proposal, ct)).State == "succeeded", ct);
        var done = await VoteCommands.ExecuteAsync(client, asset, proposal, _ => { }, ct);
        step(name, text, new { proposal, done.Request, done.For, done.Against });
    }

    private async Task RefundedAsync(Hash32 request, string name, string text, CancellationToken ct)
    {
        await WaitAsync("the money to go back", async () => (await client.RequestAsync(asset.Asset, request, ct)).State == "refunded", ct);
        var r = await client.RequestAsync(asset.Asset, request, ct);
        if (r.Refunded != Price || r.Uses.Any(u => u.ResultHash is not null))
            throw new CommandException($"request {request} should have been refunded without a result", "look at the log lines above");
        step(name, $"{text}; ${r.Refunded} go back to the buyer", new { request, refunded = r.Refunded, r.Meaning });
    }

    private async Task UseAsync(RequestInfo request, SigningKey buyer, X25519Identity identity, CancellationToken ct)
    {
        await operators.Runner.StartAsync(client.Node, ct);
        await WaitAsync("the result", async () => (await client.RequestAsync(asset.Asset, request.Request, ct)).State is "settled" or "refunded", ct);
        request = await client.RequestAsync(asset.Asset, request.Request, ct);
        if (request.State != "settled")
            throw new CommandException($"request 1 has no result: {request.Meaning}", "look at the log lines above");
        var result = await RequestCommands.ReadResultAsync(client, asset, request, 1, buyer, identity, ct);
        step("result", $"A runner opened the use, {asset.Custody.Threshold} guardians released the parts in scope, and the buyer decrypts {result.Rows.Count} rows",
            new { request = request.Request, rows = result.Rows.Count, resultHash = request.Uses[0].ResultHash, inputsHash = request.Uses[0].InputsHash });
        if (!json)
            RequestCommands.Print(result);
        foreach (var (name, key) in members)
        {
            var balance = await MoneyCommands.ClaimAsync(client, info, asset, key, ct);
            if (balance.Shares.Units > 0)
                step("paid", $"{name} was paid ${balance.Paid} in all", new { member = name, paid = balance.Paid });
        }
    }

    private async Task<int> CheckMoneyAsync(CancellationToken ct)
    {
        var money = await client.MoneyAsync(asset.Asset, ct);
        if (!json)
        {
            Console.WriteLine();
            foreach (var payout in money.Payouts.Where(p => p.Owner == members[0].Key.Address))
                MoneyCommands.PrintPayout(asset, await client.PayoutAsync(asset.Asset, payout.Id, ct));
            Console.WriteLine();
            MoneyCommands.PrintMoney(asset, money);
        }
        var all = await client.RequestsAsync(asset.Asset, ct);
        bool addsUp = MoneyCommands.AddsUp(money) && money.Uses.Count == 1 && all.Count(r => r.State == "settled") == 1 && all.Count(r => r.State == "refunded") == 3;
        step("settled", $"Of 4 requests 1 is settled and 3 are refunded; received ${money.Received} = paid ${money.Paid} + claimable ${money.Claimable} + dust ${money.Dust}: {(addsUp ? "it adds up" : "IT DOES NOT ADD UP")}",
            new { received = money.Received, paid = money.Paid, claimable = money.Claimable, dust = money.Dust, settled = 1, refunded = 3, addsUp });
        return addsUp ? 0 : 1;
    }

    private async Task<IReadOnlyList<(string Name, SigningKey Key)>> OwnersAsync(CancellationToken ct)
    {
        var owners = new List<(string, SigningKey)>();
        foreach (var member in members)
            if ((await client.BalanceAsync(asset.Asset, member.Key.Address, ct)).Shares.Units > 0)
                owners.Add(member);
        return owners;
    }

    private static async Task WaitAsync(string what, Func<Task<bool>> done, CancellationToken ct)
    {
        for (int i = 0; !await done(); i++)
        {
            if (i == Patience)
                throw new CommandException($"waiting for {what} took more than a minute", "look at the log lines above");
            await Task.Delay(100, ct);
        }
    }
}
