using System.Buffers.Binary;
using System.Threading.Channels;
using Trove.Chain.Durability;
using Trove.Chain.Rpc;
using Trove.Core;
using Trove.Crypto;

namespace Trove.Chain.Relay;

/// <summary>
/// Pays gas for calls that members have authorised by signature. One call at a time, in order: take the turn, finish what is
/// unsettled or was dropped by a reorganisation, simulate, reserve budget, sign, journal, broadcast, wait. After the journal a call
/// is brought to an end whatever happens, also by another process. Several processes may share the key through one ledger; nothing else may use it: its
/// nonces are what makes sending idempotent.
/// </summary>
public sealed class Relayer : IAsyncDisposable
{
    /// <summary>
    /// Gas to add to an estimate. A node may estimate at the second of the last block, where a vote's checkpoint is overwritten that a
    /// later second adds: two fresh storage slots (EIP-2929: 22,100 each).
    /// </summary>
    public const ulong LaterGas = 50_000;

    private const int BumpPercent = 25; // nodes replace a pending transaction from 10 % on; less often is better
    private const ulong MostReopened = 64; // at a time; what is beyond follows

    private readonly EthClient _client;
    private readonly SigningKey _key;
    private readonly RelayerOptions _options;
    private readonly RelayLedger _ledger;
    private readonly ulong _chainId;
    private readonly Channel<Item> _queue;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _loop;
    private volatile bool _ended;

    private Relayer(EthClient client, SigningKey key, RelayerOptions options, RelayLedger ledger, ulong chainId)
    {
        (_client, _key, _options, _ledger, _chainId) = (client, key, options, ledger, chainId);
        _queue = Channel.CreateBounded<Item>(new BoundedChannelOptions(options.MaxQueued) { SingleReader = true });
        _loop = Task.Run(RunAsync);
    }

    /// <summary>The account that pays.</summary>
    public Address Address => _key.Address;

    /// <summary>Ends after disposal.</summary>
    public Task Completion => _loop;

    /// <summary>Starts a relayer; what other processes left unsettled is finished in the background.</summary>
    /// <exception cref="RpcException">The node does not answer.</exception>
    public static async Task<Relayer> StartAsync(EthClient client, SigningKey key, RelayerOptions options, RelayLedger ledger, CancellationToken cancel = default) =>
        new(client, key, options, ledger, await client.ChainIdAsync(cancel).ConfigureAwait(false));

    /// <summary>Queues a call and returns when it is in a block, or why it is not sent.</summary>
    /// <exception cref="InvalidOperationException">The relayer has stopped; a call that was journaled goes on in another process or at the next start.</exception>
    public Task<RelayResult> RelayAsync(RelayRequest request, CancellationToken cancel = default)
    {
        if (request.Call.Data.Length < 4 || !_options.Allows(request.Call.To, BinaryPrimitives.ReadUInt32BigEndian(request.Call.Data)))
            return Task.FromResult(new RelayResult(null, RelayRefusal.NotAllowed, $"the relayer does not pay for this function of {request.Call.To}; send it from an account with ether"));
        var item = new Item(request);
        if (!_queue.Writer.TryWrite(item))
            return _ended ? Task.FromException<RelayResult>(Stopped()) : Task.FromResult(new RelayResult(null, RelayRefusal.Busy, "too many calls are waiting for the relayer; try again in a moment"));
        return item.Done.Task.WaitAsync(cancel);
    }

    /// <summary>Takes no more calls and waits until those it has are mined, at most <paramref name="limit"/>.</summary>
    public async Task DrainAsync(TimeSpan limit)
    {
        _queue.Writer.TryComplete();
        await Task.WhenAny(_loop, Task.Delay(limit)).ConfigureAwait(false);
    }

