using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace Trove.Models.Compute;

/// <summary>
/// Threads that spin while work keeps coming, for jobs of a few microseconds. The caller of <see cref="Run{T}"/> is one of
/// them. Nothing is allocated per run, and no tile waits for a thread that is slow to wake: whoever is there takes it.
/// </summary>
/// <remarks>
/// <para>Two counters order everything. <c>Tickets</c> counts the tiles not yet taken: who decrements it to t ≥ 0 owns a tile;
/// who gets less owns nothing. Which one, two more counts say: half the threads take tiles from the first on, half from the last on, so that
/// from job to job a thread meets the rows that it wrote itself, in its own cache. They never meet: together they take as many as
/// there are tickets. <c>Unfinished</c> counts the tiles not yet reported as done, and a thread reports what it ran
/// only after a decrement gave it nothing more.</para>
/// <para>1. The caller writes the job's fields, then sets <c>Tickets</c> by an interlocked exchange. A worker reads the fields
/// only while it owns a tile, after its interlocked decrement: it sees the job of its ticket.</para>
/// <para>2. The fields are written again only after <c>Unfinished</c> was zero, which it is not while anybody owns a tile or has
/// one unreported: they stand still while they are read. A late worker finds no ticket, or one of the next job with its fields.</para>
/// <para>3. A thread's interlocked report comes after its tiles' writes, and the caller's volatile read of zero before
/// <see cref="Run{T}"/> returns: the caller sees all tiles.</para>
/// <para>4. A worker that parks increments <c>_parked</c>, then looks at <c>Tickets</c>; the caller sets <c>Tickets</c>, then looks at
/// <c>_parked</c>; both writes are interlocked, full fences. So at least one sees the other, and the lock, held by the worker from its
/// look until it waits, keeps the pulse from falling in between.</para>
/// </remarks>
public sealed unsafe class WorkPool : IDisposable
{
    // Longer than the serial parts between the kernels of a training step, too short for anybody to notice.
    private static readonly long SpinTicks = Stopwatch.Frequency / 2000;

    private readonly object _parking = new();
    private readonly Thread[] _workers;
    private NativeBuffer<byte>? _scratch;
    private Counters _counters;
    private Exception? _fault;
    private int _parked;
    private int _busy;
    private volatile bool _stopped;

    /// <summary>Starts <paramref name="threads"/> − 1 workers.</summary>
    /// <param name="threads">Threads that compute, the caller included; 1 runs everything inline.</param>
    /// <exception cref="ArgumentOutOfRangeException">Not within 1 .. 1024.</exception>
    public WorkPool(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(threads, 1024);
        _workers = new Thread[threads - 1];
        for (int i = 0; i < _workers.Length; i++)
        {
            int worker = i;
            _workers[i] = new Thread(() => Work(fromEnd: worker % 2 == 0)) { IsBackground = true, Name = $"trove-work-{i + 1}" };
            _workers[i].Start();
        }
    }

    /// <summary>Threads that compute, the caller included.</summary>
    public int Threads => _workers.Length + 1;

    /// <summary>Workers that spin no more.</summary>
    internal int Parked => Volatile.Read(ref _parked);

    /// <summary>For tests: other than 0 the tiles come in another order, each number's own, and threads take turns. No result may change.</summary>
    internal uint Disorder { get; set; }

    /// <summary>Runs every tile once and returns when all are done. One caller at a time; a tile must not call it.</summary>
    /// <param name="job">The job; it may lie on the stack, all threads work on it in place.</param>
    /// <param name="tiles">How many tiles there are; 0 or less runs nothing.</param>
    /// <exception cref="InvalidOperationException">A job is running already.</exception>
    /// <exception cref="ObjectDisposedException">After <see cref="Dispose"/>.</exception>
    /// <remarks>An exception of a tile is thrown here once, the first one seen if there are several; tiles not yet begun are then
    /// left out. The pool can be used again.</remarks>
    public void Run<T>(ref T job, int tiles) where T : struct, ITileJob
    {
        Enter();
        try
        {
            if (_workers.Length == 0 || tiles <= 1)
            {
                for (int tile = 0; tile < tiles; tile++)
                    job.Run(Disorder == 0 ? tile : Disordered(tile, tiles));
                return;
            }
            // The job may be a field of an object that the collector would move.
            fixed (byte* pinned = &Unsafe.As<T, byte>(ref job))
                Share<T>(pinned, tiles);
        }
        finally
        {
            Volatile.Write(ref _busy, 0);
        }
    }

    /// <summary>Ends the workers and waits for them; frees the scratch memory.</summary>
    /// <exception cref="InvalidOperationException">A job is running.</exception>
    public void Dispose()
    {
        if (_stopped)
            return;
        Enter();
        _stopped = true;
        Volatile.Write(ref _busy, 0);
        lock (_parking)
            Monitor.PulseAll(_parking);
        foreach (var worker in _workers)
            worker.Join();
        _scratch?.Dispose();
    }

