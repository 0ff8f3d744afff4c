using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Trove.Chain;
using Trove.Chain.Embedded;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Crypto;

namespace Trove.SystemTests.Chain;

public sealed class EmbeddedChainTests : IDisposable
{
    private static readonly Address Sink = new(Enumerable.Repeat((byte)0x99, 20).ToArray());
    private readonly string _folder = Directory.CreateTempSubdirectory("trove-chain-").FullName;
    private readonly SigningKey _key = Host.Key(1);
    private readonly List<string> _warnings = [];

    [Fact]
    public async Task Many_submitters_share_blocks_and_each_gets_its_receipt()
    {
        await using var chain = await StartAsync();
        var keys = Enumerable.Range(2, 20).Select(Host.Key).ToArray();
        for (ulong i = 0; i < 20; i++)
            await SubmitAsync(chain, Transfer(chain.ChainId, _key, i, keys[i].Address, UInt128.One << 70));
        ulong before = chain.Head.Number;
        var receipts = await Task.WhenAll(keys.SelectMany(k => Enumerable.Range(0, 10).Select(n => SubmitAsync(chain, Transfer(chain.ChainId, k, (ulong)n)))));
        Assert.All(receipts, r => Assert.True(r.Success));
        Assert.Equal(200, receipts.Select(r => r.TransactionHash).Distinct().Count());
        Assert.InRange(chain.Head.Number - before, 1UL, 100UL);
        using var client = chain.CreateClient();
        Assert.Equal(10UL, await client.GetTransactionCountAsync(keys[3].Address));
        Assert.Equal((UInt128)200, await client.GetBalanceAsync(Sink));
    }

    [Fact]
    public async Task What_cannot_be_executed_is_refused_with_the_reason()
    {
        await using var chain = await StartAsync();
        var good = Transfer(chain.ChainId, _key, 0);
        Assert.Contains("chain", (await chain.SubmitAsync(Transfer(chain.ChainId + 1, _key, 0).Raw)).Refusal);
        Assert.Contains("nonce 5", (await chain.SubmitAsync(Transfer(chain.ChainId, _key, 5).Raw)).Refusal);
        Assert.Contains("fee", (await chain.SubmitAsync((good.Transaction with { MaxFeePerGas = 1, MaxPriorityFeePerGas = 1 }).Sign(_key).Raw)).Refusal);
        Assert.Contains("gas limit", (await chain.SubmitAsync((good.Transaction with { GasLimit = 31_000_000 }).Sign(_key).Raw)).Refusal);
        Assert.NotNull((await chain.SubmitAsync((good.Transaction with { GasLimit = 20_000 }).Sign(_key).Raw)).Refusal);
        using var poor = Host.Key(77);
        Assert.NotNull((await chain.SubmitAsync(Transfer(chain.ChainId, poor, 0).Raw)).Refusal);
        Assert.NotNull((await chain.SubmitAsync([2, 0xC0])).Refusal);
        Assert.Equal(0UL, chain.Head.Number);

        var first = await SubmitAsync(chain, good);
        var again = await SubmitAsync(chain, good); // idempotent
        Assert.Equal(first.Block, again.Block);
        Assert.Contains("nonce 0", (await chain.SubmitAsync((good.Transaction with { Value = 2 }).Sign(_key).Raw)).Refusal);
    }

    [Theory]
    [InlineData(1000)]
    [InlineData(4)]
    public async Task A_restart_gives_the_same_block_hashes_with_and_without_snapshots(int snapshotEvery)
    {
        var hashes = new List<Hash32>();
        ulong id = 0;
        for (int round = 0; round < 3; round++)
        {
            await using var chain = await StartAsync(snapshotEvery);
            id = id == 0 ? chain.ChainId : id;
            Assert.Equal(id, chain.ChainId);
            Assert.Equal((ulong)hashes.Count, chain.Head.Number);
            Assert.Equal(hashes, await HashesAsync(chain));
            for (int i = 0; i < 9; i++)
                hashes.Add((await SubmitAsync(chain, Transfer(chain.ChainId, _key, (ulong)hashes.Count))).Block.Hash);
        }
        Assert.Equal(snapshotEvery == 4, File.Exists(Path.Combine(_folder, "snapshot.json")));
        Assert.Empty(_warnings);
    }

