using Dapper;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Trove.Chain;
using Trove.Chain.Bindings;
using Trove.Chain.Rpc;
using Trove.Cli.Commands;
using Trove.Cli.Direct;
using Trove.Core;
using Trove.Crypto;
using Trove.Node;
using Trove.Node.Chain;
using Trove.Node.Database;
using Trove.Node.Protocol;
using Trove.Node.Requests;
using Trove.SystemTests.Api;
using Trove.SystemTests.Attacks;
using Trove.SystemTests.Ceremonies;
using Epoch = Trove.Core.Rewards.Epoch;

namespace Trove.SystemTests.Uses;

/// <summary>
/// Many members vote at once through a node that pays their gas on a network's terms; and what it then does not pay for, because it
/// would cost whoever asks less than the node.
/// </summary>
public sealed class BallotTests : IAsyncLifetime
{
    private const int Voters = 30;

    private readonly string _folder = TestFolder.Create();
    private readonly SigningKey _founder = SigningKey.Generate(), _relayer = SigningKey.Generate();
    private readonly KeyFile _verifier = KeyFile.Create();
    private readonly List<SigningKey> _voters = [.. Enumerable.Range(0, Voters).Select(_ => SigningKey.Generate())];
    private NodeHost _node = null!;
    private TroveClient _client = null!;
    private NodeInfo _info = null!;
    private AssetInfo _asset = null!;
    private Member _owner = null!;

    private EthClient Chain => _node.Services.GetRequiredService<ChainConnection>().Client;

    public ValueTask InitializeAsync() => default;

    private async Task FoundAsync(RelayAllowance? inAll, int vesting = 0)
    {
        var terms = RelayTerms.Network([_founder.Address]);
        _node = await NodeHost.StartAsync(new NodeOptions { Data = _folder, LogLevel = LogLevel.None, Relayer = _relayer, RelayTerms = terms with { Budget = new(10 * Accounts.Ether, 100 * Accounts.Ether), InAll = inAll } }, default);
        _client = Contract.Client(_node.Address);
        _info = await _client.InfoAsync(default);
        _asset = await ApiFixture.CreateAssetAsync(_client, _info, _founder, [_verifier], [Evaluators.Common], 1, [], "VOTES", ApiFixture.Quick with { Rules = ApiFixture.Votes(600).Each(r => r with { ProposalThreshold = new(1) }) }, ApiFixture.Policy, vesting: vesting);
    }

    private async Task StartAsync(RelayAllowance? inAll)
    {
        await FoundAsync(inAll);
        _owner = await Owner.EarnAsync(_client, _info, _asset, _founder, _verifier);

        // Shares that the first member gives away, each by a transaction of its own.
        await Accounts.FundAsync(_node, _owner.Key.Address, Accounts.Ether);
        var each = await new ShareToken(_asset.Asset).BalanceOfAsync(Chain, _owner.Key.Address) / (Voters + 2);
        await MineAsync([.. _voters.Select(v => (_owner.Key, new ShareToken(_asset.Asset).Transfer(v.Address, each)))]);
    }