    /// <summary>Memory for the job about to run, 64-byte aligned, of undefined content; the next call may move it.</summary>
    internal T* Scratch<T>(long length) where T : unmanaged
    {
        long bytes = checked(length * sizeof(T));
        if (_scratch is null || _scratch.Length < bytes)
        {
            _scratch?.Dispose();
            _scratch = null; // should the allocation fail
            _scratch = new NativeBuffer<byte>(checked(bytes + bytes / 4));
        }
        return (T*)_scratch.Pointer;
    }

    private void Enter()
    {
        if (Interlocked.CompareExchange(ref _busy, 1, 0) != 0)
            throw new InvalidOperationException("WorkPool: a job is running already; a pool has one caller at a time, and tiles do not nest");
        if (_stopped)
        {
            Volatile.Write(ref _busy, 0);
            throw new ObjectDisposedException(nameof(WorkPool));
        }
    }

    private void Share<T>(byte* job, int tiles) where T : struct, ITileJob
    {
        _counters.Drain = &Drain<T>;
        _counters.Job = job;
        _counters.Tiles = tiles;
        _counters.Unfinished = tiles;
        (_counters.FromStart, _counters.FromEnd) = (0, 0);
        Interlocked.Exchange(ref _counters.Tickets, tiles);
        if (Volatile.Read(ref _parked) > 0)
            lock (_parking)
                Monitor.PulseAll(_parking);

        int ticket = Interlocked.Decrement(ref _counters.Tickets);
        if (ticket >= 0)
            Interlocked.Add(ref _counters.Unfinished, -Drain<T>(this, job, ticket, fromEnd: false));
        for (int spins = 0; Volatile.Read(ref _counters.Unfinished) != 0; spins++)
            Pause(spins);

        if (_fault is { } fault)
        {
            _fault = null;
            ExceptionDispatchInfo.Throw(fault);
        }
    }

    // Runs a tile for this ticket and for each that follows; how many tiles there are to report.
    private static int Drain<T>(WorkPool pool, byte* job, int ticket, bool fromEnd) where T : struct, ITileJob
    {
        ref var work = ref Unsafe.AsRef<T>(job);
        ref int taken = ref fromEnd ? ref pool._counters.FromEnd : ref pool._counters.FromStart;
        int done = 0, last = pool._counters.Tiles - 1;
        do
        {
            try
            {
                int tile = Interlocked.Increment(ref taken) - 1;
                if (fromEnd)
                    tile = last - tile;
                if (pool.Disorder == 0)
                    work.Run(tile);
                else
                {
                    work.Run(pool.Disordered(tile, last + 1));
                    Thread.Yield();
                }
            }
            catch (Exception fault)
            {
                Interlocked.CompareExchange(ref pool._fault, fault, null);
                done += Math.Max(0, Interlocked.Exchange(ref pool._counters.Tickets, 0));
            }
            done++;
            ticket = Interlocked.Decrement(ref pool._counters.Tickets);
        }
        while (ticket >= 0);
        return done;
    }

    // A prime beyond every number of tiles is coprime to it: all tiles come, each once.
    private int Disordered(int tile, int tiles) => (int)((2654435761UL * (uint)tile + Disorder) % (uint)tiles);

    private void Work(bool fromEnd)
    {
        while (AwaitTickets())
        {
            int ticket = Interlocked.Decrement(ref _counters.Tickets);
            if (ticket >= 0)
                Interlocked.Add(ref _counters.Unfinished, -_counters.Drain(this, _counters.Job, ticket, fromEnd));
        }
    }

    // True when there may be a ticket, false when the pool stops.
    private bool AwaitTickets()
    {
        long start = Stopwatch.GetTimestamp();
        for (int spins = 0; !_stopped; spins++)
        {
            if (Volatile.Read(ref _counters.Tickets) > 0)
                return true;
            Pause(spins);
            if (spins % 32 == 31 && Stopwatch.GetTimestamp() - start > SpinTicks)
                return Park();
        }
        return false;
    }

    private bool Park()
    {
        lock (_parking)
        {
            Interlocked.Increment(ref _parked);
            while (!_stopped && Volatile.Read(ref _counters.Tickets) <= 0)
                Monitor.Wait(_parking);
            Interlocked.Decrement(ref _parked);
        }
        return !_stopped;
    }

    // Where threads are more than cores, the one waited for may need the core of the one who waits.
    private static void Pause(int spins)
    {
        if (spins > 1000 && spins % 32 == 0)
            Thread.Yield();
        else if (X86Base.IsSupported)
            X86Base.Pause();
        else
            Thread.SpinWait(1);
    }

    // Together, so that a small job travels from core to core with its tickets; two cache lines (prefetchers fetch pairs) from the
    // fields around, which the caller writes in each run. In the object itself: a pointer to them would lie among those fields.
    [StructLayout(LayoutKind.Explicit, Size = 576)]
    private struct Counters
    {
        [FieldOffset(128)] public int Tickets;
        [FieldOffset(132)] public int Unfinished;
        [FieldOffset(136)] public int Tiles;
        [FieldOffset(144)] public byte* Job;
        [FieldOffset(152)] public delegate*<WorkPool, byte*, int, bool, int> Drain;
        [FieldOffset(288)] public int FromStart;
        [FieldOffset(416)] public int FromEnd;
    }
}
