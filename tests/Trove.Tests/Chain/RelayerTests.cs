using System.Text.Json.Nodes;
using Trove.Chain;
using Trove.Chain.Abi;
using Trove.Chain.Relay;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Crypto;

namespace Trove.Tests.Chain;

public sealed class RelayerTests : IDisposable
{
    private static readonly Address Contract = new(Enumerable.Repeat((byte)0xC0, 20).ToArray());
    private static readonly Address Member = new(Enumerable.Repeat((byte)0x77, 20).ToArray());
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2); // without the mend it would wait for ever
    private static readonly byte[] Data = [0xAA, 0xBB, 0xCC, 0xDD, 0x01];

    private readonly SigningKey _key = SigningKey.FromBytes(Enumerable.Repeat((byte)0x46, 32).ToArray());
    private readonly FakeNetwork _network = new();
    private readonly FakeLedger _ledger = new();
    private readonly EthClient _client;

    public RelayerTests() => _client = _network.Node.Client();

    [Fact]
    public async Task A_call_is_journaled_before_it_is_broadcast_and_settled_after_its_receipt()
    {
        await using var relayer = await StartAsync();
        var result = await relayer.RelayAsync(new RelayRequest(Member, new ContractCall(Contract, Data)));
        Assert.True(result.Receipt!.Success);
        var sent = Assert.Single(_network.Mined);
        Assert.Equal((0UL, _key.Address, Contract), (sent.Transaction.Nonce, sent.Sender, sent.Transaction.To!.Value));
        Assert.Equal(Data, sent.Transaction.Data);
        Assert.True(_network.AllWereJournaled);
        Assert.Empty(_ledger.Unsettled);
        Assert.Equal(sent.Transaction.MaxCost, _ledger.Reserved[Member]);
    }

    [Fact]
    public async Task Calls_are_sent_one_by_one_in_order()
    {
        await using var relayer = await StartAsync();
        var results = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => relayer.RelayAsync(new RelayRequest(Member, new ContractCall(Contract, [.. Data, (byte)i])))));
        Assert.All(results, r => Assert.True(r.Receipt!.Success));
        Assert.Equal(Enumerable.Range(0, 20), _network.Mined.Select(m => (int)m.Transaction.Data[^1]));
        Assert.Equal(Enumerable.Range(0, 20), _network.Mined.Select(m => (int)m.Transaction.Nonce));
    }

    [Fact]
    public async Task Many_who_ask_at_once_for_what_is_done_once_cost_one_transaction()
    {
        (_network.Returns, _network.Once) = (true, true);
        await using var relayer = await StartAsync();
        var results = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => relayer.RelayAsync(new RelayRequest(Member, new ContractCall(Contract, Data)) { Carries = amount => amount * 7 })));
        Assert.Equal(7u, _ledger.Carried);
        Assert.Single(results, r => r.Receipt is { Success: true });
        Assert.Equal(19, results.Count(r => r.Refusal == RelayRefusal.Needless));
        Assert.Equal(Assert.Single(_network.Mined).Transaction.MaxCost, _ledger.Reserved[Member]);
    }

    [Fact]
    public async Task Refusals_are_values_and_send_nothing()
    {
        await using var relayer = await StartAsync(o => o with { MaxGas = 1_000_000, MaxFeePerGas = 100_000_000_000 });
        Task<RelayResult> Relay(byte[] data) => relayer.RelayAsync(new RelayRequest(Member, new ContractCall(Contract, data)));

        Assert.Equal(RelayRefusal.NotAllowed, (await Relay([1, 2, 3, 4])).Refusal);
        Assert.Equal(RelayRefusal.NotAllowed, (await Relay([1])).Refusal);
        Assert.Equal(RelayRefusal.NotAllowed, (await relayer.RelayAsync(new RelayRequest(Member, new ContractCall(Member, Data)))).Refusal);

        _network.Revert = AbiCodec.EncodeCall(AbiCodec.Selector("Error(string)"), AbiType.Parse("(string)"), ["closed"]);
        var reverted = await Relay(Data);
        Assert.Equal((RelayRefusal.Reverts, "Error"), (reverted.Refusal!.Value, reverted.Revert!.Name));
        Assert.Contains("closed", reverted.Message);
        _network.Revert = null;

        _network.Gas = 2_000_000;
        Assert.Equal(RelayRefusal.TooMuchGas, (await Relay(Data)).Refusal);
        _network.Gas = ulong.MaxValue;
        Assert.Equal(RelayRefusal.TooMuchGas, (await Relay(Data)).Refusal);
        _network.Gas = 50_000;

        _network.BaseFee = 100_000_000_001;
        Assert.Equal(RelayRefusal.FeesTooHigh, (await Relay(Data)).Refusal);
        _network.BaseFee = UInt128.MaxValue;
        Assert.Equal(RelayRefusal.FeesTooHigh, (await Relay(Data)).Refusal);
        _network.BaseFee = 1_000_000_000;

        _ledger.Budget = 1;
        Assert.Equal(RelayRefusal.OverBudget, (await Relay(Data)).Refusal);
        Assert.Empty(_network.Mined);
        Assert.Empty(_ledger.Unsettled);
    }

    [Fact]
    public async Task A_call_for_many_is_charged_to_each_in_equal_parts()
    {
        var other = new Address(Enumerable.Repeat((byte)0x78, 20).ToArray());
        await using var relayer = await StartAsync();
        Assert.True((await relayer.RelayAsync(new RelayRequest([Member, other], new ContractCall(Contract, Data)))).Receipt!.Success);
        var cost = Assert.Single(_network.Mined).Transaction.MaxCost;
        Assert.Equal((cost, cost / 2, cost / 2), (_ledger.All, _ledger.Reserved[Member], _ledger.Reserved[other]));
    }

    [Fact]
    public async Task What_a_former_process_journaled_is_sent_once_and_settled()
    {
        RelayedTransaction Journaled(ulong nonce)
        {
            var signed = new Transaction { ChainId = 77, Nonce = nonce, MaxPriorityFeePerGas = 1, MaxFeePerGas = 2_000_000_000, GasLimit = 60_000, To = Contract, Data = Data }.Sign(_key);
            return new RelayedTransaction(Member, nonce, signed.Hash, signed.Raw, signed.Transaction.MaxCost);
        }
        var mined = Journaled(0);
        _network.Mine(SignedTransaction.Decode(mined.Raw)); // it died after the broadcast
        _ledger.Unsettled[mined.Hash] = mined;
        var waiting = Journaled(1);                         // it died before
        _ledger.Unsettled[waiting.Hash] = waiting;

        await using var relayer = await StartAsync();
        var result = await relayer.RelayAsync(new RelayRequest(Member, new ContractCall(Contract, Data)));
        Assert.True(result.Receipt!.Success);
        Assert.Equal([0, 1, 2], _network.Mined.Select(m => (int)m.Transaction.Nonce));
        Assert.Empty(_ledger.Unsettled);
    }

    [Fact]
    public async Task A_stuck_transaction_is_sent_again_with_a_higher_fee_and_the_same_nonce()
    {
        _network.MinimumFee = 2_300_000_000; // above twice the base fee and the tip
        await using var relayer = await StartAsync();
        var result = await relayer.RelayAsync(new RelayRequest(Member, new ContractCall(Contract, Data)));
        Assert.True(result.Receipt!.Success);
        var sent = Assert.Single(_network.Mined);
        Assert.Equal(0UL, sent.Transaction.Nonce);
        Assert.True(sent.Transaction.MaxFeePerGas >= _network.MinimumFee);
        Assert.True(_network.AllWereJournaled);
        Assert.Equal(sent.Transaction.MaxCost, _ledger.All); // the bumps reserved the difference, from all: the member paid for the first
        Assert.True(_ledger.Reserved[Member] < sent.Transaction.MaxCost);
        Assert.Empty(_ledger.Unsettled);
    }

    [Fact]
    public async Task A_nonce_that_somebody_else_used_ends_the_call_without_a_receipt()
    {
        _network.MinimumFee = UInt128.MaxValue;
        _network.StealNonces = true;
        await using var relayer = await StartAsync();
        var result = await relayer.RelayAsync(new RelayRequest(Member, new ContractCall(Contract, Data)));
        Assert.Equal(RelayRefusal.Unavailable, result.Refusal);
        Assert.Empty(_ledger.Unsettled);
    }

    [Fact]
    public async Task A_node_that_fails_for_a_while_loses_nothing()
    {
        await using var relayer = await StartAsync();
        _network.FailBroadcasts = 5;
        Assert.True((await relayer.RelayAsync(new RelayRequest(Member, new ContractCall(Contract, Data)))).Receipt!.Success);
        Assert.Single(_network.Mined);
    }

    [Fact]
    public async Task A_full_queue_says_busy_and_a_stopped_relayer_says_so()
    {
        _network.MinimumFee = UInt128.MaxValue;
        var relayer = await StartAsync(o => o with { MaxQueued = 2 });
        var calls = Enumerable.Range(0, 30).Select(_ => relayer.RelayAsync(new RelayRequest(Member, new ContractCall(Contract, Data)))).ToArray();
        Assert.Contains(calls, c => c.IsCompletedSuccessfully && c.Result.Refusal == RelayRefusal.Busy);
        await relayer.DisposeAsync();
        foreach (var waiting in calls.Where(c => !c.IsCompletedSuccessfully))
            await Assert.ThrowsAsync<InvalidOperationException>(() => waiting);
        await Assert.ThrowsAsync<InvalidOperationException>(() => relayer.RelayAsync(new RelayRequest(Member, new ContractCall(Contract, Data))));
    }

    [Fact]
    public async Task A_journal_that_fails_sends_nothing_and_the_next_call_goes_through()
    {
        _ledger.FailJournal = true;
        await using var relayer = await StartAsync();
        var result = await relayer.RelayAsync(new RelayRequest(Member, new ContractCall(Contract, Data)));
        Assert.Equal(RelayRefusal.Unavailable, result.Refusal);
        Assert.Equal(0, _network.Broadcasts);
        _ledger.FailJournal = false;
        Assert.True((await relayer.RelayAsync(new RelayRequest(Member, new ContractCall(Contract, Data)))).Receipt!.Success);
        Assert.Single(_network.Mined);
    }

    [Fact]
    public async Task What_another_process_left_is_finished_though_nobody_calls()
    {
        var signed = new Transaction { ChainId = 77, Nonce = 0, MaxPriorityFeePerGas = 1, MaxFeePerGas = 2_000_000_000, GasLimit = 60_000, To = Contract, Data = Data }.Sign(_key);
        await using var relayer = await StartAsync(o => o with { TakeOver = TimeSpan.FromMilliseconds(20) });
        Assert.True((await relayer.RelayAsync(new RelayRequest(Member, new ContractCall(Contract, [.. Data, 2])))).Receipt!.Success);
        signed = (signed.Transaction with { Nonce = 1 }).Sign(_key);
        _ledger.Journaled[signed.Hash] = _ledger.Unsettled[signed.Hash] = new RelayedTransaction(Member, 1, signed.Hash, signed.Raw, signed.Transaction.MaxCost);
        while (!_ledger.Unsettled.IsEmpty)
            await Task.Delay(5);
        Assert.Equal(signed.Hash, _network.Mined[^1].Hash);
    }

    [Fact]
    public async Task What_a_reorganisation_drops_is_sent_again_lowest_first_before_the_next_call()
    {
        await using var relayer = await StartAsync();
        for (byte i = 0; i < 5; i++)
            Assert.True((await relayer.RelayAsync(new RelayRequest(Member, new ContractCall(Contract, [.. Data, i])))).Receipt!.Success);
        var before = _network.Mined.ToList();
        _network.Drop(3);
        Assert.True((await relayer.RelayAsync(new RelayRequest(Member, new ContractCall(Contract, [.. Data, 5]))).WaitAsync(Patience)).Receipt!.Success);
        Assert.Equal(before.Select(t => t.Hash), _network.Mined.Take(5).Select(t => t.Hash)); // those very transactions
        Assert.Equal(Enumerable.Range(0, 6), _network.Mined.Select(m => (int)m.Transaction.Data[^1]));
        Assert.Empty(_ledger.Unsettled);
        Assert.Equal(6, _ledger.Mined.Count);
    }

    [Fact]
    public async Task What_a_reorganisation_drops_while_a_call_waits_or_nobody_calls_is_sent_again()
    {
        var warnings = new System.Collections.Concurrent.ConcurrentQueue<string>();
        await using var relayer = await StartAsync(o => o with { TakeOver = TimeSpan.FromMilliseconds(20), Warn = warnings.Enqueue });
        Assert.True((await relayer.RelayAsync(new RelayRequest(Member, new ContractCall(Contract, [.. Data, 0])))).Receipt!.Success);
        _network.DropBeforeNext = 1; // once the next is signed and journaled
        Assert.True((await relayer.RelayAsync(new RelayRequest(Member, new ContractCall(Contract, [.. Data, 1]))).WaitAsync(Patience)).Receipt!.Success);
        Assert.Equal([0, 1], _network.Mined.Select(m => (int)m.Transaction.Data[^1]));
        _network.Drop(2);
        for (int i = 0; _network.Count < 2 || !_ledger.Unsettled.IsEmpty; i++)
        {
            Assert.True(i < 24_000, "what was dropped is not sent again");
            await Task.Delay(5);
        }
        Assert.Equal([0, 1], _network.Mined.Select(m => (int)m.Transaction.Data[^1]));
        Assert.Contains(warnings, w => w.Contains("nonces from 0 on", StringComparison.Ordinal));
    }

    [Fact]
    public async Task One_key_is_mined_once_also_after_a_reorganisation()
    {
        var key = Keccak256.Hash("signed"u8);
        await using var relayer = await StartAsync();
        Task<RelayResult> Relay(Hash32? under) => relayer.RelayAsync(new RelayRequest(Member, new ContractCall(Contract, Data), under));
        var first = (await Relay(key)).Receipt!;
        var again = await Task.WhenAll(Relay(key), Relay(key), Relay(null), Relay(Keccak256.Hash("other"u8)));
        Assert.Equal([first.TransactionHash, first.TransactionHash], again[..2].Select(r => r.Receipt!.TransactionHash));
        Assert.Equal(3, again.Select(r => r.Receipt!.TransactionHash).Distinct().Count());
        _network.Drop(3);
        Assert.Equal(first.TransactionHash, (await Relay(key)).Receipt!.TransactionHash);
        Assert.Equal(3, _network.Mined.Count);
    }

    public void Dispose()
    {
        _client.Dispose();
        _network.Node.Dispose();
        _key.Dispose();
    }

    private Task<Relayer> StartAsync(Func<RelayerOptions, RelayerOptions>? change = null)
    {
        _network.Ledger = _ledger;
        var options = new RelayerOptions { Allows = (to, selector) => to == Contract && selector == 0xAABBCCDD, Warn = _ => { }, Poll = TimeSpan.FromMilliseconds(1), BumpAfterPolls = 3 };
        return Relayer.StartAsync(_client, _key, change?.Invoke(options) ?? options, _ledger.Of(new Life()));
    }

    /// <summary>A network that mines what pays enough, at once.</summary>
    internal sealed class FakeNetwork
    {
        private readonly Hash32 _block = Keccak256.Hash("block"u8);
        private ulong _stolen;

        private FakeNode? _node;

        public FakeNode Node => _node ??= FakeNode.Of(Handle);

        public FakeLedger? Ledger { get; set; }
        public List<SignedTransaction> Mined { get; } = [];
        public bool AllWereJournaled { get; private set; } = true;
        public int Broadcasts { get; private set; }
        public byte[]? Revert { get; set; }
        public ulong Gas { get; set; } = 50_000;
        public UInt128 BaseFee { get; set; } = 1_000_000_000;
        public UInt128 MinimumFee { get; set; }
        public bool StealNonces { get; set; }
        public int FailBroadcasts { get; set; }

        public void Mine(SignedTransaction transaction)
        {
            if (transaction.Transaction.Nonce == (ulong)Mined.Count)
                Mined.Add(transaction);
        }

        /// <summary>A reorganisation: the last transactions are in no block any more, and the nodes have forgotten them.</summary>
        public void Drop(int transactions)
        {
            lock (Mined)
                Mined.RemoveRange(Mined.Count - transactions, transactions);
        }

        /// <summary>How many are mined, for whoever watches while others mine.</summary>
        public int Count
        {
            get
            {
                lock (Mined)
                    return Mined.Count;
            }
        }

        /// <summary>Drops so many when the next transaction is sent.</summary>
        public int DropBeforeNext { get; set; }

        /// <summary>Contracts that take each call once, as Trove's do.</summary>
        public bool Once { get; set; }

        /// <summary>Contracts that return how much they would do, one or nothing.</summary>
        public bool Returns { get; set; }

        public JsonNode? Handle(string method, JsonArray parameters)
        {
            lock (Mined)
                return HandleOne(method, parameters);
        }

        private JsonNode? HandleOne(string method, JsonArray parameters)
        {
            switch (method)
            {
                case "eth_chainId":
                    return "0x4d";
                case "eth_call":
                    bool done = Once && Mined.Any(m => m.Transaction.Data.AsSpan().SequenceEqual(Hex.Decode(parameters[0]!["data"]!.GetValue<string>())));
                    if (Returns)
                        return "0x" + new string('0', 63) + (done ? '0' : '1');
                    return Revert is null && !done ? "0x" : throw new FakeError(3, "execution reverted", Revert ?? []);
                case "eth_estimateGas":
                    return FakeChain.Quantity(Gas);
                case "eth_feeHistory":
                    return new JsonObject { ["baseFeePerGas"] = new JsonArray("0x1", $"0x{BaseFee:x}") };
                case "eth_maxPriorityFeePerGas":
                    return "0x5";
                case "eth_getTransactionCount":
                    return FakeChain.Quantity((ulong)Mined.Count + _stolen);
                case "eth_getTransactionReceipt":
                    var hash = Hash32.Parse(parameters[0]!.GetValue<string>());
                    return Mined.Any(m => m.Hash == hash) ? new JsonObject
                    {
                        ["transactionHash"] = hash.ToString(), ["status"] = "0x1", ["blockNumber"] = "0x1", ["blockHash"] = _block.ToString(),
                        ["gasUsed"] = "0x5208", ["effectiveGasPrice"] = "0x7", ["logs"] = new JsonArray(),
                    } : null;
                case "eth_sendRawTransaction":
                    Broadcasts++;
                    Drop(DropBeforeNext);
                    DropBeforeNext = 0;
                    if (FailBroadcasts-- > 0)
                        throw new FakeError(-32000, "try again");
                    var transaction = SignedTransaction.Decode(Hex.Decode(parameters[0]!.GetValue<string>()));
                    AllWereJournaled &= Ledger!.Journaled.ContainsKey(transaction.Hash) || Ledger.Unsettled.ContainsKey(transaction.Hash);
                    if (transaction.Transaction.MaxFeePerGas >= MinimumFee)
                        Mine(transaction);
                    if (StealNonces)
                        _stolen = 1;
                    return transaction.Hash.ToString();
                default:
                    throw new FakeError(-32601, "no such method");
            }
        }
    }
}
