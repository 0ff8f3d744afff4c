using System.Net.ServerSentEvents;
using System.Security.Cryptography;
using Trove.Chain;
using Trove.Chain.Rpc;
using Trove.Cli.Commands;
using Trove.Core;
using Trove.Crypto;
using Trove.Node.Protocol;
using Trove.SystemTests.Ceremonies;

namespace Trove.SystemTests.Api;

/// <summary>The description of the API: committed, complete, and kept by every answer.</summary>
[Collection(nameof(RequestFixture))]
public sealed class ApiDocumentTests(ApiFixture api, RequestFixture at)
{
    [Fact]
    public async Task Committed_description_equals_what_a_node_serves()
    {
        await api.ReadyAsync();
        Assert.True(api.Description == await File.ReadAllTextAsync(Contract.Document), $"specs/openapi.json is not what the node serves; run this test once with {Contract.Update}=1 and commit the result");
    }

    /// <summary>What the fixtures have not asked is asked here. Each answer is held against the description on its way (<see cref="Contract"/>).</summary>
    [Fact]
    public async Task Every_operation_is_answered_as_described()
    {
        await VerifyByHandAsync();
        await UseAsync();
        await MoneyAsync();
        await CeremonyAsync();
        await DelegationAsync();
        await StakesAsync();
        var (client, asset) = (at.Client, at.Asset.Asset);
        await client.AssetsAsync(default);
        await client.EpochsAsync(asset, default);
        await client.EpochAsync(asset, 1, default);
        Assert.NotEmpty(await client.RewardsAsync(asset, 1, default));
        await client.RequestsAsync(asset, default);
        await client.ProposalsAsync(asset, default);
        await client.InputsAsync(asset, at.Open.Request, default);
        var contribution = Assert.Single(await client.ContributionsAsync(asset, at.Owner, default));
        await client.TagsAsync(contribution.Attestations[0].Facts!.TagsHash, default);
        await client.BlobsAsync(contribution.Contribution, default);
        var part = contribution.Parts![0];
        Assert.Equal(part.Size, (await client.BlobAsync(part.Sha256, 1 << 20, default)).Length);
        using (var head = await api.Http.SendAsync(new HttpRequestMessage(HttpMethod.Head, $"/api/v1/blobs/{part.Sha256.ToHex()}")))
            Assert.Equal(part.Size, head.Content.Headers.ContentLength);
        using (var policy = await api.Http.PutAsync("/api/v1/policies", System.Net.Http.Json.JsonContent.Create(ApiFixture.Policy, options: TroveJson.Options)))
            Assert.True(policy.IsSuccessStatusCode);
        await client.SignOutAsync(default);

        using var stream = await api.Http.GetAsync($"/api/v1/assets/{asset}/events?after=0-0", HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal("text/event-stream", stream.Content.Headers.ContentType?.MediaType);
        var names = new List<string>();
        await foreach (var item in SseParser.Create(await stream.Content.ReadAsStreamAsync()).EnumerateAsync())
        {
            names.Add(System.Text.Json.JsonSerializer.Deserialize<AssetEvent>(item.Data, TroveJson.Options)!.Name);
            if (names.Contains("EpochPosted") && names.Contains("DividendDistributed"))
                break;
        }
        Assert.Equal("Heartbeat", names[0]);
        Assert.Empty(Contract.Committed.Operations.Except(Contract.Committed.Exercised));
    }

    // A verifier by hand: takes work, keeps it, reads the evidence, refuses.
    private async Task VerifyByHandAsync()
    {
        using var verifier = KeyFile.Create();
        var asset = await ApiFixture.CreateAssetAsync(at.Client, api.Info, api.Founder, [verifier], "BYHAND");
        using var member = await Member.PrepareAsync(asset, Member.Reddit("by_hand", "Somebody reads this by hand and does not like it at all"));
        var id = await member.ContributeAsync(at.Client, api.Info, asset);
        var work = await NextAsync();
        await at.Client.GiveBackAsync(work.Lease, Ask("give-back", default), default);
        work = await NextAsync(); // at once, and not when the lease would have ended
        Assert.Equal(id, work.Check!.Contribution);
        await at.Client.HeartbeatAsync(work.Lease, Ask("heartbeat", default), default);
        Assert.Equal(member.Evidence, await at.Client.EvidenceAsync(id, Ask("evidence", id), 1 << 20, default));
        await at.Client.RefuseAsync(id, new RefuseRequest(work.Lease, verifier.SigningKey.Address, "by-hand", "not liked",
            Hex.Encode(verifier.SigningKey.Sign(Messages.Refuse(Messages.Domain(api.Info.ChainId, asset.Ledger), asset.Asset, id, "by-hand", "not liked")))), default);
        // Why is the owner's to know.
        var (own, others) = (await at.Client.ContributionAsync(id, member.Key, default), await at.Client.ContributionAsync(id, default));
        Assert.Equal(("refused", "by-hand", "not liked"), (own.State, own.RefusalCode, own.Refusal));
        Assert.Equal(member.Parts(api.Info, asset).Select(p => p.Sha256), own.Parts!.Select(p => p.Sha256));
        Assert.Equal(("refused", null, null, null), (others.State, others.RefusalCode, others.Refusal, others.Parts));
        long deadline = Member.Soon();
        await at.Client.WithdrawAsync(id, new WithdrawRequest(deadline, Hex.Encode(member.Key.Sign(ContractDigests.Withdraw(api.Info.ChainId, asset.Ledger, member.Key.Address, id, (ulong)deadline)))), default);

        async Task<VerifierWork> NextAsync()
        {
            while (true)
                if (await at.Client.NextWorkAsync(Ask("work", default), default) is { } found)
                    return found;
        }

        VerifierRequest Ask(string purpose, Hash32 subject)
        {
            var (nonce, until) = (Member.Fresh(), Member.Soon());
            return new VerifierRequest(verifier.SigningKey.Address, purpose, subject, nonce, until,
                Hex.Encode(verifier.SigningKey.Sign(Messages.VerifierRequest(Messages.Domain(api.Info.ChainId, api.Info.Factory), verifier.SigningKey.Address, purpose, subject, nonce, until))));
        }
    }

    // One use with a result, one without.
    private async Task UseAsync()
    {
        var (client, asset, chain, grants, runner) = (at.Client, at.Asset.Asset, api.Info.ChainId, at.Asset.Grants, at.Runner);
        await client.RequestAsync(asset, at.Spare[0], default);
        Assert.Contains(await client.RunnerWorkAsync(runner.Address, default), w => w.Request == at.Spare[0]);
        await client.OpenUseAsync(asset, at.Spare[0], at.OpenUse(at.Spare[0]), default);
        var guardian = at.Guardians[0].SigningKey;
        Assert.Contains(await client.GuardianWorkAsync(guardian.Address, default), w => w.Request == at.Spare[0]);
        var (log, time) = (Member.Fresh(), DateTimeOffset.UtcNow.ToUnixTimeMilliseconds());
        await client.PublishLogHeadAsync(guardian.Address, new LogHeadRequest(1, 7, log, time, Hex.Encode(guardian.Sign(Messages.LogHead(chain, guardian.Address, 1, 7, log, time)))), default);
        Assert.Equal(log, Assert.Single(await client.LogHeadsAsync(guardian.Address, default)).Head);
        await client.AnswerAsync(asset, at.Spare[0], 1, new GuardianAnswer(guardian.Address, 1, 1, false, null, "paused", "for a test",
            Hex.Encode(guardian.Sign(Messages.RefuseRelease(Messages.Domain(chain, grants), at.Spare[0], 1, 1, 1, false, "paused", "for a test")))), default);
        Assert.Single(await client.AnswersAsync(asset, at.Spare[0], 1, 1, default));
        await client.WantProofsAsync(asset, at.Spare[0], 1, new ProofsRequest(runner.Address, 1, Hex.Encode(runner.Sign(Messages.WantProofs(Messages.Domain(chain, grants), at.Spare[0], 1, 1, runner.Address)))), default);
        byte[] file = [1, 2, 3];
        await client.PostResultAsync(asset, at.Spare[0], 1, new ResultRequest(Convert.ToBase64String(file), default,
            Hex.Encode(runner.Sign(ContractDigests.Result(chain, grants, at.Spare[0], 1, new Hash32(SHA256.HashData(file)), default, runner.Address)))), default);
        Assert.Equal(file, await client.SealedResultAsync(asset, at.Spare[0], 1, at.Buyer, default));
        Assert.Equal("not-the-buyer", (await Assert.ThrowsAsync<TroveApiException>(() => client.SealedResultAsync(asset, at.Spare[0], 1, at.Owner, default))).Code);

        await client.OpenUseAsync(asset, at.Spare[1], at.OpenUse(at.Spare[1]), default);
        await client.FailUseAsync(asset, at.Spare[1], 1, new FailureRequest("timeout",
            Hex.Encode(runner.Sign(ContractDigests.Failure(chain, grants, at.Spare[1], 1, Trove.Node.Requests.FailureCode.Word("timeout"), runner.Address)))), default);
    }

    private async Task DelegationAsync()
    {
        var (client, asset, owner) = (at.Client, at.Asset, at.Owner);
        Assert.Equal(owner.Address, (await DelegateCommands.DelegateAsync(client, api.Info, asset, owner, owner.Address, default)).Delegate);
        const string text = "I read every query.";
        ulong revision = at.NextRevision();
        await client.StateAsync(asset.Asset, owner.Address, new StatementRequest(text, revision,
            Hex.Encode(owner.Sign(Messages.DelegateStatement(Messages.Domain(api.Info.ChainId, asset.Ledger), asset.Asset, owner.Address, text, revision)))), default);
        Assert.Equal(text, Assert.Single(await client.DelegatesAsync(asset.Asset, default), d => d.Delegate == owner.Address).Statement!.Text);
        var proposal = (await at.ProposeAsync(at.Asked.Request)).Proposal;
        Assert.Equal("request", (await client.SimulateAsync(asset.Asset, proposal, default)).Facts[0].Fact);
        using var calendar = await api.Http.GetAsync($"/api/v1/assets/{asset.Asset}/calendar.ics");
        Assert.Equal("text/calendar", calendar.Content.Headers.ContentType!.MediaType);
        Assert.StartsWith("BEGIN:VCALENDAR\r\n", await calendar.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    // At a node whose time can be moved: money leaves after 90 days.
    private static async Task StakesAsync()
    {
        await using var house = await StakeHouse.StartAsync();
        var (client, asset, me) = (house.Client, house.Asset.Asset, house.Operator.Address);
        Assert.Equal(new Money(500), (await client.DepositAsync(asset, await house.SignDepositAsync(new Money(500)), default)).Active);
        Assert.Equal(new Money(100), (await client.UnstakeAsync(asset, me, house.SignUnstake(new Money(100)), default)).Leaving);
        await house.PassAsync(TimeSpan.FromDays(90));
        Assert.Equal(new Money(400), (await client.WithdrawStakeAsync(asset, me, default)).Active);
        await house.SlashAsync();
        Assert.Equal(new Money(40), (await client.SlashingsAsync(asset, default))[0].Amount);
        await house.PassAsync(TimeSpan.FromDays(45));
        Assert.Equal("closed", (await client.PaySlashingAsync(asset, 0, default)).State);
        Assert.Equal(default, (await client.StakeAsync(asset, me, default)).Active);
    }

    // Of one guardian, who makes a key alone.
    private async Task CeremonyAsync()
    {
        using SigningKey founder = SigningKey.Generate(), guardian = SigningKey.Generate();
        using var chain = new EthClient(new Uri(at.Client.Node, api.Info.Rpc));
        var (request, terms) = await Guild.RequestAsync(api.Info, chain, founder, Member.Fresh(), [guardian], 1);
        Assert.Equal(terms.Id, (await at.Client.StartCeremonyAsync(request, default)).Id);
        using var guild = new Guild(terms, [guardian]);
        Assert.Equal("done", (await guild.RunAsync(at.Client)).State);
        Assert.Single(await at.Client.GuardianCeremoniesAsync(guardian.Address, default));
    }

    private async Task MoneyAsync()
    {
        var (client, asset, owner) = (at.Client, at.Asset, at.Owner);
        var (nonce, until, amount) = (Member.Fresh(), Member.Soon(), new Money(500_000));
        await client.PayAsync(asset.Asset, new DividendRequest(at.Buyer.Address, amount, until, nonce, Hex.Encode(at.Buyer.Sign(
            ContractDigests.ReceiveWithAuthorization(api.Info.PaymentTokenDomain, at.Buyer.Address, asset.Asset, amount.Units, (ulong)until, nonce)))), default);
        Assert.NotEmpty((await client.PendingAsync(asset.Asset, owner.Address, default)).Contributions);
        await client.ClaimAsync(asset.Asset, new ClaimRequest(owner.Address, nonce, until,
            Hex.Encode(owner.Sign(Messages.Claim(Messages.Domain(api.Info.ChainId, asset.Ledger), asset.Asset, owner.Address, nonce, until)))), default);
        var money = await client.MoneyAsync(asset.Asset, default);
        Assert.Equal(money.Payouts[0].Id, (await client.PayoutAsync(asset.Asset, money.Payouts[0].Id, default)).Id);
    }
}