    public async ValueTask DisposeAsync()
    {
        await _node.DisposeAsync();
        _owner.Dispose();
        _voters.ForEach(v => v.Dispose());
        _founder.Dispose();
        _relayer.Dispose();
        _verifier.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Thirty_members_vote_at_once_in_fewer_transactions_and_a_ballot_that_counts_nothing_hurts_nobody()
    {
        await StartAsync(null);
        using var buyer = SigningKey.Generate();
        var proposal = (await VoteCommands.ProposeAsync(_client, _info, _asset, _owner.Key, new ProposedAction(ActionKind.Runners, Accounts: [buyer.Address]), null, default)).Proposal;
        // One of them has voted by a transaction of its own, another sends two ballots.
        var early = _voters[0];
        await Accounts.FundAsync(_node, early.Address, Accounts.Ether);
        await MineAsync((early, new AssetGovernor(_asset.Governor).CastVote(ContractDigests.ToInteger(proposal), 0)));

        var ballots = _voters.Select(v => (Voter: v, Support: (byte)1)).Append((Voter: _voters[1], Support: (byte)0)).ToList();
        var answers = await Task.WhenAll(ballots.Select(async b =>
        {
            try
            {
                await VoteCommands.VoteAsync(_client, _info, _asset, b.Voter, proposal, b.Support, default);
                return (TroveApiException?)null;
            }
            catch (TroveApiException e)
            {
                return e;
            }
        }));
        Assert.Equal("reverted", answers[0]?.Code); // it has voted
        Assert.Contains(early.Address.ToString(), answers[0]!.Message, StringComparison.OrdinalIgnoreCase);
        Assert.Equal("reverted", Assert.Single([answers[1], answers[^1]], a => a is not null)!.Code); // one of the two counts
        Assert.All(answers[2..^1], Assert.Null);

        var cast = (await Chain.GetLogsAsync(new LogFilter([_asset.Governor], [AssetGovernor.VoteCastEvent.Signature]), 0, await Chain.BlockNumberAsync()))
            .Where(l => AssetGovernor.VoteCastEvent.Decode(l)!.Voter != early.Address).ToList();
        Assert.Equal(_voters.Skip(1).Select(v => v.Address).Order(), cast.Select(l => AssetGovernor.VoteCastEvent.Decode(l)!.Voter).Order());
        int transactions = cast.Select(l => l.TransactionHash).Distinct().Count();
        TestContext.Current.SendDiagnosticMessage($"{cast.Count} ballots in {transactions} transactions");
        Assert.InRange(transactions, 1, Voters / 2);
        Assert.Equal(Voters, (await _client.ProposalAsync(_asset.Asset, proposal, default)).Voters);

        // A lone voter is not made to wait for others.
        var box = _node.Services.GetRequiredService<BallotBox>();
        var signature = _owner.Key.Sign(ContractDigests.Ballot(_info.ChainId, _asset.Governor, proposal, 1, _owner.Key.Address, ContractDigests.BallotNonce(proposal)));
        var mined = await box.CastAsync(_asset.Governor, proposal, _owner.Key.Address, 1, signature, default);
        Assert.Equal(_owner.Key.Address, AssetGovernor.VoteCastEvent.Decode(Assert.Single((await Chain.GetTransactionReceiptAsync(mined.Transaction))!.Logs))!.Voter);
    }

    [Fact]
    public async Task What_would_cost_the_node_more_than_whoever_asks_it_does_not_pay_for()
    {
        await StartAsync(new RelayAllowance(Accounts.Ether / 100, Accounts.Ether / 100, Accounts.Ether / 100, Accounts.Ether / 100)); // gas costs other than on a network

        // A stranger's asset, and whatever is in it.
        using var stranger = SigningKey.Generate();
        await RefusedAsync(403, "not-relayed", () => ApiFixture.CreateAssetAsync(_client, _info, stranger, [_verifier], "OWN"));
        var relay = _node.Services.GetRequiredService<ChainRelay>();
        var refused = await Assert.ThrowsAsync<Node.Api.ApiException>(() => relay.SendAsync(stranger.Address, "clone", new Ledger(stranger.Address).ClaimMany([], []), default));
        Assert.Equal("not-relayed", refused.Code);

        // Shares can be sent from one fresh account to the next: whoever only holds them votes, but not at this node's cost.
        var (voter, other) = (_voters[2], _voters[3]);
        var action = new ProposedAction(ActionKind.Runners, Accounts: [other.Address]);
        await RefusedAsync(403, "not-relayed", () => VoteCommands.ProposeAsync(_client, _info, _asset, voter, action, "bought", default));
        var proposal = (await VoteCommands.ProposeAsync(_client, _info, _asset, _owner.Key, action, "earned", default)).Proposal;
        await RefusedAsync(403, "not-relayed", () => VoteCommands.VoteAsync(_client, _info, _asset, voter, proposal, 1, default));
        await RefusedAsync(403, "not-relayed", () => DelegateAsync(voter, other.Address));
        await VoteCommands.VoteAsync(_client, _info, _asset, _owner.Key, proposal, 1, default);

        // So can money that comes back: a stake.
        await MoneyCommands.TakeTestDollarsAsync(_client, _info, voter, new Money(200_000_000), default);
        await RefusedAsync(403, "not-relayed", () => StakeCommands.DepositAsync(_client, _info, _asset, voter, new Money(50_000_000), default));

        // What was paid for good pays for more; what is only promised can be called off between its trial and its block.
        await RefusedAsync(403, "not-relayed", () => MoneyCommands.PayAsync(_client, _info, _asset, voter, new Money(10_000_000), default));
        await PayDirectAsync(voter, new Money(10_000_000));
        await VoteCommands.VoteAsync(_client, _info, _asset, voter, proposal, 1, default);
        Assert.InRange((uint)(await _client.PendingAsync(_asset.Asset, other.Address, default)).Amount.Units, 1u, 999_999u);
        await RefusedAsync(403, "not-relayed", () => MoneyCommands.ClaimAsync(_client, _info, _asset, other, default));
        await MoneyCommands.PayAsync(_client, _info, _asset, voter, new Money(80_000_000), default);
        Assert.True((await MoneyCommands.ClaimAsync(_client, _info, _asset, other, default)).Paid.Units >= 1_000_000);

        // What others paid an owner carries its claims, each its own, and nothing else.
        await RefusedAsync(403, "not-relayed", () => DelegateAsync(other, voter.Address));
        await RefusedAsync(403, "not-relayed", () => VoteCommands.VoteAsync(_client, _info, _asset, other, proposal, 1, default));
        await MoneyCommands.PayAsync(_client, _info, _asset, voter, new Money(90_000_000), default);
        int before = await RelayedForAsync(other.Address);
        var claims = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => MoneyCommands.ClaimAsync(_client, _info, _asset, other, default)));
        Assert.All(claims, c => Assert.True(c.Paid.Units >= 2_000_000));
        Assert.Equal(before + 1, await RelayedForAsync(other.Address)); // all of them saw the same dividend

