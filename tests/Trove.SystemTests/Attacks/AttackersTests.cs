using System.Numerics;
using System.Text.Json;
using Trove.Chain;
using Trove.Chain.Bindings;
using Trove.Chain.Rpc;
using Trove.Cli.Commands;
using Trove.Core;
using Trove.Core.Ceremonies;
using Trove.Crypto;
using Trove.Node.Protocol;
using Trove.Node.Requests;
using Trove.SystemTests.Api;
using Trove.SystemTests.Chain;
using Trove.SystemTests.Story;
using Trove.SystemTests.Uses;

namespace Trove.SystemTests.Attacks;

/// <summary>
/// The attackers' story (ARCHITECTURE.md): what each tries against one asset, through the API, the command line and the chain itself, and
/// what stops it. The chain's time is moved on; nothing else is arranged for the defenders.
/// </summary>
public sealed partial class AttackersTests(UseFixture f, ITestOutputHelper output) : IClassFixture<UseFixture>
{
    private const uint Voting = 240, Extension = 90, ToLeave = 240; // seconds of the chain

    private readonly SigningKey _founder = SigningKey.Generate();
    private readonly KeyFile _verifier = KeyFile.Create(), _mallory = KeyFile.Create(), _maya = KeyFile.Create();
    private readonly List<Member> _members = [];
    private readonly List<EpochShares> _shares = [];
    private AssetInfo _asset = null!;

    private string Folder => Path.Combine(f.Folder, "attack");

    [Fact]
    public async Task Attackers_lose_and_each_is_told_what_stopped_it()
    {
        try
        {
            await FoundAsync();
            await BuyAsync(_mallory.SigningKey, 20);
            await LateQuorumIsAnsweredAsync();
            await BorrowedSharesDoNotVoteAsync();
            await BuyAsync(_mallory.SigningKey, 44); // of the four fifths that are left: 55 % in all
            await AWhaleLosesAndACensorDelaysNothingAsync();
            await BuyAsync(_mallory.SigningKey, 34); // 67 % in all, and three in four of the votes that are cast
            await WhoLeavesInTimeIsNotHandedOverAsync();
            await GarbageIsDisputedByTwoRunnersWhoComputeTheSameAndItsStakePaysTheBuyerAsync();
            await Audited.HoldsAsync(f.Chain, f.Info, _asset.Asset);
        }
        finally
        {
            foreach (var one in (IEnumerable<IDisposable>)[_founder, _verifier, _mallory, _maya, .. _members, .. _shares])
                one.Dispose();
        }
    }

    // Votes at the last moment that reach the quorum.
    private async Task LateQuorumIsAnsweredAsync()
    {
        var request = await f.RequestAsync(of: _asset, fromYear: 0);
        var proposal = await f.Client.ProposeAsync(_asset.Asset, new ProposeRequest("approve", request.Request), default);
        await PassToAsync(proposal.VoteEnd - 30);
        var sniped = await VoteAsync(_mallory.SigningKey, proposal.Proposal, 1);
        Assert.Equal("active", sniped.State);
        Assert.True(sniped.For.Units >= sniped.Quorum.Units && sniped.Against.Units == 0, $"{sniped.For} of {sniped.Quorum}");
        Assert.InRange(sniped.VoteEnd - proposal.VoteEnd, (long)Extension - 30, Extension);
        await PassToAsync(proposal.VoteEnd + 1); // over, without the extension
        var answered = await VoteAsync(_members[1].Key, proposal.Proposal, 0);
        answered = await VoteAsync(_members[2].Key, proposal.Proposal, 0);
        Assert.True(answered.Against.Units > answered.For.Units);
        await PassToAsync(sniped.VoteEnd + 1);
        Assert.Equal("defeated", (await f.Client.ProposalAsync(_asset.Asset, proposal.Proposal, default)).State);
        Tell("late quorum", $"{sniped.For} shares reached the quorum {proposal.VoteEnd - (sniped.VoteEnd - Extension)} s before the end: the vote went on for {Extension} s, and two owners answered: defeated");
    }

