using System.Numerics;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Trove.Chain;
using Trove.Chain.Bindings;
using Trove.Chain.Rpc;
using Trove.Cli.Commands;
using Trove.Core;
using Trove.Core.Rewards;
using Trove.Crypto;
using Trove.Node;
using Trove.Node.Chain;
using Trove.Node.Protocol;
using Trove.Node.Requests;
using Trove.Node.Staking;
using Trove.SystemTests.Api;
using Trove.SystemTests.Story;
using Trove.SystemTests.Uses;
using Epoch = Trove.Core.Rewards.Epoch;

namespace Trove.SystemTests.Attacks;

/// <summary>Everything that is signed goes to the chain without a node: the one there is relays nothing any more.</summary>
public sealed class DirectTests : IAsyncLifetime
{
    private static readonly Money Stake = new(100_000_000), Dividend = new(60_000_000);
    private readonly SigningKey _founder = SigningKey.Generate();
    private readonly KeyFile _verifier = KeyFile.Create(), _runner = KeyFile.Create(), _member = KeyFile.Create(), _buyer = KeyFile.Create(), _stranger = KeyFile.Create();
    private readonly string _folder = TestFolder.Create();
    private NodeHost _node = null!;
    private TroveClient _client = null!;
    private EthClient _chain = null!;
    private NodeInfo _info = null!;
    private AssetInfo _asset = null!;

    private string Rpc => new Uri(_client.Node, _info.Rpc).ToString();

