using Trove.Chain.Embedded;
using Trove.Chain.Rpc;
using Trove.Core;

namespace Trove.SystemTests.Embedded;

public sealed class EmbeddedChainTests
{
    private static readonly DateTimeOffset Noon = new(2030, 1, 1, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public async Task ManySubmittersShareBlocksAndEveryoneGetsTheirReceipt()
    {
        using var testing = new ChainTesting();
        await using var chain = await testing.StartAsync();
        var receipts = await Task.WhenAll(Enumerable.Range(0, 200).Select(_ => chain.SubmitAsync(testing.Transfer(chain, 5))));

        Assert.All(receipts, r => Assert.True(r.Success));
        Assert.Equal(200, receipts.Select(r => r.TransactionHash).Distinct().Count());
        Assert.Equal((UInt128)1000, await chain.Client.GetBalanceAsync(ChainTesting.Receiver));
        Assert.InRange(chain.Head.Number, 1UL, 100UL); // batched, not one by one
    }

    [Fact]
    public async Task AStoppedChainComesBackWithTheSameBlocksAndReceipts()
    {
        using var testing = new ChainTesting();
        Hash32[] before;
        ulong id;
        Receipt receipt;
        await using (var chain = await testing.StartAsync())
        {
            id = chain.ChainId;
            for (int i = 0; i < 20; i++)
                await chain.SubmitAsync(testing.Transfer(chain, 1));
            await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => chain.SubmitAsync(testing.Transfer(chain, 1))));
            await chain.AdvanceAsync();
            receipt = await chain.SubmitAsync(testing.Transfer(chain, 7));
            before = await ChainTesting.HashesAsync(chain);
        }
        await using (var chain = await testing.StartAsync())
        {
            Assert.Equal(id, chain.ChainId);
            Assert.Equal(before, await ChainTesting.HashesAsync(chain));
            Assert.Equal(receipt.Block, (await chain.Client.GetTransactionReceiptAsync(receipt.TransactionHash))!.Block);
            await chain.SubmitAsync(testing.Transfer(chain, 1));
        }
    }

    [Fact]
    public async Task AKilledAnvilIsRestartedAndNothingAcknowledgedIsLost()
    {
        using var testing = new ChainTesting();
        await using var chain = await testing.StartAsync();
        var first = await chain.SubmitAsync(testing.Transfer(chain, 1));
        for (int round = 0; round < 3; round++)
        {
            var waiting = Enumerable.Range(0, 40).Select(_ => chain.SubmitAsync(testing.Transfer(chain, 1))).ToArray();
            await Task.Delay(round * 15);
            await ChainTesting.KillAnvilAsync(chain);
            Assert.All(await Task.WhenAll(waiting), r => Assert.True(r.Success));
        }
        await chain.AdvanceAsync(); // the last kill may have come after the last receipt: now the chain is back
        Assert.Equal(first.Block, (await chain.Client.GetTransactionReceiptAsync(first.TransactionHash))!.Block);
        Assert.Equal((UInt128)121, await chain.Client.GetBalanceAsync(ChainTesting.Receiver));
    }

    [Fact]
    public async Task AnIdleChainIsRestartedForItsReaders()
    {
        using var testing = new ChainTesting();
        await using var chain = await testing.StartAsync();
        var receipt = await chain.SubmitAsync(testing.Transfer(chain, 1));
        await ChainTesting.KillAnvilAsync(chain);
        Receipt? again = null;
        while (again is null) // ends by the test's own time limit
        {
            try
            {
                again = await chain.Client.GetTransactionReceiptAsync(receipt.TransactionHash, TestContext.Current.CancellationToken);
            }
            catch (RpcException e) when (e.Failure == RpcFailure.Unreachable)
            {
                await Task.Delay(20);
            }
        }
        Assert.Equal(receipt.Block, again.Block);
    }

    [Fact]
    public async Task TimeNeverRunsBackwards()
    {
        using var testing = new ChainTesting();
        var clock = new SetClock(Noon);
        ulong last;
        await using (var chain = await testing.StartAsync(clock))
        {
            var first = await chain.AdvanceAsync();
            Assert.Equal((ulong)Noon.ToUnixTimeSeconds() + 1, first.Timestamp); // block 0 has noon itself
            clock.Now = Noon.AddHours(1);
            Assert.Equal((ulong)clock.Now.ToUnixTimeSeconds(), (await chain.AdvanceAsync()).Timestamp);
            clock.Now = Noon.AddDays(-1);
            Assert.Equal((ulong)Noon.AddHours(1).ToUnixTimeSeconds() + 1, (await chain.AdvanceAsync()).Timestamp);
            Assert.Equal((ulong)Noon.AddDays(7).ToUnixTimeSeconds(), (await chain.AdvanceToAsync(Noon.AddDays(7))).Timestamp);
            var head = chain.Head;
            Assert.Equal(head, await chain.AdvanceToAsync(Noon)); // reached already: no block
            last = chain.Head.Timestamp;
        }
        await using (var chain = await testing.StartAsync(clock))
        {
            Assert.Equal(last, chain.Head.Timestamp);
            var receipt = await chain.SubmitAsync(testing.Transfer(chain, 1));
            Assert.Equal(last + 1, (await chain.Client.GetBlockAsync(BlockTag.At(receipt.Block.Hash)))!.Timestamp);
        }
    }

    [Fact]
    public async Task AnIncompleteLastRecordIsDroppedAndTheRestStays()
    {
        using var testing = new ChainTesting();
        Hash32[] before;
        await using (var chain = await testing.StartAsync())
        {
            await chain.SubmitAsync(testing.Transfer(chain, 1));
            before = await ChainTesting.HashesAsync(chain);
            await chain.SubmitAsync(testing.Transfer(chain, 2));
        }
        var journal = await File.ReadAllBytesAsync(testing.JournalPath);
        await File.WriteAllBytesAsync(testing.JournalPath, journal[..^5]);
        await using (var chain = await testing.StartAsync())
        {
            Assert.Equal(before, await ChainTesting.HashesAsync(chain));
            await chain.SubmitAsync(testing.Transfer(chain.ChainId, 1, 2)); // the nonce is free again
        }
    }

    [Fact]
    public async Task AnyFlippedBitInTheJournalIsAClearError()
    {
        using var testing = new ChainTesting();
        await using (var chain = await testing.StartAsync())
        {
            await chain.SubmitAsync(testing.Transfer(chain, 1));
            await chain.SubmitAsync(testing.Transfer(chain, 2));
        }
        var journal = await File.ReadAllBytesAsync(testing.JournalPath);
        for (int i = 0; i < journal.Length; i++)
        {
            var damaged = (byte[])journal.Clone();
            damaged[i] ^= (byte)(1 << (i % 8));
            await File.WriteAllBytesAsync(testing.JournalPath, damaged);
            var error = await Assert.ThrowsAsync<JournalDamagedException>(() => testing.StartAsync());
            Assert.Contains("at byte", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task AJournalOfAnotherHistoryIsRefusedAtTheFirstBlockThatDiffers()
    {
        using var testing = new ChainTesting();
        await using (var chain = await testing.StartAsync())
        {
            await chain.SubmitAsync(testing.Transfer(chain, 1));
            await chain.SubmitAsync(testing.Transfer(chain, 2));
        }
        var path = Path.Combine(testing.Folder, "genesis.json");
        await File.WriteAllTextAsync(path, (await File.ReadAllTextAsync(path)).Replace("30000000", "30000001", StringComparison.Ordinal));
        Assert.Contains("another chain", (await Assert.ThrowsAsync<JournalDamagedException>(() => testing.StartAsync())).Message, StringComparison.Ordinal);
        File.Delete(path);
        Assert.Contains("genesis.json is missing", (await Assert.ThrowsAsync<InvalidOperationException>(() => testing.StartAsync())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task OneFolderServesOneChainAtATime()
    {
        using var testing = new ChainTesting();
        await using var chain = await testing.StartAsync();
        Assert.Contains("one embedded chain at a time", (await Assert.ThrowsAsync<IOException>(() => testing.StartAsync())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task RefusedTransactionsLeaveNoTrace()
    {
        using var testing = new ChainTesting();
        await using var chain = await testing.StartAsync();
        await chain.SubmitAsync(testing.Transfer(chain, 1));
        var length = new FileInfo(testing.JournalPath).Length;

        async Task RefusedAsync(byte[] raw, string reason) =>
            Assert.Contains(reason, (await Assert.ThrowsAsync<RpcException>(() => chain.SubmitAsync(raw))).Message, StringComparison.OrdinalIgnoreCase);
        await RefusedAsync([], "type 2");
        await RefusedAsync([2, 0xc0], "12 fields");
        await RefusedAsync(testing.Transfer(chain.ChainId + 1, 1, 1), "chain");
        await RefusedAsync(testing.Transfer(chain.ChainId, 0, 9), "nonce too low");
        await RefusedAsync(testing.Transfer(chain.ChainId, 5, 1), "nonce too high");
        await RefusedAsync(testing.Transfer(chain.ChainId, 1, UInt128.MaxValue >> 8), "insufficient funds");
        await RefusedAsync(testing.Transfer(chain.ChainId, 1, 1, gas: 20_000), "gas");
        await RefusedAsync(testing.Transfer(chain.ChainId, 1, 1, gas: 30_000_001), "gas");

        Assert.Equal(length, new FileInfo(testing.JournalPath).Length);
        Assert.True((await chain.SubmitAsync(testing.Transfer(chain.ChainId, 1, 1))).Success);
    }

    [Fact]
    public async Task SubmittingAMinedTransactionAgainGivesItsReceipt()
    {
        using var testing = new ChainTesting();
        await using var chain = await testing.StartAsync();
        var raw = testing.Transfer(chain, 1);
        var first = await chain.SubmitAsync(raw);
        Assert.Equal(first.Block, (await chain.SubmitAsync(raw)).Block);
        Assert.Equal(1UL, chain.Head.Number);
    }

    [Fact]
    public async Task NoncesOutOfOrderInOneBatchAndABlockThatIsFullReplayToTheSameBlocks()
    {
        using var testing = new ChainTesting();
        Hash32[] before;
        await using (var chain = await testing.StartAsync())
        {
            // Half the block's gas each: two fit, the others wait for the next blocks.
            var raws = Enumerable.Range(0, 12).Select(n => testing.Transfer(chain.ChainId, (ulong)n, 1, gas: 14_000_000)).ToArray();
            await chain.AdvanceAsync();
            var sent = raws.Reverse().Select(raw => chain.SubmitAsync(raw)).ToArray();
            foreach (var (task, raw) in sent.Zip(raws.Reverse()))
            {
                try
                {
                    await task;
                }
                catch (RpcException e)
                {
                    Assert.Contains("nonce too high", e.Message, StringComparison.Ordinal); // its batch did not hold the one before it
                }
            }
            foreach (var raw in raws)
                Assert.True((await chain.SubmitAsync(raw)).Success);
            Assert.Equal((UInt128)12, await chain.Client.GetBalanceAsync(ChainTesting.Receiver));
            before = await ChainTesting.HashesAsync(chain);
        }
        await using (var chain = await testing.StartAsync())
            Assert.Equal(before, await ChainTesting.HashesAsync(chain));
    }

    [Fact]
    public async Task ATransactionThatAnotherOfTheSameBlockLeavesWithoutMoneyIsRefusedAndReplaysAlike()
    {
        using var testing = new ChainTesting();
        using var poor = new ChainTesting();
        const ulong fee = 21_000 * 100_000_000_000UL;
        Hash32[] before;
        await using (var chain = await testing.StartAsync())
        {
            await chain.SubmitAsync(testing.Transfer(chain.ChainId, 0, 2 * fee, to: poor.Key.Address));
            // Each is covered by the balance, both together are not.
            var both = new[] { poor.Transfer(chain.ChainId, 0, fee), poor.Transfer(chain.ChainId, 1, fee) }.Select(raw => chain.SubmitAsync(raw)).ToArray();
            Assert.True((await both[0]).Success);
            Assert.Contains("insufficient funds", (await Assert.ThrowsAsync<RpcException>(() => both[1])).Message, StringComparison.OrdinalIgnoreCase);
            await chain.SubmitAsync(testing.Transfer(chain.ChainId, 1, 1));
            before = await ChainTesting.HashesAsync(chain);
        }
        await using (var chain = await testing.StartAsync())
            Assert.Equal(before, await ChainTesting.HashesAsync(chain));
    }

    [Fact]
    public async Task OfTwoTransactionsWithOneNonceOneIsMinedAndTheOtherRefused()
    {
        using var testing = new ChainTesting();
        Hash32[] before;
        await using (var chain = await testing.StartAsync())
        {
            var both = new ulong[] { 100, 200 }.Select(gwei => chain.SubmitAsync(testing.Transfer(chain.ChainId, 0, 1, gwei: gwei))).ToArray();
            try
            {
                await Task.WhenAll(both);
            }
            catch (RpcException)
            {
                // one of them, which is looked at below
            }
            Assert.Equal(1, both.Count(t => t.IsCompletedSuccessfully));
            Assert.Equal((UInt128)1, await chain.Client.GetBalanceAsync(ChainTesting.Receiver));
            before = await ChainTesting.HashesAsync(chain);
        }
        await using (var chain = await testing.StartAsync())
            Assert.Equal(before, await ChainTesting.HashesAsync(chain));
    }

    [Fact]
    public async Task ASnapshotGivesTheSameChainAsTheWholeJournal()
    {
        using var testing = new ChainTesting();
        var snapshot = Path.Combine(testing.Folder, "snapshot");
        Hash32[] before;
        Receipt early;
        await using (var chain = await testing.StartAsync())
        {
            await chain.SubmitAsync(testing.Transfer(chain, 3));
            early = await chain.SubmitAsync(testing.Event(chain));
            for (int i = 0; i < 1000; i++)
                await chain.AdvanceAsync();
            await chain.SubmitAsync(testing.Transfer(chain, 4));
            Assert.True(File.Exists(snapshot));
            before = await ChainTesting.HashesAsync(chain);
        }
        await CheckAsync(true);
        var bytes = await File.ReadAllBytesAsync(snapshot);
        bytes[^1] ^= 1;
        await File.WriteAllBytesAsync(snapshot, bytes);
        await CheckAsync(false);

        async Task CheckAsync(bool loaded)
        {
            await using var chain = await testing.StartAsync();
            Assert.Equal(before, await ChainTesting.HashesAsync(chain));
            Assert.Equal((UInt128)7, await chain.Client.GetBalanceAsync(ChainTesting.Receiver));
            Assert.Equal(early.Block, (await chain.Client.GetTransactionReceiptAsync(early.TransactionHash))!.Block);
            var log = Assert.Single(await chain.Client.GetLogsAsync(new LogFilter([], []), 0, chain.Head.Number));
            Assert.Equal((early.Block, early.TransactionHash), (log.Block, log.TransactionHash));
            // Only a chain that was loaded lacks the state of old blocks: the dump holds the last one's.
            var old = chain.Client.GetBalanceAsync(ChainTesting.Receiver, BlockTag.At(chain.Head.Number - 20));
            if (loaded)
                await Assert.ThrowsAsync<RpcException>(() => old);
            else
                Assert.Equal((UInt128)3, await old);
        }
    }

    [Fact]
    public async Task AfterStopEveryCallSaysSo()
    {
        using var testing = new ChainTesting();
        var chain = await testing.StartAsync();
        var port = chain.RpcUrl.Port;
        await chain.StopAsync();
        await chain.StopAsync();
        Assert.Empty(ChainTesting.Anvils(port));
        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => chain.SubmitAsync(testing.Transfer(chain.ChainId, 0, 1)));
        Assert.Contains("is stopped", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnotherFundedAccountThanAtTheBeginningIsAClearError()
    {
        using var testing = new ChainTesting();
        await (await testing.StartAsync()).StopAsync();
        using var other = new ChainTesting();
        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => EmbeddedChain.StartAsync(
            testing.Folder, [other.Key.Address], TimeProvider.System, Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance));
        Assert.Contains(other.Key.Address.ToString(), error.Message, StringComparison.Ordinal);
    }
}
