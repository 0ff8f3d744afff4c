using System.Numerics;
using Microsoft.Extensions.Logging.Abstractions;
using Trove.Chain;
using Trove.Chain.Bindings;
using Trove.Chain.Embedded;
using Trove.Chain.Replay;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Core.Ceremonies;
using Trove.Core.Payouts;
using Trove.Core.Rewards;
using Trove.Crypto;
using Trove.Node.Assets;
using Trove.Node.Chain;
using Trove.Node.Dividends;
using Trove.Node.Protocol;

namespace Trove.SystemTests.Chain;

/// <summary>
/// The node's book of an asset against the contracts themselves, on an embedded chain: whatever is contributed, posted, paid, claimed,
/// transferred and withdrawn in whatever order, the book has the contracts' numbers to the unit, and the events alone tell the contracts' state.
/// </summary>
public sealed class BookOnChainTests : IAsyncLifetime
{
    private const int Steps = 35;
    private readonly string _folder = Directory.CreateTempSubdirectory("trove-book-").FullName;
    private readonly SigningKey _sender = Host.Key(1), _verifier = Host.Key(3);
    private readonly SigningKey[] _members = [Host.Key(4), Host.Key(5), Host.Key(6)];
    private readonly Dictionary<Address, ulong> _nonces = [];
    private EmbeddedChain _chain = null!;
    private EthProxy _proxy = null!;
    private EthClient _client = null!;
    private Deployment _contracts = null!;