    /// <summary>Stops after the current look; what is journaled goes on at the next start.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(false);
    }

    private async Task RunAsync()
    {
        bool unsettled = true; // at start: what a former process left
        try
        {
            while (true)
            {
                if (!_queue.Reader.TryRead(out var item) && _queue.Reader.Completion.IsCompleted)
                    break; // drained
                unsettled = item is not null || unsettled
                    ? !await TakeTurnAsync(item).ConfigureAwait(false)
                    : !await WaitAsync().ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // asked to stop
        }
        finally
        {
            _ended = true;
            _queue.Writer.TryComplete();
            while (_queue.Reader.TryRead(out var left))
                left.Done.TrySetException(Stopped());
        }
    }

    // False when nothing came: time to look after what others may have left.
    private async Task<bool> WaitAsync()
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        limit.CancelAfter(_options.TakeOver);
        try
        {
            return await _queue.Reader.WaitToReadAsync(limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!_stop.IsCancellationRequested)
        {
            return false;
        }
    }

    /// <summary>One turn: what is unsettled, then the item, if any. False when it was lost on the way.</summary>
    private async Task<bool> TakeTurnAsync(Item? item)
    {
        RelayTurn? turn = null;
        try
        {
            turn = await _ledger.EnterAsync(_stop.Token).ConfigureAwait(false);
            var unsettled = await turn.UnsettledAsync(_stop.Token).ConfigureAwait(false);
            foreach (var action in unsettled.GroupBy(t => t.Nonce).OrderBy(g => g.Key))
                await FinishAsync(turn, [.. action]).ConfigureAwait(false);
            await RestoreAsync(turn).ConfigureAwait(false);
            if (item is not null)
                item.Done.TrySetResult(await RelayOneAsync(turn, item.Request).ConfigureAwait(false));
            return true;
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            item?.Done.TrySetException(Stopped());
            throw;
        }
        catch (Exception e)
        {
            _options.Warn($"the relayer {Address} lost its turn: {e.Message}");
            item?.Done.TrySetResult(new RelayResult(null, RelayRefusal.Unavailable, "the relayer's journal cannot be written now, and the call may have been sent or not; look at the asset's state before you try again"));
            if (item is null)
                await Task.Delay(_options.Poll, _stop.Token).ConfigureAwait(false);
            return false;
        }
        finally
        {
            if (turn is not null)
                await turn.LeaveAsync().ConfigureAwait(false);
        }
    }

    private async Task<RelayResult> RelayOneAsync(RelayTurn turn, RelayRequest request)
    {
        RelayedTransaction relayed;
        try
        {
            if (request.Key is { } key && await turn.OfKeyAsync(key, _stop.Token).ConfigureAwait(false) is { Count: > 0 } before)
                return await FindAsync(before).ConfigureAwait(false) is { } mined ? new RelayResult(mined)
                    : new RelayResult(null, RelayRefusal.Unavailable, "it was mined before, and the chain's node does not have the receipt yet; ask again in a moment");
            // "pending": the time of the next block, which deadlines and time locks are judged by.
            var returned = await _client.CallAsync(request.Call, Address, BlockTag.Pending, _stop.Token).ConfigureAwait(false);
            if (request.Carries is { } carries)
            {
                var amount = AmountOf(returned);
                if (amount == 0)
                    return new RelayResult(null, RelayRefusal.Needless, "nothing is left to do");
                request = request with { Beneficiaries = [.. request.Beneficiaries.Select(b => b with { Carried = carries(amount) })] };
            }
            ulong gas = await _client.EstimateGasAsync(request.Call, Address, _stop.Token).ConfigureAwait(false);
            gas = gas > ulong.MaxValue / 2 ? gas : gas + gas / 10 + LaterGas; // state may change before it is mined
            if (gas > _options.MaxGas)
                return new RelayResult(null, RelayRefusal.TooMuchGas, $"the call takes {gas} gas, the relayer pays for {_options.MaxGas}; split it");
            var fees = await _client.SuggestFeesAsync(_stop.Token).ConfigureAwait(false);
            if (fees.BaseFee > _options.MaxFeePerGas)
                return new RelayResult(null, RelayRefusal.FeesTooHigh, $"gas costs {fees.BaseFee} wei now, the relayer pays at most {_options.MaxFeePerGas}; try again later");
            // Twice the base fee stays valid for six full blocks (EIP-1559: at most 12.5 % more a block).
            var tip = Min(fees.PriorityFee, _options.MaxFeePerGas);
            var fee = Min(checked(fees.BaseFee * 2) > _options.MaxFeePerGas - tip ? _options.MaxFeePerGas : fees.BaseFee * 2 + tip, _options.MaxFeePerGas);
            // A node that is a block behind would have us use a nonce twice, a fresh database one of before it.
            ulong count = await _client.GetTransactionCountAsync(Address, BlockTag.Latest, _stop.Token).ConfigureAwait(false);
            relayed = Sign(request, Math.Max(count, await turn.NextNonceAsync(_stop.Token).ConfigureAwait(false)), gas, fee, tip);
        }
        catch (RpcException e) when (e.Failure == RpcFailure.Reverted)
        {
            return new RelayResult(null, RelayRefusal.Reverts, e.Reason, e.Revert);
        }
        catch (RpcException e)
        {
            return new RelayResult(null, RelayRefusal.Unavailable, e.Message);
        }
        catch (OverflowException)
        {
            return new RelayResult(null, RelayRefusal.FeesTooHigh, "the node asks for more wei than exist; use another node");
        }
        try
        {
            if (!await _ledger.ReserveAsync(request.Beneficiaries, relayed.MaxCost, _stop.Token).ConfigureAwait(false))
                return new RelayResult(null, RelayRefusal.OverBudget, "the gas budget is used up; try again later, or send it from an account with ether");
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            _options.Warn($"the relayer cannot check the budget of {request.Beneficiaries[0].Account}: {e.Message}");
            return new RelayResult(null, RelayRefusal.Unavailable, "the gas budget cannot be checked now; try again in a moment");
        }
        await turn.JournalAsync(relayed, _stop.Token).ConfigureAwait(false);
        FaultPoint.Reach("relay.journaled");
        var receipt = await FinishAsync(turn, [relayed]).ConfigureAwait(false);
        return receipt is null
            ? new RelayResult(null, RelayRefusal.Unavailable, "the node refused the transaction after its simulation, or another took its nonce; try again")
            : new RelayResult(receipt);
    }

    // A word, or as much of it as fits.
    private static UInt128 AmountOf(byte[] returned) => returned.Length != Hash32.Size ? 0
        : returned.AsSpan(0, 16).ContainsAnyExcept((byte)0) ? UInt128.MaxValue : BinaryPrimitives.ReadUInt128BigEndian(returned.AsSpan(16));

    // Brings one journaled action to its end: broadcast, look, bump. Whatever the node says in between, it goes on.
    private async Task<Receipt?> FinishAsync(RelayTurn turn, List<RelayedTransaction> versions)
    {
        ulong nonce = versions[0].Nonce;
        bool accepted = false;
        for (int polls = 0; ; polls++)
        {
            string? refusal = null;
            try
            {
                if (await FindAsync(versions).ConfigureAwait(false) is { } receipt)
                    return await SettleAsync(turn, nonce, receipt, _stop.Token).ConfigureAwait(false);
                ulong count = await _client.GetTransactionCountAsync(Address, BlockTag.Latest, _stop.Token).ConfigureAwait(false);
                if (count < nonce)
                    await ReopenAsync(turn, count, nonce).ConfigureAwait(false);
                if (count > nonce && polls > 2) // a node behind a balancer may know the count before the receipt
                {
                    _options.Warn($"nonce {nonce} of the relayer {Address} was used by a transaction that is not its own; use its key nowhere else");
                    return await SettleAsync(turn, nonce, null, _stop.Token).ConfigureAwait(false);
                }
                if (polls > 0 && polls % _options.BumpAfterPolls == 0)
                {
                    await BumpAsync(turn, versions).ConfigureAwait(false);
                    accepted = false; // sent again even without a bump: nodes forget what waits long
                }
                if (!accepted)
                {
                    await _client.SendRawTransactionAsync(versions[^1].Raw, _stop.Token).ConfigureAwait(false);
                    accepted = true;
                    continue; // an embedded chain has it in a block by now: look at once
                }
            }
            catch (RpcException e)
            {
                refusal = e.Message; // "already known", "nonce too low", a node that is down: the next look tells
            }
            if (refusal is not null && polls % _options.BumpAfterPolls == 0)
                _options.Warn($"the relayer's transaction {versions[^1].Hash} waits: {refusal}");
            await Task.Delay(_options.Poll, _stop.Token).ConfigureAwait(false);
            await turn.KeepAsync(_stop.Token).ConfigureAwait(false);
        }
    }

    private async Task<Receipt?> FindAsync(IReadOnlyList<RelayedTransaction> versions)
    {
        var receipts = await _client.GetTransactionReceiptsAsync([.. versions.Select(v => v.Hash)], _stop.Token).ConfigureAwait(false);
        return receipts.FirstOrDefault(r => r is not null);
    }

    // A reorganisation may have dropped the last transactions when nobody was calling.
    private async Task RestoreAsync(RelayTurn turn)
    {
        ulong next = await turn.NextNonceAsync(_stop.Token).ConfigureAwait(false);
        ulong count;
        try
        {
            count = await _client.GetTransactionCountAsync(Address, BlockTag.Latest, _stop.Token).ConfigureAwait(false);
        }
        catch (RpcException)
        {
            return; // whoever calls is told so, and the next turn looks again
        }
        if (count < next)
            await ReopenAsync(turn, count, next).ConfigureAwait(false);
    }

    // Later nonces wait for these for ever, so they are brought to an end once more, lowest first. Where the node is only behind, their
    // receipts come with its next block.
    private async Task ReopenAsync(RelayTurn turn, ulong first, ulong end)
    {
        var dropped = await turn.ReopenAsync(first, Math.Min(end, first + MostReopened), _stop.Token).ConfigureAwait(false);
        if (dropped.Count > 0)
            _options.Warn($"the chain does not have the relayer's nonces from {first} on that were mined before; they are sent again");
        foreach (var action in dropped.GroupBy(t => t.Nonce).OrderBy(g => g.Key))
            await FinishAsync(turn, [.. action]).ConfigureAwait(false);
    }

    private async Task BumpAsync(RelayTurn turn, List<RelayedTransaction> versions)
    {
        var last = versions[^1];
        var before = SignedTransaction.Decode(last.Raw).Transaction;
        var fee = before.MaxFeePerGas + before.MaxFeePerGas * BumpPercent / 100 + 1;
        var tip = before.MaxPriorityFeePerGas + before.MaxPriorityFeePerGas * BumpPercent / 100 + 1;
        if (fee > _options.MaxFeePerGas)
        {
            _options.Warn($"the relayer's transaction {last.Hash} is stuck at its highest fee, {before.MaxFeePerGas} wei per gas");
            return;
        }
        var signed = (before with { MaxFeePerGas = fee, MaxPriorityFeePerGas = Min(tip, fee) }).Sign(_key);
        var bumped = last with { Hash = signed.Hash, Raw = signed.Raw, MaxCost = signed.Transaction.MaxCost };
        // All pay: one whose budget is used up would hold up everybody behind.
        if (!await _ledger.ReserveAsync([], bumped.MaxCost - last.MaxCost, _stop.Token).ConfigureAwait(false))
            return; // no budget for haste: it waits at its fee
        await turn.JournalAsync(bumped, _stop.Token).ConfigureAwait(false);
        versions.Add(bumped);
    }

    private static async Task<Receipt?> SettleAsync(RelayTurn turn, ulong nonce, Receipt? receipt, CancellationToken cancel)
    {
        await turn.SettleAsync(nonce, receipt, cancel).ConfigureAwait(false);
        return receipt;
    }

    private RelayedTransaction Sign(RelayRequest request, ulong nonce, ulong gas, UInt128 fee, UInt128 tip)
    {
        var signed = new Transaction
        {
            ChainId = _chainId,
            Nonce = nonce,
            MaxPriorityFeePerGas = tip,
            MaxFeePerGas = fee,
            GasLimit = gas,
            To = request.Call.To,
            Data = request.Call.Data,
        }.Sign(_key);
        return new RelayedTransaction(request.Beneficiaries[0].Account, nonce, signed.Hash, signed.Raw, signed.Transaction.MaxCost, request.Key);
    }

    private static UInt128 Min(UInt128 a, UInt128 b) => a < b ? a : b;

    private static InvalidOperationException Stopped() => new("the relayer has stopped; a call that was journaled goes on in another process, or when the node starts again");

    private sealed record Item(RelayRequest Request)
    {
        public TaskCompletionSource<RelayResult> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
