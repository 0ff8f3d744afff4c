using Trove.Models.Compute;

namespace Trove.Tests.Models.Compute;

public class WorkPoolTests
{
    public static TheoryData<int> Threads => [1, 2, 3, 8];

    private struct Count : ITileJob
    {
        public int[] Runs;
        public int FailAt;

        public readonly void Run(int tile)
        {
            if (tile == FailAt)
                throw new FormatException($"tile {tile}");
            Interlocked.Increment(ref Runs[tile]);
        }
    }

    // Long enough for the other thread to come.
    private struct Who : ITileJob
    {
        public int[] Threads;

        public readonly void Run(int tile)
        {
            Threads[tile] = Environment.CurrentManagedThreadId;
            Thread.SpinWait(1000);
        }
    }

    private struct Nested : ITileJob
    {
        public WorkPool Pool;

        public readonly void Run(int tile)
        {
            var inner = new Count { Runs = new int[1], FailAt = -1 };
            Pool.Run(ref inner, 1);
        }
    }

    // Sums what lies between two dispatches: plain writes of one job must be seen by plain reads of the next.
    private struct Add : ITileJob
    {
        public int[] From, To;

        public readonly void Run(int tile) => To[tile] = From[(tile + 1) % From.Length] + 1;
    }

    [Theory]
    [MemberData(nameof(Threads))]
    public void Every_tile_runs_exactly_once_whatever_their_number(int threads)
    {
        using var pool = new WorkPool(threads);
        var chance = new Random(threads);
        for (int round = 0; round < 3000; round++)
        {
            int tiles = round % 10 == 0 ? chance.Next(400) : chance.Next(6);
            var job = new Count { Runs = new int[tiles + 1], FailAt = -1 };
            pool.Run(ref job, tiles);
            Assert.All(job.Runs[..tiles], runs => Assert.Equal(1, runs));
            Assert.Equal(0, job.Runs[tiles]);
        }
    }

    [Fact]
    public void Two_threads_meet_from_both_ends()
    {
        using var pool = new WorkPool(2);
        int both = 0;
        for (int round = 0; round < 200; round++)
        {
            var job = new Who { Threads = new int[50] };
            pool.Run(ref job, 50);
            int own = job.Threads.TakeWhile(t => t == Environment.CurrentManagedThreadId).Count();
            Assert.DoesNotContain(Environment.CurrentManagedThreadId, job.Threads[own..]);
            both += own is > 0 and < 50 ? 1 : 0;
        }
        Assert.True(both > 0, "the other thread never came");
    }

    [Theory]
    [MemberData(nameof(Threads))]
    public void Every_tile_runs_exactly_once_in_disorder_too(int threads)
    {
        foreach (uint disorder in (uint[])[1, 2, uint.MaxValue])
        {
            using var pool = new WorkPool(threads) { Disorder = disorder };
            foreach (int tiles in (int[])[1, 2, 3, 64, 97, 210])
            {
                var job = new Count { Runs = new int[tiles], FailAt = -1 };
                pool.Run(ref job, tiles);
                Assert.All(job.Runs, runs => Assert.Equal(1, runs));
            }
        }
    }

    private struct Record : ITileJob
    {
        public List<int> Tiles;

        public readonly void Run(int tile) => Tiles.Add(tile);
    }

    [Fact]
    public void Disorder_is_one()
    {
        using var pool = new WorkPool(1);
        Assert.Equal(Enumerable.Range(0, 20), Order(0));
        Assert.NotEqual(Enumerable.Range(0, 20), Order(1));
        Assert.NotEqual(Order(1), Order(2));

        List<int> Order(uint disorder)
        {
            pool.Disorder = disorder;
            var job = new Record { Tiles = [] };
            pool.Run(ref job, 20);
            return job.Tiles;
        }
    }

    [Theory]
    [MemberData(nameof(Threads))]
    public void What_one_job_wrote_the_next_one_reads(int threads)
    {
        using var pool = new WorkPool(threads);
        int[] a = new int[37], b = new int[37];
        for (int round = 0; round < 5000; round++, (a, b) = (b, a))
        {
            var job = new Add { From = a, To = b };
            pool.Run(ref job, a.Length);
        }
        Assert.All(a, value => Assert.Equal(5000, value));
    }

