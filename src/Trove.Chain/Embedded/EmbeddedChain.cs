using System.Globalization;
using System.Text.Json;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Trove.Chain.Durability;
using Trove.Chain.Rpc;
using Trove.Core;

namespace Trove.Chain.Embedded;

/// <summary>
/// An EVM chain of one operator: anvil as a child process, and this class as its only producer of blocks (specs/embedded-chain.md).
/// A block is journaled and synced to disk, then mined, then acknowledged; after any crash the journal is replayed to identical block
/// hashes. Time moves only by journaled timestamps and strictly rises. Safe for any thread.
/// </summary>
/// <remarks>
/// A transaction that was not acknowledged (an exception other than a refusal, a cancellation, a crash) may have been journaled and so
/// may be mined after all, by then or on the next start. Submitting the same bytes again is always right: a transaction that is
/// mined already gives its receipt.
/// </remarks>
public sealed class EmbeddedChain : IAsyncDisposable
{
    private const string SendMethod = "eth_sendRawTransaction";
    private const int QueueLength = 1024;            // submitters beyond it wait: memory stays below this times Transaction.MaxRawBytes
    private const int MaxTransactionsPerBlock = 256; // bounds a journal record
    private const int MaxOffers = 16;             // blocks a transaction is offered to before its submitter is told that it does not fit
    private const ulong BlocksPerSnapshot = 1000;   // a thousand blocks replay in seconds
    private const int MaxRestarts = 3;            // in a row without a block: then anvil dies of what it is fed, not by accident

    private readonly string _folder;
    private readonly ChainGenesis _genesis;
    private readonly BlockJournal _journal;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly Channel<Submission> _queue = Channel.CreateBounded<Submission>(QueueLength);
    private readonly List<Submission> _carried = []; // offered to the last block, which had no room for them
    private readonly CancellationTokenSource _stop = new();
    private readonly int _port;
    private ulong _snapshotAt; // the block of the last snapshot, or of the last attempt at one
    private AnvilProcess? _anvil;
    private Block _head = null!;
    private Task _loop = Task.CompletedTask;
    private Exception? _fault;
    private Func<bool> _diskIsFull = () => false;

    private EmbeddedChain(string folder, ChainGenesis genesis, BlockJournal journal, TimeProvider time, ILogger log)
    {
        (_folder, _genesis, _journal, _time, _log) = (folder, genesis, journal, time, log);
        _port = AnvilProcess.FreePort();
        RpcUrl = new Uri($"http://127.0.0.1:{_port}/");
        Client = new EthClient(RpcUrl);
    }

    /// <summary>The chain's id, random and kept in its folder.</summary>
    public ulong ChainId => _genesis.ChainId;

    /// <summary>Most gas of a block, so also of a transaction or call.</summary>
    public ulong GasLimit => _genesis.GasLimit;

    /// <summary>anvil's own endpoint, on this machine only. Whoever reaches it can mint and rewrite: the public gets <see cref="EthProxy"/>.</summary>
    public Uri RpcUrl { get; }

    /// <summary>A client of <see cref="RpcUrl"/>, for reading. While anvil restarts its calls fail as unreachable.</summary>
    public EthClient Client { get; }

    /// <summary>Why it makes no more blocks, until it is started again; null while it does.</summary>
    public Exception? Fault => _fault;

    /// <summary>The newest acknowledged block.</summary>
    public Block Head => Volatile.Read(ref _head);