    // Shares that come with the proposal and go after it, all in one block.
    private async Task BorrowedSharesDoNotVoteAsync()
    {
        using var borrower = SigningKey.Generate();
        var lender = _members[3].Key;
        await FundAsync(borrower.Address);
        var token = new ShareToken(_asset.Asset);
        var request = await f.RequestAsync(of: _asset, fromYear: 0, use: RequestUse.Copy);
        var (lent, at) = (await token.BalanceOfAsync(f.Chain, lender.Address), ActionTargets.Of(_asset));
        var call = AssetCalls.Propose(at, new ProposedAction(ActionKind.Approve, request.Request), ContractDigests.RequestDescription(request.Request), new ProposeRequest("approve", request.Request));
        // The first keeps the block's maker busy; the two that come meanwhile share a block.
        Receipt[] mined;
        do
        {
            mined = await SendAsync((_founder, token.Transfer(_founder.Address, 0)), (lender, token.Transfer(borrower.Address, lent)), (borrower, call));
            if (mined[1].Block != mined[2].Block)
            {
                await SendAsync((borrower, token.Transfer(lender.Address, lent)));
                request = await f.RequestAsync(of: _asset, fromYear: 0, use: RequestUse.Copy);
                call = AssetCalls.Propose(at, new ProposedAction(ActionKind.Approve, request.Request), ContractDigests.RequestDescription(request.Request), new ProposeRequest("approve", request.Request));
            }
        }
        while (mined[1].Block != mined[2].Block);
        Assert.All(mined, r => Assert.True(r.Success));
        await UseFixture.WaitAsync(async () => (await f.Client.ProposalsAsync(_asset.Asset, default)).Exists(p => p.Proposal == request.Proposal)); // past the node, which reads it
        var proposal = await f.Client.ProposalAsync(_asset.Asset, request.Proposal, default);
        Assert.Equal((lent, BigInteger.Zero), (await token.GetVotesAsync(f.Chain, borrower.Address), await new AssetGovernor(_asset.Governor).GetVotesAsync(f.Chain, borrower.Address, proposal.VoteStart - 1)));
        Assert.Equal("no-votes", (await Assert.ThrowsAsync<TroveApiException>(() => VoteAsync(borrower, request.Proposal, 1))).Code);
        // Past the node, by itself, it is counted as nothing.
        var ballot = new VoteRequest(borrower.Address, 1, Hex.Encode(borrower.Sign(ContractDigests.Ballot(f.Info.ChainId, _asset.Governor, request.Proposal, 1, borrower.Address, ContractDigests.BallotNonce(request.Proposal)))));
        Assert.True((await SendAsync((borrower, AssetCalls.Vote(_asset.Governor, request.Proposal, ballot))))[0].Success);
        Assert.Equal(default, (await f.Client.ProposalAsync(_asset.Asset, request.Proposal, default)).For);
        await SendAsync((borrower, token.Transfer(lender.Address, lent)));
        Tell("borrowed shares", $"{new Shares((UInt128)lent)} shares borrowed and proposed with in block {mined[1].Block.Number} had 0 votes: they count as they were the second before");
    }