        // It ends, and does not come back with time.
        int sent = 0;
        var ended = await Assert.ThrowsAsync<TroveApiException>(async () =>
        {
            for (; sent < 100; sent++)
                await DelegateAsync(_owner.Key, _voters[sent % 2].Address);
        });
        Assert.Equal((429, "gas-budget"), (ended.Status, ended.Code));
        Assert.InRange(sent, 1, 99);

        // What earned nothing is withdrawn at its owner's cost, what earned something at the asset's, whatever its owner had sent before.
        using var member = await Member.PrepareAsync(_asset, Member.Reddit("never_checked", "Nothing of this was looked at by anybody before it was taken back again"));
        await Evaluators.AnnounceAsync(_client, _info, _asset, member.Announce(_info, _asset));
        await RefusedAsync(403, "not-relayed", () => WithdrawAsync(member));
        await WithdrawAsync(_owner);
    }

    [Fact]
    public async Task Who_brings_many_small_contributions_pays_for_its_hand_outs_and_withdrawals_itself_in_the_end()
    {
        await StartAsync(new RelayAllowance(1, Accounts.Ether / 100, HandOuts: 300_000 * (UInt128)1_000_000_000, Leaving: 1)); // one leaf
        using var second = await Member.PrepareAsync(_asset, Member.Reddit("hands_off", "Nobody of the second shift had seen the harbour pilot leave before the fog came in"), _owner.Key);
        var id = await second.ContributeAsync(_client, _info, _asset);
        using var other = await Member.PrepareAsync(_asset, Member.Reddit("other_hands", "A lantern on the western pier was lit three evenings in a row for a boat that never came"));
        var others = await other.ContributeAsync(_client, _info, _asset);
        await ApiFixture.VerifyAsync(_client, _info, [_verifier], async () => (await _client.ContributionAsync(id, default)).State == "attested" && (await _client.ContributionAsync(others, default)).State == "attested");
        await CloseAsync(2);
        await ApiFixture.VerifyAsync(_client, _info, [_verifier], async () => await _client.BalanceAsync(_asset.Asset, other.Key.Address, default) is var b && b.Shares.Units > 0 && b.Unclaimed.Units == 0);

        // The other's leaf is handed out beside its own, which waits until it asks for it, at its own cost.
        Assert.True((await _client.BalanceAsync(_asset.Asset, _owner.Key.Address, default)).Unclaimed.Units > 0);
        await RefusedAsync(429, "gas-budget", () => MoneyCommands.ClaimAsync(_client, _info, _asset, _owner.Key, default));
        await RefusedAsync(429, "gas-budget", () => WithdrawAsync(second));

        // What its other shares earned is paid out all the same; and when it pays something in, the rest goes too.
        await PayDirectAsync(_founder, new Money(80_000_000));
        var claimed = await MoneyCommands.ClaimAsync(_client, _info, _asset, _owner.Key, default);
        Assert.True(claimed.Paid.Units > 0 && claimed.Unclaimed.Units > 0);
        await PayDirectAsync(_owner.Key, new Money(20_000_000));
        Assert.True((await MoneyCommands.ClaimAsync(_client, _info, _asset, _owner.Key, default)).Unclaimed.Units == 0);
        await WithdrawAsync(second);
    }

    [Fact]
    public async Task What_this_node_does_not_pay_to_have_lapse_whoever_gains_by_it_has_lapse_four_leaves_at_a_time()
    {
        await FoundAsync(new RelayAllowance(1, 1, Accounts.Ether / 100, Leaving: 299_999 * (UInt128)1_000_000_000), vesting: 3); // a withdrawal, and no leaf
        var leavers = new List<Member>();
        foreach (var text in (string[])["Her barometer fell on Thursday", "Nobody oiled the hinges of the sluice", "A heron had its nest upon the roof of the ferry house",
            "We sold the last of the smoked eels before the road was open again", "My grandmother salted plums in a stone jar under the stairs until the winter that she moved",
            "Three ropes and an anchor were all that remained of the boat which her uncle had built behind the church in one spring"])
            leavers.Add(await Member.PrepareAsync(_asset, Member.Reddit($"goes_away_{leavers.Count}", text)));
        await ContributeAsync([.. leavers]);
        await CloseAsync(1);
        await ApiFixture.VerifyAsync(_client, _info, [_verifier], async () => (await _client.EpochAsync(_asset.Asset, 1, default)).State == "posted");
        var leaves = Epoch.FromRewards(1, default, [.. (await _client.RewardsAsync(_asset.Asset, 1, default)).Select(r => r.Reward)]).Leaves.OrderByDescending(l => l.Amount.Units).ToList();
        foreach (var leaver in leavers)
            await WithdrawAsync(leaver);
        _owner = await Member.PrepareAsync(_asset, Member.Reddit("stays_here", "The ferry to the outer islands left twice on Sundays as long as anybody could remember"));
        await ContributeAsync(_owner);
        await CloseAsync(2);
        await ApiFixture.VerifyAsync(_client, _info, [_verifier], async () => (await _client.EpochAsync(_asset.Asset, 2, default)).State == "posted");
        Assert.Equal(0, await LapsedAsync());

        // A claim has four lapse, the largest, however much others withdrew: it is the claimer's gas. The next one has the rest lapse.
        await Accounts.FundAsync(_node, _owner.Key.Address, Accounts.Ether);
        using var direct = new DirectClient(new EthClient(new Uri(_client.Node, _info.Rpc)), _asset.Asset, _owner.Key, Contract.Client(_node.Address));
        await MoneyCommands.ClaimAsync(direct, _info, _asset, _owner.Key, default);
        Assert.Equal(4, await LapsedAsync());
        await MoneyCommands.ClaimAsync(direct, _info, _asset, _owner.Key, default);
        Assert.Equal(6, await LapsedAsync());
        await UseFixture.WaitAsync(async () => (await _client.ContributionAsync(leaves[^1].Contribution, default)).Vesting is { } v && v.Lapsed == v.Amount);
        leavers.ForEach(l => l.Dispose());

        // How many of the leaves, the largest first; no other has lapsed.
        async Task<int> LapsedAsync()
        {
            var lapsed = new List<bool>();
            foreach (var leaf in leaves)
                lapsed.Add(await new Ledger(_asset.Ledger).IsClaimedAsync(Chain, 1, leaf.Index));
            Assert.Equal(lapsed.OrderDescending(), lapsed);
            return lapsed.Count(l => l);
        }
    }

    private async Task ContributeAsync(params Member[] members)
    {
        foreach (var member in members)
            await member.ContributeAsync(_client, _info, _asset);
        await ApiFixture.VerifyAsync(_client, _info, [_verifier], async () => (await _client.ContributionsAsync(_asset.Asset, (Address?)null, default)).Count(c => c.State == "attested") == members.Length);
    }

    private async Task CloseAsync(ulong epoch)
    {
        var (nonce, deadline) = (Member.Fresh(), Member.Soon());
        await _client.CloseEpochAsync(_asset.Asset, new CloseEpochRequest(epoch, nonce, deadline,
            Hex.Encode(_founder.Sign(Messages.CloseEpoch(Messages.Domain(_info.ChainId, _asset.Ledger), _asset.Asset, epoch, nonce, deadline)))), default);
    }

    // Past the node.
    private async Task PayDirectAsync(SigningKey payer, Money amount)
    {
        await Accounts.FundAsync(_node, payer.Address, Accounts.Ether);
        await MoneyCommands.TakeTestDollarsAsync(_client, _info, payer, amount, default);
        var (before, nonce, deadline) = ((await _client.MoneyAsync(_asset.Asset, default)).Received, Member.Fresh(), Member.Soon());
        var signature = payer.Sign(ContractDigests.ReceiveWithAuthorization(_info.PaymentTokenDomain, payer.Address, _asset.Asset, amount.Units, (ulong)deadline, nonce));
        await MineAsync((payer, AssetCalls.Dividend(_asset.Asset, new DividendRequest(payer.Address, amount, deadline, nonce, Hex.Encode(signature)))));
        await UseFixture.WaitAsync(async () => (await _client.MoneyAsync(_asset.Asset, default)).Received == before + amount);
    }

    private async Task<int> RelayedForAsync(Address account)
    {
        await using var connection = await _node.Services.GetRequiredService<NodeDatabase>().Source.OpenConnectionAsync();
        return await connection.ExecuteScalarAsync<int>("select count(*) from relayed where beneficiary = @account", new { account });
    }

    private async Task WithdrawAsync(Member member)
    {
        var (id, deadline) = (member.Id(_info, _asset), Member.Soon());
        await _client.WithdrawAsync(id, new WithdrawRequest(deadline, Hex.Encode(member.Key.Sign(ContractDigests.Withdraw(_info.ChainId, _asset.Ledger, member.Key.Address, id, (ulong)deadline)))), default);
    }

    private async Task DelegateAsync(SigningKey from, Address to)
    {
        var (nonce, expiry) = ((await _client.VotesAsync(_asset.Asset, from.Address, default)).Nonce, Member.Soon());
        await _client.DelegateAsync(_asset.Asset, new DelegationRequest(from.Address, to, nonce, expiry,
            Hex.Encode(from.Sign(ContractDigests.Delegation(_info.ChainId, _asset.Asset, _asset.Name, to, nonce, (ulong)expiry)))), default);
    }

    private static async Task RefusedAsync(int status, string code, Func<Task> act)
    {
        var problem = (await Assert.ThrowsAsync<TroveApiException>(act));
        Assert.Equal((status, code), (problem.Status, problem.Code));
    }

    private async Task MineAsync(params (SigningKey From, ContractCall Call)[] calls) => Assert.All(await Accounts.SendAsync(_node, calls), r => Assert.True(r.Success));
}