    [Fact]
    public async Task All_that_a_node_refuses_the_chain_takes()
    {
        var contribution = await ContributeAndPostAsync();
        foreach (var (key, amount) in (IEnumerable<(KeyFile, Money)>)[(_buyer, new Money(40_000_000)), (_runner, Stake)])
            await MoneyCommands.TakeTestDollarsAsync(_client, _info, key.SigningKey, amount, default);
        await UseFixture.WaitAsync(async () => (await _client.DataAsync(_asset.Asset, default)).SnapshotEpoch == 1);
        await _node.Services.GetRequiredService<ChainRelay>().DisposeAsync();
        foreach (var key in (KeyFile[])[_member, _buyer, _runner, _stranger])
            await Accounts.FundAsync(_node, key.SigningKey.Address, Accounts.Ether);
        var (token, me) = (new ShareToken(_asset.Asset), _member.SigningKey.Address);

        // Shares: with a list that the chain's root is held against.
        Assert.Equal(BigInteger.Zero, await token.BalanceOfAsync(_chain, me));
        var claimed = await DirectAsync(_member, "claim", "--node", _client.Node.ToString());
        Assert.True(BigInteger.Parse((string)claimed["shares"]!, System.Globalization.CultureInfo.InvariantCulture) > 0);
        Assert.Equal(await token.BalanceOfAsync(_chain, me), BigInteger.Parse((string)claimed["shares"]!, System.Globalization.CultureInfo.InvariantCulture));

        // Votes given and taken back.
        var given = await JsonAsync("delegate", _asset.Asset.ToString(), _stranger.SigningKey.Address.ToString(), "--direct", Rpc, "--key", await KeyAsync(_member), "--passphrase-file", Pass);
        Assert.Equal(_stranger.SigningKey.Address.ToString(), (string)given["delegate"]!);
        Assert.Equal(1, (int)(await JsonAsync("votes", _asset.Asset.ToString(), "--direct", Rpc, "--owner", _stranger.SigningKey.Address.ToString()))["delegators"]!);
        await JsonAsync("delegate", _asset.Asset.ToString(), "--back", "--direct", Rpc, "--key", await KeyAsync(_member), "--passphrase-file", Pass);
        Assert.Equal(me, await token.DelegatesAsync(_chain, me));

        // A runner's stake.
        Assert.Equal(Stake.Units.ToString(), (string)(await DirectAsync(_runner, "stake", "deposit", "100"))["active"]!);

        // A request that takes a vote, and one under the standing offer.
        const string sql = "SELECT year, count(*) CLIP 100 AS comments FROM records GROUP BY year";
        var asked = await DirectAsync(_buyer, "request", "query", sql, "--price", "2", "--expires", "2h");
        var proposal = (string)(await DirectAsync(_member, "propose", (string)asked["request"]!))["proposal"]!;
        Assert.Equal(1, (int)(await DirectAsync(_member, "vote", proposal, "for"))["voters"]!);
        await Accounts.PassToAsync(_node, (long)(await JsonAsync("proposals", "--asset", _asset.Asset.ToString(), "--direct", Rpc)).AsArray().Single()!["voteEnd"]! + 1);
        Assert.Equal("executed", (string)(await DirectAsync(_stranger, "execute", proposal))["state"]!);
        var granted = (await JsonAsync("requests", "--asset", _asset.Asset.ToString(), "--direct", Rpc)).AsArray().Single()!;
        Assert.Equal("approved", (string)granted["state"]!);
        var standing = await DirectAsync(_buyer, "request", "query", sql, "--price", "20", "--expires", "2h");
        Assert.Equal("approved", (string)standing["state"]!);
        var pause = await DirectAsync(_member, "propose", "--pause", "1h");
        Assert.Equal(("active", "pause"), ((string)pause["state"]!, (string)pause["action"]!));

        // A runner that signs two results of one use; the second is left with a node.
        var request = Hash32.Parse((string)standing["request"]!);
        var (grants, runner) = (new Grants(_asset.Grants), _runner.SigningKey);
        var oneTimeKey = Member.Fresh();
        await SendAsync(runner, grants.OpenUse(request, 1, oneTimeKey, 1, runner.Address, runner.Sign(ContractDigests.OpenUse(_info.ChainId, _asset.Grants, request, 1, oneTimeKey, 1, runner.Address))));
        var (first, inputs) = (Member.Fresh(), Member.Fresh());
        await SendAsync(runner, grants.PostResult(request, 1, first, inputs, runner.Sign(ContractDigests.Result(_info.ChainId, _asset.Grants, request, 1, first, inputs, runner.Address))));
        byte[] other = [1, 2, 3];
        var late = new ResultRequest(Convert.ToBase64String(other), inputs, Hex.Encode(runner.Sign(ContractDigests.Result(_info.ChainId, _asset.Grants, request, 1, new Hash32(SHA256.HashData(other)), inputs, runner.Address))));
        await UseFixture.WaitAsync(async () => (await _client.RequestsAsync(_asset.Asset, default)).Any(r => r.Request == request && r.State == "posted"));
        Assert.Equal("use-closed", (await Assert.ThrowsAsync<TroveApiException>(() => _client.PostResultAsync(_asset.Asset, request, 1, late, default))).Code);
        var kept = Assert.Single(ContradictionFolder.Files(Path.Combine(_folder, "node")));
        var taken = (await DirectAsync(_stranger, "stake", "report", kept)).AsArray();
        Assert.Equal([(_stranger.SigningKey.Address.ToString(), "10000000"), (_asset.Timelock.ToString(), "90000000")], taken.Select(t => ((string)t!["to"]!, (string)t["amount"]!)));
        var again = await TroveCli.RunAsync(_folder, "stake", "report", kept, "--direct", Rpc, "--key", await KeyAsync(_stranger), "--passphrase-file", Pass);
        Assert.Equal(1, again.Code);
        Assert.Contains("has lost its stake for it before, or has none", again.Error, StringComparison.Ordinal);

        // The result stands undisputed: the price is the owners', by the hand of a stranger.
        var early = await TroveCli.RunAsync(_folder, "settle", request.ToHex()[..12], "--asset", _asset.Asset.ToString(), "--direct", Rpc, "--key", await KeyAsync(_stranger), "--passphrase-file", Pass);
        Assert.Equal(1, early.Code);
        Assert.Contains("can be moved now: a result is there", early.Error, StringComparison.Ordinal);
        await Accounts.PassToAsync(_node, (long)(await _chain.GetBlockAsync(BlockTag.Latest))!.Timestamp + 601);
        Assert.Equal("settled", (string)(await DirectAsync(_stranger, "settle", request.ToHex()[..12]))["state"]!);
        Assert.Equal("19999999", (string)(await DirectAsync(_member, "claim"))["paid"]!); // all shares are the member's; a unit is dust
        Assert.Equal(19_999_999, await new TestDollar(_asset.PaymentToken).BalanceOfAsync(_chain, me));

        // The contribution, by the receipt that contributing left.
        var (code, _, error) = await TroveCli.RunAsync(_folder, "withdraw", Member.Fresh().ToString(), "--direct", Rpc, "--key", await KeyAsync(_member), "--passphrase-file", Pass);
        Assert.Equal(1, code);
        Assert.Contains("this machine has no receipt of contribution", error, StringComparison.Ordinal);
        await JsonAsync("withdraw", contribution.ToString(), "--direct", Rpc, "--key", await KeyAsync(_member), "--passphrase-file", Pass);
        Assert.NotEqual(BigInteger.Zero, await new Ledger(_asset.Ledger).WithdrawnAtAsync(_chain, contribution));

        // What was asked for and never computed goes back, and what was taken away is paid, when their times have come.
        await DirectAsync(_stranger, "stake", "show", "--account", _stranger.SigningKey.Address.ToString());
        await Accounts.PassToAsync(_node, (long)(await _chain.GetBlockAsync(BlockTag.Latest))!.Timestamp + 45 * 86400);
        var before = await new TestDollar(_asset.PaymentToken).BalanceOfAsync(_chain, _buyer.SigningKey.Address);
        Assert.Equal("refunded", (string)(await DirectAsync(_stranger, "settle", (string)asked["request"]!))["state"]!);
        Assert.Equal(before + 2_000_000, await new TestDollar(_asset.PaymentToken).BalanceOfAsync(_chain, _buyer.SigningKey.Address));
        await DirectAsync(_stranger, "stake", "slashings", "--pay", "0");
        Assert.Equal(10_000_000, await new TestDollar(_asset.PaymentToken).BalanceOfAsync(_chain, _stranger.SigningKey.Address));
    }