    // More than half of all shares, a token price, the treasury's money as fees; and a node that keeps ballots to itself.
    private async Task AWhaleLosesAndACensorDelaysNothingAsync()
    {
        var (mallory, price) = (_mallory.SigningKey, new Money(1));
        await MoneyCommands.TakeTestDollarsAsync(f.Client, f.Info, mallory, price, default);
        string[] copy = ["request", "copy", "--asset", _asset.Asset.ToString(), "--price", "0.000001", "--kind", "comment", "--key", await KeyAsync(_mallory, "mallory"), "--passphrase-file", Path.Combine(Folder, "pass.txt")];
        var (code, _, error) = await TroveCli.RunAsync(Folder, [.. copy, "--node", f.Client.Node.ToString()]);
        Assert.Equal(1, code);
        Assert.Contains("a copy on ATTACK costs at least $2.00", error, StringComparison.Ordinal);
        var asked = JsonSerializer.Deserialize<RequestInfo>(await TroveCli.JsonAsync(Folder, [.. copy, "--direct", f.Rpc.ToString()]), TroveJson.Options)!; // whatever a node thinks of the price
        var proposal = await f.Client.ProposeAsync(_asset.Asset, new ProposeRequest("approve", asked.Request), default);
        Assert.Equal((ProposalClass.Copy, (ushort)60), (proposal.Class, proposal.ApprovalPercent));
        Assert.Contains("for $0.000001", await VoteCommands.InWordsAsync(f.Client, f.Info.ChainId, _asset, proposal, default), StringComparison.Ordinal);
        var fee = _asset.Charter with { Fees = [new FeeInfo(mallory.Address, 3000)] };
        var fees = await VoteCommands.ProposeAsync(f.Client, f.Info, _asset, mallory, new ProposedAction(ActionKind.Charter, Charter: fee), "Housekeeping", default);
        Assert.Contains("fees: 30 % to", await VoteCommands.InWordsAsync(f.Client, f.Info.ChainId, _asset, fees, default), StringComparison.Ordinal);
        Assert.NotNull((fee with { Fees = [new FeeInfo(mallory.Address, 3001)] }).Problem());
        await VoteAsync(mallory, proposal.Proposal, 1);
        await VoteAsync(mallory, fees.Proposal, 1);

        // A vote sold after the vote began stays with who had the shares then.
        using var buyer = SigningKey.Generate();
        await FundAsync(buyer.Address);
        var token = new ShareToken(_asset.Asset);
        await SendAsync((_members[3].Key, token.Transfer(buyer.Address, await token.BalanceOfAsync(f.Chain, _members[3].Key.Address))));
        var sold = (await Assert.ThrowsAsync<TroveApiException>(() => VoteAsync(buyer, proposal.Proposal, 1))).Code;
        Assert.Equal("no-votes", sold);
        foreach (var member in _members.Skip(1))
            await VoteAsync(member.Key, proposal.Proposal, 0);
        Tell("votes for sale", $"shares sold during the vote have no votes in it ({sold}); who sold them voted against");

        // Two actions behind one vote.
        var two = new AssetGovernor(_asset.Governor).Propose([_asset.Grants, _asset.Registry], [BigInteger.Zero, BigInteger.Zero],
            [new Grants(_asset.Grants).Approve(asked.Request).Data, new Registry(_asset.Registry).PauseUntil(0).Data], "Both");
        var refused = await Assert.ThrowsAsync<RpcException>(() => f.Chain.CallAsync(two, mallory.Address));
        Assert.Equal("ActionNotAllowed", refused.Revert!.Name);
        Tell("many at once", $"the governor takes one action a proposal: {refused.Revert}");

        await MayaVotesPastTheCensorAsync(proposal);
        foreach (var member in _members.Skip(1))
            await VoteAsync(member.Key, fees.Proposal, 0);
        await PassToAsync(Math.Max(proposal.VoteEnd, fees.VoteEnd) + 1);
        var (lost, charter) = (await f.Client.ProposalAsync(_asset.Asset, proposal.Proposal, default), await f.Client.ProposalAsync(_asset.Asset, fees.Proposal, default));
        Assert.Equal(("defeated", "defeated"), (lost.State, charter.State));
        Assert.True(lost.For.Units > lost.Against.Units && lost.For.Units >= lost.Quorum.Units, "it had the majority and the quorum");
        Assert.Equal(4, lost.Voters - 1); // and all four members
        await UseFixture.WaitAsync(async () => (await f.Client.RequestAsync(_asset.Asset, asked.Request, default)).State == "refunded");
        Assert.Equal(_asset.Charter.Fees, (await f.Client.AssetAsync(_asset.Asset, default)).Charter.Fees);
        Tell("whale", $"{Percent(lost)} % of the votes for a copy at ${price}, and it takes more than {lost.ApprovalPercent} %: defeated, and the money went back");
        Tell("fees for itself", $"{Percent(charter)} % of the votes for a charter with 30 % for itself, and the constitution takes more than {charter.ApprovalPercent} %: defeated");
    }

    private async Task MayaVotesPastTheCensorAsync(ProposalInfo proposal)
    {
        await using var censor = await LyingNode.StartAsync(f.Client.Node);
        censor.Censors = path => path.Contains("/votes", StringComparison.Ordinal);
        string[] vote = ["vote", proposal.Proposal.ToHex()[..12], "against", "--asset", _asset.Asset.ToString(), "--key", await KeyAsync(_maya, "maya"), "--passphrase-file", Path.Combine(Folder, "pass.txt")];
        var before = await f.Client.ProposalAsync(_asset.Asset, proposal.Proposal, default);
        var (code, _, error) = await TroveCli.RunAsync(Folder, [.. vote, "--node", censor.Address.ToString()]);
        Assert.Equal(1, code);
        Assert.Contains("503", error, StringComparison.Ordinal);
        Assert.Equal(before.Against, (await f.Client.ProposalAsync(_asset.Asset, proposal.Proposal, default)).Against);

        // Without ether the chain takes nothing, and the error says how much it is.
        (code, _, error) = await TroveCli.RunAsync(Folder, [.. vote, "--direct", f.Rpc.ToString()]);
        Assert.Equal(1, code);
        Assert.Contains($"{_maya.SigningKey.Address} has 0 ether", error, StringComparison.Ordinal);
        await FundAsync(_maya.SigningKey.Address);
        var counted = JsonSerializer.Deserialize<ProposalInfo>(await TroveCli.JsonAsync(Folder, [.. vote, "--direct", f.Rpc.ToString()]), TroveJson.Options)!;
        Assert.Equal(before.Voters + 1, counted.Voters);
        Assert.True(counted.Against.Units > before.Against.Units);
        Tell("censor", $"the node answered 503 to a ballot; its owner sent the same signature to the chain, which counted {counted.Against - before.Against} shares against");
    }

