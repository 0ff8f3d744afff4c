using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Trove.Chain.Rpc;
using Trove.Core;

namespace Trove.Chain.Embedded;

/// <summary>How an embedded chain is started.</summary>
public sealed record EmbeddedChainOptions
{
    /// <summary>The chain's own folder; created when missing. One process at a time.</summary>
    public required string Folder { get; init; }

    /// <summary>The account that gets the ether when the chain is created: the relayer's.</summary>
    public required Address Funded { get; init; }

    /// <summary>Takes what went wrong without stopping the chain (a torn record, a restart of the EVM, a failed snapshot).</summary>
    public required Action<string> Warn { get; init; }

    /// <summary>A snapshot is taken after this many blocks, and after an eighth of all blocks when that is more.</summary>
    public int SnapshotEvery { get; init; } = 256;

    /// <summary>The wall clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}

/// <summary>What became of a submitted transaction: a receipt, or why it was not taken. Exactly one is set.</summary>
public sealed record SubmitResult(Receipt? Receipt, string? Refusal);

/// <summary>
/// A chain in one process, for asset groups that trust their operator (specs/embedded-chain.md). This class is the only
/// producer of blocks: it journals and fsyncs (time, ordered raw transactions), mines, then acknowledges. The EVM (anvil)
/// keeps nothing; when it dies it is started again and replays the journal to the same block hashes. The chain's clock
/// never runs backwards, and moves only with blocks.
/// </summary>
public sealed class EmbeddedChain : IAsyncDisposable
{
    private const int MaxQueued = 4096;      // submissions waiting; beyond it callers are told to come back
    private const int MaxPerBlock = 500;     // bounds a block's journal record and the time to its acknowledgement
    private const int MaxBlockBytes = 32 << 20;
    private const int MaxRecoveries = 3;     // for one block; an EVM that dies on every replay will not get better

    private readonly EmbeddedChainOptions _options;
    private readonly ChainGenesis _genesis;
    private readonly FileStream _lock;
    private readonly BlockJournal _journal;
    private readonly Channel<Work> _queue = Channel.CreateBounded<Work>(new BoundedChannelOptions(MaxQueued) { SingleReader = true });
    private readonly ConcurrentDictionary<Hash32, Submission> _pending = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _loop;
    private volatile TaskCompletionSource<Anvil> _evm = NewEvm();
    private Block _head = null!;
    private ulong _lastSnapshot;
    private Exception? _fault;
    private volatile bool _ended;
    private long _aheadSeconds; // of the chain's clock before the wall clock, after AdvanceTo

    private EmbeddedChain(EmbeddedChainOptions options, ChainGenesis genesis, FileStream folderLock, BlockJournal journal)
    {
        (_options, _genesis, _lock, _journal) = (options, genesis, folderLock, journal);
        _loop = Task.Run(RunAsync);
    }

    /// <summary>The chain's id.</summary>
    public ulong ChainId => _genesis.ChainId;

    /// <summary>The newest block; everything up to it is durable.</summary>
    public Block Head => Volatile.Read(ref _head);

    /// <summary>Faults when the chain had to stop (a full disk, a damaged journal), with the reason; ends after disposal.</summary>
    public Task Completion => _loop;

    /// <summary>Process id of the running EVM, for tests that kill it.</summary>
    internal int EvmProcessId => _evm.Task.IsCompletedSuccessfully ? _evm.Task.Result.ProcessId : 0;