    [Theory]
    [MemberData(nameof(Threads))]
    public void An_exception_of_a_tile_reaches_the_caller_once_and_the_pool_stays_usable(int threads)
    {
        using var pool = new WorkPool(threads);
        var chance = new Random(threads);
        for (int round = 0; round < 300; round++)
        {
            int tiles = chance.Next(1, 40);
            var failing = new Count { Runs = new int[tiles], FailAt = chance.Next(tiles) };
            var fault = Assert.Throws<FormatException>(() => pool.Run(ref failing, tiles));
            Assert.Equal($"tile {failing.FailAt}", fault.Message);
            Assert.All(failing.Runs, runs => Assert.InRange(runs, 0, 1));
            var next = new Count { Runs = new int[tiles], FailAt = -1 };
            pool.Run(ref next, tiles);
            Assert.All(next.Runs, runs => Assert.Equal(1, runs));
        }
    }

    [Fact]
    public async Task Workers_without_work_park_and_come_back()
    {
        using var pool = new WorkPool(4);
        for (int round = 0; round < 3; round++)
        {
            for (int wait = 0; wait < 1000 && pool.Parked < 3; wait++)
                await Task.Delay(10);
            Assert.Equal(3, pool.Parked);
            for (int i = 0; i < 100; i++)
            {
                var job = new Count { Runs = new int[64], FailAt = -1 };
                pool.Run(ref job, 64);
                Assert.All(job.Runs, runs => Assert.Equal(1, runs));
            }
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_tile_may_not_start_a_job(int threads)
    {
        using var pool = new WorkPool(threads);
        var job = new Nested { Pool = pool };
        Assert.Throws<InvalidOperationException>(() => pool.Run(ref job, 4));
    }

    [Fact]
    public void A_pool_runs_nothing_after_it_was_disposed()
    {
        var pool = new WorkPool(2);
        pool.Dispose();
        pool.Dispose();
        var job = new Count { Runs = new int[1], FailAt = -1 };
        Assert.Throws<ObjectDisposedException>(() => pool.Run(ref job, 1));
        Assert.Equal(0, job.Runs[0]);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(1025)]
    public void Numbers_of_threads_that_make_no_sense_are_refused(int threads) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new WorkPool(threads));

    [Fact]
    public unsafe void Buffers_are_zeroed_aligned_and_bounded()
    {
        foreach (long length in (long[])[0, 1, 17, 1 << 20])
        {
            using var buffer = new NativeBuffer<float>(length);
            Assert.Equal(0, (nint)buffer.Pointer % 64);
            Assert.Equal(-1, buffer.Slice(0, (int)length).IndexOfAnyExcept(0f));
            Assert.Throws<ArgumentOutOfRangeException>(() => buffer.Slice(1, (int)length).Length);
            Assert.Throws<ArgumentOutOfRangeException>(() => buffer.Slice(-1, 0).Length);
        }
        Assert.Throws<OverflowException>(() => new NativeBuffer<float>(long.MaxValue));
        var freed = new NativeBuffer<byte>(8);
        freed.Dispose();
        freed.Dispose();
        Assert.Throws<ObjectDisposedException>(() => freed.Slice(0, 1).Length);
    }
}

[Collection(nameof(MeasuresMemory))]
public class WorkPoolAllocationTests
{
    private struct Nothing : ITileJob
    {
        public readonly void Run(int tile)
        {
        }
    }

    [Fact]
    public void A_run_allocates_nothing_on_any_thread()
    {
        using var pool = new WorkPool(3);
        var job = new Nothing();
        long least = long.MaxValue;
        for (int attempt = 0; attempt < 8; attempt++)
        {
            long before = GC.GetTotalAllocatedBytes(precise: true);
            for (int i = 0; i < 10_000; i++)
                pool.Run(ref job, 7);
            least = Math.Min(least, GC.GetTotalAllocatedBytes(precise: true) - before);
        }
        Assert.InRange(least, 0, 2000); // 10,000 runs: whatever else the process does, nothing for each
    }
}