    // A majority large enough for the constitution names guardians of its own.
    private async Task WhoLeavesInTimeIsNotHandedOverAsync()
    {
        using var own = KeyFile.Create();
        var (maya, stays) = (_members[0], _members[1]);
        var change = await VoteCommands.ProposeAsync(f.Client, f.Info, _asset, _mallory.SigningKey, new ProposedAction(ActionKind.Guardians, Accounts: [own.SigningKey.Address], Threshold: 1), "A fresh start", default);
        await VoteAsync(_mallory.SigningKey, change.Proposal, 1);
        foreach (var member in _members.Take(3)) // the fourth has sold all
            await VoteAsync(member.Key, change.Proposal, 0);
        await PassToAsync(change.VoteEnd + 1);
        var queued = await f.Client.ExecuteAsync(_asset.Asset, change.Proposal, default);
        Assert.Equal("queued", queued.State);
        Assert.InRange(queued.ExecutableAt - change.VoteEnd, ToLeave, long.MaxValue);
        Assert.True(queued.Against.Units > 0 && Percent(queued) > queued.ApprovalPercent);

        // She asks no node: the receipt is on her machine.
        var left = maya.Id(f.Info, _asset);
        Directory.CreateDirectory(Path.Combine(Folder, "receipts"));
        await File.WriteAllTextAsync(Path.Combine(Folder, "receipts", left.ToHex() + ".json"), JsonSerializer.Serialize(new { Asset = _asset.Asset, Contribution = left, Owner = maya.Key.Address, maya.Salt }, TroveJson.Options));
        var (code, _, error) = await TroveCli.RunAsync(Folder, "withdraw", left.ToString(), "--direct", f.Rpc.ToString(), "--key", await KeyAsync(_maya, "maya"), "--passphrase-file", Path.Combine(Folder, "pass.txt"));
        Assert.True(code == 0, error);
        Assert.Equal("NotInvited", await RefusedChangeAsync(own)); // not before its time
        await PassToAsync(queued.ExecutableAt + 1);
        await UseFixture.WaitAsync(async () => (await f.Client.ExecuteAsync(_asset.Asset, change.Proposal, default)).State == "executed");
        foreach (var share in await Committees.ChangeAsync(f.Node, f.Info, _asset, new Committee(2, 1, [own.SigningKey.Address]), [.. f.Guardians, own], _shares))
            share.Dispose();
        var changed = (await new Registry(_asset.Registry).CustodyAsync(f.Chain)).Guardians;
        Assert.Equal([own.SigningKey.Address], changed);

        // What the new guardian holds opens what is there, and of hers nothing is there.
        var ledger = new Ledger(_asset.Ledger);
        Assert.NotEqual(BigInteger.Zero, await ledger.WithdrawnAtAsync(f.Chain, left));
        var hers = maya.Parts(f.Info, _asset);
        foreach (var part in hers)
            await UseFixture.WaitAsync(async () => await GoneAsync(part.Sha256));
        foreach (var part in stays.Parts(f.Info, _asset))
            Assert.Equal(part.Size, (await f.Client.BlobAsync(part.Sha256, part.Size, default)).Length);
        Tell("own guardians", $"{Percent(queued)} % named their own; it took effect {queued.ExecutableAt - change.VoteEnd} s after the vote, and who had withdrawn by then left no ciphertext for them ({hers.Count} parts are gone)");
    }

    private async Task<bool> GoneAsync(Hash32 blob)
    {
        try
        {
            await f.Client.BlobAsync(blob, 1 << 20, default);
            return false;
        }
        catch (TroveApiException e) when (e.Code == "blob-gone")
        {
            return true;
        }
    }

    private async Task<string> RefusedChangeAsync(KeyFile guardian)
    {
        var call = new Registry(_asset.Registry).ChangeGuardians([guardian.SigningKey.Address], [Member.Fresh()], [Member.Fresh()], 1, Member.Fresh(), [new byte[65]]);
        return (await Assert.ThrowsAsync<RpcException>(() => f.Chain.CallAsync(call))).Revert!.Name;
    }