    [Fact]
    public async Task A_damaged_snapshot_costs_time_and_nothing_else()
    {
        List<Hash32> hashes;
        await using (var chain = await StartAsync(4))
        {
            for (ulong i = 0; i < 10; i++)
                await SubmitAsync(chain, Transfer(chain.ChainId, _key, i));
            hashes = await HashesAsync(chain);
        }
        var state = Assert.Single(Directory.GetFiles(_folder, "state-*.json"));
        var text = await File.ReadAllTextAsync(state);
        await File.WriteAllTextAsync(state, text.Replace("\"nonce\":8", "\"nonce\":9", StringComparison.Ordinal));
        await using (var chain = await StartAsync())
            Assert.Equal(hashes, await HashesAsync(chain));

        // One that is whole by its own account, but of no use to the EVM.
        var digest = new Hash32(System.Security.Cryptography.SHA256.HashData("{}"u8)).ToString();
        await File.WriteAllTextAsync(state, "{}");
        var meta = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(_folder, "snapshot.json")))!;
        meta["sha256"] = digest;
        await File.WriteAllTextAsync(Path.Combine(_folder, "snapshot.json"), meta.ToJsonString());
        await using (var chain = await StartAsync())
            Assert.Equal(hashes, await HashesAsync(chain));
        Assert.Contains(_warnings, w => w.Contains("snapshot", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_torn_journal_loses_only_what_was_never_acknowledged()
    {
        List<Hash32> hashes;
        await using (var chain = await StartAsync())
        {
            for (ulong i = 0; i < 5; i++)
                await SubmitAsync(chain, Transfer(chain.ChainId, _key, i));
            hashes = await HashesAsync(chain);
        }
        await using (var file = new FileStream(Path.Combine(_folder, "blocks.journal"), FileMode.Append))
            await file.WriteAsync(new byte[] { 0, 0, 1, 0, 1, 2, 3 });
        await using (var chain = await StartAsync())
        {
            Assert.Equal(hashes, await HashesAsync(chain));
            Assert.True((await SubmitAsync(chain, Transfer(chain.ChainId, _key, 5))).Success);
        }
        Assert.Contains(_warnings, w => w.Contains("cut short", StringComparison.Ordinal));

        var journal = Path.Combine(_folder, "blocks.journal");
        var bytes = await File.ReadAllBytesAsync(journal);
        bytes[200] ^= 1;
        await File.WriteAllBytesAsync(journal, bytes);
        await Assert.ThrowsAsync<JournalException>(() => StartAsync());
        bytes[200] ^= 1;
        await File.WriteAllBytesAsync(journal, bytes);
        File.Move(Path.Combine(_folder, "genesis.json"), Path.Combine(_folder, "elsewhere"));
        Assert.Contains("genesis.json", (await Assert.ThrowsAsync<JournalException>(() => StartAsync())).Message);
    }

    [Fact]
    public async Task A_killed_evm_comes_back_with_everything_acknowledged_and_the_rest_is_executed()
    {
        await using var chain = await StartAsync(8);
        using var client = chain.CreateClient();
        var acknowledged = new List<Receipt>();
        ulong nonce = 0;
        for (int round = 0; round < 4; round++)
        {
            var waiting = Enumerable.Range(0, 15).Select(i => SubmitAsync(chain, Transfer(chain.ChainId, _key, nonce++))).ToArray();
            await waiting[round * 3];
            int evm = chain.EvmProcessId;
            if (evm != 0)
                using (var process = Process.GetProcessById(evm))
                    process.Kill();
            acknowledged.AddRange(await Task.WhenAll(waiting)); // nobody has to send again
        }
        Assert.NotEmpty(_warnings);
        Assert.Equal(nonce, await client.GetTransactionCountAsync(_key.Address));
        foreach (var receipt in acknowledged)
        {
            Assert.Equal(receipt.Block, (await client.GetTransactionReceiptAsync(receipt.TransactionHash))!.Block);
            Assert.Equal(receipt.Block.Hash, (await client.GetBlockAsync(BlockTag.At(receipt.Block.Number)))!.Hash);
        }

        using (var process = Process.GetProcessById(chain.EvmProcessId)) // while nothing is waiting
            process.Kill();
        Assert.Equal(nonce, await client.GetTransactionCountAsync(_key.Address));
    }

    [Fact]
    public async Task What_was_acknowledged_survives_kill_9_of_the_owner_with_the_same_hashes()
    {
        var acknowledged = new Dictionary<string, (ulong Number, Hash32 Hash)>();
        var random = new Random(9);
        for (int round = 0; round < 3; round++)
        {
            await using (var owner = await Host.StartAsync(Host.Fills_a_chain, new Dictionary<string, string> { ["TROVE_HOST_FOLDER"] = _folder }))
            {
                int evm = int.Parse(await owner.LineAsync("evm "), CultureInfo.InvariantCulture);
                int least = 5 + random.Next(20);
                while (owner.Lines.Count(l => l.StartsWith("ack ", StringComparison.Ordinal)) < least)
                    await Task.Delay(random.Next(20));
                owner.KillOnlyIt();
                foreach (var part in owner.Lines.Where(l => l.StartsWith("ack ", StringComparison.Ordinal)).Select(l => l.Split(' ')))
                    acknowledged[part[1]] = (ulong.Parse(part[2], CultureInfo.InvariantCulture), Hash32.Parse(part[3]));
                for (int i = 0; i < 500 && ChildProcessTests.Alive(evm); i++)
                    await Task.Delay(20);
                Assert.False(ChildProcessTests.Alive(evm));
            }
            await using var chain = await StartAsync(8);
            using var client = chain.CreateClient();
            foreach (var (hash, block) in acknowledged)
                Assert.Equal(new BlockRef(block.Number, block.Hash), (await client.GetTransactionReceiptAsync(Hash32.Parse(hash)))!.Block);
        }
        Assert.True(acknowledged.Count >= 15);
    }

    [Fact]
    public async Task Time_never_runs_backwards_and_moves_only_with_blocks()
    {
        var clock = new SteppingClock { Now = DateTimeOffset.FromUnixTimeSeconds(1_800_000_000) };
        ulong nonce = 0;
        var times = new List<ulong>();
        await using (var chain = await StartAsync(clock: clock))
        {
            times.Add((await MineAsync(chain)).Timestamp);
            Assert.Equal(1_800_000_000UL, times[^1]);
            clock.Now -= TimeSpan.FromDays(30);
            times.Add((await MineAsync(chain)).Timestamp);
            clock.Now += TimeSpan.FromDays(30) + TimeSpan.FromSeconds(10);
            times.Add((await MineAsync(chain)).Timestamp);
            Assert.Equal(1_800_000_010UL, times[^1]);
            times.Add((await chain.AdvanceToAsync(1_800_900_000)).Timestamp);
            Assert.Equal(1_800_900_000UL, times[^1]);
            clock.Now += TimeSpan.FromSeconds(5);
            times.Add((await MineAsync(chain)).Timestamp);
            Assert.Equal(1_800_900_005UL, times[^1]); // after a jump it goes on from there
            times.Add((await chain.AdvanceToAsync(5)).Timestamp);
            await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => chain.AdvanceToAsync(ulong.MaxValue));
        }
        clock.Now -= TimeSpan.FromDays(100);
        await using (var chain = await StartAsync(clock: clock))
        {
            Assert.Equal(times[^1], chain.Head.Timestamp);
            times.Add((await MineAsync(chain)).Timestamp);
            clock.Now += TimeSpan.FromSeconds(7);
            times.Add((await MineAsync(chain)).Timestamp);
            Assert.Equal(1_800_900_012UL, times[^1]);
        }
        Assert.Equal(times.Order(), times);

        async Task<Block> MineAsync(EmbeddedChain chain)
        {
            await SubmitAsync(chain, Transfer(chain.ChainId, _key, nonce++));
            return chain.Head;
        }
    }

    [Fact]
    public async Task Strangers_reach_no_cheat_methods_and_clients_work_through_the_proxy()
    {
        await using var chain = await StartAsync();
        var proxy = chain.CreateProxy();
        foreach (var method in new[] { "anvil_setBalance", "evm_mine", "anvil_dumpState", "evm_revert", "anvil_reset", "eth_sendTransaction", "debug_traceCall" })
            Assert.Contains("-32601", Encoding.UTF8.GetString(await proxy.HandleAsync(Encoding.UTF8.GetBytes($$"""{"jsonrpc":"2.0","id":1,"method":"{{method}}","params":[]}"""))));
        using var client = chain.CreateClient();
        Assert.Equal(chain.ChainId, await client.ChainIdAsync());
        var transaction = Transfer(chain.ChainId, _key, 0);
        Assert.Equal(transaction.Hash, await client.SendRawTransactionAsync(transaction.Raw));
        Assert.True((await client.GetTransactionReceiptAsync(transaction.Hash))!.Success);
        Assert.Contains("nonce", (await Assert.ThrowsAsync<RpcException>(() => client.SendRawTransactionAsync(Transfer(chain.ChainId, _key, 9).Raw))).Message);
        Assert.Equal(ChainGenesis.Funding, await client.GetBalanceAsync(_key.Address, BlockTag.At(0UL)));
        Assert.Equal(RpcFailure.Refused, (await Assert.ThrowsAsync<RpcException>(() => client.SendAsync("evm_mine", []))).Failure);
    }

    [Fact]
    public async Task A_folder_has_one_owner_and_one_funded_account()
    {
        await using (var chain = await StartAsync())
            Assert.Contains("in use", (await Assert.ThrowsAsync<IOException>(() => StartAsync())).Message);
        using var other = Host.Key(5);
        var e = await Assert.ThrowsAsync<JournalException>(() => EmbeddedChain.StartAsync(new EmbeddedChainOptions { Folder = _folder, Funded = other.Address, Warn = _warnings.Add }));
        Assert.Contains(_key.Address.ToString(), e.Message);
    }

    [Fact]
    public async Task After_disposal_submissions_say_that_the_chain_has_stopped()
    {
        var chain = await StartAsync();
        await chain.DisposeAsync();
        await Assert.ThrowsAsync<InvalidOperationException>(() => chain.SubmitAsync(Transfer(chain.ChainId, _key, 0).Raw));
        await Assert.ThrowsAsync<InvalidOperationException>(() => chain.AdvanceToAsync(5));
        await chain.Completion;
        Assert.Empty(Directory.GetFiles(_folder, "*.partial"));
    }

    public void Dispose()
    {
        _key.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    internal static SignedTransaction Transfer(ulong chainId, SigningKey key, ulong nonce, Address? to = null, UInt128? value = null) => new Transaction
    {
        ChainId = chainId, Nonce = nonce, MaxPriorityFeePerGas = 1, MaxFeePerGas = 100_000_000_000, GasLimit = 21_000, To = to ?? Sink, Value = value ?? 1, Data = [],
    }.Sign(key);

    private static async Task<Receipt> SubmitAsync(EmbeddedChain chain, SignedTransaction transaction)
    {
        var result = await chain.SubmitAsync(transaction.Raw);
        Assert.Null(result.Refusal);
        return result.Receipt!;
    }

    private static async Task<List<Hash32>> HashesAsync(EmbeddedChain chain)
    {
        using var client = chain.CreateClient();
        var numbers = Enumerable.Range(1, (int)chain.Head.Number).Select(n => (ulong)n).ToArray();
        return [.. (await client.GetBlocksAsync(numbers)).Select(b => b!.Hash)];
    }

    private Task<EmbeddedChain> StartAsync(int snapshotEvery = 1000, TimeProvider? clock = null) => EmbeddedChain.StartAsync(new EmbeddedChainOptions
    {
        Folder = _folder, Funded = _key.Address, Warn = _warnings.Add, SnapshotEvery = snapshotEvery, Time = clock ?? TimeProvider.System,
    });

    private sealed class SteppingClock : TimeProvider
    {
        public DateTimeOffset Now { get; set; }

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