    /// <summary>Starts the chain in a folder, or creates it there; returns when all acknowledged blocks are back.</summary>
    /// <exception cref="IOException">The folder is in use, or its files are damaged or do not belong together.</exception>
    /// <exception cref="InvalidOperationException">The EVM did not start, or made other blocks than the journal says.</exception>
    public static async Task<EmbeddedChain> StartAsync(EmbeddedChainOptions options, CancellationToken cancel = default)
    {
        var folder = Directory.CreateDirectory(options.Folder).FullName;
        options = options with { Folder = folder };
        _ = NativePrograms.Anvil(); // the clearest error first
        FileStream folderLock;
        try
        {
            folderLock = new FileStream(Path.Combine(folder, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException)
        {
            throw new IOException($"the embedded chain in {folder} is in use by another process; stop that one first");
        }
        BlockJournal? journal = null;
        EmbeddedChain? chain = null;
        try
        {
            var genesis = await GenesisAsync(options, cancel).ConfigureAwait(false);
            journal = BlockJournal.Open(Path.Combine(folder, "blocks.journal"), genesis.Id);
            if (journal.DroppedBytes > 0)
                options.Warn($"the journal's last record ({journal.DroppedBytes} bytes) was cut short by a crash; it was never acknowledged and has been set aside");
            chain = new EmbeddedChain(options, genesis, folderLock, journal);
            var ready = chain._evm.Task;
            await Task.WhenAny(ready, chain._loop).WaitAsync(cancel).ConfigureAwait(false);
            if (!ready.IsCompletedSuccessfully)
                await chain._loop.ConfigureAwait(false); // throws the reason
            return chain;
        }
        catch
        {
            if (chain is not null)
            {
                await chain.DisposeAsync().ConfigureAwait(false);
            }
            else
            {
                journal?.Dispose();
                folderLock.Dispose();
            }
            throw;
        }
    }

    /// <summary>
    /// Takes a raw signed transaction and returns when it is executed in a durable block, or why it is not taken.
    /// Submitting the same transaction again gives the same receipt.
    /// </summary>
    /// <exception cref="InvalidOperationException">The chain has stopped; the transaction may or may not be in it.</exception>
    public Task<SubmitResult> SubmitAsync(byte[] raw, CancellationToken cancel = default)
    {
        SignedTransaction transaction;
        try
        {
            transaction = SignedTransaction.Decode(raw);
        }
        catch (RlpException e)
        {
            return Task.FromResult(new SubmitResult(null, e.Message));
        }
        if (transaction.Transaction.ChainId != ChainId)
            return Task.FromResult(new SubmitResult(null, $"signed for chain {transaction.Transaction.ChainId}, this is chain {ChainId}; sign it for this one"));
        if (transaction.Transaction.GasLimit > Head.GasLimit)
            return Task.FromResult(new SubmitResult(null, $"a gas limit of {transaction.Transaction.GasLimit}; a block holds {Head.GasLimit}"));

        var submission = new Submission(transaction);
        var first = _pending.GetOrAdd(transaction.Hash, submission);
        if (ReferenceEquals(first, submission) && !_queue.Writer.TryWrite(submission))
        {
            if (_ended)
                submission.Fail(Stopped());
            Finish(submission, new SubmitResult(null, "too many transactions are waiting; try again in a moment"));
        }
        return first.Done.Task.WaitAsync(cancel);
    }

    /// <summary>Mines a block with this time (seconds since 1970), or at once when the chain is already there or later.</summary>
    /// <exception cref="InvalidOperationException">The chain has stopped, or too much is waiting.</exception>
    public Task<Block> AdvanceToAsync(ulong timestamp, CancellationToken cancel = default)
    {
        if (timestamp > (ulong)DateTimeOffset.MaxValue.ToUnixTimeSeconds())
            throw new ArgumentOutOfRangeException(nameof(timestamp), "a time in seconds since 1970 before the year 10000");
        var advance = new Advance(timestamp);
        if (!_queue.Writer.TryWrite(advance))
            throw _ended ? Stopped() : new InvalidOperationException("too much is waiting for the embedded chain; try again in a moment");
        return advance.Done.Task.WaitAsync(cancel);
    }

    /// <summary>A JSON-RPC endpoint for strangers: reading methods, and transactions through the producer.</summary>
    public EthProxy CreateProxy() => new(ReadAsync, SubmitAsync);

    /// <summary>A client of this chain within this process, through a proxy of its own. Disposed by the caller.</summary>
    public EthClient CreateClient() => new(new Uri("http://127.0.0.1/"), new EthClientLimits { Timeout = TimeSpan.FromMinutes(5) }, new EthProxy.Handler(CreateProxy()));

    /// <summary>Stops producing blocks, ends the EVM and releases the folder. What was acknowledged is on the disk already.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        try
        {
            await _loop.ConfigureAwait(false);
        }
        catch (Exception)
        {
            // Whoever watches Completion has it; here only the end matters.
        }
        _journal.Dispose();
        _lock.Dispose();
    }

    private static async Task<ChainGenesis> GenesisAsync(EmbeddedChainOptions options, CancellationToken cancel)
    {
        var path = Path.Combine(options.Folder, "genesis.json");
        if (!File.Exists(path))
        {
            if (File.Exists(Path.Combine(options.Folder, "blocks.journal")))
                throw new JournalException($"{path} is missing beside a journal of blocks; restore it from a backup, every block depends on it");
            var now = options.Time.GetUtcNow();
            await using var evm = await Anvil.StartAsync(options.Folder, 1, 0, null, cancel).ConfigureAwait(false);
            ChainGenesis.Create(options.Funded, now, await evm.VersionAsync(cancel).ConfigureAwait(false)).Write(path);
        }
        var genesis = ChainGenesis.Read(path);
        return genesis.Funded == options.Funded ? genesis : throw new JournalException(
            $"the embedded chain in {options.Folder} was created for the relayer {genesis.Funded}, not {options.Funded}; restore that relayer's key, or start in another folder");
    }

    // The only writer of _head, the journal and the EVM.
    private async Task RunAsync()
    {
        Work[] batch = [];
        try
        {
            await OpenEvmAsync().ConfigureAwait(false);
            Task<bool>? more = null;
            int failures = 0;
            while (true)
            {
                if (batch.Length == 0)
                {
                    more ??= _queue.Reader.WaitToReadAsync(_stop.Token).AsTask();
                    await Task.WhenAny(more, _evm.Task.Result.Exited).ConfigureAwait(false);
                    if (more.IsCompleted)
                    {
                        await more.ConfigureAwait(false); // throws when asked to stop; nothing else completes the queue
                        more = null;
                    }
                    (batch, failures) = (Take(), 0);
                }
                try
                {
                    if (_evm.Task.Result.Exited.IsCompleted)
                        throw new InvalidOperationException("the embedded chain's EVM has ended");
                    batch = batch is [Advance advance] ? await AdvanceAsync(advance).ConfigureAwait(false) : await ProduceAsync([.. batch.Cast<Submission>()]).ConfigureAwait(false);
                }
                catch (Exception e) when (e is RpcException or InvalidOperationException && ++failures <= MaxRecoveries)
                {
                    _options.Warn($"the embedded chain's EVM failed and is started again: {e.Message}");
                    await OpenEvmAsync().ConfigureAwait(false); // what was journaled is mined by the replay; the batch then finds its receipts
                }
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // asked to stop
        }
        catch (Exception e)
        {
            _fault = e;
            throw;
        }
        finally
        {
            _ended = true;
            _queue.Writer.TryComplete();
            while (_queue.Reader.TryRead(out var left))
                left.Fail(Stopped());
            foreach (var work in batch.Concat(_pending.Values))
                work.Fail(Stopped());
            _pending.Clear();
            await CloseEvmAsync().ConfigureAwait(false);
        }
    }

    private Work[] Take()
    {
        var taken = new List<Work>();
        ulong gas = 0;
        long bytes = 0;
        while (taken.Count < MaxPerBlock && _queue.Reader.TryPeek(out var next))
        {
            if (next is Advance && taken.Count > 0)
                break;
            if (next is Submission { Transaction: var transaction })
            {
                gas += transaction.Transaction.GasLimit;
                bytes += transaction.Raw.Length;
                if (taken.Count > 0 && (gas > Head.GasLimit || bytes > MaxBlockBytes))
                    break;
            }
            _queue.Reader.TryRead(out _);
            taken.Add(next);
            if (next is Advance)
                break;
        }
        return [.. taken];
    }

    private async Task<Work[]> AdvanceAsync(Advance advance)
    {
        var block = await MineAsync(Math.Max(Now(), advance.Timestamp), []).ConfigureAwait(false);
        _aheadSeconds = Math.Max(0, (long)block.Timestamp - WallClock());
        advance.Done.TrySetResult(block);
        await SnapshotAsync().ConfigureAwait(false);
        return [];
    }

    private async Task<Work[]> ProduceAsync(Submission[] batch)
    {
        if (batch.Length == 0)
            return [];
        var client = _evm.Task.Result.Client;
        var known = await client.GetTransactionReceiptsAsync([.. batch.Select(s => s.Transaction.Hash)], _stop.Token).ConfigureAwait(false);
        var fees = await client.SuggestFeesAsync(_stop.Token).ConfigureAwait(false);
        var nonces = new Dictionary<Address, ulong>();
        var accepted = new List<Submission>();
        for (int i = 0; i < batch.Length; i++)
        {
            var (transaction, sender) = (batch[i].Transaction.Transaction, batch[i].Transaction.Sender);
            if (known[i] is { } receipt)
            {
                Finish(batch[i], new SubmitResult(receipt, null));
                continue;
            }
            if (!nonces.TryGetValue(sender, out ulong expected))
                nonces[sender] = expected = await client.GetTransactionCountAsync(sender, BlockTag.Latest, _stop.Token).ConfigureAwait(false);
            var refusal = transaction.Nonce != expected ? $"nonce {transaction.Nonce} where {sender} is at {expected}; sign it with that nonce"
                : transaction.MaxFeePerGas < fees.BaseFee ? $"a fee of {transaction.MaxFeePerGas} wei per gas; the next block takes {fees.BaseFee}"
                : await OfferAsync(client, batch[i].Transaction.Raw).ConfigureAwait(false);
            if (refusal is null)
            {
                nonces[sender]++;
                accepted.Add(batch[i]);
            }
            else
            {
                Finish(batch[i], new SubmitResult(null, refusal));
            }
        }
        if (accepted.Count == 0)
            return [];

        await MineAsync(Now(), [.. accepted.Select(s => s.Transaction.Raw)]).ConfigureAwait(false);
        var receipts = await client.GetTransactionReceiptsAsync([.. accepted.Select(s => s.Transaction.Hash)], _stop.Token).ConfigureAwait(false);
        for (int i = 0; i < accepted.Count; i++)
            Finish(accepted[i], receipts[i] is { } receipt ? new SubmitResult(receipt, null)
                : new SubmitResult(null, "the block was mined without it, because transactions before it spent what it needed; sign it again"));
        await SnapshotAsync().ConfigureAwait(false);
        return [];
    }

    // The EVM's pool judges balance, intrinsic gas and code size; its words go to the submitter.
    private async Task<string?> OfferAsync(EthClient client, byte[] raw)
    {
        try
        {
            await client.SendRawTransactionAsync(raw, _stop.Token).ConfigureAwait(false);
            return null;
        }
        catch (RpcException e) when (e.Failure is RpcFailure.Refused or RpcFailure.Reverted)
        {
            return e.Reason;
        }
    }

    // The order is the promise: journal, fsync, mine. An exception after the append leads to a replay of what was appended.
    private async Task<Block> MineAsync(ulong timestamp, IReadOnlyList<byte[]> transactions)
    {
        var previous = Head;
        _journal.Append(new JournaledBlock(previous.Number + 1, timestamp, previous.Hash, transactions));
        var block = await _evm.Task.Result.MineAsync(timestamp, _stop.Token).ConfigureAwait(false);
        if (block.Number != previous.Number + 1 || block.ParentHash != previous.Hash || block.Timestamp != timestamp)
            throw new InvalidOperationException($"the EVM made another block {block.Number} than was asked for");
        Volatile.Write(ref _head, block);
        return block;
    }

    private async Task OpenEvmAsync()
    {
        await CloseEvmAsync().ConfigureAwait(false);
        var snapshot = ChainSnapshot.TryRead(_options.Folder, _genesis.Id);
        if (snapshot is not null && snapshot.Block <= _journal.LastNumber)
        {
            try
            {
                await OpenEvmAsync(snapshot).ConfigureAwait(false);
                return;
            }
            catch (Exception e) when (e is InvalidOperationException or RpcException or JournalException)
            {
                _options.Warn($"the snapshot at block {snapshot.Block} is of no use, the journal is replayed from its start: {e.Message}");
                await CloseEvmAsync().ConfigureAwait(false);
            }
        }
        await OpenEvmAsync(null).ConfigureAwait(false);
    }

    private async Task OpenEvmAsync(ChainSnapshot? snapshot)
    {
        var cancel = _stop.Token;
        var evm = await Anvil.StartAsync(_options.Folder, _genesis.ChainId, _genesis.Timestamp, snapshot?.StateFile, cancel).ConfigureAwait(false);
        try
        {
            if (snapshot is null)
                await evm.SetBalanceAsync(_genesis.Funded, ChainGenesis.Funding, cancel).ConfigureAwait(false);
            var head = await evm.Client.GetBlockAsync(BlockTag.Latest, cancel).ConfigureAwait(false);
            if (head is null || head.Number != (snapshot?.Block ?? 0) || (snapshot is not null && head.Hash != snapshot.Hash))
                throw new InvalidOperationException($"the EVM starts at block {head?.Number}, not at {snapshot?.Block ?? 0} with the hash expected");
            foreach (var block in _journal.ReadFrom(snapshot?.JournalPosition ?? BlockJournal.Start))
                head = await ReplayAsync(evm, head, block, cancel).ConfigureAwait(false);
            if (head.Number != _journal.LastNumber)
                throw new JournalException($"the journal in {_options.Folder} ends at block {_journal.LastNumber}, its replay at {head.Number}");
            if (_head is { } before && before.Number == head.Number && before.Hash != head.Hash)
                throw new InvalidOperationException($"the replay of {_options.Folder} ends with the hash {head.Hash} of block {head.Number}, which was {before.Hash}; restore the folder from a backup");
            Volatile.Write(ref _head, head);
            _lastSnapshot = snapshot?.Block ?? 0;
            _aheadSeconds = Math.Max(0, (long)head.Timestamp - WallClock());
            _evm.SetResult(evm);
        }
        catch
        {
            await evm.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private async Task<Block> ReplayAsync(Anvil evm, Block head, JournaledBlock block, CancellationToken cancel)
    {
        if (block.PreviousHash != head.Hash || block.Number != head.Number + 1)
            throw new InvalidOperationException(
                $"replaying block {block.Number} of {_options.Folder}: the block below has the hash {head.Hash}, the journal says {block.PreviousHash}; " +
                $"use the EVM that made this chain ({_genesis.Engine}), or restore the folder from a backup");
        foreach (var raw in block.Transactions)
            if (await OfferAsync(evm.Client, raw).ConfigureAwait(false) is { } refusal)
                throw new InvalidOperationException($"replaying block {block.Number} of {_options.Folder}: a transaction that was taken once is refused now ({refusal}); use the EVM that made this chain ({_genesis.Engine})");
        return await evm.MineAsync(block.Timestamp, cancel).ConfigureAwait(false);
    }

    private async Task CloseEvmAsync()
    {
        if (!_evm.Task.IsCompletedSuccessfully)
            return;
        var old = _evm.Task.Result;
        _evm = NewEvm();
        await old.DisposeAsync().ConfigureAwait(false);
    }

    private async Task SnapshotAsync()
    {
        var head = Head;
        // A snapshot holds every block: the growing distance keeps the work of all snapshots proportional to the chain.
        if (head.Number - _lastSnapshot < Math.Max((ulong)_options.SnapshotEvery, head.Number / 8))
            return;
        _lastSnapshot = head.Number;
        try
        {
            var state = await _evm.Task.Result.DumpStateAsync(_stop.Token).ConfigureAwait(false);
            ChainSnapshot.Write(_options.Folder, _genesis.Id, head.Number, head.Hash, _journal.Position, state);
        }
        catch (Exception e) when (e is IOException or InvalidDataException or FormatException)
        {
            _options.Warn($"no snapshot at block {head.Number}, the next start takes longer: {e.Message}");
        }
    }

    // A read that meets the EVM's restart waits for it; one that fails on a running EVM is the caller's.
    private async Task<JsonElement> ReadAsync(string method, IReadOnlyList<JsonNode?> parameters, CancellationToken cancel)
    {
        while (true)
        {
            var ready = _evm.Task;
            await Task.WhenAny(ready, _loop).WaitAsync(cancel).ConfigureAwait(false);
            if (!ready.IsCompletedSuccessfully)
                throw Stopped();
            var evm = ready.Result;
            try
            {
                return await evm.Reader.SendAsync(method, parameters, cancel).ConfigureAwait(false);
            }
            catch (Exception e) when (e is RpcException { Failure: RpcFailure.Unreachable } or ObjectDisposedException or OperationCanceledException && !cancel.IsCancellationRequested)
            {
                if (_ended)
                    throw Stopped();
                if (ReferenceEquals(_evm.Task, ready) && !evm.Exited.IsCompleted)
                    await Task.WhenAny(evm.Exited, Task.Delay(TimeSpan.FromSeconds(1), cancel)).ConfigureAwait(false);
                if (ReferenceEquals(_evm.Task, ready) && !evm.Exited.IsCompleted)
                    throw;
                await Task.Delay(20, cancel).ConfigureAwait(false);
            }
        }
    }

    private void Finish(Submission submission, SubmitResult result)
    {
        _pending.TryRemove(submission.Transaction.Hash, out _);
        submission.Done.TrySetResult(result);
    }

    private ulong Now() => Math.Max(Head.Timestamp, (ulong)Math.Max(0, WallClock() + _aheadSeconds));

    private long WallClock() => _options.Time.GetUtcNow().ToUnixTimeSeconds();

    private InvalidOperationException Stopped() => new(
        $"the embedded chain has stopped{(_fault is null ? "" : ": " + _fault.Message)}; start the node again");

    private static TaskCompletionSource<Anvil> NewEvm() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private abstract class Work
    {
        public abstract void Fail(Exception reason);
    }

    private sealed class Submission(SignedTransaction transaction) : Work
    {
        public SignedTransaction Transaction { get; } = transaction;
        public TaskCompletionSource<SubmitResult> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
        public override void Fail(Exception reason) => Done.TrySetException(reason);
    }

    private sealed class Advance(ulong timestamp) : Work
    {
        public ulong Timestamp { get; } = timestamp;
        public TaskCompletionSource<Block> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
        public override void Fail(Exception reason) => Done.TrySetException(reason);
    }
}