    /// <summary>Opens the chain in <paramref name="folder"/>, or begins one there, and returns when all its blocks are back.</summary>
    /// <param name="folder">The chain's own folder; created when missing. One process at a time.</param>
    /// <param name="funded">Accounts with money from the start; on later starts, a subset of those of the first.</param>
    /// <param name="time">Where blocks get their time from.</param>
    /// <param name="log">Restarts of anvil, dropped torn records.</param>
    /// <param name="ct">Gives up the start.</param>
    /// <param name="diskIsFull">While it is, nothing is accepted: a journal that a full disk cuts off could only be trusted after a restart.</param>
    /// <exception cref="InvalidOperationException">anvil is missing or does not start; genesis.json does not fit; a replayed block has another hash.</exception>
    /// <exception cref="IOException">The folder is in use, the disk fails, or (<see cref="JournalDamagedException"/>) the journal is damaged.</exception>
    public static async Task<EmbeddedChain> StartAsync(string folder, IReadOnlyList<Address> funded, TimeProvider time, ILogger log, CancellationToken ct = default, Func<bool>? diskIsFull = null)
    {
        folder = Path.GetFullPath(folder);
        Directory.CreateDirectory(folder);
        var journalPath = Path.Combine(folder, "journal");
        var genesis = ChainGenesis.LoadOrCreate(folder, funded, journalPath, time);
        var journal = BlockJournal.Open(journalPath, genesis.Id);
        if (journal.TornBytes > 0)
            log.LogWarning(ChainLogEvents.TornBlockDropped, "embedded chain: dropped {Bytes} bytes of an unfinished block at the end of the journal", journal.TornBytes);
        var chain = new EmbeddedChain(folder, genesis, journal, time, log) { _diskIsFull = diskIsFull ?? (() => false) };
        try
        {
            await chain.StartNodeAsync(ct).ConfigureAwait(false);
            chain._loop = Task.Run(chain.RunAsync, CancellationToken.None);
            return chain;
        }
        catch
        {
            await chain.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>
    /// Puts a signed transaction on the chain; its receipt (look at <see cref="Receipt.Success"/>: it may have reverted) once it would
    /// survive any crash. Cancelling stops waiting, not the transaction.
    /// </summary>
    /// <exception cref="RpcException">anvil refuses it (a bad signature, no money, a nonce used before or too far ahead): it was not journaled.</exception>
    /// <exception cref="InvalidOperationException">The chain is stopped or broken; the transaction may be mined after all (see the remarks above).</exception>
    public async Task<Receipt> SubmitAsync(ReadOnlyMemory<byte> rawTransaction, CancellationToken ct = default)
    {
        Submission submission;
        try
        {
            // Decoded before anvil sees it: anvil takes forms (unprotected, blob, delegating transactions) that Trove has no use for.
            submission = new Submission { Transaction = SignedTransaction.Decode(rawTransaction.Span) };
        }
        catch (RlpException e)
        {
            throw Refused(e.Message, -32602);
        }
        await EnqueueAsync(submission, ct).ConfigureAwait(false);
        return await submission.Mined.Task.WaitAsync(ct).ConfigureAwait(false);
    }

    /// <summary>Makes a block now, with whatever waits, so that contracts see the present time; the block.</summary>
    /// <exception cref="InvalidOperationException">The chain is stopped or broken.</exception>
    public Task<Block> AdvanceAsync(CancellationToken ct = default) => AdvanceAsync(null, ct);

    /// <summary>Makes a block of the given time (whole seconds, rounded up), or gives the head when the chain is there already.</summary>
    /// <exception cref="InvalidOperationException">The chain is stopped or broken.</exception>
    public Task<Block> AdvanceToAsync(DateTimeOffset time, CancellationToken ct = default)
    {
        long seconds = time.AddTicks(TimeSpan.TicksPerSecond - 1).ToUnixTimeSeconds();
        return AdvanceAsync(checked((ulong)Math.Max(seconds, 0)), ct);
    }

    /// <summary>Takes no more, finishes the block at hand, ends anvil. What waited fails with a clear error.</summary>
    public async Task StopAsync()
    {
        _queue.Writer.TryComplete();
        await _stop.CancelAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(false);
        if (_anvil is not null)
            await _anvil.DisposeAsync().ConfigureAwait(false);
        _journal.Dispose();
        Client.Dispose();
    }

    /// <summary>As <see cref="StopAsync"/>.</summary>
    public async ValueTask DisposeAsync() => await StopAsync().ConfigureAwait(false);

    private async Task<Block> AdvanceAsync(ulong? timestamp, CancellationToken ct)
    {
        var submission = new Submission { Timestamp = timestamp };
        await EnqueueAsync(submission, ct).ConfigureAwait(false);
        return await submission.Advanced.Task.WaitAsync(ct).ConfigureAwait(false);
    }

    private async Task EnqueueAsync(Submission submission, CancellationToken ct)
    {
        try
        {
            await _queue.Writer.WriteAsync(submission, ct).ConfigureAwait(false);
        }
        catch (ChannelClosedException)
        {
            throw Ended();
        }
    }

    private string SnapshotPath => Path.Combine(_folder, "snapshot");

    private static RpcException Refused(string reason, long code = -32000) => new(RpcFailure.Refused, SendMethod, "the embedded chain", $"refused: {reason}", code);

    private static bool IsRefusal(RpcException e) => e.Failure is RpcFailure.Refused or RpcFailure.Reverted;

    private InvalidOperationException Ended() => _fault is { } fault
        ? new InvalidOperationException($"the embedded chain in {_folder} has failed: {fault.Message}; restart the node. A transaction on its way may have been mined: look for its receipt", fault)
        : new InvalidOperationException($"the embedded chain in {_folder} is stopped; a transaction on its way may be mined on the next start: look for its receipt");

    private async Task RunAsync()
    {
        try
        {
            while (!_stop.IsCancellationRequested)
            {
                var more = _carried.Count > 0 ? Task.FromResult(true) : _queue.Reader.WaitToReadAsync(_stop.Token).AsTask();
                while (await Task.WhenAny(more, _anvil!.Exited).ConfigureAwait(false) != more)
                    await RestartAsync().ConfigureAwait(false); // nobody waits for a block, but readers wait for the node
                if (!await more.ConfigureAwait(false))
                    break;
                await ProduceAsync(TakeBatch()).ConfigureAwait(false);
                // A dump holds the whole history: ever rarer, so that all dumps together cost a constant share of the work.
                if (Head.Number - _snapshotAt >= Math.Max(FaultPoint.Soon(BlocksPerSnapshot), _snapshotAt / 4))
                    await SnapshotAsync().ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // stopped while idle
        }
        catch (Exception e)
        {
            _fault = e;
            _log.LogCritical(ChainLogEvents.ChainEnded, e, "embedded chain: no more blocks: {Reason}", e.Message);
        }
        _queue.Writer.TryComplete();
        var ended = Ended();
        foreach (var waiting in _carried)
            waiting.Fail(ended);
        while (_queue.Reader.TryRead(out var waiting))
            waiting.Fail(ended);
    }

    private List<Submission> TakeBatch()
    {
        List<Submission> batch = [.. _carried];
        _carried.Clear();
        // A request for a time ends its batch: what came after it must not be mined before that time. Requests for just a block share one.
        while (batch.Count < MaxTransactionsPerBlock && (batch.Count == 0 || batch[^1].Timestamp is null) && _queue.Reader.TryRead(out var next))
            batch.Add(next);
        return batch;
    }

    /// <summary>Offer, journal, mine, acknowledge; through deaths of anvil in between.</summary>
    private async Task ProduceAsync(List<Submission> batch)
    {
        if (_diskIsFull())
        {
            foreach (var submission in batch)
                submission.Fail(Refused("the disk of the embedded chain is nearly full; try again when its operator has made space"));
            return;
        }
        JournalBlock? block = null;
        List<Submission> offered = [];
        for (int restarts = 0; ;)
        {
            try
            {
                if (block is null)
                {
                    offered = await OfferAsync(batch).ConfigureAwait(false);
                    if (Plan(batch, offered) is not { } planned)
                        return;
                    _journal.Append(planned);
                    FaultPoint.Reach("journal.appended");
                    block = planned;
                }
                if (Head.Number < block.Number) // else the restart has replayed it
                    Volatile.Write(ref _head, await MineAsync(block).ConfigureAwait(false));
                await AcknowledgeAsync(offered, batch).ConfigureAwait(false);
                return;
            }
            catch (RpcException e) when (!IsRefusal(e) && restarts < MaxRestarts)
            {
                restarts++;
                _log.LogWarning(ChainLogEvents.EvmFailed, "embedded chain: anvil failed at block {Block}: {Reason}", Head.Number + 1, e.Message);
                await RestartAsync().ConfigureAwait(false);
            }
            catch (Exception e)
            {
                foreach (var submission in batch)
                    submission.Fail(_stop.IsCancellationRequested ? Ended() : new InvalidOperationException($"the embedded chain failed: {e.Message}; the transaction may have been mined: look for its receipt", e));
                throw;
            }
        }
    }

    /// <summary>Puts the batch's transactions into anvil's empty pool, without those that cannot go into the next block; what is in it, in order.</summary>
    private async Task<List<Submission>> OfferAsync(List<Submission> batch)
    {
        var offered = InNonceOrder([.. batch.Where(s => s.Transaction is not null && !s.Mined.Task.IsCompleted)]);
        while (true)
        {
            await SendAsync(offered).ConfigureAwait(false);
            if (offered.Count == 0)
                return offered;
            var pool = await Client.SendAsync("txpool_status", []).ConfigureAwait(false);
            var reader = new RpcReader("txpool_status", RpcUrl.Authority);
            if (reader.Number64(reader.Field(pool, "pending"), "pending") == (ulong)offered.Count && reader.Number64(reader.Field(pool, "queued"), "queued") == 0)
                return offered;
            // Once more without those that cannot be mined: a pool that had held them might order the rest otherwise than a replay does.
            await RefuseUnreadyAsync(offered).ConfigureAwait(false);
            await Client.SendAsync("anvil_dropAllTransactions", []).ConfigureAwait(false);
        }
    }

    /// <summary>Each sender's transactions among themselves by nonce, else in order of arrival: so none waits in the pool for one that comes after it.</summary>
    private static List<Submission> InNonceOrder(List<Submission> submissions)
    {
        var bySender = submissions.GroupBy(s => s.Transaction!.Sender)
            .ToDictionary(g => g.Key, g => new Queue<Submission>(g.OrderBy(s => s.Transaction!.Transaction.Nonce)));
        return [.. submissions.Select(s => bySender[s.Transaction!.Sender].Dequeue())];
    }

    /// <summary>Sends one by one (the order of arrival in the pool is part of the block, and calls of one batch may overtake each other); takes the refused out.</summary>
    private async Task SendAsync(List<Submission> offered)
    {
        foreach (var submission in offered.ToArray())
        {
            try
            {
                await Client.SendRawTransactionAsync(submission.Transaction!.Raw).ConfigureAwait(false);
            }
            catch (RpcException refusal) when (IsRefusal(refusal))
            {
                var receipt = await Client.GetTransactionReceiptAsync(submission.Transaction!.Hash).ConfigureAwait(false);
                if (receipt is null)
                    submission.Fail(refusal);
                else
                    submission.Mined.TrySetResult(receipt); // submitted again after an answer that was lost
                offered.Remove(submission);
            }
        }
    }

    private async Task RefuseUnreadyAsync(List<Submission> offered)
    {
        var content = await Client.SendAsync("txpool_content", []).ConfigureAwait(false);
        var reader = new RpcReader("txpool_content", RpcUrl.Authority);
        HashSet<Hash32> Hashes(string part) =>
            [.. reader.Field(content, part).EnumerateObject().SelectMany(account => account.Value.EnumerateObject()).Select(t => reader.Hash(reader.Field(t.Value, "hash"), "hash"))];
        var (ready, queued) = (Hashes("pending"), Hashes("queued"));
        foreach (var submission in offered.Where(s => !ready.Contains(s.Transaction!.Hash)))
            submission.Fail(Refused(queued.Contains(submission.Transaction!.Hash)
                ? "nonce too high: it would wait for a transaction that is not here; send that one first"
                : "replaced by another transaction with the same nonce and a higher fee"));
        if (offered.RemoveAll(s => !ready.Contains(s.Transaction!.Hash)) == 0)
            throw new InvalidOperationException($"anvil's pool holds {ready.Count} ready and {queued.Count} waiting transactions after {offered.Count} were sent to it; only one program may use it");
    }

    /// <summary>The next block, or null when there is nothing to put into it; a time already reached is acknowledged here.</summary>
    private JournalBlock? Plan(List<Submission> batch, List<Submission> offered)
    {
        var head = Head;
        ulong timestamp = Math.Max(head.Timestamp + 1, (ulong)_time.GetUtcNow().ToUnixTimeSeconds());
        bool wanted = offered.Count > 0;
        foreach (var advance in batch.Where(s => s.Transaction is null))
        {
            if (advance.Timestamp <= head.Timestamp)
                continue; // acknowledged with the head as it is
            wanted = true;
            timestamp = Math.Max(head.Timestamp + 1, advance.Timestamp ?? timestamp);
        }
        if (wanted)
            return new JournalBlock(head.Number + 1, timestamp, head.Hash, [.. offered.Select(s => s.Transaction!.Raw)]);
        foreach (var advance in batch.Where(s => s.Transaction is null))
            advance.Advanced.TrySetResult(head);
        return null;
    }

    /// <summary>Mines what is in the pool as the journaled block, and checks that it became that block.</summary>
    private async Task<Block> MineAsync(JournalBlock block)
    {
        await Client.SendAsync("evm_setNextBlockTimestamp", [block.Timestamp]).ConfigureAwait(false);
        await Client.SendAsync("evm_mine", []).ConfigureAwait(false);
        var mined = await Client.GetBlockAsync(BlockTag.Latest).ConfigureAwait(false);
        if (mined is null || mined.Number != block.Number || mined.ParentHash != block.ParentHash || mined.Timestamp != block.Timestamp)
            throw new InvalidOperationException($"mining block {block.Number} on {block.ParentHash} at {block.Timestamp}: anvil made block {mined?.Number} on {mined?.ParentHash} at {mined?.Timestamp}; this anvil does not repeat the chain's history: use the version that made it");
        if (block.Transactions.Count > 0) // what had no room must not linger: each block starts from an empty pool, now and in every replay
            await Client.SendAsync("anvil_dropAllTransactions", []).ConfigureAwait(false);
        return mined;
    }

    private async Task AcknowledgeAsync(List<Submission> offered, List<Submission> batch)
    {
        var receipts = offered.Count == 0 ? [] : await Client.BatchAsync(
            [.. offered.Select(s => new RpcRequest("eth_getTransactionReceipt", s.Transaction!.Hash.ToString()))]).ConfigureAwait(false);
        var reader = new RpcReader("eth_getTransactionReceipt", RpcUrl.Authority);
        Receipt?[] parsed = [.. receipts.Select(r => r.ValueKind == JsonValueKind.Null ? null : reader.Receipt(r))]; // all, before any is given out
        foreach (var (submission, receipt) in offered.Zip(parsed))
        {
            if (receipt is not null)
                submission.Mined.TrySetResult(receipt);
            else if (++submission.Offers < MaxOffers)
                _carried.Add(submission); // no room in the block: first in the next; or no longer valid: refused there with the reason
            else
                submission.Fail(Refused($"it was offered to {MaxOffers} blocks and not taken; send it again with a smaller gas limit"));
        }
        foreach (var advance in batch.Where(s => s.Transaction is null))
            advance.Advanced.TrySetResult(Head);
    }

    private async Task RestartAsync()
    {
        for (int attempt = 1; ; attempt++)
        {
            _log.LogWarning(ChainLogEvents.EvmRestarting, "embedded chain: restarting anvil ({State})", _anvil?.Describe());
            try
            {
                await StartNodeAsync(_stop.Token).ConfigureAwait(false);
                return;
            }
            catch (Exception e) when (attempt < MaxRestarts && e is RpcException or InvalidOperationException && !_stop.IsCancellationRequested)
            {
                _log.LogWarning(ChainLogEvents.EvmNotRestarted, "embedded chain: restart {Attempt} failed: {Reason}", attempt, e.Message);
                await Task.Delay(TimeSpan.FromMilliseconds(200 * attempt), _stop.Token).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Starts anvil and brings all journaled blocks back: those after the snapshot by replay, or all of them.</summary>
    private async Task StartNodeAsync(CancellationToken ct)
    {
        var snapshot = ChainSnapshot.Read(SnapshotPath);
        if (snapshot is not null && _journal.Read().Any(r => r.Block.Number == snapshot.Number && r.Digest == snapshot.JournalDigest))
        {
            try
            {
                await StartNodeAsync(snapshot, ct).ConfigureAwait(false);
                return;
            }
            catch (Exception e) when (e is InvalidOperationException or RpcException)
            {
                _log.LogWarning(ChainLogEvents.SnapshotUseless, "embedded chain: the snapshot of block {Block} is of no use, all blocks are replayed: {Reason}", snapshot.Number, e.Message);
                File.Delete(SnapshotPath);
            }
        }
        await StartNodeAsync(null, ct).ConfigureAwait(false);
    }

    private async Task StartNodeAsync(ChainSnapshot? snapshot, CancellationToken ct)
    {
        if (_anvil is not null)
            await _anvil.DisposeAsync().ConfigureAwait(false);
        var state = snapshot is null ? null : Path.Combine(_folder, "state.json");
        try
        {
            snapshot?.Unpack(state!);
            _anvil = await AnvilProcess.StartAsync(_folder, _genesis, _port, Client, state, ct).ConfigureAwait(false);
        }
        finally
        {
            if (state is not null)
                File.Delete(state);
        }
        var balance = Quantity.Of(UInt128.Parse(_genesis.BalanceWei, CultureInfo.InvariantCulture));
        foreach (var account in snapshot is null ? _genesis.Funded : [])
            await Client.SendAsync("anvil_setBalance", [account, balance], ct).ConfigureAwait(false);
        var head = await Client.GetBlockAsync(BlockTag.Latest, ct).ConfigureAwait(false);
        if (head is null || head.Number != (snapshot?.Number ?? 0) || (snapshot is not null && head.Hash != snapshot.Hash))
            throw new InvalidOperationException($"starting the embedded chain: anvil began with block {head?.Number} {head?.Hash}, not with {snapshot?.Number ?? 0} {snapshot?.Hash}");
        foreach (var (block, _) in _journal.Read().SkipWhile(r => r.Block.Number <= head.Number))
        {
            ct.ThrowIfCancellationRequested();
            if (block.ParentHash != head.Hash)
                throw new InvalidOperationException($"replaying block {block.Number}: its journal entry follows {block.ParentHash}, but block {head.Number} is now {head.Hash}; genesis.json or anvil changed: bring back what made this chain");
            foreach (var transaction in block.Transactions)
                await Client.SendRawTransactionAsync(transaction, ct).ConfigureAwait(false);
            head = await MineAsync(block).ConfigureAwait(false);
        }
        _snapshotAt = snapshot?.Number ?? 0;
        Volatile.Write(ref _head, head);
        _log.LogInformation(ChainLogEvents.ChainReady, "embedded chain {ChainId}: at block {Block}", ChainId, head.Number);
    }

    /// <summary>Saves anvil's state, so that the next start need not replay everything. A failure costs only that time.</summary>
    private async Task SnapshotAsync()
    {
        _snapshotAt = Head.Number;
        try
        {
            using var client = new EthClient(RpcUrl, new EthClientLimits { Timeout = TimeSpan.FromMinutes(5), MaxResponseBytes = 512 << 20 });
            var dump = await client.SendAsync("anvil_dumpState", [], _stop.Token).ConfigureAwait(false);
            var state = new RpcReader("anvil_dumpState", RpcUrl.Authority).Data(dump, "result");
            new ChainSnapshot(Head.Number, Head.Hash, _journal.Digest, state).Write(SnapshotPath);
            FaultPoint.Reach("dump.written");
        }
        catch (Exception e) when (e is RpcException or IOException)
        {
            _log.LogWarning(ChainLogEvents.SnapshotNotWritten, "embedded chain: no snapshot of block {Block}: {Reason}", Head.Number, e.Message);
        }
    }

    /// <summary>A transaction, or (without one) a wish for a block, of a certain time or of now.</summary>
    private sealed class Submission
    {
        public SignedTransaction? Transaction { get; init; }

        public ulong? Timestamp { get; init; }

        public int Offers { get; set; }

        public TaskCompletionSource<Receipt> Mined { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource<Block> Advanced { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Fail(Exception reason)
        {
            (Transaction is null ? Advanced.Task : (Task)Mined.Task).ContinueWith(t => t.Exception, TaskContinuationOptions.OnlyOnFaulted); // the submitter may have left
            if (Transaction is null)
                Advanced.TrySetException(reason);
            else
                Mined.TrySetException(reason);
        }
    }
}