    public async ValueTask InitializeAsync()
    {
        _chain = await EmbeddedChain.StartAsync(_folder, [_sender.Address, .. _members.Select(m => m.Address)], TimeProvider.System, NullLogger.Instance);
        _proxy = new EthProxy(_chain);
        _client = EthProxyHandler.CreateClient(_proxy);
        _contracts = await Deployment.DeployAsync(_client, _sender);
        _nonces[_sender.Address] = await _client.GetTransactionCountAsync(_sender.Address);
        await SendAsync(_sender, new TestDollar(_contracts.TestDollar).Mint(_sender.Address, 1_000_000_000_000));
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        _proxy.Dispose();
        await _chain.DisposeAsync();
        foreach (var key in _members.Append(_sender).Append(_verifier))
            key.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task The_book_has_the_contracts_numbers_to_the_unit_whatever_happens()
    {
        foreach (int vesting in new[] { 0, 1, 3, Vesting.Max })
            await PlayAsync(vesting, new Random(1000 + vesting));
    }

    private async Task PlayAsync(int vesting, Random chance)
    {
        var asset = await CreateAsync(vesting);
        var (token, ledger) = (new ShareToken(asset.Asset), new Ledger(asset.Ledger));
        var book = new AssetBook(asset.Vesting);
        var epochs = new List<(IReadOnlyList<EpochLeaf> Leaves, MerkleTree Tree)>();
        var salts = new Dictionary<Hash32, (SigningKey Owner, Hash32 Salt)>();
        var withdrawn = new HashSet<Hash32>();
        await SendAsync(_sender, new TestDollar(_contracts.TestDollar).Approve(token.Address, BigInteger.Pow(10, 12)));
        var seen = new HashSet<string>();
        // What must have come up for this to say anything.
        string[] wanted = ["EpochPosted", "SharesClaimed", "DividendDistributed", "DividendClaimed", "ContributionWithdrawn", "Transfer", .. vesting > 0 ? ["SharesLapsed"] : Array.Empty<string>()];
        for (int step = 0; step < Steps || wanted.Except(seen).Any(); step++)
        {
            Assert.InRange(step, 0, 4 * Steps);
            var member = _members[chance.Next(_members.Length)];
            switch (step == 0 ? 0 : chance.Next(9))
            {
                case 0 or 1:
                    await PostAsync(step == 0 ? 3 : chance.Next(4));
                    break;
                case 2 or 3 when book.Money.Supply.Units >= Shares.One:
                    await DoAsync(_sender, token.Distribute(chance.Next(1, 5_000_000)));
                    break;
                case 4 when salts.Keys.Except(withdrawn).ToList() is { Count: > 0 } there:
                    var id = there[^chance.Next(1, Math.Min(there.Count, 3) + 1)]; // of the newest, which have not vested
                    withdrawn.Add(id);
                    var (owner, salt) = salts[id];
                    ulong until = _chain.Head.Timestamp + 3600;
                    await DoAsync(_sender, ledger.Withdraw(owner.Address, salt, (long)until, owner.Sign(ContractDigests.Withdraw(_chain.ChainId, ledger.Address, owner.Address, id, until))));
                    break;
                case 5 when book.Money.BalanceOf(member.Address).Units is var held && held > 0:
                    await DoAsync(member, token.Transfer(_members[chance.Next(_members.Length)].Address, (BigInteger)held * chance.Next(101) / 100));
                    break;
                case 6:
                    await DoAsync(_sender, token.Claim(member.Address)); // whatever is ready stays where it is
                    break;
                default:
                    var (leaves, tree) = epochs[chance.Next(epochs.Count)];
                    if (leaves.Count == 0)
                        break;
                    int first = chance.Next(leaves.Count), count = chance.Next(1, leaves.Count - first + 1);
                    await DoAsync(_sender, ledger.ClaimMany([.. leaves.Skip(first).Take(count).Select(Of)], tree.RangeProof(first, count)));
                    break;
            }
            await CompareAsync();
            if (step % 10 == 9)
                await AuditAsync();
        }
        // In the end everybody gets everything, and what is left is dust.
        for (int i = 0; i < vesting; i++)
            await PostAsync(0);
        foreach (var (leaves, tree) in epochs.Where(e => e.Leaves.Count > 0))
            await DoAsync(_sender, ledger.ClaimMany([.. leaves.Select(Of)], tree.RangeProof(0, leaves.Count)));
        foreach (var member in _members)
            await DoAsync(_sender, token.Claim(member.Address));
        await CompareAsync();
        await AuditAsync();
        var money = book.Money;
        Assert.Equal((default, default, default), (money.Claimable, money.Waiting, await token.BalanceOfAsync(_client, ledger.Address)));
        Assert.Equal(money.Received, money.Paid + money.Dust);
        Assert.InRange((int)money.Dust.Units, 0, _members.Length);

        async Task AuditAsync() => Assert.Empty((await AssetAudit.CompareAsync(_client, await AssetReplay.ReadAsync(_client, _contracts.AssetFactory, asset.Asset))).Differences);

        async Task PostAsync(int earning)
        {
            ulong number = (ulong)epochs.Count + 1;
            var leaves = Enumerable.Range(0, earning).Select(i =>
            {
                var (owner, salt) = (_members[chance.Next(_members.Length)], Salt());
                var id = ContributionId.Of(_chain.ChainId, ledger.Address, owner.Address, salt);
                salts[id] = (owner, salt);
                // Some are so small that a step of them is nothing.
                var amount = First() || chance.Next(3) > 0 ? (UInt128)chance.NextInt64(1, long.MaxValue) + Shares.One : (UInt128)chance.Next(1, 20);
                return new EpochLeaf(number, (uint)i, id, owner.Address, new Shares(amount), salt);
            }).ToList();
            var tree = new MerkleTree(leaves.Select(l => l.Hash()));
            var root = new EpochRoot(number, epochs.Count == 0 ? default : epochs[^1].Tree.Root, tree.Root,
                leaves.Aggregate(BigInteger.Zero, (sum, l) => sum + (BigInteger)l.Amount.Units), (uint)leaves.Count, Keccak256.Hash("tree"u8), 1);
            epochs.Add((leaves, tree));
            await DoAsync(_sender, ledger.PostEpoch(root, [_verifier.Sign(ContractDigests.EpochRoot(_chain.ChainId, ledger.Address, root))]));

            bool First() => number == 1;
            Hash32 Salt()
            {
                var salt = new byte[32];
                chance.NextBytes(salt);
                return new Hash32(salt);
            }
        }

        async Task DoAsync(SigningKey key, ContractCall call)
        {
            foreach (var e in (await SendAsync(key, call)).Logs.Where(l => l.Address == asset.Asset || l.Address == asset.Ledger).Select(l => ChainReader.Read(l, _chain.Head.Timestamp, asset)).OfType<ChainEvent>())
            {
                seen.Add(e.Name);
                book.Apply(e, asset.Ledger, n => epochs[(int)n - 1].Leaves);
            }
        }

        async Task CompareAsync()
        {
            var money = book.Money;
            Assert.Equal((await token.AccumulatorAsync(_client), await token.TotalSupplyAsync(_client)), (money.Accumulator, (BigInteger)money.Supply.Units));
            foreach (var owner in _members.Select(m => m.Address))
                Assert.Equal((await token.BalanceOfAsync(_client, owner), await token.ClaimableAsync(_client, owner)), ((BigInteger)money.BalanceOf(owner).Units, (BigInteger)money.PayableBy(owner).Units));
            // What waits in the ledger is somebody's, or about to lapse.
            Assert.Equal(await token.BalanceOfAsync(_client, ledger.Address),
                _members.Select(m => m.Address).Aggregate(BigInteger.Zero, (sum, o) => sum + (BigInteger)(money.ReadyBy(o) + money.UnvestedBy(o)).Units) + salts.Keys.Aggregate(BigInteger.Zero, (sum, id) => sum + (BigInteger)money.StateOf(id)!.Lapsing.Units));
            // What the ledger would do of every leaf is what the book says is due.
            var due = _members.SelectMany(m => money.Due(m.Address)).ToHashSet();
            for (int i = 0; i < epochs.Count; i++)
                if (epochs[i].Leaves is { Count: > 0 } leaves)
                    Assert.Equal(due.Count(d => d.Epoch == (ulong)i + 1),
                        (int)new BigInteger((await _client.CallAsync(ledger.ClaimMany([.. leaves.Select(Of)], epochs[i].Tree.RangeProof(0, leaves.Count)))).AsSpan(), isUnsigned: true, isBigEndian: true));
            Assert.Equal(money.Received, money.Paid + money.Claimable + money.Waiting + money.Dust);
            Assert.InRange((int)money.Dust.Units, 0, _members.Length);
        }
    }

    private static Claim Of(EpochLeaf l) => new(l.Epoch, l.Index, l.Contribution, l.Owner, (BigInteger)l.Amount.Units, l.PartsRoot);

    private async Task<AssetRow> CreateAsync(int vesting)
    {
        var light = new Rules(1, 1, 0, 50, 1, 0);
        var parameters = new AssetParams("Of books", "BOOK", Keccak256.Hash([(byte)vesting]), _contracts.TestDollar, Keccak256.Hash("recipient"u8), Keccak256.Hash("policy"u8), BigInteger.Pow(10, 24), (byte)vesting,
            [_verifier.Address], [Keccak256.Hash("verifier"u8)], 1, new Custody([_verifier.Address], [Keccak256.Hash("share"u8)], [Keccak256.Hash("OPRF share"u8)], 1, []),
            new Governance(0, 1, 0, light, light, light), new Charter(1, 1, 1, 0, 1, 0, 0, 0, new Standing(0, 0, 0, 0), []));
        var factory = new AssetFactory(_contracts.AssetFactory);
        ulong deadline = _chain.Head.Timestamp + 3600;
        var c = await factory.PredictAsync(_client, _verifier.Address, parameters.Salt);
        var transcript = Keccak256.Hash("transcript"u8);
        var confirmation = _verifier.Sign(CommitteeConfirmation.Digest(_chain.ChainId, c.Registry, new Committee(1, 1, parameters.Custody.Guardians),
            parameters.Custody.Commitments, parameters.Custody.OprfCommitments, parameters.Recipient, transcript));
        await SendAsync(_sender, factory.CreateFor(parameters, _verifier.Address, deadline, _verifier.Sign(ContractDigests.CreateAsset(_chain.ChainId, factory.Address, parameters, _verifier.Address, deadline)), new Ceremony(transcript, [confirmation])));
        return new AssetRow(c.Token, _verifier.Address, c.Registry, c.Ledger, "Of books", "BOOK", _contracts.TestDollar, default, default, null, [], [], 1, 1,
            c.Grants, c.Governor, c.Timelock, c.Stakes, new CustodyInfo([], [], [], 1, [], 1), GovernanceInfo.Default, CharterInfo.Default, new Vesting(vesting));
    }

    private async Task<Receipt> SendAsync(SigningKey key, ContractCall call)
    {
        ulong nonce = _nonces.GetValueOrDefault(key.Address);
        _nonces[key.Address] = nonce + 1;
        var receipt = await _chain.SubmitAsync(new Transaction
        {
            ChainId = _chain.ChainId, Nonce = nonce, MaxPriorityFeePerGas = 1, MaxFeePerGas = 100_000_000_000, GasLimit = 12_000_000, To = call.To, Data = call.Data,
        }.Sign(key).Raw);
        Assert.True(receipt.Success, $"a call of {key.Address} reverted");
        return receipt;
    }
}