    [Fact]
    public async Task A_node_that_was_not_there_forwards_what_is_signed_and_says_what_it_does_not_know()
    {
        var contribution = await ContributeAndPostAsync();
        await MoneyCommands.ClaimAsync(_client, _info, _asset, _member.SigningKey, default);
        await UseFixture.WaitAsync(async () => (await _client.DataAsync(_asset.Asset, default)).SnapshotEpoch == 1);
        foreach (var (key, amount) in (IEnumerable<(KeyFile, Money)>)[(_buyer, new Money(200_000_000)), (_runner, Stake + Dividend), (_stranger, Dividend)])
            await MoneyCommands.TakeTestDollarsAsync(_client, _info, key.SigningKey, amount, default);

        // Another operator, another relayer, an empty database; the chain is all they share.
        using var relayer = SigningKey.Generate();
        await Accounts.FundAsync(_node, relayer.Address, Accounts.Ether);
        await using var other = await NodeHost.StartAsync(new NodeOptions
        {
            Data = Path.Combine(_folder, "other"), LogLevel = LogLevel.None, Relayer = relayer, Rpc = new Uri(Rpc), Confirmations = 0, Contracts = _node.Services.GetRequiredService<ChainConnection>().Contracts,
            Founders = [_founder.Address],
        }, default);
        await _node.Services.GetRequiredService<ChainRelay>().DisposeAsync(); // the first one censors
        using var client = new TroveClient(other.Address);
        var info = await client.InfoAsync(default);
        AssetInfo? seen = null;
        await UseFixture.WaitAsync(async () => (seen = (await client.AssetsAsync(default)).Find(a => a.Asset == _asset.Asset)) is { Epochs: 1 });
        Assert.Equal(await new ShareToken(_asset.Asset).TotalSupplyAsync(_chain), (BigInteger)seen!.Supply.Units);

        // Votes given, dividends, a stake, a request, a vote of the delegate and its execution, votes taken back. Who has earned nothing pays something in first.
        var (me, friend) = (_member.SigningKey, _stranger.SigningKey);
        await DelegateAsync(friend.Address);
        var (code, _, error) = await TroveCli.RunAsync(_folder, "stake", "deposit", "100", "--asset", "DIRECT", "--node", client.Node.ToString(), "--key", await KeyAsync(_runner), "--passphrase-file", Pass);
        Assert.Equal(1, code);
        Assert.Contains($"no epoch of DIRECT has rewarded {_runner.SigningKey.Address}, and it paid no dollar in: this node pays no gas for it", error, StringComparison.Ordinal);
        foreach (var key in (KeyFile[])[_buyer, _runner, _stranger])
        {
            await Accounts.FundAsync(_node, key.SigningKey.Address, Accounts.Ether / 100);
            await JsonAsync("pay", $"{Dividend}", "--to", _asset.Asset.ToString(), "--direct", Rpc, "--key", await KeyAsync(key), "--passphrase-file", Pass);
        }
        await UseFixture.WaitAsync(async () => (await client.AssetAsync(_asset.Asset, default)).Received.Units == 3 * Dividend.Units);
        await MoneyCommands.PayAsync(client, info, seen, _buyer.SigningKey, new Money(1_000_000), default); // by the node, now
        await JsonAsync("stake", "deposit", "100", "--asset", "DIRECT", "--node", client.Node.ToString(), "--key", await KeyAsync(_runner), "--passphrase-file", Pass);
        var asked = await JsonAsync("request", "query", "SELECT year, count(*) CLIP 100 AS comments FROM records GROUP BY year", "--price", "120", "--expires", "2h", "--asset", "DIRECT", "--node", client.Node.ToString(),
            "--key", await KeyAsync(_buyer), "--passphrase-file", Pass);
        Assert.Equal("approved", (string)asked["state"]!); // under the standing offer
        var proposal = (await VoteCommands.ProposeAsync(client, info, seen, friend, new ProposedAction(ActionKind.Runners, Accounts: [friend.Address]), "a runner", default)).Proposal;
        await VoteCommands.VoteAsync(client, info, seen, friend, proposal, 1, default);
        await DelegateAsync(me.Address);
        await Accounts.PassToAsync(_node, (await client.ProposalAsync(_asset.Asset, proposal, default)).VoteEnd + 1);
        await UseFixture.WaitAsync(async () => (await client.ExecuteAsync(_asset.Asset, proposal, default)).State == "executed");
        await UseFixture.WaitAsync(async () => (await client.AssetAsync(_asset.Asset, default)).Custody.Runners.SequenceEqual([friend.Address]));

        // Who earned what it cannot know. It says so, and takes nothing that it could not judge.
        foreach (Func<Task> ask in (Func<Task>[])
            [
                () => client.BalanceAsync(_asset.Asset, me.Address, default), () => client.MoneyAsync(_asset.Asset, default), () => client.PendingAsync(_asset.Asset, me.Address, default),
                () => client.CloseEpochAsync(_asset.Asset, CloseRequest(2), default), () => MoneyCommands.ClaimAsync(client, info, seen, me, default),
            ])
            Assert.Equal((404, "epoch-elsewhere"), await Assert.ThrowsAsync<TroveApiException>(ask) is var e ? (e.Status, e.Code) : default);
        Assert.Equal((404, "not-found"), await Assert.ThrowsAsync<TroveApiException>(() => client.ContributionAsync(contribution, default)) is var missing ? (missing.Status, missing.Code) : default);

        async Task DelegateAsync(Address to)
        {
            var (nonce, expiry) = ((await client.VotesAsync(_asset.Asset, me.Address, default)).Nonce, Member.Soon());
            Assert.Equal(to, (await client.DelegateAsync(_asset.Asset, new DelegationRequest(me.Address, to, nonce, expiry,
                Hex.Encode(me.Sign(ContractDigests.Delegation(info.ChainId, _asset.Asset, _asset.Name, to, nonce, (ulong)expiry)))), default)).Delegate);
        }
    }