    // Four members, who earn about the same, and an asset that decides within minutes.
    private async Task FoundAsync()
    {
        Directory.CreateDirectory(Folder);
        var rules = GovernanceInfo.Default.Rules.Each(r => r with { VotingPeriod = Voting, TimelockDelay = 1 });
        _asset = await ApiFixture.CreateAssetAsync(f.Client, f.Info, _founder, [_verifier], f.Guardians, 2, [f.Runner.SigningKey.Address], "ATTACK",
            ApiFixture.Quick with { VoteExtension = Extension, Rules = rules with { Constitution = rules.Constitution with { TimelockDelay = ToLeave } } },
            ApiFixture.Policy with { CopyPrice = new Money(2_000_000) }, _shares, charter: ApiFixture.Small);
        string[] texts =
        [
            "The lamp at the end of the pier is lit by hand each evening at dusk", "My neighbour keeps forty hens and sells their eggs along the canal road",
            "Nobody reads the rain gauge behind the school but me and the crows", "We carried the organ down three flights and it still plays in tune",
        ];
        for (int i = 0; i < texts.Length; i++)
            _members.Add(await Member.PrepareAsync(_asset, Member.Reddit($"owner_{i}", texts[i]), i == 0 ? _maya.SigningKey : null));
        var ids = new List<Hash32>();
        foreach (var member in _members)
            ids.Add(await member.ContributeAsync(f.Client, f.Info, _asset));
        await ApiFixture.VerifyAsync(f.Client, f.Info, [_verifier], async () => (await Task.WhenAll(ids.Select(id => f.Client.ContributionAsync(id, default)))).All(c => c.State == "attested"));
        var (nonce, deadline) = (Member.Fresh(), Member.Soon());
        await f.Client.CloseEpochAsync(_asset.Asset, new CloseEpochRequest(1, nonce, deadline,
            Hex.Encode(_founder.Sign(Messages.CloseEpoch(Messages.Domain(f.Info.ChainId, _asset.Ledger), _asset.Asset, 1, nonce, deadline)))), default);
        await ApiFixture.VerifyAsync(f.Client, f.Info, [_verifier], async () => (await Task.WhenAll(_members.Select(m => f.Client.BalanceAsync(_asset.Asset, m.Key.Address, default)))).All(b => b.Shares.Units > b.Unclaimed.Units));
        await UseFixture.WaitAsync(async () => (await f.Client.DataAsync(_asset.Asset, default)).SnapshotEpoch == 1);
        foreach (var member in _members.Skip(1))
            await FundAsync(member.Key.Address);
        await FundAsync(_mallory.SigningKey.Address);
        await FundAsync(_founder.Address);
    }

    // Buys a part of what each member has, in hundredths; what is paid for it is between them.
    private async Task BuyAsync(SigningKey buyer, int percent)
    {
        var token = new ShareToken(_asset.Asset);
        if (await f.Chain.GetBalanceAsync(_maya.SigningKey.Address) is var had && had == 0)
            await FundAsync(_maya.SigningKey.Address);
        foreach (var member in _members)
            await SendAsync((member.Key, token.Transfer(buyer.Address, await token.BalanceOfAsync(f.Chain, member.Key.Address) * percent / 100)));
        if (had == 0)
            await Accounts.FundAsync(f.Node, _maya.SigningKey.Address, 0);
    }

    private Task<ProposalInfo> VoteAsync(SigningKey voter, Hash32 proposal, byte support) => VoteCommands.VoteAsync(f.Client, f.Info, _asset, voter, proposal, support, default);

    private Task<Receipt[]> SendAsync(params (SigningKey From, ContractCall Call)[] calls) => Accounts.SendAsync(f.Node, calls);

    private Task FundAsync(Address account) => Accounts.FundAsync(f.Node, account, 10 * Accounts.Ether);

    private Task PassToAsync(long second) => Accounts.PassToAsync(f.Node, second);

    private Task<string> KeyAsync(KeyFile keys, string name) => Accounts.SaveAsync(keys, Folder, name);

    private static int Percent(ProposalInfo p) => (int)((BigInteger)p.For.Units * 100 / ((BigInteger)p.For.Units + (BigInteger)p.Against.Units));

    private void Tell(string attack, string stopped) => output.WriteLine($"{attack}: {stopped}");
}
