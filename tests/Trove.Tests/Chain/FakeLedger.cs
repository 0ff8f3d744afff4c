using System.Collections.Concurrent;
using Trove.Chain.Relay;
using Trove.Core;

namespace Trove.Tests.Chain;

/// <summary>A process that is killed after a number of steps; each step may be its last, before or after its effect.</summary>
internal sealed class Life(int steps = int.MaxValue)
{
    private int _left = steps;

    public event Action? Died;

    public bool IsOver => Volatile.Read(ref _left) <= 0;

    public void Step()
    {
        if (IsOver)
            throw new IOException("this process is dead");
        if (Interlocked.Decrement(ref _left) != 0)
            return;
        Died?.Invoke();
        throw new IOException("this process has just died");
    }
}

/// <summary>The ledger of one account, shared by processes as a database is: a turn ends with the process that had it.</summary>
internal sealed class FakeLedger
{
    private readonly SemaphoreSlim _turn = new(1);

    public ConcurrentDictionary<Hash32, RelayedTransaction> Unsettled { get; } = new();
    public ConcurrentDictionary<Hash32, RelayedTransaction> Journaled { get; } = new();
    public ConcurrentDictionary<Hash32, RelayedTransaction> Mined { get; } = new();
    public ConcurrentDictionary<Address, UInt128> Reserved { get; } = new();
    public UInt128 All { get; private set; }
    public UInt128 Budget { get; set; } = UInt128.MaxValue / 2;
    public bool FailJournal { get; set; }

    /// <summary>Of the last call.</summary>
    public UInt128 Carried { get; private set; }

    /// <summary>The ledger as one process sees it.</summary>
    public RelayLedger Of(Life life) => new()
    {
        ReserveAsync = (who, wei, _) => Do(life, () =>
        {
            if (wei > Budget)
                return false;
            Budget -= wei;
            Carried = who.Count > 0 ? who[0].Carried : 0;
            All += wei;
            foreach (var one in who)
                Reserved.AddOrUpdate(one.Account, wei / (UInt128)who.Count, (_, before) => before + wei / (UInt128)who.Count);
            return true;
        }),
        EnterAsync = async cancel =>
        {
            life.Step();
            await _turn.WaitAsync(cancel);
            int held = 1;
            void Leave()
            {
                if (Interlocked.Exchange(ref held, 0) == 1)
                    _turn.Release();
            }
            life.Died += Leave;
            if (life.IsOver)
                Leave();
            life.Step();
            return new RelayTurn
            {
                UnsettledAsync = _ => Do<IReadOnlyList<RelayedTransaction>>(life, () => [.. Unsettled.Values]),
                NextNonceAsync = _ => Do(life, () => Journaled.Values.Select(t => t.Nonce + 1).DefaultIfEmpty().Max()),
                JournalAsync = (transaction, _) => Do(life, () =>
                {
                    if (FailJournal)
                        throw new IOException("disk full");
                    Unsettled[transaction.Hash] = transaction;
                    return Journaled[transaction.Hash] = transaction;
                }),
                OfKeyAsync = (key, _) => Do<IReadOnlyList<RelayedTransaction>>(life, () => [.. Mined.Values.Where(t => t.Key == key)]),
                ReopenAsync = (first, end, cancel) => Do<IReadOnlyList<RelayedTransaction>>(life, () =>
                {
                    var reopened = Journaled.Values.Where(t => t.Nonce >= first && t.Nonce < end).ToList();
                    foreach (var t in reopened)
                    {
                        Unsettled[t.Hash] = t;
                        Mined.TryRemove(t.Hash, out _);
                    }
                    return reopened;
                }),
                SettleAsync = (nonce, receipt, cancel) => Do(life, () =>
                {
                    foreach (var t in Unsettled.Values.Where(t => t.Nonce == nonce))
                    {
                        if (receipt is not null)
                            Mined[t.Hash] = t;
                        Unsettled.TryRemove(t.Hash, out _);
                    }
                    return true;
                }),
                KeepAsync = _ => Do(life, () => true),
                LeaveAsync = () =>
                {
                    Leave();
                    return Task.CompletedTask;
                },
            };
        },
    };

    // Killed before it, or after it and before anybody heard of it.
    private static Task<T> Do<T>(Life life, Func<T> effect)
    {
        life.Step();
        var result = effect();
        life.Step();
        return Task.FromResult(result);
    }
}
