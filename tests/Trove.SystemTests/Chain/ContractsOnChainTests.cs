using System.Collections.Concurrent;
using System.Numerics;
using Microsoft.Extensions.Logging.Abstractions;
using Trove.Chain;
using Trove.Chain.Bindings;
using Trove.Chain.Embedded;
using Trove.Chain.Events;
using Trove.Chain.Relay;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Core.Ceremonies;
using Trove.Crypto;

namespace Trove.SystemTests.Chain;

/// <summary>The contracts, through the typed bindings, the relayer and the follower, on an embedded chain.</summary>
public sealed class ContractsOnChainTests : IAsyncLifetime
{
    private static readonly BigInteger Share = BigInteger.Pow(10, 18);
    private readonly string _folder = Directory.CreateTempSubdirectory("trove-contracts-").FullName;
    private readonly SigningKey _relayerKey = Host.Key(1), _founder = Host.Key(2), _verifier = Host.Key(3), _member = Host.Key(4);
    private readonly ConcurrentDictionary<Hash32, RelayedTransaction> _journal = new();
    private EmbeddedChain _chain = null!;
    private EthProxy _proxy = null!;
    private EthClient _client = null!;
    private Deployment _contracts = null!;

    public async ValueTask InitializeAsync()
    {
        _chain = await EmbeddedChain.StartAsync(_folder, [_relayerKey.Address], TimeProvider.System, NullLogger.Instance);
        _proxy = new EthProxy(_chain);
        _client = EthProxyHandler.CreateClient(_proxy);
        _contracts = await Deployment.DeployAsync(_client, _relayerKey);
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        _proxy.Dispose();
        await _chain.DisposeAsync();
        foreach (var key in new[] { _relayerKey, _founder, _verifier, _member })
            key.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task An_asset_is_founded_an_epoch_posted_and_shares_and_dividends_claimed()
    {
        await using var relayer = await StartRelayerAsync();
        var parameters = Parameters(_contracts.TestDollar);
        ulong deadline = _chain.Head.Timestamp + 3600;
        var factory = new AssetFactory(_contracts.AssetFactory);
        var signature = _founder.Sign(ContractDigests.CreateAsset(_chain.ChainId, factory.Address, parameters, _founder.Address, deadline));
        var predicted = await factory.PredictAsync(_client, _founder.Address, parameters.Salt);
        var transcript = Keccak256.Hash("transcript"u8);
        var confirmation = _member.Sign(CommitteeConfirmation.Digest(_chain.ChainId, predicted.Registry, new Committee(1, (int)parameters.Custody.Threshold, parameters.Custody.Guardians),
            parameters.Custody.Commitments, parameters.Custody.OprfCommitments, parameters.Recipient, transcript));
        var creation = factory.CreateFor(parameters, _founder.Address, deadline, signature, new Ceremony(transcript, [confirmation]));
        var unconfirmed = await relayer.RelayAsync(new RelayRequest(_founder.Address, factory.CreateFor(parameters, _founder.Address, deadline, signature, new Ceremony(Keccak256.Hash("other"u8), [confirmation]))));
        Assert.Equal((RelayRefusal.Reverts, "NotConfirmed"), (unconfirmed.Refusal!.Value, unconfirmed.Revert!.Name));
        Assert.Equal([_member.Address], unconfirmed.Revert.Arguments.Cast<Address>());
        var created = await DoAsync(relayer, creation);
        var asset = Assert.Single(created.Logs.Select(AssetFactory.AssetCreatedEvent.Decode).OfType<AssetFactory.AssetCreatedEvent>());
        Assert.Equal(_founder.Address, asset.Founder);
        Assert.Equal(asset.Asset, asset.Contracts.Token);
        Assert.Equal(asset.Contracts, predicted);
        var committee = Assert.Single(created.Logs.Select(Registry.GuardiansChangedEvent.Decode).OfType<Registry.GuardiansChangedEvent>());
        Assert.Equal((1U, transcript, 1U), (committee.Epoch, committee.Transcript, await new Registry(predicted.Registry).CommitteeEpochAsync(_client)));
        Assert.Equal(("Mail of Trove", 1U, parameters.Recipient), (asset.Params.Name, asset.Params.Threshold, asset.Params.Recipient));
        Assert.Equal(parameters.Verifiers, asset.Params.Verifiers);

        var again = await relayer.RelayAsync(new RelayRequest(_founder.Address, creation));
        Assert.Equal((RelayRefusal.Reverts, "AssetExists"), (again.Refusal!.Value, again.Revert!.Name));
        Assert.Equal([asset.Asset], again.Revert.Arguments.Cast<Address>());

        var (ledger, token) = (new Ledger(asset.Contracts.Ledger), new ShareToken(asset.Asset));
        var claims = Enumerable.Range(0, 5).Select(i => new Claim(1, (uint)i, Keccak256.Hash([(byte)i]), _member.Address, Share * (i + 1), Keccak256.Hash([9, (byte)i]))).ToArray();
        var tree = new MerkleTree(claims.Select(ContractDigests.Leaf));
        var root = new EpochRoot(1, default, tree.Root, Share * 15, 5, Keccak256.Hash("tree"u8), 1);
        await DoAsync(relayer, ledger.PostEpoch(root, [_verifier.Sign(ContractDigests.EpochRoot(_chain.ChainId, asset.Contracts.Ledger, root))]));
        Assert.Equal(1UL, await ledger.LatestEpochAsync(_client));
        Assert.Equal(((UInt128)(Share * 15), tree.Root), ((await ledger.EpochOfAsync(_client, 1)).Total, (await ledger.EpochOfAsync(_client, 1)).Root));

        var forged = await relayer.RelayAsync(new RelayRequest(_member.Address, ledger.Claim(claims[0] with { Amount = Share * 2 }, tree.Proof(0))));
        Assert.Equal("InvalidProof", forged.Revert!.Name);
        await DoAsync(relayer, ledger.ClaimMany(claims[..2], tree.RangeProof(0, 2)));
        await DoAsync(relayer, ledger.ClaimMany(claims[2..], tree.RangeProof(2, 3)));
        Assert.Equal(Share * 15, await token.BalanceOfAsync(_client, _member.Address));

        // The owner's own transaction goes through the same chain: mint test dollars, approve, distribute.
        var dollar = new TestDollar(_contracts.TestDollar);
        await DoAsync(relayer, dollar.Mint(_relayerKey.Address, 1_500_000));
        await DoAsync(relayer, dollar.Approve(token.Address, 1_500_000));
        await DoAsync(relayer, token.Distribute(1_500_000));
        await DoAsync(relayer, token.Claim(_member.Address));
        Assert.Equal(1_499_999, await dollar.BalanceOfAsync(_client, _member.Address)); // 1.5 dollars over 15 shares, rounded down
        Assert.Empty(_journal);

        var follower = new EventFollower(_client);
        var batch = await follower.NextAsync(FollowerCursor.StartAt(0), new LogFilter([asset.Contracts.Ledger, asset.Asset], []));
        Assert.True(batch.CaughtUp);
        var posted = Assert.Single(batch.Logs.Select(l => Ledger.EpochPostedEvent.Decode(l.Log)).OfType<Ledger.EpochPostedEvent>());
        Assert.Equal((1UL, root.Root, root.Total), (posted.Epoch, posted.Root, posted.Total));
        Assert.Equal(claims.Select(c => c.Contribution), batch.Logs.Select(l => Ledger.SharesClaimedEvent.Decode(l.Log)).OfType<Ledger.SharesClaimedEvent>().Select(e => e.Contribution));
        Assert.All(batch.Logs, l => Assert.InRange(l.Timestamp, 1UL, _chain.Head.Timestamp));
        Assert.True((await follower.NextAsync(batch.Cursor, new LogFilter([], []))).Logs.Count == 0);
    }

    [Fact]
    public async Task Deploying_again_changes_nothing_and_a_used_key_is_refused()
    {
        ulong head = _chain.Head.Number;
        Assert.Equal(_contracts, await Deployment.DeployAsync(_client, _relayerKey));
        Assert.Equal(Deployment.AddressesOf(_relayerKey.Address), _contracts);
        Assert.Equal(head, _chain.Head.Number);
        var factory = new AssetFactory(_contracts.AssetFactory);
        Assert.Equal(_contracts.Implementations.Ledger, await factory.LedgerImplementationAsync(_client));
        Assert.Equal(_contracts.Implementations.Grants, await factory.GrantsImplementationAsync(_client));
        Assert.Equal(_relayerKey.Address, await new TestDollar(_contracts.TestDollar).OwnerAsync(_client));

        await _chain.SubmitAsync(Transfer(_relayerKey, 9, _member.Address, UInt128.One << 70).Raw);
        await _chain.SubmitAsync(Transfer(_member, 0, _relayerKey.Address, 1).Raw);
        Assert.Contains("fresh key", (await Assert.ThrowsAsync<InvalidOperationException>(() => Deployment.DeployAsync(_client, _member))).Message);
    }

    private SignedTransaction Transfer(SigningKey key, ulong nonce, Address to, UInt128 value) => new Transaction
    {
        ChainId = _chain.ChainId, Nonce = nonce, MaxPriorityFeePerGas = 1, MaxFeePerGas = 100_000_000_000, GasLimit = 21_000, To = to, Value = value, Data = [],
    }.Sign(key);

    [Fact]
    public async Task A_view_of_a_contract_that_is_not_there_is_a_clear_error()
    {
        var e = await Assert.ThrowsAsync<RpcException>(() => new Ledger(_member.Address).LatestEpochAsync(_client));
        Assert.Contains("no such contract", e.Message);
        e = await Assert.ThrowsAsync<RpcException>(() => new Ledger(_contracts.TestDollar).LatestEpochAsync(_client));
        Assert.Equal(RpcFailure.Reverted, e.Failure);
    }

    [Fact]
    public async Task A_relayed_call_that_was_journaled_before_a_crash_is_sent_once_by_the_next_relayer()
    {
        // A relayer that "crashes" between journal and broadcast: its ledger refuses to return.
        var call = new TestDollar(_contracts.TestDollar).Mint(_member.Address, 7);
        var crash = new TaskCompletionSource();
        var journaled = new TaskCompletionSource();
        await using (var first = await Relayer.StartAsync(_client, _relayerKey, Options, Books(Turn with
        {
            JournalAsync = (t, cancel) =>
            {
                _journal[t.Hash] = t;
                journaled.SetResult();
                return crash.Task.WaitAsync(cancel);
            },
        })))
        {
            _ = first.RelayAsync(new RelayRequest(_member.Address, call)).ContinueWith(t => t.Exception, TaskScheduler.Default); // fails with the crash
            await journaled.Task;
        }
        Assert.Single(_journal);
        await using var relayer = await StartRelayerAsync();
        await DoAsync(relayer, call);
        Assert.Empty(_journal);
        Assert.Equal(14, await new TestDollar(_contracts.TestDollar).BalanceOfAsync(_client, _member.Address));
    }

    private RelayerOptions Options => new() { Allows = (_, _) => true, Warn = _ => { }, Poll = TimeSpan.FromMilliseconds(20) };

    private static RelayLedger Books(RelayTurn turn) => new() { ReserveAsync = (_, _, _) => Task.FromResult(true), EnterAsync = _ => Task.FromResult(turn) };

    private RelayTurn Turn => new()
    {
        JournalAsync = (t, _) => Task.FromResult(_journal[t.Hash] = t),
        SettleAsync = (nonce, _, _) =>
        {
            foreach (var t in _journal.Values.Where(t => t.Nonce == nonce))
                _journal.TryRemove(t.Hash, out _);
            return Task.CompletedTask;
        },
        UnsettledAsync = _ => Task.FromResult<IReadOnlyList<RelayedTransaction>>([.. _journal.Values]),
        OfKeyAsync = (_, _) => Task.FromResult<IReadOnlyList<RelayedTransaction>>([]),
        ReopenAsync = (_, _, _) => Task.FromResult<IReadOnlyList<RelayedTransaction>>([]),
        NextNonceAsync = _ => Task.FromResult(0UL), // nothing is broadcast before it is journaled, and this chain is never behind
        KeepAsync = _ => Task.CompletedTask,
        LeaveAsync = () => Task.CompletedTask,
    };

    private Task<Relayer> StartRelayerAsync() => Relayer.StartAsync(_client, _relayerKey, Options, Books(Turn));

    private AssetParams Parameters(Address dollar) => new("Mail of Trove", "MAIL", Keccak256.Hash("salt"u8), dollar, Keccak256.Hash("recipient"u8),
        Keccak256.Hash("policy"u8), Share * 1_000_000, 0, [_verifier.Address], [Keccak256.Hash("verifier"u8)], 1,
        new Custody([_member.Address], [Keccak256.Hash("share"u8)], [Keccak256.Hash("OPRF share"u8)], 1, []), new Governance(0, 1, 0, Light, Light, Light), new Charter(1, 1, 1, 0, 1, 0, 0, 0, new Standing(0, 0, 0, 0), []));

    private static Rules Light => new(1, 1, 0, 50, 1, 0);

    private async Task<Receipt> DoAsync(Relayer relayer, ContractCall call)
    {
        var result = await relayer.RelayAsync(new RelayRequest(_member.Address, call));
        Assert.True(result.Receipt is { Success: true }, result.Message);
        return result.Receipt;
    }
}

/// <summary>The follower against a real EVM whose history is rewritten by evm_snapshot and evm_revert.</summary>
public sealed class FollowerOnAnvilTests
{
    [Fact]
    public async Task A_reverted_chain_is_rolled_back_and_read_anew()
    {
        var folder = Directory.CreateTempSubdirectory("trove-follow-").FullName;
        using var key = Host.Key(1);
        try
        {
            int port = AnvilProcess.FreePort();
            using var client = new EthClient(new Uri($"http://127.0.0.1:{port}/"));
            var genesis = ChainGenesis.LoadOrCreate(folder, [key.Address], Path.Combine(folder, "journal"), TimeProvider.System);
            await using var evm = await AnvilProcess.StartAsync(folder, genesis, port, client, null, CancellationToken.None);
            await client.SendAsync("anvil_setBalance", [key.Address.ToString(), "0xde0b6b3a7640000"]);
            ulong nonce = 0, time = genesis.Timestamp;
            var dollar = new TestDollar(Transaction.CreatedContract(key.Address, 0));
            await SendAsync(null, [.. ContractArtifact.Get("TestDollar").Bytecode, .. key.Address.ToWord().ToArray()]);
            for (int i = 0; i < 6; i++)
                await SendAsync(dollar.Address, dollar.Mint(key.Address, 100 + i).Data);

            var follower = new EventFollower(client);
            var filter = new LogFilter([dollar.Address], [TestDollar.TransferEvent.Signature]);
            var minted = new List<(ulong Block, BigInteger Value)>();
            var cursor = FollowerCursor.StartAt(0);
            await CatchUpAsync();
            Assert.Equal([100, 101, 102, 103, 104, 105], minted.Select(m => (int)m.Value));

            foreach (int depth in new[] { 1, 3 })
            {
                var snapshot = (await client.SendAsync("evm_snapshot", [])).GetString();
                ulong nonceBefore = nonce;
                for (int i = 0; i < depth; i++)
                    await SendAsync(dollar.Address, dollar.Mint(key.Address, 200 + i).Data);
                await CatchUpAsync();
                await client.SendAsync("evm_revert", [snapshot]);
                nonce = nonceBefore;
                await CatchUpAsync(); // the chain is shorter here than what was read
                for (int i = 0; i <= depth; i++)
                    await SendAsync(dollar.Address, dollar.Mint(key.Address, 300 + depth * 10 + i).Data);
                await CatchUpAsync();
            }
            Assert.Equal([100, 101, 102, 103, 104, 105, 310, 311, 330, 331, 332, 333], minted.Select(m => (int)m.Value));

            async Task CatchUpAsync()
            {
                for (bool done = false; !done;)
                {
                    var batch = await follower.NextAsync(cursor, filter);
                    minted.RemoveAll(m => batch.RollBackFrom is { } from && m.Block >= from);
                    minted.AddRange(batch.Logs.Select(l => (l.Log.Block.Number, TestDollar.TransferEvent.Decode(l.Log)!.Value)));
                    cursor = FollowerCursor.Parse(batch.Cursor.ToString());
                    done = batch.CaughtUp;
                }
            }

            async Task SendAsync(Address? to, byte[] data)
            {
                await client.SendRawTransactionAsync(new Transaction
                {
                    ChainId = genesis.ChainId, Nonce = nonce++, MaxPriorityFeePerGas = 1, MaxFeePerGas = 100_000_000_000, GasLimit = 5_000_000, To = to, Data = data,
                }.Sign(key).Raw);
                await client.SendAsync("evm_setNextBlockTimestamp", [time += 12]);
                await client.SendAsync("evm_mine", []);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
