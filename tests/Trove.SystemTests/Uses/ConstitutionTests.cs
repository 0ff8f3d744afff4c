using System.Numerics;
using Microsoft.Extensions.DependencyInjection;
using Trove.Chain;
using Trove.Chain.Bindings;
using Trove.Cli.Commands;
using Trove.Core;
using Trove.Crypto;
using Trove.Node.Chain;
using Trove.Node.Protocol;
using Trove.Node.Requests;
using Trove.SystemTests.Api;
using Trove.SystemTests.Story;

namespace Trove.SystemTests.Uses;

/// <summary>Owners change who runs what is released, and whoever does not want that leaves before it takes effect.</summary>
public sealed class ConstitutionTests(UseFixture f) : IClassFixture<UseFixture>
{
    [Fact]
    public async Task Owners_change_their_constitution_and_who_leaves_while_it_waits_is_never_released()
    {
        var (maya, ada) = (f.Members[0], f.Members[1]);
        using var chosen = KeyFile.Create();
        var change = await VoteCommands.ProposeAsync(f.Client, f.Info, f.Asset, maya.Key, new ProposedAction(ActionKind.Runners, Accounts: [chosen.SigningKey.Address]), null, default);
        Assert.Equal((ProposalClass.Constitution, (ushort)66), (change.Class, change.ApprovalPercent));
        var rules = f.Asset.Governance.Rules;
        rules = rules with { Constitution = rules.Constitution with { QuorumPercent = 40, VotingPeriod = 50 } };
        var ruled = await VoteCommands.ProposeAsync(f.Client, f.Info, f.Asset, ada.Key, new ProposedAction(ActionKind.Rules, Rules: rules), "More of us", default);
        Assert.Equal(rules, ruled.Rules);
        Assert.Contains("constitution takes more than 66 % of the votes, 40 % of all shares voting", await VoteCommands.InWordsAsync(f.Client, f.Info.ChainId, f.Asset, ruled, default), StringComparison.Ordinal);
        var grant = await f.NextGrantAsync();
        foreach (var proposal in (Hash32[])[change.Proposal, ruled.Proposal])
            foreach (var member in f.Members)
                await VoteCommands.VoteAsync(f.Client, f.Info, f.Asset, member.Key, proposal, 1, default);
        await UseFixture.WaitAsync(async () => (await f.Client.ProposalAsync(f.Asset.Asset, change.Proposal, default)).State == "succeeded");
        var waiting = await f.Client.ExecuteAsync(f.Asset.Asset, change.Proposal, default);
        Assert.Equal("queued", waiting.State);
        Assert.InRange(waiting.ExecutableAt - waiting.VoteEnd, 12, long.MaxValue);

        var left = ada.Id(f.Info, f.Asset);
        long deadline = Member.Soon();
        await f.Client.WithdrawAsync(left, new WithdrawRequest(deadline, Hex.Encode(ada.Key.Sign(ContractDigests.Withdraw(f.Info.ChainId, f.Asset.Ledger, ada.Key.Address, left, (ulong)deadline)))), default);
        Assert.False(await new Registry(f.Asset.Registry).IsRunnerAsync(f.Chain, chosen.SigningKey.Address)); // in time
        await UseFixture.WaitAsync(async () => (await f.Client.ExecuteAsync(f.Asset.Asset, change.Proposal, default)).State == "executed");
        Assert.True(await new Registry(f.Asset.Registry).IsRunnerAsync(f.Chain, chosen.SigningKey.Address));

        // Whatever the new runner opens, guardians give it nothing of who left.
        using var oneTimeKey = X25519Identity.Generate();
        var (publicKey, runner) = (oneTimeKey.Recipient.PublicKey, chosen.SigningKey.Address);
        await f.Client.OpenUseAsync(f.Asset.Asset, grant.Request, new OpenUseRequest(runner, 1, publicKey, 1,
            Hex.Encode(chosen.SigningKey.Sign(ContractDigests.OpenUse(f.Info.ChainId, f.Asset.Grants, grant.Request, 1, publicKey, 1, runner)))), default);
        var work = new UseWork(f.Asset.Asset, grant.Request, 1, 1, 1, false, false, false);
        await UseFixture.PlayAsync([f.Guardian(1, f.NewFolder()).RunAsync, f.Guardian(2, f.NewFolder()).RunAsync],
            async () => (await f.Client.AnswersAsync(f.Asset.Asset, grant.Request, 1, 1, default)).Count == 2);
        var releases = await f.ReleasesAsync(work, oneTimeKey);
        Assert.Equal(2, releases.Count);
        var points = f.PointsInScope(grant.Terms, maya);
        Assert.NotEqual(points.Count, f.PointsInScope(grant.Terms, maya, ada).Count);
        Assert.All(releases, release => Assert.Equal(points.Count, release.Count));

        // The rules, decided at the same time, are read by everybody.
        await f.ExecuteAsync(ruled.Proposal);
        await UseFixture.WaitAsync(async () => (await f.Client.AssetAsync(f.Asset.Asset, default)).Governance.Rules == rules);
    }

    [Fact]
    public async Task Money_that_is_sent_plainly_reaches_the_owners()
    {
        var before = (await f.Client.MoneyAsync(f.Asset.Asset, default)).Received;
        var amount = new Money(3_000_000);
        await f.Node.Services.GetRequiredService<ChainRelay>().SendAsync(f.Asset.Asset, "gift", new TestDollar(f.Asset.PaymentToken).Mint(f.Asset.Asset, (BigInteger)amount.Units), default);
        await UseFixture.WaitAsync(async () => (await f.Client.MoneyAsync(f.Asset.Asset, default)).Received == before + amount);
        Assert.True((await f.Client.PendingAsync(f.Asset.Asset, f.Members[0].Key.Address, default)).Amount.Units > 0);
        var (code, told, error) = await TroveCli.RunAsync(f.Folder, ["explain", "--asset", $"{f.Asset.Asset}", "--node", $"{f.Client.Node}"]);
        Assert.True(code == 0, error);
        Assert.Matches(@$"received \${amount} +from somebody who sent it plainly on ", told);
    }
}