    [Fact]
    public async Task Stake_comes_back_without_a_node()
    {
        await MoneyCommands.TakeTestDollarsAsync(_client, _info, _runner.SigningKey, Stake, default);
        await _node.Services.GetRequiredService<ChainRelay>().DisposeAsync();
        var (code, _, error) = await TroveCli.RunAsync(_folder, "stake", "deposit", "100", "--asset", "DIRECT", "--direct", Rpc, "--key", await KeyAsync(_runner), "--passphrase-file", Pass);
        Assert.Equal(1, code);
        Assert.Contains("name the asset by its address", error, StringComparison.Ordinal);
        (code, _, error) = await TroveCli.RunAsync(_folder, "stake", "deposit", "100", "--asset", _asset.Asset.ToString(), "--direct", Rpc, "--key", await KeyAsync(_runner), "--passphrase-file", Pass);
        Assert.Equal(1, code);
        Assert.Contains($"{_runner.SigningKey.Address} has 0 ether on chain {_info.ChainId}, and the deposit takes up to 0.00", error, StringComparison.Ordinal);
        await Accounts.FundAsync(_node, _runner.SigningKey.Address, Accounts.Ether);
        await DirectAsync(_runner, "stake", "deposit", "100");
        Assert.Equal("40000000", (string)(await DirectAsync(_runner, "stake", "leave", "40"))["leaving"]!);
        (code, _, error) = await TroveCli.RunAsync(_folder, "stake", "withdraw", "--asset", _asset.Asset.ToString(), "--direct", Rpc, "--key", await KeyAsync(_runner), "--passphrase-file", Pass);
        Assert.Equal(1, code);
        Assert.Contains("the chain would refuse the payment of what left: the contract refused: TooEarly(", error, StringComparison.Ordinal);
        await Accounts.PassToAsync(_node, (long)(await _chain.GetBlockAsync(BlockTag.Latest))!.Timestamp + 90 * 86400);
        Assert.Equal(("60000000", "0"), await DirectAsync(_runner, "stake", "withdraw") is var left ? ((string)left["active"]!, (string)left["leaving"]!) : default);
        Assert.Equal(40_000_000, await new TestDollar(_asset.PaymentToken).BalanceOfAsync(_chain, _runner.SigningKey.Address));
    }

    [Fact]
    public async Task Whoever_shows_two_roots_of_a_verifier_gets_a_tenth_of_its_stake()
    {
        await MoneyCommands.TakeTestDollarsAsync(_client, _info, _verifier.SigningKey, Stake, default);
        foreach (var key in (SigningKey[])[_verifier.SigningKey, _stranger.SigningKey])
            await Accounts.FundAsync(_node, key.Address, Accounts.Ether);
        await DirectAsync(_verifier, "stake", "deposit", "100");
        using var member = await Member.PrepareAsync(_asset, Member.Reddit("two_roots", "Every second herring in the smokehouse had been counted twice that autumn"));
        var id = await member.ContributeAsync(_client, _info, _asset);
        await ApiFixture.VerifyAsync(_client, _info, [_verifier], async () => (await _client.ContributionAsync(id, default)).State == "attested");
        await CloseEpochAsync();

        // One root for itself, by hand and straight to the chain; and its process signs the node's, which is right.
        var lie = ContractDigests.RootOf(await EpochAsync(), _asset.VerifierSetVersion) with { Root = Member.Fresh(), Total = (BigInteger)Shares.One };
        await SendAsync(_verifier.SigningKey, new Ledger(_asset.Ledger).PostEpoch(lie, [_verifier.SigningKey.Sign(ContractDigests.EpochRoot(_info.ChainId, _asset.Ledger, lie))]));
        await ApiFixture.VerifyAsync(_client, _info, [_verifier], () => Task.FromResult(ContradictionFolder.Files(Path.Combine(_folder, "node")).Any()));
        var kept = Assert.Single(ContradictionFolder.Files(Path.Combine(_folder, "node")));

        var taken = (await DirectAsync(_stranger, "stake", "report", kept)).AsArray();
        Assert.Equal([(_stranger.SigningKey.Address.ToString(), "10000000"), (_asset.Timelock.ToString(), "90000000")], taken.Select(t => ((string)t!["to"]!, (string)t["amount"]!)));
        Assert.Equal("0", (string)(await DirectAsync(_verifier, "stake", "show"))["active"]!);
        await Accounts.PassToAsync(_node, (long)(await _chain.GetBlockAsync(BlockTag.Latest))!.Timestamp + 45 * 86400);
        await DirectAsync(_stranger, "stake", "slashings", "--pay", "0");
        Assert.Equal(10_000_000, await new TestDollar(_asset.PaymentToken).BalanceOfAsync(_chain, _stranger.SigningKey.Address));

        // One root alone proves nothing.
        var one = Path.Combine(_folder, "one.json");
        var root = JsonNode.Parse(await File.ReadAllTextAsync(kept))!;
        root["roots"]![0]!["epoch"] = 2;
        await File.WriteAllTextAsync(one, root.ToJsonString());
        var (code, _, error) = await TroveCli.RunAsync(_folder, "stake", "report", one, "--direct", Rpc, "--key", await KeyAsync(_stranger), "--passphrase-file", Pass);
        Assert.Equal(1, code);
        Assert.Contains("no two of one signer contradict each other", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_attests_what_others_find_otherwise_or_both_loses_stake()
    {
        var verifiers = Enumerable.Range(0, 3).Select(_ => KeyFile.Create()).ToList();
        _asset = await ApiFixture.CreateAssetAsync(_client, _info, _founder, verifiers, [Evaluators.Common], 1, [], "LIARS", ApiFixture.Quick, ApiFixture.Policy, mustAgree: 2);
        using var member = await Member.PrepareAsync(_asset, Member.Reddit("counted", "Nobody has ever counted the herring twice and come to the same number"));
        var id = await member.ContributeAsync(_client, _info, _asset);
        var drawn = (await _client.ContributionAsync(id, default)).Verifiers.Select(a => verifiers.Single(v => v.SigningKey.Address == a)).ToList();
        var (liar, key) = (drawn[0], drawn[0].SigningKey);
        await MoneyCommands.TakeTestDollarsAsync(_client, _info, key, Stake, default);
        foreach (var account in (Address[])[key.Address, _stranger.SigningKey.Address])
            await Accounts.FundAsync(_node, account, Accounts.Ether);
        await DirectAsync(liar, "stake", "deposit", "100");

        // Two are asked. One finds what is there; the other one more word, and the third settles it.
        await ApiFixture.VerifyAsync(_client, _info, [drawn[1]], async () => (await _client.ContributionAsync(id, default)).Attestations.Count == 1);
        var told = await _client.ContributionAsync(id, default);
        Assert.Contains(told.Evidence!, c => c is { Name: EvidenceKinds.Sealed, Outcome: CheckOutcome.Passed });
        var truth = told.Attestations.Single().Facts!;
        var work = await _client.NextWorkAsync(Ask(key, "work"), default);
        await AttestAsync(truth with { Words = truth.Words + 1 });
        Assert.Empty(Kept());
        await ApiFixture.VerifyAsync(_client, _info, [drawn[2]], async () => (await _client.ContributionAsync(id, default)).State == "attested");
        Assert.Equal(truth, (await _client.ContributionAsync(id, default)).Attestations.Single(a => a.Verifier == drawn[2].SigningKey.Address).Facts);
        await UseFixture.WaitAsync(() => Task.FromResult(Kept().Any()));
        var outvoted = Assert.Single(Kept());
        var taken = (await DirectAsync(_stranger, "stake", "report", outvoted)).AsArray();
        Assert.Equal([(_stranger.SigningKey.Address.ToString(), "1000000"), (_asset.Timelock.ToString(), "9000000")], taken.Select(t => ((string)t!["to"]!, (string)t["amount"]!)));
        var again = await TroveCli.RunAsync(_folder, "stake", "report", outvoted, "--direct", Rpc, "--key", await KeyAsync(_stranger), "--passphrase-file", Pass);
        Assert.Equal(1, again.Code);
        Assert.Contains("has lost its stake for it before, or has none", again.Error, StringComparison.Ordinal);

        // Too late, and to please: it has signed both.
        await AttestAsync(truth);
        taken = (await DirectAsync(_stranger, "stake", "report", Assert.Single(Kept(), f => f != outvoted))).AsArray();
        Assert.Equal([(_stranger.SigningKey.Address.ToString(), "9000000"), (_asset.Timelock.ToString(), "81000000")], taken.Select(t => ((string)t!["to"]!, (string)t["amount"]!)));
        Assert.Equal("0", (string)(await DirectAsync(liar, "stake", "show"))["active"]!);
        verifiers.ForEach(v => v.Dispose());

        IEnumerable<string> Kept() => ContradictionFolder.Files(Path.Combine(_folder, "node"));

        async Task AttestAsync(Attestation facts) => await _client.AttestAsync(id, new AttestRequest(work!.Lease, key.Address, facts, new EvidenceResults(told.Evidence!),
            Convert.ToBase64String(await _client.TagsAsync(truth.TagsHash, default)), Hex.Encode(key.Sign(Messages.Attest(facts)))), default);
    }

    [Fact]
    public async Task Guardian_with_two_logs_loses_a_tenth_of_its_stake()
    {
        var guardian = Evaluators.Common;
        await MoneyCommands.TakeTestDollarsAsync(_client, _info, guardian.SigningKey, Stake, default);
        foreach (var account in (Address[])[guardian.SigningKey.Address, _stranger.SigningKey.Address])
            await Accounts.FundAsync(_node, account, Accounts.Ether);
        await DirectAsync(guardian, "stake", "deposit", "100");
        await _client.PublishLogHeadAsync(guardian.SigningKey.Address, Head(1), default);
        Assert.Equal("log-contradicts", (await Assert.ThrowsAsync<TroveApiException>(() => _client.PublishLogHeadAsync(guardian.SigningKey.Address, Head(1), default))).Code);
        var kept = Assert.Single(ContradictionFolder.Files(Path.Combine(_folder, "node")));
        var taken = (await DirectAsync(_stranger, "stake", "report", kept)).AsArray();
        Assert.Equal([(_stranger.SigningKey.Address.ToString(), "1000000"), (_asset.Timelock.ToString(), "9000000")], taken.Select(t => ((string)t!["to"]!, (string)t["amount"]!)));
        Assert.Equal("90000000", (string)(await DirectAsync(guardian, "stake", "show"))["active"]!);

        // Among what was shown before, what is new is found: two heads of another log, which somebody kept.
        var other = Path.Combine(_folder, "heads.json");
        await File.WriteAllTextAsync(other, JsonSerializer.Serialize(new SignedStatements(_asset.Asset, LogHeads: [Info(Head(2)), Info(Head(2))]), TroveJson.Options));
        taken = (await DirectAsync(_stranger, "stake", "report", kept, other)).AsArray();
        Assert.Equal([(_stranger.SigningKey.Address.ToString(), "900000"), (_asset.Timelock.ToString(), "8100000")], taken.Select(t => ((string)t!["to"]!, (string)t["amount"]!)));

        LogHeadInfo Info(LogHeadRequest h) => new(guardian.SigningKey.Address, h.Chain, h.Count, h.Head, h.Time, h.Signature, Contradicts: false);

        LogHeadRequest Head(uint log)
        {
            var (key, head, time) = (guardian.SigningKey, Member.Fresh(), DateTimeOffset.UtcNow.ToUnixTimeMilliseconds());
            return new LogHeadRequest(log, 10, head, time, Hex.Encode(key.Sign(Messages.LogHead(_info.ChainId, key.Address, log, 10, head, time))));
        }
    }

    public async ValueTask InitializeAsync()
    {
        _node = await NodeHost.StartAsync(new NodeOptions { Data = Path.Combine(_folder, "node"), LogLevel = LogLevel.None }, default);
        _client = new TroveClient(_node.Address);
        _info = await _client.InfoAsync(default);
        _chain = new EthClient(new Uri(_client.Node, _info.Rpc));
        _asset = await ApiFixture.CreateAssetAsync(_client, _info, _founder, [_verifier], [Evaluators.Common], 1, [_runner.SigningKey.Address], "DIRECT", ApiFixture.Quick with { Rules = ApiFixture.Votes(300) }, ApiFixture.Policy,
            charter: ApiFixture.Small with { MinimumGroupSize = 1, ChallengeTime = 600, RunnerStake = Stake, Period = 86400, Standing = new StandingInfo(new Money(10_000_000), 1_000_000, 1, 5) });
    }

    public async ValueTask DisposeAsync()
    {
        _client?.Dispose();
        _chain?.Dispose();
        if (_node is not null)
            await _node.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
        foreach (var key in (IDisposable[])[_founder, _verifier, _runner, _member, _buyer, _stranger])
            key.Dispose();
    }

    private string Pass => Path.Combine(_folder, "pass.txt");

    private Task<string> KeyAsync(KeyFile key) => Accounts.SaveAsync(key, _folder, key.SigningKey.Address.ToString());

    private Task<JsonNode> JsonAsync(params string[] arguments) => TroveCli.JsonAsync(_folder, arguments);

    private async Task<JsonNode> DirectAsync(KeyFile key, params string[] arguments) =>
        await JsonAsync([.. arguments, "--asset", _asset.Asset.ToString(), "--direct", Rpc, "--key", await KeyAsync(key), "--passphrase-file", Pass]);

    private async Task SendAsync(SigningKey from, ContractCall call) => Assert.True((await Accounts.SendAsync(_node, (from, call)))[0].Success);

    // Through the command line, which leaves a receipt. The verifier's signature goes to the chain before any node has it, so that no node claims the shares.
    private async Task<Hash32> ContributeAndPostAsync()
    {
        var export = Path.Combine(_folder, "export.zip");
        await File.WriteAllBytesAsync(export, Member.Reddit("by_hand", "What the tide leaves on the stairs of the old harbour belongs to whoever sweeps them"));
        var contributing = JsonAsync("contribute", export, "--to", "DIRECT", "--node", _client.Node.ToString(), "--key", await KeyAsync(_member), "--passphrase-file", Pass);
        await ApiFixture.VerifyAsync(_client, _info, [_verifier], async () => contributing.IsCompleted && (await _client.ContributionsAsync(_asset.Asset, (Address?)null, default)) is [{ State: "attested" }]);
        await CloseEpochAsync();
        var epoch = await EpochAsync();
        var root = ContractDigests.RootOf(epoch, _asset.VerifierSetVersion);
        await Accounts.FundAsync(_node, _founder.Address, Accounts.Ether);
        await SendAsync(_founder, new Ledger(_asset.Ledger).PostEpoch(root, [_verifier.SigningKey.Sign(ContractDigests.EpochRoot(_info.ChainId, _asset.Ledger, root))]));
        return Hash32.Parse((string)(await contributing)["contribution"]!);
    }

    private VerifierRequest Ask(SigningKey key, string purpose)
    {
        var (nonce, deadline) = (Member.Fresh(), Member.Soon());
        return new VerifierRequest(key.Address, purpose, default, nonce, deadline, Hex.Encode(key.Sign(Messages.VerifierRequest(Messages.Domain(_info.ChainId, _info.Factory), key.Address, purpose, default, nonce, deadline))));
    }

    private Task CloseEpochAsync() => _client.CloseEpochAsync(_asset.Asset, CloseRequest(1), default);

    private CloseEpochRequest CloseRequest(ulong epoch)
    {
        var (nonce, deadline) = (Member.Fresh(), Member.Soon());
        return new CloseEpochRequest(epoch, nonce, deadline, Hex.Encode(_founder.Sign(Messages.CloseEpoch(Messages.Domain(_info.ChainId, _asset.Ledger), _asset.Asset, epoch, nonce, deadline))));
    }

    private async Task<Epoch> EpochAsync() => Epoch.FromRewards(1, default, [.. (await _client.RewardsAsync(_asset.Asset, 1, default)).Select(r => r.Reward)]);
}
